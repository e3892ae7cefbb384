"""Small indexes that carry a version in all their parts, so that a mixture of two is seen."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fakes.disks import Calls
from qa.index import VectorIndex
from qa.records import Article, Chunk
from qa.storage import Build, Contents, IndexKey, IndexStore, Source
from qa.storage.disk import Disk

DIMENSION = 8
SENTENCES = 5
FILES = ["articles.jsonl", "chunks.jsonl", "index.faiss", "manifest.json"]


@functools.cache
def key_of(version: int) -> IndexKey:
    """Return the key of a version; alike versions have alike keys."""
    return IndexKey(
        sources=(Source(source="article.txt", sha256=f"{version:064x}"),),
        loader="text/1",
        normaliser="nfc/1",
        chunker="sentences/1 characters=500",
        embedding_model="fake",
        embedding_weights="none",
        dimension=DIMENSION,
    )


@functools.cache  # frozen, and asked for thousands of times
def contents_of(version: int) -> Contents:
    """Return articles, chunks and vectors that all tell their version."""
    sentence = f"This is version {version}. "
    article = Article.from_text(sentence * SENTENCES, title=f"Version {version}", source="article")
    length = len(sentence)
    return Contents(
        articles=(article,),
        chunks=tuple(
            Chunk(
                article_id=article.id,
                start=start,
                end=start + length - 1,
                text=sentence[:-1],
                heading=article.title,
            )
            for start in range(0, len(article.text), length)
        ),
        vectors=VectorIndex.from_vectors(vectors_of(version)),
    )


def vectors_of(version: int) -> np.ndarray:
    """Return the vectors of a version: shape (SENTENCES, DIMENSION), each of length 1."""
    numbers = np.random.default_rng(version).normal(size=(SENTENCES, DIMENSION))
    return (numbers / np.linalg.norm(numbers, axis=1, keepdims=True)).astype(np.float32)


def publish(store: IndexStore, version: int) -> Build:
    """Publish a version and return its build."""
    return store.publish(key_of(version), contents_of(version))


def version_of(build: Build) -> int:
    """Return the version of a build, all of whose parts are known to be that version's."""
    version = int(build.contents.articles[0].title.removeprefix("Version "))
    expected = contents_of(version)
    assert build.key == key_of(version)
    assert build.contents.articles == expected.articles
    assert build.contents.chunks == expected.chunks
    assert build.contents.vectors.to_bytes() == expected.vectors.to_bytes()
    return version


def store_in(folder: Path, **options: Any) -> IndexStore:
    """Return a store that does not wait for the device."""
    return IndexStore(folder, disk=Disk(Calls()), **options)


def or_build(store: IndexStore, key: IndexKey, make: Callable[[], Contents]) -> Build:
    """Return the build of a key, made and published if there is none, as the indexer does."""
    with store.turn(key) as build:
        return build or store.publish(key, make())


def never() -> Contents:
    """Fail: the maker of an index that is there already."""
    raise AssertionError("the index was built though there is one")


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def current_build(folder: Path) -> Path:
    """Return the folder of the build that CURRENT names."""
    return folder / "builds" / (folder / "CURRENT").read_text().strip()


def tree(folder: Path) -> dict[Path, tuple[int, int, int, bytes]]:
    """Return all there is in a folder: which file, of what kind, changed when, its bytes."""
    return {
        path: (*_facts(path.lstat()), path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def _facts(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mode, status.st_mtime_ns
