"""The parts of a plain text: title, headings, paragraphs and closing hashtags.

In: a normalised text. Out: ``Block`` records in order, without overlap. Plain text marks none of
this, so the rules lean to "paragraph", which loses nothing: only what is kept out of the passages
(title, headings, tags) needs a reason. Markdown's ``#`` and underlined headings are known too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

Kind = Literal["title", "heading", "paragraph", "tags"]

_HASHTAGS = re.compile(r"#\w+(?:\s*#\w+)*")
_MARKDOWN_HEADING = re.compile(r"#{1,6}[^\S\n]+(?P<words>.*?)[^\S\n]*#*")
_UNDERLINE = re.compile(r"=+|-+")
_RULE = re.compile(r"[-=*_~#\s]{3,}")
_LIST_ITEM = re.compile(r"[-*+•–—>]\s|\(?\w{1,3}[.)]\s")
_BYLINE = re.compile(r"(?:by|published|updated|posted)\s", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?…:;,。！？][\"'”’»)\]]*")

TITLE_WORDS = 15
"""A title has at most so many words."""

HEADING_WORDS = 12
"""A heading that no mark shows has at most so many words, above a longer, finished paragraph."""

_LONGEST_WRAP_CHARACTERS = 100  # no editor's hard wrap is wider
_SHORTEST_WRAP_CHARACTERS = 40  # narrower lines are verse or a list
_RAGGED_CHARACTERS = 10  # how much earlier than it must an editor may break
_SHORTEST_UNDERLINE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One part, ``text[start:end]``, without surrounding whitespace; never empty."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One line, or a hard-wrapped run of lines; ``alone``: a blank line comes before it."""

    start: int
    end: int
    words: str
    alone: bool
    marked: bool = False


def blocks(text: str) -> list[Block]:
    """Return the parts of a normalised text, in order; a text with words has a paragraph.

    - The title is a short first line without a sentence's end, or a marked heading, above the rest.
    - A heading is marked as Markdown does, or is a short line that begins a new thought (after a
      blank line or a finished sentence), ends none, and has a longer one that does under it.
    - Tags are a last line of nothing but hashtags.
    - All else are paragraphs: each line is one, except that lines an editor wrapped are one.
    """
    lines = list(_lines(text))
    kinds = [_kind(lines, index) for index in range(len(lines))]
    if "paragraph" not in kinds:
        kinds = ["paragraph"] * len(lines)
    return [
        Block(start=line.start, end=line.end, kind=kind)
        for line, kind in zip(lines, kinds, strict=True)
    ]


def title_of(text: str, source: str) -> str:
    """Return the title in the text, or the name of the file it came from, as words."""
    first = next(iter(blocks(text)), None)
    if first and first.kind == "title":
        return text[first.start : first.end]
    return Path(source).stem.replace("_", " ").strip() or source


def _kind(lines: list[_Line], index: int) -> Kind:
    line, last = lines[index], len(lines) - 1
    if index == last and _HASHTAGS.fullmatch(line.words):
        return "tags"
    if index == 0 and index < last and (line.marked or _is_title(line.words)):
        return "title"
    if line.marked:
        return "heading"
    starts_a_thought = line.alone or bool(_SENTENCE_END.search(lines[index - 1].words[-3:]))
    if 0 < index < last and starts_a_thought and _is_heading(line.words, lines[index + 1].words):
        return "heading"
    return "paragraph"


def _is_title(words: str) -> bool:
    return len(words.split()) <= TITLE_WORDS and _names_something(words)


def _is_heading(words: str, below: str) -> bool:
    return (
        len(words.split()) <= HEADING_WORDS
        and len(below) > 2 * len(words)
        and bool(_SENTENCE_END.search(below[-3:]))
        and not _LIST_ITEM.match(below)
        and not words[0].islower()
        and not _BYLINE.match(words)
        and _names_something(words)
    )


def _names_something(words: str) -> bool:
    """Return whether a line may be a name: no sentence, no list item, no row of a table."""
    return (
        not _ends_a_sentence(words)
        and not _LIST_ITEM.match(words)
        and "|" not in words
        and "\t" not in words
        and any(character.isalnum() for character in words)
    )


def _ends_a_sentence(words: str) -> bool:
    # A question may be a title; a full stop, a colon or a comma shows a sentence.
    return bool(re.search(r"[.…:;,。!][\"'”’»)\]]*$", words))


def _lines(text: str) -> Iterator[_Line]:
    """Yield the lines that have words, wrapped ones as one, rules and underlines left out."""
    runs = list(_runs(text))
    width = _wrap_width([words for run in runs for _, words in run])
    for run in runs:
        if _is_wrapped([words for _, words in run], width):
            start, end = run[0][0], run[-1][0] + len(run[-1][1])
            yield _Line(start=start, end=end, words=text[start:end], alone=True)
        else:
            yield from _single_lines(run)


def _single_lines(run: list[tuple[int, str]]) -> Iterator[_Line]:
    for position, (start, words) in enumerate(run):
        if _RULE.fullmatch(words):
            continue
        below = run[position + 1][1] if position + 1 < len(run) else ""
        marked = bool(_UNDERLINE.fullmatch(below)) and len(below) >= _SHORTEST_UNDERLINE
        heading = _MARKDOWN_HEADING.fullmatch(words)
        if heading and heading["words"]:
            start, words, marked = start + heading.start("words"), heading["words"], True
        yield _Line(
            start=start, end=start + len(words), words=words, alone=position == 0, marked=marked
        )


def _runs(text: str) -> Iterator[list[tuple[int, str]]]:
    """Yield the runs of lines between blank lines, each line as (offset, words)."""
    run: list[tuple[int, str]] = []
    offset = 0
    for line in text.split("\n"):
        words = line.strip()
        if words:
            run.append((offset + line.index(words), words))
        elif run:
            yield run
            run = []
        offset += len(line) + 1
    if run:
        yield run


def _wrap_width(lines: list[str]) -> int:
    """Return the width an editor may have wrapped at, or 0; a few lines (links) may pass it."""
    lengths = sorted(map(len, lines))
    width = lengths[int(0.95 * (len(lengths) - 1))] if lengths else 0
    return width if _SHORTEST_WRAP_CHARACTERS <= width <= _LONGEST_WRAP_CHARACTERS else 0


def _is_wrapped(lines: list[str], width: int) -> bool:
    """Return whether an editor broke these lines: each would overflow with the next one's word."""
    return (
        width > 0
        and len(lines) > 1
        and all(
            len(line) + 1 + len(below.split()[0]) > width - _RAGGED_CHARACTERS
            for line, below in pairwise(lines)
        )
        and not all(_SENTENCE_END.search(line[-3:]) for line in lines[:-1])
        and not any(_LIST_ITEM.match(line) or "|" in line for line in lines)
    )
