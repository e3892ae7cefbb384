"""What the Evaluate tab does: each method is one event of it.

A test set is named by its place among those that were found at the start, so a browser can name no
file. What came out lives in the browser's session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from qa.errors import QAError
from qa.ui.cases import conversation_of
from qa.ui.chatting import Chat, session_of
from qa.ui.conversation import Conversation
from qa.ui.downloads import Downloads, Measured
from qa.ui.measured import (
    ANOTHER_RUNS,
    invitation_html,
    notice_html,
    progress_html,
    report_html,
)
from qa.ui.measuring import RunningEvaluations

# The values of: what is shown of the evaluation, and what came out.
Shown = tuple[Any, Any]
NOTHING_NEW: Shown = (gr.skip(), gr.skip())
NO_CASE = tuple(gr.skip() for _ in range(6))


class Evaluate:
    """The events of the Evaluate tab."""

    def __init__(self, evaluations: RunningEvaluations, chat: Chat, downloads: Downloads) -> None:
        self._evaluations = evaluations
        self._chat = chat
        self._downloads = downloads

    def choose(self, place: int | None, request: gr.Request) -> Shown:
        """Show what the chosen test set holds, unless one is being run."""
        if place is None or self._evaluations.runs(session_of(request)):
            return NOTHING_NEW
        return invitation_html(self._evaluations.bench.sets[place]), None

    def run(self, place: int | None, request: gr.Request) -> Iterator[Shown]:
        """Run a test set, showing how far it is, then its report."""
        if place is None:
            yield NOTHING_NEW
            return
        asked = self._evaluations.bench.sets[place]
        running = self._evaluations.begin(session_of(request), asked)
        if running is None:
            yield notice_html(ANOTHER_RUNS), None
            return
        with running:
            try:
                for progress in running.updates():
                    if progress is None:
                        yield NOTHING_NEW
                    elif progress.ended:
                        measured = Measured(asked.name, progress)
                        self._downloads.offer(measured)
                        yield report_html(progress, folder=measured.folder), measured
                    else:
                        yield progress_html(progress), gr.skip()
            except QAError as error:
                yield notice_html(str(error)), None

    def stop(self, request: gr.Request) -> None:
        """End the session's evaluation where it is."""
        self._evaluations.stop(session_of(request))

    def open_case(
        self,
        measured: Measured | None,
        conversation: Conversation,
        aside: Conversation,
        pressed: gr.EventData,
        request: gr.Request,
    ) -> tuple[Any, ...]:
        """Show a case in the chat: the one whose place in the report the press names."""
        given = pressed._data
        number = given.get("case") if isinstance(given, dict) else None
        found = measured.progress.found if measured else ()
        if measured is None or type(number) is not int or not 0 <= number < len(found):
            return NO_CASE
        case = conversation_of(found[number], name=measured.name, number=number)
        return self._chat.show_case(case, conversation, aside, request)
