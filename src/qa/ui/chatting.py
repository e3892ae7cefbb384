"""What the chat does: each method is one event of it, handed the session's conversation.

A question is answered by a generator that shows the newest draft, then the answer with its marks.
A failed case of an evaluation is shown as a conversation of its own; the one before is set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from qa.errors import QAError
from qa.ui.cases import is_of_case
from qa.ui.conversation import Conversation, Exchange, add, begin, turns
from qa.ui.markup import showable
from qa.ui.opening import Opening
from qa.ui.reading import articles_html
from qa.ui.render import conversation_html, latest_html
from qa.ui.running import RunningAnswers

# More than any setting lets a question have, so what is cut off here is refused in any case.
MOST_CHARACTERS = 20_001

# A generator that yields nothing would empty what it could have changed, hence ``NOTHING_NEW``.
# The values of: past exchanges, the latest one, the article, the question box, the conversation.
Shown = tuple[Any, Any, Any, Any, Any]
NOTHING_NEW: Shown = (gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip())


class Chat:
    """The events of the chat."""

    def __init__(self, answerer: Opening, running: RunningAnswers) -> None:
        self._answerer = answerer
        self._running = running

    def ask(
        self, question: str | None, conversation: Conversation, request: gr.Request
    ) -> Iterator[Shown]:
        """Show the answer to a question as it is written; a blank question changes nothing."""
        asked = showable(question or "").strip()[:MOST_CHARACTERS]
        if asked:
            yield from self._answer(begin(conversation, asked), conversation, session_of(request))
        else:
            yield NOTHING_NEW

    def retry(self, conversation: Conversation, request: gr.Request) -> Iterator[Shown]:
        """Ask the last question again, in place of its answer."""
        if conversation:
            words = conversation[-1].searched_for
            yield from self._ask_again(conversation, session_of(request), searched_for=words)
        else:
            yield NOTHING_NEW

    def search_instead(
        self, conversation: Conversation, sent: gr.EventData, request: gr.Request
    ) -> Iterator[Shown]:
        """Ask the last question again, for which a person gave other words to search for."""
        given = sent._data
        words = given.get("words") if isinstance(given, dict) else None
        wanted = showable(words).strip()[:MOST_CHARACTERS] if isinstance(words, str) else ""
        if conversation and wanted:
            yield from self._ask_again(conversation, session_of(request), searched_for=wanted)
        else:
            yield NOTHING_NEW

    def stop(self, request: gr.Request) -> None:
        """End the session's answer where it is."""
        self._running.stop(session_of(request))

    def clear(self, request: gr.Request) -> tuple[Any, ...]:
        """End the session's answer and forget the conversation, and the one set aside."""
        self._running.stop(session_of(request))
        return *self._whole(()), ()

    def show_case(
        self,
        case: Conversation,
        conversation: Conversation,
        aside: Conversation,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """Show the conversation of a case, the person's own set aside."""
        self._running.stop(session_of(request))
        own = aside if is_of_case(conversation) else conversation
        return *self._whole(case), own

    def resume(self, aside: Conversation, request: gr.Request) -> tuple[Any, ...]:
        """Go back from a case to the conversation that was set aside."""
        self._running.stop(session_of(request))
        return *self._whole(aside), ()

    def _whole(self, conversation: Conversation) -> Shown:
        past = conversation_html(conversation[:-1])
        return past, latest_html(conversation), self._articles(conversation), "", conversation

    def _ask_again(
        self, conversation: Conversation, session: str, *, searched_for: str
    ) -> Iterator[Shown]:
        """Answer the last question in its place; a case's verdict was on the answer before."""
        *earlier, last = conversation
        exchange = Exchange(
            position=last.position,
            question=last.question,
            case=replace(last.case, verdict="") if last.case else None,
            searched_for=searched_for,
        )
        yield from self._answer(exchange, tuple(earlier), session)

    def _answer(self, exchange: Exchange, earlier: Conversation, session: str) -> Iterator[Shown]:
        """Show the answer to the question of a new exchange, ``earlier`` being those before it."""
        running = self._running.begin(
            session,
            exchange.question,
            turns(earlier),
            searched_for=exchange.searched_for or None,
        )
        if running is None:
            yield NOTHING_NEW
            return
        asked = add(earlier, exchange)
        back: Any = gr.skip()
        with running:
            past = conversation_html(asked[:-1])
            yield past, latest_html(asked), self._articles(asked), "", gr.skip()
            try:
                for answer in running.updates():
                    known = exchange
                    exchange = replace(exchange, waiting_for=self._answerer.step)
                    if answer is not None:
                        exchange = replace(exchange, answer=answer)
                    if exchange == known:
                        yield NOTHING_NEW
                    elif exchange.unfinished:
                        yield gr.skip(), latest_html((exchange,)), *NOTHING_NEW[2:]
                exchange = replace(exchange, stopped=exchange.unfinished)
            except QAError as error:
                exchange = replace(exchange, answer=None, notice=str(error))
                back = exchange.question
            # The answer and its marks in one update, so that nobody sees one without the other.
            asked = (*asked[:-1], exchange)
            yield gr.skip(), latest_html(asked), self._articles(asked), back, asked
        if exchange.said is not None:
            self._answerer.read_on(turns(asked))

    def _articles(self, conversation: Conversation) -> str:
        return articles_html(self._answerer.articles, conversation)


def session_of(request: gr.Request) -> str:
    """Return the name of the browser session that a request is of."""
    return request.session_hash or ""
