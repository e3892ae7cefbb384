"""The text of an answer to a judgement: which words of the article carry it, and does it stand.

In: articles, a question, and what the model wrote. Out: a ``Verdict``. The answer is withheld when
the model declines, or when none of its sentences is carried by sentences of the article that have
to do with the question.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from qa.chunking import sentences, split
from qa.citations import Alignment, SentenceIndex
from qa.records import Article, Chunk, Citation, Hit, Reason, Sentence, Span, Support

LEAST_RELEVANCE = 0.55
"""Evidence must share words with the question, or be near it in meaning, to this sum of the two."""

LEAST_SIMILARITY = 0.25
LEAST_KNOWN = 0.5
"""Of 478 answerable questions on nine articles two are less similar than this to all passages; of
questions on other articles 77%. Words can still save a question that meaning does not."""

_SHORTLIST = 8  # sentences whose meaning is compared; each costs an embedding the first time
_DECLINING = re.compile(
    r"\b(?:article|text|passage|it) (?:does|do|did)(?: not|n[’']t) "
    r"(?:say|state|mention|specify|provide|give|tell|contain|include|indicate|discuss)\b"
    r"|\bnot (?:stated|mentioned|specified|provided|given) in the (?:article|text|passage)\b",
    re.IGNORECASE,
)
_WEIGHT: dict[Support, float] = {"supported": 1.0, "partly": 0.5, "unsupported": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an answer: ``reason`` is empty when it stands.

    ``confidence`` is an estimate of the probability that the answer is right, in [0, 1]: the mean
    support of its sentences, times the relevance of their evidence, times the mean probability of
    the model's tokens where it is known. It orders answers; it is not calibrated yet.
    """

    reason: Reason
    confidence: float
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    article: Article
    span: Span


class Verifier:
    """Ties answers to the sentences of its articles; safe to share between threads."""

    def __init__(self, articles: Sequence[Article], embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._places = [
            _Place(article=article, span=span)
            for article in articles
            for span in sentences(article.text)
        ]
        self._texts = [
            place.article.text[place.span.start : place.span.end] for place in self._places
        ]
        self._index = SentenceIndex(self._texts)
        self._vectors: dict[int, np.ndarray] = {}

    def relates(self, question: str, hits: Sequence[Hit]) -> bool:
        """Return whether anything that was found has to do with a question.

        It has not when no passage is near in meaning, and most of its words stand nowhere.
        """
        nearest = max((hit.similarity or 0.0 for hit in hits), default=0.0)
        return nearest >= LEAST_SIMILARITY or self._index.known(question) > LEAST_KNOWN

    def verify(
        self,
        question: str,
        text: str,
        *,
        read: Sequence[Chunk] | None,
        probability: float | None,
    ) -> Verdict:
        """Return the verdict on an answer.

        :param question: as it was searched for, so that it stands alone.
        :param read: the passages that the model was given; None if it was given everything.
        :param probability: the mean probability of the answer's tokens, if the model tells it.
        """
        if not text or _DECLINING.search(text):
            return _withheld(Reason.DECLINED)
        rows = self._rows(read)
        spans = split(text)
        alignments = [self._align(text[span.start : span.end], question, rows) for span in spans]
        asked = self._embed([question])[0]
        relevance = max((self._relevance(asked, found) for found in alignments), default=0.0)
        if not any(found.rows for found in alignments) or relevance < LEAST_RELEVANCE:
            return _withheld(Reason.UNSUPPORTED)
        citations = self._citations(alignments)
        support = sum(_WEIGHT[found.support] for found in alignments) / len(alignments)
        return Verdict(
            reason=Reason.NONE,
            confidence=support * min(1.0, relevance / 1.5) * (probability or 1.0),
            sentences=tuple(
                Sentence(
                    start=span.start,
                    end=span.end,
                    support=found.support,
                    citations=tuple(citations[row].number for row in found.rows),
                )
                for span, found in zip(spans, alignments, strict=True)
            ),
            citations=tuple(citations.values()),
        )

    def closest(self, question: str, passages: Sequence[Chunk]) -> Citation:
        """Return the sentence of a few passages that is closest to a question, as number 0."""
        vector = self._embed([question])[0]
        near = self._similarities(vector, self._rows(passages))
        place = self._places[self._index.nearest(question, near)]
        return Citation.cut(place.article, place.span, number=0)

    def _rows(self, read: Sequence[Chunk] | None) -> list[int]:
        if read is None:
            return list(range(len(self._places)))
        return [
            row
            for row, place in enumerate(self._places)
            if any(
                chunk.article_id == place.article.id
                and chunk.start < place.span.end
                and place.span.start < chunk.end
                for chunk in read
            )
        ]

    def _align(self, claim: str, question: str, rows: Sequence[int]) -> Alignment:
        likely = self._index.shortlist(claim, question, rows, _SHORTLIST)
        vector = self._embed([f"{question} {claim}"])[0]
        return self._index.align(claim, question, self._similarities(vector, likely))

    def _relevance(self, asked: np.ndarray, found: Alignment) -> float:
        """Return how much evidence has to do with a question: words plus meaning, 0 to 2.

        :param asked: the unit vector of the question.
        """
        if not found.rows:
            return 0.0
        near = self._similarities(asked, found.rows)
        return found.question_coverage + max(0.0, *near.values())

    def _similarities(self, vector: np.ndarray, rows: Sequence[int]) -> dict[int, float]:
        missing = [row for row in rows if row not in self._vectors]
        if missing:
            vectors = self._embed([self._texts[row] for row in missing])
            self._vectors.update(zip(missing, vectors, strict=True))
        return {row: float(self._vectors[row] @ vector) for row in rows}

    def _embed(self, texts: list[str]) -> np.ndarray:
        vectors = np.asarray(self._embeddings.embed_documents(texts), dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(norms, math.ulp(1.0)))

    def _citations(self, alignments: Sequence[Alignment]) -> dict[int, Citation]:
        """Return the citation of each sentence used, numbered in the order of the answer."""
        rows = dict.fromkeys(row for found in alignments for row in found.rows)
        return {
            row: Citation.cut(self._places[row].article, self._places[row].span, number=number)
            for number, row in enumerate(rows, start=1)
        }


def _withheld(reason: Reason) -> Verdict:
    return Verdict(reason=reason, confidence=0.0, sentences=(), citations=())
