"""A chat model's stream within its bounds of length and time, whatever the model does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field

from qa.errors import EngineError
from qa.generation import Writer

ASKED = [HumanMessage("How many boats?")]


class Stubborn(BaseChatModel):
    """Says some words, then waits to be let go, and says one more."""

    words: tuple[str, ...] = ()
    let_go: Any = None
    said_after: list[str] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "stubborn"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for word in self.words:
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))
        self.let_go.wait(30)
        yield ChatGenerationChunk(message=AIMessageChunk(content="late"))
        self.said_after.append("went on")


def write(model: BaseChatModel, seconds: float) -> list[str]:
    writer = Writer(model, answer_tokens=20, deadline_seconds=seconds)
    return [draft.text for draft in writer.stream(ASKED)]


@pytest.mark.parametrize("words", [(), ("It ", "has")])
def test_a_model_that_falls_silent_is_given_up_at_the_deadline(words: tuple[str, ...]) -> None:
    model = Stubborn(words=words, let_go=threading.Event())
    started = time.monotonic()
    with pytest.raises(EngineError, match=r"not done after 0 seconds\. .*QA_DEADLINE_SECONDS"):
        write(model, 0.3)
    assert time.monotonic() - started < 5
    model.let_go.set()


def test_a_model_that_is_no_longer_wanted_is_stopped_at_its_next_word() -> None:
    model = Stubborn(words=("It ",), let_go=threading.Event())
    drafts = Writer(model, answer_tokens=20, deadline_seconds=20).stream(ASKED)
    assert next(drafts).text == "It"
    drafts.close()
    model.let_go.set()
    assert all(thread.name != "chat model" for thread in threading.enumerate())
    assert model.said_after == []


def test_what_a_model_fails_with_is_said_in_one_line() -> None:
    class Failing(Stubborn):
        def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
            raise TimeoutError("the provider\nwas slow")
            yield  # a generator, as the method it stands for

    with pytest.raises(EngineError, match="The chat model failed: the provider was slow"):
        write(Failing(), 5)
