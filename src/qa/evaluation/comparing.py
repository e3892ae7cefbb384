"""Two runs of one test set, question by question: which flipped, and whether the change is real.

In: two reports. Out: a ``Comparison``: what the runs were made with, each metric, each flip.
Only questions that both runs were asked in the same words, of the same article and with the same
gold answers are pairs; all others are listed. The pairs of a metric are those that it applies to in
both runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from qa.errors import ReportError
from qa.evaluation.metrics import METRICS
from qa.evaluation.records import Example, Outcome, Report
from qa.evaluation.statistics import mcnemar, paired_bootstrap, smallest_difference

MISTAKES = frozenset(
    {"incorrect", "not_attempted", "false_answers", "false_abstentions", "judge_unreadable"}
)
"""Metrics that are 1 for what went wrong, so that less of them is better."""

UNLIKELY = 0.05

Pair = tuple[Outcome, Outcome]
"""The old and the new outcome of one question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What became of one metric, over the ``n`` pairs that it applies to.

    ``old`` and ``new`` are means; ``low`` and ``high`` bound the mean change at 95%, resampled by
    article, or by question where the articles are few. Where all values are 0 or 1, ``better`` and
    ``worse`` are the ids of the questions that flipped, ``p`` says how likely such uneven flips are
    by chance (exact McNemar), and ``smallest`` is the smallest change that so many pairs mostly
    show, or None if they are too few to show any. Elsewhere there are no flips, and both are None.
    """

    name: str
    n: int
    old: float
    new: float
    low: float
    high: float
    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    p: float | None = None
    smallest: float | None = None

    @property
    def change(self) -> float:
        """The new mean less the old one."""
        return self.new - self.old

    @property
    def real(self) -> bool:
        """Whether chance is an unlikely reason for the change."""
        return self.p < UNLIKELY if self.p is not None else not self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of what the runs were made with, where it differs; None where a run has none."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a new run differs from an old one.

    ``about`` is what the runs were made with, where it differs, by name. ``flips`` are the pairs
    that flipped in any metric, in the order of the old run. ``only_old`` and ``only_new`` are the
    ids that one run alone has; ``changed`` are those that stand for another question, article or
    gold answer now.
    """

    pairs: int
    differences: tuple[Difference, ...]
    about: tuple[Change, ...] = ()
    flips: tuple[Pair, ...] = ()
    only_old: tuple[str, ...] = ()
    only_new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def compare(old: Report, new: Report) -> Comparison:
    """Return how the new run differs from the old, its differences in the order of ``METRICS``.

    :raises ReportError: if there is no question that both were asked.
    """
    before = {outcome.example.id: outcome for outcome in old.outcomes}
    after = {outcome.example.id: outcome for outcome in new.outcomes}
    both = [name for name in before if name in after]
    pairs = [
        (before[name], after[name])
        for name in both
        if _asked(before[name].example) == _asked(after[name].example)
    ]
    if not pairs:
        raise ReportError(
            "The two reports have no question in common.",
            remedy="Compare two runs of the same test set.",
        )
    paired = {one.example.id for one, _ in pairs}
    differences = tuple(_difference(name, pairs) for name in _shared_names(pairs))
    flipped = {name for one in differences for name in (*one.better, *one.worse)}
    return Comparison(
        pairs=len(pairs),
        differences=differences,
        about=tuple(_changes(old.about, new.about)),
        flips=tuple(pair for pair in pairs if pair[0].example.id in flipped),
        only_old=tuple(name for name in before if name not in after),
        only_new=tuple(name for name in after if name not in before),
        changed=tuple(name for name in both if name not in paired),
    )


def came_out_alike(old: Report, new: Report) -> bool:
    """Return whether two runs were made with the same and said the same, whatever time it took."""
    return dict(old.about) == dict(new.about) and _said(old) == _said(new)


def _said(report: Report) -> list[tuple[str, str, str, str]]:
    return [
        (one.example.id, one.error, one.answer.status, one.answer.text)
        if one.answer
        else (one.example.id, one.error, "", "")
        for one in report.outcomes
    ]


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Change(name=name, old=old.get(name), new=new.get(name))


def _asked(example: Example) -> tuple[object, ...]:
    """Return what must be the same for two scores to be comparable."""
    return (
        example.question,
        example.history,
        example.article.id,
        example.answers,
        example.evidence,
    )


def _shared_names(pairs: Iterable[Pair]) -> list[str]:
    """Return the metrics that apply to both sides of some pair, the well-known ones first."""
    names = {name for old, new in pairs for name in old.scores.keys() & new.scores.keys()}
    known = [name for name in METRICS if name in names]
    return known + sorted(names.difference(known))


def _difference(name: str, pairs: Sequence[Pair]) -> Difference:
    scored = [(old, new) for old, new in pairs if name in old.scores and name in new.scores]
    old = [one.scores[name] for one, _ in scored]
    new = [one.scores[name] for _, one in scored]
    low, high = paired_bootstrap(old, new, [one.example.article.id for one, _ in scored])
    difference = Difference(
        name=name,
        n=len(scored),
        old=sum(old) / len(old),
        new=sum(new) / len(new),
        low=low,
        high=high,
    )
    return _with_flips(difference, scored) if {*old, *new} <= {0.0, 1.0} else difference


def _with_flips(difference: Difference, scored: Sequence[Pair]) -> Difference:
    name = difference.name
    good = -1 if name in MISTAKES else 1
    changes = [
        (old.example.id, good * (new.scores[name] - old.scores[name])) for old, new in scored
    ]
    better = tuple(case for case, change in changes if change > 0)
    worse = tuple(case for case, change in changes if change < 0)
    return replace(
        difference,
        better=better,
        worse=worse,
        p=mcnemar(len(worse), len(better)),
        smallest=smallest_difference(len(scored), (len(worse) + len(better)) / len(scored)),
    )
