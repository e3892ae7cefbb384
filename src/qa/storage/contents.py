"""The articles, chunks and vectors of an index, which fit one another.

Articles and chunks are written as JSON lines: one object a line, UTF-8, the fields of the records.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TypeVar

from pydantic import TypeAdapter

from qa.errors import StorageError
from qa.index import VectorIndex
from qa.records import Article, Chunk

_ARTICLE = TypeAdapter(Article)
_CHUNK = TypeAdapter(Chunk)

_Record = TypeVar("_Record", Article, Chunk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Articles, their chunks, and the vector of each chunk in the same order.

    :raises ValueError: if an article's id is not the SHA-256 of its text, a chunk is not its slice
        of an article, or the vectors are not as many as the chunks.
    """

    articles: tuple[Article, ...]
    chunks: tuple[Chunk, ...]
    vectors: VectorIndex

    def __post_init__(self) -> None:
        for article in self.articles:
            if hashlib.sha256(article.text.encode()).hexdigest() != article.id:
                raise ValueError(f"article {article.source!r} is not the text its id is made of")
        texts = {article.id: article.text for article in self.articles}
        for row, chunk in enumerate(self.chunks):
            if texts.get(chunk.article_id, "")[chunk.start : chunk.end] != chunk.text:
                raise ValueError(f"chunk {row} is not {chunk.start}:{chunk.end} of its article")
        if len(self.vectors) != len(self.chunks):
            raise ValueError(f"{len(self.vectors)} vectors for {len(self.chunks)} chunks")


def to_lines(records: tuple[Article, ...] | tuple[Chunk, ...]) -> bytes:
    """Return records as JSON lines.

    :raises StorageError: if a text is not Unicode text, as a lone surrogate is not.
    """
    try:
        return b"".join(
            json.dumps(asdict(record), ensure_ascii=False).encode() + b"\n" for record in records
        )
    except UnicodeEncodeError as error:
        raise StorageError(
            f"The article holds a character that is not text: {error.object[error.start]!r}.",
            remedy="Remove it from the article, its title and its file name.",
        ) from error


def articles_from(lines: bytes, *, count: int) -> tuple[Article, ...]:
    """Return the articles of JSON lines.

    :raises ValueError: if they are not so many articles.
    """
    return _records(_ARTICLE, lines, count)


def chunks_from(lines: bytes, *, count: int) -> tuple[Chunk, ...]:
    """Return the chunks of JSON lines.

    :raises ValueError: if they are not so many chunks.
    """
    return _records(_CHUNK, lines, count)


def _records(adapter: TypeAdapter[_Record], lines: bytes, count: int) -> tuple[_Record, ...]:
    if lines.count(b"\n") != count or not lines.endswith(b"\n" if count else b""):
        raise ValueError(f"does not have the {count} lines that its manifest states")
    records = tuple(adapter.validate_json(line, strict=True) for line in lines.split(b"\n")[:-1])
    if to_lines(records) != lines:
        raise ValueError("is not written as the program writes it")
    return records
