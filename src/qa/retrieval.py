"""A question to the chunks that may answer it: by meaning and by words, the two lists made one.

In: chunks with their vector index and embedder, then questions. Out: ``Hit`` records, best first.
Vectors find what is said in other words; BM25 finds names and numbers that vectors blur.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import bm25s
import numpy as np
import Stemmer
from langchain_core.embeddings import Embeddings

from qa.index import Neighbour, VectorIndex
from qa.records import Chunk, Hit

FUSION_CONSTANT = 60
"""How little the first ranks differ in reciprocal rank fusion; the paper's value."""

_CANDIDATES = 100  # chunks taken from each list; a worse rank cannot reach the first few hits

_WORD = re.compile(r"\w+")


class Retriever:
    """Searches the chunks of one index; safe to share between threads."""

    def __init__(
        self, chunks: Sequence[Chunk], index: VectorIndex, embeddings: Embeddings, words: WordIndex
    ) -> None:
        self._chunks = chunks
        self._index = index
        self._embeddings = embeddings
        self._words = words

    @classmethod
    def build(
        cls, chunks: Sequence[Chunk], index: VectorIndex, embeddings: Embeddings
    ) -> Retriever:
        """Return the retriever of chunks and the index of their vectors, row by row the same.

        :raises ValueError: if there are not as many vectors as chunks.
        """
        if len(index) != len(chunks):
            raise ValueError(f"{len(index)} vectors do not go with {len(chunks)} chunks")
        words = WordIndex([f"{chunk.heading}\n{chunk.text}" for chunk in chunks])
        return cls(chunks, index, embeddings, words)

    def search(self, query: str | Sequence[str], k: int) -> list[Hit]:
        """Return the k chunks that fit a question best, best first.

        Several forms of one question, say as asked and as rewritten, count alike. Ties are broken
        by similarity, then by place, so that the order is always the same.
        """
        queries = [query] if isinstance(query, str) else list(query)
        scores: dict[int, float] = {}
        similarities: dict[int, float] = {}
        for text in queries:
            near = self._near(text)
            for row, similarity in near:
                similarities[row] = max(similarity, similarities.get(row, -1.0))
            for ranking in ([row for row, _ in near], self._words.ranking(text, _CANDIDATES)):
                for rank, row in enumerate(ranking, start=1):
                    scores[row] = scores.get(row, 0.0) + reciprocal_rank(rank)
        order = sorted(scores, key=lambda row: (-scores[row], -similarities.get(row, -1.0), row))
        return [
            Hit(chunk=self._chunks[row], score=scores[row], similarity=similarities.get(row))
            for row in order[:k]
        ]

    def _near(self, text: str) -> tuple[Neighbour, ...]:
        vector = np.asarray(self._embeddings.embed_query(text), dtype=np.float32)
        return self._index.search(vector, _CANDIDATES)


class WordIndex:
    """Ranks texts by the words they share with a question: BM25 over English word stems."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._bm25 = bm25s.BM25(backend="numpy")
        self._stemmer = Stemmer.Stemmer("english")
        tokens = [self._stems(text) for text in texts]
        self._any = any(tokens)
        if self._any:
            self._bm25.index(tokens, show_progress=False)

    def ranking(self, query: str, k: int) -> list[int]:
        """Return the rows of at most k texts that share a word with the query, best first."""
        stems = self._stems(query)
        if not (self._any and stems):
            return []
        scores = self._bm25.get_scores(stems)
        order = np.argsort(-scores, kind="stable")[:k]
        return [int(row) for row in order if scores[row] > 0]

    def _stems(self, text: str) -> list[str]:
        stems: list[str] = self._stemmer.stemWords(_WORD.findall(text.lower()))
        return stems


def reciprocal_rank(rank: int) -> float:
    """Return what a 1-based rank in one list adds to a chunk's score.

    Reciprocal rank fusion: Cormack, Clarke and Buettcher, SIGIR 2009,
    https://doi.org/10.1145/1571941.1572114
    """
    return 1.0 / (FUSION_CONSTANT + rank)
