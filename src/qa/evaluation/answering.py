"""A short answer from a few words of an article, by a chat model, or none.

In: a text and a question. Out: the answer in the text's words, or "" where the model declines. It
is not how the assistant asks: a draft should not be one only because the assistant finds it easy.
"""

from __future__ import annotations

import re

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from qa.evaluation.replies import first_line
from qa.prompts import harmless

DECLINED = "The text does not say."

INSTRUCTIONS = (
    "Answer the question from the text alone, in a few words copied from the text. "
    f"If the text does not state the answer, reply exactly: {DECLINED}"
)

_ANSWER_TOKENS = 60
_DECLINING = re.compile(
    r"\b(?:does|do|did|is|are|was|were|has|have)(?: not|n[’']t)\b(?: \w+)? ?"
    r"(?:say|state|mention|specif|provid|giv|tell|contain|includ|indicat)|\bnot stated\b",
    re.IGNORECASE,
)


def answer_from(chat_model: BaseChatModel, title: str, text: str, question: str) -> str:
    """Return the model's answer, or "" if it says that the text does not say, or says nothing.

    :raises EngineError: if the model fails.
    """
    said = first_line(chat_model, answering(title, text, question), tokens=_ANSWER_TOKENS)
    return "" if _DECLINING.search(said) else said


def answering(title: str, text: str, question: str) -> list[BaseMessage]:
    """Return the messages that ask a question of a text."""
    asked = f"Title: {harmless(title)}\nText: {harmless(text)}\n\nQuestion: {harmless(question)}"
    return [SystemMessage(INSTRUCTIONS), HumanMessage(asked)]
