"""A module imports only from lower layers, and no stage imports another."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "qa"

# A part may import the parts in lower rows, and itself.
LAYERS = (
    {"records", "errors", "settings", "steps"},
    {
        "articles",
        "chunking",
        "embedding",
        "index",
        "citations",
        "signals",
        "calibration",
        "prompts",
        "models",
        "names",
        "wording",
    },
    {"storage", "retrieval", "rewriting", "overview", "generation", "checking", "verification"},
    {"indexing", "documents", "sections"},
    {"tallies", "attempts"},
    {"gathering"},
    {"pipeline"},
    {"assistant", "evaluation"},
    {"ui"},
    {"cli"},
    {"__init__", "__main__"},
)
# Within the two lowest rows a tool may stand on another, in this order only.
BESIDE = {
    ("settings", "errors"),
    ("chunking", "articles"),
    ("signals", "citations"),
}
LAYER_OF = {part: number for number, parts in enumerate(LAYERS) for part in parts}


def part_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Return the parts of the package that a module imports, anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    return {name.split(".")[1] for name in names if name.startswith("qa.")}


def test_every_part_has_a_layer() -> None:
    assert {part_of(path) for path in SOURCE.rglob("*.py")} == set(LAYER_OF)


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_a_module_imports_only_from_lower_layers(path: Path) -> None:
    part = part_of(path)
    wrong = {
        other
        for other in imports(path)
        if other != part and LAYER_OF[other] >= LAYER_OF[part] and (part, other) not in BESIDE
    }
    assert wrong == set()
