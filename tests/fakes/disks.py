"""Disks that fail or stop at a chosen call, in place of the module ``os``.

All of them count the calls and do them for real, except that nothing is flushed to the device: no
test can take its power away, and flushing is what costs time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

CHANGES = frozenset({"write", "fsync", "mkdir", "replace", "unlink", "rmdir"})


class Calls:
    """Does every call, fsync aside, and counts them; what is not a call of a disk is an error."""

    KNOWN = CHANGES | {"open", "close", "read", "fstat", "lstat", "listdir"}

    def __init__(self) -> None:
        self.count = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.KNOWN:
            raise AttributeError(name)
        return partial(self.counted, name)

    def counted(self, name: str, *arguments: Any) -> Any:
        """Do a call as the next in number."""
        self.count += 1
        return self.do(name, *arguments)

    def do(self, name: str, *arguments: Any) -> Any:
        """Do a call."""
        return None if name == "fsync" else getattr(os, name)(*arguments)


class FailsAt(Calls):
    """Fails the n-th call, or every one from the n-th on, with an error of the system."""

    def __init__(self, number: int, error: int, *, for_good: bool = False) -> None:
        super().__init__()
        self._last = float("inf") if for_good else number
        self._first = number
        self._error = error

    def do(self, name: str, *arguments: Any) -> Any:
        if not self._first <= self.count <= self._last:
            return super().do(name, *arguments)
        if name == "close":  # the system closes the file even when it reports an error
            super().do(name, *arguments)
        raise OSError(self._error, os.strerror(self._error))


class WritesInParts(Calls):
    """Takes at most so many bytes at a write."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def do(self, name: str, *arguments: Any) -> Any:
        if name == "write":
            file, data = arguments
            return super().do(name, file, data[: self._most])
        return super().do(name, *arguments)


class DiesAt(Calls):
    """Ends the process at the n-th call, in the middle of it where it is a write."""

    STATUS = 77

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def do(self, name: str, *arguments: Any) -> Any:
        if self.count == self._number:
            self.half(name, *arguments)
            self.die()
        return super().do(name, *arguments)

    def half(self, name: str, *arguments: Any) -> None:
        """Do half of a write."""
        if name == "write":
            file, data = arguments
            super().do(name, file, data[: len(data) // 2])

    def die(self) -> None:
        """End the process as a kill does: nothing is cleaned up."""
        os._exit(self.STATUS)


class PowerCut(BaseException):
    """Stands for the end of the process where the test has to live on."""


class StopsAt(DiesAt):
    """Raises PowerCut at the n-th call and at all later ones, so that nothing is cleaned up."""

    def do(self, name: str, *arguments: Any) -> Any:
        if self.count > self._number:
            self.die()
        return super().do(name, *arguments)

    def die(self) -> None:
        raise PowerCut


class OnlyReads(Calls):
    """Refuses, as an error of the test, whatever changes anything."""

    def do(self, name: str, *arguments: Any) -> Any:
        assert name not in CHANGES, name
        assert name != "open" or not arguments[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        return super().do(name, *arguments)
