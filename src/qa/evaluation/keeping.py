"""Finished answers kept on disk as they come, so that a run can be stopped and gone on with.

In: a folder, what the answers depend on, and answers. Out: the same answers, equal to what they
were. Under the folder each fingerprint has one of its own, with one file of JSON lines.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.evaluation.answers_json import (
    answer_articles,
    answer_from_dict,
    answer_to_dict,
    quoted_articles,
)
from qa.evaluation.kept_lines import KeptLines
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

    def __init__(self, lines: KeptLines, articles: Mapping[str, Article]) -> None:
        self._lines = lines
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
        keeper = cls(KeptLines(folder / fingerprint(about) / FILE_NAME), articles)
        keeper._kept.update(keeper._lines.read(keeper._parsed))
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
        self._lines.add(key, {"seconds": seconds, "answer": answer_to_dict(answer)})
        self._kept[key] = Kept(answer=answer, seconds=seconds)

    def forget(self, examples: Iterable[Example]) -> None:
        """Hold what is kept for these examples for nothing, now and another time.

        What is kept for others, of this test set or another, stays.

        :raises StorageError: if it cannot be written.
        """
        for key in map(key_of, examples):
            if self._kept.pop(key, None):
                self._lines.forget(key)

    def _parsed(self, line: Mapping[str, Any]) -> Kept | None:
        if not quoted_articles(line["answer"]) <= self._articles.keys():
            return None  # of another test set
        answer = answer_from_dict(line["answer"], self._articles)
        return Kept(answer=answer, seconds=float(line["seconds"]))


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
