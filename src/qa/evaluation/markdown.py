"""A report as Markdown: how it came out, the figures, what it was made with, the cases to read.

All that came from an article, a model or a test set stands on one line within code marks, where
Markdown and the HTML in it mean nothing.
"""

from __future__ import annotations

import re

from qa.evaluation.figures import rows, smallest_shown
from qa.evaluation.kinds import Kind, kind_counts, kind_label, kind_of
from qa.evaluation.records import Outcome, Report

MOST_LISTED = 200
LONGEST = 160


def report_to_markdown(report: Report) -> str:
    """Return a report's figures and, in short, each case that did not come out right."""
    parts = [
        "# Evaluation",
        _summary(report),
        "## Figures",
        _figures(report),
        "## Cases to read",
        _cases([one for one in report.outcomes if kind_of(one) is not Kind.RIGHT]),
        "## Made with",
        _about(report),
    ]
    return "\n\n".join(parts) + "\n"


def _summary(report: Report) -> str:
    counts = kind_counts(report.outcomes)
    rest = ", ".join(
        f"{count} {kind_label(kind).lower()}"
        for kind, count in counts.items()
        if count and kind is not Kind.RIGHT
    )
    told = f"{counts[Kind.RIGHT]} of {len(report.outcomes)} cases came out right"
    return f"{told}; {rest}." if rest else f"{told}."


def _figures(report: Report) -> str:
    lines = ["| figure | value | 95% interval | n |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {_cell(row.name)} | {row.value} | {row.interval} | {row.n} |"
        for row in rows(report.estimates)
    ]
    if told := smallest_shown(report.estimates):
        lines += ["", told]
    return "\n".join(lines)


def _cases(outcomes: list[Outcome]) -> str:
    lines = [_case(outcome) for outcome in outcomes[:MOST_LISTED]]
    if len(outcomes) > MOST_LISTED:
        lines.append(f"- and {len(outcomes) - MOST_LISTED} more, in report.html")
    return "\n".join(lines) or "None."


def _case(outcome: Outcome) -> str:
    example = outcome.example
    said = outcome.error if outcome.answer is None else outcome.answer.text
    gold = "; ".join(" / ".join(group) for group in example.answers) or "the article does not say"
    return (
        f"- **{kind_label(kind_of(outcome))}** {_code(example.id)}: {_code(example.question)}\n"
        f"  - got {_code(said)}\n"
        f"  - expected {_code(gold)}"
    )


def _about(report: Report) -> str:
    lines = [f"- {_code(name)}: {_code(value)}" for name, value in sorted(report.about.items())]
    return "\n".join(lines) or "Not stated."


def _cell(text: str) -> str:
    """Return text as code within a table, where a bar would end the cell even so."""
    return _code(text).replace("|", "\\|")


def _code(text: str) -> str:
    """Return text as one line of code, fenced by one more mark than it has anywhere in a row."""
    line = " ".join(text.split())
    line = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    pad = " " if not line or "`" in (line[0], line[-1]) else ""
    return f"{fence}{pad}{line}{pad}{fence}"
