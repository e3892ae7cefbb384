"""A chat model that says what it was told to, and fails when it is asked once too often."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from qa.errors import EngineError
from qa.models.chat import Adapter, Weighed
from qa.records import Usage


class ScriptedChatModel(BaseChatModel):
    """Streams each reply word by word; ``asked`` keeps the messages of every call."""

    replies: list[str]
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    closed_after: list[int] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.asked.append(messages)
        return ChatResult(
            generations=[ChatGeneration(message=AIMessage(content=self.replies.pop(0)))]
        )

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Generator[ChatGenerationChunk]:
        self.asked.append(messages)
        said = 0
        try:
            for word in self.replies.pop(0).split(" "):
                said += 1
                yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
        finally:
            self.closed_after.append(said)


class SlowChatModel(ScriptedChatModel):
    """Takes a moment for each word."""

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        with closing(super()._stream(*args, **kwargs)) as chunks:
            for chunk in chunks:
                time.sleep(0.05)
                yield chunk


class CountingChatModel(ScriptedChatModel):
    """Counts tokens as hosted models do, what is given first and what is written as it comes.

    A word is a token, and all messages but the last are served from its cache.
    """

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        *before, last = (len(message.text.split()) for message in messages)
        given = sum(before) + last
        counts = UsageMetadata(
            input_tokens=given,
            output_tokens=0,
            total_tokens=given,
            input_token_details=InputTokenDetails(cache_read=sum(before)),
        )
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=counts))
        for chunk in super()._stream(messages, *args, **kwargs):
            one = UsageMetadata(input_tokens=0, output_tokens=1, total_tokens=1)
            message = AIMessageChunk(content=chunk.text, usage_metadata=one)
            yield ChatGenerationChunk(message=message)


class BrokenChatModel(ScriptedChatModel):
    """Fails as a hosted model's package does: with an error of its own."""

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        raise ConnectionResetError("the line\nwent dead")
        yield  # a generator, as the method it stands for


class WeighingChatModel(ScriptedChatModel):
    """Also tells how sure it is of Yes: ``sure_right`` that an answer is, ``sure`` of the rest.

    A list has one for each time it is asked.
    """

    sure: float = 0.5
    sure_right: float | list[float] = 0.5
    weighed: list[list[BaseMessage]] = Field(default_factory=list)
    checked: list[list[BaseMessage]] = Field(default_factory=list)

    def weigh(
        self,
        messages: Sequence[BaseMessage],
        choices: Sequence[str],
        *,
        adapter: Adapter | None = None,
        deadline_seconds: float | None = None,
    ) -> Weighed:
        check = adapter is Adapter.CHECKS
        (self.checked if check else self.weighed).append(list(messages))
        yes, no = choices
        sure = self.sure_right if check else self.sure
        probability = sure.pop(0) if isinstance(sure, list) else sure
        return Weighed(
            probabilities={yes: probability, no: 1.0 - probability},
            usage=Usage(read=1, cached=0, written=1),
        )


class LateWeighing(WeighingChatModel):
    """Weighs ``in_time`` times, and is then stopped when its time is over.

    ``seconds`` are how long each might have taken.
    """

    in_time: int
    seconds: list[float] = Field(default_factory=list)

    def weigh(self, *args: Any, deadline_seconds: float | None = None, **more: Any) -> Weighed:
        assert deadline_seconds is not None
        self.seconds.append(deadline_seconds)
        weighed = super().weigh(*args, **more)
        if len(self.seconds) > self.in_time:
            time.sleep(deadline_seconds)
            raise EngineError("The answer took longer than it may and was stopped.")
        return weighed
