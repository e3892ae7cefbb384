from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from fakes.answerer import (
    BREAK,
    EXPLODE,
    FOLLOW_UP,
    HOW_MANY,
    KING,
    LONG,
    SLOWLY,
    ScriptedAnswerer,
)
from qa.errors import EngineError, QAError
from qa.records import Answer, Turn
from qa.ui.running import UNEXPECTED, RunningAnswer, RunningAnswers


class Silent:
    """An assistant whose stream ends without a final answer."""

    articles = ()

    def stream(
        self, question: str, history: Sequence[Turn], *, searched_for: str | None = None
    ) -> Iterator[Answer]:
        yield Answer(question=question, searched_for=question, text="Half", status="draft")

    def read_on(self, history: Sequence[Turn]) -> None:
        pass

    def close(self) -> None:
        pass


def running(question: str, log: list[str] | None = None) -> RunningAnswer:
    return RunningAnswer(ScriptedAnswerer((log if log is not None else []).append), question, [])


def ended(log: list[str], seconds: float = 2.0) -> bool:
    until = time.monotonic() + seconds
    while not any(line.startswith("ended") for line in log) and time.monotonic() < until:
        time.sleep(0.01)
    return any(line.startswith("ended") for line in log)


def test_the_last_update_is_the_answer_and_drafts_come_before_it() -> None:
    with running(HOW_MANY) as answer:
        updates = [update for update in answer.updates() if update is not None]
    assert [update.status for update in updates[-2:]] == ["draft", "answered"]
    lengths = [len(update.text) for update in updates]
    assert lengths == sorted(lengths)


def test_words_to_search_for_instead_reach_the_stream() -> None:
    answers = RunningAnswers(ScriptedAnswerer([].append))
    given = answers.begin("one", FOLLOW_UP, [], searched_for="How dear is a boat?")
    assert given is not None
    with given:
        *_, last = given.updates()
    assert last is not None
    assert last.searched_for == "How dear is a boat?"


def test_a_stream_that_waits_gives_signs_of_life_and_can_be_stopped() -> None:
    with running(LONG) as answer:
        updates = answer.updates()
        assert next(updates) is None
        began = time.monotonic()
        answer.stop()
        assert list(updates) == [None]
        assert time.monotonic() - began < 1.0


def test_stopping_closes_the_stream_at_its_next_draft() -> None:
    log: list[str] = []
    with running(SLOWLY, log) as answer:
        updates = answer.updates()
        next(updates)
        answer.stop()
        assert [update.status for update in updates if update is not None] == ["draft"]
        assert ended(log)


def test_leaving_an_answer_closes_its_stream() -> None:
    log: list[str] = []
    with running(SLOWLY, log) as answer:
        next(answer.updates())
    assert ended(log)
    assert answer.finished.is_set()


def test_an_error_of_the_stream_is_the_error_of_the_updates() -> None:
    with running(BREAK) as answer, pytest.raises(EngineError, match="stopped"):
        list(answer.updates())


def test_an_unexpected_error_is_told_without_its_details() -> None:
    with running(EXPLODE) as answer, pytest.raises(QAError) as caught:
        list(answer.updates())
    assert str(caught.value) == UNEXPECTED


def test_a_stream_without_a_final_answer_is_an_error() -> None:
    with RunningAnswer(Silent(), "q", []) as answer, pytest.raises(QAError) as caught:
        list(answer.updates())
    assert str(caught.value) == UNEXPECTED


def test_a_session_has_one_answer_at_a_time_and_others_do_not_wait_for_it() -> None:
    answers = RunningAnswers(ScriptedAnswerer([].append))
    first = answers.begin("one", SLOWLY, [])
    assert first is not None
    assert answers.begin("one", KING, []) is None
    assert answers.begin("two", KING, []) is not None
    with first:
        pass
    assert answers.begin("one", KING, []) is not None


def test_stop_ends_the_answer_of_that_session_alone() -> None:
    answers = RunningAnswers(ScriptedAnswerer([].append))
    mine, other = answers.begin("mine", SLOWLY, []), answers.begin("other", HOW_MANY, [])
    assert mine is not None
    assert other is not None
    shown: list[Answer | None] = []
    with other, mine:
        reader = threading.Thread(target=lambda: shown.extend(mine.updates()))
        reader.start()
        answers.stop("mine", seconds=0.2)
        answers.stop("nobody")
        reader.join(2)
        finals = [update for update in other.updates() if update is not None]
    assert not reader.is_alive()
    assert finals[-1].status == "answered"


def test_draining_waits_for_answers_and_stops_those_that_take_too_long() -> None:
    answers = RunningAnswers(ScriptedAnswerer([].append))
    assert answers.drain(seconds=0.0)
    slow = answers.begin("slow", SLOWLY, [])
    assert slow is not None

    def show() -> None:
        with slow:
            list(slow.updates())

    reader = threading.Thread(target=show)
    reader.start()
    assert not answers.drain(seconds=0.2)
    reader.join(2)
    assert not reader.is_alive()
