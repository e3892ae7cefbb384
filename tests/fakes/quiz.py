"""A chat model that drafts and answers by what it was told of a few sentences, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from fakes.chat import ScriptedChatModel
from qa.evaluation import answering


class QuizChatModel(ScriptedChatModel):
    """Knows of each sentence the one line that it drafts; fails on any other sentence.

    It answers a question of ``lines`` rightly where the text holds its sentence, and declines any
    other.
    """

    lines: dict[str, str]
    replies: list[str] = Field(default_factory=list)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self.asked.append(messages)
        yield ChatGenerationChunk(message=AIMessageChunk(content=self._reply(messages[-1].text)))

    def _reply(self, text: str) -> str:
        drafting = re.search(r"^Sentence: (.*)$", text, re.MULTILINE)
        if drafting:
            return self.lines[drafting[1]]
        shown, question = text.split("\n\nQuestion: ")
        for sentence, line in self.lines.items():
            if line.startswith(f"{question} | ") and sentence in shown:
                return line.removeprefix(f"{question} | ")
        return answering.DECLINED
