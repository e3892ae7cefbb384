"""Answers as plain values for JSON and back, equal to what they were.

An article is named, by its id or otherwise, so that its text is kept once beside the answers. A
chunk keeps its own words: its article need not be one that a citation names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from qa.records import Answer, Article

_ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)


def answer_to_dict(answer: Answer, names: Mapping[Article, str] | None = None) -> dict[str, Any]:
    """Return an answer as strings, numbers, lists and dicts; articles by name, else by id."""
    data: dict[str, Any] = _ANSWER.dump_python(answer, mode="json")
    for citation, article in zip(_citations(data), answer_articles(answer), strict=True):
        citation["article"] = names[article] if names else article.id
    return data


def answer_from_dict(data: Mapping[str, Any], articles: Mapping[str, Article]) -> Answer:
    """Return the answer that ``answer_to_dict`` gave these values for; ``articles`` are by name.

    :raises ValueError: in one line, if a value is missing or wrong, or an article is not there.
    """
    try:
        named = {**data, "citations": [_with_article(one, articles) for one in data["citations"]]}
        if data["closest"] is not None:
            named["closest"] = _with_article(data["closest"], articles)
    except (KeyError, TypeError) as error:
        raise ValueError(f"answer without known articles: {error!r}") from error
    try:
        return _ANSWER.validate_python(named)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"answer.{place}: {first['msg']}") from error


def answer_articles(answer: Answer) -> tuple[Article, ...]:
    """Return the articles that an answer quotes, in order, some perhaps more than once."""
    closest = () if answer.closest is None else (answer.closest,)
    return tuple(citation.article for citation in (*answer.citations, *closest))


def quoted_articles(data: Mapping[str, Any]) -> set[str]:
    """Return the names of the articles that the values of ``answer_to_dict`` quote.

    :raises KeyError: if they are no such values.
    """
    return {citation["article"] for citation in _citations(data)}


def _citations(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*data["citations"], *([] if data["closest"] is None else [data["closest"]])]


def _with_article(
    citation: Mapping[str, Any], articles: Mapping[str, Article]
) -> Mapping[str, Any]:
    return {**citation, "article": articles[citation["article"]]}
