"""Plots are well-formed SVG that stays within its frame, whatever the points are."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

from hypothesis import given
from hypothesis import strategies as st

from qa.evaluation.plots import (
    HEIGHT,
    MOST_BINS,
    WIDTH,
    histogram_svg,
    interval_svg,
    reliability_svg,
    risk_coverage_svg,
)

shares = st.floats(min_value=0, max_value=1)
points = st.lists(st.tuples(shares, shares), max_size=80)


def elements(svg: str, tag: str) -> list[Element]:
    return list(fromstring(svg).iter(tag))


def coordinates(svg: str) -> list[tuple[float, float]]:
    """Return the points of the first line."""
    pairs = elements(svg, "polyline")[0].attrib["points"].split()
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in pairs)]


@given(points.filter(bool))
def test_every_point_is_within_the_frame(drawn: list[tuple[float, float]]) -> None:
    for svg in (risk_coverage_svg(drawn), reliability_svg(drawn)):
        assert len(coordinates(svg)) == len(drawn)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in coordinates(svg))


def test_a_point_stands_where_its_axes_say() -> None:
    # Across: from 46 to 380 - 14 = 366; up: from 250 - 42 = 208 to 12.
    assert coordinates(reliability_svg([(0, 0), (0.5, 0.5), (1, 1)])) == [
        (46, 208),
        (206, 110),
        (366, 12),
    ]


@given(st.lists(st.floats(min_value=0, max_value=1e5), max_size=60))
def test_the_bars_hold_every_value(values: list[float]) -> None:
    bars = elements(histogram_svg(values, label="seconds"), "rect")
    held = [int((bar[0].text or "").rsplit(": ", 1)[1]) for bar in bars]
    assert sum(held) == len(values)
    assert len(bars) <= MOST_BINS + 1


def test_no_points_are_said_to_be_none() -> None:
    for svg in (risk_coverage_svg([]), reliability_svg([]), histogram_svg([], label="seconds")):
        assert [text.text for text in elements(svg, "text")] == ["Nothing to plot."]


def test_an_interval_is_drawn_to_scale() -> None:
    # 112 pixels from 4 on: 0.5 is at 60, 0.25 at 32, 0.75 at 88.
    svg = interval_svg(0.5, 0.25, 0.75)
    assert elements(svg, "circle")[0].attrib["cx"] == "60.0"
    assert [elements(svg, "line")[1].attrib[name] for name in ("x1", "x2")] == ["32.0", "88.0"]


def test_a_label_is_escaped() -> None:
    assert "<b>" not in histogram_svg([1.0], label="<b>")


def test_axes_have_short_round_labels() -> None:
    # Bins of 0.25 seconds, so that the axis ends at 5; one case, on an axis of whole numbers.
    labels = [text.text for text in elements(histogram_svg([4.9], label="seconds"), "text")]
    up, across = ["0", "1", "2", "3", "4"], ["0", "1", "2", "3", "4", "5"]
    assert labels == [*up, *across, "seconds", "cases"]
