"""A case of an evaluation in the chat: its conversation, and what the test set knows of it.

In: an ``Outcome``. Out: exchanges as the chat shows them, and safe HTML.
"""

from __future__ import annotations

from qa.evaluation.kinds import kind_label, kind_meaning, kind_of
from qa.evaluation.records import Alternatives, Outcome
from qa.ui.conversation import Case, Conversation, Exchange
from qa.ui.markup import escape


def conversation_of(outcome: Outcome, *, name: str, number: int) -> Conversation:
    """Return the turns before a case and the case with its answer, as if they had been asked.

    :param name: of the test set; ``number`` is the case's place in the list it is opened from.
    """
    example = outcome.example
    before = tuple(
        Exchange(position=position, question=turn.question, given=turn.answer)
        for position, turn in enumerate(example.history, 1)
    )
    kind = kind_of(outcome)
    case = Case(
        number=number,
        name=f"{name}, {example.id}",
        article=example.article,
        answers=example.answers,
        evidence=example.evidence,
        verdict=f"{kind_label(kind)}: {kind_meaning(kind)}.",
    )
    asked = Exchange(
        position=len(before) + 1,
        question=example.question,
        answer=outcome.answer,
        notice=outcome.error,
        case=case,
    )
    return (*before, asked)


def is_of_case(conversation: Conversation) -> bool:
    """Return whether a conversation began with a case of a test set."""
    return any(exchange.case for exchange in conversation)


def case_html(case: Case) -> str:
    """Return what a test set knows of a question, and the way back to the list it came from."""
    verdict = f'<p class="verdict">{escape(case.verdict)}</p>' if case.verdict else ""
    return (
        '<aside class="case" aria-label="What the test set says">'
        f'<p class="case-name" dir="auto">Test set {escape(case.name)}</p>{verdict}'
        f'<p class="expected" dir="auto">Expected: {escape(expected_words(case.answers))}</p>'
        f'<button type="button" class="to-cases" data-case="{case.number}">'
        "Back to the evaluation</button></aside>"
    )


def expected_words(answers: tuple[Alternatives, ...]) -> str:
    """Return what a right answer holds, in words."""
    if not answers:
        return "that the article does not say."
    return "; and ".join(" or ".join(group) for group in answers)
