"""The supervised language model: started, asked, and started again when it dies or hangs.

In: a ``Launch`` and requests of llama-server's HTTP protocol. Out: the server's JSON objects. One
request is worked on at a time, in the order of their turns; others wait for theirs, each at most to
its own deadline. All methods may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa.errors import EngineError
from qa.models.exchange import Exchange
from qa.models.process import ENDING_SECONDS, WORKER_COMMAND, WorkerProcess
from qa.models.states import StateFolder
from qa.models.worker import SLOT, Launch

logger = logging.getLogger(__name__)

STALLED_SECONDS = 2.0
_SLOT = f"/slots/{SLOT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long the engine is waited for, and how often it may die, in seconds.

    ``silence_seconds`` must exceed the time that one batch of the prompt takes on the slowest
    machine, for the server says nothing in between.
    """

    start_seconds: float = 180.0
    silence_seconds: float = 60.0
    reading_seconds: float = 900.0
    deaths: int = 3
    deaths_within_seconds: float = 60.0
    cool_down_seconds: float = 30.0


def read_only(prompt: str) -> dict[str, Any]:
    """Return the request of /completion that reads a prompt and writes nothing."""
    return {"prompt": prompt, "n_predict": 0, "cache_prompt": True, "id_slot": SLOT}


class Engine:
    """A language model behind a child process. ``start`` does not wait; the first request does."""

    def __init__(
        self,
        launch: Launch,
        *,
        identity: str,
        command: Sequence[str] = WORKER_COMMAND,
        limits: Limits | None = None,
    ) -> None:
        """Store what to run; ``identity`` names the engine and the model that saved states fit."""
        self._launch = launch
        self._identity = identity
        self._command = command
        self._limits = limits or Limits()
        self._states = StateFolder(Path(launch.states_folder)) if launch.states_folder else None
        self._lock = threading.Lock()  # guards the fields below, held for moments only
        self._child: WorkerProcess | None = None
        self._deaths: deque[float] = deque(maxlen=self._limits.deaths)
        self._closed = False
        self._turn = threading.Lock()  # held by the request that is worked on; guards the rest
        self._held: str | None = None  # the state that the answers' prompts begin with
        self._held_by: WorkerProcess | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, or None when none runs."""
        with self._lock:
            return self._child.pid if self._child and self._child.alive else None

    def start(self) -> None:
        """See that a child runs or is starting, without waiting for it.

        :raises EngineError: if the engine was closed or died too often just now.
        """
        self._living_child()

    def close(self) -> None:
        """Kill the child; requests in flight fail, and later ones are refused."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
        if child:
            child.kill()

    def post(
        self, path: str, body: Mapping[str, Any], *, deadline_seconds: float
    ) -> dict[str, Any]:
        """Return the reply to a request that does not run the model (tokenise, template).

        :raises EngineError: if the engine fails, or refuses the request.
        """
        child = self._ready_child()
        return self._reply(child, path, body, time.monotonic() + deadline_seconds)

    def stream(
        self, path: str, body: Mapping[str, Any], *, deadline_seconds: float
    ) -> Iterator[dict[str, Any]]:
        """Yield the events of a request that runs the model; closing the iterator stops the model.

        While a long prompt is read there are events too, which carry no words.

        :raises EngineError: if the engine dies or hangs, the deadline passes, or it refuses.
        """
        with self._turn_within(deadline_seconds) as (child, deadline):
            self._hold_again(child)
            yield from self._events(child, path, body, deadline)

    def read_ahead(self, prompt: str) -> Generator[float, None, bool]:
        """Hold ``prompt`` as the start of the answers' prompts; return True if it was on disk.

        Yields which share of it, in [0, 1], has been read. It is held again after a restart. A
        states folder that cannot be used is logged, and costs time only.

        :raises EngineError: as ``stream`` does.
        """
        with self._turn_within(self._limits.reading_seconds) as (child, deadline):
            self._hold_again(child)
            name = StateFolder.name(self._identity, str(self._launch.context_tokens), prompt)
            restored = self._restore(child, name)
            if not restored:
                for event in self._events(child, "/completion", read_only(prompt), deadline):
                    if progress := event.get("prompt_progress"):
                        yield progress["processed"] / progress["total"]
                self._save(child, name)
            self._held, self._held_by = name, child
            return restored

    @contextmanager
    def _turn_within(self, seconds: float) -> Iterator[tuple[WorkerProcess, float]]:
        """Wait for the turn and for the child; give it and the deadline.

        The time that the child takes to start is not part of ``seconds``.
        """
        asked = time.monotonic()
        self.start()
        if not self._turn.acquire(timeout=seconds):
            raise EngineError(
                f"The language model was busy with other questions for {seconds:g} seconds.",
                remedy="Ask again in a moment.",
            )
        try:
            left = asked + seconds - time.monotonic()
            yield self._ready_child(), time.monotonic() + left
        finally:
            self._turn.release()

    def _living_child(self) -> WorkerProcess:
        with self._lock:
            if self._closed:
                raise EngineError("The language model was closed.")
            if self._child and self._child.alive:
                return self._child
            if self._child:
                self._note_death(self._child)
            self._refuse_crash_loop()
            self._child = WorkerProcess.start(self._launch, self._command)
            logger.info("language model starting as process %d", self._child.pid)
            return self._child

    def _refuse_crash_loop(self) -> None:
        now = time.monotonic()
        if len(self._deaths) < self._limits.deaths:
            return
        crowded = self._deaths[-1] - self._deaths[0] <= self._limits.deaths_within_seconds
        left = self._deaths[-1] + self._limits.cool_down_seconds - now
        if crowded and left > 0:
            words = f" ({self._child.last_words()})" if self._child else ""
            raise EngineError(
                f"The language model stopped {self._limits.deaths} times within "
                f"{self._limits.deaths_within_seconds:g} seconds{words}; it rests for "
                f"{left:.0f} seconds.",
                remedy="Run `qa doctor`, or `qa models verify` to check its file.",
            )

    def _note_death(self, child: WorkerProcess) -> None:
        if not child.death_noted:
            child.death_noted = True
            self._deaths.append(time.monotonic())
            logger.warning("language model process %d stopped: %s", child.pid, child.last_words())

    def _ready_child(self) -> WorkerProcess:
        child = self._living_child()
        if not child.wait_until_ready(self._limits.start_seconds):
            late = f"it was not ready after {self._limits.start_seconds:g} seconds"
            words = late if child.alive else child.last_words()
            self._retire(child)
            raise EngineError(
                f"The language model {self._launch.model!r} could not be started: {words}.",
                remedy="Run `qa models verify` to check its file, or `qa doctor`.",
            )
        return child

    def _retire(self, child: WorkerProcess) -> None:
        """Kill a child that failed, and count it."""
        child.kill()
        with self._lock:
            if not self._closed:
                self._note_death(child)

    def _reply(
        self,
        child: WorkerProcess,
        path: str,
        body: Mapping[str, Any],
        deadline: float,
    ) -> dict[str, Any]:
        with self._exchange(child, deadline) as exchange:
            return exchange.reply(path, body)

    def _events(
        self,
        child: WorkerProcess,
        path: str,
        body: Mapping[str, Any],
        deadline: float,
    ) -> Iterator[dict[str, Any]]:
        # Progress is asked for so that reading a long prompt is not taken for silence, and can be
        # stopped: an iterator can be closed only where it yields.
        streamed = {**body, "stream": True, "return_progress": True}
        with self._exchange(child, deadline) as exchange:
            yield from exchange.events(path, streamed)

    @contextmanager
    def _exchange(self, child: WorkerProcess, deadline: float) -> Iterator[Exchange]:
        """Give an exchange with the child, and turn its failures into what a person can act on."""
        exchange = Exchange(
            child.address,
            child.key,
            deadline=deadline,
            silence_seconds=self._limits.silence_seconds,
        )
        with closing(exchange):
            try:
                yield exchange
            except TimeoutError as error:
                raise self._late(child, exchange) from error
            except ConnectionError as error:
                raise self._dead(child) from error

    def _late(self, child: WorkerProcess, exchange: Exchange) -> EngineError:
        now = time.monotonic()
        if now - exchange.last_heard < min(STALLED_SECONDS, self._limits.silence_seconds):
            return EngineError(
                "The answer took longer than it may and was stopped.",
                remedy="Ask again, or set QA_DEADLINE_SECONDS higher.",
            )
        self._retire(child)
        self._start_quietly()
        quiet = now - exchange.last_heard
        return EngineError(
            f"The language model said nothing for {quiet:.0f} seconds and was started again.",
            remedy="Ask again.",
        )

    def _dead(self, child: WorkerProcess) -> EngineError:
        with self._lock:
            closed = self._closed
        if closed:
            return EngineError("The language model was closed.")
        child.wait_for_end(ENDING_SECONDS)
        self._retire(child)
        words = child.last_words()
        self._start_quietly()
        return EngineError(
            f"The language model stopped while answering ({words}); it is being started again.",
            remedy="Ask again.",
        )

    def _start_quietly(self) -> None:
        try:
            self.start()
        except EngineError as error:
            logger.warning("language model not started again: %s", error)

    def _hold_again(self, child: WorkerProcess) -> None:
        if self._held_by is not child:
            if self._held:
                self._restore(child, self._held)
            self._held_by = child

    def _restore(self, child: WorkerProcess, name: str) -> bool:
        if self._states is None or not self._intact(self._states, name):
            return False
        deadline = time.monotonic() + self._limits.silence_seconds
        try:
            self._reply(child, f"{_SLOT}?action=restore", {"filename": name}, deadline)
        except EngineError as error:
            if not child.alive:
                raise
            logger.warning("saved state not restored: %s", error)
            return False
        return True

    def _intact(self, states: StateFolder, name: str) -> bool:
        try:
            return states.intact(name)
        except OSError as error:
            logger.warning("saved state not read: %s", error)
            return False

    def _save(self, child: WorkerProcess, name: str) -> None:
        if self._states is None:
            return
        deadline = time.monotonic() + self._limits.silence_seconds
        try:
            with self._states.new_file() as written:
                body = {"filename": written}
                self._reply(child, f"{_SLOT}?action=save", body, deadline)
                self._states.publish(written, name)
        except (OSError, EngineError) as error:
            if not child.alive:
                raise
            logger.warning("state not saved: %s", error)
