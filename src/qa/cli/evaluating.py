"""The commands about test sets: ``eval TESTSET ...``, ``eval compare`` and ``eval export``.

``eval generate`` is in ``qa.cli.generating``.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from tqdm import tqdm

from qa.assistant import STATES_FOLDER, Assistant, chat_model_of
from qa.cli import generating
from qa.cli.asking import INTERRUPTED, KEPT_FOLDER, told
from qa.cli.bars import bar, check_bars
from qa.cli.opening import chat_model
from qa.cli.text import plain
from qa.errors import ExamplesError, ReportError
from qa.evaluation.comparing import came_out_alike
from qa.evaluation.comparing import compare as compared
from qa.evaluation.comparison_text import comparison_text
from qa.evaluation.exports import (
    ragas_rows,
    squad_data,
    squad_no_answer_probabilities,
    squad_predictions,
)
from qa.evaluation.figures import MAIN_FIGURES, smallest_shown, table
from qa.evaluation.judging import Judge, Verdicts, judged
from qa.evaluation.keeping import Keeper
from qa.evaluation.provenance import made_with
from qa.evaluation.records import Example, Outcome, Report
from qa.evaluation.reporting import JSON_NAME, MARKDOWN_NAME, read_report, write_report
from qa.evaluation.running import articles_of, check, outcomes_by_article, report_of
from qa.evaluation.squad_totals import squad_totals
from qa.evaluation.testsets import load_examples
from qa.indexing import Embedder
from qa.models.chat import LocalChatModel
from qa.records import Article
from qa.settings import Settings

MISSED = 3

ACTIONS = ("run", "compare", "export", "generate")
"""The first words after ``eval``; any other is a test set to run."""

Opening = Callable[[Article], Generator[str, None, Assistant]]
"""Opens an assistant for an article, saying on the way what it does; it need not be closed."""

Judging = Callable[[str], AbstractContextManager[BaseChatModel]]
"""Holds the chat model of a name open."""

FORMS: dict[str, Callable[[Sequence[Outcome]], object]] = {
    "squad": squad_predictions,
    "squad-na-probs": squad_no_answer_probabilities,
    "squad-data": squad_data,
    "squad-totals": squad_totals,
    "ragas": ragas_rows,
}
"""What ``eval export`` writes for other scorers, by its name there."""


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
    running.add_argument(
        "--similarity",
        action="store_true",
        help="also say how near the answers come to the right ones in meaning",
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
        help="predictions, no-answer probabilities or data file for SQuAD 2.0's script, or what it "
        "says of them (without the questions that want several answers, which it does not know); "
        "or rows of RAGAS",
    )
    exporting.set_defaults(run=export)
    generating.add_command(actions)


def run(options: argparse.Namespace) -> int:
    """Ask every question, print the main figures, and write the report."""
    settings = Settings.from_environment()
    return measure(
        options,
        settings,
        _answering(settings),
        lambda name: chat_model(settings, name=name),
        lambda: _embeddings(settings),
    )


@contextmanager
def _answering(settings: Settings) -> Generator[Opening, None, None]:
    """Hold what opens assistants; they share one chat model, which is closed after them.

    The embedder is opened for each: an index knows one that is brought by another name.
    """
    models: list[BaseChatModel] = []

    def opening(article: Article) -> Generator[str, None, Assistant]:
        if not models:
            model = chat_model_of(settings, states_folder=settings.index_folder / STATES_FOLDER)
            models.append(model)
        return Assistant.opening(article, settings=settings, chat_model=models[0])

    try:
        yield opening
    finally:
        for model in models:
            if isinstance(model, LocalChatModel):
                model.close()


def measure(
    options: argparse.Namespace,
    settings: Settings,
    answering: AbstractContextManager[Opening],
    judging: Judging,
    embedding: Callable[[], Embeddings],
) -> int:
    """Do what ``run`` does with the assistants that ``answering`` holds, and the others likewise.

    The answerer is closed before the judge is asked: two local models may be more than fits.
    """
    check_bars(options.fail_under, judge=options.judge, similarity=options.similarity)
    examples: list[Example] = []
    found: dict[str, Outcome] = {}
    try:
        examples += _loaded(options.testsets)
        _warn_of_drafts(examples)
        about = made_with(settings)
        kept = settings.index_folder / KEPT_FOLDER
        keeper = Keeper.open(kept, about, articles_of(examples))
        if options.judge and (options.fresh or not all(map(keeper.get, examples))):
            with judging(options.judge):
                pass  # one that cannot be opened is told of before the time that the answers take
        embeddings = embedding() if options.similarity else None
        with answering as opening:
            asked = outcomes_by_article(
                examples,
                lambda article: told(opening(article)).ask,
                keeper=keeper,
                embeddings=embeddings,
                fresh=options.fresh,
            )
            for outcome in _with_bar(asked, len(examples)):
                found[outcome.example.id] = outcome
        ordered = [found[example.id] for example in examples]
        if options.judge:
            ordered, judged_with = _judged(ordered, options, kept, judging)
            about |= judged_with
        return _told_of(report_of(ordered, about=about), options)
    except KeyboardInterrupt:
        done = sum(outcome.answer is not None for outcome in found.values())
        if examples:
            _say(f"qa: stopped; {done} of {len(examples)} questions are done and kept.")
        else:
            _say("qa: stopped.")
        # Once one was asked anew, what an earlier run kept is forgotten.
        _say(f"To go on, run: {_command(options, fresh=options.fresh and not done)}")
        return INTERRUPTED


def _told_of(report: Report, options: argparse.Namespace) -> int:
    """Write a report, print what failed, the main figures and what was missed; return the status.

    Figures that a bar is on are shown too.
    """
    folder = options.out or Path("evaluations") / Path(options.testsets[0]).stem
    previous = _put_by(folder, report)
    files = write_report(report, folder)
    for outcome in report.outcomes:
        if outcome.error:
            _say(f"failed: {outcome.example.id}: {outcome.error}")
    _say(f"Written: {', '.join(map(str, files))}")
    if previous:
        command = shlex.join(["qa", "eval", "compare", str(previous), str(folder)])
        _say(f"To compare it with the one before, run: {command}")
    shown = {*MAIN_FIGURES, *(one.name for one in options.fail_under)}
    print(table(one for one in report.estimates if one.name in shown))
    if smallest := smallest_shown(report.estimates):
        print(f"\n{smallest}")
    print(plain(f"\nAll {len(report.estimates)} figures are in {folder / MARKDOWN_NAME}"))
    missed = [one for one in options.fail_under if not one.reached(report.estimates)]
    for one in missed:
        _say(f"missed: {one.text} ({one.found(report.estimates)})")
    return MISSED if missed else 0


def _put_by(folder: Path, report: Report) -> Path | None:
    """Keep the report that is in a folder beside it, if the new one differs, and return where.

    It is written there before anything in the folder changes, so one of the two is always whole.
    """
    if not (folder / JSON_NAME).exists():
        return None
    try:
        there = read_report(folder)
    except ReportError as error:
        _say(f"Replaced: {error.message}")
        return None
    if came_out_alike(there, report):
        return None
    named = folder if folder.name not in {"", ".."} else folder.resolve()
    previous = named.parent / f"{named.name}.previous"
    write_report(there, previous)
    return previous


def _warn_of_drafts(examples: Sequence[Example]) -> None:
    drafts = sum("draft" in example.tags for example in examples)
    if drafts:
        _say(
            f"warning: {drafts} of {len(examples)} questions are drafts, which no person has seen: "
            "read them before you trust the figures."
        )


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


def _embeddings(settings: Settings) -> Embeddings:
    embedder = Embedder.named(
        settings.embedding_model, settings.models_folder, threads=settings.threads
    )
    return embedder.embeddings


def _judged(
    found: Sequence[Outcome], options: argparse.Namespace, kept: Path, judging: Judging
) -> tuple[list[Outcome], Mapping[str, str]]:
    """Return the outcomes with verdicts, and what these depend on."""
    with ExitStack() as held:
        judge = Judge(lambda: held.enter_context(judging(options.judge)), name=options.judge)
        verdicts = Verdicts.open(kept, judge.about)
        if options.fresh:
            verdicts.forget(found)
        marked = judged(found, judge, verdicts=verdicts)
        return list(_with_bar(marked, len(found))), judge.about


def _with_bar(found: Generator[Outcome, None, None], total: int) -> Iterator[Outcome]:
    with closing(found), tqdm(total=total, unit=" questions", dynamic_ncols=True) as progress:
        for outcome in found:
            progress.update()
            yield outcome


def _command(options: argparse.Namespace, *, fresh: bool) -> str:
    """Return the command that goes on where this one was stopped."""
    words = ["qa", "eval", *options.testsets]
    if options.out:
        words += ["--out", str(options.out)]
    for one in options.fail_under:
        words += ["--fail-under", one.text]
    if options.judge:
        words += ["--judge", options.judge]
    if options.similarity:
        words.append("--similarity")
    if fresh:
        words.append("--fresh")
    return shlex.join(words)


def _say(line: str) -> None:
    print(plain(line), file=sys.stderr, flush=True)
