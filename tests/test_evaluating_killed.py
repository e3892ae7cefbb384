"""A real `qa eval` process that is killed in the middle, and the run that goes on from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.children import wait_until
from qa.evaluation import read_report
from qa.evaluation.keeping import FILE_NAME

pytestmark = pytest.mark.models  # the embedder is the real one

STUB = Path(__file__).parent / "fakes" / "stub_llama_server.py"
QUESTIONS = [f"How many boats did the town have in {year}?" for year in range(1900, 1924)]


class Folder:
    """A working folder with a test set, and an engine that notes in a journal what it is asked."""

    def __init__(self, path: Path, models_folder: Path) -> None:
        self.path = path
        (path / "boats.txt").write_text("The town has 37 boats.", encoding="utf-8")
        lines = [
            {"id": question[-5:-1], "article": "boats.txt", "question": question, "answers": []}
            for question in QUESTIONS
        ]
        (path / "set.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        (path / "model.gguf").write_bytes(b"GGUF")
        program = path / "llama-server"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STUB}" "$@"\n')
        program.chmod(0o755)
        self._environment = {
            **os.environ,
            "QA_CHAT_MODEL": "model.gguf",
            "QA_LLAMA_SERVER": str(program),
            "QA_INDEX_FOLDER": str(path / "index"),
            "QA_MODELS_FOLDER": str(models_folder),
            "TMPDIR": str(path),  # where the stub has its journal
        }

    def run(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "qa", "eval", "set.jsonl"],
            cwd=self.path,
            env=self._environment,
        )

    def kept(self) -> int:
        """Return how many answers are kept; one that the kill has cut off is not."""
        files = (self.path / "index" / "answers").glob(f"*/{FILE_NAME}")
        return sum(
            line.endswith(b"}}") for file in files for line in file.read_bytes().split(b"\n")
        )

    def asked(self) -> list[list[str]]:
        """Return the questions that the engine was asked, for each of its runs."""
        runs: dict[int, list[str]] = {}
        for line in (self.path / "journal").read_text(encoding="utf-8").splitlines():
            told: dict[str, Any] = json.loads(line)
            asked = runs.setdefault(told["run_pid"], [])
            if told.get("path") == "/v1/chat/completions":
                asked.append(told["body"]["messages"][-1]["content"])
        return list(runs.values())


@pytest.mark.skipif(sys.platform == "win32", reason="the stub engine is started by a shell script")
def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path, models_folder: Path) -> None:
    folder = Folder(tmp_path, models_folder)
    with folder.run() as process:
        wait_until(lambda: folder.kept() >= 3)
        process.kill()
    kept = folder.kept()
    assert 3 <= kept < len(QUESTIONS)
    assert not (tmp_path / "evaluations").exists()

    with folder.run() as process:
        assert process.wait() == 0
    first, second = folder.asked()
    assert first[:kept] == QUESTIONS[:kept]
    assert second == QUESTIONS[kept:]
    report = read_report(tmp_path / "evaluations" / "set")
    assert [one.example.question for one in report.outcomes] == QUESTIONS
    assert [one.error for one in report.outcomes] == [""] * len(QUESTIONS)
