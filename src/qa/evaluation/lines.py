"""One question a line or record: the project's own fields and those of RAGAS, checked.

In: the values of a line, as JSON has them. Out: a ``Row``, and every ``Problem`` with the line. The
own fields are: id, article (a path) or article_text, question, history, answers, answerable,
evidence, tags. RAGAS' are those of its single-turn samples, release 0.2: user_input, reference,
reference_contexts and retrieved_contexts; its contexts are the article, unless a field "article"
names one.

A row is there beside the problems too, with what is good of the line, so that its tags, evidence,
article and id are checked as well: "" stands in it for an id, question or article that is not
known. Such a row is there to be checked, and never becomes an example.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from qa.evaluation.fields import Fields, Words, read_fields
from qa.evaluation.records import Alternatives
from qa.evaluation.rows import Problem, Row
from qa.evaluation.squad import normalised
from qa.records import Turn

Quotes = tuple[str, ...]
Ranges = tuple[tuple[int, int], ...]


def _groups(value: object) -> tuple[Alternatives, ...]:
    """Return gold answers as groups of alternatives, or raise what pydantic makes a problem of."""
    if not isinstance(value, list):
        raise ValueError("is not a list")
    groups = value if any(isinstance(one, list) for one in value) else [value] if value else []
    for group in groups:
        if not (isinstance(group, list) and group and all(isinstance(one, str) for one in group)):
            raise ValueError("is neither a list of strings nor a list of lists of strings")
    if empty := [one for group in groups for one in group if not normalised(one)]:
        raise ValueError(f"has no words to look for in {', '.join(map(repr, empty))}")
    return tuple(tuple(group) for group in groups)


def _evidence(value: object) -> Quotes | Ranges:
    """Return evidence as quotes or as ranges of characters."""
    if isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value):
        return tuple(value)
    if isinstance(value, list) and all(_is_range(one) for one in value):
        return tuple((start, end) for start, end in value)
    raise ValueError("is neither a list of quotes nor a list of pairs [start, end]")


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)


def _reference(value: str) -> str:
    if value.strip() and not normalised(value):
        raise ValueError(f"has no words to look for in {value!r}")
    return value


class _Turn(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    question: Words
    answer: str


class _Line(Fields):
    model_config = ConfigDict(extra="forbid")

    required = ("id", "question", "answers")

    id: Words = ""
    article: Words | None = None
    article_text: str | None = None
    text: str | None = None
    question: Words = ""
    history: list[_Turn] = Field(default_factory=list)
    answers: Annotated[Any, BeforeValidator(_groups)] = ()
    answerable: bool | None = None
    evidence: Annotated[Any, BeforeValidator(_evidence)] = ()
    tags: list[Words] = Field(default_factory=list)

    @property
    def carried(self) -> str | None:
        """The article's own text, if it is here."""
        return self.text if self.article_text is None else self.article_text


FIELDS = frozenset(_Line.model_fields)
"""The names of the project's own fields."""


class _Sample(Fields):  # other metrics' fields may be there
    required = ("user_input", "reference")

    id: Words | None = None
    article: Words | None = None
    user_input: Words = ""
    reference: Annotated[str, AfterValidator(_reference)] = ""
    reference_contexts: list[str] | None = None
    retrieved_contexts: list[str] | None = None

    @property
    def carried(self) -> str:
        """The contexts that the question was made from, or else those found for it."""
        return "\n\n".join(self.reference_contexts or self.retrieved_contexts or ())


def row_of_line(value: object, *, where: str, name: str) -> Iterator[Row | Problem]:
    """Yield what is wrong with the project's own fields, and the row of those that are good.

    :param name: what an article without a name is called.
    """
    read = yield from read_fields(_Line, value, where=where)
    if read is None:
        return
    line, wrong = read
    for what in _contradictions(line, wrong):
        yield Problem(where=where, what=what)
    unread = bool(wrong & {"article_text", "text"})  # then the article's name need be no path
    known = not unread and (line.article is not None or line.carried is not None)
    quotes = all(isinstance(one, str) for one in line.evidence)
    yield Row(
        where=where,
        id=line.id,
        article=(line.article or name) if known else "",
        text=line.carried if known else None,
        question=line.question,
        history=tuple(Turn(question=turn.question, answer=turn.answer) for turn in line.history),
        answers=line.answers,
        quotes=line.evidence if quotes else (),
        ranges=() if quotes else line.evidence,
        tags=tuple(line.tags),
    )


def _contradictions(line: _Line, wrong: frozenset[str]) -> Iterator[str]:
    """Yield what does not go together among the fields that are good each by itself."""
    articles = (line.article, line.article_text, line.text)
    if articles == (None, None, None) and not wrong & {"article", "article_text", "text"}:
        yield "'article' is missing, and so is 'article_text'"
    if line.article_text is not None and line.text is not None:
        yield "'article_text' and 'text' are both there"
    if "answers" in line.model_fields_set:
        if line.answerable is True and not line.answers:
            yield "'answerable' is true, but 'answers' has none"
        if line.answerable is False and line.answers:
            yield "'answerable' is false, but 'answers' has some"


def row_of_sample(value: object, *, where: str, name: str) -> Iterator[Row | Problem]:
    """Yield what is wrong with a RAGAS sample, and its row; without an id, its place is one.

    An empty reference means that the contexts do not say.
    """
    read = yield from read_fields(_Sample, value, where=where)
    if read is None:
        return
    sample, wrong = read
    carried = sample.carried if sample.article is None and sample.carried.strip() else None
    known = sample.article is not None or carried is not None
    if not known and not wrong & {"article", "reference_contexts", "retrieved_contexts"}:
        yield Problem(where=where, what="there are no contexts, and no 'article'")
    yield Row(
        where=where,
        id="" if "id" in wrong else sample.id or where,
        article=(sample.article or name) if known else "",
        text=carried,
        question=sample.user_input,
        answers=((sample.reference,),) if sample.reference.strip() else (),
        quotes=tuple(quote for quote in sample.reference_contexts or () if quote.strip()),
    )
