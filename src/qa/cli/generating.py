"""The command ``eval generate``: drafts of a test set, for a person to check."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from tqdm import tqdm

from qa.articles.loading import load_articles
from qa.cli.asking import INTERRUPTED
from qa.cli.opening import chat_model
from qa.cli.text import plain
from qa.errors import ArticleError, ExamplesError
from qa.evaluation.example_json import example_to_json
from qa.evaluation.generating import MOST, SEED, drafts
from qa.evaluation.records import Example
from qa.indexing import Embedder
from qa.records import Article
from qa.settings import Settings

Opening = Callable[[], AbstractContextManager[tuple[BaseChatModel, Embeddings]]]
"""Holds the models to draft with open."""


def add_command(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``generate`` to the actions of ``eval``."""
    command = actions.add_parser(
        "generate", help="draft a test set from an article, for a person to check"
    )
    command.add_argument("path", metavar="PATH", help="a text file")
    command.add_argument(
        "--out", type=Path, metavar="FILE", help="a new file for the drafts (standard output)"
    )
    command.add_argument(
        "--questions", type=_count, default=MOST, metavar="N", help="drafts at most (%(default)s)"
    )
    command.add_argument(
        "--other",
        action="append",
        default=[],
        metavar="PATH",
        help="a file or folder whose questions the article is asked too; may be given again",
    )
    command.add_argument(
        "--seed", type=_count, default=SEED, metavar="N", help="draws the sentences (%(default)s)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Draft with the models that are set."""
    return generate(options, lambda: _models(Settings.from_environment()))


def generate(options: argparse.Namespace, opening: Opening) -> int:
    """Write each draft as it is found; what is written when it is stopped stays."""
    article, others = _articles(options)
    with _lines(options.out) as write, opening() as (model, embeddings):
        return _written(
            options,
            drafts(
                article, model, embeddings, others=others, most=options.questions, seed=options.seed
            ),
            write,
        )


def _written(
    options: argparse.Namespace,
    found: Generator[Example, None, None],
    write: Callable[[str], None],
) -> int:
    done, place = 0, f" in {str(options.out)!r}" if options.out else ""
    try:
        with closing(found), tqdm(total=options.questions, unit=" drafts") as progress:
            for example in found:
                write(example_to_json(example))
                done += 1
                progress.update()
    except KeyboardInterrupt:
        _say(f"qa: stopped; {done} drafts are kept{place}.")
        return INTERRUPTED
    if not done:
        raise ExamplesError(
            f"No question on {options.path!r} could be drafted.",
            remedy="Name a longer article, or a better model with QA_CHAT_MODEL.",
        )
    _say(f"{done} of {options.questions} drafts were found{place}.")
    _say("Read each one, mend it or delete its line, and take its tag 'draft' away.")
    return 0


@contextmanager
def _models(settings: Settings) -> Generator[tuple[BaseChatModel, Embeddings], None, None]:
    with chat_model(settings) as model:
        _say("Loading the models …")
        embedder = Embedder.named(
            settings.embedding_model, settings.models_folder, threads=settings.threads
        )
        yield model, embedder.embeddings


def _articles(options: argparse.Namespace) -> tuple[Article, list[Article]]:
    articles = load_articles(options.path)
    if len(articles) > 1:
        raise ArticleError(
            f"{options.path!r} is a folder of {len(articles)} articles.",
            remedy="Name one of them, and the folder as --other.",
        )
    others = load_articles(options.other) if options.other else []
    return articles[0], [other for other in others if other.id != articles[0].id]


@contextmanager
def _lines(path: Path | None) -> Generator[Callable[[str], None], None, None]:
    """Hand out what writes a line at once; a file that nothing was written to is removed.

    :raises ExamplesError: if the file is there already, as a person may have worked on it, or
        cannot be written.
    """
    if path is None:
        yield lambda line: print(line, flush=True)
        return
    try:
        file = path.open("x", encoding="utf-8", newline="\n")
    except FileExistsError as error:
        raise ExamplesError(
            f"The file {str(path)!r} is there already.", remedy="Name a new one as --out."
        ) from error
    except OSError as error:
        raise ExamplesError(
            f"The file {str(path)!r} cannot be written: {error.strerror}.",
            remedy="Name another one as --out.",
        ) from error
    try:
        with file:
            yield lambda line: print(line, file=file, flush=True)
    finally:
        if not path.stat().st_size:
            path.unlink()


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def _say(line: str) -> None:
    print(plain(line), file=sys.stderr, flush=True)
