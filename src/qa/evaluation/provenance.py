"""What the answers of a run depend on, by name: settings, models, versions, and the program itself.

In: settings. Out: words for a report, and for the fingerprint that answers are kept under. Where
something is kept, or how fast, is not in it; a change of anything that is costs new answers.
"""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from pathlib import Path

from qa.embedding import hash_weights
from qa.models.catalogue import catalogue
from qa.settings import Settings

PACKAGES = (
    "article-qa",
    "bm25s",
    "faiss-cpu",
    "langchain-core",
    "numpy",
    "sentence-transformers",
    "sentencex",
    "torch",
    "transformers",
    "xllamacpp",
)

_PLACES = {"index_folder", "models_folder"}
_NOT_ANSWERING = {"cli", "evaluation", "ui"}
"""Parts of the program that no answer depends on."""


def made_with(settings: Settings) -> dict[str, str]:
    """Return all that the answers of an assistant with these settings depend on, by name.

    :raises WeightsError: if the embedder is a folder whose weights cannot be read.
    """
    dumped = settings.model_dump(mode="json", exclude=_PLACES)
    return {
        **{f"setting {name}": str(value) for name, value in sorted(dumped.items())},
        **_embedder(settings.embedding_model),
        **weights_of("chat model", settings.chat_model),
        **_file("llama-server", settings.llama_server),
        "program sha256": _program(Path(__file__).parents[1]),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{f"package {name}": _version(name) for name in PACKAGES},
    }


def weights_of(role: str, name: str) -> dict[str, str]:
    """Return what tells the weights of a model from others, by name; nothing if it is elsewhere.

    :param role: what the model is for, as it is called in a report.
    :param name: as in ``Settings.chat_model``.
    """
    model = catalogue().get(name)
    if model is None:
        return _file(role, Path(name))
    return {f"{role} sha256": " ".join(file.sha256 for file in model.files)}


def _embedder(name: str) -> dict[str, str]:
    folder = Path(name).expanduser()
    if name not in catalogue() and folder.is_dir():
        return {"embedder sha256": hash_weights(folder)}
    return weights_of("embedder", name)


def _file(role: str, path: Path | None) -> dict[str, str]:
    if path is None or not path.expanduser().is_file():
        return {}
    # To read gigabytes before each run would take longer than to ask.
    facts = path.expanduser().stat()
    return {f"{role} file": f"{facts.st_size} bytes, changed at {facts.st_mtime_ns} ns"}


def _program(folder: Path) -> str:
    """Return the SHA-256 of the source that answers."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.suffix in {".py", ".json", ".gguf"} and inner.parts[0] not in _NOT_ANSWERING:
            digest.update(f"{inner.as_posix()}\n".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
