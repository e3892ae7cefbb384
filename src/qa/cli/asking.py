"""The commands that open articles: ``index``, ``ask`` and ``chat``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Generator
from typing import TypeVar

from qa.articles.loading import load_articles
from qa.assistant import Assistant, seeds
from qa.cli.text import answer_json, answer_text, plain
from qa.rewriting import clean_question
from qa.settings import Settings

Result = TypeVar("Result")


def index(options: argparse.Namespace) -> int:
    """Build or refresh the index of the articles, and let the local model read them."""
    with told(Assistant.opening(options.sources or None)) as assistant:
        for article in assistant.articles:
            size = f"{len(article.text):,} characters"
            print(plain(f"{article.source}: {article.title!r}, {size}"), file=sys.stderr)
    return 0


def ask(options: argparse.Namespace) -> int:
    """Answer one question."""
    settings = Settings.from_environment()
    # A question that is none should not cost the seconds that the models take to load.
    clean_question(options.question, most_characters=settings.question_characters)
    with told(Assistant.opening(options.sources, settings=settings)) as assistant:
        answer = assistant.ask(options.question)
    print(answer_json(answer) if options.json else answer_text(answer))
    return 0


def chat(options: argparse.Namespace) -> int:
    """Serve the page until it is stopped."""
    from qa.ui.serving import open_and_serve  # the page's packages take seconds to load

    settings = Settings.from_environment()
    articles = load_articles(options.sources or seeds())
    open_and_serve(
        articles,
        Assistant.opening(articles, settings=settings),
        host=options.host,
        port=options.port,
        open_browser=not options.no_browser,
        blocked_paths=[settings.index_folder, settings.models_folder],
        announce=lambda line: print(line, file=sys.stderr, flush=True),
    )
    return 0


def told(steps: Generator[str, None, Result]) -> Result:
    """Return what the steps come to, having told each of them on stderr."""
    while True:
        try:
            print(f"{next(steps)} …", file=sys.stderr, flush=True)
        except StopIteration as done:
            result: Result = done.value
            return result
