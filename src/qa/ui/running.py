"""Answers being written, each in a thread of its own so that it can be stopped while it waits.

A stream of drafts blocks while the model reads. Here it is read by a thread, and whoever shows the
answer polls for the newest draft: a person's Stop, a closed browser and the end of the program are
noticed at once, whatever the model does. Closing the stream is what cancels the model call.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Protocol, Self, cast

from qa.errors import QAError
from qa.records import Answer, Article, Turn

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.05
HEARTBEAT_SECONDS = 0.4
UNEXPECTED = "Something went wrong inside the program. The question is kept: press Retry."


class Answerer(Protocol):
    """What the page needs of an assistant."""

    @property
    def articles(self) -> tuple[Article, ...]:
        """The articles that are asked."""

    def stream(self, question: str, history: Sequence[Turn]) -> Iterator[Answer]:
        """Yield drafts, then the final answer; closing it cancels the model call.

        :raises QAError: if the question cannot be answered now.
        """

    def close(self) -> None:
        """Give back everything that is held; more than once is no error."""


class RunningAnswer:
    """One stream being read in a thread, while its context is open, and the newest that it gave."""

    def __init__(self, answerer: Answerer, question: str, history: Sequence[Turn]) -> None:
        # Ended: no more drafts will come, and the next question may be asked. Finished: whoever
        # showed the answer has shown all of it.
        self.ended = threading.Event()
        self.finished = threading.Event()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._newest: Answer | None = None
        self._failure: QAError | None = None
        self._at_end = False
        self._thread = threading.Thread(
            target=self._read, args=(answerer, question, tuple(history)), daemon=True
        )

    def stop(self) -> None:
        """Ask the answer to end where it is."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.ended.set()
        self.finished.set()

    def updates(self) -> Iterator[Answer | None]:
        """Yield the newest draft when there is one, None as a sign of life, at last the answer.

        When it is stopped, the last draft is the last that comes.

        :raises QAError: if the stream failed.
        """
        shown: Answer | None = None
        while True:
            with self._changed:
                if not self._news(shown):
                    self._changed.wait(HEARTBEAT_SECONDS)
                newest, failure, at_end = self._newest, self._failure, self._at_end
            if failure is not None:
                raise failure
            if at_end or self._stopping.is_set():
                self.ended.set()
                yield newest
                return
            yield None if newest is shown else newest
            shown = newest
            time.sleep(POLL_SECONDS)

    def _news(self, shown: Answer | None) -> bool:
        return self._at_end or self._stopping.is_set() or self._newest is not shown

    def _read(self, answerer: Answerer, question: str, history: Sequence[Turn]) -> None:
        failure: QAError | None = None
        try:
            # A stream is a generator, whatever it is declared as: only then can it be closed.
            stream = cast("Generator[Answer]", answerer.stream(question, history))
            with closing(stream):
                for answer in stream:
                    self._put(answer)
                    if self._stopping.is_set():
                        break
                else:
                    failure = self._unfinished()
        except QAError as error:
            failure = error
        except Exception as error:  # the border of the thread: a person is told, whatever it is
            logger.error("A stream of answers failed: %r", error)
            logger.debug("The failure in full", exc_info=True)
            failure = QAError(UNEXPECTED)
        with self._changed:
            self._failure, self._at_end = failure, True
            self._changed.notify_all()

    def _unfinished(self) -> QAError | None:
        if self._newest is not None and self._newest.status != "draft":
            return None
        logger.error("A stream of answers ended without a final one")
        return QAError(UNEXPECTED)

    def _put(self, answer: Answer) -> None:
        with self._changed:
            self._newest = answer
            self._changed.notify_all()


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

    def begin(self, session: str, question: str, history: Sequence[Turn]) -> RunningAnswer | None:
        """Return the session's new answer, or None while its last one is still being written."""
        with self._lock:
            earlier = self._running.get(session)
            if earlier is not None and not earlier.ended.is_set():
                return None
            self._running = {k: v for k, v in self._running.items() if not v.finished.is_set()}
            answer = RunningAnswer(self._answerer, question, history)
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
