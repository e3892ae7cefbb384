"""Questions about the whole article are answered by reading it through, with scripted replies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from fakes.chat import (
    BrokenChatModel,
    CountingChatModel,
    LateWeighing,
    ScriptedChatModel,
    WeighingChatModel,
)
from fakes.embedder import WordEmbeddings
from qa import Answer, Assistant, Settings, Turn
from qa.errors import EngineError
from qa.models.chat import Weighed
from qa.prompts import LIST, SUMMARISE
from qa.records import Chunk, Reason
from qa.sections import PART_TOKENS, parts
from qa.tallies import LIST_CONFIDENCE

BOATS = "In May, the town bought 37 boats at a cost of $2.5 million."
PIER = "The pier was opened by the mayor, Ada Holm, and by Per Lund."
WINTER = "Nobody remembers a winter without ice, said Holm."
TEXT = f"The Boats of Northmere\n{WINTER}\n{BOATS} {PIER}\n#Northmere #Boats"
PEOPLE = "List the people named in the article."


def opened(folder: Path, settings: Settings, model: ScriptedChatModel, text: str) -> Assistant:
    path = folder / "boats.txt"
    path.write_text(text, encoding="utf-8")
    return Assistant.open(path, settings=settings, chat_model=model, embeddings=WordEmbeddings())


def asked(folder: Path, settings: Settings, question: str, *replies: str) -> Answer:
    model = ScriptedChatModel(replies=list(replies))
    return opened(folder, settings, model, TEXT).ask(question)


def lines(answer: Answer) -> list[tuple[str, list[str]]]:
    """Return each sentence of an answer with the words it points to."""
    quotes = {citation.number: citation.text for citation in answer.citations}
    return [
        (answer.text[sentence.start : sentence.end], [quotes[n] for n in sentence.citations])
        for sentence in answer.sentences
    ]


def test_a_list_names_what_stands_in_the_article_each_with_its_first_sentence(
    tmp_path: Path, settings: Settings
) -> None:
    said = "- Ada Holm\n- Mayor Ada Holm\n- Per Lund\n- Barack Obama\n- people\n- None"
    answer = asked(tmp_path, settings, "How many people are named?", said)
    assert answer.status == "answered"
    assert answer.text == "The article names 2 people:\nAda Holm\nPer Lund"
    assert lines(answer) == [("Ada Holm", [PIER]), ("Per Lund", [PIER])]
    assert [citation.number for citation in answer.citations] == [1]
    assert {sentence.support for sentence in answer.sentences} == {"supported"}
    assert (answer.confidence, answer.hits) == (LIST_CONFIDENCE, ())


@pytest.mark.parametrize(
    ("sure", "status", "confidence", "weighed"),
    [(0.9, "answered", 0.9, 2), (0.4, "answered", 0.4, 2), (0.3, "abstained", 0.0, 2)],
)
def test_a_model_that_can_is_asked_whether_each_name_is_of_the_kind(
    tmp_path: Path,
    settings: Settings,
    sure: float,
    status: str,
    confidence: float,
    weighed: int,
) -> None:
    model = WeighingChatModel(replies=["Ada Holm\nPer Lund\nBarack Obama\nAda Holm"], sure=sure)
    answer = opened(tmp_path, settings, model, TEXT).ask(PEOPLE)
    assert (answer.status, len(model.weighed)) == (status, weighed)
    assert answer.confidence == pytest.approx(confidence)


def test_a_list_of_one_says_so(tmp_path: Path, settings: Settings) -> None:
    answer = asked(tmp_path, settings, "Who is quoted?", "Holm")
    assert answer.text == "The article quotes 1:\nHolm"
    assert lines(answer) == [("Holm", [WINTER])]


@pytest.mark.parametrize("said", ["None", "The article does not say.", "Lisbon\nParis", ""])
def test_a_list_of_nothing_is_withheld(tmp_path: Path, settings: Settings, said: str) -> None:
    answer = asked(tmp_path, settings, "Which companies are mentioned in the article?", said)
    assert (answer.status, answer.reason) == ("abstained", Reason.DECLINED)
    assert answer.text == "The article does not say. It nowhere mentions “companies”."
    assert answer.closest is not None


def test_a_summary_keeps_the_sentences_that_the_article_carries(
    tmp_path: Path, settings: Settings
) -> None:
    kept, made_up = "- The town bought 37 boats.", "- Paris is the capital of France."
    answer = asked(tmp_path, settings, "What is this about?", f"{kept}\n{made_up}")
    assert (answer.status, answer.text) == ("answered", "The town bought 37 boats.")
    assert lines(answer) == [("The town bought 37 boats.", [BOATS])]
    assert answer.confidence == 0.5  # one of two sentences, wholly covered


@pytest.mark.parametrize("said", ["Paris is the capital of France.", "The article does not say."])
def test_a_summary_that_nothing_supports_is_withheld(
    tmp_path: Path, settings: Settings, said: str
) -> None:
    answer = asked(tmp_path, settings, "Summarize the article.", said)
    assert (answer.status, answer.reason) == ("abstained", Reason.UNSUPPORTED)
    assert answer.text == "The article does not say."
    assert answer.closest is not None


def test_a_sentence_that_was_cut_off_is_left_out(tmp_path: Path, settings: Settings) -> None:
    answer = asked(tmp_path, settings, "TL;DR", "The town bought 37 boats. The pier was")
    assert answer.text == "The town bought 37 boats."


def test_the_risk_that_is_accepted_withholds_none_of_these(
    tmp_path: Path, settings: Settings
) -> None:
    strict = settings.model_copy(update={"most_risk": 0.001})
    assert asked(tmp_path, strict, PEOPLE, "Per Lund").status == "answered"


def test_the_model_is_asked_behind_what_it_has_read(tmp_path: Path, settings: Settings) -> None:
    model = ScriptedChatModel(replies=["37 boats.", "The town bought 37 boats.", "Per Lund"])
    assistant = opened(tmp_path, settings, model, TEXT)
    assistant.ask("How many boats did the town buy?")
    summary = assistant.ask(
        "Summarise this in one sentence", [Turn(question="How many boats?", answer="37 boats.")]
    )
    assistant.ask(PEOPLE)
    assert summary.searched_for == "Summarise this in one sentence"
    assert len({call[0].text for call in model.asked}) == 1
    assert [call[1].text for call in model.asked[1:]] == [
        SUMMARISE.format(length="one short sentence"),
        LIST.format(kind="people", how="named"),
    ]


def test_drafts_of_a_list_hold_the_items_that_are_finished(
    tmp_path: Path, settings: Settings
) -> None:
    model = CountingChatModel(replies=["Ada Holm\n Barack Obama\n Per Lund"])
    *drafts, answer = opened(tmp_path, settings, model, TEXT).stream(PEOPLE)
    assert list(dict.fromkeys(draft.text for draft in drafts)) == ["", "Ada Holm"]
    assert answer.usage is not None
    assert answer.usage.written == 6


def test_drafts_of_a_summary_grow_and_hold_no_refusal(tmp_path: Path, settings: Settings) -> None:
    said = ScriptedChatModel(replies=["The town bought 37 boats.", "The article does not say."])
    assistant = opened(tmp_path, settings, said, TEXT)
    first = [answer.text for answer in assistant.stream("Summarize this")]
    assert first[-3:] == ["The town bought 37", *["The town bought 37 boats."] * 2]
    assert [draft.text for draft in assistant.stream("Summarize this")][:-1] == [""] * 5


def test_a_list_that_goes_round_is_stopped(tmp_path: Path, settings: Settings) -> None:
    model = ScriptedChatModel(replies=[" ".join(["Holm\n"] * 40)])
    answer = opened(tmp_path, settings, model, TEXT).ask(PEOPLE)
    assert answer.text == "The article names 1:\nHolm"
    assert model.closed_after[0] < 10


LONG = "The Boats\n" + "\n".join(
    f"In the year {1900 + year}, captain Number{year} sailed boat {year} to a far harbour. "
    + "The sea was calm and the wind was fair. " * 16
    for year in range(9)
)


def long_settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"whole_article_tokens": 0})


def test_a_long_article_is_read_part_by_part(tmp_path: Path, settings: Settings) -> None:
    replies = [f"In {1900 + 3 * part}, captain Number{3 * part} sailed." for part in range(3)]
    model = ScriptedChatModel(replies=list(replies))
    assistant = opened(tmp_path, long_settings(settings), model, LONG)
    answer = assistant.ask("What is the article about?")
    assert len(model.asked) == 3
    assert answer.text == f"{' '.join(replies)}\nRead all 3 parts."
    assert [text for text, _ in lines(answer)] == replies
    assert all(str(1900 + 3 * part) in quotes[0] for part, (_, quotes) in enumerate(lines(answer)))


def test_an_item_is_looked_for_in_the_part_it_was_found_in(
    tmp_path: Path, settings: Settings
) -> None:
    model = ScriptedChatModel(replies=["Number0\nNumber8", "None", "Number0\nNumber8"])
    assistant = opened(tmp_path, long_settings(settings), model, LONG)
    answer = assistant.ask("How many captains are mentioned?")
    assert answer.text == "The article names 2 captains:\nNumber0\nNumber8\nRead all 3 parts."


class SlowChatModel(ScriptedChatModel):
    """Takes its time over each word."""

    seconds: float

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(messages, *args, **kwargs):
            time.sleep(self.seconds)
            yield chunk


@pytest.mark.parametrize("words", [1, 3])  # no time for another part, or not enough to finish it
def test_what_was_not_read_in_time_is_said(tmp_path: Path, settings: Settings, words: int) -> None:
    model = SlowChatModel(replies=["Number0", " ".join(["Number3\n"] * words)], seconds=0.6)
    hurried = long_settings(settings).model_copy(update={"deadline_seconds": 0.6 * words + 0.4})
    answer = opened(tmp_path, hurried, model, LONG).ask("How many captains are mentioned?")
    assert answer.text == "The article names at least 1:\nNumber0\nRead 1 of 3 parts."


class SlowlyWeighingChatModel(WeighingChatModel):
    """Takes its time over each choice."""

    def weigh(self, *args: Any, **kwargs: Any) -> Weighed:
        time.sleep(1.5)
        return super().weigh(*args, **kwargs)


def test_an_item_that_there_was_no_time_to_ask_about_is_kept(
    tmp_path: Path, settings: Settings
) -> None:
    model = SlowlyWeighingChatModel(replies=["Ada Holm\nPer Lund"], sure=0.9)
    hurried = settings.model_copy(update={"deadline_seconds": 1.4})
    answer = opened(tmp_path, hurried, model, TEXT).ask(PEOPLE)
    assert answer.text == "The article names 2 people:\nAda Holm\nPer Lund"
    assert len(model.weighed) == 1
    assert answer.confidence == pytest.approx((0.9 + LIST_CONFIDENCE) / 2)


def test_so_is_one_that_the_model_was_stopped_at(tmp_path: Path, settings: Settings) -> None:
    model = LateWeighing(in_time=0, replies=["Ada Holm\nPer Lund"])
    hurried = settings.model_copy(update={"deadline_seconds": 1.0})
    answer = opened(tmp_path, hurried, model, TEXT).ask(PEOPLE)
    assert answer.text == "The article names 2 people:\nAda Holm\nPer Lund"
    assert len(model.weighed) == 1
    assert 0 < model.seconds[0] <= 1.0
    assert answer.confidence == LIST_CONFIDENCE


def test_what_the_model_raises_is_not_taken_for_a_lack_of_time(
    tmp_path: Path, settings: Settings
) -> None:
    assistant = opened(tmp_path, settings, BrokenChatModel(replies=[]), TEXT)
    with pytest.raises(EngineError, match="the line went dead"):
        assistant.ask(PEOPLE)


def test_closing_the_stream_stops_the_model(tmp_path: Path, settings: Settings) -> None:
    model = ScriptedChatModel(replies=["one two three four five"])
    stream = opened(tmp_path, settings, model, TEXT).stream("Summarize this")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert model.closed_after == [1]


def chunk(article_id: str, start: int, length: int) -> Chunk:
    return Chunk(
        article_id=article_id, start=start, end=start + length, text="x" * length, heading="Boats"
    )


def test_parts_are_even_runs_of_one_article_that_leave_nothing_out() -> None:
    chunks = [
        *(chunk("a", 400 * place, 350) for place in range(30)),
        *(chunk("b", 400 * place, 350) for place in range(2)),
    ]
    made = parts(chunks)
    assert [one for part in made for one in part.chunks or ()] == chunks
    assert [len(part.chunks or ()) for part in made] == [6, 6, 6, 6, 6, 2]
    assert max(len(part.sections[0].text) for part in made) <= PART_TOKENS * 4
    assert parts([]) == []
