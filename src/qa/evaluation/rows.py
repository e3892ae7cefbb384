"""A question as a test set states it, before its article is opened, and what is wrong with one."""

from __future__ import annotations

from dataclasses import dataclass

from qa.evaluation.records import Alternatives
from qa.records import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a test set, in one phrase, and where, as "line 3"."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question; ``text`` is its article where the file carries it, else ``article`` is a path.

    ``quotes`` and ``ranges`` are its evidence, in words or as characters of the normalised article.
    """

    where: str
    id: str
    article: str
    text: str | None
    question: str
    history: tuple[Turn, ...] = ()
    answers: tuple[Alternatives, ...] = ()
    quotes: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    tags: tuple[str, ...] = ()
