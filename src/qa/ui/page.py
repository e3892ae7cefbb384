"""The page as a Gradio app: a chat beside the article, and behind a second tab its evaluation.

What is shown is HTML from ``qa.ui.render``, ``qa.ui.reading`` and ``qa.ui.measured``; Gradio's own
rendering of text is not used for anything that was written by a person, a model or an article.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

import gradio as gr
from fastapi import FastAPI

from qa.ui.bench import Bench
from qa.ui.chatting import Chat
from qa.ui.downloads import ROUTE, Downloads
from qa.ui.evaluating import Evaluate
from qa.ui.measured import INTRODUCTION, NOTHING_FITS, invitation_html, set_label
from qa.ui.measuring import RunningEvaluations
from qa.ui.opening import Opening
from qa.ui.reading import articles_html
from qa.ui.render import latest_html
from qa.ui.running import RunningAnswers

EXAMPLES = (
    "What is this article about?",
    "Which people does the article name?",
    "Which places does the article name?",
)
TITLE = "Article QA"
HEADER = (
    f"<h1>{TITLE}</h1><p>Answers you can trace to the words that support them.</p>"
    '<div id="tabs" role="tablist" aria-label="Views">'
    '<button type="button" role="tab" id="tab-chat" aria-controls="desk" aria-selected="true">'
    "Chat</button>"
    '<button type="button" role="tab" id="tab-evaluate" aria-controls="evaluate" '
    'aria-selected="false" tabindex="-1">Evaluate</button></div>'
)
BARE: dict[str, Any] = {"apply_default_css": False, "js_on_load": None}
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def build_page(
    answerer: Opening,
    running: RunningAnswers,
    evaluations: RunningEvaluations,
    downloads: Downloads,
    *,
    examples: Sequence[str] = EXAMPLES,
) -> gr.Blocks:
    """Return the page for an assistant's articles; each answer takes one of the queue's workers."""
    chat = Chat(answerer, running)
    blocks: gr.Blocks = gr.Blocks(
        title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)
    )
    with blocks:
        gr.HTML(HEADER, elem_id="banner", apply_default_css=False, js_on_load=_asset("tabs.js"))
        with gr.Row(elem_id="desk"):
            case_shown = _chat(chat, answerer, examples)
        with gr.Column(elem_id="evaluate"):
            if evaluations.bench.sets:
                evaluate = Evaluate(evaluations, chat, downloads)
                _evaluate(evaluate, evaluations.bench, case_shown)
            else:
                gr.HTML(f'<div class="sheet">{INTRODUCTION}{NOTHING_FITS}</div>', **BARE)
    return blocks


def _chat(chat: Chat, answerer: Opening, examples: Sequence[str]) -> list[Any]:
    """Build the chat beside the article; return what showing a case there changes.

    These are the past exchanges, the latest one, the article, the question box, and the states of
    the conversation and of the one that is set aside.
    """
    conversation, aside = gr.State(()), gr.State(())
    with gr.Column(elem_id="chat"):
        with gr.Column(elem_id="conversation"):
            past = gr.HTML("", elem_id="past", **BARE)
            latest = gr.HTML(
                latest_html(()),
                elem_id="latest",
                apply_default_css=False,
                js_on_load=_asset("searching.js"),
            )
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
            resume = gr.Button("Back to my conversation", size="sm", elem_id="resume")
    with gr.Column(elem_id="reader"):
        article = gr.HTML(
            articles_html(answerer.articles, ()),
            elem_id="reading",
            apply_default_css=False,
            js_on_load=_asset("page.js"),
        )
    shown = [past, latest, article, question, conversation]
    answering = {**QUIET, "trigger_mode": "multiple", "concurrency_id": "answer"}
    gr.on(
        [ask.click, question.submit],
        chat.ask,
        inputs=[question, conversation],
        outputs=shown,
        **answering,
    )
    retry.click(chat.retry, inputs=[conversation], outputs=shown, **answering)
    latest.submit(chat.search_instead, inputs=[conversation], outputs=shown, **answering)
    stop.click(chat.stop, queue=False, **QUIET)
    clear.click(chat.clear, outputs=[*shown, aside], queue=False, **QUIET)
    resume.click(chat.resume, inputs=[aside], outputs=[*shown, aside], queue=False, **QUIET)
    for button in buttons:
        button.click(chat.ask, inputs=[button, conversation], outputs=shown, **answering)
    return [*shown, aside]


def _evaluate(evaluate: Evaluate, bench: Bench, case_shown: list[Any]) -> None:
    """Build the tab that runs a test set and lists what went wrong."""
    measured = gr.State(None)
    gr.HTML(f'<div class="sheet">{INTRODUCTION}</div>', elem_id="introduction", **BARE)
    with gr.Row(elem_id="bench"):
        chosen = gr.Dropdown(
            [(set_label(one), place) for place, one in enumerate(bench.sets)],
            value=0,
            label="Test set",
            filterable=False,
            elem_id="testset",
            scale=1,
        )
        run = gr.Button("Run", variant="primary", elem_id="run", scale=0)
        stop = gr.Button("Stop", variant="stop", elem_id="stop-run", scale=0)
    result = gr.HTML(
        invitation_html(bench.sets[0]),
        elem_id="measured",
        apply_default_css=False,
        js_on_load=_asset("evaluate.js"),
    )
    shown = [result, measured]
    chosen.change(evaluate.choose, inputs=[chosen], outputs=shown, queue=False, **QUIET)
    run.click(evaluate.run, inputs=[chosen], outputs=shown, concurrency_id="evaluation", **QUIET)
    stop.click(evaluate.stop, queue=False, **QUIET)
    conversation, aside = case_shown[-2:]
    result.select(
        evaluate.open_case,
        inputs=[measured, conversation, aside],
        outputs=case_shown,
        queue=False,
        **QUIET,
    )


def theme() -> gr.themes.Base:
    """Return a plain theme with the fonts of the reader's own system; nothing is fetched."""
    fonts = ["ui-sans-serif", "system-ui", "sans-serif"]
    return gr.themes.Base(font=fonts, font_mono=["ui-monospace", "monospace"])


def _asset(name: str) -> str:
    return (resources.files("qa.ui") / name).read_text(encoding="utf-8")


def mount(
    blocks: gr.Blocks,
    downloads: Downloads,
    *,
    answers_at_once: int,
    waiting_questions: int,
    blocked_paths: list[str],
) -> FastAPI:
    """Return the app that serves the page, with everything off that the page does not use.

    Reports are served beside Gradio, whose own route for files stays shut.
    """
    blocks.queue(max_size=waiting_questions, default_concurrency_limit=answers_at_once)
    blocks.max_threads = 40
    blocks.state_session_capacity = 200
    beside = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    beside.add_api_route(ROUTE, downloads.send)
    app: FastAPI = gr.mount_gradio_app(
        beside,
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
        head=f"<style>{_asset('page.css')}{_asset('evaluate.css')}</style>",
    )
    return app
