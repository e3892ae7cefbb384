"""A question to how sure the model is that the article states the answer.

In: what the model has read, the evidence of an answer, and the question. Out: the log odds of "Yes"
to whether the article states the answer to exactly this question, from the probabilities of one
token. A model knows more of this than its answers show: asked to answer, a small one hardly ever
declines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from langchain_core.messages import BaseMessage

from qa.models.chat import WeighsChoices
from qa.prompts import NO, YES

_LEAST = 1e-6  # below this a probability says no more than that the token was not considered


def stated(model: WeighsChoices, messages: Sequence[BaseMessage]) -> float:
    """Return the log odds of Yes over No.

    :param messages: as of ``qa.prompts.checking``.
    :raises EngineError: if the model fails.
    """
    weighed = model.choice_probabilities(messages, (YES, NO))
    return math.log(max(weighed[YES], _LEAST)) - math.log(max(weighed[NO], _LEAST))
