"""A question of a conversation to the question that is searched for.

In: a question and the earlier turns. Out: the words to search with. A question that points back
("And what did it cost?") or says too little to be looked for ("By how much?") is searched for
together with the question before it; nothing is invented, so every word is the person's own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from qa.citations import content_words
from qa.errors import QuestionError
from qa.records import Turn

_POINTING_BACK = re.compile(
    r"\b(?:he|she|it|they|them|him|his|her|hers|its|their|theirs|this|that|these|those|then|"
    r"ones?(?!-)|former|latter|else|same|(?<!each )others?)\b"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )\bthere\b(?! (?:is|are|was|were|be)\b)"
    r"|^\s*(?:and|but|or|so|what about|how about)\b|^\W*\w+\W*$",
    re.IGNORECASE,
)
_HAS_A_VERB = re.compile(
    r"\b(?:am|is|are|was|were|do|does|did|has|have|had|can|will)\b|['’]s\b", re.IGNORECASE
)
_ALLOWED_CONTROLS = "\t\n\r"


def clean_question(question: str, *, most_characters: int) -> str:
    """Return a question as it is asked: normalised (NFC), on one line.

    :raises QuestionError: if it is blank, too long, or holds what is not text.
    """
    if len(question) > most_characters:
        raise QuestionError(
            f"The question has {len(question):,} characters, and {most_characters:,} are allowed.",
            remedy="Ask it more shortly.",
        )
    for character in question:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in _ALLOWED_CONTROLS:
            raise QuestionError(
                f"The question holds {character!r}, which is not text.", remedy="Leave that out."
            )
    words = " ".join(unicodedata.normalize("NFC", question).split())
    if not any(character.isalnum() for character in words):
        raise QuestionError(
            f"The question {words!r} has no words." if words else "The question is empty.",
            remedy="Type what you would like to know.",
        )
    return words


def standalone(question: str, history: Sequence[Turn]) -> str:
    """Return the question to search for: with the one before it where it needs that."""
    if history and (_POINTING_BACK.search(question) or _says_little(question)):
        return f"{history[-1].question} {question}"
    return question


def _says_little(question: str) -> bool:
    """Return whether a question has no word that means something, or but one and no verb to it."""
    words = content_words(question)
    return not words or (len(words) == 1 and not _HAS_A_VERB.search(question))
