"""The words that the language model is given, as LangChain messages.

In: sections of the article, a question, earlier turns. Out: messages whose beginning does not
depend on the question, so that an engine that keeps what it has read reads only the question anew.
The article is fenced data, and nothing in it, or in a question, can end a message: the marks that
chat templates use for that are broken up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from qa.records import Turn

DECLINED = "The article does not say."
"""What the model is told to answer, word for word, when the article does not state the answer."""

INSTRUCTIONS = (
    "You answer questions about one article. Read the question carefully: it is about exactly the "
    "person, thing or time that it names. Answer it in at most two short sentences with the "
    f"article's own words. Only if the article says nothing about it, reply exactly: {DECLINED}"
)

YES, NO = "Yes", "No"

CONFIRM = (
    f"Does the article state that this is the answer to exactly this question? Reply {YES} or {NO}."
)

_SAID = "The article says:"

AGAIN = "Answer from this in a few words."

SUMMARISE = "Summarise the article in {length}. Use its own words, names and numbers."

SUMMARISE_PART = (
    "This is one part of the article. Say in one short sentence what it says, in its own words."
)

LIST = (
    "List every one of the {kind} {how} in the article. Write each once, one on a line, in the "
    "article's words, and nothing else."
)
"""Told that it may write None, a small model does so for much that is there."""

OF_THE_KIND = f"Is “{{name}}” one of the {{kind}} in the article? Answer {YES} or {NO}."

_FENCES = ("<<<", ">>>")
_MARKS = re.compile(r"<(?=[|/])|(?<=\|)>|<(?=\w+>)|<<<|>>>|\[(?=/?INST\])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of an article as the model reads it: the heading it stands under, and its text."""

    heading: str
    text: str


def harmless(text: str) -> str:
    """Return a text in which no mark of a chat template, and no fence, is left whole."""
    return _MARKS.sub(lambda mark: f" {' '.join(mark.group())} ", text)


def reading(sections: Sequence[Section]) -> list[BaseMessage]:
    """Return the message that hands over an article, the same for every question.

    :param sections: in the order of the article.
    """
    opened, closed = _FENCES
    body = "\n\n".join(
        f"Title: {harmless(section.heading)}\n\n{harmless(section.text)}" for section in sections
    )
    return [SystemMessage(f"{INSTRUCTIONS}\n\nArticle:\n{opened}\n{body}\n{closed}")]


def asking(
    read: Sequence[BaseMessage], question: str, history: Sequence[Turn]
) -> list[BaseMessage]:
    """Return the messages of ``reading`` followed by the earlier turns and the question."""
    messages = list(read)
    for turn in history:
        messages += [HumanMessage(harmless(turn.question)), AIMessage(harmless(turn.answer))]
    return [*messages, HumanMessage(harmless(question))]


def asking_again(asked: Sequence[BaseMessage], passage: str) -> list[BaseMessage]:
    """Return the messages of ``asking`` with the passage that fits best behind the question."""
    *before, question = asked
    said = f"{_SAID} {harmless(passage)}\n{AGAIN}"
    return [*before, HumanMessage(f"{question.text}\n\n{said}")]


def confirming(
    before: Sequence[BaseMessage], evidence: str, question: str, answer: str
) -> list[BaseMessage]:
    """Return messages that ask whether the article states an answer to a question.

    What was read and said before stands in front, so that an engine need not read it again. The
    adapter for checks was fitted on exactly this form.

    :param before: the messages of ``asking`` but for the last, the question.
    :param evidence: the words of the article that come closest to carrying the answer.
    """
    said = (
        f"{_SAID} {_on_a_line(evidence)}\n\n"
        f"Question: {_on_a_line(question)}\nAnswer: {_on_a_line(answer)}\n\n{CONFIRM}"
    )
    return [*before, HumanMessage(said)]


def _on_a_line(text: str) -> str:
    """Return a text that cannot end its line, so that it cannot stand for another one."""
    return " ".join(harmless(text).split())


def summarising(read: Sequence[BaseMessage], sentences: int | None) -> list[BaseMessage]:
    """Return the messages of ``reading``, asking for so many sentences on all of it, or a few."""
    many = {None: "two or three short sentences", 1: "one short sentence"}
    length = many.get(sentences, f"{sentences} short sentences")
    return asking(read, SUMMARISE.format(length=length), ())


def summarising_part(read: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return the messages of ``reading``, asking for one sentence on the part that they hold."""
    return asking(read, SUMMARISE_PART, ())


def listing(read: Sequence[BaseMessage], kind: str, how: str) -> list[BaseMessage]:
    """Return the messages of ``reading``, asking for all of a kind, say "people", "named"."""
    return asking(read, LIST.format(kind=kind, how=how), ())


def belonging(read: Sequence[BaseMessage], kind: str, name: str) -> list[BaseMessage]:
    """Return the messages of ``reading``, asking whether what was listed is of the kind."""
    return asking(read, OF_THE_KIND.format(kind=kind, name=name), ())
