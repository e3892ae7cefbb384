"""Articles to the index that is searched: chunked, embedded, kept on disk, and used again.

In: articles, an embedder and the index folder. Out: the ``Contents`` of a verified build. The
stages below know nothing of one another; this is where they meet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

from qa.chunking import chunk
from qa.embedding import open_embeddings, text_to_embed
from qa.errors import ArticleError, DamagedIndexError, WeightsError
from qa.index import VectorIndex
from qa.models.catalogue import catalogue, find_model
from qa.models.weights import locate
from qa.records import Article
from qa.storage.contents import Contents
from qa.storage.manifest import IndexKey, Source
from qa.storage.store import IndexStore

LOADER = "text/1"
NORMALISER = "nfc/1"
CHUNKER = "sentences/1"
"""Versions of the methods: raised when one gives other results, so that indexes are rebuilt."""

_TEXTS_AT_ONCE = 256  # embedded, before it is told how far that is
_PROBE = "What is this article about?"  # any text would do, as long as it stays the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedder:
    """Embeddings, and what an index has to know of them: name, weights and length of a vector."""

    embeddings: Embeddings
    name: str
    weights: str
    dimension: int

    @classmethod
    def named(cls, name: str, models_folder: Path, *, threads: int) -> Embedder:
        """Return the embedder of a name in the catalogue, or of a sentence-transformers folder.

        :raises WeightsError: if its files are not there or cannot be loaded.
        """
        embeddings = open_embeddings(embedder_folder(name, models_folder), threads=threads)
        return cls(
            embeddings=embeddings,
            name=name,
            weights=embeddings.weights_hash,
            dimension=embeddings.dimension,
        )

    @classmethod
    def brought(cls, embeddings: Embeddings) -> Embedder:
        """Return the embedder of a program's own embeddings, known by the vector of a probe."""
        probe = np.asarray(embeddings.embed_query(_PROBE), dtype=np.float32)
        return cls(
            embeddings=embeddings,
            name=f"{type(embeddings).__module__}.{type(embeddings).__qualname__}",
            weights=hashlib.sha256(probe.round(3).tobytes()).hexdigest(),
            dimension=len(probe),
        )


def embedder_folder(name: str, models_folder: Path) -> Path:
    """Return the folder of an embedder of the catalogue, or the one whose path is given.

    :raises WeightsError: if there is none, or its files in the models folder are not whole.
    """
    folder = Path(name).expanduser()
    if name in catalogue() or not folder.is_dir():
        return locate(find_model(name, role="embedder"), models_folder)
    return folder


class Indexer:
    """Builds or reuses the index of articles under one embedder and one chunk size."""

    def __init__(self, folder: Path, embedder: Embedder, *, chunk_characters: int) -> None:
        self._store = IndexStore(folder)
        self._embedder = embedder
        self._chunk_characters = chunk_characters

    def kept(self, articles: Sequence[Article]) -> Contents | None:
        """Return the index of these articles, or None if there is no whole build of it.

        :raises StorageError: if the folder cannot be read.
        """
        try:
            build = self._store.open(self._key(articles))
        except DamagedIndexError:
            return None  # ``contents`` tells of it and builds it again
        return build.contents if build else None

    def contents(self, articles: Sequence[Article]) -> Generator[float, None, Contents]:
        """Return the index of these articles, building it if it is not there or is damaged.

        Yields which share of them, in [0, 1], has been embedded.

        :raises ArticleError: if there is no sentence in them.
        :raises StorageError: if the folder cannot be read or written.
        """
        key = self._key(articles)
        with self._store.turn(key) as build:
            if build is None:
                build = self._store.publish(key, (yield from self._make(articles)))
            return build.contents

    def _key(self, articles: Sequence[Article]) -> IndexKey:
        return IndexKey(
            sources=tuple(Source(source=article.title, sha256=article.id) for article in articles),
            loader=LOADER,
            normaliser=NORMALISER,
            chunker=f"{CHUNKER} characters={self._chunk_characters}",
            embedding_model=self._embedder.name,
            embedding_weights=self._embedder.weights,
            dimension=self._embedder.dimension,
        )

    def _make(self, articles: Sequence[Article]) -> Generator[float, None, Contents]:
        chunks = tuple(
            piece
            for article in articles
            for piece in chunk(article, max_characters=self._chunk_characters)
        )
        if not chunks:
            sources = ", ".join(repr(article.source) for article in articles)
            raise ArticleError(
                f"There is no sentence in {sources}.", remedy="Name a text with sentences in it."
            )
        texts = [text_to_embed(piece) for piece in chunks]
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = texts[start : start + _TEXTS_AT_ONCE]
            vectors += self._embedder.embeddings.embed_documents(some)
            yield len(vectors) / len(texts)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (np.isfinite(lengths).all() and lengths.all()):
            raise WeightsError(
                f"The embeddings {self._embedder.name!r} give a vector without a direction.",
                remedy="Set QA_EMBEDDING_MODEL, or bring, others.",
            )
        unit = np.asarray(vectors / lengths, dtype=np.float32)
        return Contents(
            articles=tuple(articles), chunks=chunks, vectors=VectorIndex.from_vectors(unit)
        )
