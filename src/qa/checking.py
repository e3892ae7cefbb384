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

from langchain_core.messages import AIMessage, BaseMessage

from qa.models.chat import Adapter, WeighsChoices
from qa.prompts import DECLINED, NO, YES, belonging, confirming
from qa.records import Usage

_MOST_LEANING = 4.0  # log odds; what lies beyond says no more
_LEAST = 1e-6  # below this a probability says no more than that the token was not considered


@dataclass(frozen=True, slots=True, kw_only=True)
class Sureness:
    """Log odds, as of Yes over No, and the tokens it took to know them, if the model tells."""

    log_odds: float
    usage: Usage | None


def confirmed(
    model: WeighsChoices, title: str, evidence: str, question: str, answer: str
) -> Sureness:
    """Return how sure the model is that the evidence states this answer to exactly this question.

    Nothing but these words is read for it, with the model's adapter for checks if it has one.

    :param title: of the article that the evidence is from.
    :param question: what ``qa.rewriting.in_context`` gives.
    :raises EngineError: if the model fails.
    """
    return _sureness(model, confirming(title, evidence, question, answer), Adapter.CHECKS)


def belongs(model: WeighsChoices, read: Sequence[BaseMessage], kind: str, name: str) -> Sureness:
    """Return how sure the model is that a name is of a kind: "Ada Holm" one of the people.

    :param read: the messages of ``qa.prompts.reading``.
    :raises EngineError: if the model fails.
    """
    return _sureness(model, belonging(read, kind, name), None)


def declining(model: WeighsChoices, asked: Sequence[BaseMessage]) -> Sureness:
    """Return how much a model leans to decline a question, having read what it answers from.

    It is the log odds of the first two words of a refusal, from the model with its adapter for
    declining if it has one. That adapter finds what an article answers, but is no good at saying
    what; the answer is written without it.

    :param asked: the messages of ``qa.prompts.asking``.
    :raises EngineError: if the model fails.
    """
    first, second, *_ = DECLINED.split(" ")
    begun = [*asked, AIMessage(first)]
    weighed = [
        model.weigh(asked, (first,), adapter=Adapter.DECLINES),
        model.weigh(begun, (f" {second}",), adapter=Adapter.DECLINES),
    ]
    both = math.prod(probability for one in weighed for probability in one.probabilities.values())
    likely = min(max(both, _LEAST), 1 - _LEAST)
    log_odds = math.log(likely) - math.log(1 - likely)
    usage = Usage.total(*(one.usage for one in weighed))
    return Sureness(log_odds=max(-_MOST_LEANING, min(log_odds, _MOST_LEANING)), usage=usage)


def _sureness(
    model: WeighsChoices, messages: Sequence[BaseMessage], adapter: Adapter | None
) -> Sureness:
    weighed = model.weigh(messages, (YES, NO), adapter=adapter)
    yes, no = (max(weighed.probabilities[choice], _LEAST) for choice in (YES, NO))
    return Sureness(log_odds=math.log(yes) - math.log(no), usage=weighed.usage)
