"""The chat model that a setting names: a local one, a GGUF file, a provider's, or a server's.

In: a name and plain values. Out: a LangChain chat model, a local one already loading.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
import shutil
from importlib import resources
from pathlib import Path

from langchain.chat_models import init_chat_model
from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import SecretStr

from qa.errors import EngineError, QAError, WeightsError
from qa.models.catalogue import find_model
from qa.models.chat import Adapter, LocalChatModel
from qa.models.engine import Engine
from qa.models.weights import locate
from qa.models.worker import Launch

logger = logging.getLogger(__name__)

GGUF_MAGIC = b"GGUF"
PIP_INSTALL = re.compile(r"pip install (?:-U )?([\w.-]*\w)")


def open_chat_model(
    name: str,
    *,
    url: str | None,
    models_folder: Path,
    llama_server: Path | None,
    threads: int,
    context_tokens: int,
    states_folder: Path | None,
    deadline_seconds: float,
) -> BaseChatModel:
    """Return the chat model that ``name`` names.

    With ``url``, ``name`` is a model of the OpenAI-compatible server there. Otherwise it is the
    path of a file that ends in ``.gguf``, ``provider:model`` for LangChain's ``init_chat_model``,
    or a name of the catalogue. Without ``states_folder`` the local engine keeps nothing on disk.

    :raises QAError: if there is no such model, or what it needs is not there.
    """
    if url is not None:
        return _at_url(name, url, deadline_seconds)
    if _is_provided(name):
        return _from_provider(name)
    path, identity = _file_of(name, models_folder)
    weights = weights_of(name, url=url)
    adapters = adapters_of(weights)
    launch = Launch(
        model=str(path),
        context_tokens=context_tokens,
        threads=threads,
        states_folder=_usable_folder(states_folder),
        program=_program_path(llama_server),
        adapters=[str(path) for path in adapters.values()],
    )
    engine = Engine(launch, identity=f"{_engine_identity(launch)} {identity}")
    engine.start()
    return LocalChatModel(
        engine=engine,
        model_name=name,
        weights=weights,
        adapters=tuple(adapters),
        deadline_seconds=deadline_seconds,
    )


def check_chat_model(
    name: str, *, url: str | None, models_folder: Path, llama_server: Path | None
) -> None:
    """Find out, without loading or asking it, that ``open_chat_model`` would refuse a model.

    :raises QAError: as that does.
    """
    if url is not None:
        _at_url(name, url, deadline_seconds=1.0)
    elif _is_provided(name):
        _from_provider(name)
    else:
        _file_of(name, models_folder)
        _program_path(llama_server)


def weights_of(name: str, *, url: str | None) -> str:
    """Return the SHA-256 of a model's weights where the catalogue tells it, or ""."""
    if url is not None or _is_provided(name) or _is_file_name(name):
        return ""
    return find_model(name, role="generator").files[0].sha256


def _is_provided(name: str) -> bool:
    return ":" in name and not _is_file_name(name)


def _is_file_name(name: str) -> bool:
    return name.lower().endswith(".gguf")


def _file_of(name: str, models_folder: Path) -> tuple[Path, str]:
    """Return a local model's file, and what it is known by."""
    if _is_file_name(name):
        path = Path(name).expanduser().absolute()
        identity = _file_identity(path)
    else:
        model = find_model(name, role="generator")
        path = locate(model, models_folder).absolute()
        identity = " ".join(file.sha256 for file in model.files)
    _require_gguf(path)
    return path, identity


def adapters_of(weights: str) -> dict[Adapter, Path]:
    """Return the adapters that were fitted on the weights of a SHA-256, by what they are for.

    Other weights have none: an adapter changes the very numbers that it was fitted on.
    """
    folder = Path(str(resources.files("qa.models"))) / "adapters" / weights
    paths = {adapter: folder / f"{adapter}.gguf" for adapter in Adapter}
    return {adapter: path for adapter, path in paths.items() if weights and path.is_file()}


def _at_url(name: str, url: str, deadline_seconds: float) -> BaseChatModel:
    # Servers on one's own machine ask for no key, and the client refuses to be made without one.
    key = os.environ.get("OPENAI_API_KEY") or "none"
    try:
        return init_chat_model(
            name,
            model_provider="openai",
            base_url=url,
            api_key=SecretStr(key),
            temperature=0,
            timeout=deadline_seconds,
        )
    except ImportError as error:
        raise _missing_package(name, error) from error


def _from_provider(name: str) -> BaseChatModel:
    provider, _, model = name.partition(":")
    try:
        opened = init_chat_model(model, model_provider=provider, temperature=0)
    except ImportError as error:
        raise _missing_package(name, error) from error
    except Exception as error:  # each provider's package has errors of its own, with no common root
        reason = " ".join(str(error).split()).rstrip(".")
        raise QAError(
            f"The chat model {name!r} could not be opened: {reason}.",
            remedy="Its name is 'provider:model', and most providers need their key in the "
            "environment.",
        ) from error
    if not isinstance(opened, BaseChatModel):
        raise QAError(f"{name!r} does not name one chat model.")
    return opened


def _missing_package(name: str, error: ImportError) -> QAError:
    found = PIP_INSTALL.search(str(error))
    package = found.group(1) if found else f"langchain-{name.partition(':')[0]}"
    return QAError(
        f"The chat model {name!r} needs the package {package!r}, which is not installed.",
        remedy=f"Run: pip install {package}",
    )


def _require_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise WeightsError(
            f"The model file {str(path)!r} cannot be read: {error.strerror}.",
            remedy="Give the path of a GGUF file, or a name of `qa models list`.",
        ) from error
    if magic != GGUF_MAGIC:
        raise WeightsError(
            f"The file {str(path)!r} is not a GGUF model: it begins with {magic!r}.",
            remedy="Give the path of a GGUF file, or a name of `qa models list`.",
        )


def _file_identity(path: Path) -> str:
    """Return what tells one model file from another without reading it whole."""
    if not path.is_file():
        return ""
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _program_path(program: Path | None) -> str | None:
    """Return the absolute path of a llama-server program, given by path or by a name in PATH."""
    if program is None:
        return None
    found = shutil.which(program.expanduser())
    if found is None:
        raise EngineError(
            f"There is no program to run at {str(program)!r}.",
            remedy="Set QA_LLAMA_SERVER to a llama-server program, or unset it.",
        )
    return str(Path(found).absolute())


def _engine_identity(launch: Launch) -> str:
    if launch.program:
        return f"llama-server {_file_identity(Path(launch.program))}"
    return f"xllamacpp {importlib.metadata.version('xllamacpp')}"


def _usable_folder(folder: Path | None) -> str:
    """Return the folder for states, made if need be, or "" with a warning when it cannot be."""
    if folder is None:
        return ""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        logger.warning("read prompts are not kept: %s", error)
        return ""
    return str(folder.absolute())
