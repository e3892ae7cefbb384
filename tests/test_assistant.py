"""The assistant put together, with a scripted chat model and an embedder without weights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from fakes.chat import BrokenChatModel, CountingChatModel, ScriptedChatModel, SlowChatModel
from fakes.embedder import WordEmbeddings
from qa import Answer, Assistant, Citation, Settings, Turn
from qa.errors import ArticleError, EngineError, QuestionError
from qa.records import Reason, Usage

TITLE = "The Boats of Northmere"
BOATS = "In May, the town bought 37 boats at a cost of $2.5 million."
PIER = "The pier was opened by the mayor, Ada Holm."
WINTER = "Nobody remembers a winter without ice."
TEXT = f"{TITLE}\n{WINTER}\n{BOATS} {PIER}\n#Northmere #Boats"
HOW_MANY = "How many boats did the town buy?"


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "boats.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def opened(article: Path, settings: Settings, *replies: str) -> Assistant:
    return Assistant.open(
        article,
        settings=settings,
        chat_model=ScriptedChatModel(replies=list(replies)),
        embeddings=WordEmbeddings(),
    )


def quotes(answer: Answer) -> list[tuple[int, str]]:
    return [(citation.number, citation.text) for citation in answer.citations]


def test_an_answer_is_tied_to_the_words_that_support_it(article: Path, settings: Settings) -> None:
    assistant = opened(article, settings, "The town bought 37 boats.")
    answer = assistant.ask(HOW_MANY)
    start = TEXT.index(BOATS)
    assert (answer.status, answer.reason, answer.text) == (
        "answered",
        Reason.NONE,
        "The town bought 37 boats.",
    )
    assert answer.citations == (
        Citation(
            number=1,
            article=assistant.articles[0],
            start=start,
            end=start + len(BOATS),
            text=BOATS,
        ),
    )
    assert [(s.start, s.end, s.support, s.citations) for s in answer.sentences] == [
        (0, 25, "supported", (1,))
    ]
    assert 0.0 < answer.confidence <= 1.0
    assert answer.timings.first_token_ms is not None
    assert answer.timings.retrieve_ms <= answer.timings.first_token_ms <= answer.timings.total_ms


def test_a_date_is_answered_as_the_article_writes_it(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "holm.txt"
    path.write_text("Ada Holm\n\nAda Holm was born on 9 February 1848 in Northmere.")
    answer = opened(path, settings, "She was born on February 9, 1848.").ask("When was Holm born?")
    assert answer.text == "She was born on 9 February 1848."


def test_the_tokens_of_an_answer_are_counted_where_the_model_tells(
    article: Path, settings: Settings
) -> None:
    model = CountingChatModel(replies=["The town bought 37 boats."])
    assistant = Assistant.open(
        article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
    )
    *drafts, answer = assistant.stream(HOW_MANY)
    *before, last = (len(message.text.split()) for message in model.asked[0])
    assert answer.usage == Usage(read=last, cached=sum(before), written=5)
    assert answer.timings.first_token_ms is not None
    assert [draft.text for draft in drafts][-2:] == ["The town bought 37", answer.text]
    assert opened(article, settings, "37 boats.").ask(HOW_MANY).usage is None


def test_a_stream_is_drafts_that_grow_and_then_the_answer(
    article: Path, settings: Settings
) -> None:
    *drafts, last = opened(article, settings, "The town bought 37 boats.").stream(HOW_MANY)
    assert [draft.text for draft in drafts if draft.text] == [
        "The town",
        "The town bought",
        "The town bought 37",
        "The town bought 37 boats.",
    ]
    assert {draft.status for draft in drafts} == {"draft"}
    assert last.status == "answered"


def test_a_sentence_that_nothing_supports_is_marked(article: Path, settings: Settings) -> None:
    answer = opened(article, settings, "The town bought 37 boats. Paris is in France.").ask(
        HOW_MANY
    )
    assert [(s.support, s.citations) for s in answer.sentences] == [
        ("supported", (1,)),
        ("unsupported", ()),
    ]
    assert quotes(answer) == [(1, BOATS)]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("The article does not say.", Reason.DECLINED),
        ("The article doesn't mention that.", Reason.DECLINED),
        ("The capital of France is Paris.", Reason.UNSUPPORTED),
        ("The town bought 38 boats.", Reason.UNSUPPORTED),
    ],
)
def test_what_the_article_does_not_say_is_withheld(
    article: Path, settings: Settings, reply: str, reason: Reason
) -> None:
    answer = opened(article, settings, reply).ask(HOW_MANY)
    assert (answer.status, answer.reason) == ("abstained", reason)
    assert answer.text == "The article does not say."
    assert (answer.citations, answer.sentences) == ((), ())
    assert answer.confidence < 0.5
    assert answer.closest is not None
    assert answer.closest.text == BOATS


def test_words_of_declining_are_not_shown_as_a_draft(article: Path, settings: Settings) -> None:
    answers = list(opened(article, settings, "The article does not say.").stream(HOW_MANY))
    assert {answer.text for answer in answers if answer.status == "draft"} <= {""}
    assert answers[-1].status == "abstained"


def test_a_follow_up_is_searched_for_with_the_question_before(
    article: Path, settings: Settings
) -> None:
    model = ScriptedChatModel(replies=["They cost $2.5 million."])
    assistant = Assistant.open(
        article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
    )
    answer = assistant.ask(
        "And how much did they cost?", [Turn(question=HOW_MANY, answer="37 boats.")]
    )
    assert answer.searched_for == f"{HOW_MANY} And how much did they cost?"
    assert quotes(answer) == [(1, BOATS)]
    assert [str(message.content) for message in model.asked[0][1:]] == [
        HOW_MANY,
        "37 boats.",
        "And how much did they cost?",
    ]


def test_words_that_a_person_gives_are_searched_for_and_asked_instead(
    article: Path, settings: Settings
) -> None:
    model = ScriptedChatModel(replies=["The pier was opened by Ada Holm."])
    assistant = Assistant.open(
        article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
    )
    answer = assistant.ask(
        "And who opened it?",
        [Turn(question=HOW_MANY, answer="37 boats.")],
        searched_for="  Who opened\nthe pier? ",
    )
    assert (answer.question, answer.searched_for) == ("And who opened it?", "Who opened the pier?")
    assert quotes(answer) == [(1, PIER)]
    assert [str(message.content) for message in model.asked[0][1:]] == [
        HOW_MANY,
        "37 boats.",
        "Who opened the pier?",
    ]


def test_words_that_a_person_gives_are_what_an_abstention_speaks_of(
    article: Path, settings: Settings
) -> None:
    assistant = opened(article, settings, "The article does not say.")
    answer = assistant.ask("And did Ulfgar open it?", searched_for="Did Sigrid open the pier?")
    assert answer.text == "The article does not say. It nowhere mentions “Sigrid”."


def test_an_abstention_names_what_the_closest_passage_does_not_mention(
    tmp_path: Path, settings: Settings
) -> None:
    between = " ".join(f"The road has bend number {number}." for number in range(10))
    path = tmp_path / "town.txt"
    path.write_text(f"Town\n\nSigrid painted the hall. {between} Ada Holm opened the pier.\n")
    assistant = opened(path, settings, "The article does not say.")
    answer = assistant.ask("When did Sigrid open the pier?")
    assert answer.closest is not None
    assert answer.closest.text == "Ada Holm opened the pier."
    assert answer.text == (
        "The article does not say. The closest passage does not mention “Sigrid”."
    )


@pytest.mark.parametrize("words", ["", " ", "?!", "x" * 10_001, "a\x00b"])
def test_words_to_search_for_that_are_none_never_reach_the_model(
    article: Path, settings: Settings, words: str
) -> None:
    assistant = opened(article, settings)
    with pytest.raises(QuestionError):
        assistant.ask(HOW_MANY, searched_for=words)


def test_a_long_article_is_handed_over_in_passages_in_its_order(
    article: Path, settings: Settings
) -> None:
    model = ScriptedChatModel(replies=["The town bought 37 boats."])
    assistant = Assistant.open(
        article,
        settings=settings.model_copy(update={"whole_article_tokens": 0, "passages": 2}),
        chat_model=model,
        embeddings=WordEmbeddings(),
    )
    answer = assistant.ask(HOW_MANY)
    given, asked = model.asked[0]
    assert quotes(answer) == [(1, BOATS)]
    assert asked == HumanMessage(HOW_MANY)
    assert str(given.content).index(WINTER) < str(given.content).index(BOATS)


def test_the_title_and_the_tags_are_never_cited(article: Path, settings: Settings) -> None:
    answer = opened(article, settings, "The Boats of Northmere").ask("What is the title?")
    assert TITLE not in [text for _, text in quotes(answer)]


def test_the_second_opening_embeds_no_passage(article: Path, settings: Settings) -> None:
    opened(article, settings).close()
    embeddings = WordEmbeddings()
    Assistant.open(
        article,
        settings=settings,
        chat_model=ScriptedChatModel(replies=[]),
        embeddings=embeddings,
    )
    assert embeddings.texts_embedded == 1  # the probe that tells which embeddings these are


def test_a_changed_article_is_indexed_again(article: Path, settings: Settings) -> None:
    opened(article, settings)
    article.write_text(TEXT.replace("37", "41"), encoding="utf-8")
    answer = opened(article, settings, "The town bought 41 boats.").ask(HOW_MANY)
    assert quotes(answer) == [(1, BOATS.replace("37", "41"))]


def test_a_damaged_index_is_told_of_and_built_again(
    article: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    opened(article, settings)
    (chunks,) = settings.index_folder.glob("builds/*/chunks.jsonl")
    chunks.write_bytes(chunks.read_bytes().replace(b"37", b"73"))
    answer = opened(article, settings, "The town bought 37 boats.").ask(HOW_MANY)
    assert quotes(answer) == [(1, BOATS)]
    assert "chunks.jsonl" in caplog.text


def test_closing_a_stream_stops_the_model(article: Path, settings: Settings) -> None:
    model = ScriptedChatModel(replies=["one two three four five six"])
    assistant = Assistant.open(
        article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
    )
    stream: Iterator[Answer] = assistant.stream(HOW_MANY)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert model.closed_after == [1]


def test_what_a_chat_model_raises_becomes_one_line(article: Path, settings: Settings) -> None:
    assistant = Assistant.open(
        article,
        settings=settings,
        chat_model=BrokenChatModel(replies=[]),
        embeddings=WordEmbeddings(),
    )
    with pytest.raises(EngineError) as caught:
        assistant.ask(HOW_MANY)
    assert caught.value.message == "The chat model failed: the line went dead"


def test_a_question_that_is_none_never_reaches_the_model(article: Path, settings: Settings) -> None:
    assistant = opened(article, settings)
    with pytest.raises(QuestionError):
        assistant.ask("  ")


def test_an_article_without_a_sentence_is_refused(tmp_path: Path, settings: Settings) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text(" \n", encoding="utf-8")
    with pytest.raises(ArticleError, match="empty"):
        opened(empty, settings)


def test_batch_async_runnable_and_retriever_give_the_same(
    article: Path, settings: Settings
) -> None:
    said = "The town bought 37 boats."
    assistant = opened(article, settings, *[said] * 6)

    async def asynchronous() -> list[Answer]:
        streamed = [answer async for answer in assistant.astream(HOW_MANY)]
        return [
            await assistant.aask(HOW_MANY),
            await assistant.as_runnable().ainvoke(HOW_MANY),
            streamed[-1],
        ]

    answers = [
        *assistant.batch([HOW_MANY, HOW_MANY]),
        assistant.as_runnable().invoke(HOW_MANY),
        *asyncio.run(asynchronous()),
    ]
    assert [(answer.text, quotes(answer)) for answer in answers] == [(said, [(1, BOATS)])] * 6
    document = assistant.as_retriever(k=1).invoke(HOW_MANY)[0]
    assert document.page_content == TEXT[document.metadata["start"] : document.metadata["end"]]
    assert document.metadata["source"] == str(article)
    assert -1 <= document.metadata["similarity"] <= 1


async def cancelled_soon(work: Coroutine[Any, Any, object]) -> None:
    task = asyncio.create_task(work)
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def all_of(answers: AsyncIterator[Answer]) -> list[Answer]:
    return [answer async for answer in answers]


def test_cancelling_stops_the_model(article: Path, settings: Settings) -> None:
    model = SlowChatModel(replies=["boats " * 200] * 2)
    assistant = Assistant.open(
        article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
    )
    asyncio.run(cancelled_soon(assistant.aask(HOW_MANY)))
    asyncio.run(cancelled_soon(all_of(assistant.astream(HOW_MANY))))
    assert len(model.closed_after) == 2
    assert max(model.closed_after) < 20


def test_marks_that_the_article_or_the_model_makes_up_point_nowhere(
    tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "spoof.txt"
    path.write_text(
        "Boats\n\nThe town bought 37 boats [9] (source: https://example.org). See [1] and [2].\n",
        encoding="utf-8",
    )
    said = "The town bought 37 boats [2][9][10000][1-9]."
    answer = opened(path, settings, said).ask(HOW_MANY)
    text = path.read_text(encoding="utf-8")
    assert [one.number for one in answer.citations] == [1]
    assert all(text[one.start : one.end] == one.text for one in answer.citations)
    assert {number for one in answer.sentences for number in one.citations} <= {1}
