"""When an answer stands, and when another look at it could change that."""

from __future__ import annotations

import pytest

from fakes.embedder import WordEmbeddings
from fakes.fits import fit
from qa.calibration import Calibration
from qa.records import Article, Reason
from qa.verification import Verifier, declines

ARTICLE = Article.from_text(
    "The town bought 37 boats. Ada Holm opened the pier in 1932.", title="Boats", source="boats.txt"
)
QUESTION, ANSWER = "How many boats did the town buy?", "The town bought 37 boats."


WORDS, OWN = fit(), fit("confirmed")


def verifier(*fits: Calibration, most_risk: float = 0.2) -> Verifier:
    return Verifier([ARTICLE], WordEmbeddings(), calibrations=fits, most_risk=most_risk)


@pytest.mark.parametrize(
    ("signals", "confidence", "reason"),
    [
        ({}, 0.5, Reason.NONE),
        ({"confirmed": 0.5}, OWN.probability({"confirmed": 0.5}), Reason.NONE),
        ({"confirmed": -0.5}, OWN.probability({"confirmed": -0.5}), Reason.UNSURE),
    ],
)
def test_the_fullest_fit_whose_signals_are_there_decides(
    signals: dict[str, float], confidence: float, reason: Reason
) -> None:
    judge = verifier(WORDS, OWN)
    examined = judge.examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    verdict = judge.judge(examined, signals)
    assert verdict.confidence == pytest.approx(confidence)
    assert verdict.reason is reason


def test_at_a_risk_of_one_every_answer_is_given() -> None:
    judge = verifier(OWN, most_risk=1.0)
    examined = judge.examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    assert judge.judge(examined, {"confirmed": -9.0}).reason is Reason.NONE


def test_the_evidence_is_the_sentence_that_carries_the_answer() -> None:
    examined = verifier(OWN).examine(QUESTION, ANSWER, hits=(), read=None, follow_up=False)
    assert examined.evidence == "The town bought 37 boats."


def test_the_closest_sentences_are_the_evidence_in_the_order_of_the_article() -> None:
    closest = "Ada Holm of Varde built it of oak in 1848."
    text = f"It has green paint. It has red lamps and benches. Trees grow there. {closest}"
    article = Article.from_text(text, title="Pier", source="pier.txt")
    judge = Verifier([article], WordEmbeddings(), calibrations=[OWN], most_risk=0.2)
    said = "Ada Holm of Varde built it of oak in 1848 with green paint, red lamps and benches."
    examined = judge.examine("Who built it?", said, hits=(), read=None, follow_up=False)
    assert len(examined.alignments[0].rows) == 3
    assert examined.evidence == f"It has red lamps and benches. {closest}"


@pytest.mark.parametrize(
    "text",
    [
        "The article does not say.",
        "I’m sorry, but the text doesn’t mention it.",
        "The article says nothing about it.",
        "The articles do not say.",
        "It does not say when.",
        "It is not mentioned.",
        "The price is not stated in the article.",
    ],
)
def test_a_text_that_says_that_the_article_does_not_say_declines(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize(
    "text",
    [
        "No, it does not include breakfast.",
        "It did not give a reason.",
        "It does not contain nuts.",
        "No, it did not say why.",
        "The company does not say why.",
        "",
    ],
)
def test_a_text_that_says_that_something_else_is_not_so_does_not_decline(text: str) -> None:
    assert not declines(text)
