"""How a case came out, in the one word that a person filters a report by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import assert_never

from qa.evaluation.records import Outcome


class Kind(StrEnum):
    """The ways a case can come out, worst first."""

    FAILED = "failed"
    WRONGLY_ANSWERED = "wrongly-answered"
    WRONG = "wrong"
    WRONGLY_DECLINED = "wrongly-declined"
    RIGHT = "right"


def kind_of(outcome: Outcome) -> Kind:
    """Return how a case came out, by its score where it has one and else by its status."""
    if outcome.answer is None:
        return Kind.FAILED
    abstained = outcome.answer.status == "abstained"
    if not outcome.example.answerable:
        declined = outcome.scores.get("declined", float(abstained))
        return Kind.RIGHT if declined else Kind.WRONGLY_ANSWERED
    if outcome.scores.get("right"):
        return Kind.RIGHT
    return Kind.WRONGLY_DECLINED if abstained else Kind.WRONG


def kind_counts(outcomes: Iterable[Outcome]) -> dict[Kind, int]:
    """Return how many cases came out each way, all ways in their order."""
    counted = Counter(map(kind_of, outcomes))
    return {kind: counted[kind] for kind in Kind}


def kind_label(kind: Kind) -> str:
    """Return the words that a person reads for a way to come out."""
    match kind:
        case Kind.FAILED:
            return "Failed"
        case Kind.WRONGLY_ANSWERED:
            return "Wrongly answered"
        case Kind.WRONG:
            return "Wrong"
        case Kind.WRONGLY_DECLINED:
            return "Wrongly declined"
        case Kind.RIGHT:
            return "Right"
        case _:
            assert_never(kind)


def kind_meaning(kind: Kind) -> str:
    """Return what a way to come out means, as a phrase."""
    match kind:
        case Kind.FAILED:
            return "there is no answer, only an error"
        case Kind.WRONGLY_ANSWERED:
            return "the article does not say, but there is an answer"
        case Kind.WRONG:
            return "the article says it, and the answer is another"
        case Kind.WRONGLY_DECLINED:
            return "the article says it, but the answer was withheld"
        case Kind.RIGHT:
            return "answered rightly, or rightly declined"
        case _:
            assert_never(kind)
