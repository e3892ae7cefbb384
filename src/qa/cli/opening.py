"""The chat model that the settings or an option name, opened for a command and closed after it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from langchain_core.language_models.chat_models import BaseChatModel

from qa.models.chat import LocalChatModel
from qa.models.opening import open_chat_model
from qa.settings import Settings


@contextmanager
def chat_model(
    settings: Settings, *, name: str | None = None
) -> Generator[BaseChatModel, None, None]:
    """Hold the chat model of a name open; without one, that of the settings, at their address.

    It keeps nothing of what it reads: prompts of these commands come once.

    :raises QAError: if there is no such model, or what it needs is not there.
    """
    model = open_chat_model(
        name or settings.chat_model,
        url=None if name else settings.chat_model_url,
        models_folder=settings.models_folder,
        llama_server=settings.llama_server,
        threads=settings.threads,
        context_tokens=settings.context_tokens,
        states_folder=None,
        deadline_seconds=settings.deadline_seconds,
    )
    try:
        yield model
    finally:
        if isinstance(model, LocalChatModel):
            model.close()
