"""Signals of an answer to the probability that it is right, by a logistic regression.

In: the signals of ``qa.signals``. Out: a probability, and for a risk that is accepted the least
probability at which answers keep to it. The weights were fitted by ``benchmarks/calibrate.py`` on
answers of one language model, and belong to that model's file; for another model there is a fit
that looks at the words alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import attrgetter
from typing import Any

ANY_MODEL = ""
"""Stands for the weights of a model that no fit was made for."""

LEAST_OF_ANY_MODEL = 0.05
"""How often another model is wrong is not known, so of its answers only those are withheld whose
words hardly go with the question and the article."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One signal of a fit: its mean and deviation where it was fitted, and its weight."""

    signal: str
    mean: float
    deviation: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Of answers at least ``probability`` likely to be right, on articles not fitted on.

    ``wrong`` is the share of them that was wrong, ``given`` the share of all questions answered.
    """

    probability: float
    wrong: float
    given: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fit for the model whose weights have a SHA-256, or for any model.

    ``adapters`` are the SHA-256 of those with which that model wrote and checked its answers.
    ``risks`` are known for a model that was measured, and none for any model.
    """

    weights: str
    adapters: Mapping[str, str]
    intercept: float
    terms: tuple[Term, ...]
    risks: tuple[Risk, ...]

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Calibration:
        """Return the fit that an entry of ``calibration.json`` holds."""
        return cls(
            weights=entry["weights"],
            adapters=entry["adapters"],
            intercept=entry["intercept"],
            terms=tuple(Term(**term) for term in entry["terms"]),
            risks=tuple(Risk(**risk) for risk in entry["risks"]),
        )

    @property
    def signals(self) -> frozenset[str]:
        """The signals that it needs."""
        return frozenset(term.signal for term in self.terms)

    def probability(self, signals: Mapping[str, float]) -> float:
        """Return the probability, in (0, 1), that an answer with these signals is right.

        :raises KeyError: if a signal that it needs is not there.
        """
        score = self.intercept + sum(
            term.weight * (signals[term.signal] - term.mean) / term.deviation for term in self.terms
        )
        return 1.0 / (1.0 + math.exp(-score))

    def least_probability(self, most_risk: float) -> float:
        """Return the probability from which on answers are given, for a share that may be wrong.

        It is 0 for a risk of 1, which withholds nothing.
        """
        if most_risk >= 1.0:
            return 0.0
        if self.weights == ANY_MODEL:
            return LEAST_OF_ANY_MODEL
        return self.kept_to(most_risk).probability

    def kept_to(self, most_risk: float) -> Risk:
        """Return the lowest step that kept to a risk, or the highest there is where none did.

        :raises ValueError: if it is the fit for any model, of which no risk is known.
        """
        step = attrgetter("probability")
        kept = [risk for risk in self.risks if risk.wrong <= most_risk]
        return min(kept, key=step) if kept else max(self.risks, key=step)


def calibrations_for(weights: str) -> tuple[Calibration, ...]:
    """Return the fit for any model, and behind it that for a SHA-256 of weights if there is one."""
    fits = [fit for fit in _fits() if fit.weights in {weights, ANY_MODEL}]
    return tuple(sorted(fits, key=lambda fit: fit.weights != ANY_MODEL))


@cache
def _fits() -> tuple[Calibration, ...]:
    text = (resources.files("qa") / "calibration.json").read_text(encoding="utf-8")
    return tuple(Calibration.of(entry) for entry in json.loads(text)["fits"])
