"""What one browser has asked so far: the exchanges that the page shows, oldest first.

A conversation is a plain tuple of exchanges. It lives in the browser's session and is handed to
every function that needs it, so the conversations of two people cannot mix.
"""

from __future__ import annotations

from dataclasses import dataclass

from qa.records import Answer, Article, Span, Turn

MOST_EXCHANGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question of a test set that is shown in the chat: what is known of its answer.

    ``number`` is its place in the list that it was opened from, ``name`` says which it is, and
    ``verdict`` how it came out there, empty once it has been asked again. ``answers`` are groups of
    alternatives, none where the article does not say; ``evidence`` are characters of ``article``.
    """

    number: int
    name: str
    article: Article
    answers: tuple[tuple[str, ...], ...] = ()
    evidence: tuple[Span, ...] = ()
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question with its answer, or with the notice of why there is none.

    ``position`` counts from 1 within the conversation and never changes, so a link made from it
    stays right when older exchanges are dropped. ``answer`` is a draft while it is written, and
    None before its first draft or when the question ended with a ``notice``. ``stopped`` when a
    person stopped it: the draft is then all there is. ``waiting_for`` says what has to be done
    before any question can be answered, empty when nothing has. ``given`` is what a test set says
    was answered, in place of an answer. ``case`` is what a test set knows of the question.
    ``searched_for`` is what a person wants searched for instead, empty where nobody said so.
    """

    position: int
    question: str
    answer: Answer | None = None
    notice: str = ""
    stopped: bool = False
    waiting_for: str = ""
    given: str = ""
    case: Case | None = None
    searched_for: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether the answer is still to come, or only a draft of it is there."""
        return self.answer is None or self.answer.status == "draft"

    @property
    def being_written(self) -> bool:
        """Whether more of the answer is to come."""
        return self.unfinished and not (self.notice or self.stopped or self.given)

    @property
    def searched_otherwise(self) -> str:
        """What is searched for in other words than were asked; empty where there are none."""
        if self.searched_for or self.answer is None:
            return self.searched_for
        same = self.answer.searched_for == self.answer.question
        return "" if same else self.answer.searched_for

    @property
    def said(self) -> str | None:
        """The words of the finished answer, or None where there is none."""
        if self.given:
            return self.given
        return None if self.answer is None or self.unfinished else self.answer.text


Conversation = tuple[Exchange, ...]


def turns(conversation: Conversation) -> list[Turn]:
    """Return the finished exchanges as the assistant's history: no notices, nothing stopped.

    A question for which a person gave other words was asked in these.
    """
    return [
        Turn(question=exchange.searched_for or exchange.question, answer=exchange.said)
        for exchange in conversation
        if exchange.said is not None
    ]


def begin(conversation: Conversation, question: str) -> Exchange:
    """Return the exchange that a new question opens."""
    position = conversation[-1].position + 1 if conversation else 1
    return Exchange(position=position, question=question)


def add(conversation: Conversation, exchange: Exchange) -> Conversation:
    """Return the conversation with one exchange more, without the oldest when it grows too long."""
    return (*conversation, exchange)[-MOST_EXCHANGES:]
