"""The page's answerer while its models are still being loaded: questions wait for them.

The page is there within seconds and shows the article; loading the models takes longer. What is
being loaded is told step by step, to the page and to whoever started it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from typing import cast

from qa.errors import QAError
from qa.records import Answer, Article, Turn
from qa.ui.running import Answerer

logger = logging.getLogger(__name__)

Steps = Generator[str, None, Answerer]
"""Yields what is done next, before it is done, and returns what was opened."""


class Opening:
    """An answerer whose ``stream`` waits until the steps have come to one; begun once."""

    def __init__(
        self, articles: Sequence[Article], steps: Steps, *, announce: Callable[[str], None]
    ) -> None:
        self._articles = tuple(articles)
        self._steps = steps
        self._announce = announce
        self._step = ""
        self._given_up = threading.Event()
        self._opened: Future[Answerer] = Future()
        self._thread = threading.Thread(target=self._open, name="opening")

    @property
    def articles(self) -> tuple[Article, ...]:
        """The articles that are asked."""
        return self._articles

    @property
    def step(self) -> str:
        """What is being done before questions can be answered; empty when they can be."""
        return self._step

    @property
    def is_open(self) -> bool:
        """Whether ``stream`` need not wait: it is open, or cannot be opened and says so."""
        return self._opened.done()

    def begin(self, ended: Callable[[BaseException | None], None]) -> None:
        """Start opening in a thread; ``ended`` is handed what went wrong there, or None."""
        self._opened.add_done_callback(lambda opened: ended(opened.exception()))
        self._thread.start()

    def stream(
        self, question: str, history: Sequence[Turn], *, searched_for: str | None = None
    ) -> Iterator[Answer]:
        """Yield what the opened answerer's ``stream`` yields, once it is open.

        :raises QAError: if it cannot be opened, or as that stream does.
        """
        answers = self._opened.result().stream(question, history, searched_for=searched_for)
        with closing(cast("Generator[Answer]", answers)) as opened:
            yield from opened

    def read_on(self, history: Sequence[Turn]) -> None:
        """Let the answerer read what was said, in a thread of its own; nothing depends on it."""
        threading.Thread(target=self._read_on, args=(tuple(history),), daemon=True).start()

    def _read_on(self, history: Sequence[Turn]) -> None:
        try:
            self._opened.result().read_on(history)
        except QAError as error:
            logger.info("what was said was not read on: %s", error)

    def close(self) -> None:
        """Stop opening after the step at hand, and close what was opened."""
        self._given_up.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._opened.done() and self._opened.exception() is None:
            self._opened.result().close()
        self._steps.close()

    def _open(self) -> None:
        try:
            self._opened.set_result(self._through())
        except BaseException as error:  # the border of the thread: handed to whoever waits
            self._opened.set_exception(error)
        finally:
            self._step = ""

    def _through(self) -> Answerer:
        while not self._given_up.is_set():
            try:
                self._step = next(self._steps)
            except StopIteration as done:
                return cast("Answerer", done.value)
            self._announce(f"{self._step} …")
        raise InterruptedError("opening was given up")
