"""The whole program as one object: open articles, ask them, get answers tied to their words.

In: paths of articles and settings, then questions. Out: ``Answer`` records. Opening builds the
index where it is not built yet, and lets the local model read an article that fits once. The
assistant holds no conversation: history lives with the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda

from qa.articles.loading import Source, load_articles
from qa.calibration import ANY_MODEL, calibrations_for
from qa.documents import ArticleRetriever
from qa.errors import ArticleError
from qa.indexing import Embedder, Indexer
from qa.models.chat import LocalChatModel, ReadsAhead
from qa.models.opening import open_chat_model
from qa.pipeline import Limits, Pipeline
from qa.prompts import asking, reading
from qa.records import Answer, Article, Turn
from qa.retrieval import Retriever
from qa.sections import whole_sections
from qa.settings import Settings, checkout_folder
from qa.steps import result_of, told
from qa.verification import Verifier

Sources = Source | Sequence[Source]

STATES_FOLDER = "states"
"""Where, in the index folder, what the local model has read is kept."""


class Assistant:
    """Answers questions about its articles; safe to share between threads and users."""

    def __init__(
        self,
        articles: tuple[Article, ...],
        *,
        chat_model: BaseChatModel,
        retriever: Retriever,
        pipeline: Pipeline,
    ) -> None:
        self.articles = articles
        self._chat_model = chat_model
        self._retriever = retriever
        self._pipeline = pipeline

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
        return result_of(steps)

    @classmethod
    def opening(
        cls,
        sources: Sources | None = None,
        *,
        settings: Settings | None = None,
        chat_model: BaseChatModel | None = None,
        embeddings: Embeddings | None = None,
    ) -> Generator[str, None, Self]:
        """Open an assistant as ``open`` does, yielding before each long step what it is.

        Where it is known how far a step is, it is yielded again: "Building the index, 40%".
        """
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
                contents = yield from told("Building the index", indexer.contents(articles))
            verifier = Verifier(
                articles,
                embedder.embeddings,
                calibrations=calibrations_for(_weights(model)),
                most_risk=settings.most_risk,
            )
            whole = whole_sections(articles, model, most_tokens=settings.whole_article_tokens)
            if whole and isinstance(model, ReadsAhead):
                ahead = model.read_ahead(asking(reading(whole), "", ()))
                yield from told("Handing it the article; the first time takes longest", ahead)
        except BaseException:
            if chat_model is None:
                _close(model)
            raise
        retriever = Retriever.build(contents.chunks, contents.vectors, embedder.embeddings)
        pipeline = Pipeline(
            articles,
            chat_model=model,
            retriever=retriever,
            verifier=verifier,
            whole=whole,
            chunks=contents.chunks,
            limits=Limits(
                question_characters=settings.question_characters,
                passages=settings.passages,
                answer_tokens=settings.answer_tokens,
                deadline_seconds=settings.deadline_seconds,
            ),
        )
        return cls(articles, chat_model=model, retriever=retriever, pipeline=pipeline)

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
        return self._pipeline.stream(question, history, searched_for=searched_for)

    def read_on(self, history: Sequence[Turn]) -> None:
        """Let the model read what was said, so that the next answer's first words come sooner.

        It is for the time in which a person reads an answer, takes about half a second, and changes
        no answer. Where passages are searched for, or with another model, it does nothing.

        :param history: the turns that will stand before the next question.
        :raises EngineError: if the chat model fails.
        """
        self._pipeline.read_on(history)

    def batch(self, questions: Sequence[str]) -> list[Answer]:
        """Return the answers to questions that stand alone, in their order."""
        return [self.ask(question) for question in questions]

    async def aask(
        self, question: str, history: Sequence[Turn] = (), *, searched_for: str | None = None
    ) -> Answer:
        """Return what ``ask`` returns, without blocking the event loop.

        Cancelling it stops the model.
        """
        answers = self.astream(question, history, searched_for=searched_for)
        *_, answer = [answer async for answer in answers]
        return answer

    async def astream(
        self, question: str, history: Sequence[Turn] = (), *, searched_for: str | None = None
    ) -> AsyncIterator[Answer]:
        """Yield what ``stream`` yields, without blocking the event loop.

        Cancelling it, or closing it, stops the model.
        """
        answers = self.stream(question, history, searched_for=searched_for)
        step: asyncio.Future[Answer | None] | None = None
        try:
            while True:
                step = asyncio.ensure_future(asyncio.to_thread(next, answers, None))
                # Shielded, as the thread goes on to its next item whatever becomes of this task.
                if (answer := await asyncio.shield(step)) is None:
                    return
                yield answer
        finally:
            if step and not step.done():
                await asyncio.wait([step])  # a generator cannot be closed while it runs
            await asyncio.to_thread(_close, answers)

    def as_retriever(self, k: int = 5) -> BaseRetriever:
        """Return the search as a LangChain retriever of k documents."""
        return ArticleRetriever(retriever=self._retriever, articles=self.articles, k=k)

    def as_runnable(self) -> Runnable[str, Answer]:
        """Return the assistant as a LangChain runnable from a question to an ``Answer``."""

        async def aask(question: str) -> Answer:
            return await self.aask(question)

        return RunnableLambda(lambda question: self.ask(question), afunc=aask, name="article_qa")


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
