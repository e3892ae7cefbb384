"""An evaluation that is run for the page, with the scripted assistant."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from fakes.answerer import ARTICLE, BREAK, HOW_MANY, KING, SLOWLY, ScriptedAnswerer
from fakes.boats import SLOW, SMALL
from qa.errors import StorageError
from qa.evaluation.kinds import Kind, kind_of
from qa.evaluation.testsets import load_examples
from qa.records import Article
from qa.ui.bench import Bench, ExampleSet
from qa.ui.measuring import OTHERS_FIRST, Progress, RunningEvaluation, RunningEvaluations
from qa.ui.opening import Opening
from qa.ui.running import Answerer, RunningAnswers

TESTSETS = Path(__file__).parent / "testsets"


class Desk:
    """An opening of the scripted answerer with what the page has around it."""

    def __init__(self, folder: Path) -> None:
        self.log: list[str] = []
        self.may_open = threading.Event()
        self.opening = Opening([ARTICLE], self._steps(), announce=lambda line: None)
        self.answers = RunningAnswers(self.opening)
        self.bench = Bench(sets=(SMALL, SLOW), kept_folder=folder, about={"by": "script"})
        self.evaluations = RunningEvaluations(self.opening, self.answers, self.bench)

    def _steps(self) -> Generator[str, None, Answerer]:
        yield "Opening the script"
        self.may_open.wait(10)
        return ScriptedAnswerer(self.log.append)

    def open(self) -> None:
        """Begin to open, and let it be done."""
        self.may_open.set()
        self.opening.begin(lambda failure: None)

    def begin(self, asked: ExampleSet, session: str = "one") -> RunningEvaluation:
        """Return a new evaluation; fail when there may be none."""
        running = self.evaluations.begin(session, asked)
        assert running is not None
        return running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.may_open.set()
    made.opening.close()


def last(running: RunningEvaluation) -> Progress:
    with running:
        *_, progress = (update for update in running.updates() if update is not None)
    return progress


def until(updates: Iterator[Progress | None], waiting_for: str) -> Progress:
    return next(u for u in updates if u is not None and u.waiting_for == waiting_for)


def test_a_set_is_asked_in_order_and_ends_in_a_report(desk: Desk) -> None:
    desk.open()
    progress = last(desk.begin(SMALL))
    kinds = [Kind.RIGHT, Kind.WRONG, Kind.RIGHT, Kind.WRONG, Kind.FAILED]
    assert [kind_of(outcome) for outcome in progress.found] == kinds
    assert progress.report is not None
    assert progress.report.outcomes == progress.found
    assert progress.report.about["by"] == "script"
    assert progress.ended
    assert not progress.stopped


def test_a_second_run_asks_only_what_failed(desk: Desk) -> None:
    desk.open()
    first = last(desk.begin(SMALL))
    desk.log.clear()
    second = last(desk.begin(SMALL))
    assert desk.log == [f"began {BREAK}", f"ended {BREAK}"]
    assert [one.answer for one in second.found] == [one.answer for one in first.found]


def test_stop_keeps_what_is_answered_and_is_no_failure(desk: Desk) -> None:
    desk.open()
    with desk.begin(SLOW) as running:
        updates = running.updates()
        while (update := next(updates)) is None or not update.found:
            pass
        desk.evaluations.stop("another")
        desk.evaluations.stop("one")
        *_, progress = updates
    assert progress is not None
    assert progress.stopped
    assert [outcome.example.question for outcome in progress.found] == [HOW_MANY]
    desk.log.clear()
    with desk.begin(SLOW) as running:
        updates = running.updates()
        while f"began {SLOWLY}" not in desk.log:
            next(updates)
    assert f"began {HOW_MANY}" not in desk.log


def test_stop_before_the_assistant_is_open_ends_at_once(desk: Desk) -> None:
    desk.opening.begin(lambda failure: None)
    with desk.begin(SMALL) as running:
        updates = running.updates()
        assert until(updates, "Opening the script").found == ()
        running.stop()
        *_, progress = updates
    assert progress is not None
    assert (progress.ended, progress.report) == (True, None)


def test_kept_answers_need_no_assistant(desk: Desk, tmp_path: Path) -> None:
    desk.open()
    known = ExampleSet(name="known", examples=SMALL.examples[:3])
    last(desk.begin(known))
    closed = Desk(tmp_path)
    assert len(last(closed.begin(known)).found) == 3
    assert closed.log == []
    closed.opening.close()


def test_people_who_ask_go_first(desk: Desk) -> None:
    desk.open()
    question = desk.answers.begin("somebody", KING, [])
    assert question is not None
    with question, desk.begin(SMALL) as running:
        updates = running.updates()
        until(updates, OTHERS_FIRST)
        assert f"began {HOW_MANY}" not in desk.log
        assert [one for one in question.updates() if one is not None][-1].status == "abstained"
        *_, progress = (update for update in updates if update is not None)
    assert len(progress.found) == 5


def test_there_is_one_evaluation_for_all_sessions(desk: Desk) -> None:
    desk.open()
    with desk.begin(SLOW, "one"):
        assert desk.evaluations.begin("two", SMALL) is None
        assert desk.evaluations.begin("one", SMALL) is None
        assert desk.evaluations.runs("one")
        assert not desk.evaluations.runs("two")
    assert not desk.evaluations.runs("one")
    assert desk.evaluations.begin("two", SMALL) is not None


def test_leaving_ends_it_and_so_does_the_end_of_the_program(desk: Desk) -> None:
    desk.open()
    with desk.begin(SLOW) as running:
        desk.evaluations.end()
        *_, progress = running.updates()
    assert progress is not None
    assert progress.ended


def test_a_folder_that_cannot_be_written_is_told(desk: Desk, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    bench = Bench(sets=(SMALL,), kept_folder=blocked / "inner", about={"by": "script"})
    desk.open()
    running = RunningEvaluation(desk.opening, desk.answers, bench, SMALL)
    with running, pytest.raises(StorageError, match="cannot be"):
        list(running.updates())


def test_a_set_fits_by_the_text_of_its_article() -> None:
    path = TESTSETS / "natural" / "bio.jsonl"
    article = load_examples(path)[0].article
    same = Article.from_text(article.text, title="Another title", source="elsewhere.txt")
    found = ExampleSet.fitting(path, [same, ARTICLE])
    assert (found.name, len(found.examples)) == ("bio", 30)
    assert ExampleSet.fitting(path, [ARTICLE]).examples == ()
