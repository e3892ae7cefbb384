"""Opens the chat on the article in seeds/: the same as ``qa chat``."""

import sys

from qa.__main__ import run

if __name__ == "__main__":
    sys.exit(run(["chat", *sys.argv[1:]]))
