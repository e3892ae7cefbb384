"""A question to what the model is asked: once, and again where its answer is not sure.

In: a question, the conversation before it, and what was found. Out: ``Attempt`` records, each with
the messages for the model. A small model misreads easily, so it is asked a second time: with the
best passage again right behind the question where it has read everything, and else from the
passages that it has not read, beside the best. A model that cannot tell how sure it is is asked
once, and reads all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import BaseMessage

from qa.prompts import Section, asking, asking_again, reading
from qa.records import Article, Chunk, Hit, Reason, Turn
from qa.sections import in_article_order, passage_sections
from qa.verification import Verdict

_MOST_TURNS = 4  # earlier turns that the model is given; older ones are far from any question

HOPELESS = 0.06
"""Confidence below which a second attempt is not worth its time: of 147 at questions on articles
read whole whose first answer fell below it, one would have been given rightly, and one wrongly.
It was measured in log odds of the check, -3.94, as the next one was."""

SURE = 0.72
"""Confidence from which on an answer needs no second attempt (log odds of the check of 1.5). So 8
more of 825 questions were answered rightly than with a second attempt only where the first answer
would be withheld, and none less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the model is asked, having read some chunks, or everything if ``read`` is None.

    ``messages`` end with the ``question``, or with it and what is asked for again.
    """

    question: str
    messages: Sequence[BaseMessage]
    read: tuple[Chunk, ...] | None

    def ends(self, verdict: Verdict) -> bool:
        """Return whether another attempt would be in vain, as the verdict on this one tells."""
        if verdict.reason in {Reason.DECLINED, Reason.UNSUPPORTED}:
            return False
        hopeless = self.read is None and verdict.confidence < HOPELESS
        return hopeless or verdict.confidence >= SURE


def asked_of(sections: Sequence[Section], asked: str, history: Sequence[Turn]) -> list[BaseMessage]:
    """Return the messages that hand over sections, what was said before, and a question."""
    return asking(reading(sections), asked, history[-_MOST_TURNS:])


def attempts_at_all(
    whole: Sequence[Section],
    asked: str,
    history: Sequence[Turn],
    hits: Sequence[Hit],
    *,
    twice: bool,
) -> list[Attempt]:
    """Return what the model is asked that has read everything."""
    messages = asked_of(whole, asked, history)
    first = Attempt(question=asked, messages=messages, read=None)
    if not twice:
        return [first]
    again = asking_again(messages, hits[0].chunk.text)
    return [first, replace(first, messages=again)]


def attempts_at_passages(
    articles: Sequence[Article],
    asked: str,
    history: Sequence[Turn],
    hits: Sequence[Hit],
    *,
    twice: bool,
) -> list[Attempt]:
    """Return what the model is asked that reads what was found, best first, of long articles."""
    half = math.ceil(len(hits) / 2)
    others = hits[half:]
    runs = [hits[:half], [hits[0], *others]] if twice and others else [hits]
    reads = [in_article_order(articles, run) for run in runs]
    return [
        Attempt(
            question=asked,
            messages=asked_of(passage_sections(read), asked, history),
            read=tuple(read),
        )
        for read in reads
    ]
