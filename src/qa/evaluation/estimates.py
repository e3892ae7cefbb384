"""The scores of all cases to the figures of a report, each with its interval, and to its curves.

In: the outcomes of a run. Out: ``Estimate`` records in the order of ``METRICS``; a figure that no
case speaks for is left out. Shares of cases have Wilson intervals, all else is resampled by
article, or by question where the articles are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qa.evaluation import confidence as believed
from qa.evaluation.metrics import METRICS
from qa.evaluation.records import Estimate, Outcome
from qa.evaluation.statistics import Cases, are_few, bootstrap, wilson

Numbers = NDArray[np.float64]

_SHARES = (
    "right",
    "declined",
    "correct",
    "incorrect",
    "not_attempted",
    "false_answers",
    "false_abstentions",
    "exact_match",
    "judged_right",
    "judge_unreadable",
)
_MEANS = (
    "f1",
    "citation_precision",
    "citation_recall",
    "sentences_supported",
    "retrieval_recall_at_5",
    "mrr",
    "ndcg_at_5",
    "similarity",
)
_PERCENTILES = (50, 95)


def estimates(outcomes: Sequence[Outcome]) -> tuple[Estimate, ...]:
    """Return every figure that the outcomes speak for."""
    found = [
        *_shares(outcomes),
        *_means(outcomes),
        *_right_mean(outcomes),
        *_believed(outcomes),
        *_times(outcomes),
        *_tokens(outcomes),
    ]
    order = {name: place for place, name in enumerate(METRICS)}
    return tuple(sorted(found, key=lambda estimate: order[estimate.name]))


def curves(outcomes: Sequence[Outcome]) -> dict[str, tuple[tuple[float, float], ...]]:
    """Return the points of what is plotted; none where no answer has a confidence.

    "risk-coverage": for each number of answers that a threshold can let through, their share of all
    questions and the share of them that is wrong. "reliability": for each bin, the mean confidence
    and the share that is right.
    """
    given = _given(outcomes)
    if not given:
        return {}
    confidence, right = _confidence(given), _scores(given, "correct")
    shares, ends = believed.risks(confidence, right)
    counts = np.arange(1, len(given) + 1) / len(outcomes)
    bins = believed.calibration(confidence, right)
    return {
        "risk-coverage": tuple(zip(counts[ends].tolist(), shares[ends].tolist(), strict=True)),
        "reliability": tuple((mean, share) for mean, share, _ in bins),
    }


def _shares(outcomes: Sequence[Outcome]) -> Iterator[Estimate]:
    for name in _SHARES:
        yield from _share(name, [o.scores[name] for o in outcomes if name in o.scores])
    yield from _share("failed", [float(outcome.answer is None) for outcome in outcomes])
    withheld = [o for o in outcomes if o.answer and o.answer.status == "abstained"]
    precise = [float(not outcome.example.answerable) for outcome in withheld]
    yield from _share("abstention_precision", precise)


def _share(name: str, values: Sequence[float]) -> Iterator[Estimate]:
    if values:
        successes = round(sum(values))
        low, high = wilson(successes, len(values))
        value = successes / len(values)
        yield Estimate(name=name, value=value, low=low, high=high, n=len(values), interval="wilson")


def _means(outcomes: Sequence[Outcome]) -> Iterator[Estimate]:
    for name in _MEANS:
        cases = [outcome for outcome in outcomes if name in outcome.scores]
        values = _scores(cases, name)
        yield from _resampled(name, cases, _mean_of(values))


def _right_mean(outcomes: Sequence[Outcome]) -> Iterator[Estimate]:
    answerable = np.array([outcome.example.answerable for outcome in outcomes], dtype=bool)
    correct = _scores(outcomes, "correct")  # right, or declined, whichever applies

    def mean(cases: Cases) -> float | None:
        can = answerable[cases]
        if can.all() or not can.any():
            return None
        scores = correct[cases]
        return float(scores[can].mean() + scores[~can].mean()) / 2

    yield from _resampled("right_mean", outcomes, mean)


def _believed(outcomes: Sequence[Outcome]) -> Iterator[Estimate]:
    given = _given(outcomes)
    if not given:
        return
    confidence, right = _confidence(given), _scores(given, "correct")
    for name, figure in (
        ("aurc", believed.risk_area),
        ("brier", believed.brier),
        ("ece", believed.calibration_error),
    ):
        yield from _resampled(name, given, _of_both(figure, confidence, right))
    yield from _resampled(
        "ece_by_chance",
        given,
        lambda cases: believed.calibration_error_by_chance(confidence[cases]),
    )
    everywhere, correct = _confidence(outcomes), _scores(outcomes, "correct")
    answered = np.array([_is_given(outcome) for outcome in outcomes], dtype=bool)
    for percent in (5, 10):

        def coverage(cases: Cases, risk: float = percent / 100) -> float:
            kept = cases[answered[cases]]
            return believed.coverage_at(everywhere[kept], correct[kept], risk=risk, n=len(cases))

        yield from _resampled(f"coverage_at_{percent}_risk", outcomes, coverage)
    done = [outcome for outcome in outcomes if outcome.answer]
    can = np.array([float(outcome.example.answerable) for outcome in done])
    yield from _resampled("auroc", done, _of_both(believed.roc_area, _confidence(done), can))


def _times(outcomes: Sequence[Outcome]) -> Iterator[Estimate]:
    done = [outcome for outcome in outcomes if outcome.answer]
    spoken = [o for o in done if o.answer and o.answer.timings.first_token_ms is not None]
    first = np.array([o.answer.timings.first_token_ms for o in spoken if o.answer], dtype=float)
    total = np.array([outcome.seconds * 1000 for outcome in done], dtype=float)
    for name, cases, values in (("first_token_ms", spoken, first), ("total_ms", done, total)):
        for percent in _PERCENTILES:
            yield from _resampled(f"{name}_p{percent}", cases, _percentile_of(values, percent))


def _tokens(outcomes: Sequence[Outcome]) -> Iterator[Estimate]:
    """Yield the tokens of an answer; who answers without a model, or does not count, has none."""
    counted = [(o, o.answer.usage) for o in outcomes if o.answer and o.answer.usage]
    cases = [outcome for outcome, _ in counted]
    for name, counts in (
        ("tokens_read", [usage.read for _, usage in counted]),
        ("tokens_cached", [usage.cached for _, usage in counted]),
        ("tokens_written", [usage.written for _, usage in counted]),
    ):
        values = np.array(counts, dtype=float)
        yield from _resampled(f"{name}_p50", cases, _percentile_of(values, 50))


def _resampled(
    name: str, cases: Sequence[Outcome], figure: Callable[[Cases], float | None]
) -> Iterator[Estimate]:
    """Yield the estimate of a figure, if these cases have it."""
    value = figure(np.arange(len(cases))) if cases else None
    if value is not None:
        articles = [outcome.example.article.id for outcome in cases]
        low, high = bootstrap(figure, articles)
        drawn = "bootstrap by question" if are_few(articles) else "bootstrap"
        yield Estimate(name=name, value=value, low=low, high=high, n=len(cases), interval=drawn)


def _mean_of(values: Numbers) -> Callable[[Cases], float]:
    return lambda cases: float(values[cases].mean())


def _percentile_of(values: Numbers, percent: int) -> Callable[[Cases], float]:
    """Return the percentile, linear between two values, as NumPy's own at a tenth of its cost."""

    def percentile(cases: Cases) -> float:
        ordered = np.sort(values[cases])
        below, rest = divmod((len(ordered) - 1) * percent / 100, 1)
        above = min(int(below) + 1, len(ordered) - 1)
        return float(ordered[int(below)] * (1 - rest) + ordered[above] * rest)

    return percentile


def _of_both(
    figure: Callable[[Numbers, Numbers], float | None], one: Numbers, other: Numbers
) -> Callable[[Cases], float | None]:
    return lambda cases: figure(one[cases], other[cases])


def _given(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the cases that were answered, or none where the answerer states no confidence."""
    given = [outcome for outcome in outcomes if _is_given(outcome)]
    return given if any(_confidence(given)) else []


def _is_given(outcome: Outcome) -> bool:
    return outcome.answer is not None and outcome.answer.status == "answered"


def _scores(outcomes: Sequence[Outcome], name: str) -> Numbers:
    return np.array([outcome.scores[name] for outcome in outcomes], dtype=float)


def _confidence(outcomes: Sequence[Outcome]) -> Numbers:
    return np.array([o.answer.confidence if o.answer else 0.0 for o in outcomes], dtype=float)
