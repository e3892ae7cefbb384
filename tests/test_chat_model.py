"""The local chat model as LangChain sees it, over the stub server and over the tiny real model."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from qa.errors import EngineError, QAError, WeightsError
from qa.models.catalogue import find_model
from qa.models.chat import (
    Adapter,
    CountsTokens,
    LocalChatModel,
    ReadsAhead,
    WeighsChoices,
)
from qa.models.engine import Engine
from qa.models.opening import adapters_of, open_chat_model
from qa.models.worker import Launch
from qa.records import Usage
from qa.settings import Settings
from qa.steps import result_of

FAKES = Path(__file__).parent / "fakes"
FIVE_WORDS = "word0 word1 word2 word3 word4 "
TINY = "smollm2-135m-instruct-q4_1.gguf"
ARTICLE = "Osmium is the densest metal. It was found in 1803 by Smithson Tennant in London. " * 8


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def bodies(journal: Path, path: str) -> list[dict[str, Any]]:
    """What the stub was asked at one path."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    return [line["body"] for line in lines if line["event"] == "request" and line["path"] == path]


@pytest.fixture
def stub_model(tmp_path: Path, journal: Path) -> Iterator[LocalChatModel]:
    launch = Launch(model="m", context_tokens=64, threads=1, states_folder=str(tmp_path))
    command = [sys.executable, str(FAKES / "stub_worker.py"), "--journal", str(journal)]
    model = LocalChatModel(
        engine=Engine(launch, identity="stub", command=command), model_name="stub"
    )
    yield model
    model.close()


def test_it_streams_words_then_counts(stub_model: LocalChatModel) -> None:
    chunks = list(stub_model.stream([HumanMessage("one two three")]))
    assert [chunk.text for chunk in chunks if chunk.text] == [f"word{n} " for n in range(5)]
    whole = sum(chunks[1:], chunks[0])
    assert whole.usage_metadata == {
        "input_tokens": 3,
        "output_tokens": 5,
        "total_tokens": 8,
        "input_token_details": {"cache_read": 0},
    }
    assert whole.response_metadata["finish_reason"] == "stop"


def test_invoked_it_gives_the_same_in_one_message(stub_model: LocalChatModel) -> None:
    message = stub_model.invoke("one two three")
    assert isinstance(message, AIMessage)
    assert message.text == FIVE_WORDS
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 5


def test_it_answers_asynchronously(stub_model: LocalChatModel) -> None:
    async def both() -> tuple[str, str]:
        streamed = [chunk.text async for chunk in stub_model.astream("one")]
        return "".join(streamed), (await stub_model.ainvoke("two")).text

    assert asyncio.run(both()) == (FIVE_WORDS, FIVE_WORDS)


def test_a_batch_is_answered_in_order(stub_model: LocalChatModel) -> None:
    counts = [
        message.usage_metadata["input_tokens"]
        for message in stub_model.batch(["one", "one two", "one two three"])
    ]
    assert counts == [1, 2, 3]


def test_the_request_repeats_exactly_and_carries_what_was_asked(
    stub_model: LocalChatModel, journal: Path
) -> None:
    messages: list[BaseMessage] = [
        SystemMessage("be brief"),
        HumanMessage("q"),
        AIMessage("a"),
        HumanMessage([{"type": "text", "text": "again"}]),
    ]
    stub_model.invoke(
        messages,
        stop=["\n"],
        max_tokens=7,
        grammar="root ::= [a-z]+",
        json_schema={"type": "object"},
        logprobs=True,
        top_logprobs=3,
    )
    assert bodies(journal, "/v1/chat/completions") == [
        {
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a"},
                {"role": "user", "content": "again"},
            ],
            "temperature": 0.0,
            "top_k": 1,
            "seed": 0,
            "cache_prompt": True,
            "id_slot": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "max_tokens": 7,
            "stop": ["\n"],
            "grammar": "root ::= [a-z]+",
            "json_schema": {"type": "object"},
            "logprobs": True,
            "top_logprobs": 3,
        }
    ]


def test_what_it_cannot_do_is_refused(stub_model: LocalChatModel) -> None:
    with pytest.raises(TypeError, match="temperatur"):
        stub_model.invoke("q", temperatur=1)
    with pytest.raises(ValueError, match="'tool' is not system, human or ai"):
        stub_model.invoke([ToolMessage("x", tool_call_id="1")])
    with pytest.raises(EngineError, match=r"are 900 tokens, .* room for 64.* QA_CONTEXT_TOKENS"):
        stub_model.invoke("long " * 1000)
    assert stub_model.invoke("short").text == FIVE_WORDS


def test_closing_a_langchain_stream_frees_the_model(
    stub_model: LocalChatModel, journal: Path
) -> None:
    stream = stub_model.stream("q")
    next(stream)
    stream.close()
    began = time.monotonic()
    assert stub_model.invoke("q").text == FIVE_WORDS
    assert time.monotonic() - began < 2


def test_it_has_the_capabilities_that_the_program_asks_for(stub_model: LocalChatModel) -> None:
    assert isinstance(stub_model, CountsTokens)
    assert isinstance(stub_model, ReadsAhead)
    assert isinstance(stub_model, WeighsChoices)
    assert stub_model.count_tokens("one two  three") == 3
    assert stub_model.get_num_tokens("one two") == 2


def test_it_reads_ahead_up_to_the_unfinished_words(
    stub_model: LocalChatModel, journal: Path
) -> None:
    unfinished = [SystemMessage("be brief"), HumanMessage("Article: text\nQuestion: ")]
    assert result_of(stub_model.read_ahead(unfinished)) is False
    assert result_of(stub_model.read_ahead(unfinished)) is True
    (body,) = bodies(journal, "/completion")
    assert body["prompt"] == "<system>be brief</system><user>Article: text\nQuestion: "
    assert body["n_predict"] == 0


def test_it_reads_on_and_keeps_nothing(stub_model: LocalChatModel, journal: Path) -> None:
    said = [SystemMessage("Article: text"), HumanMessage("q"), AIMessage("a"), HumanMessage("")]
    stub_model.read_on(said)
    stub_model.read_on(said)
    first, second = bodies(journal, "/completion")
    assert (
        first["prompt"]
        == "<system>Article: text</system><user>q</user><assistant>a</assistant><user>"
    )
    assert first["n_predict"] == 0
    assert second == first


@pytest.mark.parametrize("adapters", [(), (Adapter.ANSWERS, Adapter.CHECKS)])
def test_a_check_has_its_adapter_if_there_is_one(
    stub_model: LocalChatModel, journal: Path, adapters: tuple[Adapter, ...]
) -> None:
    stub_model.adapters = adapters
    stub_model.weigh([HumanMessage("q")], ["Yes"])
    stub_model.weigh([HumanMessage("q")], ["Yes"], adapter=Adapter.CHECKS)
    without, check = bodies(journal, "/v1/chat/completions")
    assert (without["id_slot"], check["id_slot"]) == (0, 0)
    assert "lora" not in without
    assert check.get("lora", []) == ([{"id": 1, "scale": 1.0}] if adapters else [])


def test_an_adapter_belongs_to_the_weights_it_was_fitted_on() -> None:
    default = find_model(Settings().chat_model).files[0].sha256
    found = adapters_of(default)
    assert set(found) == set(Adapter)
    assert all(path.read_bytes().startswith(b"GGUF") for path in found.values())
    assert adapters_of(default[::-1]) == {}
    assert adapters_of("") == {}


def test_an_answer_is_written_with_the_adapter_if_there_is_one(
    stub_model: LocalChatModel, journal: Path
) -> None:
    list(stub_model.stream("q", adapter=Adapter.ANSWERS))
    stub_model.adapters = (Adapter.CHECKS, Adapter.ANSWERS)
    list(stub_model.stream("q"))
    list(stub_model.stream("q", adapter=Adapter.ANSWERS))
    without, not_asked, with_it = bodies(journal, "/v1/chat/completions")
    assert "lora" not in without
    assert "lora" not in not_asked
    assert with_it["lora"] == [{"id": 1, "scale": 1.0}]


def test_choices_are_weighed_by_their_exact_token(stub_model: LocalChatModel) -> None:
    weighed = stub_model.weigh([HumanMessage("q")], ["No", "Yes", "Maybe"])
    assert list(weighed.probabilities) == ["No", "Yes", "Maybe"]
    assert weighed.probabilities == pytest.approx({"No": 0.25, "Yes": 0.5, "Maybe": 0.0})
    assert weighed.usage == Usage(read=1, cached=0, written=5)  # the stub always writes five
    with pytest.raises(ValueError, match="'two tokens' is 2 tokens"):
        stub_model.weigh([HumanMessage("q")], ["two tokens"])


OpenModel = Callable[..., Any]


@pytest.fixture
def open_model(tmp_path: Path) -> Iterator[OpenModel]:
    opened: list[LocalChatModel] = []

    def open_model(name: str, *, url: str | None = None, **changed: Any) -> Any:
        given = {
            "models_folder": tmp_path / "models",
            "llama_server": None,
            "threads": 2,
            "context_tokens": 1024,
            "states_folder": tmp_path / "states",
            "deadline_seconds": 60.0,
        }
        model = open_chat_model(name, url=url, **(given | changed))
        opened.append(model)
        return model

    yield open_model
    for model in opened:
        model.close()


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("no-such-model", WeightsError, "no local generator named 'no-such-model'"),
        ("qwen2.5-coder-1.5b", WeightsError, "qa models pull qwen2.5-coder-1.5b"),
        ("absent.gguf", WeightsError, r"absent.gguf' cannot be read: No such file"),
        ("absent:model", QAError, "'absent:model' could not be opened"),
        ("anthropic:claude", QAError, "Run: pip install langchain-anthropic"),
        ("ollama:llama3", QAError, "Run: pip install langchain-ollama"),
    ],
)
def test_what_cannot_be_opened_is_one_line(
    open_model: OpenModel,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    error: type[QAError],
    match: str,
) -> None:
    for package in ("langchain_anthropic", "langchain_ollama", "langchain_community"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(error, match=match) as raised:
        open_model(name)
    assert "\n" not in str(raised.value)


def test_a_server_needs_the_openai_package(
    open_model: OpenModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    with pytest.raises(QAError, match="Run: pip install langchain-openai"):
        open_model("any", url="http://127.0.0.1:1/v1")


def test_a_file_that_is_no_model_is_refused(open_model: OpenModel, tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_text("just words")
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(WeightsError, match="not a GGUF model: it begins with b'just'"):
        open_model(str(tmp_path / "text.gguf"))
    with pytest.raises(WeightsError, match="cannot be read: Is a directory"):
        open_model(str(tmp_path / "folder.gguf"))


def test_a_missing_llama_server_is_named(open_model: OpenModel, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    with pytest.raises(EngineError, match=r"no program to run at .* QA_LLAMA_SERVER"):
        open_model(str(tmp_path / "m.gguf"), llama_server=tmp_path / "absent")


@pytest.fixture
def tiny_model(models_folder: Path, open_model: OpenModel) -> LocalChatModel:
    model = open_model(str(models_folder / TINY))
    assert isinstance(model, LocalChatModel)
    return model


@pytest.mark.models
def test_the_real_model_streams_and_repeats_itself(tiny_model: LocalChatModel) -> None:
    asked = [SystemMessage("Answer in one word."), HumanMessage("The capital of France?")]
    chunks = list(tiny_model.stream(asked, max_tokens=12))
    text = "".join(chunk.text for chunk in chunks)
    assert "Paris" in text
    assert sum(bool(chunk.text) for chunk in chunks) > 1
    again = tiny_model.invoke(asked, max_tokens=12)
    assert again.text == text
    assert again.usage_metadata is not None
    assert again.usage_metadata["output_tokens"] <= 12
    # All but the last token of the prompt was read for the question before.
    cached = again.usage_metadata["input_token_details"]["cache_read"]
    assert again.usage_metadata["input_tokens"] - cached == 1


@pytest.mark.models
def test_the_real_model_gives_probabilities(tiny_model: LocalChatModel) -> None:
    message = tiny_model.invoke("Hello!", max_tokens=3, logprobs=True, top_logprobs=5)
    tokens = message.response_metadata["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == message.text
    for token in tokens:
        top = [math.exp(other["logprob"]) for other in token["top_logprobs"]]
        assert len(top) == 5
        assert top == sorted(top, reverse=True)
        assert 0 < sum(top) <= 1 + 1e-6
        assert math.exp(token["logprob"]) == pytest.approx(top[0])
    weighed = tiny_model.weigh([HumanMessage("Is snow white? Answer Yes or No.")], ["Yes", "No"])
    assert 0.01 < sum(weighed.probabilities.values()) <= 1 + 1e-6


@pytest.mark.models
def test_the_real_model_keeps_to_a_grammar_and_a_schema(tiny_model: LocalChatModel) -> None:
    colour = tiny_model.invoke("What colour is snow?", grammar='root ::= "green" | "blue"')
    assert colour.text in {"green", "blue"}
    schema = {
        "type": "object",
        "properties": {"year": {"type": "integer"}},
        "required": ["year"],
        "additionalProperties": False,
    }
    answer = tiny_model.invoke("When was osmium found? 1803.", json_schema=schema, max_tokens=40)
    assert isinstance(json.loads(answer.text)["year"], int)
    with pytest.raises(EngineError, match="refused the request"):
        tiny_model.invoke("q", grammar="root ::= (")
    assert tiny_model.invoke("Hello!", stop=["!", "?", "."]).text


@pytest.mark.models
def test_the_real_model_reads_an_article_once(
    models_folder: Path, open_model: OpenModel, tmp_path: Path
) -> None:
    unfinished = [SystemMessage("Be brief."), HumanMessage(f"{ARTICLE}\nQuestion: ")]
    asked = [SystemMessage("Be brief."), HumanMessage(f"{ARTICLE}\nQuestion: Who found osmium?")]
    path = str(models_folder / TINY)

    def new_tokens(model: LocalChatModel) -> int:
        usage = model.invoke(asked, max_tokens=8).usage_metadata
        assert usage is not None
        return usage["input_tokens"] - usage["input_token_details"]["cache_read"]

    first = open_model(path)
    assert result_of(first.read_ahead(unfinished)) is False
    assert new_tokens(first) < 20
    first.close()

    second = open_model(path)
    assert result_of(second.read_ahead(unfinished)) is True
    assert new_tokens(second) < 20

    os.kill(second.engine.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert new_tokens(second) < 20
    second.close()

    (state,) = (tmp_path / "states").glob("*.state")
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    third = open_model(path)
    assert result_of(third.read_ahead(unfinished)) is False
    assert new_tokens(third) < 20


@pytest.mark.models
def test_the_real_model_killed_while_answering_answers_again(tiny_model: LocalChatModel) -> None:
    answer = tiny_model.stream("Count from 1 to 1000.", max_tokens=900)
    next(answer)
    pid = tiny_model.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    with pytest.raises(EngineError, match="stopped while answering"):
        list(answer)
    assert time.monotonic() - killed < 3
    assert isinstance(next(tiny_model.stream("Hello!")), AIMessageChunk)


@pytest.mark.models
def test_closing_a_stream_stops_the_real_model(tiny_model: LocalChatModel) -> None:
    answer = tiny_model.stream("Count from 1 to 1000.", max_tokens=900)
    next(answer)
    answer.close()
    closed = time.monotonic()
    tiny_model.invoke("Hello!", max_tokens=1)
    # Stopping takes at most a second; the 900 tokens would take several times as long.
    assert time.monotonic() - closed < 3
