"""Files of SQuAD, version 2.0, to rows: an article is its paragraphs, joined by a blank line.

In: the values of the file, as JSON has them. Out: a ``Row`` a question, with its evidence in
characters of the whole normalised article, or every ``Problem``. The format: Rajpurkar, Jia and
Liang, "Know what you don't know: unanswerable questions for SQuAD", 2018.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from qa.articles.text import normalise
from qa.evaluation.overlap import merged
from qa.evaluation.rows import Problem, Row
from qa.evaluation.squad import normalised
from qa.records import Span

SEPARATOR = "\n\n"

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)  # files have fields of their own besides


class _Gold(_Record):
    text: str
    answer_start: Annotated[int, Field(ge=0)]


class _Question(_Record):
    id: Words
    question: Words
    answers: list[_Gold]
    is_impossible: bool = False  # version 1.1 has no such field, and no such question


class _Paragraph(_Record):
    context: Annotated[str, Field(min_length=1)]  # not stripped: offsets count in it
    qas: list[_Question]


class _Article(_Record):
    title: Words
    paragraphs: Annotated[list[_Paragraph], Field(min_length=1)]


class _File(_Record):
    data: Annotated[list[_Article], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a question stands: its paragraph, as it was and in the normalised article ``text``."""

    where: str
    article: str
    text: str
    context: str
    start: int


def squad_rows(value: object) -> Iterator[Row | Problem]:
    """Yield the rows of a whole file, or what is wrong with them."""
    try:
        file = _File.model_validate(value)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            yield Problem(where=_path(details["loc"]), what=details["msg"].lower())
        return
    for number, article in enumerate(file.data):
        title = article.title.replace("_", " ")
        contexts = [normalise(paragraph.context).text for paragraph in article.paragraphs]
        text, start = SEPARATOR.join(contexts), 0
        for place, (paragraph, context) in enumerate(
            zip(article.paragraphs, contexts, strict=True)
        ):
            for count, question in enumerate(paragraph.qas):
                yield from _row(
                    question,
                    _Place(
                        where=f"data[{number}].paragraphs[{place}].qas[{count}]",
                        article=title,
                        text=text,
                        context=paragraph.context,
                        start=start,
                    ),
                )
            start += len(context) + len(SEPARATOR)


def _row(question: _Question, place: _Place) -> Iterator[Row | Problem]:
    # The official rules leave out a gold answer without words, such as "the".
    golds = [] if question.is_impossible else question.answers
    answers = tuple(dict.fromkeys(gold.text for gold in golds if normalised(gold.text)))
    if not question.is_impossible and not answers:
        yield Problem(where=place.where, what=f"{question.id!r} has no answer with words")
        return
    wrong = [gold for gold in golds if not _stands(gold, place.context)]
    for gold in wrong:
        what = f"{gold.text!r} of {question.id!r} does not stand at {gold.answer_start}"
        yield Problem(where=place.where, what=what)
    if not wrong:
        spans = [_span(gold, place) for gold in golds if normalised(gold.text)]
        yield Row(
            where=place.where,
            id=question.id,
            article=place.article,
            text=place.text,
            question=question.question,
            answers=(answers,) if answers else (),
            ranges=tuple((span.start, span.end) for span in _agreed(spans)),
        )


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


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or "the file"
