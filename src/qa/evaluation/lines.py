"""One question a line or record: the project's own fields and those of RAGAS, checked.

In: the values of a line, as JSON has them. Out: a ``Row``, or every ``Problem`` with the line. The
own fields are: id, article (a path) or article_text, question, history, answers, evidence, tags.
RAGAS' are those of its single-turn samples, release 0.2: user_input, reference, reference_contexts
and retrieved_contexts; its contexts are the article, unless a field "article" names one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from qa.evaluation.records import Alternatives
from qa.evaluation.rows import Problem, Row
from qa.evaluation.squad import normalised
from qa.records import Turn

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
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
        for one in group:
            if not normalised(one):
                raise ValueError(f"{one!r} has no words to look for")
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


class _Turn(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    question: Words
    answer: str


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Words
    article: Words | None = None
    article_text: str | None = None
    text: str | None = None
    question: Words
    history: list[_Turn] = Field(default_factory=list)
    answers: Annotated[Any, BeforeValidator(_groups)]
    evidence: Annotated[Any, BeforeValidator(_evidence)] = ()
    tags: list[Words] = Field(default_factory=list)

    @property
    def carried(self) -> str | None:
        """The article's own text, if it is here."""
        return self.text if self.article_text is None else self.article_text

    @model_validator(mode="after")
    def _has_an_article(self) -> Self:
        if self.article is None and self.carried is None:
            raise ValueError("'article' is missing, and so is 'article_text'")
        if self.article_text is not None and self.text is not None:
            raise ValueError("'article_text' and 'text' are both there")
        return self


class _Sample(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)  # other metrics' fields may be there

    id: Words | None = None
    article: Words | None = None
    user_input: Words
    reference: str
    reference_contexts: list[str] | None = None
    retrieved_contexts: list[str] | None = None

    @property
    def carried(self) -> str:
        """The contexts that the question was made from, or else those found for it."""
        return "\n\n".join(self.reference_contexts or self.retrieved_contexts or ())

    @model_validator(mode="after")
    def _has_an_article(self) -> Self:
        if self.article is None and not self.carried.strip():
            raise ValueError("there are no contexts, and no 'article'")
        if self.reference.strip() and not normalised(self.reference):
            raise ValueError(f"reference: {self.reference!r} has no words to look for")
        return self


def row_of_line(value: object, *, where: str, name: str) -> Iterator[Row | Problem]:
    """Yield the row of the project's own fields, or what is wrong with them.

    :param name: what an article without a name is called.
    """
    try:
        line = _Line.model_validate(value)
    except ValidationError as error:
        yield from _problems(error, where)
        return
    evidence = line.evidence
    quotes = all(isinstance(one, str) for one in evidence)
    yield Row(
        where=where,
        id=line.id,
        article=line.article or name,
        text=line.carried,
        question=line.question,
        history=tuple(Turn(question=turn.question, answer=turn.answer) for turn in line.history),
        answers=line.answers,
        quotes=evidence if quotes else (),
        ranges=() if quotes else evidence,
        tags=tuple(line.tags),
    )


def row_of_sample(value: object, *, where: str, name: str) -> Iterator[Row | Problem]:
    """Yield the row of a RAGAS sample, or what is wrong with it; without an id, its place is one.

    An empty reference means that the contexts do not say.
    """
    try:
        sample = _Sample.model_validate(value)
    except ValidationError as error:
        yield from _problems(error, where)
        return
    yield Row(
        where=where,
        id=sample.id or where,
        article=sample.article or name,
        text=None if sample.article else sample.carried,
        question=sample.user_input,
        answers=((sample.reference,),) if sample.reference.strip() else (),
        quotes=tuple(quote for quote in sample.reference_contexts or () if quote.strip()),
    )


def _problems(error: ValidationError, where: str) -> Iterator[Problem]:
    for details in error.errors(include_url=False):
        yield Problem(where=where, what=_phrase(details))


def _phrase(details: ErrorDetails) -> str:
    place = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "missing":
            return f"{place!r} is missing"
        case "extra_forbidden":
            return f"{place!r} is not a field"
        case "value_error":
            said = details["msg"].removeprefix("Value error, ")
            return f"{place!r} {said}" if place else said
        case "model_type":
            return "is not a JSON object"
        case _:
            return f"{place!r}: {details['msg'].lower()}"
