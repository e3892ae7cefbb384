"""Questions that ask for Yes or No, and answers to them.

In: a question; or what the model wrote, and which of the two the article says. Out: whether it asks
for one of them; or the answer, which begins with the right one. A small model says Yes out of
habit, also where the words that it read say No.
"""

from __future__ import annotations

import re

_OF_BE_AND_DO = "is|are|was|were|do|does|did|has|have|had|could|would|should|might|must"
_VERB = rf"(?:(?:{_OF_BE_AND_DO}|ca|wo|sha)(?:n['’]?t)?|am|can|will|shall|may(?!\s\d))"
_INNER_POINT = r"[.](?=\S)|(?<=\b(?:mr|ms|dr|st))[.]|(?<=\bmrs)[.]|(?<=\b\w)[.]"
_ASKS = re.compile(
    rf"(?P<before>^|.*[,;:]\s|.*[.?!]['\"”]?\s)\W*(?:(?:so|and|but|then|or|also|well)\b,?\s)?"
    rf"{_VERB}\s(?P<asked>(?:[^.?!]|{_INNER_POINT})+)[.?!]?\W*",
    re.IGNORECASE | re.DOTALL,
)
"""A last sentence that begins with such a verb, or goes on with one behind a comma."""

_WHAT = r"(?:who|whom|whose|what|when|where|which|why|how)"
_ASKS_WHAT = re.compile(
    rf"\b{_WHAT}\b[^.?!]*$|^\W*(?:name|list|tell|explain|describe|give|show)\b", re.IGNORECASE
)
"""What stands before the verb, and makes the sentence ask for more than Yes or No."""

_ASKS_MORE = re.compile(
    rf"\b(?:and|but|tell|know|explain|say|ask|remember|show|describe)(?:\s(?:me|us|about))*"
    rf"\s{_WHAT}\b"
    r"|\bor\b(?!\s+not\b)",
    re.IGNORECASE,
)
_SAID = re.compile(r"\W*(?P<said>yes|no)\b(?!\.\s?\d)", re.IGNORECASE)
_INNER_QUOTES = str.maketrans("“”", "‘’")


def asks_yes_or_no(question: str) -> bool:
    """Return whether a question ends in one that asks for Yes or No, and for no more."""
    found = _ASKS.fullmatch(question)
    return bool(
        found and not _ASKS_WHAT.search(found["before"]) and not _ASKS_MORE.search(found["asked"])
    )


def settled(text: str, *, yes: bool, evidence: str) -> str:
    """Return an answer that begins with Yes or No, as the article says.

    :param text: what the model wrote. What begins with the other one is wrong as a whole, so the
        evidence stands in its place.
    """
    word = "Yes" if yes else "No"
    said = _SAID.match(text)
    if said is None:
        return f"{word}. {text}"
    if (said["said"].lower() == "yes") is yes:
        return text
    return f"{word}: “{' '.join(evidence.translate(_INNER_QUOTES).split())}”"
