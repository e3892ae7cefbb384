"""The lines of a model's list to the names in it that stand in a text.

In: what a model wrote when it was asked for a list, and the sentences of a text. Out: ``Name``
records in the order of the text, each once. A name is cut from the text, so nothing that does not
stand there can be listed; whether it is of the kind that was asked for, only the model says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_WORDS = 8
"""What has more words is no name but a sentence that was copied."""

MOST_REPEATS = 3
"""A list that repeats so many of its lines has nothing new to say."""

_BULLET = re.compile(r"^(?:[-*•–—]|\(?\d{1,3}[.)])\s+")
_AROUND = ' \t"“”*`_'
_LEAD_IN = re.compile(r"^.*?(?::|\bare\b|\binclude\b)\s*", re.IGNORECASE)
_BETWEEN = re.compile(r"[,;]\s*(?:and\s+)?|\s+and\s+")
_EXPLAINED = re.compile(r"\s*(?:[,:(]|\s[-–—]\s).*$")
_POSSESSIVE = re.compile(r"['’]s$")
_NOTHING = frozenset({"none", "n/a", "no", "nothing"})
_ARTICLES = frozenset({"the", "a", "an"})
_HONORIFICS = frozenset(
    {"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "dame", "lord", "lady"}
)
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})
_MIDDLE_INITIALS = r"(?:\s+[A-Z]\.)*\s+"  # a model leaves them out: "Ada Holm" for "Ada B. Holm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name as it first stands: in the sentence ``row``, from the character ``start`` of it."""

    text: str
    row: int
    start: int


def names_in(said: str, sentences: Sequence[tuple[int, str]]) -> list[Name]:
    """Return what a list names and the sentences hold, in the order of the list.

    :param said: one name a line, or all on one line with commas; what is around them is dropped.
    :param sentences: numbered, in the order of the text.
    """
    lines = [line for line in map(_bare, said.splitlines()) if line]
    if len(lines) == 1:
        whole = _first_standing(_forms(lines[0])[:2], sentences)
        if whole:
            return [whole]
        lines = _BETWEEN.split(_LEAD_IN.sub("", lines[0]))
    found = [_first_standing(_forms(line), sentences) for line in lines]
    return [name for name in found if name]


def distinct(names: Iterable[Name]) -> list[Name]:
    """Return the names in the order of the text, each person or thing once.

    A later "Trump" is the "Donald Trump" from before, and "Mr. Trump" is whoever else is called so.
    """
    ordered = sorted(names, key=lambda name: (name.row, name.start, -len(name.text)))
    kept: list[Name] = []
    for place, name in enumerate(ordered):
        words, titled = _key(name)
        others = ordered if titled else ordered[:place]
        if not any(_is_short_for(words, _key(other)[0]) for other in others) and not any(
            words == _key(other)[0] for other in kept
        ):
            kept.append(name)
    return kept


def goes_round(said: str) -> bool:
    """Return whether a list repeats itself, as small models do when they do not find its end."""
    finished = said.rpartition("\n")[0]
    lines = [line for line in map(_bare, finished.splitlines()) if line]
    return len(lines) - len(set(lines)) >= MOST_REPEATS


def _bare(line: str) -> str:
    words = _BULLET.sub("", line.strip()).strip(_AROUND)
    return "" if words.rstrip(".").lower() in _NOTHING else words


def _forms(line: str) -> list[str]:
    """Return what a line may name: all, or without last point, explanation, or office before it.

    So is "Mayor Ada Holm" the "Ada Holm" of "the mayor, Ada Holm", but "Bank of Norway" no Norway.
    """
    words = _POSSESSIVE.sub("", line.strip())
    short = _EXPLAINED.sub("", words).strip(_AROUND)
    parts = short.split()
    starts = range(1, len(parts) - 1) if len(parts) <= MOST_WORDS else ()
    last = [" ".join(parts[at:]) for at in starts if f"{parts[at - 1]} {parts[at]}".istitle()]
    return [words, words.rstrip(" .,;:"), short, *last]


def _first_standing(forms: Iterable[str], sentences: Sequence[tuple[int, str]]) -> Name | None:
    """Return the first of some forms that stands anywhere as whole words, its case if it can be."""
    for form in dict.fromkeys(forms):
        words = form.split()
        if not 0 < len(words) <= MOST_WORDS or not any(map(str.isalnum, form)):
            continue
        inside = _MIDDLE_INITIALS.join(re.escape(word) for word in words)
        inside = re.sub("['’]", "['’]", inside)
        for flags in (re.NOFLAG, re.IGNORECASE):
            pattern = re.compile(rf"(?<!\w){inside}(?!\w)", flags)
            for row, text in sentences:
                if match := pattern.search(text):
                    said = " ".join(match.group().split())
                    return Name(text=said, row=row, start=match.start())
    return None


def _key(name: Name) -> tuple[tuple[str, ...], bool]:
    """Return a name's words without articles, titles and suffixes, and whether it had a title."""
    words = [word.rstrip(".,") for word in name.text.lower().split()]
    titled = False
    while len(words) > 1 and (words[0] in _ARTICLES or words[0] in _HONORIFICS):
        titled = titled or words[0] in _HONORIFICS
        del words[0]
    if len(words) > 1 and words[-1] in _SUFFIXES:
        del words[-1]
    return tuple(words), titled


def _is_short_for(words: tuple[str, ...], longer: tuple[str, ...]) -> bool:
    return len(words) < len(longer) and longer[-len(words) :] == words
