"""Locks between processes, which the system releases when their holder dies.

A lock is an empty file that somebody holds by ``flock``; the file itself says nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import StorageError
from qa.storage.disk import Disk

SUFFIX = ".lock"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """The locks of one folder, each with a name; nobody waits longer than ``wait_seconds``."""

    folder: Path
    disk: Disk
    wait_seconds: float

    def acquire(self, name: str) -> FileLock:
        """Return the lock of this name, held; whoever calls this releases it.

        :raises StorageError: if somebody else has held it for too long.
        :raises OSError: if the system refuses to make or lock the file.
        """
        self.disk.make_folder(self.folder)
        lock = self._lock(name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("Waiting for another builder of the index to finish.")
            self._wait(lock)
        return lock

    def sweep(self, needed: set[str]) -> None:
        """Remove the files of the locks that are neither needed nor held."""
        for file in self.disk.names(self.folder):
            name = file.removesuffix(SUFFIX)
            if name not in needed:
                self._remove(name)

    def _wait(self, lock: FileLock) -> None:
        try:
            lock.acquire(timeout=self.wait_seconds)
        except Timeout as error:
            raise StorageError(
                f"Another process has been building the index in {str(self.folder.parent)!r} for "
                f"more than {self.wait_seconds:g} seconds.",
                remedy="End that process and try again.",
            ) from error

    def _remove(self, name: str) -> None:
        lock = self._lock(name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return
        # Removed while held: whoever waits for it finds that it has no name any more, starts over.
        try:
            self.disk.remove(self.folder / f"{name}{SUFFIX}")
        finally:
            lock.release()

    def _lock(self, name: str) -> FileLock:
        # Without flock a lock would be a file that outlives its holder: rather none than that.
        return FileLock(self.folder / f"{name}{SUFFIX}", fallback_to_soft=False)
