"""The child process that holds the language model and serves it on loopback.

Run as ``python -P worker.py``, by its path: importing the package would cost the child what the
rest of the program needs. In, on standard input: one line of JSON, the ``Launch`` and a key; the
pipe then stays open for as long as the parent lives, and its end ends this process. Out, on
standard output: one line of JSON, ``{"port": PORT}``, once the model answers. The engine's own log
goes to standard error. The key comes by the pipe and never by the arguments, which every user of
the machine can read.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

HOST = "127.0.0.1"
BATCH_TOKENS = 128
SLOT = 0
"""Where what was read is held: all prompts, of answers and of checks, begin with the same words."""

CHECK_TOKENS = 1024
"""Tokens that a check may need beyond ``Launch.context_tokens``, which are what an answer may."""

HTTP_TIMEOUT_SECONDS = 30
PROMPT_CACHE_MEBIBYTES = 256
ANSWER_TOKENS_LIMIT = 4096
LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to run: a GGUF file, with the bundled engine or, if given, a llama-server program.

    Paths are absolute; without ``states_folder`` ("") no state can be saved. The ``adapters``, GGUF
    files of low-rank changes to the model's weights, are applied to requests that ask for them by
    their place.
    """

    model: str
    context_tokens: int
    threads: int
    states_folder: str
    program: str | None = None
    adapters: Sequence[str] = ()


def piped(stream: IO[str] | None) -> IO[str]:
    """Return a child's stream that was asked for as a pipe, which the type does not show."""
    if stream is None:
        raise ValueError("the stream is not a pipe")
    return stream


def serve_bundled(launch: Launch, key: str) -> int:
    """Start the bundled engine inside this process and return its port, the model loaded."""
    # Imported here because the parent reads Launch from this module and never runs the engine.
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = launch.model
    params.n_ctx = launch.context_tokens + CHECK_TOKENS
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    # Read, not mapped: the weights are repacked for speed, and a map would stay beside the copy.
    params.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
    params.n_parallel = 1
    params.n_predict = ANSWER_TOKENS_LIMIT
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = launch.threads
    params.fit_params = False
    params.cache_ram_mib = PROMPT_CACHE_MEBIBYTES
    if launch.states_folder:
        params.slot_save_path = launch.states_folder + os.sep
    # Of no weight but where a request gives them one.
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 0.0) for path in launch.adapters]
    params.hostnames = [HOST]
    params.port = 0
    params.api_keys = [key]
    params.cors_origins = ""
    params.cors_methods = params.cors_headers = ""
    params.cors_credentials = False
    params.ui = False
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.timeout_read = params.timeout_write = HTTP_TIMEOUT_SECONDS
    params.verbosity = 2
    # The server stops when its object is collected, so it is kept for the life of the process.
    globals()["_server"] = server = xllamacpp.Server(params)
    return int(server.listening_address.rpartition(":")[2])


def serve_program(program: str, launch: Launch, key: str) -> int:
    """Start a llama-server program and return its port, the model loaded.

    What hardens it goes by environment variables, which versions that do not know them ignore.
    """
    arguments = [
        program,
        *("--model", launch.model),
        *("--host", HOST, "--port", "0"),
        *("--ctx-size", str(launch.context_tokens + CHECK_TOKENS)),
        *("--batch-size", str(BATCH_TOKENS), "--ubatch-size", str(BATCH_TOKENS)),
        *("--parallel", "1", "--n-predict", str(ANSWER_TOKENS_LIMIT)),
        *("--threads", str(launch.threads), "--threads-batch", str(launch.threads)),
    ]
    if launch.states_folder:
        arguments += ["--slot-save-path", launch.states_folder]
    if launch.adapters:
        arguments += ["--lora-scaled", ",".join(f"{path}:0" for path in launch.adapters)]
    environment = os.environ | {
        "LLAMA_API_KEY": key,
        "LLAMA_ARG_FIT": "off",
        "LLAMA_ARG_LOAD_MODE": "none",
        "LLAMA_ARG_CACHE_RAM": str(PROMPT_CACHE_MEBIBYTES),
        "LLAMA_ARG_CORS_ORIGINS": "",
        "LLAMA_ARG_CORS_CREDENTIALS": "0",
        "LLAMA_ARG_UI": "0",
        "LLAMA_ARG_WEBUI": "0",
        "LLAMA_ARG_ENDPOINT_SLOTS": "0",
        "LLAMA_ARG_ENDPOINT_PROPS": "0",
        "LLAMA_ARG_ENDPOINT_METRICS": "0",
        "LLAMA_ARG_TIMEOUT": str(HTTP_TIMEOUT_SECONDS),
        "LLAMA_ARG_JINJA": "1",
    }
    server = subprocess.Popen(
        arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=_die_with_parent,
    )
    log = piped(server.stderr)
    port = _wait_for_port(log)
    if port is None:
        raise RuntimeError(f"{program} ended with status {server.wait()}")
    threading.Thread(target=_end_with, args=(server, log), daemon=True).start()
    return port


def _die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _wait_for_port(log: IO[str]) -> int | None:
    for line in log:
        sys.stderr.write(line)
        if match := LISTENING.search(line):
            return int(match.group(1))
    return None


def _end_with(server: subprocess.Popen[str], log: IO[str]) -> None:
    for line in log:
        sys.stderr.write(line)
    sys.stderr.write(f"llama-server ended with status {server.wait()}\n")
    sys.stderr.flush()
    os._exit(1)


def main() -> None:
    """Serve the launch that standard input gives, until standard input ends."""
    order = json.loads(sys.stdin.readline())
    key = order.pop("key")
    launch = Launch(**order)
    try:
        if launch.program:
            port = serve_program(launch.program, launch, key)
        else:
            port = serve_bundled(launch, key)
    except (RuntimeError, OSError) as error:
        sys.exit(f"error: {error}")
    print(json.dumps({"port": port}), flush=True)
    sys.stdin.read()
    # Without the interpreter's own clean-up, which would wait for the engine's threads.
    os._exit(0)


if __name__ == "__main__":
    main()
