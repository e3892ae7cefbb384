"""What no part of the program may do, and the versions below which packages have known holes."""

from __future__ import annotations

import ast
from importlib import metadata
from pathlib import Path

import pytest

SOURCES = sorted((Path(__file__).resolve().parents[1] / "src" / "qa").rglob("*.py"))
DANGEROUS_CALLS = {"eval", "exec", "tempfile.mktemp", "os.system", "os.popen"}
DANGEROUS_MODULES = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve"}
DANGEROUS_ARGUMENTS = {
    ("shell", True),
    ("trust_remote_code", True),
    ("allow_dangerous_deserialization", True),
    ("verify", False),
}
FLOORS = {
    "gradio": "6.22",
    "langchain-core": "1.2.22",
    "pillow": "12.3",
    "python-multipart": "0.0.31",
    "sentence-transformers": "6.0",
    "starlette": "1.3.1",
    "torch": "2.10",
    "transformers": "5.3",
    "urllib3": "2.7",
}


def dangers(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            found += [name] if name in DANGEROUS_CALLS else []
            found += [
                f"{one.arg}={one.value.value}"
                for one in node.keywords
                if isinstance(one.value, ast.Constant)
                and (one.arg, one.value.value) in DANGEROUS_ARGUMENTS
            ]
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name in DANGEROUS_MODULES]
        if isinstance(node, ast.ImportFrom) and node.module in DANGEROUS_MODULES:
            found.append(node.module)
    return found


@pytest.mark.parametrize(
    "source",
    [
        *(f"{call}('x')" for call in sorted(DANGEROUS_CALLS)),
        *(f"import {module}" for module in sorted(DANGEROUS_MODULES)),
        *(f"from {module} import load" for module in sorted(DANGEROUS_MODULES)),
        *(f"run('x', {name}={value})" for name, value in sorted(DANGEROUS_ARGUMENTS)),
    ],
)
def test_each_danger_is_seen(source: str) -> None:
    assert len(dangers(source)) == 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_module_does_what_is_dangerous(path: Path) -> None:
    assert dangers(path.read_text(encoding="utf-8")) == []


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split("+")[0].split(".") if part.isdigit()]


@pytest.mark.parametrize("package", FLOORS)
def test_packages_are_not_older_than_the_mending_of_their_holes(package: str) -> None:
    assert numbers(metadata.version(package)) >= numbers(FLOORS[package])
