"""Fits the confidence: signals of answers to the probability that they are right.

    QA_MOST_RISK=1 qa eval SET ... --out runs/NAME      for each set, with the default model
    python benchmarks/calibrate.py runs/*/report.json   keeps the signals of these answers
    python benchmarks/calibrate.py                      shows what a fit of those kept is worth
    python benchmarks/calibrate.py --write              and puts it in the program

With a risk of 1 every answer that the model gives is kept, so that wrong ones can be learned from.
What is kept, in benchmarks/signals.jsonl, is one line for a question: the set it is from, a name of
its article, whether the article answers it, whether the model did so rightly, and the signals of
what the model answered, null where it declined or the article carries nothing of its answer.

The fit is a logistic regression over the standardised signals. What is printed, and the table of
risks that a setting is looked up in, comes from articles that the weights were not fitted on: they
are divided into folds by article. ``--write`` replaces src/qa/calibration.json by the fits on all
of them: for the model that answered, and without what only a model gives, for any other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from qa.calibration import ANY_MODEL
from qa.evaluation.confidence import calibration_error, roc_area
from qa.evaluation.records import Outcome
from qa.evaluation.reporting import read_report
from qa.models.catalogue import find_model
from qa.models.opening import adapter_of
from qa.settings import Settings
from qa.signals import FROM_THE_MODEL, SIGNALS

FOLDS = 10
INVERSE_PENALTY = 0.3
KEPT = Path(__file__).with_name("signals.jsonl")
FILE = Path(__file__).resolve().parents[1] / "src" / "qa" / "calibration.json"
STEPS = np.arange(0.05, 0.951, 0.01)
FEWEST = 30
"""Of fewer answers no share is spoken of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Questions row by row: those that the model answered first, with the ``signals`` of these."""

    signals: list[dict[str, float]]
    right: np.ndarray
    answerable: np.ndarray
    articles: np.ndarray
    sets: np.ndarray

    @property
    def answered(self) -> int:
        return len(self.signals)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("reports", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.reports:
        lines = [
            json.dumps(line_of(outcome, path.parent.name))
            for path in options.reports
            for outcome in read_report(path).outcomes
        ]
        KEPT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = judged(KEPT.read_text(encoding="utf-8").splitlines())
    entries = fits(data)
    if options.write:
        FILE.write_text(json.dumps({"fits": entries}, indent=1) + "\n", encoding="utf-8")


def line_of(outcome: Outcome, name: str) -> dict[str, Any]:
    """Return what is kept of one question of a set."""
    answer = outcome.answer
    signals = answer.signals if answer and answer.status == "answered" else {}
    return {
        "set": name,
        "article": outcome.example.article.id[:12],
        "answerable": outcome.example.answerable,
        "right": bool(outcome.scores.get("right", 0.0)),
        "signals": {key: round(value, 4) for key, value in signals.items()} or None,
    }


def judged(lines: Sequence[str]) -> Judged:
    rows = sorted(map(json.loads, lines), key=lambda row: row["signals"] is None)
    return Judged(
        signals=[row["signals"] for row in rows if row["signals"]],
        right=np.array([row["right"] for row in rows], dtype=float),
        answerable=np.array([row["answerable"] for row in rows], dtype=float),
        articles=np.array([row["article"] for row in rows]),
        sets=np.array([row["set"] for row in rows]),
    )


def fits(data: Judged) -> list[dict[str, Any]]:
    """Return the entries of the data file; print what each is worth on articles apart."""
    weights = find_model(Settings().chat_model).files[0].sha256
    adapter = adapter_of(weights)
    if adapter is None:
        raise SystemExit(f"there is no adapter for the weights {weights}")
    sha256 = hashlib.sha256(adapter.read_bytes()).hexdigest()
    own, apart_own = fit(data, list(SIGNALS), weights, sha256)
    names = [name for name in SIGNALS if name not in FROM_THE_MODEL]
    words, apart_words = fit(data, names, ANY_MODEL, "")
    print(f"{len(data.right)} questions, {data.answered} answers")
    show(data, apart_own, "all signals")
    show(data, np.array([row["confirmed"] for row in data.signals]), "the check alone")
    show(data, apart_words, "words alone")
    show_sets(data, apart_own, own)
    return [own, words]


def fit(
    data: Judged, names: list[str], weights: str, adapter: str
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the entry for one set of signals, and the probabilities of the answers apart."""
    values = np.array([[row[name] for name in names] for row in data.signals])
    right, articles = data.right[: data.answered], data.articles[: data.answered]
    apart = np.zeros(len(values))
    for learned, held in GroupKFold(FOLDS).split(values, right, articles):
        model, mean, deviation = regression(values[learned], right[learned])
        apart[held] = model.predict_proba((values[held] - mean) / deviation)[:, 1]
    model, mean, deviation = regression(values, right)
    rows = zip(names, mean, deviation, model.coef_[0], strict=True)
    terms = [
        {"signal": name, "mean": float(m), "deviation": float(d), "weight": float(w)}
        for name, m, d, w in rows
    ]
    entry = {
        "weights": weights,
        "adapter": adapter,
        "intercept": float(model.intercept_[0]),
        "terms": terms,
        "risks": risks(right, apart, len(data.right)),
    }
    return entry, apart


def regression(
    values: np.ndarray, right: np.ndarray
) -> tuple[LogisticRegression, np.ndarray, np.ndarray]:
    mean, deviation = values.mean(0), values.std(0)
    deviation[deviation == 0] = 1.0
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000)
    return model.fit((values - mean) / deviation, right), mean, deviation


def risks(right: np.ndarray, probability: np.ndarray, questions: int) -> list[dict[str, float]]:
    """Return what share of the answers is wrong, and how many are given, from each step on."""
    found = []
    for step in STEPS:
        given = probability >= step
        if given.sum() < FEWEST:
            break
        row = {
            "probability": step,
            "wrong": 1 - right[given].mean(),
            "given": given.sum() / questions,
        }
        found.append({name: round(float(value), 4) for name, value in row.items()})
    return found


def show(data: Judged, score: np.ndarray, name: str) -> None:
    right, answerable = data.right[: data.answered], data.answerable[: data.answered]
    line = (
        f"  {name:16} area right {roc_area(score, right):.3f}"
        f", answerable {roc_area(score, answerable):.3f}"
    )
    if score.min() >= 0 and score.max() <= 1:
        line += f", calibration error {calibration_error(score, right):.3f}"
    print(line)


def show_sets(data: Judged, probability: np.ndarray, entry: dict[str, Any]) -> None:
    """Print what is answered and declined at the default risk, set by set."""
    least = least_probability(entry)
    print(f"\nat the default risk, given from {least:.2f}")
    given = np.zeros(len(data.right), dtype=bool)
    given[: data.answered] = probability >= least
    drafted = np.arange(len(data.right)) < data.answered
    for name in dict.fromkeys(data.sets):
        here = data.sets == name
        yes, no = here & (data.answerable == 1), here & (data.answerable == 0)
        answers = here[: data.answered]
        right = data.right[: data.answered][answers]
        print(
            f"  {name:12} right {shown(given & (data.right == 1), yes)}"
            f" (drafts {shown(drafted & (data.right == 1), yes)})"
            f", declined {shown(~given, no)} (drafts {shown(~drafted, no)})"
            f", wrong {shown(data.right == 0, here & given)}, area right "
            f"{roc_area(probability[answers], right):.2f}, answerable "
            f"{roc_area(probability[answers], data.answerable[: data.answered][answers]):.2f}"
            f", calibration error {calibration_error(probability[answers], right):.2f}"
        )


def least_probability(entry: dict[str, Any]) -> float:
    risk = Settings().most_risk
    kept = [row["probability"] for row in entry["risks"] if row["wrong"] <= risk]
    return float(min(kept, default=1.0))


def shown(which: np.ndarray, among: np.ndarray) -> str:
    return f"{(which & among).sum()}/{among.sum()}"


if __name__ == "__main__":
    main()
