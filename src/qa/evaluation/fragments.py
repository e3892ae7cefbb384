"""Parts of a report as HTML that its own page and the chat's page both show."""

from __future__ import annotations

from collections.abc import Sequence

from qa.evaluation.figures import counts_units
from qa.evaluation.kinds import Kind, kind_counts, kind_label, kind_meaning
from qa.evaluation.plots import histogram_svg, interval_svg, reliability_svg, risk_coverage_svg
from qa.evaluation.records import Estimate, Outcome, Report


def outcome_bar(outcomes: Sequence[Outcome], *, legend: str) -> str:
    """Return how the cases came out, as a bar and its legend, a list of the class ``legend``."""
    shown = [(kind, count) for kind, count in kind_counts(outcomes).items() if count]
    shown.sort(key=lambda pair: pair[0] is not Kind.RIGHT)
    start, parts = 0.0, ""
    for kind, count in shown:
        width = 1000 * count / len(outcomes)
        parts += f'<rect class="is-{kind}" x="{start:.2f}" width="{width:.2f}" height="10"/>'
        start += width
    keys = "".join(
        f'<li><span class="dot is-{kind}"></span><b>{count:,}</b> {kind_label(kind).lower()}'
        f"<small>{kind_meaning(kind)}</small></li>"
        for kind, count in shown
    )
    return (
        '<svg class="outcome-bar" viewBox="0 0 1000 10" preserveAspectRatio="none" '
        f'aria-hidden="true">{parts}</svg><ul class="{legend}">{keys}</ul>'
    )


def drawn_interval(one: Estimate) -> str:
    """Return a figure's interval as SVG; empty for one that is no share."""
    share = not counts_units(one.name) and one.low >= 0 and one.high <= 1
    return interval_svg(one.value, one.low, one.high) if share else ""


def plots_html(report: Report) -> str:
    """Return the plots of a report, with their captions."""
    drawn = (
        (
            risk_coverage_svg(report.curves.get("risk-coverage", ())),
            "What goes wrong as more is answered, the surest answers first. Lower is better.",
        ),
        (
            reliability_svg(report.curves.get("reliability", ())),
            "What the confidence is worth: on the dashed line it is right as often as it says.",
        ),
        (
            histogram_svg((outcome.seconds for outcome in report.outcomes), label="seconds"),
            "How long the answers took.",
        ),
    )
    figures = "".join(
        f"<figure>{svg}<figcaption>{caption}</figcaption></figure>" for svg, caption in drawn
    )
    return f'<div class="plots">{figures}</div>'
