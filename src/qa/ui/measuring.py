"""An evaluation being run for the page: one at a time for everybody, behind those who ask.

A thread asks the questions, and whoever shows the evaluation polls for how far it is, as with an
answer. Before each question it waits until nobody in the chat is being answered. Finished answers
are kept as they come, so what is stopped is gone on with by the next run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Self, cast

from qa.errors import QAError
from qa.evaluation.keeping import Keeper
from qa.evaluation.records import Example, Outcome, Report
from qa.evaluation.running import articles_of, outcomes, report_of
from qa.records import Answer, Turn
from qa.ui.bench import Bench, ExampleSet
from qa.ui.opening import Opening
from qa.ui.running import HEARTBEAT_SECONDS, POLL_SECONDS, RunningAnswers

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong inside the program. What was answered is kept: press Run."
OTHERS_FIRST = "Answering a question of the chat first"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Progress:
    """How far an evaluation is; ``waiting_for`` says what it has to wait for, if it has.

    The last one has ``ended``, with a report unless it was stopped before the first outcome.
    """

    total: int
    found: tuple[Outcome, ...] = ()
    waiting_for: str = ""
    ended: bool = False
    report: Report | None = None

    @property
    def stopped(self) -> bool:
        """Whether it ended before all questions were asked."""
        return self.ended and len(self.found) < self.total


class RunningEvaluation:
    """A test set being asked in a thread, while its context is open."""

    def __init__(
        self, opening: Opening, answers: RunningAnswers, bench: Bench, asked: ExampleSet
    ) -> None:
        self.ended = threading.Event()
        self._opening = opening
        self._answers = answers
        self._bench = bench
        self._examples = asked.examples
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._newest = Progress(total=len(asked.examples))
        self._failure: QAError | None = None
        self._at_end = False
        self._thread = threading.Thread(target=self._run, name="evaluation", daemon=True)

    def stop(self) -> None:
        """Ask the evaluation to end where it is."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.ended.set()

    def updates(self) -> Iterator[Progress | None]:
        """Yield how far it is when that changes, None as a sign of life, at last the report.

        :raises QAError: if answers cannot be kept, or the evaluation failed otherwise.
        """
        shown: Progress | None = None
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

    def _news(self, shown: Progress | None) -> bool:
        return self._at_end or self._stopping.is_set() or self._newest is not shown

    def _last(self, newest: Progress) -> Progress:
        report = report_of(newest.found, about=self._bench.about) if newest.found else None
        return Progress(total=newest.total, found=newest.found, ended=True, report=report)

    def _run(self) -> None:
        failure: QAError | None = None
        try:
            articles = articles_of(self._examples)
            keeper = Keeper.open(self._bench.kept_folder, self._bench.about, articles)
            for outcome in self._outcomes(keeper):
                self._put(found=(*self._newest.found, outcome))
        except QAError as error:
            failure = error
        except Exception as error:  # the border of the thread: a person is told, whatever it is
            logger.error("An evaluation failed: %r", error)
            logger.debug("The failure in full", exc_info=True)
            failure = QAError(UNEXPECTED)
        with self._changed:
            self._failure, self._at_end = failure, True
            self._changed.notify_all()

    def _outcomes(self, keeper: Keeper) -> Iterator[Outcome]:
        for example in self._examples:
            if keeper.get(example) is None:
                self._wait_for_turn()
            for outcome in self._outcome(example, keeper):
                # What was cut short by the stop is no failure of the answerer.
                if self._stopping.is_set():
                    return
                yield outcome

    def _outcome(self, example: Example, keeper: Keeper) -> Iterator[Outcome]:
        if not self._stopping.is_set():
            yield from outcomes([example], self._ask, keeper=keeper)

    def _wait_for_turn(self) -> None:
        """Wait until questions can be answered and nobody else is waiting for an answer.

        The time is nobody's answer time, so it is spent here and not in ``_ask``.
        """
        while not self._stopping.is_set():
            opened, busy = self._opening.is_open, self._answers.busy
            self._put(waiting_for=(OTHERS_FIRST if busy else "") if opened else self._opening.step)
            if opened and not busy:
                return
            self._stopping.wait(POLL_SECONDS)

    def _ask(self, question: str, history: Sequence[Turn]) -> Answer:
        # A stream is a generator, whatever it is declared as: only then can it be closed.
        stream = cast("Generator[Answer]", self._opening.stream(question, history))
        with closing(stream):
            for answer in stream:
                if answer.status != "draft":
                    return answer
                if self._stopping.is_set():
                    break
        raise InterruptedError("the answer was not finished")

    def _put(self, *, found: tuple[Outcome, ...] | None = None, waiting_for: str = "") -> None:
        with self._changed:
            known = self._newest
            if found is None and waiting_for == known.waiting_for:
                return
            self._newest = Progress(
                total=known.total,
                found=known.found if found is None else found,
                waiting_for=waiting_for,
            )
            self._changed.notify_all()


class RunningEvaluations:
    """The evaluation that is being run now: at most one for all browser sessions together."""

    def __init__(self, opening: Opening, answers: RunningAnswers, bench: Bench) -> None:
        self.bench = bench
        self._opening = opening
        self._answers = answers
        self._lock = threading.Lock()
        self._session = ""
        self._running: RunningEvaluation | None = None

    def begin(self, session: str, asked: ExampleSet) -> RunningEvaluation | None:
        """Return a new evaluation of a test set, or None while another one is being run."""
        with self._lock:
            if self._running is not None and not self._running.ended.is_set():
                return None
            self._session = session
            self._running = RunningEvaluation(self._opening, self._answers, self.bench, asked)
            return self._running

    def runs(self, session: str) -> bool:
        """Return whether this session has an evaluation that has not ended."""
        with self._lock:
            running = self._running if self._session == session else None
        return running is not None and not running.ended.is_set()

    def stop(self, session: str) -> None:
        """Stop the session's evaluation, if it has one."""
        with self._lock:
            running = self._running if self._session == session else None
        if running is not None:
            running.stop()

    def end(self) -> None:
        """Stop whatever is run, whoever began it."""
        with self._lock:
            running = self._running
        if running is not None:
            running.stop()
