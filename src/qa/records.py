"""The values that the parts of the program hand to one another.

All are frozen, slotted, keyword-only dataclasses that check their own invariant; this module
imports nothing from the package. Every offset counts characters of ``Article.text``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Status = Literal["draft", "answered", "abstained"]
Support = Literal["supported", "partly", "unsupported"]


class Reason(StrEnum):
    """Why an answer was withheld; empty for an answer that was given."""

    NONE = ""
    NOTHING_RELEVANT = "nothing-relevant"
    DECLINED = "declined"
    UNSUPPORTED = "unsupported"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A half-open range of characters, ``text[start:end]``, never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"span {self.start}:{self.end} is not a non-empty range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    r"""A text to ask: ``text`` is normalised once (NFC, newlines as ``\n``) and never changes.

    ``source`` is the path or address it came from; ``id`` is the SHA-256 of the text.
    """

    id: str
    title: str
    source: str
    text: str

    @classmethod
    def from_text(cls, text: str, *, title: str, source: str) -> Article:
        """Return the article of an already normalised text, named by its hash."""
        return cls(
            id=hashlib.sha256(text.encode()).hexdigest(), title=title, source=source, text=text
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A run of whole sentences: ``text`` is ``article.text[start:end]``.

    ``heading`` is the title or heading it stands under, given to the embedder as context.
    """

    article_id: str
    start: int
    end: int
    text: str
    heading: str

    def __post_init__(self) -> None:
        if self.end - self.start != len(self.text) or not self.text or self.start < 0:
            raise ValueError(f"chunk {self.start}:{self.end} does not fit its text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk that was found: ``score`` orders one list only and is not comparable across lists.

    ``similarity`` is the cosine in [-1, 1] between question and chunk, or None when the chunk was
    found by its words alone.
    """

    chunk: Chunk
    score: float
    similarity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One finished exchange of a conversation, held by the caller."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Words of an article, ``text`` is ``article.text[start:end]``, under a 1-based number."""

    number: int
    article: Article
    start: int
    end: int
    text: str

    def __post_init__(self) -> None:
        if not self.text or self.article.text[self.start : self.end] != self.text:
            raise ValueError(f"citation {self.start}:{self.end} is not in {self.article.source!r}")

    @classmethod
    def cut(cls, article: Article, span: Span, *, number: int) -> Citation:
        """Return the citation of a span, its words cut from the stored text."""
        text = article.text[span.start : span.end]
        return cls(number=number, article=article, start=span.start, end=span.end, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence of an answer, ``Answer.text[start:end]``, with the numbers of its citations.

    ``support`` says how far the cited words carry it; an unsupported sentence has no citations, and
    in an answer that is not sure none is fully supported.
    """

    start: int
    end: int
    support: Support
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds from the question: search done, first words, everything; None if not reached."""

    retrieve_ms: float
    first_token_ms: float | None
    total_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens a model spent: ``read`` anew, ``cached`` of an earlier reading, and ``written``."""

    read: int
    cached: int
    written: int

    @classmethod
    def total(cls, *told: Usage | None) -> Usage | None:
        """Return the sum of what was told, or None if nothing was."""
        known = [one for one in told if one is not None]
        if not known:
            return None
        return cls(
            read=sum(one.read for one in known),
            cached=sum(one.cached for one in known),
            written=sum(one.written for one in known),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a question.

    A stream is an iterator of answers: each but the last is a draft with more text, the last is
    "answered" or "abstained". ``searched_for`` is the question as it was searched for.
    ``sentences`` divide ``text`` and point to ``citations`` by number. ``confidence`` is the
    probability in [0, 1] that the answer is right, as estimated by ``qa.verification``. ``hits``
    are best first. ``closest`` is the passage nearest to the question, as citation number 0, when
    abstaining. Of an abstention ``confidence`` is what the draft that was withheld had, 0 without
    one. ``signals`` are what was measured for it, by their names in ``qa.signals``; the fit of a
    model may use few of them.
    ``usage`` sums all that the model was asked for it, None where nobody asked one or it does not
    tell.
    """

    question: str
    searched_for: str
    text: str
    status: Status
    reason: Reason = Reason.NONE
    confidence: float = 0.0
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    closest: Citation | None = None
    hits: tuple[Hit, ...] = ()
    signals: Mapping[str, float] = field(default_factory=dict, hash=False)
    timings: Timings = field(
        default_factory=lambda: Timings(retrieve_ms=0.0, first_token_ms=None, total_ms=0.0)
    )
    usage: Usage | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} is not a probability")
        if (self.status == "abstained") != (self.reason is not Reason.NONE):
            raise ValueError(f"status {self.status!r} does not go with reason {self.reason!r}")
