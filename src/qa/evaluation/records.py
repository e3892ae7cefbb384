"""What an evaluation is made of: examples, their outcomes, estimates, and the report of them all.

Frozen, slotted, keyword-only dataclasses, like those of ``qa.records``. "Not applicable" is the
absence of a score, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from qa.records import Answer, Article, Span, Turn

Answerer = Callable[[str, Sequence[Turn]], Answer]
"""From a question and the turns before it to its final answer; whatever it raises is a failure."""

Alternatives = tuple[str, ...]
"""Gold answers of which an answer has to hold one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One question of a test set, with what is known of its answer.

    ``answers`` are groups of alternatives: a right answer holds one of each group. None at all
    means that the article does not say. ``evidence`` are the characters of the article that answer.
    """

    id: str
    article: Article
    question: str
    history: tuple[Turn, ...] = ()
    answers: tuple[Alternatives, ...] = ()
    evidence: tuple[Span, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def answerable(self) -> bool:
        """Whether the article states the answer."""
        return bool(self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one example: an answer with its scores, or the line that says why there is none.

    ``scores`` map the name of a metric to its value for this example; a metric that does not apply
    is not in it. ``seconds`` is the time that the answerer took, without any of the scoring.
    """

    example: Example
    answer: Answer | None
    scores: Mapping[str, float]
    seconds: float
    error: str = ""

    def __post_init__(self) -> None:
        if (self.answer is None) != bool(self.error):
            raise ValueError(f"outcome of {self.example.id!r} needs an answer or an error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One figure of a report with its 95% interval, over ``n`` cases.

    ``interval`` names how ``low`` and ``high`` were found: "wilson", "bootstrap" by article, or
    "bootstrap by question" where the articles are few. For no cases there is no estimate, rather
    than one of 0.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run: outcomes in the order of the test set, figures, and what it was made with.

    ``about`` has the versions, hashes and settings that the run depends on, by name; ``curves``
    have the points of what is plotted, as pairs (x, y): "risk-coverage" and "reliability".
    """

    outcomes: tuple[Outcome, ...]
    estimates: tuple[Estimate, ...]
    about: Mapping[str, str]
    curves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
