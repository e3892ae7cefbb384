"""The page of the scripted assistant, served by a process that a test can watch and end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

TESTS = Path(__file__).parents[1]
START_SECONDS = 60.0


def free_port() -> int:
    """Return a port that nothing used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class ServedPage:
    """A running page; ``lines`` is what its process has said so far.

    With a folder for kept answers it has test sets to evaluate.
    """

    def __init__(self, kept_folder: Path | None = None) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self._errors = ""
        folders = [str(kept_folder)] if kept_folder else []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fakes.served_page", str(self.port), *folders],
            cwd=TESTS,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        self.wait_for("Ready for questions.", seconds=START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.end()

    def end(self) -> tuple[int, str]:
        """Wait for the process; return its exit status and what it wrote as errors."""
        assert self.process.stderr is not None
        self._reader.join(20)
        status = self.process.wait(20)
        self._errors += "" if self.process.stderr.closed else self.process.stderr.read()
        self.process.stderr.close()
        return status, self._errors

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def wait_for(self, line: str, *, seconds: float = 5.0, count: int = 1) -> None:
        """Wait until the process has said a line so many times; fail when it does not."""
        until = time.monotonic() + seconds
        while self.lines.count(line) < count:
            assert time.monotonic() < until, f"{line!r} not among {self.lines!r}"
            time.sleep(0.02)

    def ask(self, client: httpx.Client, question: str, session: str) -> httpx.Response:
        """Send a question as the page does."""
        body = {"data": [question, None], "fn_index": 0, "session_hash": session}
        return client.post(
            f"{self.address}/gradio_api/queue/join",
            content=json.dumps(body),
            headers={"content-type": "application/json"},
        )

    @contextmanager
    def updates(self, client: httpx.Client, session: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Give the updates that the session's page is sent."""
        where = f"{self.address}/gradio_api/queue/data?session_hash={session}"
        with client.stream("GET", where, timeout=30) as response:
            yield (json.loads(line[5:]) for line in response.iter_lines() if line)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.lines.append(line.rstrip("\n"))
