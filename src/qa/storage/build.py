"""One build: the contents of an index under their key, in memory and as files.

On disk a build is a folder: ``articles.jsonl``, ``chunks.jsonl``, ``index.faiss``, and
``manifest.json``, which is written last. The folder's name is the build's number, then the first 16
digits of the key's SHA-256 and of the manifest's, so that no build can stand in for another.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from qa.errors import DamagedIndexError, StorageError
from qa.index import VectorIndex
from qa.storage.contents import Contents, articles_from, chunks_from, to_lines
from qa.storage.disk import Disk
from qa.storage.manifest import (
    FILE_BYTES,
    FILE_NAMES,
    MANIFEST,
    MANIFEST_BYTES,
    FileFacts,
    FileName,
    IndexKey,
    Manifest,
)

REBUILD = "Run `qa index` to build it again."
KEY_DIGITS = 16

_NAME = re.compile(r"(?P<number>[0-9]{8,})-(?P<key>[0-9a-f]{16})-(?P<manifest>[0-9a-f]{16})")

# What the system says of a file that is not as it was written, in words.
_DAMAGE = {
    errno.ENOENT: "is missing",
    errno.ENOTDIR: "is not a folder",
    errno.EISDIR: "is a folder",
    errno.ELOOP: "is a link",
    errno.ENXIO: "is not a regular file",
    errno.EIO: "cannot be read: the disk reports an error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build in memory, whole and verified; nothing of it is read from disk any more.

    ``notices`` says, a sentence each, what is damaged that should have been served instead.
    """

    name: str
    created: datetime
    key: IndexKey
    contents: Contents
    notices: tuple[str, ...] = ()


class BuildGoneError(Exception):
    """The build was removed while it was being read; a newer one has taken its place."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class BuildName:
    """The name of a build's folder, ordered by the build's number: the newest is the greatest."""

    number: int
    text: str

    @classmethod
    def parse(cls, text: str) -> BuildName | None:
        """Return the name, or None if the text is not the name of a build."""
        found = _NAME.fullmatch(text)
        return cls(number=int(found["number"]), text=text) if found else None

    @classmethod
    def of(cls, number: int, manifest: Manifest) -> BuildName:
        """Return the name that a build with this manifest has."""
        key, own = manifest.key_sha256[:KEY_DIGITS], manifest.manifest_sha256[:KEY_DIGITS]
        return cls(number=number, text=f"{number:08}-{key}-{own}")

    @property
    def key(self) -> str:
        """The first digits of the SHA-256 of the key that the build was made for."""
        return self.text.split("-")[1]


def encode(contents: Contents, key: IndexKey) -> tuple[Manifest, list[tuple[str, bytes]]]:
    """Return the manifest of a build, and the name and bytes of each file, the manifest last.

    :raises StorageError: if a text cannot be written as UTF-8, or a file would be too large to be
        opened again.
    """
    files: dict[FileName, bytes] = {
        "articles.jsonl": to_lines(contents.articles),
        "chunks.jsonl": to_lines(contents.chunks),
        "index.faiss": contents.vectors.to_bytes(),
    }
    for name, data in files.items():
        _check_size(name, data, FILE_BYTES)
    manifest = Manifest.sealed(
        key,
        {name: FileFacts.of(data) for name, data in files.items()},
        articles=len(contents.articles),
        chunks=len(contents.chunks),
    )
    _check_size(MANIFEST, manifest.to_bytes(), MANIFEST_BYTES)
    return manifest, [*files.items(), (MANIFEST, manifest.to_bytes())]


def read(disk: Disk, folder: Path) -> Build:
    """Return the build of a folder, every byte of which is as it was written.

    Sizes and hashes are checked before anything is parsed. Nothing is written.

    :raises DamagedIndexError: if anything in the folder is not so, naming the file.
    :raises BuildGoneError: if the folder was removed meanwhile.
    :raises OSError: if the system refuses to read.
    """
    try:
        return _read(disk, folder)
    except DamagedIndexError:
        if disk.exists(folder):
            raise
        raise BuildGoneError(folder.name) from None


def read_manifest(disk: Disk, folder: Path) -> Manifest:
    """Return the manifest of a folder, verified by itself only.

    :raises DamagedIndexError: if it is not as it was written, or missing.
    :raises OSError: if the system refuses to read.
    """
    with stating_damage(folder / MANIFEST):
        manifest = Manifest.from_bytes(disk.read(folder / MANIFEST, most=MANIFEST_BYTES))
        _check_name(folder.name, manifest)
        return manifest


def _read(disk: Disk, folder: Path) -> Build:
    with stating_damage(folder):
        _check_names(disk.names(folder))
    manifest = read_manifest(disk, folder)
    return Build(
        name=folder.name,
        created=manifest.created,
        key=manifest.key,
        contents=_decode(folder, manifest, _read_files(disk, folder, manifest)),
    )


def _read_files(disk: Disk, folder: Path, manifest: Manifest) -> dict[FileName, bytes]:
    files = {}
    for name in FILE_NAMES:
        with stating_damage(folder / name):
            stated = manifest.files[name]
            files[name] = disk.read(folder / name, most=stated.size)
            if FileFacts.of(files[name]) != stated:
                raise ValueError("does not have the size and SHA-256 that its manifest states")
    return files


def _decode(folder: Path, manifest: Manifest, files: dict[FileName, bytes]) -> Contents:
    with stating_damage(folder / "articles.jsonl"):
        articles = articles_from(files["articles.jsonl"], count=manifest.articles)
    with stating_damage(folder / "chunks.jsonl"):
        chunks = chunks_from(files["chunks.jsonl"], count=manifest.chunks)
    with stating_damage(folder / "index.faiss"):
        vectors = VectorIndex.from_bytes(
            files["index.faiss"], count=manifest.chunks, dimension=manifest.key.dimension
        )
    with stating_damage(folder):
        return Contents(articles=articles, chunks=chunks, vectors=vectors)


def _check_size(name: str, data: bytes, most: int) -> None:
    if len(data) > most:
        raise StorageError(
            f"The index would be too large: {name} of {len(data)} bytes, and {most} at most.",
            remedy="Index fewer or shorter articles at once.",
        )


def _check_names(names: tuple[str, ...]) -> None:
    foreign = sorted(set(names) - {*FILE_NAMES, MANIFEST})
    if foreign:
        raise ValueError(f"holds {foreign[:3]!r}, which no build has")


def _check_name(name: str, manifest: Manifest) -> None:
    parsed = BuildName.parse(name)
    if parsed is None or parsed != BuildName.of(parsed.number, manifest):
        raise ValueError("is the manifest of another build than its folder's name says")


@contextmanager
def stating_damage(path: Path) -> Iterator[None]:
    """State whatever is wrong with a file or folder of a build as damage, with its remedy."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise damaged(path, f"is not as it was written: {first['msg']}") from error
    except ValueError as error:
        raise damaged(path, str(error)) from error
    except OSError as error:
        if error.errno not in _DAMAGE:
            raise
        raise damaged(path, _DAMAGE[error.errno]) from error


def damaged(path: Path, reason: str) -> DamagedIndexError:
    """Return the error that names what is damaged in the index, and how."""
    return DamagedIndexError(f"The index is damaged: {str(path)!r} {reason}.", remedy=REBUILD)
