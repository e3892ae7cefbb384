"""The chat model that the settings or an option name, opened for a command and closed after it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from langchain_core.language_models.chat_models import BaseChatModel

from qa.assistant import chat_model_of
from qa.models.chat import LocalChatModel
from qa.settings import Settings


@contextmanager
def chat_model(
    settings: Settings, *, name: str | None = None
) -> Generator[BaseChatModel, None, None]:
    """Hold the chat model of a name open; without one, that of the settings, at their address.

    It keeps nothing of what it reads: prompts of these commands come once.

    :raises QAError: if there is no such model, or what it needs is not there.
    """
    model = chat_model_of(settings, name=name)
    try:
        yield model
    finally:
        if isinstance(model, LocalChatModel):
            model.close()
