"""The command ``doctor``: what is installed, what is missing, what to run."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

from qa.calibration import ANY_MODEL, calibrations_for
from qa.cli.models import require_chat_model, require_embedder
from qa.errors import QAError
from qa.models.opening import weights_of
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
    engine = _engine(settings)
    yield engine
    yield _embedder(settings)
    # A missing program is told of once, and the model may be well beside it.
    usable = settings.model_copy(update={"llama_server": None}) if engine.remedy else settings
    yield _chat_model(usable)
    yield _index_folder(settings)
    yield _risk(settings)


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


def _embedder(settings: Settings) -> Finding:
    return _tried(f"embedder {settings.embedding_model}", require_embedder, settings)


def _chat_model(settings: Settings) -> Finding:
    return _tried(f"chat model {settings.chat_model}", require_chat_model, settings)


def _tried(name: str, require: Callable[[Settings], None], settings: Settings) -> Finding:
    try:
        require(settings)
    except QAError as error:
        remedy = error.remedy or "Set QA_CHAT_MODEL to another."
        return Finding(name=name, state=error.message, remedy=remedy)
    return Finding(name=name, state="found")


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


def _risk(settings: Settings) -> Finding:
    """Return which answers are given, with what was measured at that risk."""
    name = f"risk {settings.most_risk:.0%}"
    if settings.most_risk >= 1.0:
        return Finding(name=name, state="every answer is given that the article carries")
    try:
        weights = weights_of(settings.chat_model, url=settings.chat_model_url)
    except QAError:
        weights = ANY_MODEL  # there is no such model, which is told of elsewhere
    fit = calibrations_for(weights)[-1]
    if fit.weights == ANY_MODEL:
        withheld = "what hardly goes with the article is withheld"
        return Finding(name=name, state=f"not measured for this model; {withheld}")
    step = fit.kept_to(settings.most_risk)
    measured = (
        f"on hard questions, almost half of them unanswerable, {step.given:.0%} got one, "
        f"and {step.wrong:.0%} of these were wrong"
    )
    return Finding(
        name=name,
        state=f"answers are given from a confidence of {step.probability:.2f}; {measured}",
    )
