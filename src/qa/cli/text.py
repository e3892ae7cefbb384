"""Answers to what a terminal shows, and to JSON: pure functions.

Nothing that an article, a question or a model holds can steer the terminal: control characters are
written out.
"""

from __future__ import annotations

import json
import unicodedata

from qa.records import Answer, Citation


def plain(text: str) -> str:
    r"""Return a text with every control character but line breaks written out, as ``\x1b``."""
    return "".join(
        character
        if character == "\n" or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )


def answer_text(answer: Answer) -> str:
    """Return an answer with its numbered quotes; for an abstention, with the closest passage."""
    parts = [plain(_marked(answer))]
    if answer.searched_for != answer.question:
        parts.append(f"Searched for: {plain(answer.searched_for)}")
    parts += [f"[{citation.number}] {_quoted(citation)}" for citation in answer.citations]
    if answer.closest:
        parts.append(f"Closest passage: {_quoted(answer.closest)}")
    if answer.status == "answered":
        parts.append(f"Confidence: {answer.confidence:.0%} (an estimate)")
    return "\n\n".join(parts)


def answer_json(answer: Answer) -> str:
    """Return an answer as one JSON object on one line."""
    closest = answer.closest
    return json.dumps(
        {
            "question": answer.question,
            "searched_for": answer.searched_for,
            "status": answer.status,
            "reason": str(answer.reason),
            "text": answer.text,
            "confidence": round(answer.confidence, 4),
            "citations": [_fields(citation) for citation in answer.citations],
            "closest": _fields(closest) if closest else None,
            "timings": {
                "retrieve_ms": _rounded(answer.timings.retrieve_ms),
                "first_token_ms": _rounded(answer.timings.first_token_ms),
                "total_ms": _rounded(answer.timings.total_ms),
            },
        },
        ensure_ascii=False,
    )


def _marked(answer: Answer) -> str:
    """Return the text with each sentence's citation numbers behind it."""
    text, last = "", 0
    for sentence in answer.sentences:
        numbers = "".join(f"[{number}]" for number in sentence.citations)
        text += answer.text[last : sentence.end]
        text += f" {numbers or '[not supported by the article]'}"
        last = sentence.end
    return text + answer.text[last:]


def _quoted(citation: Citation) -> str:
    place = f"{citation.article.source}, characters {citation.start} to {citation.end}"
    return plain(f"{place}:\n    “{citation.text}”")


def _fields(citation: Citation) -> dict[str, object]:
    return {
        "number": citation.number,
        "source": citation.article.source,
        "start": citation.start,
        "end": citation.end,
        "text": citation.text,
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
