"""The totals of SQuAD 2.0's script, worked out by hand and over all ways to set a threshold."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.cases import answered, declined, example
from qa.evaluation.metrics import score
from qa.evaluation.records import Outcome
from qa.evaluation.squad_totals import squad_totals

CAT = "the black cat sat"


def outcome(number: int, golds: Sequence[str], said: str, confidence: float) -> Outcome:
    asked = example(f"Question {number}?", id=str(number), answers=(tuple(golds),) * bool(golds))
    answer = answered(said, confidence=confidence) if said else declined()
    return Outcome(example=asked, answer=answer, scores=score(asked, answer), seconds=0.0)


def test_totals_that_were_worked_out() -> None:
    found = [
        outcome(1, ["37 boats"], "37 boats", 0.75),
        outcome(2, [], "red", 0.75),
        outcome(3, [CAT], "a black cat", 0.5),  # two words, of three: 2 * 1 * (2/3) / (5/3) = 0.8
        outcome(4, [], "", 0.0),
    ]
    assert squad_totals(found) == {
        "exact": 50.0,
        "f1": pytest.approx(70.0, abs=1e-12),
        "total": 4,
        "HasAns_exact": 50.0,
        "HasAns_f1": pytest.approx(90.0, abs=1e-12),
        "HasAns_total": 2,
        "NoAns_exact": 50.0,
        "NoAns_f1": 50.0,
        "NoAns_total": 2,
        # Two are right if all is declined, three with the first answer, and two with the second,
        # which is as sure: the script counts the first of them alone.
        "best_exact": 75.0,
        "best_exact_thresh": 0.25,
        "best_f1": 75.0,
        "best_f1_thresh": 0.25,
    }


def test_an_answer_of_a_space_is_no_empty_answer_to_a_threshold() -> None:
    # Normalised it is empty and so right; let through by a threshold it counts as an answer.
    spoken = [outcome(1, [], " ", 1.0), outcome(2, [CAT], CAT, 0.5)]
    found = squad_totals(spoken)
    assert (found["exact"], found["best_exact"], found["best_exact_thresh"]) == (100.0, 50.0, 0.0)


def test_what_the_script_does_not_know_is_left_out() -> None:
    parts = example("Who?", answers=(("Kamikawa",), ("Kihara",)))
    answer = answered("Kamikawa and Kihara")
    assert squad_totals([Outcome(example=parts, answer=answer, scores={}, seconds=0.0)]) == {}
    assert squad_totals([outcome(1, ["cat"], "cat", 0.5)]).keys() == {
        *("exact", "f1", "total", "HasAns_exact", "HasAns_f1", "HasAns_total"),
        *("best_exact", "best_exact_thresh", "best_f1", "best_f1_thresh"),
    }


CASES = st.lists(
    st.tuples(
        st.sampled_from([(), ("cat",), (CAT,)]),
        st.sampled_from(["", "cat", "the cat", "É", "…"]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    ),
    min_size=1,
    max_size=8,
)


@given(CASES)
def test_the_best_is_the_best_of_all_beginnings(
    cases: list[tuple[tuple[str, ...], str, float]],
) -> None:
    found = [outcome(number, *case) for number, case in enumerate(cases)]
    totals = squad_totals(found)
    surest = sorted(found, key=lambda one: -(one.answer.confidence if one.answer else 0.0))
    for name, metric in (("exact", "exact_match"), ("f1", "f1")):
        # Of each beginning of the list the answers count, of the rest that they are declined.
        reached = [
            sum(one.scores[metric] for one in surest[:count])
            + sum(not one.example.answerable for one in surest[count:])
            for count in range(len(surest) + 1)
        ]
        assert totals[f"best_{name}"] == pytest.approx(100 * max(reached) / len(found))
        assert totals[f"best_{name}"] >= totals[name] - 1e-9
        assert totals[name] == pytest.approx(100 * reached[-1] / len(found))
