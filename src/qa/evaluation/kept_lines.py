"""A file of JSON objects, one a line, that is only ever added to: what a run keeps as it goes.

In: objects, one by one. Out: the same objects, another time. A process that is killed leaves at
most a torn last line, which is not read.
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


class KeptLines:
    """The lines of one file, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, parse: Callable[[Mapping[str, Any]], Thing | None]) -> list[Thing]:
        """Return what ``parse`` makes of each line; one that it cannot read is left out and logged.

        :param parse: raises ValueError, KeyError or TypeError for what is no line of its own, and
            returns None for one that does not concern it.
        :raises StorageError: if the file cannot be read.
        """
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._error("read", error) from error
        found: list[Thing] = []
        for number, line in enumerate(lines, 1):
            try:
                if line and (thing := parse(json.loads(line))) is not None:
                    found.append(thing)
            except (ValueError, KeyError, TypeError):  # torn by a kill, or of an older form
                logger.warning("%s, line %d: not whole, left out", self._path, number)
        return found

    def add(self, line: Mapping[str, Any]) -> None:
        """Add an object; it is on its way to the disk when this returns.

        :raises StorageError: if it cannot be written.
        """
        data = json.dumps(line).encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write to the end of the file: two runs at a time do not mix their lines. It
            # begins with a newline, so that a torn line before it ends there.
            with self._path.open("ab", buffering=0) as file:
                file.write(b"\n" + data + b"\n")
        except OSError as error:
            raise self._error("written", error) from error

    def remove(self) -> None:
        """Remove the file, if it is there.

        :raises StorageError: if it cannot be removed.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._error("removed", error) from error

    def _error(self, what: str, error: OSError) -> StorageError:
        return StorageError(
            f"What is kept in {str(self._path)!r} cannot be {what}: {error.strerror}.",
            remedy="Set QA_INDEX_FOLDER to a folder that can be written to.",
        )
