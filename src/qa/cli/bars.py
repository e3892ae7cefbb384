"""What `qa eval --fail-under` takes: a figure and the number that it must reach.

In: the words of a person, then the figures of a report. Out: whether each bar was reached.
"""

from __future__ import annotations

import argparse
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qa.errors import QAError
from qa.evaluation.figures import rows
from qa.evaluation.metrics import METRICS
from qa.evaluation.records import Estimate

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}

_GIVEN_BY = {
    "judged_right": "--judge MODEL",
    "judge_unreadable": "--judge MODEL",
    "similarity": "--similarity",
}
"""The options that figures need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A figure's name and how it must compare with a number, as a person wrote it."""

    text: str
    name: str
    comparison: str
    number: float

    def reached(self, estimates: Sequence[Estimate]) -> bool:
        """Return whether the figure is there and compares so."""
        return any(
            estimate.name == self.name
            and _COMPARISONS[self.comparison](estimate.value, self.number)
            for estimate in estimates
        )

    def found(self, estimates: Sequence[Estimate]) -> str:
        """Return in words what the figure is."""
        for row in rows(estimates):
            if row.name == self.name:
                return f"it is {row.value}, n={row.n}"
        return "there is no such figure: no question speaks for it"


def bar(text: str) -> Bar:
    """Return the bar that a person wrote, as ``right>=0.9``.

    :raises argparse.ArgumentTypeError: if it is none; it says which figures there are.
    """
    parts = re.fullmatch(r"\s*(\w+)\s*([<>]=?)\s*(\d+(?:\.\d+)?)\s*", text)
    if not parts or parts[1] not in METRICS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a figure, one of >= > <= <, and a number, as in 'right>=0.9'; "
            f"the figures are {', '.join(METRICS)}"
        )
    return Bar(text=text.strip(), name=parts[1], comparison=parts[2], number=float(parts[3]))


def check_bars(bars: Sequence[Bar], *, judge: str | None, similarity: bool) -> None:
    """Refuse bars on figures that this run cannot have.

    :raises QAError: if there are any.
    """
    given = {"--judge MODEL": judge, "--similarity": similarity}
    wrong = [one for one in bars if not given.get(_GIVEN_BY.get(one.name, ""), True)]
    if wrong:
        named = ", ".join(repr(one.text) for one in wrong)
        needed = " and ".join(dict.fromkeys(_GIVEN_BY[one.name] for one in wrong))
        raise QAError(
            f"This run has no figure for {named}.", remedy=f"Give {needed} too, or no such bar."
        )
