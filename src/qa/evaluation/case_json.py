"""What the cases of a report page unfold to, as JSON that may stand inside a script element.

Each article is there once and pointed to by its place; a hit has its words only where they are not
those of an article that is there. Offsets count code points, as everywhere in the program.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from qa.evaluation.records import Outcome, Report
from qa.evaluation.report_json import article_names
from qa.records import Answer, Article, Citation, Hit

# Nothing that could end the element, begin a comment in it, or end a line of script.
_IN_SCRIPT = str.maketrans(
    {mark: f"\\u{ord(mark):04x}" for mark in ("<", ">", "&", "\u2028", "\u2029")}
)


def cases_to_json(report: Report) -> str:
    """Return ``{"articles": [...], "cases": [...]}``, the cases in the order of the report."""
    names = article_names(report)
    places = {article: place for place, article in enumerate(names)}
    articles = {name: article for article, name in names.items()}
    data = {
        "articles": [
            {"title": one.title, "source": one.source, "text": one.text}
            for one in articles.values()
        ],
        "cases": [_case(outcome, articles, places) for outcome in report.outcomes],
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode(errors="replace").decode().translate(_IN_SCRIPT)


def _case(
    outcome: Outcome, articles: Mapping[str, Article], places: Mapping[Article, int]
) -> dict[str, Any]:
    example = outcome.example
    data: dict[str, Any] = {
        "article": places[example.article],
        "question": example.question,
        "seconds": _finite(outcome.seconds),
        "scores": {name: _finite(value) for name, value in sorted(outcome.scores.items())},
        "gold": [list(group) for group in example.answers],
        "evidence": [[span.start, span.end] for span in example.evidence],
    }
    if example.history:
        data["history"] = [[turn.question, turn.answer] for turn in example.history]
    if outcome.answer is None:
        data["error"] = outcome.error
    else:
        data["answer"] = _answer(outcome.answer, articles, places)
    return data


def _answer(
    answer: Answer, articles: Mapping[str, Article], places: Mapping[Article, int]
) -> dict[str, Any]:
    closest = () if answer.closest is None else (answer.closest,)
    usage = answer.usage
    return {
        "text": answer.text,
        "status": answer.status,
        "reason": answer.reason,
        "searched": answer.searched_for,
        "confidence": answer.confidence,
        "sentences": [
            [one.start, one.end, one.support, list(one.citations)] for one in answer.sentences
        ],
        "citations": [_citation(one, places) for one in (*answer.citations, *closest)],
        "hits": [_hit(hit, articles, places) for hit in answer.hits],
        "timings": [
            _finite(answer.timings.retrieve_ms),
            _finite(answer.timings.first_token_ms),
            _finite(answer.timings.total_ms),
        ],
        "tokens": [usage.read, usage.cached, usage.written] if usage else None,
    }


def _citation(citation: Citation, places: Mapping[Article, int]) -> list[int]:
    return [citation.number, places[citation.article], citation.start, citation.end]


def _hit(hit: Hit, articles: Mapping[str, Article], places: Mapping[Article, int]) -> list[Any]:
    """Return score, similarity, heading, and then a place in an article or else the words."""
    chunk, article = hit.chunk, articles.get(hit.chunk.article_id)
    found = [_finite(hit.score), _finite(hit.similarity), chunk.heading]
    if article is not None and article.text[chunk.start : chunk.end] == chunk.text:
        return [*found, places[article], chunk.start, chunk.end]
    return [*found, chunk.text]


def _finite(value: float | None) -> float | None:
    """Return a number that JSON can hold, to four decimals, or None."""
    return None if value is None or not math.isfinite(value) else round(value, 4)
