"""As much of llama-server's protocol as the engine uses, without a model.

It answers any question with "word0 word1 ...", counts words as tokens, and writes every request
into a journal, one JSON object a line. Anything it does not know is an error. Options make it fail
in the ways that a real engine does; ``--failing-runs`` says for how many of its runs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

STATE_MAGIC = "state of: "
MESSAGE_CHARACTERS_LIMIT = 2000
TOO_LONG = {
    "message": "request exceeds the available context size",
    "type": "exceed_context_size_error",
    "n_prompt_tokens": 900,
    "n_ctx": 64,
}
PROBABILITIES = {
    "token": "word0",
    "logprob": math.log(0.5),
    "top_logprobs": [
        {"token": "Yes", "logprob": math.log(0.5)},
        {"token": "No", "logprob": math.log(0.25)},
        {"token": " Yes", "logprob": math.log(0.125)},
    ],
}


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--failing-runs", type=int, default=1000)
    parser.add_argument("--fail", default="never")
    parser.add_argument("--after-tokens", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=5)
    parser.add_argument("--token-seconds", type=float, default=0.0)
    return parser.parse_args(arguments)


class Stub:
    """What one run of the server knows: its options, its key, and the prompt that it holds."""

    def __init__(self, options: argparse.Namespace, key: str, states_folder: str) -> None:
        self.options = options
        self.key = key
        self.states_folder = Path(states_folder)
        self.held = ["", ""]
        run = sum(line["event"] == "start" for line in self.journal())
        self.fail = options.fail if run < options.failing_runs else "never"
        self.note("start", pid=os.getpid(), environment=sorted(os.environ), arguments=sys.argv)
        if self.fail == "start":
            sys.exit("loading\nerror: tensor 7 is missing\nexiting")
        if self.fail == "never-ready":
            time.sleep(1000)

    def journal(self) -> list[dict[str, Any]]:
        if not self.options.journal.exists():
            return []
        return [json.loads(line) for line in self.options.journal.read_text().splitlines()]

    def note(self, event: str, **details: Any) -> None:
        with self.options.journal.open("a") as file:
            file.write(json.dumps({"event": event, "run_pid": os.getpid(), **details}) + "\n")

    def tokens(self) -> Iterator[str]:
        for count in range(self.options.tokens):
            if count == self.options.after_tokens:
                self._fail_now()
            time.sleep(self.options.token_seconds)
            yield f"word{count} "

    def _fail_now(self) -> None:
        if self.fail == "die":
            sys.stderr.write("GGML_ASSERT(false) failed\n")
            sys.stderr.flush()
            os.abort()
        if self.fail == "hang":
            time.sleep(1000)

    def slot(self, slot: int, action: str, name: str) -> dict[str, Any]:
        path = self.states_folder / name
        if action == "save":
            path.write_text(STATE_MAGIC + self.held[slot])
            return {"n_saved": len(self.held[slot].split())}
        content = path.read_text()
        if not content.startswith(STATE_MAGIC):
            self.note("poisoned")  # the real engine trusts the file: this must never happen
            os.abort()
        self.held[slot] = content.removeprefix(STATE_MAGIC)
        return {"n_restored": len(self.held[slot].split())}

    def reply(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        parts = urlsplit(path)
        match parts.path:
            case "/tokenize":
                return {"tokens": list(range(len(body["content"].split())))}
            case "/apply-template":
                turns = [f"<{m['role']}>{m['content']}</{m['role']}>" for m in body["messages"]]
                return {"prompt": "".join(turns) + "<assistant>"}
            case "/slots/0":
                action = parse_qs(parts.query)["action"][0]
                return self.slot(int(parts.path[-1]), action, body["filename"])
        raise LookupError(path)


def chat_events(stub: Stub, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"choices": [], "prompt_progress": {"total": 3, "processed": 1}}
    for token in stub.tokens():
        choice = {"delta": {"content": token}, "finish_reason": None}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [PROBABILITIES]}
        yield {"choices": [choice]}
    yield {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    prompt = " ".join(message["content"] for message in body["messages"])
    usage = {
        "prompt_tokens": len(prompt.split()),
        "completion_tokens": stub.options.tokens,
        "prompt_tokens_details": {"cached_tokens": len(stub.held[body["id_slot"]].split())},
    }
    yield {"choices": [], "usage": usage}


def completion_events(stub: Stub, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    stub.held[body["id_slot"]] = body["prompt"]
    yield {"content": "", "stop": True}


def handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] != f"Bearer {stub.key}":
                self._send(401, {"error": {"message": "Invalid API Key"}})
                return
            stub.note("request", path=self.path, body=body)
            if len(str(body.get("messages"))) > MESSAGE_CHARACTERS_LIMIT:
                self._send(400, {"error": TOO_LONG})
                return
            match self.path:
                case "/v1/chat/completions":
                    self._send_events(chat_events(stub, body), done=b"data: [DONE]\n\n")
                case "/completion":
                    self._send_events(completion_events(stub, body), done=b"")
                case _:
                    self._send_reply(body)

        def _send_reply(self, body: dict[str, Any]) -> None:
            try:
                self._send(200, stub.reply(self.path, body))
            except OSError:
                self._send(500, {"error": {"message": "Unable to save slot"}})

        def _send(self, status: int, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _send_events(self, events: Iterator[dict[str, Any]], *, done: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for event in events:
                    self._send_chunk(b"data: " + json.dumps(event).encode() + b"\n\n")
                self._send_chunk(done)
                self.wfile.write(b"0\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError):
                stub.note("disconnected")
                self.close_connection = True

        def _send_chunk(self, data: bytes) -> None:
            if data:
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                self.wfile.flush()

    return Handler


def listen(stub: Stub) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", 0), handler(stub))
