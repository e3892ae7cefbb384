"""Generators that yield how far a long step is, and return what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import TypeVar

Step = TypeVar("Step")
Done = TypeVar("Done")


def result_of(
    steps: Generator[Step, None, Done], tell: Callable[[Step], object] | None = None
) -> Done:
    """Return what the steps come to, having told each of them."""
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as done:
                result: Done = done.value
                return result
            if tell:
                tell(step)


def told(step: str, shares: Generator[float, None, Done]) -> Generator[str, None, Done]:
    """Yield a step, and again with each share of it that is done; return what it comes to."""
    yield step
    with closing(shares):
        while True:
            try:
                share = next(shares)
            except StopIteration as done:
                result: Done = done.value
                return result
            yield f"{step}, {share:.0%}"
