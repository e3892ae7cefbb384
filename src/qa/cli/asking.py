"""The commands that open articles: ``index``, ``ask`` and ``chat``."""

from __future__ import annotations

import argparse
import hashlib
import logging
import re
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from qa.articles.loading import load_articles
from qa.assistant import Assistant, seeds
from qa.cli import models
from qa.cli.text import answer_json, answer_text, plain
from qa.errors import ExamplesError
from qa.evaluation.provenance import made_with
from qa.records import Article
from qa.rewriting import clean_question
from qa.settings import Settings, checkout_folder
from qa.steps import result_of
from qa.ui.bench import Bench, ExampleSet

logger = logging.getLogger(__name__)

KEPT_FOLDER = "answers"
"""The folder of kept answers, in that of the index."""

INTERRUPTED = 130
"""The exit status of a command that a person stopped."""

Result = TypeVar("Result")

_HOW_FAR = re.compile(r", \d+%(?= …$)")
_LINE_ABOVE = "\x1b[A\x1b[K"  # to its beginning, and emptied


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
    models.require(settings)
    open_and_serve(
        articles,
        Assistant.opening(articles, settings=settings),
        host=options.host,
        port=options.port,
        open_browser=not options.no_browser,
        bench=bench_for(options.testsets, articles, settings),
        blocked_paths=[settings.index_folder, settings.models_folder],
        announce=Teller(),
    )
    return 0


def bench_for(named: Sequence[str], articles: Sequence[Article], settings: Settings) -> Bench:
    """Return the test sets that fit the articles: those that are named, then those that ship.

    :raises ExamplesError: if one that is named cannot be used.
    """
    sets = [*_named(named, articles), *_shipped(articles)]
    about = made_with(settings)
    if len(articles) > 1:
        # They are searched together, so an answer is not what it would be for one alone.
        names = "\n".join(sorted(article.id for article in articles))
        about["articles opened together"] = hashlib.sha256(names.encode()).hexdigest()
    return Bench(sets=tuple(sets), kept_folder=settings.index_folder / KEPT_FOLDER, about=about)


def _named(paths: Sequence[str], articles: Sequence[Article]) -> Iterator[ExampleSet]:
    for path in paths:
        found = ExampleSet.fitting(Path(path), articles)
        if not found.examples:
            raise ExamplesError(
                f"The test set {path!r} asks none of the articles that are open.",
                remedy="Open its article with -a.",
            )
        yield found


def _shipped(articles: Sequence[Article]) -> Iterator[ExampleSet]:
    top = checkout_folder()
    for path in sorted((top / "tests" / "testsets").rglob("*.jsonl")) if top else ():
        try:
            found = ExampleSet.fitting(path, articles)
        except ExamplesError as error:  # nobody asked for it, so it is only left out
            logger.info("%s is left out: %s", path, error)
            continue
        if found.examples:
            yield found


def told(steps: Generator[str, None, Result]) -> Result:
    """Return what the steps come to, having told each of them on stderr."""
    tell = Teller()
    return result_of(steps, lambda step: tell(f"{step} …"))


class Teller:
    """Prints lines on stderr; one that says how far the last step is takes its place.

    Where stderr is no terminal, such lines are left out: there is no place to take.
    """

    def __init__(self) -> None:
        self._step = ""

    def __call__(self, line: str) -> None:
        """Print a line, in the place of the last if it says how far that is."""
        going_on = bool(_HOW_FAR.search(line)) and _HOW_FAR.sub("", line) == self._step
        self._step = _HOW_FAR.sub("", line)
        if not going_on:
            print(line, file=sys.stderr, flush=True)
        elif sys.stderr.isatty():
            print(f"{_LINE_ABOVE}{line}", file=sys.stderr, flush=True)
