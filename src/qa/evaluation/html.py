"""A report as one HTML page that needs nothing else: no network, no library.

The figures, plots and the list of cases are in the page; what a case unfolds to is drawn by the
page's own script from a block of JSON that holds each article once. Articles, models and test sets
are not trusted: here their words pass ``escape``, in the script they only ever become text, and the
policy in the head lets no other script or style run.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping
from importlib.resources import files

from qa.evaluation.case_json import cases_to_json
from qa.evaluation.figures import Row, rows, smallest_shown
from qa.evaluation.fragments import drawn_interval, outcome_bar, plots_html
from qa.evaluation.kinds import Kind, kind_counts, kind_label, kind_of
from qa.evaluation.metrics import METRICS
from qa.evaluation.records import Estimate, Outcome, Report


def report_to_html(report: Report) -> str:
    """Return the page, the same for the same report."""
    style, script = _asset("report.css"), _asset("report.js")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>Evaluation: {_told(report)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<header><h1>Evaluation</h1>{_summary(report)}</header>\n<main>\n"
        f"{_figures(report)}{_plots(report)}{_cases(report)}{_about(report)}"
        '</main>\n<script type="application/json" id="data">'
        f"{cases_to_json(report)}</script>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Return text as HTML that shows it, safe between tags and in a quoted attribute."""
    return html.escape(text.encode(errors="replace").decode().replace("\0", "\ufffd"), quote=True)


def _told(report: Report) -> str:
    return f"{kind_counts(report.outcomes)[Kind.RIGHT]:,} of {len(report.outcomes):,} right"


def _summary(report: Report) -> str:
    """Return how the cases came out, as a sentence, a bar and its legend."""
    bar = outcome_bar(report.outcomes, legend="legend")
    return f'<p class="lead"><b>{_told(report)}.</b></p>{bar}'


def _figures(report: Report) -> str:
    shown = smallest_shown(report.estimates)
    told = f"<p>{escape(shown)}</p>" if shown else ""
    lines = "".join(
        _figure(one, row) for one, row in zip(report.estimates, rows(report.estimates), strict=True)
    )
    return (
        '<section aria-labelledby="figures"><h2 id="figures">Figures</h2>'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="figures"><table>'
        '<thead><tr><th scope="col">Figure</th><th scope="col">Value</th>'
        '<th scope="col" class="drawn"><span class="unseen">Drawn</span></th>'
        '<th scope="col">95% interval</th><th scope="col">n</th></tr></thead>'
        f"<tbody>{lines}</tbody></table></div>{told}</section>\n"
    )


def _figure(one: Estimate, row: Row) -> str:
    meaning = METRICS.get(one.name)
    said = f"<small>{escape(meaning)}</small>" if meaning else ""
    return (
        f'<tr><th scope="row"><code>{escape(row.name)}</code>{said}</th><td><b>{row.value}</b></td>'
        f'<td class="drawn">{drawn_interval(one)}</td>'
        f'<td title="{escape(one.interval)}">{row.interval}</td><td>{row.n}</td></tr>'
    )


def _plots(report: Report) -> str:
    return (
        '<section aria-labelledby="plots"><h2 id="plots">Plots</h2>'
        f"{plots_html(report)}</section>\n"
    )


def _cases(report: Report) -> str:
    tags = sorted({tag for outcome in report.outcomes for tag in outcome.example.tags})
    places = {tag: place for place, tag in enumerate(tags)}
    cases = "\n".join(
        _case(number, outcome, places) for number, outcome in enumerate(report.outcomes, 1)
    )
    return (
        f'<section aria-labelledby="cases"><h2 id="cases">Cases</h2>{_filters(report, tags)}'
        "<noscript><p>To unfold a case, let this page run its script; it fetches nothing."
        f'</p></noscript>\n<div id="list">{cases}</div></section>\n'
    )


def _filters(report: Report, tags: Iterable[str]) -> str:
    counts = kind_counts(report.outcomes)
    buttons = "".join(
        f'<button type="button" data-kind="{kind}" aria-pressed="false">'
        f'<span class="dot is-{kind}"></span>{kind_label(kind)} <span>{count:,}</span></button>'
        for kind, count in counts.items()
    )
    options = "".join(
        f'<option value="{place}">{escape(tag)}</option>' for place, tag in enumerate(tags)
    )
    return (
        '<div id="filters" role="group" aria-label="Show cases">'
        '<button type="button" data-kind="" aria-pressed="true">All '
        f"<span>{len(report.outcomes):,}</span></button>{buttons}"
        f'<label>Tag <select id="tag"><option value="">any</option>{options}</select></label>'
        '<label>Holding <input id="words" type="search" autocomplete="off" '
        'placeholder="words or id"></label>'
        '<p id="shown" role="status" aria-live="polite"></p></div>'
    )


def _case(number: int, outcome: Outcome, places: Mapping[str, int]) -> str:
    kind, example = kind_of(outcome), outcome.example
    numbers = " ".join(str(places[tag]) for tag in dict.fromkeys(example.tags))
    tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in example.tags)
    return (
        f'<details id="case-{number}" class="case" data-kind="{kind}" data-tags="{numbers}">'
        f'<summary><span class="kind is-{kind}">{kind_label(kind)}</span>'
        f'<span class="question" dir="auto">{escape(example.question)}</span>'
        f'<span class="facts"><bdi class="id">{escape(example.id)}</bdi>{tags}</span></summary>'
        "</details>"
    )


def _about(report: Report) -> str:
    lines = "".join(
        f'<div><dt>{escape(name)}</dt><dd dir="auto">{escape(value)}</dd></div>'
        for name, value in sorted(report.about.items())
    )
    return (
        '<section aria-labelledby="about"><h2 id="about">Made with</h2>'
        f"<dl>{lines}</dl></section>\n"
    )


def _asset(name: str) -> str:
    return files("qa.evaluation").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
