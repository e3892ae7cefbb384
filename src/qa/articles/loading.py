"""What a person names to articles: a text file, or a folder of them.

In: paths. Out: ``Article`` records, whose id is the SHA-256 of the normalised text. That hash is
all that an index's key needs of a source: two files whose bytes differ and whose normalised texts
do not (another encoding, other line ends) give the same chunks and vectors.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from qa.articles.structure import title_of
from qa.articles.text import decode, normalise
from qa.errors import ArticleError
from qa.records import Article

logger = logging.getLogger(__name__)

Source = str | Path | Article
"""What an article can be had from: a path, or itself."""

LARGEST_FILE_BYTES = 20_000_000
"""A text this long is a library, not an article; more is refused before it fills the memory."""

FOLDER_SUFFIXES = (".txt", ".md")
"""What a folder's articles are called."""

_OTHER_KINDS = {".pdf", ".doc", ".docx", ".odt", ".rtf", ".epub", ".htm", ".html"}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def load_article(source: str | Path) -> Article:
    """Return the article of a text file.

    :raises ArticleError: if the file is missing, no regular file, too large, of a kind that is not
        supported, empty, or not text in UTF-8 or marked UTF-16.
    """
    name = str(source)
    _refuse_other_kinds(name)
    normalised = normalise(decode(_read(name), source=name))
    if not normalised.text.strip():
        raise ArticleError(f"{name!r} is empty.", remedy="Name a file with text in it.")
    if normalised.removed:
        logger.info("%r: %d invisible characters removed", name, normalised.removed)
    title = title_of(normalised.text, name)
    return Article.from_text(normalised.text, title=title, source=name)


def load_articles(sources: Source | Sequence[Source]) -> list[Article]:
    """Return the articles of files and folders, in the order given, a folder's by name.

    A folder stands for its .txt and .md files, README files and sub-folders left out; an article
    stands for itself. A text that comes twice is kept once, with a line in the log.

    :raises ArticleError: as ``load_article``, or if a folder has no articles or nothing is named.
    """
    if isinstance(sources, str | Path | Article):
        sources = [sources]
    articles: dict[str, Article] = {}
    for article in [article for source in sources for article in _articles(source)]:
        first = articles.setdefault(article.id, article)
        if first is not article:
            logger.info("%r left out: same text as %r", article.source, first.source)
    if not articles:
        raise ArticleError("No article is named.", remedy="Name a text file or a folder of them.")
    return list(articles.values())


def _articles(source: Source) -> Iterator[Article]:
    if isinstance(source, Article):
        yield source
        return
    for path in _files(source):
        yield load_article(path)


def _files(source: str | Path) -> list[str | Path]:
    """Return the files that a source stands for: itself, or a folder's articles by name."""
    try:
        if not os.path.isdir(source):  # noqa: PTH112 - Path() would mangle the "//" of an address
            return [source]
        entries = sorted(Path(source).iterdir())
    except (OSError, ValueError) as error:
        raise _unreadable(str(source), error) from error
    files: list[str | Path] = []
    for path in entries:
        if path.suffix.lower() not in FOLDER_SUFFIXES or path.name.startswith("."):
            logger.info("%r left out: not a .txt or .md file", str(path))
        elif path.stem.lower() == "readme":
            logger.info("%r left out: about the folder, not an article", str(path))
        else:
            files.append(path)
    if not files:
        raise ArticleError(
            f"The folder {str(source)!r} has no articles (.txt or .md files).",
            remedy="Put a text file there, or name another folder.",
        )
    return files


def _refuse_other_kinds(name: str) -> None:
    address = _ADDRESS.match(name)
    if address:
        raise ArticleError(
            f"Addresses are not supported yet: {name!r}.",
            remedy="Save the page as a text file and name that.",
        )
    suffix = Path(name).suffix.lower()
    if suffix in _OTHER_KINDS:
        raise ArticleError(
            f"{suffix} files are not supported yet: {name!r}.",
            remedy="Save it as text (.txt) and name that.",
        )


def _read(name: str) -> bytes:
    """Return a regular file's bytes, never more than the limit, whatever it grows to meanwhile."""
    try:
        with open(name, "rb", opener=_opened_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ArticleError(f"{name!r} is not a regular file.", remedy="Name a text file.")
            data = file.read(LARGEST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    if len(data) > LARGEST_FILE_BYTES:
        raise ArticleError(
            f"{name!r} is larger than {LARGEST_FILE_BYTES // 1_000_000} MB.",
            remedy="Split it, or name the part you want to ask about.",
        )
    return data


def _opened_at_once(name: str, flags: int) -> int:
    # Else a pipe that nobody writes to would hang here; Windows has no such pipes and no flag.
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _unreadable(name: str, error: OSError | ValueError) -> ArticleError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ArticleError(f"Cannot read {name!r}: {reason}.", remedy="Check the path and its rights.")
