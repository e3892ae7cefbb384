"""A question to how sure the model is that the article states the answer.

In: what the model has read, the evidence of an answer, and the question. Out: the log odds of "Yes"
to whether the article states the answer to exactly this question, from the probabilities of one
token. A model knows more of this than its answers show: asked to answer, a small one hardly ever
declines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from qa.models.chat import WeighsChoices
from qa.prompts import NO, YES
from qa.records import Usage

_LEAST = 1e-6  # below this a probability says no more than that the token was not considered


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The log odds of Yes over No, and the tokens it took to know them, if the model tells."""

    log_odds: float
    usage: Usage | None


def stated(model: WeighsChoices, messages: Sequence[BaseMessage]) -> Stated:
    """Return how sure the model is that the article states the answer.

    :param messages: as of ``qa.prompts.checking``.
    :raises EngineError: if the model fails.
    """
    weighed = model.weigh(messages, (YES, NO))
    yes, no = (max(weighed.probabilities[choice], _LEAST) for choice in (YES, NO))
    return Stated(log_odds=math.log(yes) - math.log(no), usage=weighed.usage)
