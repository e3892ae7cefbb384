"""The forms that test sets come in to rows of one shape: JSONL, SQuAD 2.0, CSV and RAGAS.

In: the text of a file. Out: for each question a ``Row``, or the ``Problem`` records that say where
in the file something is wrong, and what. What can be seen without the article is checked here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import assert_never

from qa.evaluation.lines import row_of_line, row_of_sample
from qa.evaluation.rows import Problem, Row
from qa.evaluation.squad_file import squad_rows

CSV_ALTERNATIVES = "|"
"""Stands in a CSV cell between alternative answers, and between quotes of the evidence."""

CSV_GROUPS = "&&"
"""Stands in a CSV cell between groups of answers, of each of which one must be there."""


class Kind(StrEnum):
    """The forms of a test set."""

    JSONL = "jsonl"
    SQUAD = "squad"
    CSV = "csv"
    RAGAS = "ragas"


def kind_of(text: str, suffix: str) -> Kind:
    """Return the form of a file by its suffix, or where that leaves it open, by how it begins.

    :param suffix: as ".csv".
    """
    if suffix.lower() == ".csv":
        return Kind.CSV
    start = text.lstrip()
    if start.startswith("[") or '"user_input"' in start.partition("\n")[0]:
        return Kind.RAGAS
    return Kind.SQUAD if suffix.lower() == ".json" else Kind.JSONL


def read_rows(text: str, kind: Kind, *, name: str) -> Iterator[Row | Problem]:
    """Yield the rows of a file, and what is wrong, in the order of the file.

    :param name: what an article without a name is called.
    """
    match kind:
        case Kind.JSONL:
            for where, value in _lines(text):
                yield from _checked(value) or row_of_line(value, where=where, name=name)
        case Kind.SQUAD:
            value = _parsed(text, where="the file")
            yield from _checked(value) or squad_rows(value)
        case Kind.CSV:
            yield from _csv(text, name)
        case Kind.RAGAS:
            for where, value in _samples(text):
                yield from _checked(value) or row_of_sample(value, where=where, name=name)
        case _:
            assert_never(kind)


def _checked(value: object) -> list[Problem]:
    """Return the problem that stands in the place of a value, if one does."""
    return [value] if isinstance(value, Problem) else []


def _lines(text: str) -> Iterator[tuple[str, object]]:
    """Yield the value of each line that is not blank; only a newline ends one in JSON Lines."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"line {number}", _parsed(line, where=f"line {number}")


def _samples(text: str) -> Iterator[tuple[str, object]]:
    """Yield the samples of a JSON list, or of lines."""
    if not text.lstrip().startswith("["):
        yield from _lines(text)
        return
    value = _parsed(text, where="the file")
    if not isinstance(value, list):
        yield "the file", value
        return
    for number, one in enumerate(value, 1):
        yield f"row {number}", one


def _parsed(text: str, *, where: str) -> object:
    """Return the value of JSON, or the problem with it."""
    try:
        value: object = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = where if where.startswith("line") else f"line {error.lineno}"
        return Problem(where=place, what=f"not JSON, {error.msg.lower()} (column {error.colno})")
    except UnicodeEncodeError:
        return Problem(where=where, what="holds half of a surrogate pair, which is not text")
    except (ValueError, RecursionError):  # a number of thousands of digits, or lists too deep
        return Problem(where=where, what="not JSON that can be read")
    return value


def _csv(text: str, name: str) -> Iterator[Row | Problem]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    number = 1  # of the line on which the record begins; quoted cells may hold more lines
    try:
        for cells in reader:
            where, number = f"line {number + 1}", reader.line_num
            value = _line_of(cells, where)
            yield from _checked(value) or row_of_line(value, where=where, name=name)
    except csv.Error as error:
        yield Problem(where=f"line {number + 1}", what=f"not CSV, {error}")


def _line_of(cells: Mapping[str | None, str | list[str] | None], where: str) -> object:
    """Return the fields of the project's own form, or the problem with the cells.

    An empty cell is a field that is not there, but for the answers, which may be none.
    """
    named = {column: cell for column, cell in cells.items() if column and isinstance(cell, str)}
    if len(named) < len(cells):
        return Problem(where=where, what="has not as many cells as there are named columns")
    line: dict[str, object] = {
        column: _value(column, cell, where)
        for column, cell in named.items()
        if cell.strip() or column == "answers"
    }
    return next((value for value in line.values() if isinstance(value, Problem)), line)


def _value(column: str, cell: str, where: str) -> object:
    match column:
        case "answers":
            groups = _split(cell, CSV_GROUPS)
            return [_split(group, CSV_ALTERNATIVES) for group in groups]
        case "evidence":
            return _split(cell, CSV_ALTERNATIVES)
        case "tags":
            return cell.split()
        case "history":
            return _parsed(cell, where=where)
        case _:
            return cell


def _split(cell: str, separator: str) -> list[str]:
    return [part.strip() for part in cell.split(separator) if part.strip()]
