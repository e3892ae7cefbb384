"""Test sets to examples: every line checked, every article opened once, all problems told at once.

In: a file in one of the forms of ``qa.evaluation.formats``. Out: ``Example`` records in its order.
Nothing is loaded but the file and its articles, so a wrong test set costs no waiting for a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from qa.articles.loading import load_articles
from qa.articles.structure import title_of
from qa.articles.text import normalise
from qa.errors import ArticleError, ExamplesError
from qa.evaluation.formats import Kind, kind_of, read_rows
from qa.evaluation.records import Example
from qa.evaluation.rows import Problem, Row
from qa.records import Article, Span

TAGS = frozenset(
    {
        "direct",
        "draft",
        "false-premise",
        "followup",
        "list",
        "near",
        "number",
        "reason",
        "reworded",
        "unrelated",
        "yesno",
    }
)
"""What a question may be tagged with; "draft": written by the program, no person has seen it."""

_SHOWN_CHARACTERS = 80

Thing = TypeVar("Thing")


def load_examples(path: str | Path, *, kind: Kind | str | None = None) -> list[Example]:
    """Return the examples of a test set.

    An article is looked for from the working folder, then from the test set's and those above it;
    a quote is taken where the article first has it.

    :param kind: "jsonl", "squad", "csv" or "ragas"; by default it is seen from the file.
    :raises ExamplesError: with every problem of the file, each with its place.
    """
    path = Path(path)
    text = _read(path)
    kind = kind_of(text, path.suffix) if kind is None else Kind(kind)
    problems: list[Problem] = []
    articles = _Articles(path.parent, problems)
    rows = _once(_kept(read_rows(text, kind, name=path.stem), problems), problems)
    examples = [example for row in rows if (example := _example(row, articles, problems))]
    if not examples and not problems:
        problems.append(Problem(where="the file", what="has no questions"))
    if problems:
        raise _error(path, problems)
    return examples


class _Articles:
    """The articles of a test set, each opened once; what cannot be opened is a problem, once."""

    def __init__(self, folder: Path, problems: list[Problem]) -> None:
        self._folder = folder
        self._problems = problems
        self._opened: dict[tuple[str, str | None], Article | None] = {}

    def of(self, row: Row) -> Article | None:
        """Return the article of a row, or None if there is none."""
        key = (row.article, row.text)
        if key == ("", None):  # told of already
            return None
        if key not in self._opened:
            try:
                self._opened[key] = self._named(row.article) if row.text is None else _carried(row)
            except ArticleError as error:
                self._problems.append(Problem(where=row.where, what=error.message))
                self._opened[key] = None
        return self._opened[key]

    def _named(self, name: str) -> Article:
        """Return the article at a path from here, or from the test set's folder or one above it."""
        folder = self._folder.absolute()
        places = [Path(name), *(above / name for above in (folder, *folder.parents))]
        articles = load_articles(next(filter(_exists, places), name))
        if len(articles) > 1:
            raise ArticleError(f"{name!r} is a folder of {len(articles)} articles, not one.")
        return articles[0]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _carried(row: Row) -> Article:
    text = normalise(row.text or "").text
    if not text.strip():
        raise ArticleError(f"The article {row.article!r} is empty.")
    title = row.article if row.ranges else title_of(text, row.article)
    return Article.from_text(text, title=title, source=row.article)


def _example(row: Row, articles: _Articles, problems: list[Problem]) -> Example | None:
    """Return the example of a row, or None, having said why."""
    before = len(problems)
    for tag in row.tags:
        if tag not in TAGS:
            known = ", ".join(sorted(TAGS))
            problems.append(Problem(where=row.where, what=f"{tag!r} is not a tag ({known})"))
    article = articles.of(row)
    evidence = tuple(_kept(_evidence(row, article), problems)) if article else ()
    if article is None or len(problems) > before:
        return None
    return Example(
        id=row.id,
        article=article,
        question=row.question,
        history=row.history,
        answers=row.answers,
        evidence=evidence,
        tags=row.tags,
    )


def _evidence(row: Row, article: Article) -> Iterator[Span | Problem]:
    for quote in row.quotes:
        words = normalise(quote).text.strip()
        start = article.text.find(words)
        if start < 0 or not words:
            what = f"evidence {_shown(quote)} is not in the article {article.source!r}"
            yield Problem(where=row.where, what=what)
        else:
            yield Span(start=start, end=start + len(words))
    for start, end in row.ranges:
        if 0 <= start < end <= len(article.text):
            yield Span(start=start, end=end)
        else:
            what = f"evidence {start} to {end} is not in the {len(article.text)} characters of "
            yield Problem(where=row.where, what=f"{what}{article.source!r}")


def _once(rows: Iterable[Row], problems: list[Problem]) -> Iterator[Row]:
    """Yield the rows, saying which have the id of an earlier one."""
    first: dict[str, str] = {}
    for row in rows:
        if row.id in first:
            what = f"id {row.id!r} is that of {first[row.id]} too"
            problems.append(Problem(where=row.where, what=what))
        elif row.id:
            first[row.id] = row.where
        yield row


def _kept(things: Iterable[Thing | Problem], problems: list[Problem]) -> Iterator[Thing]:
    """Yield the things, the problems among them put aside."""
    for thing in things:
        if isinstance(thing, Problem):
            problems.append(thing)
        else:
            yield thing


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8 text"
        raise _error(path, [Problem(where="the file", what=what)]) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ExamplesError(
            f"The test set {str(path)!r} cannot be read: {reason}.", remedy="Check the path."
        ) from error


def _error(path: Path, problems: list[Problem]) -> ExamplesError:
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    listed = "".join(f"\n  {problem}" for problem in problems)
    return ExamplesError(
        f"The test set {str(path)!r} has {count}:{listed}",
        remedy="\nMend the file and run it again.",
    )
