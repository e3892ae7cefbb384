"""Answers as safe HTML: pure functions, so that they are tested without a browser.

Each exchange is a section: the question as its heading, what was searched for in other words, then
the answer, sentence by sentence, each with the numbered buttons of its citations. The last answer
carries ``data-status``; a button and the marks it points to share ``data-answer`` and the
citation's number.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from qa.records import Answer, Citation, Reason, Sentence, Support
from qa.ui.cases import case_html
from qa.ui.conversation import Conversation, Exchange
from qa.ui.markup import escape
from qa.ui.searched import searched_html

WELCOME = (
    '<div class="welcome"><p class="lead">Ask anything about the article.</p>'
    "<p>Each answer points to the words that support it. What the article does not say is not "
    "answered.</p></div>"
)

_DOUBTFUL_FROM = 0.2  # confidence of what was withheld, from which on it may well have been right
LONGEST_LAST_WORD = 20

_GIVEN = '<p class="reason">As the test set has it.</p>'


def latest_html(conversation: Conversation) -> str:
    """Return the last exchange, or the welcome, in a region that is read out when it changes."""
    said = exchange_html(conversation[-1], latest=True) if conversation else WELCOME
    return f'<div role="log" aria-live="polite" aria-label="Latest answer">{said}</div>'


def conversation_html(conversation: Conversation) -> str:
    """Return exchanges that are not the latest, oldest first; empty when there are none."""
    return "".join(exchange_html(exchange, latest=False) for exchange in conversation)


def exchange_html(exchange: Exchange, *, latest: bool) -> str:
    """Return one exchange; only the latest carries its answer's status."""
    if exchange.notice:
        said = f'<p class="notice" role="status">{escape(exchange.notice)}</p>'
    elif exchange.stopped:
        said = _stopped(exchange.answer, latest=latest)
    elif exchange.given:
        said = f"{_text(exchange.given)}{_GIVEN}"
    elif exchange.answer is None:
        said = _frame("draft", _waiting(exchange.waiting_for), latest=latest)
    else:
        said = answer_html(exchange.answer, position=exchange.position, latest=latest)
    searched = searched_html(
        exchange.searched_otherwise, changeable=latest and not exchange.being_written
    )
    known = case_html(exchange.case) if exchange.case else ""
    return (
        f'<section class="exchange" data-exchange="{exchange.position}">'
        f'<h3 class="asked" dir="auto">{escape(exchange.question)}</h3>'
        f"{searched}{said}{known}</section>"
    )


def answer_html(answer: Answer, *, position: int, latest: bool) -> str:
    """Return an answer in the look of its status."""
    match answer.status:
        case "draft":
            inside = _draft(answer)
        case "answered":
            inside = _said(answer, position) + _confidence(answer)
        case "abstained":
            inside = _withheld(answer, position)
        case _:
            assert_never(answer.status)
    return _frame(answer.status, inside, latest=latest)


def confidence_words(confidence: float) -> str:
    """Return a probability of being right in words."""
    steps = (
        (0.9, "Very likely right"),
        (0.75, "Likely right"),
        (0.5, "Probably right"),
    )
    return next((words for least, words in steps if confidence >= least), "Uncertain")


def reason_words(answer: Answer) -> str:
    """Return why an answer was withheld, as one sentence to a person."""
    match answer.reason:
        case Reason.NONE:
            return ""
        case Reason.NOTHING_RELEVANT:
            return "No passage of the article is about this."
        case Reason.DECLINED:
            return "The passages that come closest do not answer it."
        case Reason.UNSUPPORTED:
            return "An answer was drafted, but the article does not bear it out."
        case Reason.UNSURE:
            likely = f"about {answer.confidence:.0%} likely to be right"
            return f"An answer was drafted, and withheld because it was only {likely}."
    assert_never(answer.reason)


def _frame(status: str, inside: str, *, latest: bool) -> str:
    """Return the element of an answer, busy for assistive technology while it is a draft."""
    marked = f' data-status="{status}"' if latest else ""
    busy = ' aria-busy="true"' if status == "draft" else ""
    return f'<div class="answer is-{status}"{marked}{busy}>{inside}</div>'


def _waiting(what: str = "") -> str:
    doing = escape(what) or "Reading the article"
    return f'<p class="said waiting">{doing}<span class="caret"></span></p>'


def _draft(answer: Answer) -> str:
    if not answer.text.strip():
        return _waiting()
    return f'<p class="said" dir="auto">{escape(answer.text)}<span class="caret"></span></p>'


def _said(answer: Answer, position: int) -> str:
    return f'<p class="said" dir="auto">{"".join(_sentences(answer, position))}</p>'


def _sentences(answer: Answer, position: int) -> Iterator[str]:
    """Yield the text of the answer, each sentence with its citations, nothing left out."""
    cited = {citation.number: citation for citation in answer.citations}
    shown = 0
    for sentence in answer.sentences:
        yield escape(answer.text[shown : sentence.start])
        yield _sentence(answer.text, sentence, cited, position)
        shown = sentence.end
    yield escape(answer.text[shown:])


def _sentence(text: str, sentence: Sentence, cited: dict[int, Citation], position: int) -> str:
    words = text[sentence.start : sentence.end]
    said = words.rstrip()
    # The numbers stay on the line of the last word, unless it is longer than a line may be.
    last = max(said.rfind(" ") + 1, len(said) - LONGEST_LAST_WORD)
    links = "".join(_link(cited[number], position) for number in sentence.citations)
    return (
        f'<span class="sentence is-{sentence.support}"><span class="words">{escape(said[:last])}'
        f'</span><span class="tail"><span class="words">{escape(said[last:])}</span>{links}</span>'
        f"{_support(sentence.support)}</span>{escape(words[len(said) :])}"
    )


def _support(support: Support) -> str:
    match support:
        case "supported":
            return ""
        case "partly":
            return '<span class="tag">only partly supported</span>'
        case "unsupported":
            return '<span class="tag">not supported by the article</span>'
    assert_never(support)


def _link(citation: Citation, position: int) -> str:
    quote = escape(citation.text)
    return (
        f'<button type="button" class="cite" data-answer="{position}" '
        f'data-citation="{citation.number}" data-quote="{quote}" '
        f'aria-label="Citation {citation.number}: {quote}">{citation.number}</button>'
    )


def _confidence(answer: Answer) -> str:
    words = confidence_words(answer.confidence)
    level = words.split(maxsplit=1)[0].lower()
    return (
        f'<p class="confidence is-{level}">{words} (confidence about {answer.confidence:.0%})</p>'
    )


def _withheld(answer: Answer, position: int) -> str:
    doubtful = answer.reason is Reason.UNSURE and answer.confidence >= _DOUBTFUL_FROM
    label = "Not clearly in the article" if doubtful else "Not in the article"
    return (
        f'<p class="label">{label}</p>{_text(answer.text)}'
        f'<p class="reason">{reason_words(answer)}</p>{_closest(answer.closest, position)}'
    )


def _stopped(draft: Answer | None, *, latest: bool) -> str:
    """Return what was written until a person stopped it; as an answer it counts as withheld."""
    said = _text(draft.text) if draft is not None else ""
    reason = '<p class="reason">What is here may not have been checked against the article.</p>'
    inside = f'<p class="label">Stopped</p>{said}{reason if said else ""}'
    return _frame("abstained", inside, latest=latest)


def _text(text: str) -> str:
    return f'<p class="said" dir="auto">{escape(text)}</p>' if text.strip() else ""


def _closest(closest: Citation | None, position: int) -> str:
    if closest is None:
        return ""
    return (
        '<figure class="closest-passage"><figcaption>Closest passage</figcaption>'
        f'<blockquote dir="auto">{escape(closest.text)}</blockquote>'
        f'<button type="button" class="cite wide" data-answer="{position}" data-citation="0">'
        "Show in the article</button></figure>"
    )
