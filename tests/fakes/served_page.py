"""Serves the page for the scripted assistant, in a process of its own.

Run as ``python served_page.py PORT``. Writes to standard output, a line each: what the assistant
logs, the private folder, and where the page is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator

from answerer import ScriptedAnswerer

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


if __name__ == "__main__":
    answerer = ScriptedAnswerer(_say)
    open_and_serve(
        answerer.articles,
        _opening(answerer),
        port=int(sys.argv[1]),
        open_browser=False,
        announce=_announce,
    )
