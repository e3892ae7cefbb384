"""One line out of any chat model: what drafting, checking and judging ask for.

In: a chat model and messages. Out: the first line of its reply. Stopping at the end of the line
saves the seconds of all that a small model would add below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage

from qa.generation import Writer

DEADLINE_SECONDS = 120.0
"""More than an answer may take: nobody waits for one line of many."""


def first_line(chat_model: BaseChatModel, messages: Sequence[BaseMessage], *, tokens: int) -> str:
    """Return the first line of the reply that has words, stripped; "" if the model says nothing.

    :param tokens: that the reply may have at most.
    :raises EngineError: if the model fails, or takes longer than its deadline.
    """
    writer = Writer(chat_model, answer_tokens=tokens, deadline_seconds=DEADLINE_SECONDS)
    text = ""
    with closing(writer.stream(messages)) as drafts:
        for draft in drafts:
            text = draft.text
            if "\n" in text:
                break
    return text.partition("\n")[0].strip()
