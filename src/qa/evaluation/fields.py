"""Records of a test set, read field by field: what is wrong with one hides nothing of the others.

In: a value as JSON has it. Out: its good fields, and a ``Problem`` for each of those that are wrong
or missing.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from qa.evaluation.rows import Problem

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that is not blank; so "" may stand for one that is not there."""


class Fields(BaseModel):
    """A record whose fields all have defaults, which stand for what is missing or wrong.

    ``model_fields_set`` names the fields that are there and good; ``required`` those that must be.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    required: ClassVar[tuple[str, ...]] = ()

    @property
    def whole(self) -> bool:
        """Whether all is there and good that must be."""
        return self.model_fields_set.issuperset(self.required)


Record = TypeVar("Record", bound=Fields)


def read_fields(
    model: type[Record], value: object, *, where: str
) -> Generator[Problem, None, tuple[Record, frozenset[str]] | None]:
    """Yield what is wrong, and return the good fields with the names of the wrong ones.

    A missing field is not among the wrong ones. Of what is no JSON object, None is returned.
    """
    if not isinstance(value, dict):
        yield Problem(where=where, what="is not a JSON object")
        return None
    for name in model.required:
        if name not in value:
            yield Problem(where=where, what=f"{name!r} is missing")
    try:
        return model.model_validate(value), frozenset()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    for details in found:
        yield Problem(where=where, what=_phrase(details))
    wrong = frozenset(str(details["loc"][0]) for details in found)
    good = {name: one for name, one in value.items() if name not in wrong}
    return model.model_validate(good), wrong


def _phrase(details: ErrorDetails) -> str:
    place = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "missing":
            return f"{place!r} is missing"
        case "extra_forbidden":
            return f"{place!r} is not a field"
        case "value_error":
            return f"{place!r} {details['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{place!r}: {details['msg'].lower()}"
