"""An article to its sentences and chunks, each as a range of characters of its text.

In: an ``Article``. Out: ``Span`` records of sentences, and ``Chunk`` records of whole sentences.
Titles, headings and closing hashtags are in neither; a chunk carries those it stands under.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import sentencex

from qa.articles.structure import blocks
from qa.records import Article, Chunk, Span

LONGEST_SENTENCE_CHARACTERS = 2000
"""A sentence beyond this is no sentence (a table, a list of names), and is cut between words."""

# The splitter's own mistakes, found by comparing three splitters on news and encyclopedia text. It
# ends a sentence after some abbreviations that stand before a name or number, and after the number
# of a list item; both belong to what follows.
_JOINED_TO_NEXT = re.compile(
    r"(?:^|[\s(\"'“‘-])(?:Ms|Mx|Mss|Mmes|St|Eq|Vol|Ch|approx|est|cf)\.$|^\(?\w{1,3}[.)]$"
)
# A reference mark that touches the end of a sentence belongs to it: "It ended.[1] It began."
_REFERENCE = re.compile(r"(?:\[[^\]\n]{1,40}\]|:\d[\d–:-]*)+")
# It does not always end a sentence at a closing bracket or quote: "It grew. (It had to.) It fell."
_CLOSED_SENTENCE = re.compile(r"[^\W\d_]{2}[.!?]\)(?=\s+[^\W\d_])|[^\W\d_]{2}\.[\"”](?=\s+[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Passage:
    """The sentences of a paragraph, or of several, and the heading they stand under."""

    heading: str
    sentences: list[Span]


def sentences(text: str) -> list[Span]:
    """Return the sentences of the paragraphs of a normalised text, in order, without overlap.

    Every character of a paragraph but whitespace between sentences is in exactly one.
    """
    return [
        span
        for block in blocks(text)
        if block.kind == "paragraph"
        for span in _split(text, block.start, block.end)
    ]


def split(text: str) -> list[Span]:
    """Return the sentences of a text without parts, such as an answer; a line break ends one."""
    return [
        span
        for line in re.finditer(r"[^\n]+", text)
        for span in _split(text, line.start(), line.end())
    ]


def chunk(article: Article, *, max_characters: int) -> list[Chunk]:
    """Return the article as chunks in order: runs of whole sentences under one heading.

    Paragraphs that fit into one chunk together share it; one that needs several chunks is shared
    out evenly, as a short rest is a poor passage.

    :param max_characters: the length of a chunk at most, unless one sentence is longer.
    """
    return [
        Chunk(
            article_id=article.id,
            start=run[0].start,
            end=run[-1].end,
            text=article.text[run[0].start : run[-1].end],
            heading=passage.heading,
        )
        for passage in _merged(list(_passages(article)), max_characters)
        for run in _runs(passage.sentences, max_characters)
    ]


def _passages(article: Article) -> Iterator[_Passage]:
    title = heading = article.title
    for block in blocks(article.text):
        words = article.text[block.start : block.end]
        if block.kind == "heading":
            heading = f"{title} – {words}"
        elif block.kind == "paragraph":
            yield _Passage(heading=heading, sentences=_split(article.text, block.start, block.end))


def _merged(passages: list[_Passage], max_characters: int) -> list[_Passage]:
    """Return the paragraphs, those that follow one another and fit into one chunk as one."""
    merged: list[_Passage] = []
    for passage in passages:
        last = merged[-1] if merged else None
        if (
            last
            and last.heading == passage.heading
            and passage.sentences[-1].end - last.sentences[0].start <= max_characters
        ):
            spans = [*last.sentences, *passage.sentences]
            merged[-1] = _Passage(heading=last.heading, sentences=spans)
        else:
            merged.append(passage)
    return merged


def _runs(spans: list[Span], max_characters: int) -> list[list[Span]]:
    """Return the sentences in the fewest runs that fit, as even in length as that allows."""
    fewest = _filled(spans, max_characters)
    low, high = 1, max_characters
    while low < high:  # the smallest limit that needs no more runs makes them even
        middle = (low + high) // 2
        if len(_filled(spans, middle)) <= len(fewest):
            high = middle
        else:
            low = middle + 1
    return _filled(spans, high)


def _filled(spans: list[Span], max_characters: int) -> list[list[Span]]:
    runs: list[list[Span]] = []
    for span in spans:
        if runs and span.end - runs[-1][0].start <= max_characters:
            runs[-1].append(span)
        else:
            runs.append([span])
    return runs


def _split(text: str, start: int, end: int) -> list[Span]:
    # The splitter takes a line break for more than the space it is in a wrapped paragraph.
    words = text[start:end].replace("\n", " ")
    return [
        span
        for first, last in _joined(words, _ends(words))
        for span in _cut(words, first, last, start)
    ]


def _ends(words: str) -> list[int]:
    """Return where sentences end, by the splitter and the two rules about what follows them."""
    ends = {boundary["end_index"] for boundary in sentencex.get_sentence_boundaries("en", words)}
    ends = {len(words[:end].rstrip()) for end in ends}
    ends |= {match.end() for match in _CLOSED_SENTENCE.finditer(words)}
    marks = {end: _REFERENCE.match(words, end) for end in ends}
    return sorted({mark.end() if mark else end for end, mark in marks.items()} | {len(words)})


def _joined(words: str, ends: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence, those that the splitter cut too early joined."""
    start = 0
    for end in ends:
        sentence = words[start:end].strip()
        if sentence and (end == len(words) or not _JOINED_TO_NEXT.search(sentence)):
            yield start, end
            start = end


def _cut(words: str, start: int, end: int, offset: int) -> Iterator[Span]:
    """Yield the sentence as a span of the article, in parts if it is too long to be one."""
    while end - start > LONGEST_SENTENCE_CHARACTERS:
        limit = start + LONGEST_SENTENCE_CHARACTERS
        space = words.rfind(" ", start + 1, limit)
        middle = space if space > start else limit
        yield from _trimmed(words, start, middle, offset)
        start = middle + 1 if space > start else middle
    yield from _trimmed(words, start, end, offset)


def _trimmed(words: str, start: int, end: int, offset: int) -> Iterator[Span]:
    sentence = words[start:end]
    start += len(sentence) - len(sentence.lstrip())
    end -= len(sentence) - len(sentence.rstrip())
    if start < end:
        yield Span(start=offset + start, end=offset + end)
