"""A question to its answer, with a scripted model that also says how sure it is."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from fakes.chat import (
    CountingChatModel,
    LateWeighing,
    ScriptedChatModel,
    WeighingChatModel,
)
from fakes.embedder import WordEmbeddings
from fakes.fits import fit
from qa.calibration import Calibration
from qa.chunking import chunk
from qa.errors import EngineError
from qa.index import VectorIndex
from qa.models.chat import WeighsChoices
from qa.pipeline import Limits, Pipeline
from qa.prompts import DECLINED, Section
from qa.records import Answer, Article, Reason, Turn, Usage
from qa.retrieval import Retriever
from qa.verification import Verifier

ARTICLE = Article.from_text(
    "The town bought 37 boats. Ada Holm opened the pier in 1932.", title="Boats", source="boats.txt"
)
LIMITS = Limits(question_characters=200, passages=2, answer_tokens=40, deadline_seconds=20.0)
QUESTION, ANSWER = "How many boats did the town buy?", "The town bought 37 boats."


def asked(model: ScriptedChatModel) -> Answer:
    """Return the last item of the stream."""
    return items(model)[-1]


def items(
    model: ScriptedChatModel,
    article: Article = ARTICLE,
    *,
    question: str = QUESTION,
    history: Sequence[Turn] = (),
    whole: bool = True,
    deadline_seconds: float = 20.0,
) -> list[Answer]:
    """Return the stream of a pipeline whose fits rest on what the model says."""
    pipeline = made(model, article, whole=whole, deadline_seconds=deadline_seconds)
    return list(pipeline.stream(question, history, searched_for=None))


def made(
    model: ScriptedChatModel,
    article: Article = ARTICLE,
    *,
    whole: bool = True,
    deadline_seconds: float = 20.0,
    fits: Sequence[Calibration] | None = None,
    most_risk: float = 0.2,
) -> Pipeline:
    embeddings = WordEmbeddings()
    chunks = chunk(article, max_characters=350 if whole else 60)
    vectors = np.array(embeddings.embed_documents([one.text for one in chunks]), dtype=np.float32)
    return Pipeline(
        [article],
        chat_model=model,
        retriever=Retriever.build(chunks, VectorIndex.from_vectors(vectors), embeddings),
        verifier=Verifier(
            [article],
            embeddings,
            calibrations=fits or [fit(), fit("confirmed")],
            most_risk=most_risk,
        ),
        whole=[Section(heading="Boats", text=article.text)] if whole else None,
        chunks=chunks,
        limits=replace(LIMITS, deadline_seconds=deadline_seconds),
    )


def test_the_fake_has_the_capability_it_stands_for() -> None:
    assert isinstance(WeighingChatModel(replies=[]), WeighsChoices)


@pytest.mark.parametrize(("sure", "reason"), [(0.99, Reason.NONE), (0.3, Reason.UNSURE)])
def test_an_answer_is_given_where_the_model_is_sure_of_it(sure: float, reason: Reason) -> None:
    replies = [ANSWER, DECLINED] if reason else [ANSWER]
    model = WeighingChatModel(replies=replies, sure_right=sure)
    answer = asked(model)
    assert len(model.checked) == 1
    assert answer.reason is reason
    assert answer.status == ("abstained" if reason else "answered")
    assert answer.usage == Usage(read=1, cached=0, written=1)


@pytest.mark.parametrize(("sure", "support"), [(0.76, "supported"), (0.74, "partly")])
def test_only_an_answer_that_is_sure_is_shown_as_supported(sure: float, support: str) -> None:
    model = WeighingChatModel(replies=[ANSWER], sure_right=sure)
    (sentence,) = asked(model).sentences
    assert sentence.support == support
    assert sentence.citations == (1,)


def test_a_model_that_declines_is_asked_again_with_the_best_passage() -> None:
    model = WeighingChatModel(replies=[DECLINED, ANSWER], sure_right=0.99)
    answer = asked(model)
    first, again = model.asked
    assert answer.text == ANSWER
    assert again[:-1] == first[:-1]
    assert again[-1].text.startswith(f"{QUESTION}\n\nThe article says: {ARTICLE.text}")


def test_an_answer_is_checked_behind_what_was_read_and_said_before() -> None:
    model = WeighingChatModel(replies=[ANSWER], sure_right=0.99)
    turns = [Turn(question="Who opened the pier?", answer="Ada Holm.")]
    answer = items(model, question="And how many boats?", history=turns)[-1]
    assert answer.searched_for == "Who opened the pier? And how many boats?"
    (messages,) = model.asked
    asked_of = "Question: And how many boats?\n"
    assert f"{asked_of}Answer: {ANSWER}" in model.checked[0][-1].text
    for check in model.checked:  # of what may contradict it too
        assert check[:-1] == messages[:-1]
        assert asked_of in check[-1].text


def test_a_model_that_declines_twice_is_believed() -> None:
    model = WeighingChatModel(replies=[DECLINED, DECLINED])
    answer = asked(model)
    assert (answer.status, answer.reason) == ("abstained", Reason.DECLINED)
    assert model.checked == []


def test_an_answer_that_nothing_carries_is_withheld_without_a_check() -> None:
    said = "Twelve spaceships of iron landed."
    model = WeighingChatModel(replies=[said, said], sure_right=0.99)
    answer = asked(model)
    assert (answer.status, answer.reason) == ("abstained", Reason.UNSUPPORTED)
    assert (answer.confidence, answer.signals) == (0.0, {})
    assert model.checked == []


def test_an_answer_that_would_be_withheld_is_tried_once_more_with_the_best_passage() -> None:
    model = WeighingChatModel(replies=["It opened in 1950.", ANSWER], sure_right=0.99)
    *drafts, answer = items(model)
    assert (answer.status, answer.text) == ("answered", ANSWER)
    texts = [draft.text for draft in drafts]
    assert texts == sorted(texts, key=len)  # what was read is not taken back before the end
    assert texts[-1] == "It opened in 1950."


def test_of_two_answers_that_are_withheld_the_likelier_one_gives_the_reason() -> None:
    replies = ["Twelve spaceships of iron landed.", ANSWER]
    answer = asked(WeighingChatModel(replies=replies, sure_right=0.3))
    assert (answer.status, answer.reason) == ("abstained", Reason.UNSURE)
    assert answer.confidence == pytest.approx(0.3)


@pytest.mark.parametrize(("sure_again", "given"), [(0.9, ANSWER), (0.5, "The town bought boats.")])
def test_of_an_unsure_answer_and_a_second_the_likelier_is_given(
    sure_again: float, given: str
) -> None:
    replies = ["The town bought boats.", ANSWER]
    model = WeighingChatModel(replies=replies, sure_right=[0.6, sure_again])
    answer = asked(model)
    assert (answer.status, answer.text) == ("answered", given)
    assert answer.confidence == pytest.approx(max(0.6, sure_again))
    assert answer.usage == Usage(read=2, cached=0, written=2)


@pytest.mark.parametrize(("sure_again", "reason"), [(0.55, Reason.NONE), (0.01, Reason.UNSURE)])
def test_a_second_answer_that_is_unlikely_makes_the_first_less_likely(
    sure_again: float, reason: Reason
) -> None:
    model = WeighingChatModel(replies=[ANSWER, "37 boats."], sure_right=[0.6, sure_again])
    pipeline = made(model, fits=[fit(), fit("confirmed", "other_confirmed")])
    answer = list(pipeline.stream(QUESTION, (), searched_for=None))[-1]
    assert answer.reason is reason
    assert answer.confidence < 0.6
    assert answer.signals["second_attempt"] == 1.0


def test_an_answer_that_stands_is_not_lost_with_the_second_attempt() -> None:
    model = WeighingChatModel(replies=[ANSWER], sure_right=0.6)  # the second has no reply
    answer = asked(model)
    assert (answer.status, answer.text) == ("answered", ANSWER)
    assert len(model.asked) == 2


def test_a_model_that_fails_while_there_is_no_answer_is_an_error() -> None:
    with pytest.raises(EngineError):
        items(WeighingChatModel(replies=[ANSWER], sure_right=0.3))  # the second has no reply


@pytest.mark.parametrize(
    ("sure", "most_risk", "attempts"),
    [(0.75, 0.2, 1), (0.7, 0.2, 2), (0.75, 0.01, 1), (0.05, 1.0, 1), (0.1, 1.0, 2)],
)
def test_whether_there_is_a_second_attempt_does_not_depend_on_the_risk(
    sure: float, most_risk: float, attempts: int
) -> None:
    model = WeighingChatModel(replies=[ANSWER, "37 boats."], sure_right=sure)
    list(made(model, most_risk=most_risk).stream(QUESTION, (), searched_for=None))
    assert len(model.asked) == attempts


def test_the_same_answer_is_not_checked_twice() -> None:
    model = WeighingChatModel(replies=[ANSWER, ANSWER], sure_right=0.6)
    answer = asked(model)
    assert (answer.status, answer.confidence) == ("answered", pytest.approx(0.6))
    assert (len(model.asked), len(model.checked)) == (2, 1)


@pytest.mark.parametrize(("whole", "attempts"), [(True, 1), (False, 2)])
def test_where_there_is_no_hope_only_what_was_not_read_is_tried(whole: bool, attempts: int) -> None:
    others = "Boats need paint. The town has a mill. Boats are wet. The town sleeps."
    article = Article.from_text(f"{ANSWER} {others}", title="Boats", source="boats.txt")
    model = WeighingChatModel(replies=[ANSWER, ANSWER], sure_right=0.01)
    answer = items(model, article, whole=whole)[-1]
    assert (answer.status, answer.reason) == ("abstained", Reason.UNSURE)
    assert len(model.asked) == attempts


def test_of_a_long_article_the_other_passages_are_read_where_the_best_do_not_answer() -> None:
    others = "Boats need paint. The town has a mill. Boats are wet. The town sleeps."
    article = Article.from_text(f"{others} {ANSWER}", title="Boats", source="boats.txt")
    model = WeighingChatModel(replies=[DECLINED, ANSWER], sure_right=0.99)
    answer = items(model, article, whole=False)[-1]
    assert (answer.status, answer.text) == ("answered", ANSWER)
    best, *rest = (hit.chunk.text for hit in answer.hits)
    first, again = (messages[0].text for messages in model.asked)
    assert best in first
    assert [text in first for text in rest] == [False]
    assert all(text in again for text in (best, *rest))


CONTRARY = "The town did buy 41 boats."


@pytest.mark.parametrize(
    ("sure_right", "added"),
    [([0.99, 0.99], f" The article also says: “{CONTRARY}”"), ([0.99, 0.3], "")],
)
def test_where_the_article_contradicts_itself_both_are_shown(
    sure_right: list[float], added: str
) -> None:
    article = Article.from_text(f"{ANSWER} {CONTRARY}", title="Boats", source="boats.txt")
    model = WeighingChatModel(replies=[ANSWER], sure_right=sure_right)
    answer = items(model, article)[-1]
    assert answer.text == ANSWER + added
    assert [answer.text[one.start : one.end] for one in answer.sentences] == [
        part for part in (ANSWER, added.strip()) if part
    ]
    assert [one.text for one in answer.citations] == [ANSWER, CONTRARY][: 1 + bool(added)]


def test_a_model_that_cannot_weigh_choices_is_judged_by_words_alone() -> None:
    model = ScriptedChatModel(replies=[ANSWER])
    answer = asked(model)
    assert (answer.status, answer.confidence) == ("answered", 0.5)
    assert len(model.asked) == 1


def test_a_second_attempt_that_takes_too_long_changes_nothing() -> None:
    class Slow(WeighingChatModel):
        def _stream(self, *args: Any, **more: Any) -> Generator[ChatGenerationChunk]:
            if self.asked:
                time.sleep(0.5)
            yield from super()._stream(*args, **more)

    model = Slow(replies=[ANSWER, ANSWER], sure_right=0.3)
    answer = items(model, deadline_seconds=0.4)[-1]
    assert (answer.status, answer.reason) == ("abstained", Reason.UNSURE)
    assert len(model.checked) == 1


def test_a_second_attempt_that_is_checked_too_late_changes_nothing() -> None:
    model = LateWeighing(in_time=1, replies=[ANSWER, "37 boats."], sure_right=0.3)
    answer = items(model, deadline_seconds=0.4)[-1]
    assert (answer.status, answer.reason) == ("abstained", Reason.UNSURE)
    assert 0.4 > model.seconds[0] > model.seconds[1]


class LateCounting(LateWeighing, CountingChatModel):
    """Tells what it writes, too."""


def test_what_it_took_counts_all_the_same() -> None:
    model = LateCounting(in_time=1, replies=[ANSWER, "37 boats."], sure_right=0.3)
    usage = items(model, deadline_seconds=0.4)[-1].usage
    assert usage is not None
    assert usage.written == 5 + 1 + 2  # the first answer, its check, the second


def test_an_answer_stands_where_there_was_no_time_to_ask_what_contradicts_it() -> None:
    article = Article.from_text(f"{ANSWER} {CONTRARY}", title="Boats", source="boats.txt")
    model = LateWeighing(in_time=1, replies=[ANSWER], sure_right=0.99)
    answer = items(model, article, deadline_seconds=0.4)[-1]
    assert (answer.status, answer.text) == ("answered", ANSWER)
    assert len(model.seconds) == 2


class ReadingChatModel(WeighingChatModel):
    """Keeps what it was given to read on."""

    read: list[Sequence[BaseMessage]] = Field(default_factory=list)

    def read_ahead(self, messages: Sequence[BaseMessage]) -> Generator[float, None, bool]:
        raise NotImplementedError
        yield

    def read_on(self, messages: Sequence[BaseMessage]) -> None:
        self.read.append(messages)


@pytest.mark.parametrize("whole", [True, False])
def test_what_was_said_is_read_on_as_it_will_stand_before_the_next_question(whole: bool) -> None:
    turns = [Turn(question=f"Question {number}?", answer="37.") for number in range(6)]
    model = ReadingChatModel(replies=[ANSWER], sure_right=0.99)
    pipeline = made(model, whole=whole)
    pipeline.read_on(turns)
    list(pipeline.stream(QUESTION, turns, searched_for=None))
    (messages,) = model.asked
    assert [one[:-1] for one in model.read] == ([messages[:-1]] if whole else [])


def test_an_answer_without_a_word_is_none() -> None:
    answer = asked(WeighingChatModel(replies=["…", "..."]))
    assert (answer.status, answer.reason) == ("abstained", Reason.DECLINED)
