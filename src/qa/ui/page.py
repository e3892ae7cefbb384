"""The page: a chat beside the article, as a Gradio app.

A question is answered by a generator that shows the newest draft, then the answer with its marks.
The conversation is kept in the browser's session only. What is shown is HTML from ``qa.ui.render``
and ``qa.ui.reading``; Gradio's own rendering of text is not used for anything that was written by a
person, a model or an article.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any

import gradio as gr
from fastapi import FastAPI

from qa.errors import QAError
from qa.ui.conversation import Conversation, add, begin, turns
from qa.ui.markup import showable
from qa.ui.opening import Opening
from qa.ui.reading import articles_html
from qa.ui.render import conversation_html, latest_html
from qa.ui.running import RunningAnswers

EXAMPLES = (
    "What is this article about?",
    "Who are the main people mentioned?",
    "What numbers does the article give?",
)
# More than any setting lets a question have, so what is cut off here is refused in any case.
MOST_CHARACTERS = 20_001
TITLE = "Article QA"
HEADER = f"<h1>{TITLE}</h1><p>Answers you can trace to the words that support them.</p>"

# A generator that yields nothing would empty what it could have changed, hence ``NOTHING_NEW``.
# The values of: past exchanges, the latest one, the article, the question box, the conversation.
Shown = tuple[Any, Any, Any, Any, Any]
NOTHING_NEW: Shown = (gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip())


class Page:
    """What the page does: each method is one event of it, handed the session's conversation."""

    def __init__(self, answerer: Opening, running: RunningAnswers) -> None:
        self._answerer = answerer
        self._running = running

    def ask(
        self, question: str | None, conversation: Conversation, request: gr.Request
    ) -> Iterator[Shown]:
        """Show the answer to a question as it is written; a blank question changes nothing."""
        asked = showable(question or "").strip()[:MOST_CHARACTERS]
        if asked:
            yield from self._answer(asked, conversation, _session(request))
        else:
            yield NOTHING_NEW

    def retry(self, conversation: Conversation, request: gr.Request) -> Iterator[Shown]:
        """Ask the last question again, in place of its answer."""
        if conversation:
            question = conversation[-1].question
            yield from self._answer(question, conversation[:-1], _session(request))
        else:
            yield NOTHING_NEW

    def stop(self, request: gr.Request) -> None:
        """End the session's answer where it is."""
        self._running.stop(_session(request))

    def clear(self, request: gr.Request) -> Shown:
        """End the session's answer and forget the conversation."""
        self._running.stop(_session(request))
        return "", latest_html(()), self._articles(()), "", ()

    def _answer(self, question: str, earlier: Conversation, session: str) -> Iterator[Shown]:
        running = self._running.begin(session, question, turns(earlier))
        if running is None:
            yield NOTHING_NEW
            return
        exchange = begin(earlier, question)
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
                back = question
            # The answer and its marks in one update, so that nobody sees one without the other.
            asked = (*asked[:-1], exchange)
            yield gr.skip(), latest_html(asked), self._articles(asked), back, asked

    def _articles(self, conversation: Conversation) -> str:
        return articles_html(self._answerer.articles, conversation)


def build_page(
    answerer: Opening, running: RunningAnswers, *, examples: Sequence[str] = EXAMPLES
) -> gr.Blocks:
    """Return the page for an assistant's articles; each answer takes one of the queue's workers."""
    page = Page(answerer, running)
    blocks: gr.Blocks = gr.Blocks(
        title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)
    )
    with blocks:
        conversation = gr.State(())
        bare: dict[str, Any] = {"apply_default_css": False, "js_on_load": None}
        gr.HTML(HEADER, elem_id="banner", **bare)
        with gr.Row(elem_id="desk"):
            with gr.Column(elem_id="chat"):
                with gr.Column(elem_id="conversation"):
                    past = gr.HTML("", elem_id="past", **bare)
                    latest = gr.HTML(latest_html(()), elem_id="latest", **bare)
                with gr.Row(elem_id="examples"):
                    buttons = [gr.Button(text, size="sm") for text in examples]
                with gr.Row(elem_id="composer"):
                    question = gr.Textbox(
                        label="Question",
                        lines=1,
                        max_lines=6,
                        autofocus=True,
                        placeholder="Type a question",
                        elem_id="question",
                        scale=1,
                    )
                    ask = gr.Button("Ask", variant="primary", elem_id="ask", scale=0)
                    stop = gr.Button("Stop", variant="stop", elem_id="stop", scale=0)
                with gr.Row(elem_id="tools"):
                    retry = gr.Button("Retry", size="sm", elem_id="retry")
                    clear = gr.Button("Clear", size="sm", elem_id="clear")
            with gr.Column(elem_id="reader"):
                article = gr.HTML(
                    articles_html(answerer.articles, ()),
                    elem_id="reading",
                    apply_default_css=False,
                    js_on_load=_asset("page.js"),
                )
        shown = [past, latest, article, question, conversation]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        answering = {**quiet, "trigger_mode": "multiple", "concurrency_id": "answer"}
        gr.on(
            [ask.click, question.submit],
            page.ask,
            inputs=[question, conversation],
            outputs=shown,
            **answering,
        )
        retry.click(page.retry, inputs=[conversation], outputs=shown, **answering)
        stop.click(page.stop, queue=False, **quiet)
        clear.click(page.clear, outputs=shown, queue=False, **quiet)
        for button in buttons:
            button.click(page.ask, inputs=[button, conversation], outputs=shown, **answering)
    return blocks


def theme() -> gr.themes.Base:
    """Return a plain theme with the fonts of the reader's own system; nothing is fetched."""
    fonts = ["ui-sans-serif", "system-ui", "sans-serif"]
    return gr.themes.Base(font=fonts, font_mono=["ui-monospace", "monospace"])


def _asset(name: str) -> str:
    return (resources.files("qa.ui") / name).read_text(encoding="utf-8")


def _session(request: gr.Request) -> str:
    return request.session_hash or ""


def mount(
    blocks: gr.Blocks, *, answers_at_once: int, waiting_questions: int, blocked_paths: list[str]
) -> FastAPI:
    """Return the app that serves the page, with everything off that the page does not use."""
    blocks.queue(max_size=waiting_questions, default_concurrency_limit=answers_at_once)
    blocks.max_threads = 40
    blocks.state_session_capacity = 200
    app: FastAPI = gr.mount_gradio_app(
        FastAPI(docs_url=None, redoc_url=None, openapi_url=None),
        blocks,
        "/",
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        blocked_paths=blocked_paths,
        show_error=False,
        max_file_size="1kb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        # As `css`, Gradio would rewrite the sheet and lose what its parser does not know.
        head=f"<style>{_asset('page.css')}</style>",
    )
    return app
