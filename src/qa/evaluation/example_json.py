"""An example as a line of a test set, which ``load_examples`` reads back as it was.

The fields are those of ``qa.evaluation.lines``. An article is named by its path where the file
there has its text, and carried in the line where not, so that a line never speaks of another text.
"""

from __future__ import annotations

import json
from typing import Any

from qa.articles.loading import load_article
from qa.errors import ArticleError
from qa.evaluation.records import Example
from qa.records import Article


def example_to_json(example: Example) -> str:
    """Return an example as one line of JSON, without a newline; empty fields are left out.

    Evidence is quoted where its words stand in the article for the first time, and else given as
    ranges of characters. A carried article's title is found anew by who reads it.
    """
    article = example.article
    line: dict[str, Any] = {"id": example.id, "article": article.source}
    if not _is_at_its_path(article):
        line["article_text"] = article.text
    line["question"] = example.question
    if example.history:
        line["history"] = [
            {"question": turn.question, "answer": turn.answer} for turn in example.history
        ]
    groups = [list(group) for group in example.answers]
    line["answers"] = groups[0] if len(groups) == 1 else groups
    if example.evidence:
        line["evidence"] = _evidence(example)
    if example.tags:
        line["tags"] = list(example.tags)
    return json.dumps(line, ensure_ascii=False)


def _is_at_its_path(article: Article) -> bool:
    try:
        return load_article(article.source).id == article.id
    except ArticleError:
        return False


def _evidence(example: Example) -> list[str] | list[list[int]]:
    text = example.article.text
    quotes = [text[span.start : span.end] for span in example.evidence]
    places = [text.find(quote.strip()) for quote in quotes]
    if places == [span.start for span in example.evidence]:
        return quotes
    return [[span.start, span.end] for span in example.evidence]
