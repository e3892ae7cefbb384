"""Two runs compared: pairs are of one question, flips are named, chance is told from change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.errors import ReportError
from qa.evaluation.comparing import Change, Comparison, Difference, came_out_alike, compare
from qa.evaluation.comparison_text import comparison_text
from qa.evaluation.records import Example, Outcome, Report
from qa.evaluation.statistics import mcnemar
from qa.records import Answer, Article, Reason

ARTICLE = Article.from_text("The town keeps 37 boats.", title="Northmere", source="boats.txt")
OTHER = Article.from_text("The town keeps 38 boats.", title="Northmere", source="boats.txt")


def outcome(name: str, **scores: float) -> Outcome:
    question = f"Question {name}?"
    example = Example(id=name, article=ARTICLE, question=question, answers=(("37",),))
    answer = Answer(question=question, searched_for=question, text="37", status="answered")
    return Outcome(example=example, answer=answer, scores=scores, seconds=1.0)


def run(*outcomes: Outcome) -> Report:
    return Report(outcomes=outcomes, estimates=(), about={})


def rights(values: list[bool]) -> Report:
    return run(*(outcome(f"q{place}", right=float(value)) for place, value in enumerate(values)))


def test_flips_are_named_and_tested() -> None:
    old = rights([True, True, False, False, False, False])
    new = rights([True, False, True, True, True, False])
    [right] = compare(old, new).differences
    # 2 of 6 were right, 4 of 6 are; four flips, one of them for the worse:
    # p = 2 * (1 + 4) / 2**4 = 0.625.
    assert (right.name, right.n) == ("right", 6)
    assert (right.old, right.new) == (2 / 6, 4 / 6)
    assert right.change == pytest.approx(2 / 6)
    assert (right.better, right.worse) == (("q2", "q3", "q4"), ("q1",))
    assert right.p == 0.625
    assert right.low <= right.change <= right.high
    assert not right.real


def test_many_flips_one_way_are_no_chance() -> None:
    [right] = compare(rights([False] * 10), rights([True] * 10)).differences
    assert right.p == 2 / 2**10
    assert right.real
    assert right.better == tuple(f"q{place}" for place in range(10))


def test_two_runs_alike_differ_in_nothing() -> None:
    [right] = compare(rights([True, False]), rights([True, False])).differences
    assert right == Difference(name="right", n=2, old=0.5, new=0.5, low=0.0, high=0.0, p=1.0)
    assert not right.real


def test_a_metric_is_compared_where_it_applies_to_both() -> None:
    old = run(outcome("a", f1=0.5, mrr=1.0), outcome("b", f1=0.25), outcome("c", right=1.0))
    new = run(outcome("a", f1=1.0), outcome("b", f1=0.5, mrr=1.0), outcome("c", right=0.0))
    differences = compare(old, new).differences
    assert [(one.name, one.n, one.old, one.new) for one in differences] == [
        ("right", 1, 1.0, 0.0),
        ("f1", 2, 0.375, 0.75),
    ]


def test_a_mean_has_no_flips() -> None:
    [one] = compare(run(outcome("a", f1=0.5)), run(outcome("a", f1=1.0))).differences
    assert (one.better, one.worse, one.p, one.smallest) == ((), (), None, None)


def test_what_complements_one_another_is_judged_alike() -> None:
    old = run(*(outcome(f"q{n}", declined=0.0, false_answers=1.0) for n in range(6)))
    new = run(*(outcome(f"q{n}", declined=1.0, false_answers=0.0) for n in range(6)))
    declined, false_answers = compare(old, new).differences
    # Six flips, all one way: p = 2 / 2**6.
    assert (declined.p, declined.real) == (false_answers.p, false_answers.real) == (1 / 32, True)
    assert declined.change == -false_answers.change
    assert declined.better == false_answers.better == tuple(f"q{n}" for n in range(6))
    assert declined.worse == false_answers.worse == ()


def test_a_metric_is_a_matter_of_flips_where_it_is_0_or_1_on_both_sides() -> None:
    old = run(outcome("a", f1=0.0, exact_match=0.0), outcome("b", f1=1.0, exact_match=1.0))
    new = run(outcome("a", f1=1.0, exact_match=1.0), outcome("b", f1=0.5, exact_match=0.0))
    found = {one.name: (one.better, one.worse, one.p) for one in compare(old, new).differences}
    assert found == {"exact_match": (("a",), ("b",), 1.0), "f1": ((), (), None)}


def test_what_the_runs_were_made_with_is_compared() -> None:
    old, new = run(outcome("a", right=1.0)), run(outcome("a", right=1.0))
    old = replace(old, about={"model": "one", "seed": "0", "gone": "x"})
    new = replace(new, about={"model": "two", "seed": "0", "judge": "y"})
    assert compare(old, new).about == (
        Change(name="gone", old="x", new=None),
        Change(name="judge", old=None, new="y"),
        Change(name="model", old="one", new="two"),
    )


def test_pairs_that_flipped_are_there_once_and_in_order() -> None:
    old = run(*(outcome(n, right=0.0, correct=0.0, mrr=0.5) for n in ("b", "a", "c")))
    new = run(*(outcome(n, right=float(n != "c"), correct=1.0, mrr=1.0) for n in ("a", "b", "c")))
    flips = compare(old, new).flips
    assert [(one.example.id, two.example.id) for one, two in flips] == [
        (name, name) for name in ("b", "a", "c")
    ]


def test_runs_come_out_alike_whatever_time_they_took() -> None:
    one = outcome("a", right=1.0)
    assert one.answer is not None
    there = replace(run(one), about={"model": "x"})
    other_words = replace(one, answer=replace(one.answer, text="38"))
    failed = replace(one, answer=None, error="It died.")
    assert came_out_alike(there, replace(there, outcomes=(replace(one, seconds=9.0),)))
    assert not came_out_alike(there, replace(there, about={"model": "y"}))
    assert not came_out_alike(there, replace(there, outcomes=(other_words,)))
    assert not came_out_alike(there, replace(there, outcomes=(failed,)))
    assert not came_out_alike(there, replace(there, outcomes=(one, outcome("b", right=1.0))))


def test_names_that_no_metric_has_come_last() -> None:
    scores = {"zeal": 1.0, "right": 1.0, "beauty": 1.0}
    differences = compare(run(outcome("a", **scores)), run(outcome("a", **scores))).differences
    assert [one.name for one in differences] == ["right", "beauty", "zeal"]


def test_what_has_no_pair_is_listed() -> None:
    old = run(outcome("gone", right=1.0), outcome("both", right=1.0))
    new = run(outcome("new", right=0.0), outcome("both", right=1.0))
    comparison = compare(old, new)
    assert comparison.pairs == 1
    assert (comparison.only_old, comparison.only_new) == (("gone",), ("new",))
    assert comparison.differences[0].n == 1


@pytest.mark.parametrize(
    "change",
    [{"question": "Another?"}, {"article": OTHER}, {"answers": (("38",),)}, {"answers": ()}],
)
def test_an_id_that_stands_for_something_else_is_no_pair(change: dict[str, object]) -> None:
    old = run(outcome("same", right=1.0), outcome("other", right=1.0))
    other = outcome("other", right=0.0)
    new = run(outcome("same", right=1.0), replace(other, example=replace(other.example, **change)))
    comparison = compare(old, new)
    assert (comparison.pairs, comparison.changed) == (1, ("other",))
    assert comparison.differences[0].worse == ()


def test_reports_without_a_common_question_are_refused() -> None:
    with pytest.raises(ReportError, match="no question in common"):
        compare(run(outcome("a", right=1.0)), run(outcome("b", right=1.0)))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12))
def test_the_other_way_round_is_the_other_sign(values: list[tuple[bool, bool]]) -> None:
    old, new = rights([value for value, _ in values]), rights([value for _, value in values])
    [there], [back] = compare(old, new).differences, compare(new, old).differences
    assert (there.better, there.worse) == (back.worse, back.better)
    assert there.change == -back.change
    assert there.p == back.p == mcnemar(len(there.worse), len(there.better))


def test_the_text_tells_it_all() -> None:
    long = outcome("q9", right=1.0)
    assert long.answer is not None
    worded = replace(long.answer, text=f"One\nline \x1b[31m{'x' * 100}")
    withheld = replace(long.answer, status="abstained", reason=Reason.DECLINED)
    comparison = Comparison(
        pairs=60,
        differences=(
            Difference(
                name="right",
                n=60,
                old=0.9,
                new=0.95,
                low=-0.016,
                high=0.116,
                better=("q1", "q2", "q3", "q4"),
                worse=("q9",),
                p=0.375,
                smallest=0.104,
            ),
            Difference(name="f1", n=1234, old=0.5, new=0.6, low=0.05, high=0.15),
        ),
        about=(
            Change(name="model", old="one", new="two\n2"),
            Change(name="judge", old=None, new="y" * 101),
        ),
        flips=(
            (replace(long, answer=worded), replace(long, answer=withheld)),
            (outcome("q\n1"), replace(outcome("q1"), answer=None, error="It died.")),
        ),
        only_old=("gone\n",),
        changed=("x",),
    )
    assert comparison_text(comparison) == "\n".join(
        (
            "Made with, old and new:",
            "  model: one -> two 2",
            f"  judge: not stated -> {'y' * 100} …",
            "",
            "60 questions were asked in both runs.",
            "",
            "         old    new  change      95% interval      p      n",
            "right  0.900  0.950  +0.050  -0.016 to +0.116  0.375     60  may be chance",
            "f1     0.500  0.600  +0.100  +0.050 to +0.150         1,234  real",
            "",
            "right",
            "  better: 4 (q1, q2, q3, q4)",
            "  worse: 1 (q9)",
            "  60 pairs mostly show a change of 0.104; a smaller one may be missed.",
            "",
            "Questions that flipped",
            "  q9: Question q9?",
            f"    old: One line \x1b[31m{'x' * 86} …",  # 14 characters are before
            "    new: declined",
            "  'q\\n1': Question q 1?",
            "    old: 37",
            "    new: failed: It died.",
            "",
            "Only in the old run, left out: 1 ('gone\\n')",
            "",
            "Another question, article or gold answer now, left out: 1 (x)",
        )
    )


def test_a_long_list_is_cut_and_counted() -> None:
    text = comparison_text(compare(rights([False] * 25), rights([True] * 25)))
    assert "better: 25 (q0, q1, " in text
    assert "q19 and 5 more)" in text
    assert "<0.001" in text


def test_all_that_flipped_can_be_read() -> None:
    text = comparison_text(compare(rights([False] * 25), rights([True] * 25)))
    assert [line for line in text.splitlines() if "Question q" in line] == [
        f"  q{place}: Question q{place}?" for place in range(25)
    ]
    assert text.startswith("Both runs were made with the same.\n")


def test_no_flip_is_said_to_be_none() -> None:
    assert "No question flipped." in comparison_text(compare(rights([True]), rights([True])))
