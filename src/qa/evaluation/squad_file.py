"""Files of SQuAD, version 2.0, to rows: an article is its paragraphs, joined by a blank line.

In: the values of the file, as JSON has them. Out: a ``Row`` a question, with its evidence in
characters of the whole normalised article, and every ``Problem`` with its path in the file; what is
wrong in one place hides nothing in another. As in ``qa.evaluation.lines``, a row with problems is
there to be checked. The format: Rajpurkar, Jia and Liang, "Know what you don't know: unanswerable
questions for SQuAD", 2018.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from qa.articles.text import normalise
from qa.evaluation.fields import Fields, Words, read_fields
from qa.evaluation.overlap import merged
from qa.evaluation.rows import Problem, Row
from qa.evaluation.squad import normalised
from qa.records import Span

SEPARATOR = "\n\n"

NOWHERE = -1
"""The ``answer_start`` of an answer that is not in the words of the article."""


NO_SQUAD = (
    "has no 'data', the articles of SQuAD 2.0; if it is a question of the project's own form, put "
    "it on one line, or into a list"
)


class _Gold(Fields):
    required = ("text", "answer_start")

    text: str = ""
    answer_start: Annotated[int, Field(ge=NOWHERE)] = NOWHERE


class _Question(Fields):
    required = ("id", "question", "answers")

    id: Words = ""
    question: Words = ""
    answers: list[Any] = Field(default_factory=list)
    is_impossible: bool = False  # version 1.1 has no such field, and no such question


class _Paragraph(Fields):
    required = ("context", "qas")

    context: Annotated[str, Field(min_length=1)] = ""  # not stripped: offsets count in it
    qas: list[Any] = Field(default_factory=list)


class _Article(Fields):
    required = ("title", "paragraphs")

    title: Words = ""
    paragraphs: Annotated[list[Any], Field(min_length=1)] = Field(default_factory=list)


class _File(Fields):
    required = ("data",)

    data: Annotated[list[Any], Field(min_length=1)] = Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a paragraph's questions stand: in it as it was, and in the normalised article ``text``.

    ``article`` is "" and ``text`` None where the article cannot be known, and ``context`` is ""
    where the paragraph cannot.
    """

    article: str
    text: str | None
    context: str
    start: int


def squad_rows(value: object) -> Iterator[Row | Problem]:
    """Yield the rows of a whole file, and what is wrong with them."""
    if isinstance(value, dict) and "data" not in value:
        yield Problem(where="the file", what=NO_SQUAD)
        return
    read = yield from read_fields(_File, value, where="the file")
    if read is not None:
        for number, article in enumerate(read[0].data):
            yield from _article(article, f"data[{number}]")


def _article(value: object, where: str) -> Iterator[Row | Problem]:
    read = yield from read_fields(_Article, value, where=where)
    if read is None:
        return
    article, _ = read
    paragraphs: list[_Paragraph] = []
    for number, one in enumerate(article.paragraphs):
        found = yield from read_fields(_Paragraph, one, where=f"{where}.paragraphs[{number}]")
        paragraphs.append(_Paragraph() if found is None else found[0])
    contexts = [normalise(paragraph.context).text for paragraph in paragraphs]
    known = bool(article.title) and all(paragraph.context for paragraph in paragraphs)
    text, start = SEPARATOR.join(contexts) if known else None, 0
    for number, (paragraph, context) in enumerate(zip(paragraphs, contexts, strict=True)):
        place = _Place(
            article=article.title.replace("_", " ") if known else "",
            text=text,
            context=paragraph.context,
            start=start,
        )
        for count, question in enumerate(paragraph.qas):
            yield from _question(question, place, f"{where}.paragraphs[{number}].qas[{count}]")
        start += len(context) + len(SEPARATOR)


def _question(value: object, place: _Place, where: str) -> Iterator[Row | Problem]:
    read = yield from read_fields(_Question, value, where=where)
    if read is None:
        return
    question, wrong = read
    whole = yield from _golds(question, where)
    golds = [] if question.is_impossible else whole
    # The official rules leave out a gold answer without words, such as "the".
    answers = tuple(dict.fromkeys(gold.text for gold in golds if normalised(gold.text)))
    readable = question.whole and not wrong and len(golds) == len(question.answers)
    if readable and not answers and not question.is_impossible:
        yield Problem(where=where, what=f"{question.id!r} has no answer with words")
    marked = [gold for gold in golds if place.context and gold.answer_start != NOWHERE]
    for gold in marked:
        if not _stands(gold, place.context):
            what = f"{gold.text!r} of {question.id!r} does not stand at {gold.answer_start}"
            yield Problem(where=where, what=what)
    standing = [gold for gold in marked if normalised(gold.text) and _stands(gold, place.context)]
    spans = _agreed([_span(gold, place) for gold in standing])
    yield Row(
        where=where,
        id=question.id,
        article=place.article,
        text=place.text,
        question=question.question,
        answers=(answers,) if answers else (),
        ranges=tuple((span.start, span.end) for span in spans),
    )


def _golds(question: _Question, where: str) -> Generator[Problem, None, list[_Gold]]:
    """Yield what is wrong with gold answers, and return those that are whole."""
    golds: list[_Gold] = []
    for number, one in enumerate(question.answers):
        read = yield from read_fields(_Gold, one, where=f"{where}.answers[{number}]")
        golds += [read[0]] if read is not None and read[0].whole else []
    return golds


def _stands(gold: _Gold, context: str) -> bool:
    return context[gold.answer_start : gold.answer_start + len(gold.text)] == gold.text


def _span(gold: _Gold, place: _Place) -> Span:
    """Return where a gold answer stands in the normalised article."""
    before = len(normalise(place.context[: gold.answer_start]).text)
    through = len(normalise(place.context[: gold.answer_start + len(gold.text)]).text)
    return Span(start=place.start + before, end=place.start + max(through, before + 1))


def _agreed(spans: list[Span]) -> list[Span]:
    """Return the place that most annotators chose, the first of those with as many.

    Each of them marked one place that answers; to ask for all of them would ask for too much.
    """
    places = merged(spans)
    votes = Counter(
        next(place for place in places if place.start <= span.start and span.end <= place.end)
        for span in spans
    )
    return [place for place, _ in votes.most_common(1)]
