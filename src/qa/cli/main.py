"""The words of the command line to the one function that does what they say.

Exit status: 0 done, 1 an error, stated in one line with its remedy, 2 wrong usage, 3 a bar of
`eval --fail-under` was missed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from qa.cli import asking, doctor, evaluating, models
from qa.cli.text import plain
from qa.errors import QAError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(evaluating.with_action(words))
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it opens its own level on import
    for told in ("qa.articles", "qa.storage"):  # what was left out, what is built, waiting for whom
        logging.getLogger(told).setLevel(logging.INFO)
    try:
        status: int = options.run(options)
    except QAError as error:
        print(f"qa: {plain(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("qa: stopped.", file=sys.stderr)
        return asking.INTERRUPTED
    except UnicodeEncodeError as error:
        print(
            f"qa: the output cannot hold {error.object[error.start : error.end]!r}: it is in "
            f"{error.encoding}. Set PYTHONIOENCODING=utf-8.",
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:  # whoever read the output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a full disk, a folder that cannot be written to
        what = f" {error.filename!r}" if error.filename else ""
        said = f"qa: {error.strerror or error}{plain(what)}."
        print(f"{said} Mend that, or name another place, and run it again.", file=sys.stderr)
        return 1
    except Exception as error:  # the border of the program: a fault of its own, in one line too
        last = traceback.extract_tb(error.__traceback__)[-1]
        print(
            f"qa: a fault in the program, {plain(repr(error))} in line {last.lineno} of "
            f"{Path(last.filename).name}. Please report it with what you did.",
            file=sys.stderr,
        )
        return 1
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets ``run`` to its function."""
    top = argparse.ArgumentParser(
        prog="qa",
        description="Ask an article: short answers, each tied to the exact words that support it.",
        epilog="Settings are environment variables: QA_ and the setting's name in capitals.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    index = commands.add_parser("index", help="build or refresh the index of articles")
    index.add_argument("sources", nargs="*", metavar="PATH", help="files or folders; none: seeds/")
    index.set_defaults(run=asking.index)

    ask = commands.add_parser("ask", help="answer one question")
    ask.add_argument("question", metavar="QUESTION")
    _add_article(ask)
    ask.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    ask.set_defaults(run=asking.ask)

    chat = commands.add_parser("chat", help="open the chat in the browser")
    _add_article(chat)
    chat.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    chat.add_argument(
        "--port", type=_port, metavar="PORT", help="port to listen on (the first free from 7860)"
    )
    chat.add_argument(
        "--testset",
        action="append",
        default=[],
        dest="testsets",
        metavar="FILE",
        help="a test set for the Evaluate tab, beside those that ship; may be given again",
    )
    chat.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    chat.set_defaults(run=asking.chat)

    evaluating.add_commands(commands)

    weights = commands.add_parser("models", help="the local weights")
    actions = weights.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what there is, how large, and what is here")
    listing.set_defaults(run=models.show)
    for name, run, text in (
        ("pull", models.pull, "fetch what is missing or damaged"),
        ("verify", models.verify, "check every byte against the pinned SHA-256"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument(
            "names", nargs="*", metavar="NAME", help="models; none: those that the settings name"
        )
        action.set_defaults(run=run)

    checkup = commands.add_parser("doctor", help="what is installed, what is missing, what to run")
    checkup.set_defaults(run=doctor.check)
    return top


def _add_article(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-a",
        "--article",
        action="append",
        dest="sources",
        metavar="PATH",
        help="a file or folder to ask, may be given again; none: seeds/",
    )


def _port(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)
