"""What the page's answers can be measured with: test sets that ask the articles that are open.

Everything is read before the page is served, so nothing that a browser sends names a file.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qa.evaluation.records import Example
from qa.evaluation.testsets import load_examples
from qa.records import Article


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleSet:
    """The questions of a test set that ask the open articles, in its order; ``name`` is short.

    ``left_out`` is how many others the set has, about other articles.
    """

    name: str
    examples: tuple[Example, ...]
    left_out: int = 0

    @classmethod
    def fitting(cls, path: Path, articles: Collection[Article]) -> ExampleSet:
        """Return the questions of a file whose article, by its text, is among these.

        :raises ExamplesError: with every problem of the file.
        """
        opened = {article.id for article in articles}
        every = load_examples(path)
        examples = tuple(one for one in every if one.article.id in opened)
        return cls(name=path.stem, examples=examples, left_out=len(every) - len(examples))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Test sets, and the folder in which finished answers are kept under what they depend on."""

    sets: tuple[ExampleSet, ...] = ()
    kept_folder: Path = Path("answers")
    about: Mapping[str, str] = field(default_factory=dict)
