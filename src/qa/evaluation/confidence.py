"""Whether the confidence of answers may be believed: ranking, calibration and selective risk.

In: arrays of one value an answer, confidences in [0, 1] and whether it was right (0 or 1). Out:
figures in [0, 1], and the points of their curves. None depends on the order of the answers: those
of the same confidence stand together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

BINS = 10
"""Bins of the calibration error; each has about as many answers as any other."""


def brier(confidence: Numbers, right: Numbers) -> float:
    """Return the mean squared distance of the confidence from what came true; 0 is best.

    Brier, "Verification of forecasts expressed in terms of probability", 1950.
    """
    return float(np.mean((confidence - right) ** 2))


def calibration(confidence: Numbers, right: Numbers) -> list[tuple[float, float, int]]:
    """Return the bins as (mean confidence, share right, answers), by rising confidence.

    Ten bins of equal mass; the answers of one confidence are in one bin, the one of their middle
    rank, so that a bin may be larger, or missing. Nguyen and O'Connor, "Posterior calibration and
    exploratory analysis for natural language processing models", 2015.
    """
    number = _bins(confidence)
    counts = np.bincount(number, minlength=BINS)
    sums = np.bincount(number, weights=confidence, minlength=BINS)
    rights = np.bincount(number, weights=right, minlength=BINS)
    return [
        (float(sums[i] / counts[i]), float(rights[i] / counts[i]), int(counts[i]))
        for i in range(BINS)
        if counts[i]
    ]


def _bins(confidence: Numbers) -> NDArray[np.int_]:
    """Return the number of each answer's bin."""
    _, group, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - sizes / 2
    number = np.minimum((middle * BINS / len(confidence)).astype(int), BINS - 1)[group]
    return np.asarray(number)


def calibration_error(confidence: Numbers, right: Numbers) -> float:
    """Return the mean distance of confidence and share right over the bins, by their answers.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    2015; over the bins of ``calibration``.
    """
    bins = calibration(confidence, right)
    return sum(count * abs(mean - share) for mean, share, count in bins) / len(confidence)


def calibration_error_by_chance(confidence: Numbers) -> float:
    """Return the calibration error that is expected where every confidence is exact.

    It is far from 0 where the answers are few: 0.15 for fifty. The sum of a bin's errors is taken
    for normal, which simulation bears out to 0.02 from twelve answers on.
    """
    variances = np.bincount(_bins(confidence), weights=confidence * (1 - confidence))
    return float(np.sqrt(2 / np.pi * variances).sum()) / len(confidence)


def roc_area(score: Numbers, positive: Numbers) -> float | None:
    """Return how often a positive case scores above a negative one, ties half; None without both.

    Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic
    (ROC) curve", 1982.
    """
    positives = float(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, group, sizes = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]  # of the same score: their mean rank
    above = float(ranks[positive == 1].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def risks(confidence: Numbers, right: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the share wrong of the k most confident answers, for each k from 1 up.

    Within answers of one confidence any order is as good, so the errors are spread over them
    evenly. The second array says where a threshold can be set: at the last of each confidence.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered, wrong = confidence[order], 1 - right[order]
    ends = np.append(ordered[1:] != ordered[:-1], True)
    last = np.flatnonzero(ends)
    errors = np.cumsum(wrong)[last]
    counts = np.arange(1, len(ordered) + 1)
    spread = np.interp(counts, np.append(0, last + 1), np.append(0.0, errors))
    return spread / counts, ends


def risk_area(confidence: Numbers, right: Numbers) -> float:
    """Return the area under the risk-coverage curve of the answers given: their mean risk.

    Geifman and El-Yaniv, "Selective classification for deep neural networks", 2017. What was
    withheld has no answer to be right or wrong, so the curve ends where the answers do.
    """
    return float(np.mean(risks(confidence, right)[0]))


def coverage_at(confidence: Numbers, right: Numbers, *, risk: float, n: int) -> float:
    """Return the largest share of all ``n`` questions that a threshold answers within this risk."""
    if not len(confidence):
        return 0.0
    shares, ends = risks(confidence, right)
    allowed = np.flatnonzero(ends & (shares <= risk))
    return float(allowed[-1] + 1) / n if len(allowed) else 0.0
