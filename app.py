"""Opens the chat on the article in seeds/: the same as ``qa chat``."""

import sys

from qa.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["chat", *sys.argv[1:]]))
