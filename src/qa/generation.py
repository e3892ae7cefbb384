"""Messages to the growing text of an answer, from any LangChain chat model.

In: messages. Out: ``Draft`` records, each with all of the text so far. Closing the iterator stops
the model.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, Queue
from typing import cast

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from qa.errors import EngineError, QAError
from qa.models.chat import Adapter, LocalChatModel, usage_of
from qa.records import Usage

_CHARACTERS_A_TOKEN = 8  # more than any tokenizer's mean; bounds a model that takes no token limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The text of an answer so far.

    ``usage`` is what the whole answer took, and so stands in the last draft alone.
    """

    text: str
    usage: Usage | None = None


_STOPPING_SECONDS = (
    1.0  # given to a model that is stopped; one that is silent goes on in its thread
)


class Writer:
    """Lets a chat model write, within bounds of length and time."""

    def __init__(
        self,
        chat_model: BaseChatModel,
        *,
        answer_tokens: int,
        deadline_seconds: float,
        adapter: Adapter | None = None,
    ) -> None:
        """:param adapter: which a local model writes with, if it has it."""
        self._chat_model = chat_model
        self._adapter = adapter
        self._answer_tokens = answer_tokens
        self._deadline_seconds = deadline_seconds

    def stream(self, messages: Sequence[BaseMessage]) -> Generator[Draft]:
        """Yield the answer as it grows, empty while the model still reads.

        A model that counts its tokens gives one more draft, the whole text with the counts.

        :raises QAError: if the model fails or takes longer than the deadline.
        """
        end = time.monotonic() + self._deadline_seconds
        text = ""
        usage: Usage | None = None
        chunks = self._chunks(messages, end)
        try:
            for chunk in chunks:
                usage = Usage.total(usage, usage_of(chunk.usage_metadata))
                text += chunk.text
                if chunk.text or not text:
                    yield Draft(text=text.strip())
                if len(text) > self._answer_tokens * _CHARACTERS_A_TOKEN:
                    break
                if time.monotonic() > end:
                    raise _LateError
        except QAError:
            raise
        except _LateError as error:
            raise EngineError(
                f"The answer was not done after {self._deadline_seconds:.0f} seconds.",
                remedy="Ask again, or set QA_DEADLINE_SECONDS higher.",
            ) from error
        except Exception as error:  # a hosted model's package has errors of its own, with no root
            reason = " ".join(str(error).split()) or type(error).__name__
            raise EngineError(
                f"The chat model failed: {reason}", remedy="Ask again, or see QA_CHAT_MODEL."
            ) from error
        finally:
            chunks.close()
        if usage:
            yield Draft(text=text.strip(), usage=usage)

    def _chunks(self, messages: Sequence[BaseMessage], end: float) -> Generator[AIMessageChunk]:
        """Yield what the model streams; closing stops it."""
        if isinstance(self._chat_model, LocalChatModel):
            local = self._chat_model.stream(
                list(messages),
                max_tokens=self._answer_tokens,
                adapter=self._adapter,
                deadline_seconds=self._deadline_seconds,
            )
            with closing(cast("Generator[AIMessageChunk]", local)) as chunks:
                yield from chunks
        else:
            yield from _until(end, self._chat_model.stream(list(messages)))


class _LateError(Exception):
    """The time for an answer has passed."""


def _until(end: float, chunks: Iterator[AIMessageChunk]) -> Generator[AIMessageChunk]:
    """Yield the chunks, each read in a thread when it is asked for: a model may fall silent.

    :raises _LateError: if none has come by the time of ``end``.
    """
    found: Queue[AIMessageChunk | BaseException | None] = Queue()
    wanted = threading.Semaphore()
    given_up = threading.Event()

    def read() -> None:
        try:
            while wanted.acquire() and not given_up.is_set():
                found.put(next(chunks, None))
        except BaseException as error:  # the border of the thread: raised where it is waited for
            found.put(error)
        finally:
            # Only a generator has it, and only it has something to stop.
            getattr(chunks, "close", lambda: None)()

    # LangChain hands its callbacks on in the context.
    run = contextvars.copy_context().run
    reader = threading.Thread(target=run, args=(read,), name="chat model", daemon=True)
    reader.start()
    try:
        while True:
            try:
                item = found.get(timeout=max(end - time.monotonic(), 0))
            except Empty:
                raise _LateError from None
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
            wanted.release()
    finally:
        given_up.set()
        wanted.release()
        reader.join(_STOPPING_SECONDS)
