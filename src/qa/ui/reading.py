"""The article as a page to read: pure functions from articles and answers to safe HTML.

The whole text is shown in paragraphs, the title as a heading. Words that the last answer cites are
``<mark data-answer="A" data-citation="N">``; words that earlier answers cite are
``<span data-answer="A" data-trace="N">``, which look like text until the page's script turns them
into marks because the reader chose that answer. Inside a paragraph the text of a citation's
elements, joined, is the text of the citation. What a test set names as evidence for the last
question is ``<span class="evidence">``, and a legend above the articles then says what looks how.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from qa.records import Article, Citation, Span
from qa.ui.conversation import Conversation
from qa.ui.markup import escape

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_TAG_LINE = re.compile(r"#\S+(\s+#\S+)*")
_LOOKS = {
    "cited": "Cited",
    "closest": "Closest passage",
    "evidence": "Evidence of the test set",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A citation of an answer as the article shows it; ``current`` when the answer is the last.

    With ``evidence`` it is not what the answer cites but what a test set names.
    """

    answer: int
    citation: Citation
    current: bool
    evidence: bool = False

    def order(self) -> tuple[bool, bool, int, int, int, int]:
        """Return the key by which marks nest, outermost first: a last answer's stay whole."""
        cited = self.citation
        outer = (self.evidence, not self.current)
        return (*outer, cited.start, -cited.end, self.answer, cited.number)


def marks_of(conversation: Conversation) -> list[Mark]:
    """Return the marks of every answer, the closest passage of an abstention among them."""
    last = conversation[-1].position if conversation else 0
    return [
        Mark(answer=exchange.position, citation=citation, current=exchange.position == last)
        for exchange in conversation
        if exchange.answer is not None
        for citation in (*exchange.answer.citations, exchange.answer.closest)
        if citation is not None
    ]


def evidence_of(conversation: Conversation) -> list[Mark]:
    """Return the marks of what a test set names for the last question, if it is of one."""
    last = conversation[-1] if conversation else None
    if last is None or last.case is None:
        return []
    cut = (
        Citation.cut(last.case.article, span, number=number)
        for number, span in enumerate(last.case.evidence, 1)
    )
    return [
        Mark(answer=last.position, citation=citation, current=True, evidence=True)
        for citation in cut
    ]


def paragraphs(text: str) -> Iterator[Span]:
    """Yield the paragraphs of a text in order, without the white space around them.

    They are parted by blank lines where there are any, else each line is one.
    """
    parted = _BLANK_LINE if _BLANK_LINE.search(text.strip()) else re.compile(r"\n")
    start = 0
    for end, following in (*(match.span() for match in parted.finditer(text)), (len(text), 0)):
        block = text[start:end]
        if shown := block.strip():
            first = start + len(block) - len(block.lstrip())
            yield Span(start=first, end=first + len(shown))
        start = following


def articles_html(articles: Sequence[Article], conversation: Conversation) -> str:
    """Return every article, whole, in the element with the id ``article``.

    ``data-focus`` names the answer whose first mark is to be scrolled into view, if it has one;
    "evidence" where the answer cites nothing, but a test set names words.
    """
    cited, evidence = marks_of(conversation), evidence_of(conversation)
    marks = cited + evidence
    focus = next((str(mark.answer) for mark in cited if mark.current), "")
    if evidence and not (conversation[-1].answer and conversation[-1].answer.citations):
        focus = "evidence"
    several = "several" if len(articles) > 1 else "one"
    shown = "".join(
        article_html(article, [mark for mark in marks if mark.citation.article.id == article.id])
        for article in articles
    )
    return (
        f'<div id="article" class="{several}" data-focus="{focus}" role="region" tabindex="0" '
        f'aria-label="Article">{legend_html(marks) if evidence else ""}{shown}</div>'
    )


def legend_html(marks: Sequence[Mark]) -> str:
    """Return a button for each look that marks of the last answer have, to go to the first."""
    looks = [_look(mark) for mark in marks if mark.current]
    keys = "".join(
        f'<button type="button" class="key is-{look}" data-look="{look}">{words}</button>'
        for look, words in _LOOKS.items()
        if look in looks
    )
    return f'<div class="keys" role="group" aria-label="Marked words">{keys}</div>'


def _look(mark: Mark) -> str:
    if mark.evidence:
        return "evidence"
    return "closest" if mark.citation.number == 0 else "cited"


def article_html(article: Article, marks: Sequence[Mark]) -> str:
    """Return one article with its marks; the title is its heading, in the text or put above."""
    spans = list(paragraphs(article.text))
    title = article.title.strip()
    titled = bool(spans) and article.text[spans[0].start : spans[0].end] == title
    heading = "" if titled or not title else f'<h2 dir="auto">{escape(title)}</h2>'
    nested = sorted(marks, key=Mark.order)
    body = "".join(
        _paragraph(article.text, span, nested, "h2" if titled and position == 0 else "p")
        for position, span in enumerate(spans)
    )
    return f'<article class="paper">{heading}{body}</article>'


def _paragraph(text: str, span: Span, marks: Sequence[Mark], element: str) -> str:
    is_tags = element == "p" and _TAG_LINE.fullmatch(text[span.start : span.end])
    tags = ' class="tags"' if is_tags else ""
    inside = "".join(_pieces(text, span, marks))
    return f'<{element}{tags} dir="auto">{inside}</{element}>'


def _pieces(text: str, span: Span, marks: Sequence[Mark]) -> Iterator[str]:
    """Yield the text of a span with its marks opened and closed, properly nested."""
    here = [m for m in marks if m.citation.start < span.end and m.citation.end > span.start]
    cuts = {edge for m in here for edge in (m.citation.start, m.citation.end)}
    edges = sorted({span.start, span.end} | {e for e in cuts if span.start < e < span.end})
    is_open: list[Mark] = []
    for start, end in pairwise(edges):
        wanted = [m for m in here if m.citation.start <= start and m.citation.end >= end]
        kept = 0
        while kept < min(len(is_open), len(wanted)) and is_open[kept] is wanted[kept]:
            kept += 1
        yield from (_close(mark, start, span.end) for mark in reversed(is_open[kept:]))
        yield from (_open(mark) for mark in wanted[kept:])
        yield escape(text[start:end])
        is_open = wanted
    yield from (_close(mark, span.end, span.end) for mark in reversed(is_open))


def _open(mark: Mark) -> str:
    if mark.evidence:
        return '<span class="evidence">'
    number = mark.citation.number
    style = ' class="closest"' if number == 0 else ""
    if mark.current:
        return f'<mark{style} data-answer="{mark.answer}" data-citation="{number}">'
    return f'<span{style} data-answer="{mark.answer}" data-trace="{number}">'


def _close(mark: Mark, at: int, paragraph_end: int) -> str:
    """Close a mark; where its last visible character is, with the way back to the answer."""
    element = "mark" if mark.current and not mark.evidence else "span"
    if mark.evidence or at < min(mark.citation.end, paragraph_end):
        return f"</{element}>"
    number = mark.citation.number
    label = "the closest passage" if number == 0 else f"citation {number}"
    hidden = "" if mark.current else " hidden"
    return (
        f'<button type="button" class="back" data-number="{number}"{hidden} '
        f'aria-label="Back to {label} in the answer"></button></{element}>'
    )
