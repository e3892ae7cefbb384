"""An optional judge: a chat model that says whether an answer says the same as the gold answer.

In: outcomes that are scored. Out: the same outcomes with what the judge says beside their scores,
which it never changes. It is for answers that are right in other words; it can be wrong, so its
model, the weights of a local one, and the version of its prompt stand in the report, and what
cannot be read is counted.

A model as judge: Zheng et al., "Judging LLM-as-a-judge with MT-bench and chatbot arena", 2023.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from qa.errors import QAError
from qa.evaluation.keeping import fingerprint
from qa.evaluation.kept_lines import KeptLines
from qa.evaluation.provenance import weights_of
from qa.evaluation.records import Example, Outcome
from qa.evaluation.replies import first_line
from qa.prompts import harmless

logger = logging.getLogger(__name__)

Verdict = Literal["right", "wrong"]

JUDGE_PROMPT = "judge/1"
"""The version of the words below: raised when they change, as verdicts may then be others."""

INSTRUCTIONS = (
    "You grade answers. Compare the answer with the correct answer to the question. It is right if "
    "it says the same, in whatever words, and wrong if it says something else or leaves out what "
    "was asked. Reply with one word: right or wrong."
)
_EXAMPLE = ("How long is the pier?", "90 metres", "The pier has a length of 90 m.")

VERDICTS_FILE = "verdicts.jsonl"

_VERDICT_TOKENS = 8
_VERDICT = re.compile(r"\W*(?:(?:the|this) answer is\s+)?\W*(right|wrong)\W*", re.IGNORECASE)


class Judge:
    """Judges answers with one chat model, which is opened where a verdict is not kept."""

    def __init__(self, opening: Callable[[], BaseChatModel], *, name: str) -> None:
        """:param opening: gives the chat model; it is called once, or never.
        :param name: of the chat model, as in ``Settings.chat_model``.
        """
        self._opening = opening
        self._name = name

    @cached_property
    def about(self) -> Mapping[str, str]:
        """What verdicts depend on, by name: for the report, and for what they are kept under."""
        return {
            "judge": self._name,
            "judge prompt": JUDGE_PROMPT,
            **weights_of("judge", self._name),
        }

    @cached_property
    def _chat_model(self) -> BaseChatModel:
        return self._opening()

    def verdict(self, example: Example, text: str) -> Verdict | None:
        """Return what the judge says of an answer to an answerable question, or None.

        None is a reply that is not one of the two words, and a judge that fails; both are logged.

        :raises QAError: if the chat model cannot be opened.
        """
        chat_model = self._chat_model
        try:
            said = first_line(chat_model, judging(example, text), tokens=_VERDICT_TOKENS)
        except QAError as error:
            logger.warning("no verdict on %r: %s", example.id, error)
            return None
        found = verdict_in(said)
        if found is None:
            logger.warning("no verdict on %r in %r", example.id, said)
        return found


class Verdicts:
    """Readable verdicts kept on disk as they come: a judge is asked for each once."""

    def __init__(self, lines: KeptLines) -> None:
        self._lines = lines
        self._kept: dict[str, Verdict] = lines.read(_parsed)

    @classmethod
    def open(cls, folder: Path, about: Mapping[str, str]) -> Verdicts:
        """Return what is kept of the judge with this ``about``, in the folder of kept answers.

        :raises StorageError: if what is kept cannot be read.
        """
        return cls(KeptLines(folder / fingerprint(about) / VERDICTS_FILE))

    def get(self, example: Example, text: str) -> Verdict | None:
        """Return the verdict that is kept on an answer, or None."""
        return self._kept.get(_key(example, text))

    def keep(self, example: Example, text: str, verdict: Verdict) -> None:
        """Keep a verdict.

        :raises StorageError: if it cannot be written.
        """
        key = _key(example, text)
        self._lines.add(key, {"verdict": verdict})
        self._kept[key] = verdict

    def forget(self, found: Iterable[Outcome]) -> None:
        """Hold the verdicts on these outcomes for nothing, now and another time; others stay.

        :raises StorageError: if it cannot be written.
        """
        for outcome in found:
            key = _key(outcome.example, outcome.answer.text if outcome.answer else "")
            if self._kept.pop(key, None):
                self._lines.forget(key)


def judged(
    found: Iterable[Outcome], judge: Judge, *, verdicts: Verdicts | None = None
) -> Generator[Outcome, None, None]:
    """Yield outcomes in order with the scores of the judge added.

    ``judged_right`` is for answerable questions; one that was declined or failed is not right, and
    nobody is asked about it. Of an answer without a readable verdict there is no such score, and
    ``judge_unreadable`` is 1; it is 0 for one with a verdict, and not there where none was asked.

    A verdict that ``verdicts`` has is taken from them, and a new one is kept before it is yielded.
    """
    for outcome in found:
        yield replace(outcome, scores={**outcome.scores, **_scores(outcome, judge, verdicts)})


def judging(example: Example, text: str) -> list[BaseMessage]:
    """Return the messages that ask for a verdict."""
    golds = "; and ".join(" or ".join(group) for group in example.answers)
    return [
        SystemMessage(INSTRUCTIONS),
        HumanMessage(_asked(*_EXAMPLE)),
        AIMessage("right"),
        HumanMessage(_asked(example.question, golds, text)),
    ]


def verdict_in(reply: str) -> Verdict | None:
    """Return the verdict of a reply that is nothing but one: "not right" is none, nor are both."""
    match = _VERDICT.fullmatch(reply)
    if match is None:
        return None
    return "right" if match[1].lower() == "right" else "wrong"


def _scores(outcome: Outcome, judge: Judge, verdicts: Verdicts | None) -> dict[str, float]:
    example, answer = outcome.example, outcome.answer
    if not example.answerable:
        return {}
    if answer is None or answer.status != "answered":
        return {"judged_right": 0.0}
    verdict = verdicts.get(example, answer.text) if verdicts else None
    if verdict is None:
        verdict = judge.verdict(example, answer.text)
        if verdict is None:
            return {"judge_unreadable": 1.0}
        if verdicts:
            verdicts.keep(example, answer.text, verdict)
    return {"judged_right": float(verdict == "right"), "judge_unreadable": 0.0}


def _key(example: Example, text: str) -> str:
    """Return the SHA-256 of all that a judge is told of an answer."""
    told = "\0".join(message.text for message in judging(example, text))
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()


def _parsed(line: Mapping[str, Any]) -> Verdict:
    verdict = verdict_in(line["verdict"])
    if verdict is None:
        raise ValueError(f"{line['verdict']!r} is no verdict")
    return verdict


def _asked(question: str, gold: str, answer: str) -> str:
    lines = (("Question", question), ("Correct answer", gold), ("Answer", answer))
    return "\n".join(f"{name}: {harmless(' '.join(words.split()))}" for name, words in lines)
