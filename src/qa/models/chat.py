"""The local language model as a LangChain chat model, and what it can do beyond one.

In: LangChain messages. Out: message chunks with token counts in ``usage_metadata`` and, if asked
for, token probabilities in ``response_metadata["logprobs"]``. What a chat model need not be able to
do is named by small protocols, so that the rest of the program can ask for it and do without.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from qa.errors import EngineError
from qa.models.engine import Engine, read_only
from qa.models.worker import SLOT
from qa.records import Usage

CHOICES_CONSIDERED = 200


class Adapter(StrEnum):
    """What a model may have learned to do better, by low-rank changes to its weights."""

    CHECKS = "checks"
    ANSWERS = "answers"


@runtime_checkable
class CountsTokens(Protocol):
    """A model that tells how many tokens a text is to it."""

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of ``text``, without any that a chat adds around it."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A model that can read the start of its prompts before the first question comes."""

    def read_ahead(self, messages: Sequence[BaseMessage]) -> Generator[float, None, bool]:
        """Hold ``messages``, the last unfinished; yield the share read, in [0, 1].

        Return True if they were read at another time.
        """
        ...

    def read_on(self, messages: Sequence[BaseMessage]) -> None:
        """Read ``messages``, the last unfinished, which begin with what is held; keep nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The probability in [0, 1] of each choice, and what it took to weigh them, if that is told."""

    probabilities: Mapping[str, float]
    usage: Usage | None = None


@runtime_checkable
class WeighsChoices(Protocol):
    """A model that tells how probable each of a few one-token answers is."""

    def weigh(
        self,
        messages: Sequence[BaseMessage],
        choices: Sequence[str],
        *,
        adapter: Adapter | None = None,
        deadline_seconds: float | None = None,
    ) -> Weighed:
        """Return how probable each choice is as the next token.

        :param adapter: what the model learned that is to be used, if it learned that.
        :param deadline_seconds: how long that may take; None for as long as any request.
        """
        ...


class LocalChatModel(BaseChatModel):
    """A chat model over an ``Engine``: always the likeliest token, so answers repeat exactly.

    Besides LangChain's ``stop`` it takes ``max_tokens``, ``grammar`` (GBNF), ``json_schema``,
    ``logprobs``, ``top_logprobs``, ``adapter`` (unless there is none, it is used) and
    ``deadline_seconds``. Closing a stream stops the model.
    ``weights`` is the SHA-256 of the model file where it is known, ``adapters`` what the engine has
    adapters for, in its order.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    model_name: str
    weights: str = ""
    adapters: tuple[Adapter, ...] = ()
    max_tokens: int = 512
    deadline_seconds: float = 60.0

    _one_token: set[str] = PrivateAttr(default_factory=set)

    @property
    def _llm_type(self) -> str:
        return "article-qa-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, "max_tokens": self.max_tokens}

    def close(self) -> None:
        """End the engine's process."""
        self.engine.close()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        deadline_seconds: float | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        body = self._body(messages, stop, **kwargs)
        events = self.engine.stream(
            "/v1/chat/completions", body, deadline_seconds=deadline_seconds or self.deadline_seconds
        )
        for event in events:
            chunk = _chunk(event)
            if run_manager and chunk.text:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _body(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        *,
        max_tokens: int | None = None,
        grammar: str | None = None,
        json_schema: dict[str, Any] | None = None,
        logprobs: bool = False,
        top_logprobs: int = 1,
        adapter: Adapter | None = None,
    ) -> dict[str, Any]:
        """Return the request; an argument that is not known is a TypeError."""
        body: dict[str, Any] = {
            "messages": [_as_json(message) for message in messages],
            "max_tokens": max_tokens or self.max_tokens,
            "temperature": 0.0,
            "top_k": 1,
            "seed": 0,
            "cache_prompt": True,
            "id_slot": SLOT,
            "stream_options": {"include_usage": True},
        }
        if stop:
            body["stop"] = stop
        if grammar is not None:
            body["grammar"] = grammar
        if json_schema is not None:
            body["json_schema"] = json_schema
        if logprobs:
            body |= {"logprobs": True, "top_logprobs": top_logprobs}
        if adapter in self.adapters:
            body["lora"] = [{"id": self.adapters.index(adapter), "scale": 1.0}]
        return body

    def get_num_tokens(self, text: str) -> int:
        """Return ``count_tokens(text)``: LangChain's own default would fetch another tokenizer."""
        return self.count_tokens(text)

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of ``text``.

        :raises EngineError: if the engine fails.
        """
        body = {"content": text, "add_special": False}
        reply = self.engine.post("/tokenize", body, deadline_seconds=self.deadline_seconds)
        return len(reply["tokens"])

    def read_ahead(self, messages: Sequence[BaseMessage]) -> Generator[float, None, bool]:
        """Hold the start of the prompts to come; return True if it was on disk from another time.

        Yields which share of it, in [0, 1], has been read.

        The last of ``messages`` is the human's, to be continued with more text later. Reading takes
        as long as any prompt of that size, once; ``deadline_seconds`` does not bound it.

        :raises EngineError: if the engine fails.
        """
        return self.engine.read_ahead(self._prompt_up_to_the_end_of(messages))

    def read_on(self, messages: Sequence[BaseMessage]) -> None:
        """Read a prompt that goes on from what is held, so that only its end is left to be read.

        :param messages: the last is the human's, to be continued with more text later.
        :raises EngineError: if the engine fails, or is busy with other questions.
        """
        body = read_only(self._prompt_up_to_the_end_of(messages))
        events = self.engine.stream("/completion", body, deadline_seconds=self.deadline_seconds)
        for _ in events:
            pass

    def _prompt_up_to_the_end_of(self, messages: Sequence[BaseMessage]) -> str:
        """Return the prompt that the model's template makes of unfinished messages."""
        *before, last = messages
        # The mark shows where the template goes on after the last words; no text holds it.
        mark = secrets.token_hex(16)
        marked = [*map(_as_json, before), {**_as_json(last), "content": f"{last.text}{mark}"}]
        reply = self.engine.post(
            "/apply-template", {"messages": marked}, deadline_seconds=self.deadline_seconds
        )
        return str(reply["prompt"]).partition(mark)[0]

    def weigh(
        self,
        messages: Sequence[BaseMessage],
        choices: Sequence[str],
        *,
        adapter: Adapter | None = None,
        deadline_seconds: float | None = None,
    ) -> Weighed:
        """Return the probability of each choice as the one next token, in the order of ``choices``.

        They need not sum to 1: other tokens have their share. A choice that is not among the
        likeliest ``CHOICES_CONSIDERED`` tokens has 0.

        :raises ValueError: if a choice is not one token to this model.
        :raises EngineError: if the engine fails.
        """
        for choice in set(choices) - self._one_token:
            if (count := self.count_tokens(choice)) != 1:
                raise ValueError(f"choice {choice!r} is {count} tokens to this model, not 1")
            self._one_token.add(choice)
        body = self._body(
            messages,
            max_tokens=1,
            logprobs=True,
            top_logprobs=CHOICES_CONSIDERED,
            adapter=adapter,
        )
        seconds = deadline_seconds or self.deadline_seconds
        events = list(self.engine.stream("/v1/chat/completions", body, deadline_seconds=seconds))
        tokens = [token for event in events for token in _logprobs(event)]
        if not tokens:
            raise EngineError("The language model gave no token probabilities.")
        likely = {top["token"]: math.exp(top["logprob"]) for top in tokens[0]["top_logprobs"]}
        return Weighed(
            probabilities={choice: likely.get(choice, 0.0) for choice in choices},
            usage=Usage.total(*(usage_of(_usage(event)) for event in events)),
        )


def usage_of(metadata: UsageMetadata | None) -> Usage | None:
    """Return LangChain's token counts of a message or a part of one, or None if it has none.

    Its ``input_tokens`` are all that the model was given, those served from its cache among them.
    """
    if metadata is None:
        return None
    cached = metadata.get("input_token_details", {}).get("cache_read", 0)
    return Usage(
        read=max(metadata["input_tokens"] - cached, 0),
        cached=cached,
        written=metadata["output_tokens"],
    )


def _as_json(message: BaseMessage) -> dict[str, str]:
    match message:
        case SystemMessage():
            role = "system"
        case HumanMessage():
            role = "user"
        case AIMessage():
            role = "assistant"
        case _:
            raise ValueError(f"message type {message.type!r} is not system, human or ai")
    return {"role": role, "content": message.text}


def _chunk(event: dict[str, Any]) -> ChatGenerationChunk:
    """Return the chunk of one event; a final event may have no choice but the token counts."""
    information: dict[str, Any] = {}
    text = ""
    for choice in event.get("choices", []):
        text = choice.get("delta", {}).get("content") or ""
        if choice.get("finish_reason"):
            information["finish_reason"] = choice["finish_reason"]
    if probabilities := _logprobs(event):
        information["logprobs"] = {"content": probabilities}
    message = AIMessageChunk(
        content=text, usage_metadata=_usage(event), response_metadata=dict(information)
    )
    return ChatGenerationChunk(message=message, generation_info=information or None)


def _logprobs(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        token
        for choice in event.get("choices", [])
        for token in (choice.get("logprobs") or {}).get("content") or []
    ]


def _usage(event: dict[str, Any]) -> UsageMetadata | None:
    usage = event.get("usage")
    if not usage:
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return UsageMetadata(
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        total_tokens=usage["prompt_tokens"] + usage["completion_tokens"],
        input_token_details=InputTokenDetails(cache_read=cached),
    )
