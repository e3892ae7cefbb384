"""What the README shows of measuring is so; ``test_real`` runs what needs the models."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from qa.cli.evaluating import with_action
from qa.cli.main import parser
from qa.evaluation import load_examples

TOP = Path(__file__).resolve().parents[1]
README = (TOP / "README.md").read_text("utf-8")
_, MEASURING = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_baseline_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(TOP)
    exec(compile(MEASURING, "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    examples = load_examples(TOP / "tests/testsets/us-japan.jsonl")
    answerable = sum(one.answerable for one in examples)
    assert re.fullmatch(rf"right 0\.00 \(0\.00 to 0\.\d\d\), n={answerable}", lines[0])
    assert lines[1].startswith("declined 1.00 (0.")
    assert lines[2].startswith("right_mean 0.50 ")


@pytest.mark.parametrize(
    "line", [line.strip() for line in README.splitlines() if line.startswith("    qa eval ")]
)
def test_each_command_of_the_section_is_one(line: str) -> None:
    words = shlex.split(line.split("  ")[0])
    options = parser().parse_args(with_action(words[1:]))
    assert callable(options.run)


def test_the_line_of_a_test_set_can_be_read(tmp_path: Path) -> None:
    (line,) = re.findall(r"^    (\{\"id\".*?\})", README, re.DOTALL | re.MULTILINE)
    (tmp_path / "notes.txt").write_text("It has 37 boats.", encoding="utf-8")
    (tmp_path / "set.jsonl").write_text(" ".join(line.split()), encoding="utf-8")
    (example,) = load_examples(tmp_path / "set.jsonl")
    assert example.answers == (("37", "thirty-seven"),)
