"""The totals of SQuAD 2.0's script: by hand, as it gave them, and over all thresholds."""

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


# Gold answers, what was said ("" for an abstention), and the confidence: ties, empty answers,
# articles, punctuation and Unicode. Each of them is a difference that a rule might make or miss.
MADE_UP: list[tuple[list[str], str, float]] = [
    (["37 boats"], "The 37 boats!", 0.75),
    (["37 boats"], "３７ boats", 0.75),  # full-width digits stay what they are
    (["café"], "cafe\u0301", 0.75),  # an accent of its own is no letter of the other
    (["Café"], "CAFÉ", 0.5),
    (["fish"], "ﬁsh and chips", 0.5),  # a ligature
    (["ten\u00a0ships"], "ten ships", 0.5),  # a space that does not break
    (["He said no"], "“He said no”", 0.5),  # curly quotes are no punctuation there
    (['He said "no"'], "he said no", 0.25),
    (["well-known mayor"], "a well known mayor of the town", 0.25),
    (["A.N. Other"], "other", 0.25),  # without its points "an", an article
    (["the", "Ada Holm"], "the", 0.25),  # a gold answer without words counts for nothing
    (["Ada Holm", "Holm", "Mayor Ada Holm of Northmere"], "mayor Ada Holm", 0.9),
    (["no no yes"], "no yes yes", 0.1),  # words count as often as they occur
    (["Straße"], "STRASSE", 0.1),
    (["İzmir"], "i̇zmir", 0.6),
    (["1912–1914"], "1912-1914", 0.6),
    (["zero\u200bwidth space"], "zerowidth space", 0.6),
    (["in the year 2019, in May"], "May 2019", 0.3),
    (["Kihara"], "", 0.0),
    (["Kamikawa"], "", 0.75),
    ([], "", 0.75),
    ([], "", 0.0),
    ([], "the", 0.5),  # no words, and yet an answer
    ([], " ", 0.25),
    ([], "red", 0.9),
    ([], "…", 0.6),
    ([], "Ada", 0.1),
    ([], "The mayor", 0.1),
    (["seven of nine parts"], "seven parts of the eleven", 0.3),
    (["one two three"], "one", 0.3),
]


def test_totals_are_those_of_the_official_script() -> None:
    # What evaluate-v2.0.py printed of squad_data, squad_predictions and
    # squad_no_answer_probabilities of these cases, under Python 3.11. The best sums lie between
    # answers that are as sure as each other.
    found = [outcome(number, *case) for number, case in enumerate(MADE_UP)]
    assert squad_totals(found) == {
        "exact": 33.333333333333336,
        "f1": 49.69047619047618,
        "total": 30,
        "HasAns_exact": 27.272727272727273,
        "HasAns_f1": 49.57792207792207,
        "HasAns_total": 22,
        "NoAns_exact": 50.0,
        "NoAns_f1": 50.0,
        "NoAns_total": 8,
        "best_exact": 36.666666666666664,
        "best_exact_thresh": 0.75,
        "best_f1": 50.80158730158731,
        "best_f1_thresh": 0.75,
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
