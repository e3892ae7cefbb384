"""What a person can set, parsed and checked once at the edge of the program.

In: keyword arguments, or environment variables named ``QA_`` and the field in capitals
(``QA_CHAT_MODEL=...``). Out: one frozen ``Settings``. Below ``Assistant.open`` go plain values.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from qa.errors import SettingsError

ENVIRONMENT_PREFIX = "QA_"


def checkout_folder() -> Path | None:
    """Return the top of the source checkout this package runs from, or None when installed."""
    top = Path(__file__).resolve().parents[2]
    return top if (top / "pyproject.toml").is_file() and (top / "seeds").is_dir() else None


def _default_index_folder() -> Path:
    top = checkout_folder()
    return top / "index" if top else platformdirs.user_data_path("article-qa") / "index"


def _default_models_folder() -> Path:
    return platformdirs.user_cache_path("article-qa") / "models"


def _native_engine() -> Path | None:
    """Return the llama-server that ``make native`` builds beside the interpreter, if any."""
    program = Path(sys.prefix) / "bin" / "llama-server"
    return program if program.is_file() else None


class Settings(BaseModel):
    """Every setting, with its bounds; an unknown one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index_folder: Path = Field(
        default_factory=_default_index_folder, description="where built indexes live"
    )
    models_folder: Path = Field(
        default_factory=_default_models_folder, description="where the weights are kept"
    )
    embedding_model: str = Field(
        default="all-minilm-l6-v2",
        description="the embedder: a name of `qa models list`, or a sentence-transformers folder",
    )
    chat_model: str = Field(
        default="qwen2.5-coder-1.5b",
        description="the answerer: a name of `qa models list`, the path of a GGUF file, or "
        "'provider:model' for LangChain's init_chat_model",
    )
    chat_model_url: str | None = Field(
        default=None, description="the address of an OpenAI-compatible server for chat_model"
    )
    llama_server: Path | None = Field(
        default_factory=_native_engine,
        description="a llama-server program to run the local model with, instead of the bundled "
        "engine; what `make native` built is used by itself",
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 16), description="processor cores to use"
    )
    context_tokens: Annotated[int, Field(ge=1024, le=131072)] = Field(
        default=6144, description="tokens that the local model can hold: article, history, answer"
    )
    answer_tokens: Annotated[int, Field(ge=16, le=2048)] = Field(
        default=160, description="tokens an answer may have at most"
    )
    deadline_seconds: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="seconds an answer may take before it is given up"
    )
    chunk_characters: Annotated[int, Field(ge=100, le=4000)] = Field(
        default=350, description="characters a chunk has at most, unless one sentence is longer"
    )
    passages: Annotated[int, Field(ge=1, le=20)] = Field(
        default=6,
        description="chunks of a long article that are read for an answer; the default model reads "
        "the better half first, and the others only where those do not answer",
    )
    whole_article_tokens: Annotated[int, Field(ge=0, le=100000)] = Field(
        default=3000, description="an article of at most so many tokens is read whole, once"
    )
    most_risk: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.14,
        description="share of the answers given that may be wrong, as measured on questions that "
        "are hard on purpose; 1 withholds no answer that the article carries; with a model that "
        "nothing was fitted for, anything below 1 withholds what hardly goes with the article",
    )
    question_characters: Annotated[int, Field(ge=10, le=20000)] = Field(
        default=2000, description="characters a question may have at most"
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Return the settings that the ``QA_`` variables give.

        :raises SettingsError: if a variable is unknown or out of bounds; all problems at once.
        """
        given = {
            name.removeprefix(ENVIRONMENT_PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(ENVIRONMENT_PREFIX)
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            names = ", ".join(_variable(name) for name in cls.model_fields)
            raise SettingsError(
                f"{'; '.join(map(_problem, error.errors()))}.",
                remedy=f"The settings are {names}.",
            ) from error


def _variable(name: object) -> str:
    return f"{ENVIRONMENT_PREFIX}{str(name).upper()}"


def _problem(details: ErrorDetails) -> str:
    name = _variable(details["loc"][0])
    if details["type"] == "extra_forbidden":
        return f"There is no setting {name}"
    return f"{name}={details['input']!r} is not allowed: {details['msg']}"
