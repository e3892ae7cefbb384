"""Runs the command line: ``python -m qa``."""

import sys

from qa.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
