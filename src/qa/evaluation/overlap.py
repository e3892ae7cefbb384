"""Whether the right characters of the article were found and cited: overlap with gold spans.

In: hits or citations of an answer, and the gold spans of an example. Out: scores in [0, 1]. A
place counts when it shares at least one character with a gold span of the same article.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from qa.evaluation.records import Example
from qa.records import Citation, Hit, Sentence, Span

Place = tuple[str, int, int]
"""An article's id and the half-open range of characters in it."""


def places_of_hits(hits: Sequence[Hit]) -> list[Place]:
    """Return where the hits stand, best first."""
    return [(hit.chunk.article_id, hit.chunk.start, hit.chunk.end) for hit in hits]


def places_of_citations(citations: Sequence[Citation]) -> list[Place]:
    """Return where the citations stand, in their order."""
    return [(citation.article.id, citation.start, citation.end) for citation in citations]


def gold_places(example: Example) -> list[Place]:
    """Return where the evidence of an example stands."""
    return [(example.article.id, span.start, span.end) for span in example.evidence]


def overlap(place: Place, other: Place) -> bool:
    """Return whether two places share a character."""
    return place[0] == other[0] and place[1] < other[2] and other[1] < place[2]


def recall(found: Sequence[Place], gold: Sequence[Place]) -> float:
    """Return the share of gold places that something found overlaps; there must be a gold place."""
    return sum(any(overlap(place, one) for place in found) for one in gold) / len(gold)


def precision(found: Sequence[Place], gold: Sequence[Place]) -> float:
    """Return the share of what was found that overlaps a gold place; something must be found.

    With ``recall``, for citations: as Gao et al., "Enabling large language models to generate text
    with citations", 2023, but by gold spans in place of a model's judgement.
    """
    return sum(any(overlap(place, one) for one in gold) for place in found) / len(found)


def reciprocal_rank(found: Sequence[Place], gold: Sequence[Place]) -> float:
    """Return one over the rank, from 1, of the first place that overlaps a gold one; 0 for none.

    Voorhees, "The TREC-8 question answering track report", 1999.
    """
    ranks = (rank for rank, place in enumerate(found, 1) if any(overlap(place, g) for g in gold))
    return next((1 / rank for rank in ranks), 0.0)


def ndcg(found: Sequence[Place], gold: Sequence[Place], *, k: int) -> float:
    """Return the normalised discounted cumulative gain of the first ``k`` places.

    A place gains 1 when it overlaps a gold place that none above it does. The ideal list has these
    places on top, then one for each gold place that was missed: it is 1 exactly when every gold
    place was found and nothing stands between.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002.
    """
    left = list(gold)
    gains = []
    for place in found[:k]:
        still = [one for one in left if not overlap(place, one)]
        gains.append(len(still) < len(left))
        left = still
    gained = sum(_discount(rank) for rank, gain in enumerate(gains, 1) if gain)
    ideal = min(k, sum(gains) + len(left))
    return gained / sum(_discount(rank) for rank in range(1, ideal + 1))


def supported(sentences: Sequence[Sentence]) -> float:
    """Return the share of sentences that are cited and fully supported; there must be a sentence.

    It repeats what the answerer itself says of its support, and is not held against the gold.
    """
    return sum(s.support == "supported" and bool(s.citations) for s in sentences) / len(sentences)


def merged(spans: Sequence[Span]) -> list[Span]:
    """Return spans in order, those that share a character as one."""
    together: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        if together and span.start < together[-1].end:
            end = max(span.end, together[-1].end)
            together[-1] = Span(start=together[-1].start, end=end)
        else:
            together.append(span)
    return together


def _discount(rank: int) -> float:
    return 1 / math.log2(rank + 1)
