"""The whole program as one object: open articles, ask them, get answers tied to their words.

In: paths of articles and settings, then questions. Out: ``Answer`` records. Opening builds the
index where it is not built yet, and lets the local model read an article that fits once. The
assistant holds no conversation: history lives with the caller.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda

from qa.articles.loading import Source, load_articles
from qa.calibration import ANY_MODEL, calibration_for
from qa.checking import stated
from qa.documents import ArticleRetriever
from qa.errors import ArticleError
from qa.gathering import Gatherer
from qa.generation import Draft, Writer
from qa.indexing import Embedder, Indexer
from qa.models.chat import LocalChatModel, ReadsAhead, WeighsChoices
from qa.models.opening import open_chat_model
from qa.overview import Listing, Summary, overview_of
from qa.prompts import DECLINED, Section, asking, asking_again, checking, reading
from qa.records import Answer, Article, Chunk, Hit, Reason, Timings, Turn, Usage
from qa.retrieval import Retriever
from qa.rewriting import clean_question, standalone
from qa.sections import Part, in_article_order, parts, passage_sections, whole_sections
from qa.settings import Settings, checkout_folder
from qa.verification import Verdict, Verifier, declines

Sources = Source | Sequence[Source]

STATES_FOLDER = "states"
"""Where, in the index folder, what the local model has read is kept."""

_MOST_TURNS = 4  # earlier turns that the model is given; older ones are far from any question
_CLOSEST_OF = 2  # best passages whose sentences may be shown when an answer is withheld
_DECLINING_START = "The article does not"
_UNKNOWN_NAMED = 3  # words of a question that an abstention names as standing nowhere


class Assistant:
    """Answers questions about its articles; safe to share between threads and users."""

    def __init__(
        self,
        articles: tuple[Article, ...],
        *,
        settings: Settings,
        chat_model: BaseChatModel,
        retriever: Retriever,
        verifier: Verifier,
        whole: tuple[Section, ...] | None,
        chunks: Sequence[Chunk],
    ) -> None:
        """:param chunks: all of the articles, in their order."""
        self.articles = articles
        self._settings = settings
        self._chat_model = chat_model
        self._retriever = retriever
        self._verifier = verifier
        self._whole = whole
        self._writer = Writer(
            chat_model,
            answer_tokens=settings.answer_tokens,
            deadline_seconds=settings.deadline_seconds,
        )
        self._gatherer = Gatherer(
            chat_model,
            verifier,
            [Part(sections=whole, chunks=None)] if whole else parts(chunks),
            answer_tokens=settings.answer_tokens,
            deadline_seconds=settings.deadline_seconds,
        )

    @classmethod
    def open(
        cls,
        sources: Sources | None = None,
        *,
        settings: Settings | None = None,
        chat_model: BaseChatModel | None = None,
        embeddings: Embeddings | None = None,
    ) -> Self:
        """Return an assistant for a path or a list of them; for none, for the shipped seeds.

        An ``Article`` may stand in place of a path.

        :param settings: by default those of the environment.
        :param chat_model: any LangChain chat model, in place of the one that is set.
        :param embeddings: any LangChain embeddings, likewise.
        :raises QAError: if an article, a model or the index folder cannot be opened.
        """
        steps = cls.opening(
            sources, settings=settings, chat_model=chat_model, embeddings=embeddings
        )
        while True:
            try:
                next(steps)
            except StopIteration as done:
                opened: Self = done.value
                return opened

    @classmethod
    def opening(
        cls,
        sources: Sources | None = None,
        *,
        settings: Settings | None = None,
        chat_model: BaseChatModel | None = None,
        embeddings: Embeddings | None = None,
    ) -> Generator[str, None, Self]:
        """Open an assistant as ``open`` does, yielding before each long step what it is."""
        settings = settings or Settings.from_environment()
        articles = tuple(load_articles(seeds() if sources is None else sources))
        yield "Starting the language model"  # first, as it loads while the embedder does
        model = chat_model or chat_model_of(
            settings, states_folder=settings.index_folder / STATES_FOLDER
        )
        try:
            yield "Loading the embedder"
            embedder = (
                Embedder.brought(embeddings)
                if embeddings
                else Embedder.named(
                    settings.embedding_model, settings.models_folder, threads=settings.threads
                )
            )
            indexer = Indexer(
                settings.index_folder, embedder, chunk_characters=settings.chunk_characters
            )
            contents = indexer.kept(articles)
            if contents is None:
                yield "Building the index"
                contents = indexer.contents(articles)
            whole = whole_sections(articles, model, most_tokens=settings.whole_article_tokens)
            if whole and isinstance(model, ReadsAhead):
                yield "Handing the article to the language model; the first time takes longest"
                model.read_ahead(asking(reading(whole), "", ()))
        except BaseException:
            if chat_model is None:
                _close(model)
            raise
        return cls(
            articles,
            settings=settings,
            chat_model=model,
            retriever=Retriever.build(contents.chunks, contents.vectors, embedder.embeddings),
            verifier=Verifier(
                articles,
                embedder.embeddings,
                calibration=calibration_for(_weights(model)),
                most_risk=settings.most_risk,
            ),
            whole=whole,
            chunks=contents.chunks,
        )

    def close(self) -> None:
        """End what was started for this assistant; calling it again does nothing."""
        _close(self._chat_model)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(
        self, question: str, history: Sequence[Turn] = (), *, searched_for: str | None = None
    ) -> Answer:
        """Return the final answer to a question, the last item of ``stream``."""
        *_, answer = self.stream(question, history, searched_for=searched_for)
        return answer

    def stream(
        self, question: str, history: Sequence[Turn] = (), *, searched_for: str | None = None
    ) -> Iterator[Answer]:
        """Yield drafts of the answer as it is written, then the answer.

        Drafts are empty until the model has words for an answer. The last item is "answered" or
        "abstained", whatever the drafts said. Closing the iterator stops the model.

        :param searched_for: what a person means by the question, in words that stand alone: these
            are searched for, and the model is asked in them. By default they are worked out.
        :raises QuestionError: if the question, or what to search for, is blank, too long, or not
            text.
        :raises EngineError: if the chat model fails, or takes longer than its deadline.
        """
        started = time.perf_counter()
        most_characters = self._settings.question_characters
        question = clean_question(question, most_characters=most_characters)
        if searched_for is None:
            asked, searched_for = question, standalone(question, history)
        else:
            asked = searched_for = clean_question(searched_for, most_characters=most_characters)
        overview = overview_of(asked, alone=not history)
        if overview:
            searched_for = asked
        hits = self._search(asked, searched_for)
        draft = Answer(
            question=question,
            searched_for=searched_for,
            text="",
            status="draft",
            hits=hits,
            timings=Timings(retrieve_ms=_milliseconds(started), first_token_ms=None, total_ms=0.0),
        )
        if overview:
            yield from self._read_through(overview, draft, started)
            return
        if not self._verifier.relates(searched_for, hits):
            yield self._abstention(draft, asked, Verdict(reason=Reason.NOTHING_RELEVANT), started)
            return
        read = None if self._whole else in_article_order(self.articles, hits)
        sections = self._whole or passage_sections(read or ())
        messages = asking(reading(sections), asked, history[-_MOST_TURNS:])
        attempts = [messages]
        if self._verifier.asks_the_model:  # a small model, which declines too easily
            attempts.append(asking_again(messages, hits[0].chunk.text))
        written = Draft(text="")
        for attempt in attempts:
            with closing(self._writer.stream(attempt)) as drafts:
                for written in drafts:
                    draft = _grown(draft, written, started)
                    if written.usage is None:
                        yield replace(draft, text="") if _may_decline(written.text) else draft
            if not declines(written.text):
                break
        asked_again = attempt is not messages
        verdict, usage = self._verdict(messages, written, draft, read, asked_again=asked_again)
        draft = replace(draft, usage=Usage.total(draft.usage, usage))
        if verdict.reason is Reason.NONE:
            yield _finished(draft, verdict, started)
        else:
            yield self._abstention(draft, asked, verdict, started)

    def batch(self, questions: Sequence[str]) -> list[Answer]:
        """Return the answers to questions that stand alone, in their order."""
        return [self.ask(question) for question in questions]

    async def aask(
        self, question: str, history: Sequence[Turn] = (), *, searched_for: str | None = None
    ) -> Answer:
        """Return what ``ask`` returns, without blocking the event loop."""
        return await asyncio.to_thread(self.ask, question, history, searched_for=searched_for)

    async def astream(
        self, question: str, history: Sequence[Turn] = (), *, searched_for: str | None = None
    ) -> AsyncIterator[Answer]:
        """Yield what ``stream`` yields, without blocking the event loop."""
        answers = self.stream(question, history, searched_for=searched_for)
        try:
            while (answer := await asyncio.to_thread(next, answers, None)) is not None:
                yield answer
        finally:
            await asyncio.to_thread(_close, answers)

    def as_retriever(self, k: int = 5) -> BaseRetriever:
        """Return the search as a LangChain retriever of k documents."""
        return ArticleRetriever(retriever=self._retriever, articles=self.articles, k=k)

    def as_runnable(self) -> Runnable[str, Answer]:
        """Return the assistant as a LangChain runnable from a question to an ``Answer``."""

        async def aask(question: str) -> Answer:
            return await self.aask(question)

        return RunnableLambda(lambda question: self.ask(question), afunc=aask, name="article_qa")

    def _read_through(
        self, overview: Summary | Listing, draft: Answer, started: float
    ) -> Iterator[Answer]:
        """Yield the answer to a question about the whole article; no hit has a part in it."""
        with closing(self._gatherer.stream(overview, draft.searched_for)) as stream:
            for gathered in stream:
                draft = _grown(draft, gathered.draft, started)
                if gathered.verdict is None:
                    yield draft
                elif gathered.verdict.reason is Reason.NONE:
                    yield _finished(replace(draft, hits=()), gathered.verdict, started)
                else:
                    kind = overview.kind if isinstance(overview, Listing) else ""
                    yield self._abstention(draft, kind, gathered.verdict, started)

    def _search(self, question: str, searched_for: str) -> tuple[Hit, ...]:
        queries = list(dict.fromkeys([searched_for, question]))
        return tuple(self._retriever.search(queries, self._settings.passages))

    def _verdict(
        self,
        messages: Sequence[BaseMessage],
        written: Draft,
        draft: Answer,
        read: Sequence[Chunk] | None,
        *,
        asked_again: bool,
    ) -> tuple[Verdict, Usage | None]:
        """Return what becomes of an answer, and what asking the model about it took."""
        if not written.text or declines(written.text):
            return Verdict(reason=Reason.DECLINED), None
        examined = self._verifier.examine(
            draft.searched_for,
            written.text,
            hits=draft.hits,
            read=read,
            follow_up=draft.searched_for != draft.question,
        )
        model = self._chat_model
        if not (self._verifier.asks_the_model and isinstance(model, WeighsChoices)):
            return self._verifier.judge(examined, {}), None
        tokens = written.log_probabilities or (0.0,)
        sure = stated(model, checking(messages, examined.evidence))
        from_the_model = {
            "stated": sure.log_odds,
            "asked_again": float(asked_again),
            "token_mean": sum(tokens) / len(tokens),
            "token_least": min(tokens),
        }
        return self._verifier.judge(examined, from_the_model), sure.usage

    def _abstention(self, draft: Answer, asked: str, verdict: Verdict, started: float) -> Answer:
        """Return the answer that says that the article does not say, with the closest passage."""
        passages = [hit.chunk for hit in draft.hits[:_CLOSEST_OF]]
        closest = self._verifier.closest(draft.searched_for, passages) if passages else None
        return replace(
            draft,
            text=_declining(self._verifier.unknown(asked)),
            status="abstained",
            reason=verdict.reason,
            confidence=verdict.confidence,
            signals=verdict.signals,
            closest=closest,
            timings=replace(draft.timings, total_ms=_milliseconds(started)),
        )


def _may_decline(text: str) -> bool:
    """Return whether words may be, or become, "does not say": they are not shown as an answer."""
    return _DECLINING_START.startswith(text) or text.startswith(_DECLINING_START)


def _declining(unknown: Sequence[str]) -> str:
    """Return the sentence that says so, and which words of the question the article has not."""
    if not unknown:
        return DECLINED
    words = ", ".join(f"“{word}”" for word in unknown[:_UNKNOWN_NAMED])
    return f"{DECLINED} It nowhere mentions {words}."


def _grown(draft: Answer, written: Draft, started: float) -> Answer:
    now = _milliseconds(started)
    first = draft.timings.first_token_ms
    if first is None and written.text:
        first = now
    timings = replace(draft.timings, first_token_ms=first, total_ms=now)
    usage = Usage.total(draft.usage, written.usage)
    return replace(draft, text=written.text, timings=timings, usage=usage)


def _finished(draft: Answer, verdict: Verdict, started: float) -> Answer:
    return replace(
        draft,
        status="answered",
        confidence=verdict.confidence,
        signals=verdict.signals,
        sentences=verdict.sentences,
        citations=verdict.citations,
        timings=replace(draft.timings, total_ms=_milliseconds(started)),
    )


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def seeds() -> Path:
    """Return the folder of the articles that ship with the source."""
    top = checkout_folder()
    if top is None:
        raise ArticleError(
            "No article is named, and none ships with an installed package.",
            remedy="Name one, as in: qa ask QUESTION -a article.txt",
        )
    seeds, here = top / "seeds", Path.cwd()
    return seeds.relative_to(here) if seeds.is_relative_to(here) else seeds


def chat_model_of(
    settings: Settings, *, name: str | None = None, states_folder: Path | None = None
) -> BaseChatModel:
    """Return the chat model of a name; without one, that of the settings, at their address.

    :raises QAError: if there is no such model, or what it needs is not there.
    """
    return open_chat_model(
        name or settings.chat_model,
        url=None if name else settings.chat_model_url,
        models_folder=settings.models_folder,
        llama_server=settings.llama_server,
        threads=settings.threads,
        context_tokens=settings.context_tokens,
        states_folder=states_folder,
        deadline_seconds=settings.deadline_seconds,
    )


def _close(thing: object) -> None:
    """Close what can be closed: a local model, or a generator; others hold nothing."""
    if isinstance(thing, LocalChatModel | Generator):
        thing.close()


def _weights(model: BaseChatModel) -> str:
    """Return what a calibration knows a model by."""
    return model.weights if isinstance(model, LocalChatModel) else ANY_MODEL
