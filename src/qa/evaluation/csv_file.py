"""CSV files with the project's own fields as columns, to rows.

In: the text of a file, whose first line names the columns. Out: a ``Row`` a record, and every
``Problem`` with the line on which its record begins. Commas, semicolons or tabs part the cells.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from qa.evaluation.json_values import json_value
from qa.evaluation.lines import FIELDS, row_of_line
from qa.evaluation.rows import Problem, Row

CSV_ALTERNATIVES = "|"
"""Stands in a CSV cell between alternative answers, and between quotes of the evidence."""

CSV_GROUPS = "&&"
"""Stands in a CSV cell between groups of answers, of each of which one must be there."""

_SEPARATORS = ",;\t"


def csv_rows(text: str, *, name: str) -> Iterator[Row | Problem]:
    """Yield the rows of a file, and what is wrong with them.

    Behind a record that cannot be read, reading goes on at the next line that has as many cells as
    there are columns: the lines between may be the rest of that record.

    :param name: what an article without a name is called.
    """
    columns: list[str] = []
    broken = False
    for number, record in _records(text):
        where = f"line {number}"
        if isinstance(record, csv.Error):
            yield Problem(where=where, what=f"not CSV, {record}")
            if not columns:  # nothing can be known of the rest
                return
            broken = True
        elif not columns:
            columns = [column.strip() for column in record]
            if what := _refusal(columns):
                yield Problem(where=where, what=what)
                return
            for column in columns:
                if column not in FIELDS:
                    yield Problem(where=where, what=f"the column {column!r} is not a field")
            for column in sorted({one for one in columns if columns.count(one) > 1}):
                yield Problem(where=where, what=f"the column {column!r} is there twice")
        elif len(record) == len(columns):
            broken = False
            line = dict(zip(columns, record, strict=True))
            yield from _row({one: line[one] for one in line if one in FIELDS}, where, name)
        elif not broken:
            what = f"has {len(record)} cells where {len(columns)} columns are named"
            yield Problem(where=where, what=what)


def _records(text: str) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield the cells of each record, or what is wrong with it, and its first line's number.

    A record that cannot be read costs its first line only, as a quote that was never closed would
    take all that stands behind it.
    """
    lines = list(io.StringIO(text, newline=""))
    first = next((line for line in lines if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    passed = 0
    while passed < len(lines):
        reader = csv.reader(lines[passed:], delimiter=separator, strict=True)
        begin = passed
        try:
            for cells in reader:
                if cells:
                    yield begin + 1, cells
                begin = passed + reader.line_num
        except csv.Error as error:
            yield begin + 1, error
        passed = begin + 1


def _refusal(columns: Sequence[str]) -> str:
    """Return why a file with such columns is not read at all, or "" if it is."""
    if "user_input" in columns:
        return (
            "seems to be RAGAS as CSV, whose cells hold no lists that can be read back; "
            "save it with to_jsonl() and give that file"
        )
    if not FIELDS.intersection(columns):
        known = ", ".join(sorted(FIELDS))
        return f"names no column that is a field; the first line has to, and they are {known}"
    return ""


def _row(line: dict[str, str], where: str, name: str) -> Iterator[Row | Problem]:
    """Yield the row of a record; an empty cell is a field that is not there, but for answers."""
    values = {
        column: _value(column, cell, where)
        for column, cell in line.items()
        if cell.strip() or column == "answers"
    }
    yield from (value for value in values.values() if isinstance(value, Problem))
    good = {column: one for column, one in values.items() if not isinstance(one, Problem)}
    yield from row_of_line(good, where=where, name=name)


def _value(column: str, cell: str, where: str) -> object:
    match column:
        case "answers":
            groups = _split(cell, CSV_GROUPS)
            return [_split(group, CSV_ALTERNATIVES) for group in groups]
        case "answerable":
            return {"true": True, "false": False}.get(cell.strip().lower(), cell)
        case "evidence":
            return _split(cell, CSV_ALTERNATIVES)
        case "tags":
            return cell.split()
        case "history":
            return json_value(cell, where=where)
        case _:
            return cell


def _split(cell: str, separator: str) -> list[str]:
    return [part.strip() for part in cell.split(separator) if part.strip()]
