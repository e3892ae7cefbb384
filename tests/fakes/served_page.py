"""Serves the page for the scripted assistant, in a process of its own.

Run as ``python -m fakes.served_page PORT [FOLDER]``: answers are kept in the folder; without one
there are no test sets. Writes to standard output, a line each: what the assistant logs, the private
folder, and where the page is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

from fakes.answerer import ScriptedAnswerer
from fakes.boats import SETS
from qa.ui.bench import Bench
from qa.ui.running import Answerer
from qa.ui.serving import open_and_serve


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _announce(line: str) -> None:
    _say(f"folder {os.environ['GRADIO_TEMP_DIR']}")
    _say(line)


def _opening(answerer: Answerer) -> Generator[str, None, Answerer]:
    yield "Opening the scripted answerer"
    return answerer


def _bench(folders: list[str]) -> Bench | None:
    about = {"answerer": "scripted"}
    return Bench(sets=SETS, kept_folder=Path(folders[0]), about=about) if folders else None


if __name__ == "__main__":
    answerer = ScriptedAnswerer(_say)
    open_and_serve(
        answerer.articles,
        _opening(answerer),
        port=int(sys.argv[1]),
        open_browser=False,
        bench=_bench(sys.argv[2:]),
        announce=_announce,
    )
