"""When an answer stands, and when another look at it could change that."""

from __future__ import annotations

import pytest

from fakes.embedder import WordEmbeddings
from fakes.fits import fit
from qa.calibration import Calibration
from qa.records import Article, Reason
from qa.verification import DOUBTED, Verifier

ARTICLE = Article.from_text(
    "The town bought 37 boats. Ada Holm opened the pier in 1932.", title="Boats", source="boats.txt"
)
QUESTION, ANSWER = "How many boats did the town buy?", "The town bought 37 boats."


FIRST, BOTH = fit("confirmed"), fit("confirmed", "stated")


def verifier(*fits: Calibration, most_risk: float = 0.2) -> Verifier:
    return Verifier([ARTICLE], WordEmbeddings(), calibrations=fits, most_risk=most_risk)


@pytest.mark.parametrize(
    ("confirmed", "doubted"), [(-3.0, False), (-0.9, True), (0.0, True), (0.9, True), (3.0, False)]
)
def test_only_what_is_neither_surely_right_nor_surely_wrong_is_doubted(
    confirmed: float, doubted: bool
) -> None:
    judge = verifier(FIRST, BOTH)
    examined = judge.examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    probability = FIRST.probability({"confirmed": confirmed})
    assert doubted == (DOUBTED[0] <= probability <= DOUBTED[1])
    assert judge.doubts(examined, {"confirmed": confirmed}) is doubted


def test_with_a_risk_of_one_every_signal_is_wanted_and_nothing_withheld() -> None:
    judge = verifier(FIRST, BOTH, most_risk=1.0)
    examined = judge.examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    assert judge.doubts(examined, {"confirmed": -9.0})
    assert judge.judge(examined, {"confirmed": -9.0, "stated": -9.0}).reason is Reason.NONE


def test_where_there_is_no_fuller_fit_nothing_is_doubted() -> None:
    judge = verifier(FIRST)
    examined = judge.examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    assert not judge.doubts(examined, {"confirmed": 0.0})


@pytest.mark.parametrize(
    ("signals", "confidence", "reason"),
    [
        ({"confirmed": 0.5}, FIRST.probability({"confirmed": 0.5}), Reason.NONE),
        ({"confirmed": 0.5, "stated": -1.0}, FIRST.probability({"confirmed": -0.5}), Reason.UNSURE),
    ],
)
def test_the_fullest_fit_whose_signals_are_there_decides(
    signals: dict[str, float], confidence: float, reason: Reason
) -> None:
    judge = verifier(FIRST, BOTH)
    examined = judge.examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    verdict = judge.judge(examined, signals)
    assert verdict.confidence == pytest.approx(confidence)
    assert verdict.reason is reason


def test_the_evidence_is_the_sentence_that_carries_the_answer() -> None:
    examined = verifier(FIRST).examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    assert examined.evidence == "The town bought 37 boats."
