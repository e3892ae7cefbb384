"""Signals of an answer, on a few sentences of which each value can be worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.citations import Alignment, SentenceIndex
from qa.signals import (
    FROM_THE_MODEL,
    SIGNALS,
    Nearness,
    signals_of_both,
    signals_of_check,
    signals_of_text,
)

SENTENCES = [
    "Ada Holm opened the pier in 1932.",
    "The town bought 37 boats.",
    "Every boat is painted in spring.",
    "Nobody remembers a winter without ice.",
]
NEARNESS = Nearness(passage=0.6, evidence=0.7, claim=0.8)


def signals(question: str, answer: str, *rows: int, coverage: float = 1.0) -> dict[str, float]:
    found = Alignment(nearest=rows, coverage=coverage, support="supported")
    return signals_of_text(
        SentenceIndex(SENTENCES), question, answer, [found], NEARNESS, follow_up=False
    )


def test_every_signal_that_needs_no_model_is_there() -> None:
    assert set(signals("How many boats?", "37", 1)) == set(SIGNALS) - FROM_THE_MODEL


def test_the_other_signals_are_those_of_a_check() -> None:
    assert set(signals_of_check(1.5)) == FROM_THE_MODEL


@pytest.mark.parametrize(
    ("other", "below"),
    [
        (signals_of_check(0.5), -1.0),
        (signals_of_check(1.5), 0.0),
        (signals_of_check(-13.0), -7.5),
        ({}, -7.5),
    ],
)
def test_of_two_answers_it_counts_how_far_the_other_is_below(
    other: dict[str, float], below: float
) -> None:
    both = signals_of_both({**signals_of_check(1.5), "follow_up": 1.0}, other)
    assert both == {
        "confirmed": 1.5,
        "second_attempt": 1.0,
        "other_confirmed": below,
        "follow_up": 1.0,
    }


def test_what_the_question_shares_with_the_evidence_and_its_neighbours() -> None:
    found = signals("When are the boats painted?", "In spring.", 1)
    assert 0 < found["question_in_evidence"] < 1
    assert found["question_nearby"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("What did Ada Holm open?", 0.0),
        ("What did Ada Berg open?", 0.5),
        ("What did Olaf Berg open?", 1.0),
        ("What was opened?", 0.0),
    ],
)
def test_names_that_are_not_beside_the_evidence_are_missing(question: str, missing: float) -> None:
    assert signals(question, "The pier.", 0)["names_missing"] == missing


@pytest.mark.parametrize(
    ("question", "answer", "missing"),
    [
        ("How many boats are there?", "37 boats.", 0.0),
        ("How many boats are there?", "Thirty-seven, or twelve.", 0.0),
        ("How many boats are there?", "Many boats.", 1.0),
        ("And how old is it?", "It is old.", 1.0),
        ("How was it painted?", "In spring.", 0.0),
    ],
)
def test_a_number_that_is_asked_for_has_to_come(question: str, answer: str, missing: float) -> None:
    assert signals(question, answer, 1)["number_missing"] == missing


def test_a_question_that_is_said_back_is_seen() -> None:
    echoed = signals("Which town bought boats?", "The town bought boats.", 1)
    short = signals("Which town bought boats?", "Northmere.", 1)
    assert echoed["question_in_answer"] > short["question_in_answer"] == 0.0


@given(st.text(max_size=80), st.text(max_size=80), st.sets(st.integers(0, 3), max_size=3))
def test_shares_stay_shares_whatever_is_asked(question: str, answer: str, rows: set[int]) -> None:
    found = signals(question, answer, *sorted(rows))
    assert all(-1e-9 <= value <= 1.0 + 1e-9 for value in found.values())
