"""Plots as inline SVG, drawn by hand: pure functions from points to a string.

They take the colour of the text around them; what is to stand out has the class ``plot-mark``, so
that a page may colour it. Axes run over round numbers. No points give a plot that says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]

WIDTH, HEIGHT = 380, 250
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 42
MOST_BINS = 24
MOST_DOTS = 60
_LEAST_SEEN = 1e-9
FEWEST_UP = 4  # cases, so that an axis of counts has whole numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From the values 0 to ``most`` to the pixels ``start`` to ``end``."""

    most: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value, the nearest end for one that is out of bounds."""
        share = min(max(value / self.most, 0.0), 1.0)
        return round(self.start + share * (self.end - self.start), 2)


def risk_coverage_svg(points: Sequence[Point]) -> str:
    """Return the risk (share wrong) among the surest answers, against the share that they are.

    Selective risk over coverage: El-Yaniv and Wiener 2010, "On the Foundations of Noise-free
    Selective Classification".
    """
    across = _across(1.0)
    up = _up(_round_above(max((risk for _, risk in points), default=1.0)))
    path = " ".join(f"{across(x)},{up(y)}" for x, y in points)
    drawn = f'<polyline points="{path}" {_LINE}/>'
    if len(points) <= MOST_DOTS:
        drawn += _dots(points, across, up, radius=1.6)
    return _plot(
        "Risk against coverage",
        drawn if points else "",
        _axes(across, up, "share of questions answered, surest first", "share wrong"),
    )


def reliability_svg(points: Sequence[Point]) -> str:
    """Return the share right of groups of like confidence, against their mean confidence.

    On the dashed line a confidence is worth what it says (Niculescu-Mizil and Caruana 2005,
    "Predicting Good Probabilities With Supervised Learning").
    """
    across, up = _across(1.0), _up(1.0)
    ideal = (
        f'<line x1="{across(0)}" y1="{up(0)}" x2="{across(1)}" y2="{up(1)}" '
        'stroke="currentColor" stroke-opacity=".45" stroke-dasharray="4 4"/>'
    )
    path = " ".join(f"{across(x)},{up(y)}" for x, y in points)
    drawn = f'<polyline points="{path}" {_LINE}/>' + _dots(points, across, up, radius=4)
    return _plot(
        "Confidence against share right",
        ideal + drawn if points else "",
        _axes(across, up, "confidence", "share right"),
    )


def histogram_svg(values: Iterable[float], *, label: str) -> str:
    """Return how many values (not negative) fall in each of at most 24 bins of one width."""
    kept = sorted(values)
    width = _round_above(kept[-1] / MOST_BINS) if kept and kept[-1] > 0 else 1.0
    counts = [0] * (int(kept[-1] / width) + 1 if kept else 1)
    for value in kept:
        counts[int(value / width)] += 1
    across = _across(_round_above(len(counts) * width))
    up = _up(_round_above(max(*counts, FEWEST_UP)))
    bars = "".join(
        f'<rect x="{across(place * width)}" y="{up(count)}" '
        f'width="{max(across((place + 1) * width) - across(place * width) - 1, 0.5):.2f}" '
        f'height="{up(0) - up(count):.2f}" {_FILL}>'
        f"<title>{place * width:g} to {(place + 1) * width:g}: {count}</title></rect>"
        for place, count in enumerate(counts)
        if count
    )
    return _plot(f"Cases by {label}", bars, _axes(across, up, label, "cases"))


def interval_svg(value: float, low: float, high: float) -> str:
    """Return a share in [0, 1] as a dot on its interval, to stand in a line of a table."""
    across = Scale(most=1.0, start=4, end=116)
    return (
        '<svg class="plot-interval" viewBox="0 0 120 14" width="120" height="14" '
        'aria-hidden="true" focusable="false">'
        f'<line x1="4" y1="7" x2="116" y2="7" stroke="currentColor" stroke-opacity=".18"/>'
        f'<line x1="{across(low)}" y1="7" x2="{across(high)}" y2="7" {_LINE} '
        'stroke-linecap="round" stroke-opacity=".45"/>'
        f'<circle cx="{across(value)}" cy="7" r="3.5" {_FILL}/></svg>'
    )


_LINE = 'class="plot-mark plot-line" fill="none" stroke="currentColor" stroke-width="2"'
_FILL = 'class="plot-mark plot-fill" fill="currentColor"'


def _across(most: float) -> Scale:
    return Scale(most=most, start=LEFT, end=WIDTH - RIGHT)


def _up(most: float) -> Scale:
    return Scale(most=most, start=HEIGHT - BOTTOM, end=TOP)


def _dots(points: Sequence[Point], across: Scale, up: Scale, *, radius: float) -> str:
    return "".join(
        f'<circle cx="{across(x)}" cy="{up(y)}" r="{radius}" {_FILL}>'
        f"<title>{x:.3f}, {y:.3f}</title></circle>"
        for x, y in points
    )


def _axes(across: Scale, up: Scale, label_across: str, label_up: str) -> str:
    """Return grid lines at round values of each axis, and the axes' names."""
    lines = "".join(
        f'<line x1="{LEFT}" y1="{up(up.most * step)}" x2="{WIDTH - RIGHT}" '
        f'y2="{up(up.most * step)}" stroke="currentColor" stroke-opacity=".14"/>'
        f'<text x="{LEFT - 7}" y="{up(up.most * step) + 4}" text-anchor="end" '
        f'fill="currentColor">{up.most * step:g}</text>'
        for step in _steps(up.most)
    )
    ticks = "".join(
        f'<text x="{across(across.most * step)}" y="{HEIGHT - BOTTOM + 16}" '
        f'text-anchor="middle" fill="currentColor">{across.most * step:g}</text>'
        for step in _steps(across.most)
    )
    middle_up, middle_across = (TOP + HEIGHT - BOTTOM) / 2, (LEFT + WIDTH - RIGHT) / 2
    return (
        f"{lines}{ticks}"
        f'<text x="{middle_across}" y="{HEIGHT - 6}" text-anchor="middle" fill="currentColor">'
        f"{escape(label_across)}</text>"
        f'<text x="11" y="{middle_up}" text-anchor="middle" fill="currentColor" '
        f'transform="rotate(-90 11 {middle_up})">{escape(label_up)}</text>'
    )


def _plot(title: str, drawn: str, axes: str) -> str:
    inside = axes + drawn if drawn else _empty()
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-size="11" font-family="inherit">{inside}</svg>'
    )


def _empty() -> str:
    return (
        f'<text x="{WIDTH / 2}" y="{HEIGHT / 2}" text-anchor="middle" fill="currentColor">'
        "Nothing to plot.</text>"
    )


def _steps(most: float) -> list[float]:
    """Return the shares of an axis at which it is labelled, so that the labels are short."""
    parts = next(parts for parts in (5, 4) if len(f"{most / parts:g}") <= len(f"{most / 4:g}"))
    return [part / parts for part in range(parts + 1)]


def _round_above(value: float) -> float:
    """Return the least of 1, 2, 2.5, 4, 5, 8 and 10 times a power of ten that is not below.

    It is 1 for what is too little to be seen.
    """
    if value < _LEAST_SEEN:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 4, 5, 8, 10, 20) if step * power >= value)
