"""A question to its answer, with a scripted model that also says how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from fakes.chat import ScriptedChatModel, WeighingChatModel
from fakes.embedder import WordEmbeddings
from fakes.fits import fit
from qa.chunking import chunk
from qa.index import VectorIndex
from qa.models.chat import WeighsChoices
from qa.pipeline import Limits, Pipeline
from qa.prompts import DECLINED, Section
from qa.records import Answer, Article, Reason, Usage
from qa.retrieval import Retriever
from qa.verification import Verifier

ARTICLE = Article.from_text(
    "The town bought 37 boats. Ada Holm opened the pier in 1932.", title="Boats", source="boats.txt"
)
LIMITS = Limits(question_characters=200, passages=2, answer_tokens=40, deadline_seconds=20.0)
QUESTION, ANSWER = "How many boats did the town buy?", "The town bought 37 boats."
APART, WITH_THE_ARTICLE = True, False


def asked(model: ScriptedChatModel, question: str = QUESTION) -> Answer:
    """Return the last item of the stream of a pipeline whose fits rest on what the model says."""
    embeddings = WordEmbeddings()
    chunks = chunk(ARTICLE, max_characters=350)
    vectors = np.array(embeddings.embed_documents([one.text for one in chunks]), dtype=np.float32)
    pipeline = Pipeline(
        [ARTICLE],
        chat_model=model,
        retriever=Retriever.build(chunks, VectorIndex.from_vectors(vectors), embeddings),
        verifier=Verifier(
            [ARTICLE],
            embeddings,
            calibrations=[fit(), fit("confirmed"), fit("confirmed", "stated")],
            most_risk=0.2,
        ),
        whole=[Section(heading="Boats", text=ARTICLE.text)],
        chunks=chunks,
        limits=LIMITS,
    )
    *_, answer = pipeline.stream(question, (), searched_for=None)
    return answer


def test_the_fake_has_the_capability_it_stands_for() -> None:
    assert isinstance(WeighingChatModel(replies=[]), WeighsChoices)


@pytest.mark.parametrize(
    ("sure_apart", "sure", "checks", "reason"),
    [
        (0.99, 0.01, [APART], Reason.NONE),
        (0.01, 0.99, [APART], Reason.UNSURE),
        (0.6, 0.9, [APART, WITH_THE_ARTICLE], Reason.NONE),
        (0.6, 0.1, [APART, WITH_THE_ARTICLE], Reason.UNSURE),
    ],
)
def test_the_second_check_is_made_where_the_first_leaves_a_doubt(
    sure_apart: float, sure: float, checks: list[bool], reason: Reason
) -> None:
    model = WeighingChatModel(replies=[ANSWER], sure=sure, sure_apart=sure_apart)
    answer = asked(model)
    assert model.weighed == checks
    assert answer.reason is reason
    assert answer.status == ("abstained" if reason else "answered")
    assert answer.usage == Usage(read=len(checks), cached=0, written=len(checks))


def test_a_model_that_declines_is_asked_again_with_the_best_passage() -> None:
    model = WeighingChatModel(replies=[DECLINED, ANSWER], sure_apart=0.99)
    answer = asked(model)
    first, again = model.asked
    assert answer.text == ANSWER
    assert again[:-1] == first[:-1]
    assert again[-1].text.startswith(f"{QUESTION}\n\nThe article says: {ARTICLE.text}")
    assert answer.signals["asked_again"] == 1.0


def test_a_model_that_declines_twice_is_believed() -> None:
    model = WeighingChatModel(replies=[DECLINED, DECLINED])
    answer = asked(model)
    assert (answer.status, answer.reason) == ("abstained", Reason.DECLINED)
    assert model.weighed == []


def test_an_answer_that_nothing_carries_is_withheld_without_a_check() -> None:
    model = WeighingChatModel(replies=["Twelve spaceships of iron landed."], sure_apart=0.99)
    answer = asked(model)
    assert (answer.status, answer.reason) == ("abstained", Reason.UNSUPPORTED)
    assert (answer.confidence, answer.signals) == (0.0, {})
    assert model.weighed == []


def test_a_model_that_cannot_weigh_choices_is_judged_by_words_alone() -> None:
    answer = asked(ScriptedChatModel(replies=[ANSWER]))
    assert (answer.status, answer.confidence) == ("answered", 0.5)
