"""Child processes that start fast: forked from one that has the slow imports already."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
# A child runs the main module's imports again, which are pytest's.
_CONTEXT.set_forkserver_preload(["pytest", "faiss", "qa.storage"])

PATIENCE_SECONDS = 60.0


def start(function: Callable[..., object], *arguments: object) -> BaseProcess:
    """Start a function of a module in a child."""
    child = _CONTEXT.Process(target=function, args=arguments, daemon=True)
    child.start()
    return child


def join(child: BaseProcess) -> int:
    """Return the exit status of a child that has to end by itself."""
    child.join(PATIENCE_SECONDS)
    status = child.exitcode
    assert status is not None, "the child hangs"
    child.close()
    return status


def kill(child: BaseProcess) -> None:
    """End a child by SIGKILL."""
    child.kill()
    join(child)


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when a condition holds, which it has to before long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "what a child should do is not done"
        time.sleep(0.005)


def result_of(function: Callable[..., Any], *arguments: object) -> Any:
    """Return what a function of a module returns in a child."""
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    child = start(_send, sender, function, arguments)
    sender.close()
    with receiver:
        assert receiver.poll(PATIENCE_SECONDS), "the child hangs"
        result = receiver.recv()
    assert join(child) == 0
    return result


def barrier(parties: int) -> Any:
    """Return a barrier that children meet at."""
    return _CONTEXT.Barrier(parties, timeout=PATIENCE_SECONDS)


def _send(sender: Any, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    with sender:
        sender.send(function(*arguments))
