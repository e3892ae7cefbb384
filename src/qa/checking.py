"""An answer and its evidence to how sure the model is of them.

In: what was asked and answered, and the words of the article that come closest to carrying it, or a
name that was listed. Out: the log odds of "Yes" over "No" as the one next token. A model knows more
than its answers show: asked to answer, a small one hardly ever declines, and asked for a list it
lists whatever there is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from qa.models.chat import Adapter, Weighed, WeighsChoices
from qa.prompts import NO, YES, belonging, confirming
from qa.records import Usage

_LEAST = 1e-6  # below this a probability says no more than that the token was not considered


@dataclass(frozen=True, slots=True, kw_only=True)
class Sureness:
    """Log odds, as of Yes over No, and the tokens it took to know them, if the model tells."""

    log_odds: float
    usage: Usage | None


def confirmed(
    model: WeighsChoices,
    before: Sequence[BaseMessage],
    evidence: str,
    question: str,
    answer: str,
    *,
    deadline_seconds: float,
) -> Sureness:
    """Return how sure the model is that the article states this answer to exactly this question.

    It is asked with the model's adapter for checks if it has one.

    :param before: the messages of ``qa.prompts.asking`` but for the last, the question.
    :param evidence: the words of the article that come closest to carrying the answer.
    :raises EngineError: if the model fails.
    """
    asked = confirming(before, evidence, question, answer)
    weighed = model.weigh(
        asked, (YES, NO), adapter=Adapter.CHECKS, deadline_seconds=deadline_seconds
    )
    return _sureness(weighed)


def belongs(
    model: WeighsChoices,
    read: Sequence[BaseMessage],
    kind: str,
    name: str,
    *,
    deadline_seconds: float,
) -> Sureness:
    """Return how sure the model is that a name is of a kind: "Ada Holm" one of the people.

    :param read: the messages of ``qa.prompts.reading``.
    :raises EngineError: if the model fails.
    """
    asked = belonging(read, kind, name)
    return _sureness(model.weigh(asked, (YES, NO), deadline_seconds=deadline_seconds))


def _sureness(weighed: Weighed) -> Sureness:
    yes, no = (max(weighed.probabilities[choice], _LEAST) for choice in (YES, NO))
    return Sureness(log_odds=math.log(yes) - math.log(no), usage=weighed.usage)
