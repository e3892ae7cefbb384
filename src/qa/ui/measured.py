"""An evaluation as safe HTML: what can be run, how far it is, and the report of it.

Pure functions from records to HTML. A failed case is a button with its place in the report as
``data-case``; pressing it opens the case in the chat.
"""

from __future__ import annotations

from collections.abc import Sequence

from qa.evaluation.figures import MAIN_FIGURES, Row, rows, smallest_shown
from qa.evaluation.fragments import drawn_interval, outcome_bar, plots_html
from qa.evaluation.kinds import Kind, kind_counts, kind_label, kind_of
from qa.evaluation.metrics import METRICS
from qa.evaluation.records import Estimate, Outcome, Report
from qa.evaluation.reporting import HTML_NAME, JSON_NAME
from qa.ui.bench import ExampleSet
from qa.ui.cases import expected_words
from qa.ui.markup import escape
from qa.ui.measuring import Progress

INTRODUCTION = (
    "<h2>Evaluate</h2><p>Every question of a test set is asked, and each answer is held "
    "against what is known to be right. What goes wrong can be read in the chat.</p>"
)
NOTHING_FITS = (
    '<p class="calm">No test set here is about the article that is open. To measure its answers, '
    "write questions about it, a JSON object a line, and run <code>qa eval FILE</code>, or open "
    "the page with <code>qa chat -a ARTICLE --testset FILE</code>.</p>"
)
ANOTHER_RUNS = "Another evaluation is being run. Press Run again when it has ended."

_SAID_CHARACTERS = 160


def set_label(asked: ExampleSet) -> str:
    """Return how a test set is named where one is chosen; plain text."""
    count = len(asked.examples)
    of = f"{count:,} of {_questions(count + asked.left_out)}" if asked.left_out else ""
    return f"{asked.name} ({of or _questions(count)})"


def invitation_html(asked: ExampleSet) -> str:
    """Return what a test set holds, before it is run."""
    can = sum(example.answerable for example in asked.examples)
    total = len(asked.examples)
    left_out = _left_out(asked)
    return _state(
        "ready",
        f'<p class="calm">{_questions(total)}: the article answers {can:,} of them, and does not '
        f"say {total - can:,}. {left_out}An answer that is kept from an earlier run is not asked "
        "for again.</p>",
    )


def _left_out(asked: ExampleSet) -> str:
    """Return in a sentence how many questions of a set are not asked and why, or nothing."""
    if not asked.left_out:
        return ""
    of = asked.left_out + len(asked.examples)
    if asked.left_out == 1:
        return f"1 of {of:,} questions is about another article and is left out. "
    return f"{asked.left_out:,} of {of:,} questions are about other articles and are left out. "


def notice_html(text: str) -> str:
    """Return a line that says why there is no report."""
    return _state("ended", f'<p class="notice" role="status">{escape(text)}</p>')


def progress_html(progress: Progress) -> str:
    """Return how far an evaluation is, with the shares so far."""
    done, total = len(progress.found), progress.total
    waiting = f"{escape(progress.waiting_for)} …" if progress.waiting_for else _time_left(progress)
    shares = "".join(
        f"<div><dt>{name}</dt><dd><b>{count:,}</b> of {of:,}</dd></div>"
        for name, count, of in _shares(progress.found)
        if of
    )
    return _state(
        "running",
        f'<p class="count" id="progress-count"><b>{done:,}</b> of {total:,}</p>'
        f'<progress max="{total}" value="{done}" aria-labelledby="progress-count"></progress>'
        f'<p class="left">{waiting}</p><dl class="shares">{shares}</dl>',
    )


def report_html(progress: Progress, *, folder: str) -> str:
    """Return the report of an evaluation that has ended, or the line that there is none.

    :param folder: where its files can be fetched, seen from the page.
    """
    if progress.report is None:
        return notice_html("Stopped before the first answer. Press Run to begin again.")
    report = progress.report
    stopped = (
        f'<p class="calm">Stopped after {len(progress.found):,} of {progress.total:,}. What is '
        "answered is kept: Run goes on from there.</p>"
        if progress.stopped
        else ""
    )
    summary = f"{_summary(report, folder)}{stopped}"
    return _state("ended", f"{summary}{_figures(report)}{_plots(report)}{_cases(report)}")


def _state(name: str, inside: str) -> str:
    return f'<div class="sheet" data-run="{name}">{inside}</div>'


def _questions(count: int) -> str:
    return "1 question" if count == 1 else f"{count:,} questions"


def _shares(found: Sequence[Outcome]) -> tuple[tuple[str, int, int], ...]:
    """Return each running share as a name, a count, and of how many."""
    can = [outcome for outcome in found if outcome.example.answerable]
    cannot = [outcome for outcome in found if not outcome.example.answerable]
    failed = kind_counts(found)[Kind.FAILED]
    return (
        ("Rightly answered", kind_counts(can)[Kind.RIGHT], len(can)),
        ("Rightly declined", kind_counts(cannot)[Kind.RIGHT], len(cannot)),
        ("Failed", failed, len(found) if failed else 0),
    )


def _time_left(progress: Progress) -> str:
    if not progress.found:
        return "Asking the first question …"
    each = sum(outcome.seconds for outcome in progress.found) / len(progress.found)
    seconds = each * (progress.total - len(progress.found))
    if seconds < 60:
        return "Less than a minute left"
    return f"About {seconds / 60:.0f} min left"


def _summary(report: Report, folder: str) -> str:
    """Return how the cases came out, as a sentence, a bar and its legend, beside the downloads."""
    right = kind_counts(report.outcomes)[Kind.RIGHT]
    bar = outcome_bar(report.outcomes, legend="outcomes")
    return (
        '<div class="came-out">'
        f'<p class="lead" role="status">{right:,} of {len(report.outcomes):,} right</p>'
        f"{_downloads(folder)}</div>{bar}"
    )


def _downloads(folder: str) -> str:
    """Return the links to the report as files; saved, not opened, so that the page stays."""
    place = escape(folder)
    return (
        f'<p class="downloads"><a href="{place}/{HTML_NAME}" download>Download the report</a>'
        f'<a href="{place}/{JSON_NAME}" download aria-label="Download the report as JSON">JSON</a>'
        "</p>"
    )


def _figures(report: Report) -> str:
    pairs = list(zip(report.estimates, rows(report.estimates), strict=True))
    main = [pair for pair in pairs if pair[0].name in MAIN_FIGURES]
    others = [pair for pair in pairs if pair[0].name not in MAIN_FIGURES]
    unfolded = (
        f"<details><summary>{len(others)} more figures</summary>{_table(others, 'More figures')}"
        "</details>"
        if others
        else ""
    )
    smallest = smallest_shown(report.estimates)
    shown = f'<p class="calm">{escape(smallest)}</p>' if smallest else ""
    return f"<section><h3>Figures</h3>{_table(main, 'Figures')}{shown}{unfolded}</section>"


def _table(pairs: Sequence[tuple[Estimate, Row]], label: str) -> str:
    lines = "".join(_figure(one, row) for one, row in pairs)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table><thead><tr>'
        '<th scope="col">Figure</th><th scope="col">Value</th><td class="drawn"></td>'
        '<th scope="col">95% interval</th><th scope="col">n</th></tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _figure(one: Estimate, row: Row) -> str:
    meaning = escape(METRICS.get(one.name, ""))
    return (
        f'<tr><th scope="row"><code>{escape(row.name)}</code><small>{meaning}</small></th>'
        f'<td><b>{row.value}</b></td><td class="drawn">{drawn_interval(one)}</td>'
        f"<td>{row.interval}</td><td>{row.n}</td></tr>"
    )


def _plots(report: Report) -> str:
    return f"<section><h3>Plots</h3>{plots_html(report)}</section>"


def _cases(report: Report) -> str:
    """Return the cases that did not come out right, by how, each with its place in the report."""
    kinds = list(Kind)
    failed = sorted(
        (kinds.index(kind_of(outcome)), number)
        for number, outcome in enumerate(report.outcomes)
        if kind_of(outcome) is not Kind.RIGHT
    )
    if not failed:
        return '<section><h3>Failed cases</h3><p class="calm">There are none.</p></section>'
    items = "".join(f"<li>{_case(number, report.outcomes[number])}</li>" for _, number in failed)
    return (
        f"<section><h3>Failed cases <small>{len(failed):,}</small></h3>"
        '<p class="calm">Press one to read it in the chat, beside the article.</p>'
        f'<ol class="cases">{items}</ol></section>'
    )


def _case(number: int, outcome: Outcome) -> str:
    kind, example = kind_of(outcome), outcome.example
    said = outcome.error if outcome.answer is None else outcome.answer.text
    return (
        f'<button type="button" class="case-link" data-case="{number}">'
        f'<span class="kind is-{kind}">{kind_label(kind)}</span>'
        f'<span class="case-question" dir="auto">{escape(example.question)}</span>'
        f'<span class="case-said" dir="auto">{escape(_short(said))}</span>'
        f'<span class="case-said" dir="auto">Expected: '
        f"{escape(_short(expected_words(example.answers)))}</span></button>"
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SAID_CHARACTERS else f"{line[:_SAID_CHARACTERS].rstrip()} …"
