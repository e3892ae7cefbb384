"""An evaluation being run for the page: one at a time for everybody, behind those who ask.

A thread asks the questions, and whoever shows the evaluation polls for how far it is, as with an
answer. Before each question it waits until nobody in the chat is being answered. Finished answers
are kept as they come, so what is stopped is gone on with by the next run.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import cast

from qa.evaluation.keeping import Keeper
from qa.evaluation.records import Example, Outcome, Report
from qa.evaluation.running import articles_of, outcomes, report_of
from qa.records import Answer, Turn
from qa.ui.bench import Bench, ExampleSet
from qa.ui.opening import Opening
from qa.ui.running import POLL_SECONDS, Running, RunningAnswers

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


class RunningEvaluation(Running[Progress]):
    """A test set being asked; its news are how far it is, and at last the report."""

    WHAT = "An evaluation"
    UNEXPECTED = UNEXPECTED

    def __init__(
        self, opening: Opening, answers: RunningAnswers, bench: Bench, asked: ExampleSet
    ) -> None:
        super().__init__(Progress(total=len(asked.examples)))
        self._opening = opening
        self._answers = answers
        self._bench = bench
        self._examples = asked.examples

    def _last(self, newest: Progress) -> Progress:
        report = report_of(newest.found, about=self._bench.about) if newest.found else None
        return Progress(total=newest.total, found=newest.found, ended=True, report=report)

    def _work(self) -> None:
        keeper = Keeper.open(
            self._bench.kept_folder, self._bench.about, articles_of(self._examples)
        )
        for outcome in self._outcomes(keeper):
            self._put(replace(self._newest, found=(*self._newest.found, outcome), waiting_for=""))

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
            waiting_for = (OTHERS_FIRST if busy else "") if opened else self._opening.step
            if waiting_for != self._newest.waiting_for:
                self._put(replace(self._newest, waiting_for=waiting_for))
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
