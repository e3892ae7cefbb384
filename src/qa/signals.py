"""What tells a right answer from a wrong one, as numbers.

In: a question, what was answered, and where the article comes closest to carrying it. Out: a
mapping from the name of a signal to its value. ``qa.calibration`` makes one probability of them.
None of them knows the subject: each compares the question, the answer and its evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qa.citations import Alignment, SentenceIndex, content_words, numbers

SIGNALS: Mapping[str, str] = {
    "confirmed": "the model's log odds of Yes to whether the article states this answer",
    "second_attempt": "1 if the model was asked twice; this is the answer that it is surer of",
    "other_confirmed": "the log odds of the other answer, at least -6, less those of this one; 0 "
    "without another that is less sure",
    "passage_similarity": "cosine of the question and the nearest passage",
    "evidence_similarity": "cosine of the question and its nearest evidence sentence",
    "claim_similarity": "the same of question and answer together",
    "question_in_evidence": "share of the question's weighted words in the evidence",
    "question_nearby": "the same, with the sentences before and after",
    "names_missing": "share of the question's names that are not in or beside the evidence",
    "answer_in_evidence": "share of the answer's weighted words in the evidence, mean of sentences",
    "question_in_answer": "share of the question's weighted words that the answer repeats",
    "number_missing": "1 if a number is asked for and none is answered",
    "follow_up": "1 if the question was searched for in other words than it was asked in",
}
"""The name and meaning of each signal. The first three need the model that the fit is for."""

FROM_THE_MODEL = frozenset({"confirmed", "second_attempt", "other_confirmed"})

_LEAST_LOG_ODDS = -6.0  # also of another answer that declines, or that the article does not carry

_NAME = re.compile(r"(?<!^)(?<![.?!]\s)\b[A-Z][\w'’.-]*")
_ASKS_FOR_A_NUMBER = re.compile(
    r"^\W*(?:and |but )?how (?:many|much|old|long|far|tall|big|often|high|heavy)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearness:
    """Cosines of a question, as it was searched for, and the article."""

    passage: float
    evidence: float
    claim: float


def signals_of_check(log_odds: float) -> dict[str, float]:
    """Return the signals of the only answer, which the model has been asked about."""
    return {"confirmed": log_odds, "second_attempt": 0.0, "other_confirmed": 0.0}


def signals_of_both(surer: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return the signals of the surer of two answers, from those that each has alone.

    :param surer: with those of a check.
    :param other: without them if it was not checked.
    """
    log_odds = max(other.get("confirmed", _LEAST_LOG_ODDS), _LEAST_LOG_ODDS)
    below = min(log_odds - surer["confirmed"], 0.0)
    return {**surer, "second_attempt": 1.0, "other_confirmed": below}


def signals_of_text(
    index: SentenceIndex,
    question: str,
    answer: str,
    alignments: Sequence[Alignment],
    nearness: Nearness,
    *,
    follow_up: bool,
) -> dict[str, float]:
    """Return the signals that need no model.

    :param question: as it was searched for.
    :param alignments: of each sentence of the answer; their ``nearest`` rows are the evidence.
    """
    asked, said = content_words(question), content_words(answer)
    rows = {row for found in alignments for row in found.nearest}
    evidence = index.words_of(rows)
    nearby = index.words_of({beside for row in rows for beside in (row - 1, row, row + 1)})
    return {
        "passage_similarity": nearness.passage,
        "evidence_similarity": nearness.evidence,
        "claim_similarity": nearness.claim,
        "question_in_evidence": index.share(asked, evidence),
        "question_nearby": index.share(asked, nearby),
        "names_missing": _share_missing(_names(question), nearby),
        "answer_in_evidence": _mean(found.coverage for found in alignments),
        "question_in_answer": index.share(asked, said),
        "number_missing": float(bool(_ASKS_FOR_A_NUMBER.match(question)) and not numbers(said)),
        "follow_up": float(follow_up),
    }


def _names(question: str) -> frozenset[str]:
    """Return the stems of what is written with a capital, but for the first word."""
    return frozenset(stem for name in _NAME.findall(question) for stem in content_words(name))


def _share_missing(wanted: frozenset[str], held: frozenset[str]) -> float:
    return len(wanted - held) / len(wanted) if wanted else 0.0


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
