"""The local models that the program knows: their files, with sizes and hashes, and their sources.

In: ``catalogue.json`` beside this module, the one place where sizes, hashes and sources are pinned.
Out: frozen, checked ``Model`` records. A file is made of slices, each a member of a package; the
slices of one file, in the order of the packages, put end to end are the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from qa.errors import WeightsError


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError(f"{path!r} is not a path inside a folder")
    return path


Bytes = Annotated[int, Field(gt=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
InnerPath = Annotated[str, AfterValidator(_inside)]


Role = Literal["embedder", "generator"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WeightsFile(_Record):
    """A file of a model: its path in the models folder, and what it must be."""

    path: InnerPath
    bytes: Bytes
    sha256: Sha256


class Hub(_Record):
    """Where a model hub has the files: ``filenames`` maps each file's path to its name there."""

    repo: str
    revision: str | None = None
    filenames: Mapping[str, str]


class Slice(_Record):
    """A run of bytes of ``file``, stored as a member of a package's wheel."""

    member: str
    file: InnerPath
    bytes: Bytes
    sha256: Sha256


class Package(_Record):
    """A wheel of a package registry that holds slices; it is data and is never installed."""

    requirement: Annotated[str, Field(pattern=r"^[a-z0-9-]+==[0-9.]+$")]
    bytes: Bytes
    sha256: Sha256
    slices: Annotated[tuple[Slice, ...], Field(min_length=1)]


class PlacedSlice(NamedTuple):
    """A slice, the package that holds it, and the byte of its file at which it begins."""

    package: Package
    slice: Slice
    offset: int


class Model(_Record):
    """A local model; ``path`` is its file (generator) or folder (embedder) in the models folder.

    Every file is covered exactly by its slices.
    """

    name: Annotated[str, Field(pattern="^[a-z0-9.-]+$")]
    role: Role
    publisher: str
    licence: str
    path: InnerPath
    files: Annotated[tuple[WeightsFile, ...], Field(min_length=1)]
    hub: Hub
    packages: Annotated[tuple[Package, ...], Field(min_length=1)]

    @property
    def bytes(self) -> int:
        """Return how many bytes all its files have together."""
        return sum(file.bytes for file in self.files)

    def slices_of(self, path: str) -> Iterator[PlacedSlice]:
        """Yield the slices of one file in the order of their bytes."""
        offset = 0
        for package in self.packages:
            for piece in package.slices:
                if piece.file == path:
                    yield PlacedSlice(package, piece, offset)
                    offset += piece.bytes

    @model_validator(mode="after")
    def _whole(self) -> Model:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError(f"model {self.name!r} names a file twice")
        if set(self.hub.filenames) != set(paths):
            raise ValueError(f"the hub's files of model {self.name!r} are not its files")
        if {piece.file for package in self.packages for piece in package.slices} != set(paths):
            raise ValueError(f"the slices of model {self.name!r} are not of its files")
        for file in self.files:
            covered = sum(placed.slice.bytes for placed in self.slices_of(file.path))
            if covered != file.bytes:
                raise ValueError(f"the slices of {file.path!r} have {covered} bytes in all")
        return self


class _Catalogue(_Record):
    models: tuple[Model, ...]


@cache
def catalogue() -> Mapping[str, Model]:
    """Return the known models by name, in the order of ``catalogue.json``."""
    content = files("qa.models").joinpath("catalogue.json").read_bytes()
    models = _Catalogue.model_validate_json(content).models
    return MappingProxyType({model.name: model for model in models})


def find_model(name: str, *, role: Role | None = None) -> Model:
    """Return the model of that name.

    :param role: what it must be for, if that matters.
    :raises WeightsError: if there is none; the message lists the known names.
    """
    known = {
        model.name: model for model in catalogue().values() if role is None or model.role == role
    }
    if name not in known:
        kind = f"local {role}" if role else "local model"
        raise WeightsError(
            f"There is no {kind} named {name!r}.",
            remedy=f"The {kind}s are: {', '.join(known)}.",
        )
    return known[name]
