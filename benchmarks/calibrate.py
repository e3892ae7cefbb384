"""Fits the confidence: signals of answers to the probability that they are right.

    python benchmarks/attempts.py SET ...        keeps the signals of the answers to test sets
    python benchmarks/calibrate.py               shows what a fit of those kept is worth
    python benchmarks/calibrate.py --write       and puts it in the program

In: benchmarks/signals.jsonl, a line for each attempt at a question, also for those that would have
been withheld, so that wrong ones can be learned from.

The fit is a logistic regression over the standardised signals. What is printed, and the table of
risks that a setting is looked up in, comes from articles that the weights were not fitted on: they
are divided into folds by article. Of two answers to a question the one of which the model is surer
is taken, as the program does. ``--write`` replaces src/qa/calibration.json by the fits on all
articles: for the model that answered, of its check alone, since the other signals add nothing to
it; and for any other model, of what needs none. That one is fitted on plain_signals.jsonl, first
answers of the same model without its adapters: with them it answers in fewer words than other
models, and hardly ever in words of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from qa.calibration import ANY_MODEL, Calibration
from qa.evaluation.confidence import calibration_error, roc_area
from qa.models.opening import adapters_of, weights_of
from qa.settings import Settings
from qa.signals import FROM_THE_MODEL, SIGNALS, signals_of_both

FOLDS = 10
KEPT = Path(__file__).with_name("signals.jsonl")
PLAIN = Path(__file__).with_name("plain_signals.jsonl")
FILE = Path(__file__).resolve().parents[1] / "src" / "qa" / "calibration.json"
STEPS = np.arange(0.05, 0.951, 0.01)
FEWEST = 30
"""Of fewer answers no share is spoken of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Questions row by row, each with the likelier of its answers.

    ``signals`` is None of those that have no answer, ``drafted`` whether the first was right.
    """

    signals: list[dict[str, float] | None]
    right: np.ndarray
    drafted: np.ndarray
    answerable: np.ndarray
    articles: np.ndarray
    sets: np.ndarray

    @property
    def answered(self) -> np.ndarray:
        """Which rows have an answer."""
        return np.array([one is not None for one in self.signals])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    entries = fits(*(answers(path.read_text("utf-8").splitlines()) for path in (KEPT, PLAIN)))
    if options.write:
        FILE.write_text(json.dumps({"fits": entries}, indent=1) + "\n", encoding="utf-8")


def answers(lines: Sequence[str]) -> Answers:
    """Return the answers that lines of attempts, in their order, come to."""
    questions: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in map(json.loads, lines):
        questions.setdefault((row["set"], row["question"]), []).append(row)
    first = [rows[0] for rows in questions.values()]
    likelier = [max(rows, key=log_odds) for rows in questions.values()]
    return Answers(
        signals=[
            signals_of(chosen, rows)
            for chosen, rows in zip(likelier, questions.values(), strict=True)
        ],
        right=np.array([row["right"] for row in likelier], dtype=float),
        drafted=np.array([row["right"] for row in first], dtype=bool),
        answerable=np.array([row["answerable"] for row in first], dtype=bool),
        articles=np.array([row["article"] for row in first]),
        sets=np.array([row["set"] for row in first]),
    )


def log_odds(row: dict[str, Any]) -> float:
    return float((row["signals"] or {}).get("confirmed", -np.inf))


def signals_of(likelier: dict[str, Any], rows: Sequence[dict[str, Any]]) -> dict[str, float] | None:
    """Return the signals of the likelier of the answers to a question, None if it is none."""
    signals: dict[str, float] | None = likelier["signals"]
    others = [row["signals"] or {} for row in rows if row is not likelier]
    return signals_of_both(signals, others[0]) if signals and others else signals


def fits(data: Answers, plain: Answers) -> list[dict[str, Any]]:
    """Return the entries of the data file; print what each is worth on articles apart."""
    weights = weights_of(Settings().chat_model, url=None)
    adapters = {
        str(name): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in adapters_of(weights).items()
    }
    own, apart_own = fit(data, sorted(FROM_THE_MODEL), weights, adapters)
    _, apart_all = fit(data, list(SIGNALS), weights, adapters)
    names = [name for name in SIGNALS if name not in FROM_THE_MODEL]
    words, apart_words = fit(plain, names, ANY_MODEL, {})
    print(f"{len(data.right)} questions, {data.answered.sum()} answers")
    show(data, apart_own, "the check")
    show(data, apart_all, "with all signals")
    show(plain, apart_words, "words alone, of plain answers")
    show_sets(data, apart_own, own)
    return [own, words]


def fit(
    data: Answers, names: list[str], weights: str, adapters: Mapping[str, str]
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the entry for one set of signals, and the probabilities of all rows apart."""
    answered = data.answered
    values = np.array([[one[name] for name in names] for one in data.signals if one])
    right, articles = data.right[answered], data.articles[answered]
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
    probability = np.zeros(len(data.right))
    probability[answered] = apart
    entry = {
        "weights": weights,
        "adapters": adapters,
        "intercept": float(model.intercept_[0]),
        "terms": terms,
        "risks": risks(data, probability) if weights != ANY_MODEL else [],
    }
    return entry, probability


def regression(
    values: np.ndarray, right: np.ndarray
) -> tuple[LogisticRegression, np.ndarray, np.ndarray]:
    mean, deviation = values.mean(0), values.std(0)
    deviation[deviation == 0] = 1.0
    model = LogisticRegression(max_iter=1000)
    return model.fit((values - mean) / deviation, right), mean, deviation


def risks(data: Answers, probability: np.ndarray) -> list[dict[str, float]]:
    """Return what share of the answers is wrong, and how many are given, from each step on."""
    found = []
    for step in STEPS:
        given = probability >= step
        if given.sum() < FEWEST:
            break
        row = {
            "probability": step,
            "wrong": 1 - data.right[given].mean(),
            "given": given.mean(),
        }
        found.append({name: round(float(value), 4) for name, value in row.items()})
    return found


def show(data: Answers, score: np.ndarray, name: str) -> None:
    answered = data.answered
    score, right = score[answered], data.right[answered]
    print(
        f"  {name:16} area right {area(score, right)}"
        f", answerable {area(score, data.answerable[answered].astype(float))}"
        f", calibration error {calibration_error(score, right):.3f}"
    )


def show_sets(data: Answers, probability: np.ndarray, entry: dict[str, Any]) -> None:
    """Print what is answered and declined at the default risk, set by set."""
    least = Calibration.of(entry).least_probability(Settings().most_risk)
    print(f"\nat the default risk, given from {least:.2f}")
    given = probability >= least
    right = data.right == 1
    for name in dict.fromkeys(data.sets):
        here = data.sets == name
        yes, no = here & data.answerable, here & ~data.answerable
        answers = here & data.answered
        print(
            f"  {name:12} right {(given & right & yes).sum()}/{yes.sum()}"
            f" (first answers {(data.drafted & yes).sum()})"
            f", declined {(no & ~given).sum()}/{no.sum()}"
            f", wrong {(given & here & ~right).sum()}/{(given & here).sum()}, area right "
            f"{area(probability[answers], data.right[answers])}, answerable "
            f"{area(probability[answers], data.answerable[answers].astype(float))}, "
            f"calibration error {calibration_error(probability[answers], data.right[answers]):.2f}"
        )


def area(score: np.ndarray, positive: np.ndarray) -> str:
    found = roc_area(score, positive)
    return "none" if found is None else f"{found:.3f}"


if __name__ == "__main__":
    main()
