"""What the script of SQuAD 2.0 says of a run's answers, without the script and its files.

In: outcomes. Out: its figures by its names, equal to the last digit to what it gives for
``qa.evaluation.exports``. For tables of others; the figures of a report, with their intervals, are
in ``qa.evaluation.estimates``. The rules: Rajpurkar, Jia and Liang, "Know what you don't know:
unanswerable questions for SQuAD", 2018, and the script, version 2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qa.evaluation.exports import (
    squad_no_answer_probabilities,
    squad_outcomes,
    squad_predictions,
)
from qa.evaluation.records import Outcome
from qa.evaluation.squad import exact_match, f1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """One question as the script sees it; ``no_answer`` is the probability that it has none."""

    answerable: bool
    declined: bool
    no_answer: float
    exact: float
    f1: float


def squad_totals(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return exact match and F1 in percent: of all, of "HasAns", of "NoAns", and at their best.

    "best_exact" is what exact match would be if all were declined whose confidence is too low, at
    the best threshold for just these questions, and "best_exact_thresh" is that threshold, as a
    probability that there is no answer; "best_f1" likewise. A figure of no question is left out. As
    in the exports, a failed case is an empty answer. A question whose answer has several parts is
    left out: the script knows none.

    The best threshold is chosen on the questions it is reported for, so it flatters.
    """
    scored = _scored(squad_outcomes(outcomes))
    totals: dict[str, float] = {}
    for prefix, part in (
        ("", scored),
        ("HasAns_", [one for one in scored if one.answerable]),
        ("NoAns_", [one for one in scored if not one.answerable]),
    ):
        if part:
            totals[f"{prefix}exact"] = _percent(_sum(one.exact for one in part), part)
            totals[f"{prefix}f1"] = _percent(_sum(one.f1 for one in part), part)
            totals[f"{prefix}total"] = len(part)
    if scored:
        for name in ("exact", "f1"):
            best, threshold = _best([(one, getattr(one, name)) for one in scored])
            totals |= {f"best_{name}": _percent(best, scored), f"best_{name}_thresh": threshold}
    return totals


def _scored(outcomes: Sequence[Outcome]) -> list[_Scored]:
    said, no_answer = squad_predictions(outcomes), squad_no_answer_probabilities(outcomes)
    return [
        _Scored(
            answerable=example.answerable,
            declined=not said[example.id],
            no_answer=no_answer[example.id],
            exact=exact_match(said[example.id], golds),
            f1=f1(said[example.id], golds),
        )
        for example, golds in (
            (one.example, [gold for group in one.example.answers for gold in group])
            for one in outcomes
        )
    ]


def _best(scored: Iterable[tuple[_Scored, float]]) -> tuple[float, float]:
    """Return the highest sum of scores over all thresholds, and the first that reaches it.

    To begin with all is declined; then answers are let through, the surest first. Those of the same
    probability come one by one, in the order of the run, as in the script: a best sum may lie
    between two of them, where no threshold can be set.
    """
    ordered = sorted(scored, key=lambda pair: pair[0].no_answer)
    reached: float = sum(not one.answerable for one, _ in ordered)
    best, threshold = reached, 0.0
    for one, score in ordered:
        reached += score if one.answerable else -float(not one.declined)
        if reached > best:
            best, threshold = reached, one.no_answer
    return best, threshold


def _sum(scores: Iterable[float]) -> float:
    """Return the sum, rounded after each score: ``sum`` does so no longer from Python 3.12 on."""
    total = 0.0
    for score in scores:
        total += score
    return total


def _percent(total: float, of: Sequence[_Scored]) -> float:
    return 100.0 * total / len(of)
