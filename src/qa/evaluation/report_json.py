"""A report as one JSON object and back: everything that is in it, each article once.

The keys are sorted, so that the same report gives the same bytes. An article is named by its id; of
those with one text under several titles, each after the first by its id and a number. A figure that
is not finite is written as Python does, ``NaN``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from qa.evaluation.answers_json import answer_articles, answer_from_dict, answer_to_dict
from qa.evaluation.records import Estimate, Outcome, Report
from qa.records import Article

FORMAT = 1

_ARTICLES: TypeAdapter[tuple[Article, ...]] = TypeAdapter(tuple[Article, ...])
_ESTIMATES: TypeAdapter[tuple[Estimate, ...]] = TypeAdapter(tuple[Estimate, ...])
_OUTCOME: TypeAdapter[Outcome] = TypeAdapter(Outcome)
_ABOUT: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_CURVES: TypeAdapter[dict[str, tuple[tuple[float, float], ...]]] = TypeAdapter(
    dict[str, tuple[tuple[float, float], ...]]
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def article_names(report: Report) -> dict[Article, str]:
    """Return the articles that a report asks or quotes with their names, in the order they come."""
    return _named(
        article
        for outcome in report.outcomes
        for article in (
            outcome.example.article,
            *(() if outcome.answer is None else answer_articles(outcome.answer)),
        )
    )


def report_to_json(report: Report) -> bytes:
    """Return a report as UTF-8, with a newline at its end."""
    names = article_names(report)
    data = {
        "format": FORMAT,
        "about": dict(report.about),
        "articles": _ARTICLES.dump_python(tuple(names), mode="json"),
        "curves": {name: list(map(list, points)) for name, points in report.curves.items()},
        "estimates": _ESTIMATES.dump_python(report.estimates, mode="json"),
        "outcomes": [_outcome_to_dict(outcome, names) for outcome in report.outcomes],
    }
    text = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True)
    # UTF-8 has no halves of surrogates, which a model may write; as escapes they come back.
    return (_SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n").encode()


def report_from_json(data: bytes) -> Report:
    """Return the report that ``report_to_json`` gave these bytes for.

    :raises ValueError: in one line, if it is not such a report.
    """
    raw = json.loads(data)
    if not isinstance(raw, dict) or "outcomes" not in raw:
        raise ValueError("it is not the report of an evaluation")
    if raw.get("format") != FORMAT:
        raise ValueError(f"its format is {raw.get('format')!r}, and {FORMAT} is expected")
    try:
        named = _named(_ARTICLES.validate_python(raw["articles"]))
        known = {name: article for article, name in named.items()}
        return Report(
            about=_ABOUT.validate_python(raw["about"]),
            curves=_CURVES.validate_python(raw["curves"]),
            estimates=_ESTIMATES.validate_python(raw["estimates"]),
            outcomes=tuple(
                _outcome_from_dict(outcome, number, known)
                for number, outcome in enumerate(raw["outcomes"], 1)
            ),
        )
    except KeyError as error:
        raise ValueError(f"it has no {error.args[0]!r}") from error
    except TypeError as error:
        raise ValueError("its outcomes are not a list") from error
    except ValidationError as error:
        raise ValueError(_first(error)) from error


def _named(articles: Iterable[Article]) -> dict[Article, str]:
    names: dict[Article, str] = {}
    alike: Counter[str] = Counter()
    for article in articles:
        if article not in names:
            alike[article.id] += 1
            number = alike[article.id]
            names[article] = article.id if number == 1 else f"{article.id} {number}"
    return names


def _outcome_to_dict(outcome: Outcome, names: Mapping[Article, str]) -> dict[str, Any]:
    data: dict[str, Any] = _OUTCOME.dump_python(outcome, mode="json", exclude={"answer"})
    data["example"]["article"] = names[outcome.example.article]
    data["answer"] = None if outcome.answer is None else answer_to_dict(outcome.answer, names)
    return data


def _outcome_from_dict(raw: Any, number: int, articles: Mapping[str, Article]) -> Outcome:
    try:
        example = {**raw["example"], "article": articles[raw["example"]["article"]]}
        answer = None if raw["answer"] is None else answer_from_dict(raw["answer"], articles)
        return _OUTCOME.validate_python({**raw, "example": example, "answer": answer})
    except ValidationError as error:
        raise ValueError(f"outcome {number}: {_first(error)}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"outcome {number} is not complete: {error!r}") from error
    except ValueError as error:
        raise ValueError(f"outcome {number}: {error}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
