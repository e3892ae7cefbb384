"""The figures of a report as words: the same in a terminal, in Markdown and on a page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qa.evaluation.records import Estimate
from qa.evaluation.statistics import smallest_difference

MAIN_FIGURES = (
    "right",
    "declined",
    "false_answers",
    "citation_precision",
    "citation_recall",
    "retrieval_recall_at_5",
    "similarity",
    "judged_right",
    "judge_unreadable",
    "coverage_at_5_risk",
    "ece",
    "ece_by_chance",
    "first_token_ms_p50",
    "total_ms_p50",
)
"""What a person looks at first; of similarity and a judge there are figures where asked for."""

SUPPOSED_FLIPS = 0.2
"""What share of the questions two runs may well differ on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One estimate as it is read."""

    name: str
    value: str
    interval: str
    n: str


def rows(estimates: Iterable[Estimate]) -> tuple[Row, ...]:
    """Return the estimates in words, in their order."""
    return tuple(
        Row(
            name=one.name,
            value=_with_unit(one.name, one.value),
            interval=f"{_number(one.name, one.low)} to {_with_unit(one.name, one.high)}",
            n=f"{one.n:,}",
        )
        for one in estimates
    )


def table(estimates: Iterable[Estimate]) -> str:
    """Return plain text for a terminal, a line an estimate: name, value, 95% interval, n."""
    head = Row(name="", value="value", interval="95% interval", n="n")
    lines = (head, *rows(estimates))
    name, value, interval, n = (
        max(len(getattr(line, column)) for line in lines) for column in Row.__slots__
    )
    return "\n".join(
        f"{line.name:<{name}}  {line.value:>{value}}  {line.interval:>{interval}}  {line.n:>{n}}"
        for line in lines
    )


def smallest_shown(estimates: Iterable[Estimate]) -> str:
    """Return in a sentence how small a change against another run these questions would show.

    It is said for runs that come out differently on ``SUPPOSED_FLIPS`` of the questions; empty
    where nothing could be right or declined.
    """
    told = [
        f"{one.name} {_points(smallest_difference(one.n, SUPPOSED_FLIPS))}"
        for one in estimates
        if one.name in {"right", "declined"}
    ]
    if not told:
        return ""
    return (
        "The smallest change that these questions would mostly show, against a run that differs on "
        f"{SUPPOSED_FLIPS:.0%} of them: {', '.join(told)}."
    )


def _points(difference: float | None) -> str:
    return "none, as they are too few" if difference is None else f"{difference * 100:.0f} points"


def counts_units(name: str) -> bool:
    """Return whether a figure of this name is a number of milliseconds or tokens, no share."""
    return "_ms" in name or name.startswith("tokens_")


def _with_unit(name: str, value: float) -> str:
    return f"{_number(name, value)} ms" if "_ms" in name else _number(name, value)


def _number(name: str, value: float) -> str:
    """Return milliseconds and tokens as whole numbers, and anything else to three decimals."""
    return f"{value:,.0f}" if counts_units(name) else f"{value:,.3f}"
