"""A run's questions and answers in the forms of other scorers, so that these can be run on them.

In: outcomes. Out: plain values for ``json.dumps``. A failed case has an empty answer in all of
them, as a scorer that finds a question missing would leave it out of its mean. SQuAD knows no
answer of several parts, so a question that asks for one is in none of its files; they all have the
same ids in the same order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from qa.evaluation.records import Example, Outcome
from qa.evaluation.squad_file import NOWHERE


def ragas_rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return a row of RAGAS' single-turn fields for each outcome.

    ``user_input`` is the question as it was searched for, which stands alone; the reference of
    several gold answers is the first of each group. RAGAS reads over the ``id``.
    """
    return [
        {
            "id": outcome.example.id,
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


def squad_outcomes(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes of the questions that SQuAD can state: none asks for several parts."""
    return [outcome for outcome in outcomes if len(outcome.example.answers) <= 1]


def squad_data(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the test set as a data file of SQuAD 2.0; an article is one paragraph.

    The questions stay in their order, on which the script's last digits depend: an article is there
    again where another one's question came between. An answer in other words than the article's
    has the ``answer_start`` -1, as it stands nowhere; the script does not read it. What a question
    had before it is left out.
    """
    examples = [outcome.example for outcome in squad_outcomes(outcomes)]
    return {
        "version": "v2.0",
        "data": [
            {
                "title": article.title,
                "paragraphs": [
                    {"context": article.text, "qas": [_squad_question(one) for one in own]}
                ],
            }
            for article, own in itertools.groupby(examples, key=lambda one: one.article)
        ],
    }


def squad_predictions(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """Return the predictions of SQuAD 2.0's script: an id's answer, "" for an abstention."""
    return {
        outcome.example.id: outcome.answer.text
        if outcome.answer and outcome.answer.status == "answered"
        else ""
        for outcome in squad_outcomes(outcomes)
    }


def squad_no_answer_probabilities(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Return, for the same script's ``--na-prob-file``, one minus the confidence of each answer."""
    return {
        outcome.example.id: 1.0 - outcome.answer.confidence if outcome.answer else 1.0
        for outcome in squad_outcomes(outcomes)
    }


def _squad_question(example: Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "question": example.question,
        "answers": [
            {"text": gold, "answer_start": _start(gold, example)}
            for group in example.answers
            for gold in group
        ],
        "is_impossible": not example.answerable,
    }


def _start(gold: str, example: Example) -> int:
    """Return where an answer stands in its evidence, or else in the article for the first time."""
    text = example.article.text
    places = [text.find(gold, span.start, span.end) for span in example.evidence]
    return next((place for place in places if place != NOWHERE), text.find(gold))
