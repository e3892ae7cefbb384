"""The commands about test sets: ``eval TESTSET ...``, ``eval compare`` and ``eval export``.

``eval generate`` is in ``qa.cli.generating``.
"""

from __future__ import annotations

import argparse
import json
import operator
import re
import shlex
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models.chat_models import BaseChatModel
from tqdm import tqdm

from qa.assistant import Assistant
from qa.cli import generating
from qa.cli.asking import INTERRUPTED, KEPT_FOLDER, told
from qa.cli.opening import chat_model
from qa.cli.text import plain
from qa.errors import ExamplesError
from qa.evaluation.comparing import compare as compared
from qa.evaluation.comparison_text import comparison_text
from qa.evaluation.exports import (
    ragas_rows,
    squad_no_answer_probabilities,
    squad_predictions,
)
from qa.evaluation.judging import Judge, Verdicts, judged
from qa.evaluation.keeping import Keeper
from qa.evaluation.metrics import METRICS
from qa.evaluation.provenance import made_with
from qa.evaluation.records import Estimate, Example, Outcome
from qa.evaluation.reporting import read_report, table, write_report
from qa.evaluation.running import articles_of, check, outcomes, report_of
from qa.evaluation.testsets import load_examples
from qa.records import Answer, Article
from qa.settings import Settings

MISSED = 3

ACTIONS = ("run", "compare", "export", "generate")
"""The first words after ``eval``; any other is a test set to run."""

Opening = Callable[[Article], Generator[str, None, Assistant]]
"""Opens an assistant for an article, saying on the way what it does."""

Judging = Callable[[str], AbstractContextManager[BaseChatModel]]
"""Holds the chat model of a name open."""

FORMS: dict[str, Callable[[Sequence[Outcome]], object]] = {
    "squad": squad_predictions,
    "squad-na-probs": squad_no_answer_probabilities,
    "ragas": ragas_rows,
}
"""What ``eval export`` writes for other scorers, by its name there."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A figure's name and how it must compare with a number, as a person wrote it."""

    text: str
    name: str
    comparison: str
    number: float

    def reached(self, estimates: Sequence[Estimate]) -> bool:
        """Return whether the figure is there and compares so."""
        return any(
            estimate.name == self.name
            and _COMPARISONS[self.comparison](estimate.value, self.number)
            for estimate in estimates
        )


def bar(text: str) -> Bar:
    """Return the bar that a person wrote, as ``right>=0.9``.

    :raises argparse.ArgumentTypeError: if it is none; it says which figures there are.
    """
    parts = re.fullmatch(r"\s*(\w+)\s*([<>]=?)\s*(\d+(?:\.\d+)?)\s*", text)
    if not parts or parts[1] not in METRICS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a figure, one of >= > <= <, and a number, as in 'right>=0.9'; "
            f"the figures are {', '.join(METRICS)}"
        )
    return Bar(text=text.strip(), name=parts[1], comparison=parts[2], number=float(parts[3]))


def with_action(arguments: Sequence[str]) -> list[str]:
    """Return the words of a command line, ``run`` put in where ``eval`` has no action."""
    words = list(arguments)
    if words[:1] == ["eval"] and words[1:] and words[1] not in (*ACTIONS, "-h", "--help"):
        words.insert(1, "run")
    return words


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``eval`` and its actions to the commands."""
    command = commands.add_parser(
        "eval",
        help="measure the answers with test sets",
        description="qa eval TESTSET ... is short for qa eval run TESTSET ...",
    )
    actions = command.add_subparsers(required=True, metavar="ACTION")
    running = actions.add_parser("run", help="ask every question of test sets and write a report")
    running.add_argument(
        "testsets", nargs="+", metavar="TESTSET", help="JSONL, SQuAD 2.0, CSV or RAGAS files"
    )
    running.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the report (evaluations/NAME)"
    )
    running.add_argument(
        "--fail-under",
        type=bar,
        action="append",
        default=[],
        metavar="BAR",
        help="exit 3 unless a figure reaches it, as in 'right>=0.9'; may be given again",
    )
    running.add_argument(
        "--fresh", action="store_true", help="ask again what was answered by an earlier run"
    )
    running.add_argument(
        "--judge",
        metavar="MODEL",
        help="a chat model that says beside the figures which answers it finds right, named as "
        "QA_CHAT_MODEL is",
    )
    running.set_defaults(run=run)
    comparing = actions.add_parser("compare", help="say how one report differs from another")
    comparing.add_argument("old", type=Path, metavar="OLD", help="folder of the earlier report")
    comparing.add_argument("new", type=Path, metavar="NEW", help="folder of the later report")
    comparing.set_defaults(run=compare)
    exporting = actions.add_parser(
        "export", help="print the answers of a report for others' scorers"
    )
    exporting.add_argument("report", type=Path, metavar="REPORT", help="folder of the report")
    exporting.add_argument(
        "--as",
        choices=FORMS,
        required=True,
        dest="form",
        help="predictions or no-answer probabilities of SQuAD 2.0's script, or rows of RAGAS",
    )
    exporting.set_defaults(run=export)
    generating.add_command(actions)


def run(options: argparse.Namespace) -> int:
    """Ask every question, print the figures, and write the report."""
    settings = Settings.from_environment()
    return measure(
        options,
        settings,
        lambda article: Assistant.opening(article, settings=settings),
        lambda name: chat_model(settings, name=name),
    )


def measure(
    options: argparse.Namespace, settings: Settings, opening: Opening, judging: Judging
) -> int:
    """Do what ``run`` does with the assistants that ``opening`` opens, and the judge likewise."""
    examples = _loaded(options.testsets)
    folder = options.out or Path("evaluations") / Path(options.testsets[0]).stem
    about = made_with(settings)
    kept = settings.index_folder / KEPT_FOLDER
    keeper = Keeper.open(kept, about, articles_of(examples))
    if options.fresh:
        keeper.forget()
    if options.judge:
        with judging(options.judge):
            pass  # one that cannot be opened is told of before the time that the answers take
    found: dict[str, Outcome] = {}
    try:
        for outcome in _with_bar(_asked(examples, keeper, opening), len(examples)):
            found[outcome.example.id] = outcome
        ordered = [found[example.id] for example in examples]
        if options.judge:
            with judging(options.judge) as model:
                judge = Judge(model, name=options.judge)
                verdicts = Verdicts.open(kept, judge.about)
                if options.fresh:
                    verdicts.forget()
                marked = judged(ordered, judge, verdicts=verdicts)
                ordered = list(_with_bar(marked, len(ordered)))
            about |= judge.about
    except KeyboardInterrupt:
        _say(f"qa: stopped; {len(found)} of {len(examples)} questions are done and kept.")
        _say(f"To go on, run: {_command(options)}")
        return INTERRUPTED
    report = report_of(ordered, about=about)
    files = write_report(report, folder)
    print(table(report.estimates))
    for outcome in report.outcomes:
        if outcome.error:
            _say(f"failed: {outcome.example.id}: {outcome.error}")
    _say(f"Written: {', '.join(map(str, files))}")
    missed = [one.text for one in options.fail_under if not one.reached(report.estimates)]
    for text in missed:
        _say(f"missed: {text}")
    return MISSED if missed else 0


def compare(options: argparse.Namespace) -> int:
    """Print how two reports differ."""
    print(plain(comparison_text(compared(read_report(options.old), read_report(options.new)))))
    return 0


def export(options: argparse.Namespace) -> int:
    """Print the answers of a report as JSON in another scorer's form."""
    values = FORMS[options.form](read_report(options.report).outcomes)
    print(json.dumps(values, ensure_ascii=False, indent=1))
    return 0


def _loaded(paths: Sequence[str]) -> list[Example]:
    """Return the examples of all test sets, or raise what is wrong with any of them."""
    examples: list[Example] = []
    errors: list[ExamplesError] = []
    for path in paths:
        try:
            examples += load_examples(path)
        except ExamplesError as error:
            errors.append(error)
    if errors:
        raise ExamplesError("\n".join(error.message for error in errors), remedy=errors[0].remedy)
    check(examples)
    return examples


def _asked(
    examples: Sequence[Example], keeper: Keeper, opening: Opening
) -> Generator[Outcome, None, None]:
    """Yield the outcomes, article by article; an assistant is opened only where it is needed."""
    for article in articles_of(examples).values():
        own = [example for example in examples if example.article.id == article.id]
        if all(keeper.get(example) for example in own):
            yield from outcomes(own, _unasked, keeper=keeper)
        else:
            with told(opening(article)) as assistant:
                yield from outcomes(own, assistant.ask, keeper=keeper)


def _unasked(question: str, _history: object) -> Answer:
    raise AssertionError(f"{question!r} is kept")  # and so nobody is asked


def _with_bar(found: Generator[Outcome, None, None], total: int) -> Iterator[Outcome]:
    with closing(found), tqdm(total=total, unit=" questions", dynamic_ncols=True) as progress:
        for outcome in found:
            progress.update()
            yield outcome


def _command(options: argparse.Namespace) -> str:
    """Return the command that goes on where this one was stopped."""
    words = ["qa", "eval", *options.testsets]
    if options.out:
        words += ["--out", str(options.out)]
    for one in options.fail_under:
        words += ["--fail-under", one.text]
    if options.judge:
        words += ["--judge", options.judge]
    return shlex.join(words)


def _say(line: str) -> None:
    print(plain(line), file=sys.stderr, flush=True)
