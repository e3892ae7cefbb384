"""One running worker: started without waiting, watched, and killed with everything it started.

In: a ``Launch``. Out: the address and key of a server that speaks llama-server's protocol. The
restarting and the asking are the engine's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from qa.errors import EngineError
from qa.models import worker
from qa.models.worker import HOST, Launch, piped

# -P keeps the worker's folder, with its modules' common names, off the child's import path.
WORKER_COMMAND = (sys.executable, "-P", str(Path(worker.__file__).resolve()))
LOG_LINES_KEPT = 60
ENDING_SECONDS = 1.0
PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|SYSTEMROOT|VIRTUAL_ENV|PYTHONPATH|PYTHONHOME"
    r"|LD_LIBRARY_PATH|DYLD_\w+|G?OMP_\w+|CUDA_\w+"
)
# The engine's threads meet some hundred times a token. By default they wait for one another by
# spinning, which makes it ten times slower on cores that are shared with any other program; asleep
# at once, they are a third slower on quiet ones. A short spin costs little on either.
THREADS_THAT_SLEEP = {"GOMP_SPINCOUNT": "20000"}
TELLING = re.compile(r"error|fail|cannot|could not|unable|invalid|unknown|not found", re.IGNORECASE)
LOG_PREFIX = re.compile(r"^[\d.]+ [A-Z] ")


class WorkerProcess:
    """A started worker. Its streams are read by two threads that end when it does."""

    def __init__(self, process: subprocess.Popen[str], key: str) -> None:
        self.key = key
        self.death_noted = False
        self._process = process
        self._address: tuple[str, int] | None = None
        self._settled = threading.Event()  # it is ready, or never will be
        self._ended = threading.Event()
        self._log: deque[str] = deque(maxlen=LOG_LINES_KEPT)
        self._readers = [
            threading.Thread(target=self._read_address, args=(piped(process.stdout),), daemon=True),
            threading.Thread(target=self._read_log, args=(piped(process.stderr),), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        # Also at the interpreter's exit, when nobody closed the engine.
        self._kill_once = weakref.finalize(self, _kill_group, process)

    @classmethod
    def start(cls, launch: Launch, command: Sequence[str] = WORKER_COMMAND) -> WorkerProcess:
        """Start a worker with a new random key and return at once.

        Its environment holds no secrets of this one's, and none of the variables that would change
        the engine's port or options.

        :raises EngineError: if the operating system cannot start it.
        """
        key = secrets.token_urlsafe(32)
        passed_on = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
        try:
            process = subprocess.Popen(
                command,
                env=THREADS_THAT_SLEEP | passed_on,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                # Its own group: it is killed whole, and Ctrl-C in a terminal does not reach it.
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(
                f"The language model's process could not be started: {error}.",
                remedy="Free memory or processes and ask again.",
            ) from error
        started = cls(process, key)
        started._send_order(launch)
        return started

    def _send_order(self, launch: Launch) -> None:
        order = json.dumps(dataclasses.asdict(launch) | {"key": self.key})
        stdin = piped(self._process.stdin)
        try:
            stdin.write(order + "\n")
            stdin.flush()
        except BrokenPipeError:
            self._ended.set()  # it is dead already, which the first use finds and explains

    def _read_address(self, stdout: IO[str]) -> None:
        if first := stdout.readline():
            self._address = (HOST, int(json.loads(first)["port"]))
        else:
            self._ended.set()
        self._settled.set()
        stdout.read()
        stdout.close()
        self._ended.set()

    def _read_log(self, stderr: IO[str]) -> None:
        for line in stderr:
            if text := LOG_PREFIX.sub("", line.strip()):
                self._log.append(text)
        stderr.close()

    @property
    def pid(self) -> int:
        """The worker's process id, which is also its group's."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs; one that closed its output is ending."""
        return not self._ended.is_set() and self._process.poll() is None

    @property
    def address(self) -> tuple[str, int]:
        """The host and port of a worker that is ready."""
        if self._address is None:
            raise RuntimeError("the worker is not ready")
        return self._address

    def wait_until_ready(self, timeout_seconds: float) -> bool:
        """Tell whether the model is loaded; False if it died or the time ran out."""
        self._settled.wait(timeout_seconds)
        return self._address is not None

    def wait_for_end(self, timeout_seconds: float) -> None:
        """Give a worker that is ending the time to leave its own exit status and last words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_seconds)

    def last_words(self) -> str:
        """Return the line of its log that says most about why it ended, or its exit status."""
        if not self.alive:
            self.wait_for_end(ENDING_SECONDS)
            self._readers[1].join(ENDING_SECONDS)
        # A warning of an ordinary start explains no death, so only a line that tells is quoted.
        status = f"exit status {self._process.poll()}"
        return next((line for line in list(self._log) if TELLING.search(line)), status)

    def kill(self) -> None:
        """Kill it and what it started, and collect it; nothing if that was done before."""
        self._kill_once()


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(BrokenPipeError):
        piped(process.stdin).close()
    process.wait()
