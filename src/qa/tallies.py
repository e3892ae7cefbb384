"""What a model wrote on the parts of an article to the answer about all of it.

In: what the model wrote on one part after another. Out: ``Gathered``, the sentences of a summary
that the article carries or the items of a list that stand in it, each with where it comes from.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage

from qa.checking import belongs
from qa.citations import content_words
from qa.errors import EngineError
from qa.generation import Draft
from qa.models.chat import WeighsChoices
from qa.names import Name, distinct, names_in
from qa.overview import MOST_SENTENCES, Listing, Summary
from qa.prompts import listing, reading, summarising, summarising_part
from qa.records import Citation, Reason, Sentence, Support, Usage
from qa.sections import Part
from qa.verification import Place, Verdict, Verifier, declines, may_decline, says_nothing

LIST_CONFIDENCE = 0.5
"""The confidence of a list whose items no model was asked about: each is known to stand in the
article, but whether it is of the kind that was asked for, only a model can say."""

LEAST_LOG_ODDS = -0.5
"""Of a name's being of the kind. Of 65 names listed of two articles, all 39 of the kind are above
it, and 9 of the others below."""

LIST_TOKENS = 320
"""Tokens that the list of one part may have at most; a name is a few."""

_BULLETS = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.)])\s+", re.MULTILINE)
_SENTENCE_ENDS = (".", "!", "?", "”", '"', ")")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The answer so far, and in the last of a stream what becomes of it."""

    draft: Draft
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A sentence or item of an answer: ``rows`` are the sentences of the article it comes from."""

    text: str
    rows: tuple[int, ...]
    support: Support
    coverage: float = 1.0


class SummaryTally:
    """The sentences of a summary that the article carries."""

    def __init__(
        self, asked: Summary, question: str, verifier: Verifier, parts: int, *, tokens: int
    ) -> None:
        self.tokens = tokens
        self._asked = asked
        self._question = question
        self._verifier = verifier
        self._parts = parts
        self._written = 0
        self._kept: dict[str, _Line] = {}

    def messages(self, part: Part) -> list[BaseMessage]:
        """Return what the model is asked of a part."""
        read = reading(part.sections)
        return (
            summarising_part(read) if self._parts > 1 else summarising(read, self._asked.sentences)
        )

    def so_far(self, said: str, part: Part) -> str:  # noqa: ARG002 - a list needs it
        """Return what is kept and what is being written, unless that may become a refusal."""
        begun = "" if may_decline(said) else said
        return " ".join([*self._kept, begun]).strip()

    def take(self, said: str, part: Part, *, end: float) -> None:  # noqa: ARG002 - as above
        """Keep what holds of what the model wrote on a part."""
        said = _BULLETS.sub("", said)
        if says_nothing(said):
            return
        examined = self._verifier.examine(
            self._question, said, hits=(), read=part.chunks, follow_up=False
        )
        for span, found in zip(examined.spans, examined.alignments, strict=True):
            text = said[span.start : span.end]
            if self._kept and not text.endswith(_SENTENCE_ENDS):  # cut off by the limit of tokens
                continue
            self._written += text not in self._kept
            if found.rows:
                self._kept[text] = _Line(
                    text=text, rows=found.rows, support=found.support, coverage=found.coverage
                )

    def answer(self, read: int) -> Gathered:
        """Return the sentences, of too many some from everywhere.

        The confidence is the mean share of a sentence's words that its citations hold, those that
        were dropped counting 0. It was not fitted to how often summaries are right.
        """
        if not self._kept:
            return _nothing(Reason.UNSUPPORTED)
        most = self._asked.sentences or MOST_SENTENCES
        lines = _spread(list(self._kept.values()), most)
        confidence = sum(line.coverage for line in self._kept.values()) / self._written
        return _composed(
            "", " ", lines, _how_far(read, self._parts), self._verifier.places, confidence
        )


class ListTally:
    """The items of a list that stand in the article."""

    tokens = LIST_TOKENS

    def __init__(
        self, asked: Listing, verifier: Verifier, parts: int, *, model: BaseChatModel
    ) -> None:
        """:param model: is asked of each item whether it is of the kind, if it weighs choices."""
        self._asked = asked
        self._verifier = verifier
        self._parts = parts
        self._model = model if isinstance(model, WeighsChoices) else None
        self._names: list[Name] = []
        self._log_odds: dict[str, float] = {}
        self._usage: Usage | None = None
        self._heard = self._shown = ""

    def messages(self, part: Part) -> list[BaseMessage]:
        """Return what the model is asked of a part."""
        return listing(reading(part.sections), self._asked.kind, self._asked.how)

    def so_far(self, said: str, part: Part) -> str:
        """Return the items of the finished lines: what is being written is not certain yet."""
        lines = said.rpartition("\n")[0]  # the last one is being written
        if lines != self._heard:
            self._heard = lines
            names = distinct([*self._names, *self._standing(lines, part)])
            self._shown = "\n".join(name.text for name in names)
        return self._shown

    def take(self, said: str, part: Part, *, end: float) -> None:
        """Keep what holds of what the model wrote on a part.

        :param end: when the time is up, as ``time.monotonic``; what the model could not be asked
            of by then is kept.
        """
        names = distinct([*self._names, *self._standing(said, part)])
        self._names = [name for name in names if self._belongs(name, part, end)]

    def answer(self, read: int) -> Gathered:
        """Return the items in the order of the article, their number first.

        The confidence is the mean probability of an item's being of the kind, ``LIST_CONFIDENCE``
        of one that the model was not asked about. It was not fitted, and says nothing of what is
        missing.
        """
        names = self._names
        if not names:
            return _nothing(Reason.DECLINED)
        likely = [self._likely(name) for name in names]
        lines = [_Line(text=name.text, rows=(name.row,), support="supported") for name in names]
        places = self._verifier.places
        several = len({place.article.id for place in places}) > 1
        verb = {"named": "name", "quoted": "quote"}[self._asked.how]
        said = f"The articles {verb}" if several else f"The article {verb}s"
        bound = "" if read == self._parts else "at least "
        many = f"{len(names)} {self._asked.kind}" if len(names) > 1 else "1"
        return _composed(
            f"{said} {bound}{many}:",
            "\n",
            lines,
            _how_far(read, self._parts),
            places,
            sum(likely) / len(likely),
            usage=self._usage,
        )

    def _likely(self, name: Name) -> float:
        log_odds = self._log_odds.get(name.text)
        return LIST_CONFIDENCE if log_odds is None else 1 / (1 + math.exp(-log_odds))

    def _belongs(self, name: Name, part: Part, end: float) -> bool:
        """Return whether a name may be of the kind; the model is asked of each once, in time."""
        left = end - time.monotonic()
        if self._model and name.text not in self._log_odds and left > 0:
            try:
                sureness = belongs(
                    self._model,
                    reading(part.sections),
                    self._asked.kind,
                    name.text,
                    deadline_seconds=left,
                )
            except EngineError:
                if time.monotonic() < end:
                    raise
            else:
                self._log_odds[name.text] = sureness.log_odds
                self._usage = Usage.total(self._usage, sureness.usage)
        return self._log_odds.get(name.text, 0.0) >= LEAST_LOG_ODDS

    def _standing(self, said: str, part: Part) -> list[Name]:
        """Return what a list names and the part holds."""
        if declines(said):
            return []
        places = self._verifier.places
        sentences = [(row, places[row].text) for row in self._verifier.rows(part.chunks)]
        return [name for name in names_in(said, sentences) if not self._is_kind(name)]

    def _is_kind(self, name: Name) -> bool:
        """Return whether a name is only the word for the kind, or a function word."""
        words = content_words(name.text)
        return words <= content_words(self._asked.kind) and (bool(words) or name.text.islower())


def _composed(
    heading: str,
    joint: str,
    lines: Sequence[_Line],
    closing_words: str,
    places: Sequence[Place],
    confidence: float,
    *,
    usage: Usage | None = None,
) -> Gathered:
    """Return the answer of some lines, each tied to what it comes from."""
    text = heading
    numbers: dict[int, int] = {}
    sentences = []
    for line in lines:
        text += joint if text else ""
        cited = tuple(numbers.setdefault(row, len(numbers) + 1) for row in line.rows)
        end = len(text) + len(line.text)
        sentences.append(Sentence(start=len(text), end=end, support=line.support, citations=cited))
        text += line.text
    verdict = Verdict(
        reason=Reason.NONE,
        confidence=confidence,
        sentences=tuple(sentences),
        citations=tuple(
            Citation.cut(places[row].article, places[row].span, number=number)
            for row, number in numbers.items()
        ),
    )
    draft = Draft(text=f"{text}\n{closing_words}".strip(), usage=usage)
    return Gathered(draft=draft, verdict=verdict)


def _nothing(reason: Reason) -> Gathered:
    return Gathered(draft=Draft(text=""), verdict=Verdict(reason=reason))


def _how_far(read: int, parts: int) -> str:
    """Return how much of a long article was read, as a sentence; of one read at once, nothing."""
    if parts == 1:
        return ""
    return f"Read all {parts} parts." if read == parts else f"Read {read} of {parts} parts."


def _spread(lines: Sequence[_Line], most: int) -> list[_Line]:
    """Return at most so many lines, evenly from the first on."""
    few = min(most, len(lines))
    return [lines[index * len(lines) // few] for index in range(few)]
