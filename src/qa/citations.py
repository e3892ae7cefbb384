"""Sentences of an answer to the sentences of the article that carry them.

In: an answer's sentence, the question, and the article's sentences. Out: an ``Alignment``: which
of them, and how much of what the sentence claims their words cover. The language model has no part
in it, so a citation can point to a wrong place but never to words that are not there.

The measure is word coverage weighted by rarity (inverse document frequency; Sparck Jones, Journal
of Documentation 28(1), 1972), over English word stems; the question's words and the nearness of
meaning decide between sentences that cover alike.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import Stemmer
from bm25s.stopwords import STOPWORDS_EN_PLUS
from simplemma import lemmatize

from qa.records import Support

SUPPORTED_COVERAGE = 0.75
"""From this share of its weighted words on, a sentence counts as supported."""

PARTLY_COVERAGE = 0.45
"""From this share on, it counts as partly supported; below, as unsupported."""

MOST_SENTENCES = 3
"""Sentences that a claim may be tied to; one that needs more says more than it should."""

_TELLING_LETTERS = 6
_OF_ASKING = frozenset(
    {
        *("mr", "mrs", "ms", "miss", "dr", "sir", "lady"),
        *("according", "please", "explain", "describe", "exactly", "approximately", "roughly"),
        *("actually", "author", "following", "happen", "happens", "happened"),
        *("mention", "mentions", "mentioned"),
        *("could", "would", "should", "might", "may", "must", "shall", "need"),
    }
)
"""What is said of any subject: that it stands nowhere tells a person nothing."""
_SMALLEST_GAIN = 0.15  # a further sentence has to cover at least this share more
_QUESTION_WEIGHT = 0.5  # what covering all of the question's words is worth beside the claim's own
_SIMILARITY_WEIGHT = 0.5  # what a cosine of 1 is worth beside the claim's own words

RIVAL_KNOWS = 0.6
"""Share of the question's weighted words that a rival holds at least, and no less than those do
that carry the claim."""

RIVAL_SAYS = 0.25
"""Share of what a claim adds to the question that a rival holds at most."""

_WORD = re.compile(r"\d+(?:[.,]\d+)+|\d+(?!\w)|\w+")
_REFERENCE_MARK = re.compile(r"\[[\d\s,–-]+\]")  # as in "37 boats [9]": says nothing itself
_STOPWORDS = frozenset(STOPWORDS_EN_PLUS) | {
    "also",
    "article",
    "many",
    "much",
    "whose",
    "would",
    "yes",
}
_NUMERALS = {
    word: str(value)
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ]
    )
}


def content_words(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning, numbers written in one way."""
    found = _WORD.findall(_REFERENCE_MARK.sub(" ", text.lower()))
    plain = [_NUMERALS.get(word, word.replace(",", "")) for word in found]
    kept = [word for word in plain if word not in _STOPWORDS and (word.isdigit() or len(word) > 1)]
    base = [
        lemmatize(word, lang="en") for word in kept
    ]  # "bought" to "buy", which stems do not see
    # A stemmer keeps state while it works, so threads do not share one; making one is cheap.
    return frozenset(Stemmer.Stemmer("english", 0).stemWords(base))


def numbers(stems: Iterable[str]) -> frozenset[str]:
    """Return those stems that are numbers."""
    return frozenset(stem for stem in stems if stem[0].isdigit())


def unknown_words(question: str, held: frozenset[str]) -> list[str]:
    """Return the telling words of a question whose stems are not held, as they are written there.

    Telling are names, numbers and long words; that a short one like "day" is not there says
    nothing about what the article speaks of. The words of one name stay together.
    """
    found: list[str] = []
    end = None
    for match in _WORD.finditer(question):
        word = match.group()
        stems = content_words(word) if _is_telling(word) else frozenset()
        if not stems or stems & held:
            continue
        if end is not None and word[0].isupper() and question[end : match.start()] == " ":
            found[-1] += f" {word}"
        else:
            found.append(word)
        end = match.end() if word[0].isupper() else None
    return list(dict.fromkeys(found))


def _is_telling(word: str) -> bool:
    if word.lower() in _OF_ASKING:
        return False
    return word[0].isupper() or word[0].isdigit() or len(word) >= _TELLING_LETTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Where a sentence of an answer stands in an article.

    ``nearest`` are the article's sentences that come closest to carrying it, the closest first;
    ``coverage`` in [0, 1] is the share of its weighted words that they hold.
    """

    nearest: tuple[int, ...]
    coverage: float
    support: Support

    @property
    def rows(self) -> tuple[int, ...]:
        """The sentences that carry it, in the article's order; none if it is unsupported."""
        return tuple(sorted(self.nearest)) if self.support != "unsupported" else ()


class SentenceIndex:
    """The sentences of a few articles, by their words; built once, then only read."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self._stems = [content_words(sentence) for sentence in sentences]
        self._held = Counter(stem for stems in self._stems for stem in stems)

    def rarity(self, stem: str) -> float:
        """Return the weight of a stem: high where few sentences hold it, highest where none."""
        return math.log(1 + (len(self._stems) + 1) / (self._held[stem] + 0.5))

    def share(self, wanted: frozenset[str], held: frozenset[str]) -> float:
        """Return the share, in [0, 1], of the weight of the wanted stems that is held."""
        total = sum(self.rarity(stem) for stem in wanted)
        return sum(self.rarity(stem) for stem in wanted & held) / total if total else 0.0

    def words_of(self, rows: Iterable[int]) -> frozenset[str]:
        """Return the stems of some sentences together; rows that are none are left out."""
        there = range(len(self._stems))
        return frozenset(stem for row in rows if row in there for stem in self._stems[row])

    def shortlist(self, claim: str, question: str, rows: Sequence[int], k: int) -> list[int]:
        """Return the k sentences that share most with a claim and its question, best first."""
        claimed, asked = content_words(claim), content_words(question)

        def shared(row: int) -> float:
            stems = self._stems[row]
            return self.share(claimed, stems) + _QUESTION_WEIGHT * self.share(asked, stems)

        return sorted(rows, key=lambda row: (-shared(row), row))[:k]

    def known(self, question: str) -> float:
        """Return the share, in [0, 1], of a question's weighted words that stand anywhere.

        A question of function words alone, as "What is this about?", is known by all articles.
        """
        asked = content_words(question)
        return self.share(asked, frozenset(self._held)) if asked else 1.0

    def nearest(self, question: str, near: Mapping[int, float]) -> int:
        """Return the sentence that has most to do with a question, by its words and its meaning.

        :param near: the sentences to choose from, at least one, each with its cosine to it.
        """
        asked = content_words(question)
        return max(near, key=lambda row: (self.share(asked, self._stems[row]) + near[row], -row))

    def rival(
        self, claim: str, question: str, carrying: Sequence[int], rows: Iterable[int]
    ) -> int | None:
        """Return the sentence that may answer a question otherwise than a claim does, if any.

        It speaks of what is asked as the sentences do that carry the claim, and has other words,
        or another number, where the claim has its own.
        """
        asked, claimed = content_words(question), content_words(claim)
        added = claimed - asked
        known = max(self.share(asked, self.words_of(carrying)), RIVAL_KNOWS)
        if not added:
            return None
        found = [
            row
            for row in rows
            if row not in carrying
            and self.share(asked, self._stems[row]) >= known
            and self.share(added, self._stems[row]) <= RIVAL_SAYS
            and (numbers(self._stems[row]) - asked or not numbers(added))
        ]
        return max(found, key=lambda row: (self.share(asked, self._stems[row]), -row), default=None)

    def align(self, claim: str, question: str, near: Mapping[int, float]) -> Alignment:
        """Return the few sentences that together cover a claim best.

        What the claim adds to the question is what has to be covered; a claim that adds no word, as
        "Yes" does, is held to the question's own words.

        :param near: the sentences that may be cited, each with its cosine to question and claim.
        """
        asked, claimed = content_words(question), content_words(claim)
        wanted = (claimed - asked) or claimed or asked
        left = dict(near)
        chosen: list[int] = []
        held: frozenset[str] = frozenset()
        while left and len(chosen) < MOST_SENTENCES:
            best = max(left, key=lambda row: (self._worth(row, wanted, asked, held, left), -row))
            gain = self.share(wanted, held | self._stems[best]) - self.share(wanted, held)
            if chosen and gain < _SMALLEST_GAIN:
                break
            del left[best]
            chosen.append(best)
            held |= self._stems[best]
        coverage = self.share(wanted, held)
        support = support_of(coverage, missing_number=bool(numbers(wanted) - held))
        return Alignment(nearest=tuple(chosen), coverage=coverage, support=support)

    def _worth(
        self,
        row: int,
        wanted: frozenset[str],
        asked: frozenset[str],
        held: frozenset[str],
        near: Mapping[int, float],
    ) -> float:
        together = held | self._stems[row]
        return (
            self.share(wanted, together)
            + _QUESTION_WEIGHT * self.share(asked, together)
            + _SIMILARITY_WEIGHT * near[row]
        )


def support_of(coverage: float, *, missing_number: bool) -> Support:
    """Return how far a claim is carried; one number that is not there and it is not carried."""
    if missing_number or coverage < PARTLY_COVERAGE:
        return "unsupported"
    return "supported" if coverage >= SUPPORTED_COVERAGE else "partly"
