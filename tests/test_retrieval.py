from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings

from qa.index import VectorIndex
from qa.records import Chunk, Hit
from qa.retrieval import Retriever, TermIndex, grams, standardised, stems

_MEANINGS = (
    ("boat", "boats", "vessel", "ship"),
    ("price", "cost", "crowns"),
    ("paint", "red", "colour"),
)


class MeaningEmbeddings(Embeddings):
    """A vector has one number a meaning, and a small one that all texts share."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        return self._vector(text)

    @staticmethod
    def _vector(text: str) -> list[float]:
        words = Counter(text.lower().replace("?", " ").replace(".", " ").split())
        numbers = [float(sum(words[word] for word in meaning)) for meaning in _MEANINGS] + [0.1]
        length = math.sqrt(sum(number * number for number in numbers))
        return [number / length for number in numbers]


def retriever(texts: Sequence[str], embeddings: Embeddings | None = None) -> Retriever:
    embeddings = embeddings or MeaningEmbeddings()
    chunks = [
        Chunk(article_id="a", start=100 * at, end=100 * at + len(text), text=text, heading="Town")
        for at, text in enumerate(texts)
    ]
    vectors = np.asarray(embeddings.embed_documents(list(texts)), dtype=np.float32)
    return Retriever.build(chunks, VectorIndex.from_vectors(vectors.reshape(-1, 4)), embeddings)


def texts_of(hits: list[Hit]) -> list[str]:
    return [hit.chunk.text for hit in hits]


TOWN = [
    "Thirty-seven boats lie in the harbour.",
    "Each had a cost of 900 crowns.",
    "In spring they paint them red.",
    "The mayor is Ada Hölm.",
]


def test_other_words_find_what_means_the_same() -> None:
    hits = retriever(TOWN).search("Which vessel?", 1)
    assert texts_of(hits) == [TOWN[0]]
    assert hits[0].similarity == pytest.approx(1.0)


def test_a_name_finds_its_chunk_that_the_vectors_do_not_tell_apart() -> None:
    # No word here has a meaning, so all four vectors are as near as the shared number makes them.
    assert texts_of(retriever(TOWN).search("Who is Ada?", 1)) == [TOWN[3]]


@pytest.mark.parametrize("question", ["mayor holm", "MAYORS HÖLM", "the major Hölmes"])
def test_accents_case_and_spelling_do_not_hide_a_name(question: str) -> None:
    assert texts_of(retriever(TOWN).search(question, 1)) == [TOWN[3]]


def test_letters_find_words_in_scripts_without_spaces() -> None:
    texts = ["他买了四百枚导弹在一月", "港口有三十七条船和码头", "市长今天打开了新的大桥"]
    assert texts_of(retriever(texts).search("谁买了四百枚导弹?", 1)) == [texts[0]]


def test_two_forms_of_a_question_count_alike() -> None:
    embeddings = MeaningEmbeddings()
    hits = retriever(TOWN, embeddings).search(["What is the cost?", "Which ship?"], 2)
    assert embeddings.asked == ["What is the cost?", "Which ship?"]
    assert set(texts_of(hits)) == {TOWN[0], TOWN[1]}
    # A hit's similarity is that of the nearest form.
    assert [hit.similarity for hit in hits] == [pytest.approx(1.0, abs=0.01)] * 2


def test_hits_that_are_alike_come_in_the_order_of_the_article() -> None:
    hits = retriever(["Same words.", "Words, same.", "Words same."]).search("Same?", 3)
    assert [hit.chunk.start for hit in hits] == [0, 100, 200]


def test_a_passage_that_is_repeated_is_one() -> None:
    hits = retriever([*["Ships for sale!"] * 9, "ships  for SALE!", *TOWN]).search(
        "ships for sale", 3
    )
    assert texts_of(hits)[0] == "Ships for sale!"
    assert hits[0].chunk.start == 0
    assert len({text.casefold() for text in texts_of(hits)}) == 3


def test_nothing_in_common_still_gives_the_nearest() -> None:
    hits = retriever(TOWN).search("¿?", 2)
    assert len(hits) == 2


def test_an_index_of_nothing_finds_nothing() -> None:
    assert retriever([]).search("Which ship?", 5) == []


def test_vectors_and_chunks_must_go_together() -> None:
    index = VectorIndex.from_vectors(np.ones((1, 1), dtype=np.float32))
    with pytest.raises(ValueError, match="1 vectors do not go with 0 chunks"):
        Retriever.build([], index, MeaningEmbeddings())


@given(
    texts=st.lists(st.text(min_size=1, max_size=30), max_size=8),
    question=st.text(max_size=30),
    k=st.integers(1, 10),
)
def test_hits_are_the_first_k_in_a_total_order(texts: list[str], question: str, k: int) -> None:
    found = retriever(texts)
    hits = found.search(question, k)
    keys = [(-hit.score, -(hit.similarity or 0.0), hit.chunk.start) for hit in hits]
    assert keys == sorted(set(keys))
    assert len(hits) == min(k, len({tuple(text.casefold().split()) for text in texts}))
    assert all(math.isfinite(hit.score) for hit in hits)
    assert hits == found.search([question], len(texts) + 1)[:k]


def test_threads_may_share_a_retriever() -> None:
    found = retriever(TOWN)
    questions = ["Which vessel?", "Who is Ada?", "the cost", "colours"] * 5
    with ThreadPoolExecutor(8) as pool:
        shared = list(pool.map(lambda question: found.search(question, 2), questions))
    assert shared == [found.search(question, 2) for question in questions]


def bm25(texts: Sequence[list[str]], query: list[str]) -> list[float]:
    """Return BM25 as its formula reads, for comparison: k1 1.2, b 0.75, no length rounding."""
    mean = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for term in query:
            holding = sum(term in other for other in texts)
            idf = math.log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
            count = text.count(term)
            score += idf * count / (count + 1.2 * (1 - 0.75 + 0.75 * len(text) / mean))
        scores.append(score)
    return scores


def test_term_scores_are_those_of_the_formula() -> None:
    texts = ["boat boat price", "boat", "paint it red and red", "price of paint"]
    found = TermIndex(texts, str.split).scores("boat paint paint unknown")
    expected = bm25([text.split() for text in texts], ["boat", "paint", "paint", "unknown"])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("texts", [[], ["", "?!"]])
def test_texts_without_terms_score_nothing(texts: list[str]) -> None:
    assert TermIndex(texts, stems).scores("boats").tolist() == [0.0] * len(texts)


def test_terms_are_stems_and_runs_of_four_letters() -> None:
    assert stems("Boats’ PAINTED Élan, 37") == ["boat", "paint", "elan", "37"]
    assert grams("A pier!") == [" a p", "a pi", " pie", "pier", "ier "]
    assert grams("") == []


def test_standardised_scores_have_mean_0_and_deviation_1() -> None:
    # Mean 2, squared deviations 4, 0, 4: their mean is 8/3, its root 1.633; 2/1.633 is 1.2247.
    found = standardised(np.asarray([0.0, 2.0, 4.0], dtype=np.float32))
    np.testing.assert_allclose(found, [-1.2247, 0.0, 1.2247], atol=1e-4)
    assert standardised(np.asarray([3.0, 3.0], dtype=np.float32)).tolist() == [0.0, 0.0]
