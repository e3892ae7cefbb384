"""Answers questions about an article, each answer tied to the words that support it.

``Assistant.open`` is where to begin; the records are what it gives and takes.
"""

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
