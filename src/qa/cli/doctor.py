"""The command ``doctor``: what is installed, what is missing, what to run."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from qa.cli.models import named_by
from qa.errors import WeightsError
from qa.models.catalogue import Model
from qa.models.weights import locate
from qa.settings import Settings

PACKAGES = (
    "langchain",
    "langchain-core",
    "sentence-transformers",
    "torch",
    "faiss-cpu",
    "gradio",
    "xllamacpp",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; ``remedy`` is empty when it is well."""

    name: str
    state: str
    remedy: str = ""


def check(options: argparse.Namespace) -> int:  # noqa: ARG001 - every command takes its options
    """Print what was found; 1 if something is missing."""
    findings = list(examine(Settings.from_environment()))
    for finding in findings:
        print(f"{'!!' if finding.remedy else 'ok'}  {finding.name}: {finding.state}")
        if finding.remedy:
            print(f"    {finding.remedy}")
    return int(any(finding.remedy for finding in findings))


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what there is of everything that an answer needs, without loading any of it."""
    yield Finding(name="Python", state=sys.version.split()[0])
    for package in PACKAGES:
        yield _package(package)
    yield _engine(settings)
    for model in named_by(settings):
        yield _weights(model, settings.models_folder)
    yield _index_folder(settings)


def _package(name: str) -> Finding:
    try:
        return Finding(name=name, state=metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name=name, state="not installed", remedy="Run: make setup")


def _engine(settings: Settings) -> Finding:
    program = settings.llama_server
    if program and not shutil.which(program.expanduser()):
        return Finding(
            name="engine",
            state=f"there is no program to run at {str(program)!r}",
            remedy="Set QA_LLAMA_SERVER to a llama-server program, or unset it.",
        )
    if program:
        return Finding(name="engine", state=str(program))
    return Finding(name="engine", state="bundled; `make native` builds one that reads faster")


def _weights(model: Model, folder: Path) -> Finding:
    name = f"weights {model.name}"
    try:
        return Finding(name=name, state=str(locate(model, folder)))
    except WeightsError as error:
        return Finding(name=name, state=error.message, remedy=error.remedy)


def _index_folder(settings: Settings) -> Finding:
    folder = settings.index_folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        return Finding(name="index folder", state=str(folder))
    return Finding(
        name="index folder",
        state=f"{str(there)!r} cannot be written to",
        remedy="Set QA_INDEX_FOLDER to a folder that can.",
    )
