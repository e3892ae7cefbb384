"""The files of an index folder, and the steps in which they change.

``CURRENT`` is one line, the name of the build that was published last. ``builds/NAME/`` are builds,
never changed once they have their name. A name in ``builds`` that begins with ``.tmp-`` is a build
on its way in or out; only one process at a time may write, so all of those that it finds are left
from dead ones.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qa.storage.build import BuildName, stating_damage
from qa.storage.disk import Disk

TEMPORARY = ".tmp-"
CURRENT_BYTES = 256

logger = logging.getLogger(__name__)


class IndexFolder:
    """Names, reads and changes what is in an index folder; OSError is passed on."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._builds = path / "builds"
        self._current = path / "CURRENT"
        self._next_current = path / f"{TEMPORARY}CURRENT"

    def place(self, name: BuildName) -> Path:
        """Return where a build of this name is, if it is."""
        return self._builds / name.text

    def newest_first(self) -> list[BuildName]:
        """Return the names of all builds, in the order of their numbers."""
        try:
            names = self._disk.names(self._builds)
        except FileNotFoundError:
            return []
        return sorted(filter(None, map(BuildName.parse, names)), reverse=True)

    def current(self) -> BuildName | None:
        """Return the name in CURRENT, or None if there is no such file.

        :raises DamagedIndexError: if it is not the name of a build.
        """
        with stating_damage(self._current):
            try:
                line = self._disk.read(self._current, most=CURRENT_BYTES)
            except FileNotFoundError:
                return None
            name = BuildName.parse(line.decode(errors="replace").removesuffix("\n"))
            if name is None:
                raise ValueError("does not name a build")
            return name

    def prepare(self) -> None:
        """Make the folder, and remove what dead builders left in it."""
        self._disk.make_folder(self._builds)
        for name in self._disk.names(self._builds):
            if name.startswith(TEMPORARY):
                with self.best_effort():
                    self._disk.remove(self._builds / name)
        self._disk.remove(self._next_current)

    def next_number(self) -> int:
        """Return a number above all there are, leftovers too: a name is never used again."""
        names = (name.removeprefix(TEMPORARY) for name in self._disk.names(self._builds))
        return max((name.number for name in map(BuildName.parse, names) if name), default=0) + 1

    def adopt(self, name: BuildName, files: Sequence[tuple[str, bytes]]) -> None:
        """Write a build and make it the current one; if that fails, leave all as it was.

        When this returns, every reader finds the build, and ``flush`` makes that durable.
        """
        try:
            self._write(name, files)
            self._disk.write(self._next_current, f"{name.text}\n".encode())
            self._disk.move(self._next_current, self._current)
        except OSError:
            with self.best_effort():
                self.remove(name)
                self._disk.remove(self._next_current)
            raise

    def flush(self) -> None:
        """Flush the change of CURRENT to the device."""
        self._disk.sync_folder(self._path)

    def prune(self, current: BuildName, *, others: int) -> set[str]:
        """Remove all builds but the current one and so many others, the newest.

        Return the keys, as far as the names tell, of the builds that stay.
        """
        names = [name for name in self.newest_first() if name != current]
        for name in names[others:]:
            with self.best_effort():
                self.remove(name)
        return {name.key for name in (current, *names[:others])}

    def remove(self, name: BuildName) -> None:
        """Remove a build, or what there is of it, so that no reader finds a part of it."""
        temporary = self._temporary(name)
        if self._disk.exists(self.place(name)):
            self._disk.move(self.place(name), temporary)
        self._disk.remove(temporary)

    def _write(self, name: BuildName, files: Sequence[tuple[str, bytes]]) -> None:
        temporary = self._temporary(name)
        self._disk.make_folder(temporary)
        for file, data in files:
            self._disk.write(temporary / file, data)
        self._disk.sync_folder(temporary)
        self._disk.move(temporary, self.place(name))
        self._disk.sync_folder(self._builds)

    def _temporary(self, name: BuildName) -> Path:
        return self._builds / f"{TEMPORARY}{name.text}"

    @contextmanager
    def best_effort(self) -> Iterator[None]:
        """Let cleaning fail with a warning: what is left harms nothing, the next build tries."""
        try:
            yield
        except OSError as error:
            logger.warning("Left in the index folder for the next build to remove: %s", error)
