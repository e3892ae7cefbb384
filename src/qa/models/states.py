"""The prompts that the engine has read, kept on disk so that no article is read twice.

One state is a file that the engine writes, published by ``os.replace`` after a sidecar with its
SHA-256: the engine's own reader trusts what it is given, so a damaged file must never reach it.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".state"
UNFINISHED_SUFFIX = ".unfinished"
UNFINISHED_SECONDS_KEPT = 3600.0
STATES_KEPT = 8


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder of saved states; names are hashes of everything that a state depends on."""

    folder: Path

    @staticmethod
    def name(*parts: str) -> str:
        """Return the name of the state that depends on ``parts``, order included."""
        digest = hashlib.sha256()
        for part in parts:
            digest.update(hashlib.sha256(part.encode()).digest())
        return digest.hexdigest() + SUFFIX

    def intact(self, name: str) -> bool:
        """Tell whether a state is there and is what was saved; a damaged one is deleted.

        :raises OSError: if the folder cannot be read or changed.
        """
        state, seal = self.folder / name, self._seal(name)
        if not state.is_file() or not seal.is_file():
            return False
        if seal.read_text(encoding="ascii", errors="replace") == _sha256(state):
            state.touch()  # pruning goes by the time of the last use
            return True
        state.unlink()
        seal.unlink()
        return False

    def publish(self, written: str, name: str) -> None:
        """Give the state that the engine wrote as ``written`` its name, and drop the oldest.

        :raises OSError: if the folder cannot be changed.
        """
        source = self.folder / written
        seal = self.folder / f"seal-{written}"
        seal.write_text(_sha256(source), encoding="ascii")
        seal.replace(self._seal(name))
        source.replace(self.folder / name)
        self._prune()

    @contextmanager
    def new_file(self) -> Iterator[str]:
        """Give a name for the engine to write to; what is there at the end is deleted."""
        written = secrets.token_hex(16) + UNFINISHED_SUFFIX
        try:
            yield written
        finally:
            # A folder that cannot be used has failed before, with an error that says more.
            with suppress(OSError):
                (self.folder / written).unlink(missing_ok=True)

    def _seal(self, name: str) -> Path:
        return self.folder / f"{name}.sha256"

    def _prune(self) -> None:
        states = sorted(
            self.folder.glob(f"*{SUFFIX}"),
            key=lambda path: (path.stat().st_mtime_ns, path.name),
            reverse=True,
        )
        for state in states[STATES_KEPT:]:
            state.unlink(missing_ok=True)
            self._seal(state.name).unlink(missing_ok=True)
        for left in self.folder.glob(f"*{UNFINISHED_SUFFIX}"):
            # Another process may be writing it; one this old was left by a process that died.
            if time.time() - left.stat().st_mtime > UNFINISHED_SECONDS_KEPT:
                left.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
