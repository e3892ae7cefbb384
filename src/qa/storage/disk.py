"""Files that are whole and durable, or an error.

Every change is flushed to the device before the next one begins, so that a loss of power leaves a
prefix of the changes. Nothing follows a symbolic link. All calls to the operating system go through
one object, ``Calls``, which is the module ``os`` itself unless a test puts a failing disk in its
place.
"""

# ruff: noqa: D102  (the calls are documented where they come from, in the module os)
from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# Flags that not every system has; where one is missing, so is the trap that it avoids.
_BINARY = getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # opening a pipe would wait for its writer
_FOLDER = getattr(os, "O_DIRECTORY", 0)


class Calls(Protocol):
    """The calls of the module ``os`` that are used here."""

    def open(self, path: Path, flags: int, mode: int = ..., /) -> int: ...
    def close(self, file: int, /) -> None: ...
    def read(self, file: int, size: int, /) -> bytes: ...
    def write(self, file: int, data: memoryview, /) -> int: ...
    def fsync(self, file: int, /) -> None: ...
    def fstat(self, file: int, /) -> os.stat_result: ...
    def lstat(self, path: Path, /) -> os.stat_result: ...
    def listdir(self, path: Path, /) -> list[str]: ...
    def mkdir(self, path: Path, mode: int = ..., /) -> None: ...
    def replace(self, old: Path, new: Path, /) -> None: ...
    def unlink(self, path: Path, /) -> None: ...
    def rmdir(self, path: Path, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Disk:
    """Reads and writes whole files; each method raises OSError as the system gives it."""

    calls: Calls = os

    def read(self, path: Path, *, most: int) -> bytes:
        """Return the bytes of a regular file, as many as it has when it is opened.

        :raises ValueError: if it is not a regular file, or longer than ``most`` bytes.
        """
        file = self.calls.open(path, os.O_RDONLY | _BINARY | _NO_LINK | _NO_WAIT)
        try:
            facts = self.calls.fstat(file)
            if not stat.S_ISREG(facts.st_mode):
                raise ValueError("is not a regular file")
            if facts.st_size > most:
                raise ValueError(f"has {facts.st_size} bytes, and at most {most} are expected")
            data = self.calls.read(file, facts.st_size)
            while piece := self.calls.read(file, facts.st_size - len(data)):
                data += piece
        finally:
            self.calls.close(file)
        return data

    def write(self, path: Path, data: bytes) -> None:
        """Write a new file, and flush it to the device."""
        file = self.calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o644)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self.calls.write(file, rest) :]
            self.calls.fsync(file)
        finally:
            self.calls.close(file)

    def exists(self, path: Path) -> bool:
        """Return whether anything has this name, be it a link that leads nowhere."""
        try:
            self.calls.lstat(path)
        except FileNotFoundError:
            return False
        return True

    def names(self, path: Path) -> tuple[str, ...]:
        """Return the names in a folder, sorted.

        :raises NotADirectoryError: if it is something else, or a link to a folder.
        """
        self._check_folder(path)
        return tuple(sorted(self.calls.listdir(path)))

    def make_folder(self, path: Path) -> None:
        """Make a folder and those above it, unless it is there.

        :raises NotADirectoryError: if something else, or a link, has its name.
        """
        try:
            self._make_folder(path)
        except FileNotFoundError:
            if path == path.parent:
                raise
            self.make_folder(path.parent)
            self._make_folder(path)

    def sync_folder(self, path: Path) -> None:
        """Flush the names in a folder to the device."""
        if os.name == "nt":  # Windows flushes names itself and refuses to open a folder
            return
        file = self.calls.open(path, os.O_RDONLY | _FOLDER)
        try:
            self.calls.fsync(file)
        finally:
            self.calls.close(file)

    def move(self, old: Path, new: Path) -> None:
        """Give a file or folder another name in one step, without flushing it."""
        self.calls.replace(old, new)

    def remove(self, path: Path) -> None:
        """Remove a file, a link, or a folder of files; nothing if it is not there."""
        try:
            if not stat.S_ISDIR(self.calls.lstat(path).st_mode):
                self.calls.unlink(path)
                return
        except FileNotFoundError:
            return
        for name in self.calls.listdir(path):
            self.calls.unlink(path / name)
        self.calls.rmdir(path)

    def _make_folder(self, path: Path) -> None:
        try:
            self.calls.mkdir(path, 0o755)
        except FileExistsError:
            self._check_folder(path)
        else:
            self.sync_folder(path.parent)

    def _check_folder(self, path: Path) -> None:
        if not stat.S_ISDIR(self.calls.lstat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
