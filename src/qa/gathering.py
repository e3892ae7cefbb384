"""A question about the whole article to its answer, by reading the article through.

In: what is asked for, a ``Summary`` or a ``Listing``, and the parts of the articles. Out:
``Gathered`` records, the last with a ``Verdict``. A long article is read part by part as far as
the time goes, and the answer says how far that was.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Protocol

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage

from qa.errors import EngineError
from qa.generation import Draft, Writer
from qa.names import goes_round
from qa.overview import Listing, Summary
from qa.sections import Part
from qa.tallies import Gathered, ListTally, SummaryTally
from qa.verification import Verifier


class _Tally(Protocol):
    """What was found so far for one question."""

    tokens: int

    def messages(self, part: Part) -> list[BaseMessage]:
        """Return what the model is asked of a part."""

    def so_far(self, said: str, part: Part) -> str:
        """Return what may be shown while the model writes on a part."""

    def take(self, said: str, part: Part, *, end: float) -> None:
        """Keep what holds of what the model wrote on a part; from ``end`` on it is not asked."""

    def answer(self, read: int) -> Gathered:
        """Return the answer after so many parts."""


class Gatherer:
    """Answers questions about whole articles; safe to share between threads."""

    def __init__(
        self,
        chat_model: BaseChatModel,
        verifier: Verifier,
        parts: Sequence[Part],
        *,
        answer_tokens: int,
        deadline_seconds: float,
    ) -> None:
        """:param parts: all of the articles, in order."""
        self._chat_model = chat_model
        self._verifier = verifier
        self._parts = parts
        self._answer_tokens = answer_tokens
        self._deadline_seconds = deadline_seconds

    def stream(self, asked: Summary | Listing, question: str) -> Generator[Gathered]:
        """Yield the answer as it grows, then once more with its verdict.

        :raises EngineError: if the model fails, or the first part takes longer than the deadline.
        """
        tally = self._tally(asked, question)
        started = time.monotonic()
        end = started + self._deadline_seconds
        read = 0
        for part in self._parts:
            now = time.monotonic()
            if read and end - now < (now - started) / read:  # most likely it would not be done
                break
            written = Draft(text="")
            writer = Writer(
                self._chat_model, answer_tokens=tally.tokens, deadline_seconds=end - now
            )
            try:
                with closing(writer.stream(tally.messages(part))) as drafts:
                    for written in drafts:
                        so_far = tally.so_far(written.text, part)
                        yield Gathered(draft=Draft(text=so_far, usage=written.usage))
                        if goes_round(written.text):
                            break
            except EngineError:
                if not read or time.monotonic() < end:
                    raise
                break
            tally.take(written.text, part, end=end)
            read += 1
        yield tally.answer(read)

    def _tally(self, asked: Summary | Listing, question: str) -> _Tally:
        if isinstance(asked, Summary):
            return SummaryTally(
                asked, question, self._verifier, len(self._parts), tokens=self._answer_tokens
            )
        return ListTally(asked, self._verifier, len(self._parts), model=self._chat_model)
