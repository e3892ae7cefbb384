"""The figures by name, and the scores of one case.

In: an example and the answer to it, or None for a failed case. Out: scores by name, in [0, 1] but
for the similarity, a cosine; a metric that does not apply to the case is left out. What a metric
counts is in ``METRICS``, and its formula and source in the module that has it. What a judge says is
added by ``qa.evaluation.judging``.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from langchain_core.embeddings import Embeddings

from qa.evaluation import overlap, squad
from qa.evaluation.records import Example
from qa.records import Answer

TOP = 5
"""Retrieval is judged by so many of the best hits."""

METRICS = MappingProxyType(
    {
        "right": "share of answerable questions whose answer holds a gold answer",
        "declined": "share of unanswerable questions that were declined, the recall of abstaining",
        "right_mean": "mean of right and declined: always declining gets a half",
        "correct": "share of all questions rightly answered or rightly declined",
        "incorrect": "share of all questions with an answer that is wrong",
        "not_attempted": "share of all questions that are answerable and were declined, or failed",
        "false_answers": "share of unanswerable questions that were answered",
        "false_abstentions": "share of answerable questions that were declined",
        "abstention_precision": "share of the declined questions that are unanswerable",
        "exact_match": "SQuAD 2.0 exact match, an abstention being the empty answer",
        "f1": "SQuAD 2.0 F1 of words, an abstention being the empty answer",
        "citation_precision": "share of an answer's citations that overlap the gold evidence",
        "citation_recall": "share of the gold evidence that an answer's citations overlap",
        "sentences_supported": "share of an answer's sentences that it says a citation supports",
        "retrieval_recall_at_5": "share of the gold evidence that the best 5 hits overlap",
        "mrr": "mean of one over the rank of the first of the best 5 hits on the gold evidence",
        "ndcg_at_5": "discounted gain of the best 5 hits on the gold evidence",
        "similarity": "cosine of an answer and the nearest gold answer, on the side",
        "judged_right": "share of answerable questions whose answer a judge calls right, on the "
        "side",
        "judge_unreadable": "share of the answers given to the judge without a readable verdict",
        "aurc": "mean share wrong of the k most confident answers, over all k; lower is better",
        "coverage_at_5_risk": "largest share of all questions answered with at most 5% wrong",
        "coverage_at_10_risk": "largest share of all questions answered with at most 10% wrong",
        "brier": "mean squared error of the confidence of what was answered; lower is better",
        "ece": "mean gap of confidence and share right over 10 bins of equal mass; lower is better",
        "ece_by_chance": "the same gap to expect of an exact confidence, with so few answers",
        "auroc": "how often an answerable question gets more confidence than an unanswerable one",
        "first_token_ms_p50": "milliseconds to the first words, median",
        "first_token_ms_p95": "milliseconds to the first words, 95th percentile",
        "total_ms_p50": "milliseconds to the end of the answer, median",
        "total_ms_p95": "milliseconds to the end of the answer, 95th percentile",
        "tokens_read_p50": "tokens the model read anew for an answer, median",
        "tokens_cached_p50": "tokens served from what the model had read before, median",
        "tokens_written_p50": "tokens the model wrote for an answer, median",
        "failed": "share of questions to which there was only an error",
    }
)
"""What each figure of a report means, by its name, in the order of the report."""


def score(
    example: Example, answer: Answer | None, *, embeddings: Embeddings | None = None
) -> dict[str, float]:
    """Return the scores of a case.

    A failed case is neither right nor declined. Exact match and F1 are for one gold answer, not for
    several that must all be there. Citations are scored where an answerable question was answered,
    hits where there are any: who answers without a search has nothing to be judged by.

    :param embeddings: for the similarity, which is left out without them.
    """
    scores = dict(_outcome(example, answer))
    if len(example.answers) <= 1:
        golds = [gold for group in example.answers for gold in group]
        said = "" if answer is None or answer.status == "abstained" else answer.text
        failed = answer is None  # its answer is not the empty one: there is none
        scores["exact_match"] = 0.0 if failed else squad.exact_match(said, golds)
        scores["f1"] = 0.0 if failed else squad.f1(said, golds)
    if answer is None:
        return scores
    gold = overlap.gold_places(example) if example.answerable else []
    if answer.status == "answered":
        if gold:
            cited = overlap.places_of_citations(answer.citations)
            scores["citation_recall"] = overlap.recall(cited, gold)
            if cited:
                scores["citation_precision"] = overlap.precision(cited, gold)
        if answer.sentences:
            scores["sentences_supported"] = overlap.supported(answer.sentences)
        if embeddings and example.answerable:
            scores["similarity"] = _similarity(example, answer, embeddings)
    if gold and answer.hits:
        found = overlap.places_of_hits(answer.hits[:TOP])
        scores["retrieval_recall_at_5"] = overlap.recall(found, gold)
        scores["mrr"] = overlap.reciprocal_rank(found, gold)
        scores["ndcg_at_5"] = overlap.ndcg(found, gold, k=TOP)
    return scores


def _outcome(example: Example, answer: Answer | None) -> dict[str, float]:
    """Return which of the three outcomes a case has, and how its kind of question names it.

    Wei et al., "Measuring short-form factuality in large language models", 2024, has the three for
    answerable questions; here declining what the article does not say is correct too.
    """
    declined = answer is not None and answer.status == "abstained"
    answered = answer is not None and answer.status == "answered"
    if example.answerable:
        right = answer is not None and answered and squad.contains(answer.text, example.answers)
        own = {"right": float(right), "false_abstentions": float(declined)}
        correct, incorrect = right, answered and not right
    else:
        own = {"declined": float(declined), "false_answers": float(answered)}
        correct, incorrect = declined, answered
    return own | {
        "correct": float(correct),
        "incorrect": float(incorrect),
        "not_attempted": float(not correct and not incorrect),
    }


def _similarity(example: Example, answer: Answer, embeddings: Embeddings) -> float:
    """Return the highest cosine of the answer with a gold answer; of groups, with one of each."""
    golds = [" ".join(group) for group in zip(*example.answers, strict=False)]
    said, *others = embeddings.embed_documents([answer.text or " ", *golds])
    return max(_cosine(said, other) for other in others)


def _cosine(one: list[float], other: list[float]) -> float:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(np.dot(one, other) / lengths) if lengths else 0.0
