"""Finished answers kept on disk as they come, so that a run can be stopped and gone on with.

In: a folder, what the answers depend on, and answers. Out: the same answers, equal to what they
were. Under the folder each fingerprint has one of its own, with one file of JSON lines that is only
ever added to: a process that is killed leaves at most a torn last line, which is not read.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.errors import StorageError
from qa.evaluation.answers_json import answer_articles, answer_from_dict, answer_to_dict
from qa.evaluation.records import Example
from qa.records import Answer, Article

logger = logging.getLogger(__name__)

FILE_NAME = "answers.jsonl"


def fingerprint(about: Mapping[str, str]) -> str:
    """Return the SHA-256 of what a run depends on, whatever the order it is named in."""
    return _sha256(dict(about))


def key_of(example: Example) -> str:
    """Return the SHA-256 of all that an answerer is given: article, question and history.

    The gold answers are not in it: mending them costs no new answers.
    """
    turns = [[turn.question, turn.answer] for turn in example.history]
    return _sha256([example.article.id, example.question, turns])


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A finished answer and the seconds it took."""

    answer: Answer
    seconds: float


class Keeper:
    """Keeps the answers of one answerer to the questions on some articles."""

    def __init__(self, path: Path, articles: Mapping[str, Article]) -> None:
        self._path = path
        self._articles = dict(articles)
        self._kept: dict[str, Kept] = {}

    @classmethod
    def open(
        cls, folder: Path, about: Mapping[str, str], articles: Mapping[str, Article]
    ) -> Keeper:
        """Return the keeper of what depends on ``about``, with what was kept before.

        :param articles: those that answers may quote, by id.
        :raises StorageError: if what is kept cannot be read.
        """
        keeper = cls(folder / fingerprint(about) / FILE_NAME, articles)
        keeper._read()
        return keeper

    def get(self, example: Example) -> Kept | None:
        """Return what is kept for an example, or None."""
        return self._kept.get(key_of(example))

    def keep(self, example: Example, answer: Answer, seconds: float) -> None:
        """Keep an answer; it is on its way to the disk when this returns.

        :raises StorageError: if it cannot be written.
        """
        quoted = {article.id for article in answer_articles(answer)}
        if not quoted <= self._articles.keys():
            logger.warning("not kept: the answer to %r quotes other articles", example.id)
            return
        key = key_of(example)
        self._write({"key": key, "seconds": seconds, "answer": answer_to_dict(answer)})
        self._kept[key] = Kept(answer=answer, seconds=seconds)

    def forget(self) -> None:
        """Remove what is kept.

        :raises StorageError: if it cannot be removed.
        """
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._error("removed", error) from error
        self._kept.clear()

    def _read(self) -> None:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._error("read", error) from error
        for number, line in enumerate(lines, 1):
            try:
                if line:
                    self._add(json.loads(line))
            except (ValueError, KeyError, TypeError):  # torn by a kill, or of an older form
                logger.warning("%s, line %d: not whole, left out", self._path, number)

    def _add(self, line: Mapping[str, Any]) -> None:
        answer = answer_from_dict(line["answer"], self._articles)
        self._kept[line["key"]] = Kept(answer=answer, seconds=float(line["seconds"]))

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line).encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One write to the end of the file: two runs at a time do not mix their lines. It
            # begins with a newline, so that a torn line before it ends there.
            with self._path.open("ab", buffering=0) as file:
                file.write(b"\n" + data + b"\n")
        except OSError as error:
            raise self._error("written", error) from error

    def _error(self, what: str, error: OSError) -> StorageError:
        return StorageError(
            f"The kept answers {str(self._path)!r} cannot be {what}: {error.strerror}.",
            remedy="Set QA_INDEX_FOLDER to a folder that can be written to.",
        )


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
