"""Answers questions about an article, each answer tied to the words that support it.

``Assistant.open`` is where to begin; the records are what it gives and takes. They are imported
when they are first used, so that a command starts, and can be stopped, at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qa.assistant import Assistant
    from qa.errors import QAError
    from qa.records import Answer, Article, Chunk, Citation, Hit, Turn
    from qa.settings import Settings

__all__ = [
    "Answer",
    "Article",
    "Assistant",
    "Chunk",
    "Citation",
    "Hit",
    "QAError",
    "Settings",
    "Turn",
]

_ELSEWHERE = {"Assistant": "qa.assistant", "QAError": "qa.errors", "Settings": "qa.settings"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_ELSEWHERE.get(name, "qa.records")), name)
    globals()[name] = value
    return value
