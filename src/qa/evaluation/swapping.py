"""Names, numbers and dates of an article, and questions in which one stands for another.

In: an article and a question that it answers. Out: questions that it may not answer. Plain rules
over capitals and digits stand in for a tagger of names: they miss some and mistake some, and what
is made with them is checked against the article and by a person.

Swapping entities makes questions that look answerable: Rajpurkar, Jia and Liang, "Know what you
don't know: unanswerable questions for SQuAD", 2018, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from langchain_core.embeddings import Embeddings

from qa.chunking import sentences
from qa.citations import content_words
from qa.records import Article

NEAREST = 4
"""A name is swapped for one of so many that are nearest in meaning: a country for a country."""

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_WEEKDAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_AMOUNT = r"\d+(?:[.,]\d+)*(?:\s(?:thousand|million|billion|trillion)\b)?"
_CAPITALISED = re.compile(
    r"(?:[^\W\d_]\.){2,}|(?:Mr|Mrs|Ms|Dr|St)\.|[^\W\d_]\.(?=\s[^\W\d_])"
    r"|[^\W\d_](?:[\w-]|['’](?!s\b)\w)*"
)
_PEOPLE = re.compile(r"\w+(?:ese|ian|ean|ican|ish)")  # "Japanese" takes no place of "China"
_TITLED = re.compile(r"^(?:Mr|Mrs|Ms|Dr)\.|^(?:President|Professor)\s|\s[^\W\d_]\.\s")
_SIDE = re.compile(r"(?:North|South|East|West|Central|New)\s")  # "East Asia" is nobody's name
_SAME_LETTERS = 4  # words that begin with as many alike are forms of one: "America", "American"


class Kind(StrEnum):
    """What can be swapped, each for its like only."""

    MONEY = "money"
    PERCENT = "percent"
    DAY = "day"
    MONTH = "month"
    WEEKDAY = "weekday"
    YEAR = "year"
    NUMBER = "number"
    PEOPLE = "people"
    PERSON = "person"
    NAME = "name"


# In this order: what an earlier one has taken is not looked at by a later one.
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.MONEY, re.compile(rf"[$€£¥]\s?{_AMOUNT}")),
    (Kind.PERCENT, re.compile(r"\d+(?:[.,]\d+)*\s?(?:%|percent\b|per cent\b)")),
    (Kind.DAY, re.compile(rf"\b(?:(?:{_MONTHS})\s\d{{1,2}}|\d{{1,2}}\s(?:{_MONTHS}))\b")),
    (Kind.MONTH, re.compile(rf"\b(?:{_MONTHS})\b")),
    (Kind.WEEKDAY, re.compile(rf"\b(?:{_WEEKDAYS})\b")),
    (Kind.YEAR, re.compile(r"(?<![\w.,])(?:1\d|20)\d\d(?![\w%]|[.,]\d)")),
    (Kind.NUMBER, re.compile(rf"(?<![\w.,]){_AMOUNT}(?![\w%])")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A name, number or date, in the words of the article.

    A ``definite`` one, "the Philippines", has "the" before it wherever it stands.
    """

    kind: Kind
    text: str
    definite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """A question in which ``new`` stands where ``old`` stood."""

    question: str
    old: Thing
    new: Thing


def things_of(article: Article) -> tuple[Thing, ...]:
    """Return the names, numbers and dates in the sentences of an article, each once, in order."""
    texts = [article.text[span.start : span.end] for span in sentences(article.text)]
    small = {
        word for text in texts for word in re.findall(r"\b[^\W\d_]\w*", text) if word.islower()
    }
    found = [thing for text in texts for thing in _things(text, small)]
    families = _families([thing.text for thing in found if thing.kind is Kind.NAME])
    unique = dict.fromkeys(_known(thing, families) for thing in found)
    return tuple(replace(thing, definite=_definite(thing, article.text)) for thing in unique)


def things_in(text: str, things: Sequence[Thing]) -> list[Thing]:
    """Return the things that a text holds, the longest first, none within another."""
    held: list[Thing] = []
    for thing in sorted(things, key=lambda thing: (-len(thing.text), thing.text)):
        if _place_of(thing).search(text):
            held.append(thing)
            text = _place_of(thing).sub("·", text)
    return held


def swaps(
    question: str,
    answer: str,
    things: Sequence[Thing],
    embeddings: Embeddings,
    random: np.random.Generator,
) -> Iterator[Swap]:
    """Yield the question with one thing of it swapped for another of its kind, in random order.

    What shares a word with the question, with its answer or with what it stands for is not put in.

    :param things: those of the article.
    """
    taken = content_words(f"{question} {answer}")
    pairs = [
        (old, new)
        for old in things_in(question, things)
        for new in _likes(old, things, taken, embeddings)
    ]
    for place in random.permutation(len(pairs)):
        old, new = pairs[place]
        yield Swap(question=_with(new, question, old), old=old, new=new)


def _things(text: str, small: set[str]) -> Iterator[Thing]:
    """Yield the things of a sentence, kind by kind.

    :param small: words that the article also has in small letters: at the head of a sentence such
        a word is no name.
    """
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            yield Thing(kind=kind, text=match.group())
        text = pattern.sub(lambda match: "·" * len(match.group()), text)
    for name in _names(text, small):
        kind = Kind.PEOPLE if _PEOPLE.fullmatch(name) else Kind.NAME
        yield Thing(kind=kind, text=name)


def _names(text: str, small: set[str]) -> Iterator[str]:
    """Yield the runs of capitalised words that stand side by side."""
    run: list[re.Match[str]] = []
    for match in _CAPITALISED.finditer(text):
        beside = bool(run) and text[run[-1].end() : match.start()] == " "
        if run and not (beside and match.group()[0].isupper()):
            yield from _name(text, run)
            run = []
        common = _at_head(text, match) and _is_common(match.group(), small)
        if match.group()[0].isupper() and not common:
            run.append(match)
    if run:
        yield from _name(text, run)


def _families(names: Sequence[str]) -> frozenset[str]:
    """Return the last words of names that seem to be persons'.

    They have a title or an initial, or are called by the last word alone elsewhere.
    """
    last = {name: name.split()[-1] for name in names if " " in name and not _SIDE.match(name)}
    return frozenset(word for name, word in last.items() if _TITLED.search(name) or word in names)


def _known(thing: Thing, families: frozenset[str]) -> Thing:
    """Return a name as a person's if it is one."""
    person = thing.kind is Kind.NAME and thing.text.split()[-1] in families
    return replace(thing, kind=Kind.PERSON) if person else thing


def _definite(thing: Thing, text: str) -> bool:
    """Return whether a name has "the" before it wherever it stands in a text."""
    if thing.kind is not Kind.NAME:
        return False
    named = _place_of(thing).findall(text)
    return len(named) == len(_place_of(thing, the="[Tt]he ").findall(text))


def _is_common(word: str, small: set[str]) -> bool:
    """Return whether a word has its capital from the head of a sentence alone."""
    return word.lower() in small or not content_words(word)


def _name(text: str, run: Sequence[re.Match[str]]) -> Iterator[str]:
    name = text[run[0].start() : run[-1].end()]
    # A word of function, "I" or "The", and a lone word at the head of a sentence tell no name.
    if content_words(name) and (len(run) > 1 or not _at_head(text, run[0])):
        yield name


def _at_head(text: str, word: re.Match[str]) -> bool:
    return not text[: word.start()].strip(" “\"'‘(")


def _likes(
    old: Thing, things: Sequence[Thing], taken: frozenset[str], embeddings: Embeddings
) -> list[Thing]:
    """Return what may stand in a thing's place, of names only the nearest in meaning."""
    likes = [
        thing
        for thing in things
        if thing.kind is old.kind
        and not content_words(thing.text) & taken
        and not _beginnings(thing) & _beginnings(old)
    ]
    if old.kind not in {Kind.NAME, Kind.PERSON} or len(likes) <= NEAREST:
        return likes
    vectors = np.asarray(embeddings.embed_documents([old.text, *(one.text for one in likes)]))
    near = vectors[1:] @ vectors[0] / np.linalg.norm(vectors[1:], axis=1)
    return [likes[place] for place in np.argsort(-near, kind="stable")[:NEAREST]]


def _beginnings(thing: Thing) -> set[str]:
    """Return how the words of a thing begin; of numbers each digit counts."""
    words = thing.text.lower().split()
    return {word[:_SAME_LETTERS] if word[0].isalpha() else word for word in words}


def _with(new: Thing, question: str, old: Thing) -> str:
    """Return a question with one thing for another, "the" before it where the new one has it."""
    match = re.search(rf"(?P<the>\b[Tt]he )?{_place_of(old).pattern}", question)
    if match is None:
        raise ValueError(f"{question!r} does not hold {old.text!r}")
    the = match["the"] or ("the " if new.definite else "")
    if old.definite and not new.definite:
        the = ""
    return f"{question[: match.start()]}{the}{new.text}{question[match.end() :]}"


def _place_of(thing: Thing, *, the: str = "") -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){the}{re.escape(thing.text)}(?!\w)")
