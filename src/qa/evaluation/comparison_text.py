"""A comparison of two runs as plain text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from qa.evaluation.comparing import Comparison, Difference, Pair
from qa.evaluation.records import Outcome

HEAD = ("", "old", "new", "change", "95% interval", "p", "n", "")
MOST_LISTED = 20
LONGEST = 100
"""So many characters of what was asked, answered or set are shown."""


def comparison_text(comparison: Comparison) -> str:
    """Return what the runs differ in, a table of the differences, the flips, and what is left out.

    Whatever is in a question, an answer or a name takes one line. Control characters within that
    line are left as they are.
    """
    lines = [*_about(comparison), ""]
    lines += [f"{comparison.pairs:,} questions were asked in both runs.", ""]
    lines += _table([HEAD, *(_cells(one) for one in comparison.differences)])
    for one in comparison.differences:
        lines += _flips(one)
    lines += _flipped(comparison.flips)
    lines += _left_out("Only in the old run", comparison.only_old)
    lines += _left_out("Only in the new run", comparison.only_new)
    lines += _left_out("Another question, article or gold answer now", comparison.changed)
    return "\n".join(lines)


def _about(comparison: Comparison) -> list[str]:
    if not comparison.about:
        return ["Both runs were made with the same."]
    return [
        "Made with, old and new:",
        *(
            f"  {_short(one.name)}: {_value(one.old)} -> {_value(one.new)}"
            for one in comparison.about
        ),
    ]


def _value(value: str | None) -> str:
    return "not stated" if value is None else _short(value)


def _cells(one: Difference) -> tuple[str, ...]:
    return (
        one.name,
        f"{one.old:.3f}",
        f"{one.new:.3f}",
        f"{one.change:+.3f}",
        f"{one.low:+.3f} to {one.high:+.3f}",
        "" if one.p is None else f"{one.p:.3f}" if one.p >= 0.001 else "<0.001",
        f"{one.n:,}",
        "real" if one.real else "may be chance",
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows in columns, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if place in (0, last) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _flips(one: Difference) -> list[str]:
    if not one.better and not one.worse:
        return []
    flips = [
        f"  {way}: {len(names)}{_listed(names)}"
        for way, names in (("better", one.better), ("worse", one.worse))
    ]
    return ["", f"{one.name}", *flips, f"  {_shown(one)}"]


def _flipped(flips: Sequence[Pair]) -> list[str]:
    """Return each question that flipped, whatever in, with its answers in both runs."""
    if not flips:
        return ["", "No question flipped."]
    lines = ["", "Questions that flipped"]
    for old, new in flips:
        lines.append(f"  {_printable(old.example.id)}: {_short(old.example.question)}")
        lines += [f"    old: {_said(old)}", f"    new: {_said(new)}"]
    return lines


def _said(outcome: Outcome) -> str:
    if outcome.answer is None:
        return _short(f"failed: {outcome.error}")
    return "declined" if outcome.answer.status == "abstained" else _short(outcome.answer.text)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST].rstrip()} …"


def _shown(one: Difference) -> str:
    if one.smallest is None:
        return f"{one.n:,} pairs with so few flips cannot show a difference."
    return (
        f"{one.n:,} pairs mostly show a change of {one.smallest:.3f}; a smaller one may be missed."
    )


def _left_out(what: str, names: Sequence[str]) -> list[str]:
    return ["", f"{what}, left out: {len(names)}{_listed(names)}"] if names else []


def _listed(names: Sequence[str]) -> str:
    """Return names, one line whatever is in them, and how many more there are."""
    if not names:
        return ""
    more = f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    return f" ({', '.join(_printable(name) for name in names[:MOST_LISTED])}{more})"


def _printable(name: str) -> str:
    """Return a name as it is, or quoted if it could drive a terminal."""
    return name if name.isprintable() else repr(name)
