"""Serves the page on this machine, and ends cleanly.

The port is taken before anything slow begins. A first SIGTERM or SIGINT refuses new questions, lets
the running answers finish or ends them within ten seconds, closes the assistant and returns; a
second one does not wait.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from qa.errors import QAError
from qa.records import Article
from qa.ui.bench import Bench
from qa.ui.guard import Guard
from qa.ui.measuring import RunningEvaluations
from qa.ui.opening import Opening, Steps
from qa.ui.running import RunningAnswers

logger = logging.getLogger(__name__)

FIRST_PORT = 7860
PORTS_TRIED = 20
DRAIN_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.5  # for the end of an answer to reach its browser
ANSWERS_AT_ONCE = 4
WAITING_QUESTIONS = 16
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def open_and_serve(
    articles: Sequence[Article],
    steps: Steps,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool,
    bench: Bench | None = None,
    blocked_paths: Sequence[Path] = (),
    announce: Callable[[str], None] = logger.info,
) -> None:
    """Serve the page for articles, open their assistant meanwhile, end on a signal.

    ``steps`` open the assistant, from when the page answers on; it is closed at the end. ``port``
    None takes the first free one from 7860 on. ``announce`` is handed the lines that say where the
    page is, once it answers, and what is being opened. ``bench`` is what the answers can be
    measured with; ``blocked_paths`` are never served, whatever else is.

    :raises QAError: if the port is taken, or as the steps raise.
    """
    with contextlib.ExitStack() as stack:
        opening = Opening(articles, steps, announce=announce)
        stack.callback(opening.close)
        listener = stack.enter_context(listen(host, port))
        stack.enter_context(_private_folder())
        stack.enter_context(_interruptible())
        # Gradio takes seconds to import, and reads the environment that is set above.
        from qa.ui.downloads import Downloads
        from qa.ui.page import build_page, mount

        running = RunningAnswers(opening)
        evaluations = RunningEvaluations(opening, running, bench or Bench())
        downloads = Downloads()
        taken = listener.getsockname()[1]
        app = mount(
            build_page(opening, running, evaluations, downloads),
            downloads,
            answers_at_once=ANSWERS_AT_ONCE,
            waiting_questions=WAITING_QUESTIONS,
            blocked_paths=[str(path.resolve()) for path in blocked_paths],
        )
        guard = Guard(app, host=host, port=taken, names=[socket.gethostname().lower()])
        address = f"http://{_written(host)}:{taken}/"
        failures: list[BaseException] = []

        def opened(failure: BaseException | None) -> None:
            if failure is None:
                announce("Ready for questions.")
            else:
                failures.append(failure)
                server.should_exit = True

        def ready() -> None:
            announce(f"The page is at {address}")
            if not _own(host):
                announce("Whoever reaches this machine can ask, and read the article: no password.")
            opening.begin(opened)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        server = _Server(guard, running, evaluations, ready)
        server.run_until_signal(listener)
        if failures:
            raise failures[0]


@contextlib.contextmanager
def listen(host: str, port: int | None) -> Iterator[socket.socket]:
    """Hold a listening socket; without a port, on the first free one from 7860 on.

    :raises QAError: if the address or the port cannot be had.
    """
    candidates = [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    for candidate in candidates:
        try:
            listener = _bound(host, candidate)
        except OSError as error:
            failure = error
            continue
        with contextlib.closing(listener):
            yield listener
        return
    if failure.errno not in {errno.EADDRINUSE, errno.EACCES}:
        raise QAError(
            f"The page cannot listen on {host!r}: {failure.strerror or failure}.",
            remedy="Give an address of this machine as --host, or none.",
        )
    first, last = candidates[0], candidates[-1]
    which = f"Port {first} is" if first == last else f"Ports {first} to {last} are"
    raise QAError(
        f"{which} not to be had on {host!r}: {failure.strerror or failure}.",
        remedy=f"Close what uses it, or run `qa chat --port {last + 1}`.",
    )


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Without this a restart has to wait until old connections are forgotten. Two servers
        # still cannot hold one port.
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def _own(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    return host == "localhost" or host == "::1" or host.startswith("127.")


def _written(host: str) -> str:
    """Return a host as it is written in an address that a browser on this machine can open."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _private_folder() -> Iterator[None]:
    """Set what Gradio and its libraries read from the environment; remove their files at the end.

    The folder for temporary files is readable by this user alone.
    """
    folder = tempfile.mkdtemp(prefix="article-qa-")
    os.environ.update(
        GRADIO_TEMP_DIR=folder,
        GRADIO_ANALYTICS_ENABLED="False",
        HF_HUB_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
    )
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM unwind the program as Ctrl-C does, so that nothing half-started stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Server(uvicorn.Server):
    """A server that ends on a signal after the running answers, and never by the signal itself."""

    def __init__(
        self,
        guard: Guard,
        running: RunningAnswers,
        evaluations: RunningEvaluations,
        ready: Callable[[], None],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                guard,
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._guard = guard
        self._running = running
        self._evaluations = evaluations
        self._ready = ready

    def run_until_signal(self, listener: socket.socket) -> None:
        """Serve on a listening socket until a signal has been obeyed."""
        self.run(sockets=[listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Obey signals while serving; unlike the base class, do not raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        try:
            for number in _SIGNALS:
                signal.signal(number, self._obey)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _obey(self, _number: int, _frame: FrameType | None) -> None:
        if self._guard.draining:
            self.should_exit = self.force_exit = True
            return
        self._guard.draining = True
        # A daemon, so that a second signal need not wait for it.
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        self._evaluations.end()  # what it has is kept
        self._running.drain(seconds=DRAIN_SECONDS)
        time.sleep(LAST_WORDS_SECONDS)
        self.should_exit = True
