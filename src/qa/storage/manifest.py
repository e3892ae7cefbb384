"""What a build is made from, and what it holds, in words that can be checked.

``manifest.json`` is canonical JSON: the same facts always have the same bytes, and the last fact is
the SHA-256 of the others. So a manifest with any byte changed is known as damaged by itself, and
each other file by the size and SHA-256 that the manifest states.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

FORMAT_VERSION: Final = 1
MANIFEST = "manifest.json"

# Bounds of what is opened or written, so that no stated size costs much memory or time: some 87,000
# chunks of 384 numbers, or 40 million characters. The last two only keep products small.
MANIFEST_BYTES = 4 << 20
FILE_BYTES = 128 << 20
CHUNKS = 10_000_000
DIMENSION = 65_536

FileName = Literal["articles.jsonl", "chunks.jsonl", "index.faiss"]
FILE_NAMES: tuple[FileName, ...] = ("articles.jsonl", "chunks.jsonl", "index.faiss")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Words = Annotated[str, Field(min_length=1, max_length=10_000)]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(_Facts):
    """One thing that was read: its path or address, and the SHA-256 of its bytes."""

    source: Words
    sha256: Sha256


class IndexKey(_Facts):
    """Everything that an index depends on: alike keys mean alike indexes.

    ``loader``, ``normaliser`` and ``chunker`` name the method, its version and its settings in any
    words that change with them, such as ``"sentences/1 characters=500"``. ``embedding_weights`` is
    the SHA-256 of the weights, or what else is known of them. The order of ``sources`` is that of
    the articles, and part of the key.
    """

    sources: tuple[Source, ...] = Field(min_length=1)
    loader: Words
    normaliser: Words
    chunker: Words
    embedding_model: Words
    embedding_weights: Words
    dimension: Annotated[int, Field(ge=1, le=DIMENSION)]
    metric: Literal["cosine"] = "cosine"
    format_version: Literal[1] = FORMAT_VERSION

    @property
    def digest(self) -> str:
        """SHA-256 of all parts, as 64 hexadecimal digits."""
        return _digest(self)

    def differences(self, other: IndexKey) -> tuple[str, ...]:
        """Return the names of the parts in which two keys differ, in the order of the fields."""
        return tuple(
            name for name in type(self).model_fields if getattr(self, name) != getattr(other, name)
        )


class FileFacts(_Facts):
    """The size of a file in bytes, and the SHA-256 of them."""

    size: Annotated[int, Field(ge=0, le=FILE_BYTES)]
    sha256: Sha256

    @classmethod
    def of(cls, data: bytes) -> FileFacts:
        """Return the facts of a file with these bytes."""
        return cls(size=len(data), sha256=hashlib.sha256(data).hexdigest())


class Manifest(_Facts):
    """The facts of one build; made by ``sealed`` or read by ``from_bytes``, never otherwise."""

    format_version: Literal[1]
    created: AwareDatetime
    key: IndexKey
    key_sha256: Sha256
    articles: Annotated[int, Field(ge=1, le=CHUNKS)]
    chunks: Annotated[int, Field(ge=0, le=CHUNKS)]
    files: dict[FileName, FileFacts]
    manifest_sha256: Sha256

    @classmethod
    def sealed(
        cls, key: IndexKey, files: dict[FileName, FileFacts], *, articles: int, chunks: int
    ) -> Manifest:
        """Return the manifest of a build made now of these files."""
        facts = cls(
            format_version=FORMAT_VERSION,
            created=datetime.now(UTC).replace(microsecond=0),
            key=key,
            key_sha256=key.digest,
            articles=articles,
            chunks=chunks,
            files=files,
            manifest_sha256="0" * 64,
        )
        return facts.model_copy(update={"manifest_sha256": facts._seal()})

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Return the manifest that ``to_bytes`` wrote.

        :raises ValueError: if any byte is not as it was written, saying what is wrong.
        """
        try:
            manifest = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"is not a manifest: {place or 'it'}: {first['msg']}") from error
        if set(manifest.files) != set(FILE_NAMES):
            raise ValueError(f"states the files {sorted(manifest.files)!r}")
        if manifest.key_sha256 != manifest.key.digest:
            raise ValueError("states a key whose SHA-256 is another")
        if manifest.manifest_sha256 != manifest._seal():
            raise ValueError("was changed: its SHA-256 is not the one it ends with")
        if manifest.to_bytes() != data:
            raise ValueError("was changed: it is not written as the program writes it")
        return manifest

    def to_bytes(self) -> bytes:
        """Return the manifest as indented JSON, always the same for the same facts."""
        facts = self.model_dump(mode="json")
        return (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode()

    def _seal(self) -> str:
        return _digest(self, leave_out={"manifest_sha256"})


def _digest(facts: BaseModel, leave_out: set[str] | None = None) -> str:
    parts = facts.model_dump(mode="json", exclude=leave_out)
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
