"""The forms that test sets come in to rows of one shape: JSONL, SQuAD 2.0, CSV and RAGAS.

In: the text of a file. Out: for each question a ``Row``, and the ``Problem`` records that say where
in the file something is wrong, and what. What can be seen without the article is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import assert_never

from qa.evaluation.csv_file import csv_rows
from qa.evaluation.json_values import has_closed_line, is_list, json_value, json_values
from qa.evaluation.lines import row_of_line, row_of_sample
from qa.evaluation.rows import Problem, Row
from qa.evaluation.squad_file import squad_rows


class Kind(StrEnum):
    """The forms of a test set; those of JSONL and RAGAS may be a JSON list as well as lines."""

    JSONL = "jsonl"
    SQUAD = "squad"
    CSV = "csv"
    RAGAS = "ragas"


def kind_of(text: str, suffix: str) -> Kind:
    """Return the form of a file by how it looks, and where that leaves it open, by its suffix.

    :param suffix: as ".csv".
    """
    start, suffix = text.lstrip(), suffix.lower()
    if suffix in (".csv", ".tsv") and not start.startswith(("{", "[")):
        return Kind.CSV
    if '"user_input"' in (text if is_list(text) else start.partition("\n")[0]):
        return Kind.RAGAS
    if is_list(text) or has_closed_line(text):
        return Kind.JSONL
    if '"data"' in text:
        return Kind.SQUAD if suffix == ".json" or '"paragraphs"' in text else Kind.JSONL
    one_line = "\n" not in text.strip()
    return Kind.SQUAD if suffix == ".json" and not one_line else Kind.JSONL


def read_rows(text: str, kind: Kind, *, name: str) -> Iterator[Row | Problem]:
    """Yield the rows of a file, and what is wrong, in the order of the file.

    A row with problems stands beside them with what is good of it; see ``qa.evaluation.lines``.

    :param name: what an article without a name is called.
    """
    match kind:
        case Kind.JSONL:
            for where, value in json_values(text):
                yield from _problems(value) or row_of_line(value, where=where, name=name)
        case Kind.SQUAD:
            value = json_value(text, where="the file")
            yield from _problems(value) or squad_rows(value)
        case Kind.CSV:
            yield from csv_rows(text, name=name)
        case Kind.RAGAS:
            for where, value in json_values(text):
                yield from _problems(value) or row_of_sample(value, where=where, name=name)
        case _:
            assert_never(kind)


def _problems(value: object) -> list[Problem]:
    """Return the problem that stands in the place of a value, if one does."""
    return [value] if isinstance(value, Problem) else []
