"""The text of an answer to a judgement: which words of the article carry it, and does it stand.

In: articles, a question, and what the model wrote. Out: a ``Verdict``. The answer is withheld when
the model declines, when no sentence of it is carried by the article, or when it is too likely to be
wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import zip_longest

import numpy as np
from langchain_core.embeddings import Embeddings

from qa.calibration import Calibration
from qa.chunking import sentences, split
from qa.citations import Alignment, SentenceIndex, content_words, unknown_words
from qa.records import Article, Chunk, Citation, Hit, Reason, Sentence, Span
from qa.signals import FROM_THE_MODEL, Nearness, signals_of_both, signals_of_text

LEAST_SIMILARITY = 0.15
LEAST_KNOWN = 0.5
"""Of 214 answerable questions on eleven articles none is both less similar than this to every
passage and mostly made of words that stand nowhere; of 25 on something else altogether 16 are."""

SUPPORTED_CONFIDENCE = 0.75
"""Confidence of an answer from which on its sentences may count as supported. Words alone do not
tell: of 300 sentences whose words were all cited a reader found 12% to say what the cited ones do
not, 4% of the 205 in answers from here on (RESULTS.md)."""

DECLINING_START = "The article does not"
"""How a model that declines begins; what may become that is not shown while it is written."""

_LEAST_CHANGE = 0.05
"""Of a question's meaning, 1 - cosine, when a word is left out of it: words such as "anyway",
"usually" and "thought" change less, and that one of them is not there tells a person nothing."""

_EVIDENCE_READ = 2  # sentences of evidence that the model reads again; each costs time
_EVIDENCE_CHARACTERS = 2000  # of a sentence without end; the rest is not read again
_SHORTLIST = 8  # sentences whose meaning is compared; each costs an embedding the first time
_DECLINING = re.compile(
    r"\b(?:article|text|passage)s? (?:does|do|did)(?: not|n[’']t) "
    r"(?:say|state|mention|specify|provide|give|tell|contain|include|indicate|discuss)\b"
    r"|\b(?:article|text|passage)s? says? nothing\b"
    r"|\bnot (?:stated|mentioned|specified|provided|given) in the (?:article|text|passage)\b"
    r"|^It does(?: not|n[’']t) (?:say|state|mention|specify)\b"
    r"|^It is(?: not|n[’']t) (?:said|stated|mentioned|specified)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A sentence of an article."""

    article: Article
    span: Span

    @property
    def text(self) -> str:
        """Its words."""
        return self.article.text[self.span.start : self.span.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an answer: ``reason`` is empty when it stands.

    ``contrary`` is a sentence of the article that answers the question otherwise.

    ``confidence`` is the probability in [0, 1] that it is right, by ``qa.calibration`` from the
    ``signals`` that its fit uses; 0, without signals, where there was no answer or the article
    carries none of it.
    """

    reason: Reason
    confidence: float = 0.0
    signals: Mapping[str, float] = field(default_factory=dict, hash=False)
    sentences: tuple[Sentence, ...] = ()
    citations: tuple[Citation, ...] = ()
    contrary: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """An answer beside the article: its sentences, what comes closest to carrying each, signals.

    ``evidence`` are the words of the sentences that come closest, in the order of the article, as
    many as the model reads again.
    """

    spans: tuple[Span, ...]
    alignments: tuple[Alignment, ...]
    signals: Mapping[str, float]
    evidence: str

    @property
    def carried(self) -> bool:
        """Whether the article carries any sentence of the answer."""
        return any(found.rows for found in self.alignments)


class Verifier:
    """Ties answers to the sentences of its articles; safe to share between threads."""

    def __init__(
        self,
        articles: Sequence[Article],
        embeddings: Embeddings,
        *,
        calibrations: Sequence[Calibration],
        most_risk: float,
    ) -> None:
        """:param calibrations: for one model, the best last; the first needs no model.
        :param most_risk: the share of the answers given, in (0, 1], that may be wrong.
        """
        self._embeddings = embeddings
        self._calibrations = tuple(calibrations)
        self._most_risk = most_risk
        self.places = tuple(
            Place(article=article, span=span)
            for article in articles
            for span in sentences(article.text)
        )
        self._texts = [place.text for place in self.places]
        self._index = SentenceIndex(self._texts)
        self._articles = tuple(articles)
        self._vectors: dict[int, np.ndarray] = {}

    def relates(self, question: str, hits: Sequence[Hit]) -> bool:
        """Return whether anything that was found has to do with a question.

        It has not when no passage is near in meaning, and most of its words stand nowhere.
        """
        nearest = max((hit.similarity or 0.0 for hit in hits), default=0.0)
        return nearest >= LEAST_SIMILARITY or self._index.known(question) > LEAST_KNOWN

    @property
    def asks_the_model(self) -> bool:
        """Whether the confidence rests on what only the model can tell."""
        return not FROM_THE_MODEL.isdisjoint(self._calibrations[-1].signals)

    def examine(
        self,
        question: str,
        text: str,
        *,
        hits: Sequence[Hit],
        read: Sequence[Chunk] | None,
        follow_up: bool,
    ) -> Examination:
        """Return where the article comes closest to carrying an answer.

        :param question: as it was searched for, so that it stands alone.
        :param text: an answer with words that does not decline.
        :param read: the passages that the model was given; None if it was given everything.
        """
        rows = self.rows(read)
        spans = split(text)
        claims = [text[span.start : span.end] for span in spans]
        # Once for each text: the one sentence of a short answer is also the whole of it.
        texts = list(dict.fromkeys([question, *(f"{question} {said}" for said in (text, *claims))]))
        vectors = dict(zip(texts, self._embed(texts), strict=True))
        alignments = [
            self._align(claim, question, rows, vectors[f"{question} {claim}"]) for claim in claims
        ]
        # The closest sentence to each claim, then the second closest to each, and so on.
        ranks = zip_longest(*(found.nearest for found in alignments))
        nearest = list(dict.fromkeys(row for rank in ranks for row in rank if row is not None))
        nearness = Nearness(
            passage=max((hit.similarity or 0.0 for hit in hits), default=0.0),
            evidence=self._nearest(vectors[question], nearest),
            claim=self._nearest(vectors[f"{question} {text}"], nearest),
        )
        signals = signals_of_text(
            self._index,
            question,
            text,
            alignments,
            nearness,
            follow_up=follow_up,
        )
        evidence = " ".join(self._texts[row] for row in sorted(nearest[:_EVIDENCE_READ]))
        return Examination(
            spans=tuple(spans),
            alignments=tuple(alignments),
            signals=signals,
            evidence=evidence[:_EVIDENCE_CHARACTERS],
        )

    def _calibration(self, signals: Mapping[str, float]) -> Calibration:
        """Return the best calibration whose signals are all there."""
        return [fit for fit in self._calibrations if fit.signals <= signals.keys()][-1]

    def judge(self, examined: Examination, from_the_model: Mapping[str, float]) -> Verdict:
        """Return the verdict on an answer that was examined.

        :param from_the_model: the signals that the model gives, if it gives any.
        """
        if not examined.carried:
            return Verdict(reason=Reason.UNSUPPORTED)
        citations = self._citations(examined.alignments)
        verdict = Verdict(
            reason=Reason.NONE,
            sentences=tuple(
                Sentence(
                    start=span.start,
                    end=span.end,
                    support=found.support,
                    citations=tuple(citations[row].number for row in found.rows),
                )
                for span, found in zip(examined.spans, examined.alignments, strict=True)
            ),
            citations=tuple(citations.values()),
        )
        return self._weighed(verdict, {**examined.signals, **from_the_model})

    def judge_both(self, likelier: Verdict, other: Verdict) -> Verdict:
        """Return the verdict on the likelier of two answers, in the light of the other one."""
        if "confirmed" not in likelier.signals:
            return likelier
        return self._weighed(likelier, signals_of_both(likelier.signals, other.signals))

    def hedged(self, verdict: Verdict) -> Verdict:
        """Return a verdict in which no sentence counts as supported if the answer is not sure.

        That is known of an answer that the model was asked about.
        """
        if "confirmed" not in verdict.signals or verdict.confidence >= SUPPORTED_CONFIDENCE:
            return verdict
        hedged = (
            replace(sentence, support="partly") if sentence.support == "supported" else sentence
            for sentence in verdict.sentences
        )
        return replace(verdict, sentences=tuple(hedged))

    def _weighed(self, verdict: Verdict, signals: Mapping[str, float]) -> Verdict:
        """Return a verdict with the confidence that signals give, and whether that is enough."""
        calibration = self._calibration(signals)
        confidence = calibration.probability(signals)
        enough = confidence >= calibration.least_probability(self._most_risk)
        reason = Reason.NONE if enough else Reason.UNSURE
        return replace(verdict, reason=reason, confidence=confidence, signals=signals)

    def rival(
        self, question: str, text: str, examined: Examination, read: Sequence[Chunk] | None
    ) -> Place | None:
        """Return the sentence of what was read that may answer a question otherwise, if any."""
        carrying = [row for found in examined.alignments for row in found.rows]
        row = self._index.rival(text, question, carrying, self.rows(read))
        return None if row is None else self.places[row]

    def unknown(self, question: str) -> list[str]:
        """Return the words that matter to a question and stand nowhere in the articles."""
        return self._that_matter(question, unknown_words(question, self._everything))

    @cached_property
    def _everything(self) -> frozenset[str]:
        """The stems of all words: headings are no sentences, but what stands there is mentioned.

        They take a while to find, and only an abstention asks for them.
        """
        texts = (f"{article.title} {article.text}" for article in self._articles)
        return content_words(" ".join(texts))

    def unmentioned(self, question: str, closest: Citation) -> list[str]:
        """Return those that stand neither in a sentence nor in those beside it.

        :param closest: what ``closest`` gave.
        """
        row = next(
            row
            for row, place in enumerate(self.places)
            if place.article is closest.article and place.span.start == closest.start
        )
        beside = self._index.words_of((row - 1, row, row + 1))
        return self._that_matter(question, unknown_words(question, beside))

    def _that_matter(self, question: str, words: Sequence[str]) -> list[str]:
        """Return the words without which the question would mean something else, and numbers."""
        if not words:
            return []
        without = [re.sub(rf"\b{re.escape(word)}\b", "", question, count=1) for word in words]
        whole, *others = self._embed([question, *without])
        return [
            word
            for word, vector in zip(words, others, strict=True)
            if word[0].isdigit() or 1 - float(whole @ vector) >= _LEAST_CHANGE
        ]

    def closest(self, question: str, passages: Sequence[Chunk]) -> Citation:
        """Return the sentence of a few passages that is closest to a question, as number 0."""
        vector = self._embed([question])[0]
        near = self._similarities(vector, self.rows(passages))
        place = self.places[self._index.nearest(question, near)]
        return Citation.cut(place.article, place.span, number=0)

    def rows(self, read: Sequence[Chunk] | None) -> list[int]:
        """Return which of ``places`` stand in some passages; all, if everything was read."""
        if read is None:
            return list(range(len(self.places)))
        return [
            row
            for row, place in enumerate(self.places)
            if any(
                chunk.article_id == place.article.id
                and chunk.start < place.span.end
                and place.span.start < chunk.end
                for chunk in read
            )
        ]

    def _align(
        self, claim: str, question: str, rows: Sequence[int], vector: np.ndarray
    ) -> Alignment:
        """Return where a claim stands; ``vector`` is the unit vector of question and claim."""
        likely = self._index.shortlist(claim, question, rows, _SHORTLIST)
        return self._index.align(claim, question, self._similarities(vector, likely))

    def _nearest(self, vector: np.ndarray, rows: Sequence[int]) -> float:
        return max(self._similarities(vector, rows).values(), default=0.0)

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
            row: Citation.cut(self.places[row].article, self.places[row].span, number=number)
            for number, row in enumerate(rows, start=1)
        }


def declines(text: str) -> bool:
    """Return whether a text says that the article does not say."""
    return bool(_DECLINING.search(text))


def says_nothing(text: str) -> bool:
    """Return whether a text has no word, or says that the article does not say."""
    return not any(map(str.isalnum, text)) or declines(text)


def may_decline(text: str) -> bool:
    """Return whether the beginning of a text says that the article does not say, or may come to."""
    return DECLINING_START.startswith(text) or text.startswith(DECLINING_START) or declines(text)
