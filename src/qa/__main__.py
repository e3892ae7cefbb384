"""Starts the command line: ``qa``, ``python -m qa``, and for the chat ``app.py``."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, also where it is stopped while it still loads."""
    try:
        from qa.cli.main import main  # takes a second or two

        return main(arguments)
    except KeyboardInterrupt:
        print("qa: stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(run())
