"""Intervals and tests against known values, second implementations, and simulated runs."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.evaluation import Example, evaluate
from qa.evaluation.statistics import (
    FEWEST_CLUSTERS,
    bootstrap,
    mcnemar,
    paired_bootstrap,
    smallest_difference,
    wilson,
)
from qa.records import Article

Z = 1.959963984540054  # of 95%
COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def mean_of(values: list[float], clusters: list[str], **options: int) -> tuple[float, float]:
    array = np.array(values)
    return bootstrap(lambda cases: float(array[cases].mean()), clusters, **options)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),  # the usual textbook example
        (0, 10, 0.0, 0.2775),  # z² / (n + z²) = 3.8415 / 13.8415
        (10, 10, 0.7225, 1.0),
        (1, 2, 0.0945, 0.9055),
    ],
)
def test_wilson_has_the_known_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS)
def test_wilson_ends_are_shares_that_just_are_not_refuted(counts: tuple[int, int]) -> None:
    successes, n = counts
    share = successes / n
    low, high = wilson(successes, n)
    assert 0.0 <= low <= share <= high <= 1.0
    for end in (low, high):
        assert abs(share - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / n), abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_no_interval_of_no_share(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        wilson(successes, n)


@given(st.integers(0, 7), st.integers(0, 7))
def test_mcnemar_counts_the_runs_of_fair_coins_that_are_as_uneven(worse: int, better: int) -> None:
    flips = worse + better
    tosses = [sum(run) for run in itertools.product((0, 1), repeat=flips)]
    uneven = [abs(2 * heads - flips) >= abs(worse - better) for heads in tosses]
    assert mcnemar(worse, better) == pytest.approx(sum(uneven) / len(uneven), abs=1e-12)


def test_mcnemar_that_was_worked_out() -> None:
    assert mcnemar(1, 9) == 2 * (1 + 10) / 1024
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(2000, 3000) < 1e-40


def test_a_seed_gives_the_same_interval_again() -> None:
    values, clusters = [0.0, 1.0, 1.0, 0.5], ["a", "a", "b", "b"]
    assert mean_of(values, clusters) == mean_of(values, clusters)
    assert mean_of(values, clusters, seed=1) != mean_of([0.1, 1.0, 1.0, 0.5], clusters, seed=1)


def test_alike_questions_of_an_article_do_not_narrow_the_interval() -> None:
    # Ten articles, all questions of each right or all wrong: 10 cases, asked 1 or 20 times.
    once = [0.0, 1.0] * 5
    names = [f"article {number}" for number in range(10)]
    often, repeated = [v for v in once for _ in range(20)], [n for n in names for _ in range(20)]
    assert mean_of(often, repeated) == mean_of(once, names)
    apart = mean_of(often, [f"{number}" for number in range(200)])
    assert apart[1] - apart[0] < (mean_of(once, names)[1] - mean_of(once, names)[0]) / 3


def test_few_articles_are_resampled_by_question() -> None:
    values = [0.0, 1.0] * 20
    few = [f"{number % (FEWEST_CLUSTERS - 1)}" for number in range(40)]
    assert mean_of(values, few) == mean_of(values, [f"{number}" for number in range(40)])


@pytest.mark.parametrize(("articles", "drawn"), [(4, "bootstrap by question"), (5, "bootstrap")])
def test_a_figure_says_what_was_drawn(articles: int, drawn: str) -> None:
    asked = [
        Example(
            id=f"{number}",
            article=Article.from_text(f"{number}", title="A", source="a.txt"),
            question="?",
            answers=(("37",),),
        )
        for number in range(articles)
    ]
    found = {one.name: one.interval for one in evaluate(asked, lambda *_: "37").estimates}
    assert (found["right"], found["f1"], found["total_ms_p50"]) == ("wilson", drawn, drawn)


def test_a_bootstrap_covers_nearly_as_often_as_it_says() -> None:
    # Measured over 5,000 sets of 60 cases: 93% with 200 resamples, where it says 95%.
    random = np.random.default_rng(7)
    covered = 0
    for run in range(400):
        values = random.normal(size=60).tolist()
        low, high = mean_of(values, ["one"] * 60, seed=run, resamples=200)
        covered += low <= 0.0 <= high
    assert 357 <= covered <= 387  # 93% of 400, less and plus three standard deviations


def test_a_resample_without_a_figure_is_drawn_again() -> None:
    flags = np.array([True] + [False] * 9)
    interval = bootstrap(
        lambda cases: 1.0 if flags[cases].any() else None, ["one"] * 10, resamples=50
    )
    assert interval == (1.0, 1.0)
    with pytest.raises(ValueError, match="too few resamples"):
        bootstrap(lambda cases: None, ["one"] * 10, resamples=50)
    with pytest.raises(ValueError, match="no cases"):
        bootstrap(lambda cases: 1.0, [])


def test_a_paired_bootstrap_sees_what_two_single_ones_do_not() -> None:
    random = np.random.default_rng(3)
    old = random.uniform(size=100)
    new = old + 0.05
    names = ["one"] * 100
    assert paired_bootstrap(list(old), list(new), names) == pytest.approx((0.05, 0.05))
    with pytest.raises(ValueError, match="do not match"):
        paired_bootstrap([1.0], [1.0, 2.0], names)


@pytest.mark.parametrize(("n", "flips"), [(100, 0.2), (500, 0.1), (2000, 0.4)])
def test_the_smallest_difference_is_seen_in_80_of_100_sets(n: int, flips: float) -> None:
    smallest = smallest_difference(n, flips)
    assert smallest is not None
    random = np.random.default_rng(5)
    shares = [(flips + smallest) / 2, (flips - smallest) / 2, 1 - flips]
    better, worse, _ = random.multinomial(n, shares, size=4000).T
    seen = np.abs(better - worse) > Z * np.sqrt(better + worse)
    assert seen.mean() == pytest.approx(0.8, abs=0.04)


def test_a_small_set_shows_nothing() -> None:
    assert smallest_difference(5, 0.2) is None
    assert smallest_difference(100, 0.0) is None
    with pytest.raises(ValueError, match="is not a share of flips"):
        smallest_difference(0, 0.2)
