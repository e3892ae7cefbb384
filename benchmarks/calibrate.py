"""Fits the confidence: signals of answers to the probability that they are right.

    QA_MOST_RISK=1 qa eval SET ... --out runs/NAME        for each set, with the default model
    python benchmarks/calibrate.py runs/*/report.json     shows the fit on articles apart
    python benchmarks/calibrate.py runs/*/report.json --write

With a risk of 1 every answer that the model gives is kept, so that wrong ones can be learned from.
The fit is a logistic regression over the standardised signals. What is printed, and the table of
risks that a setting is looked up in, comes from articles that the weights were not fitted on: they
are divided into folds by article. ``--write`` replaces src/qa/calibration.json by the fit on all of
them: for the model that answered with its first check alone and with both, and without what only a
model gives, for any other.
"""

from __future__ import annotations

import argparse
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
from qa.settings import Settings
from qa.signals import FROM_THE_MODEL, SIGNALS

FOLDS = 10
INVERSE_PENALTY = 0.3
FILE = Path(__file__).resolve().parents[1] / "src" / "qa" / "calibration.json"
STEPS = np.arange(0.05, 0.951, 0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Answers with what came of them, row by row; all questions count, also those withheld."""

    signals: list[dict[str, float]]
    right: np.ndarray
    answerable: np.ndarray
    groups: np.ndarray
    questions: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    outcomes = [found for path in options.reports for found in read_report(path).outcomes]
    data = judged(outcomes)
    weights = find_model(Settings().chat_model).files[0].sha256
    own = fit(data, list(SIGNALS), weights)
    first = fit(data, [name for name in SIGNALS if name != "stated"], weights)
    words = fit(data, [name for name in SIGNALS if name not in FROM_THE_MODEL], ANY_MODEL)
    if options.write:
        text = json.dumps({"fits": [first, own, words]}, indent=1)
        FILE.write_text(text + "\n", encoding="utf-8")


def judged(outcomes: Sequence[Outcome]) -> Judged:
    kept = [found for found in outcomes if found.answer is not None and found.answer.signals]
    return Judged(
        signals=[dict(found.answer.signals) for found in kept if found.answer],
        right=np.array([found.scores.get("right", 0.0) for found in kept]),
        answerable=np.array([found.example.answerable for found in kept], dtype=float),
        groups=np.array([found.example.article.id for found in kept]),
        questions=len(outcomes),
    )


def fit(data: Judged, names: list[str], weights: str) -> dict[str, Any]:
    """Return the entry of the data file for one set of signals; print how good it is."""
    values = np.array([[row[name] for name in names] for row in data.signals])
    apart = np.zeros(len(values))
    folds = GroupKFold(min(FOLDS, len(set(data.groups))))
    for learned, held in folds.split(values, data.right, data.groups):
        model, mean, deviation = regression(values[learned], data.right[learned])
        apart[held] = model.predict_proba((values[held] - mean) / deviation)[:, 1]
    show(data, apart, names)
    model, mean, deviation = regression(values, data.right)
    rows = zip(names, mean, deviation, model.coef_[0], strict=True)
    terms = [
        {"signal": name, "mean": float(m), "deviation": float(d), "weight": float(w)}
        for name, m, d, w in rows
    ]
    return {
        "weights": weights,
        "intercept": float(model.intercept_[0]),
        "terms": terms,
        "risks": risks(data, apart),
    }


def regression(
    values: np.ndarray, right: np.ndarray
) -> tuple[LogisticRegression, np.ndarray, np.ndarray]:
    mean, deviation = values.mean(0), values.std(0)
    deviation[deviation == 0] = 1.0
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000)
    return model.fit((values - mean) / deviation, right), mean, deviation


def risks(data: Judged, probability: np.ndarray) -> list[dict[str, float]]:
    """Return what share of the answers is wrong, and how many are given, from each step on."""
    found = []
    for step in STEPS:
        given = probability >= step
        if given.sum() < 30:  # too few to speak of a share
            break
        wrong = 1 - data.right[given].mean()
        row = {"probability": step, "wrong": wrong, "given": given.sum() / data.questions}
        found.append({name: round(float(value), 4) for name, value in row.items()})
    return found


def show(data: Judged, probability: np.ndarray, names: list[str]) -> None:
    print(f"{len(names)} signals, {len(probability)} answers, {data.questions} questions")
    print(f"  area under ROC, right or not: {roc_area(probability, data.right):.3f}")
    area = roc_area(probability, data.answerable)
    print(f"  the same, answerable or not: {area:.3f}")
    error = calibration_error(probability, data.right)
    print(f"  expected calibration error: {error:.3f}")


if __name__ == "__main__":
    main()
