"""A run's answers in the forms of other scorers, so that these can be run on the same answers.

In: outcomes. Out: plain values for ``json.dumps``. A failed case has an empty answer in all of
them, as a scorer that finds a question missing would leave it out of its mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qa.evaluation.records import Outcome


def ragas_rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return a row of RAGAS' single-turn fields for each outcome.

    ``user_input`` is the question as it was searched for, which stands alone; the reference of
    several gold answers is the first of each group.
    """
    return [
        {
            "user_input": outcome.answer.searched_for
            if outcome.answer
            else outcome.example.question,
            "retrieved_contexts": [hit.chunk.text for hit in outcome.answer.hits]
            if outcome.answer
            else [],
            "reference_contexts": [
                outcome.example.article.text[span.start : span.end]
                for span in outcome.example.evidence
            ],
            "response": outcome.answer.text if outcome.answer else "",
            "reference": ", ".join(group[0] for group in outcome.example.answers),
        }
        for outcome in outcomes
    ]


def squad_predictions(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return the predictions of SQuAD 2.0's script: an id's answer, "" for an abstention."""
    return {
        outcome.example.id: outcome.answer.text
        if outcome.answer and outcome.answer.status == "answered"
        else ""
        for outcome in outcomes
    }


def squad_no_answer_probabilities(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Return, for the same script's ``--na-prob-file``, one minus the confidence of each answer."""
    return {
        outcome.example.id: 1.0 - outcome.answer.confidence if outcome.answer else 1.0
        for outcome in outcomes
    }
