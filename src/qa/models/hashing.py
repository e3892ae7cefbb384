"""Which of a model's files have the bytes that they must have.

In: a path, or files of the catalogue. Out: ``Progress`` as the bytes are read, from generators that
return their result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from pathlib import Path

from qa.models.catalogue import Model, WeightsFile
from qa.models.progress import Progress, Stage

BLOCK_BYTES = 4 << 20


def digest(
    path: Path, progress: Progress, *, start: int = 0, length: int | None = None
) -> Generator[Progress, None, str]:
    """Return the SHA-256 of ``length`` bytes of a file from ``start`` on (None: to its end).

    Yields ``progress`` moved on by what was read. A file that ends early is hashed to its end.
    """
    hashing = hashlib.sha256()
    left = path.stat().st_size - start if length is None else length
    with path.open("rb") as stream:
        stream.seek(start)
        while block := stream.read(min(BLOCK_BYTES, max(left, 0))):
            hashing.update(block)
            left -= len(block)
            progress = progress.plus(len(block))
            yield progress
    return hashing.hexdigest()


def broken_files(
    model: Model, files: Sequence[WeightsFile], folder: Path
) -> Generator[Progress, None, list[WeightsFile]]:
    """Return the files that are missing or not what the catalogue says, in the order given."""
    progress = Progress.start(model.name, Stage.CHECKING, sum(file.bytes for file in files))
    broken = []
    for file in files:
        path = folder / file.path
        right = False
        if path.is_file() and path.stat().st_size == file.bytes:
            right = (yield from digest(path, progress)) == file.sha256
        progress = progress.plus(file.bytes)
        if not right:
            broken.append(file)
    return broken
