"""How far a long step on a model's files has come: the record that such a step yields."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Stage(StrEnum):
    """What is being done: each stage counts its own bytes."""

    CHECKING = "checking"
    WAITING = "waiting for another pull"
    FETCHING = "fetching"
    FINISHING = "finishing"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """``done_bytes`` of the ``total_bytes`` of one stage for one model; never more than all."""

    model: str
    stage: Stage
    done_bytes: int
    total_bytes: int

    def __post_init__(self) -> None:
        if not 0 <= self.done_bytes <= self.total_bytes:
            raise ValueError(f"{self.done_bytes} of {self.total_bytes} bytes is not a progress")

    @classmethod
    def start(cls, model: str, stage: Stage, total_bytes: int) -> Progress:
        """Return the progress of a stage of which nothing is done."""
        return cls(model=model, stage=stage, done_bytes=0, total_bytes=total_bytes)

    def plus(self, count: int) -> Progress:
        """Return this progress ``count`` bytes further, at most at its end."""
        return replace(self, done_bytes=min(self.done_bytes + count, self.total_bytes))
