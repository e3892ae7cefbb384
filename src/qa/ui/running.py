"""Answers being written, each in a thread of its own so that it can be stopped while it waits.

A stream of drafts blocks while the model reads. Here it is read by a thread, and whoever shows the
answer polls for the newest draft: a person's Stop, a closed browser and the end of the program are
noticed at once, whatever the model does. Closing the stream is what cancels the model call.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Generic, Protocol, Self, TypeVar, cast

from qa.errors import QAError
from qa.records import Answer, Article, Turn

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.05
HEARTBEAT_SECONDS = 0.4
UNEXPECTED = "Something went wrong inside the program. The question is kept: press Retry."

News = TypeVar("News")


class Answerer(Protocol):
    """What the page needs of an assistant."""

    @property
    def articles(self) -> tuple[Article, ...]:
        """The articles that are asked."""

    def stream(
        self, question: str, history: Sequence[Turn], *, searched_for: str | None = None
    ) -> Iterator[Answer]:
        """Yield drafts, then the final answer; closing it cancels the model call.

        :param searched_for: what a person wants searched for instead.
        :raises QAError: if the question cannot be answered now.
        """

    def read_on(self, history: Sequence[Turn]) -> None:
        """Read what was said while a person reads the answer, so that the next one begins sooner.

        :raises QAError: if that fails.
        """

    def close(self) -> None:
        """Give back everything that is held; more than once is no error."""


class Running(ABC, Generic[News]):
    """Work in a thread of its own, while its context is open, and the newest that it gave.

    A subclass does the work in ``_work``, puts its news with ``_put``, and ends early when it is
    ``_stopping``.
    """

    WHAT: str
    """What it is, where the log says that it failed."""
    UNEXPECTED: str
    """What a person is told when it fails in a way that nobody foresaw."""

    def __init__(self, newest: News) -> None:
        # Ended: no more news will come, and the next may begin.
        self.ended = threading.Event()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._newest = newest
        self._failure: QAError | None = None
        self._at_end = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def stop(self) -> None:
        """Ask the work to end where it is."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.ended.set()

    def updates(self) -> Iterator[News | None]:
        """Yield the newest when there is news, None as a sign of life, at last the last.

        When it is stopped, what was newest is the last that comes.

        :raises QAError: if the work failed.
        """
        shown: News | None = None
        while True:
            with self._changed:
                if not self._news(shown):
                    self._changed.wait(HEARTBEAT_SECONDS)
                newest, failure, at_end = self._newest, self._failure, self._at_end
            if failure is not None:
                raise failure
            if at_end or self._stopping.is_set():
                self.ended.set()
                yield self._last(newest)
                return
            yield None if newest is shown else newest
            shown = newest
            time.sleep(POLL_SECONDS)

    @abstractmethod
    def _work(self) -> None:
        """Do the work; what it raises is told to whoever asks for the updates."""

    def _last(self, newest: News) -> News:
        """Return what is shown last."""
        return newest

    def _put(self, newest: News) -> None:
        with self._changed:
            self._newest = newest
            self._changed.notify_all()

    def _news(self, shown: News | None) -> bool:
        return self._at_end or self._stopping.is_set() or self._newest is not shown

    def _run(self) -> None:
        failure: QAError | None = None
        try:
            self._work()
        except QAError as error:
            failure = error
        except Exception as error:  # the border of the thread: a person is told, whatever it is
            logger.error("%s failed: %r", self.WHAT, error)
            logger.debug("The failure in full", exc_info=True)
            failure = QAError(self.UNEXPECTED)
        with self._changed:
            self._failure, self._at_end = failure, True
            self._changed.notify_all()


class RunningAnswer(Running[Answer | None]):
    """One stream being read; its news are the drafts, and at last the answer."""

    WHAT = "A stream of answers"
    UNEXPECTED = UNEXPECTED

    def __init__(
        self,
        answerer: Answerer,
        question: str,
        history: Sequence[Turn],
        *,
        searched_for: str | None = None,
    ) -> None:
        super().__init__(None)
        # Finished: whoever showed the answer has shown all of it.
        self.finished = threading.Event()
        self._answerer = answerer
        self._question = question
        self._history = tuple(history)
        self._searched_for = searched_for

    def __exit__(self, *_: object) -> None:
        super().__exit__(*_)
        self.finished.set()

    def _work(self) -> None:
        # A stream is a generator, whatever it is declared as: only then can it be closed.
        answers = self._answerer.stream(
            self._question, self._history, searched_for=self._searched_for
        )
        with closing(cast("Generator[Answer]", answers)) as stream:
            for answer in stream:
                self._put(answer)
                if self._stopping.is_set():
                    return
        if self._newest is None or self._newest.status == "draft":
            logger.error("A stream of answers ended without a final one")
            raise QAError(UNEXPECTED)


class RunningAnswers:
    """The answers being written now, at most one for each browser session."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._lock = threading.Lock()
        self._running: dict[str, RunningAnswer] = {}

    @property
    def busy(self) -> bool:
        """Whether somebody's answer is being written."""
        with self._lock:
            return any(not answer.ended.is_set() for answer in self._running.values())

    def begin(
        self,
        session: str,
        question: str,
        history: Sequence[Turn],
        *,
        searched_for: str | None = None,
    ) -> RunningAnswer | None:
        """Return the session's new answer, or None while its last one is still being written."""
        with self._lock:
            earlier = self._running.get(session)
            if earlier is not None and not earlier.ended.is_set():
                return None
            self._running = {k: v for k, v in self._running.items() if not v.finished.is_set()}
            answer = RunningAnswer(self._answerer, question, history, searched_for=searched_for)
            self._running[session] = answer
            return answer

    def stop(self, session: str, *, seconds: float = 2.0) -> None:
        """Stop the session's answer, if it has one, and wait until it has ended."""
        with self._lock:
            answer = self._running.get(session)
        if answer is not None:
            answer.stop()
            answer.finished.wait(seconds)

    def drain(self, *, seconds: float) -> bool:
        """Wait until no answer is being written; stop the rest. Return whether none was stopped."""
        until = time.monotonic() + seconds
        with self._lock:
            running = list(self._running.values())
        unfinished = [a for a in running if not a.finished.wait(max(0, until - time.monotonic()))]
        for answer in unfinished:
            answer.stop()
        for answer in unfinished:
            answer.finished.wait(1.0)
        return not unfinished
