"""A file of JSON objects, one a line, that is only ever added to: what a run keeps as it goes.

In: objects with a key each, one by one. Out: the newest of each key, another time. A process that
is killed leaves at most a torn last line, which is not read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from qa.errors import StorageError

logger = logging.getLogger(__name__)

Thing = TypeVar("Thing")

_FORGOTTEN = "forgotten"


class KeptLines:
    """The lines of one file, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, parse: Callable[[Mapping[str, Any]], Thing | None]) -> dict[str, Thing]:
        """Return what ``parse`` makes of the newest line of each key that was not forgotten since.

        A line that it cannot read is left out and logged.

        :param parse: raises ValueError, KeyError or TypeError for what is no line of its own, and
            returns None for one that does not concern it.
        :raises StorageError: if the file cannot be read.
        """
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._error("read", error) from error
        found: dict[str, Thing] = {}
        for number, line in enumerate(lines, 1):
            try:
                if not line:
                    continue
                told = json.loads(line)
                if _FORGOTTEN in told:
                    found.pop(told["key"], None)
                elif (thing := parse(told)) is not None:
                    found[told["key"]] = thing
            except (ValueError, KeyError, TypeError):  # torn by a kill, or of an older form
                logger.warning("%s, line %d: not whole, left out", self._path, number)
        return found

    def add(self, key: str, line: Mapping[str, Any]) -> None:
        """Add an object under a key; it is on its way to the disk when this returns.

        :raises StorageError: if it cannot be written.
        """
        data = json.dumps({"key": key, **line}).encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write to the end of the file: two runs at a time do not mix their lines. It
            # begins with a newline, so that a torn line before it ends there.
            with self._path.open("ab", buffering=0) as file:
                file.write(b"\n" + data + b"\n")
        except OSError as error:
            raise self._error("written", error) from error

    def forget(self, key: str) -> None:
        """Add that what is there under a key counts no more.

        :raises StorageError: if it cannot be written.
        """
        self.add(key, {_FORGOTTEN: True})

    def _error(self, what: str, error: OSError) -> StorageError:
        return StorageError(
            f"What is kept in {str(self._path)!r} cannot be {what}: {error.strerror}.",
            remedy="Set QA_INDEX_FOLDER to a folder that can be written to.",
        )
