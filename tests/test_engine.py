"""The engine against a stub server that dies, hangs and starts badly, and against the real one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from qa.errors import EngineError
from qa.models.engine import Engine, Limits
from qa.models.process import WORKER_COMMAND
from qa.models.worker import Launch
from qa.steps import result_of

FAKES = Path(__file__).parent / "fakes"
CHAT = "/v1/chat/completions"
QUESTION = {"messages": [{"role": "user", "content": "one two three"}], "id_slot": 0}
FIVE_WORDS = "word0 word1 word2 word3 word4 "

OpenEngine = Callable[..., Engine]


class Journal:
    """What the stub servers of one test were asked."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [line for line in lines if line["event"] == event]

    def paths(self) -> list[str]:
        return [line["path"] for line in self.lines("request")]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def open_engine(tmp_path: Path, journal: Journal) -> Iterator[OpenEngine]:
    """Opens engines over the stub; its options are words, the engine's limits are keywords."""
    opened: list[Engine] = []
    states = tmp_path / "states"
    states.mkdir()

    def open_engine(*options: str, states_folder: Path = states, **limits: float) -> Engine:
        command = [sys.executable, str(FAKES / "stub_worker.py"), "--journal", str(journal.path)]
        launch = Launch(
            model="model.gguf", context_tokens=64, threads=1, states_folder=str(states_folder)
        )
        engine = Engine(
            launch,
            identity="stub",
            command=[*command, *options],
            limits=Limits(**limits),  # type: ignore[arg-type]
        )
        opened.append(engine)
        return engine

    yield open_engine
    for engine in opened:
        engine.close()


def words(event: dict[str, Any]) -> str:
    return "".join(choice["delta"].get("content", "") for choice in event["choices"])


def ask(engine: Engine, deadline_seconds: float = 20.0) -> str:
    return "".join(map(words, engine.stream(CHAT, QUESTION, deadline_seconds=deadline_seconds)))


def seconds_to_fail(events: Iterator[dict[str, Any]], match: str) -> float:
    asked = time.monotonic()
    with pytest.raises(EngineError, match=match):
        list(events)
    return time.monotonic() - asked


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not become true in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_it_starts_without_waiting_and_answers(open_engine: OpenEngine) -> None:
    engine = open_engine()
    began = time.monotonic()
    engine.start()
    assert time.monotonic() - began < 0.5
    assert ask(engine) == FIVE_WORDS
    first = engine.pid
    assert ask(engine) == FIVE_WORDS
    assert engine.pid == first


def test_the_key_is_in_no_argument_and_no_secret_is_passed_on(
    open_engine: OpenEngine, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("AIP_MODE", "PREDICTION")
    engine = open_engine()
    ask(engine)
    assert engine._child is not None
    start = journal.lines("start")[0]
    assert engine._child.key not in " ".join(start["arguments"])
    assert {"HF_TOKEN", "OPENAI_API_KEY", "AIP_MODE"}.isdisjoint(start["environment"])


def test_each_start_has_a_new_key_which_the_server_requires(open_engine: OpenEngine) -> None:
    engine = open_engine()
    ask(engine)
    assert engine._child is not None
    first = engine._child.key
    engine._child.key = "guessed"
    with pytest.raises(EngineError, match="Invalid API Key"):
        ask(engine)
    engine._child.kill()
    assert ask(engine) == FIVE_WORDS
    assert len(first) >= 32
    assert engine._child.key not in {first, "guessed"}


def test_killed_while_answering_it_says_so_and_is_started_again(open_engine: OpenEngine) -> None:
    engine = open_engine("--tokens", "200", "--token-seconds", "0.05")
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=20)
    next(answer)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert seconds_to_fail(answer, "stopped while answering .*exit status -9.* Ask again") < 3
    began_again = engine.stream(CHAT, QUESTION, deadline_seconds=20)
    assert next(filter(None, map(words, began_again))) == "word0 "
    began_again.close()
    assert engine.pid != pid


def test_an_abort_inside_the_engine_is_quoted(open_engine: OpenEngine) -> None:
    engine = open_engine("--fail", "die", "--after-tokens", "3", "--failing-runs", "1")
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=20)
    said = filter(None, map(words, answer))
    assert "".join(next(said) for _ in range(3)) == "word0 word1 word2 "
    assert seconds_to_fail(answer, r"GGML_ASSERT\(false\) failed") < 3
    assert ask(engine) == FIVE_WORDS


def test_killed_between_questions_the_next_one_is_answered(open_engine: OpenEngine) -> None:
    engine = open_engine()
    ask(engine)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: engine.pid is None, 3)
    assert ask(engine) == FIVE_WORDS


@pytest.mark.parametrize("after_tokens", ["0", "2"])
def test_hung_it_is_killed_and_started_again(
    open_engine: OpenEngine, after_tokens: str, journal: Journal
) -> None:
    engine = open_engine(
        *("--fail", "hang", "--after-tokens", after_tokens, "--failing-runs", "1"),
        silence_seconds=1.0,
    )
    engine.post("/tokenize", {"content": "ready"}, deadline_seconds=10)
    pid = engine.pid
    assert pid is not None
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=20)
    assert seconds_to_fail(answer, "said nothing for 1 seconds") < 3
    assert gone(pid)
    assert ask(engine) == FIVE_WORDS


def test_stopped_by_a_signal_it_counts_as_hung(open_engine: OpenEngine) -> None:
    engine = open_engine("--tokens", "200", "--token-seconds", "0.05", silence_seconds=1.0)
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=20)
    next(answer)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert seconds_to_fail(answer, "said nothing") < 3
    assert gone(pid)


def test_the_deadline_stops_an_answer_and_leaves_the_engine(open_engine: OpenEngine) -> None:
    engine = open_engine("--tokens", "200", "--token-seconds", "0.05")
    engine.post("/tokenize", {"content": "ready"}, deadline_seconds=10)
    pid = engine.pid
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=1.0)
    assert 0.9 < seconds_to_fail(answer, "longer than it may") < 3
    assert engine.pid == pid


def test_a_deadline_that_passes_in_a_hang_ends_the_engine(open_engine: OpenEngine) -> None:
    engine = open_engine("--fail", "hang", "--failing-runs", "1", silence_seconds=20)
    engine.post("/tokenize", {"content": "ready"}, deadline_seconds=10)
    pid = engine.pid
    assert pid is not None
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=2.5)
    assert seconds_to_fail(answer, "said nothing") < 4.5
    assert gone(pid)


def test_closing_the_answer_stops_the_engines_work(
    open_engine: OpenEngine, journal: Journal
) -> None:
    engine = open_engine("--tokens", "1000", "--token-seconds", "0.02")
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=60)
    next(answer)
    answer.close()
    wait_until(lambda: bool(journal.lines("disconnected")), 2)


def test_a_bad_start_quotes_the_log_and_a_crash_loop_is_refused(
    open_engine: OpenEngine, journal: Journal
) -> None:
    engine = open_engine("--fail", "start", "--failing-runs", "3", cool_down_seconds=2.0)
    for _ in range(3):
        with pytest.raises(EngineError, match="could not be started: error: tensor 7 is missing"):
            ask(engine)
    with pytest.raises(EngineError, match=r"stopped 3 times .*qa doctor"):
        ask(engine)
    assert len(journal.lines("start")) == 3
    time.sleep(2.1)
    assert ask(engine) == FIVE_WORDS


def test_a_start_that_takes_for_ever_is_given_up(open_engine: OpenEngine) -> None:
    engine = open_engine("--fail", "never-ready", start_seconds=1.0)
    began = time.monotonic()
    with pytest.raises(EngineError, match="was not ready after 1 seconds"):
        ask(engine)
    assert time.monotonic() - began < 3
    assert engine.pid is None


def test_a_command_that_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    launch = Launch(model="m", context_tokens=64, threads=1, states_folder="")
    engine = Engine(launch, identity="", command=[str(tmp_path / "absent")])
    with pytest.raises(EngineError, match=r"could not be started: .*No such file"):
        engine.start()


def test_many_threads_take_turns(open_engine: OpenEngine) -> None:
    engine = open_engine("--token-seconds", "0.01")
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(engine))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [FIVE_WORDS] * 4


def test_who_waits_too_long_for_a_turn_is_told(open_engine: OpenEngine) -> None:
    engine = open_engine()
    unfinished = engine.stream(CHAT, QUESTION, deadline_seconds=20)
    next(unfinished)
    with pytest.raises(EngineError, match=r"busy with other questions for 0.2 seconds"):
        ask(engine, deadline_seconds=0.2)
    unfinished.close()
    assert ask(engine) == FIVE_WORDS


def test_closed_it_leaves_no_process_and_refuses(open_engine: OpenEngine) -> None:
    engine = open_engine("--tokens", "200", "--token-seconds", "0.05")
    answer = engine.stream(CHAT, QUESTION, deadline_seconds=20)
    next(answer)
    pid = engine.pid
    assert pid is not None
    engine.close()
    assert gone(pid)
    assert seconds_to_fail(answer, "was closed") < 1
    with pytest.raises(EngineError, match="was closed"):
        ask(engine)
    engine.close()


ORPHAN = """
import sys, time
from qa.models.engine import Engine
from qa.models.worker import Launch
launch = Launch(model="m", context_tokens=64, threads=1, states_folder="")
engine = Engine(launch, identity="", command=sys.argv[2:])
engine.post("/tokenize", {"content": "ready"}, deadline_seconds=10)
print(engine.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize(("lives", "signalled"), [("0", 0), ("100", 9), ("100", 15)])
def test_it_ends_with_its_parent(journal: Journal, lives: str, signalled: int) -> None:
    command = [sys.executable, str(FAKES / "stub_worker.py"), "--journal", str(journal.path)]
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, lives, *command], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signalled)
    wait_until(lambda: gone(pid), 3)


def test_what_was_read_ahead_is_read_once_ever(open_engine: OpenEngine, journal: Journal) -> None:
    first = open_engine()
    assert result_of(first.read_ahead("the article")) is False
    assert result_of(first.read_ahead("the article")) is True
    first.close()
    second = open_engine()
    assert result_of(second.read_ahead("the article")) is True
    assert result_of(second.read_ahead("another article")) is False
    assert journal.paths().count("/completion") == 2


def test_what_was_read_ahead_is_held_again_after_a_death(
    open_engine: OpenEngine, journal: Journal
) -> None:
    engine = open_engine()
    result_of(engine.read_ahead("the long article"))
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: engine.pid is None, 3)
    events = list(engine.stream(CHAT, QUESTION, deadline_seconds=10))
    assert events[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 3
    assert journal.paths()[-2:] == ["/slots/0?action=restore", CHAT]
    ask(engine)
    assert journal.paths()[-2:] == [CHAT, CHAT]


@pytest.mark.parametrize("damage", [b"", b"statf of: the article", b"state of: the article!"])
def test_a_damaged_state_never_reaches_the_engine(
    open_engine: OpenEngine, journal: Journal, tmp_path: Path, damage: bytes
) -> None:
    result_of(open_engine().read_ahead("the article"))
    (state,) = (tmp_path / "states").glob("*.state")
    state.write_bytes(damage)
    engine = open_engine()
    assert result_of(engine.read_ahead("the article")) is False
    assert "/slots/0?action=restore" not in journal.paths()
    assert result_of(engine.read_ahead("the article")) is True
    assert state.read_bytes() == b"state of: the article"


def test_only_the_states_used_last_are_kept(open_engine: OpenEngine, tmp_path: Path) -> None:
    engine = open_engine()
    for number in range(8):
        result_of(engine.read_ahead(f"article {number}"))
    result_of(engine.read_ahead("article 0"))
    result_of(engine.read_ahead("article 8"))
    assert len(list((tmp_path / "states").iterdir())) == 16  # 8 states, each with its seal
    assert result_of(engine.read_ahead("article 0")) is True
    assert result_of(engine.read_ahead("article 1")) is False


def test_without_a_usable_states_folder_it_reads_each_time(
    open_engine: OpenEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    engine = open_engine(states_folder=blocked)
    assert result_of(engine.read_ahead("the article")) is False
    assert "state not saved" in caplog.text
    assert ask(engine) == FIVE_WORDS


@pytest.fixture
def stub_program(tmp_path: Path) -> Path:
    """A program that looks like llama-server to the real worker."""
    program = tmp_path / "llama-server"
    script = FAKES / "stub_llama_server.py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    program.chmod(0o755)
    return program


def test_a_llama_server_program_is_run_with_its_key_in_the_environment(
    stub_program: Path, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    launch = Launch(
        model="model.gguf",
        context_tokens=64,
        threads=1,
        states_folder=str(tmp_path),
        program=str(stub_program),
        adapters=["checks.gguf", "answers.gguf"],
    )
    engine = Engine(launch, identity="stub")
    assert ask(engine) == FIVE_WORDS
    start = journal.lines("start")[0]
    assert start["arguments"][-2:] == ["--lora-scaled", "checks.gguf:0,answers.gguf:0"]
    assert start["arguments"][1:7] == [
        "--model",
        "model.gguf",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
    ]
    assert engine._child is not None
    assert engine._child.key not in " ".join(start["arguments"])
    assert "LLAMA_API_KEY" in start["environment"]
    os.kill(start["pid"], signal.SIGKILL)
    wait_until(lambda: engine.pid is None, 3)
    assert ask(engine) == FIVE_WORDS
    again = journal.lines("start")[1]["pid"]
    engine.close()
    wait_until(lambda: gone(again), 3)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_a_llama_server_program_ends_with_its_worker(
    stub_program: Path, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    launch = Launch(
        model="m",
        context_tokens=64,
        threads=1,
        states_folder=str(tmp_path),
        program=str(stub_program),
    )
    engine = Engine(launch, identity="stub")
    ask(engine)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    wait_until(lambda: gone(journal.lines("start")[0]["pid"]), 3)
    engine.close()


def test_a_program_that_refuses_its_options_is_quoted(tmp_path: Path) -> None:
    program = tmp_path / "llama-server"
    program.write_text("#!/bin/sh\necho 'error: unknown argument: --parallel' >&2\nexit 1\n")
    program.chmod(0o755)
    launch = Launch(model="m", context_tokens=64, threads=1, states_folder="", program=str(program))
    engine = Engine(launch, identity="")
    with pytest.raises(EngineError, match="could not be started: error: unknown argument: --par"):
        ask(engine)
    engine.close()


@pytest.fixture
def tiny_engine(models_folder: Path, tmp_path: Path) -> Iterator[Engine]:
    launch = Launch(
        model=str(models_folder / "smollm2-135m-instruct-q4_1.gguf"),
        context_tokens=1024,
        threads=1,
        states_folder=str(tmp_path),
    )
    engine = Engine(launch, identity="real")
    yield engine
    engine.close()


def request(engine: Engine, method: str, path: str, *, key: str | None) -> tuple[int, str | None]:
    """The status and the CORS header that a stranger's page would get."""
    assert engine._child is not None
    connection = http.client.HTTPConnection(*engine._child.address, timeout=10)
    headers = {"Origin": "http://evil.example"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    connection.close()
    return response.status, response.headers["Access-Control-Allow-Origin"]


@pytest.mark.models
def test_the_real_server_is_closed_to_strangers(tiny_engine: Engine) -> None:
    tiny_engine.post("/tokenize", {"content": "ready"}, deadline_seconds=60)
    assert tiny_engine.pid is not None
    assert tiny_engine._child is not None
    key = tiny_engine._child.key
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(tiny_engine.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    # An empty Access-Control-Allow-Origin allows no page anything.
    without_key = {
        path: request(tiny_engine, "GET", path, key=None)
        for path in ("/slots", "/props", "/metrics", "/lora-adapters", "/v1/models")
    }
    assert set(without_key.values()) == {(401, "")}
    assert request(tiny_engine, "POST", "/completion", key=None) == (401, "")
    assert request(tiny_engine, "POST", "/completion", key="guess") == (401, "")
    assert request(tiny_engine, "GET", "/", key=None) == (404, "")
    assert request(tiny_engine, "GET", "/slots", key=key) == (501, "")
    assert request(tiny_engine, "GET", "/metrics", key=key) == (501, "")
    assert request(tiny_engine, "POST", "/props", key=key) == (501, "")
    command = " ".join(psutil.Process(tiny_engine.pid).cmdline())
    assert command == " ".join(WORKER_COMMAND)
    assert key not in command


@pytest.mark.models
def test_a_damaged_model_file_is_one_line(models_folder: Path, tmp_path: Path) -> None:
    whole = (models_folder / "smollm2-135m-instruct-q4_1.gguf").read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: len(whole) // 2])
    launch = Launch(model=str(cut), context_tokens=1024, threads=1, states_folder="")
    engine = Engine(launch, identity="")
    with pytest.raises(EngineError) as raised:
        ask(engine)
    assert "\n" not in str(raised.value)
    assert "corrupted or incomplete" in str(raised.value)
    engine.close()
