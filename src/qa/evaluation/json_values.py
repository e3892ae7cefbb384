"""The values of JSON, of JSON Lines and of a JSON list, each with its place in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator

from qa.evaluation.rows import Problem


def json_value(text: str, *, where: str) -> object:
    """Return the value of JSON, or the ``Problem`` with it."""
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


def json_values(text: str) -> Iterator[tuple[str, object]]:
    """Yield the values of a list or of lines, with their places; a ``Problem`` stands for one.

    Only a newline ends a line in JSON Lines, and a blank one is none.
    """
    if not is_list(text):
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"line {number}", json_value(line, where=f"line {number}")
        return
    values = json_value(text, where="the file")
    if isinstance(values, list):
        yield from ((f"row {number}", one) for number, one in enumerate(values, 1))
    else:
        yield "the file", values


def is_list(text: str) -> bool:
    """Return whether JSON is one list, rather than lines of which the first holds one."""
    return text.lstrip().startswith("[") and not has_closed_line(text)


def has_closed_line(text: str) -> bool:
    """Return whether the first line looks like a value by itself, and more of them follow."""
    first, _, rest = text.lstrip().partition("\n")
    return first[:1] + first.rstrip()[-1:] in ("{}", "[]") and bool(rest.strip())
