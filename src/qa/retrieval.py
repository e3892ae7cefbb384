"""A question to the chunks that may answer it: by meaning, by words and by letters, as one score.

In: chunks with their vector index and embedder, then questions. Out: ``Hit`` records, best first.
Vectors find what is said in other words. Word stems find names and numbers, which vectors blur.
Letters find other forms and spellings of a word, in any script.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import bm25s
import numpy as np
import Stemmer
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from qa.index import VectorIndex
from qa.records import Chunk, Hit

Scores = NDArray[np.float32]
"""One number a chunk, in the order of the index."""

MEANING_WEIGHT = 0.6
WORDS_WEIGHT = 0.2
LETTERS_WEIGHT = 0.2
"""What the three add to the score; benchmarks/RESULTS.md has the measurements."""

GRAM_CHARACTERS = 4

_WORD = re.compile(r"\w+")


class Retriever:
    """Searches the chunks of one index; safe to share between threads."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        index: VectorIndex,
        embeddings: Embeddings,
        *,
        words: TermIndex,
        letters: TermIndex,
    ) -> None:
        self._chunks = chunks
        self._index = index
        self._embeddings = embeddings
        self._words = words
        self._letters = letters

    @classmethod
    def build(
        cls, chunks: Sequence[Chunk], index: VectorIndex, embeddings: Embeddings
    ) -> Retriever:
        """Return the retriever of chunks and the index of their vectors, row by row the same.

        :raises ValueError: if there are not as many vectors as chunks.
        """
        if len(index) != len(chunks):
            raise ValueError(f"{len(index)} vectors do not go with {len(chunks)} chunks")
        texts = [f"{chunk.heading}\n{chunk.text}" for chunk in chunks]
        return cls(
            chunks,
            index,
            embeddings,
            words=TermIndex(texts, stems),
            letters=TermIndex(texts, grams),
        )

    def search(self, query: str | Sequence[str], k: int) -> list[Hit]:
        """Return the k chunks that fit a question best, best first.

        Several forms of one question, say as asked and as rewritten, count alike. Ties are broken
        by similarity, then by place, so that the order is always the same.
        """
        queries = [query] if isinstance(query, str) else query
        if not self._chunks:
            return []
        similarities = np.stack([self._similarities(text) for text in queries])
        scores = np.mean(
            [
                MEANING_WEIGHT * standardised(near)
                + WORDS_WEIGHT * standardised(self._words.scores(text))
                + LETTERS_WEIGHT * standardised(self._letters.scores(text))
                for text, near in zip(queries, similarities, strict=True)
            ],
            axis=0,
        )
        nearest = similarities.max(axis=0)
        order = np.lexsort((np.arange(len(scores)), -nearest, -scores))
        return [
            Hit(chunk=self._chunks[row], score=float(scores[row]), similarity=float(nearest[row]))
            for row in islice(self._distinct(order), k)
        ]

    def _distinct(self, rows: Iterable[int]) -> Iterator[int]:
        """Yield the rows whose text no row before them has: what is said twice is read once."""
        seen = set()
        for row in rows:
            words = tuple(self._chunks[row].text.casefold().split())
            if words not in seen:
                seen.add(words)
                yield row

    def _similarities(self, text: str) -> Scores:
        vector = np.asarray(self._embeddings.embed_query(text), dtype=np.float32)
        similarities = np.empty(len(self._chunks), dtype=np.float32)
        for row, similarity in self._index.search(vector, len(self._chunks)):
            similarities[row] = similarity
        return similarities


class TermIndex:
    """Scores texts by the terms they share with a question: BM25 as Lucene has it."""

    def __init__(self, texts: Sequence[str], terms: Callable[[str], list[str]]) -> None:
        self._terms = terms
        self._size = len(texts)
        self._bm25: bm25s.BM25 | None = None
        found = [terms(text) for text in texts]
        if any(found):  # BM25 of no terms at all is not defined
            self._bm25 = bm25s.BM25(k1=1.2, b=0.75, method="lucene", backend="numpy")
            self._bm25.index(found, show_progress=False)

    def scores(self, query: str) -> Scores:
        """Return a score of at least 0 for each text; 0 where no term is shared."""
        terms = self._terms(query)
        if self._bm25 is None or not terms:
            return np.zeros(self._size, dtype=np.float32)
        return np.asarray(self._bm25.get_scores(terms), dtype=np.float32)


def stems(text: str) -> list[str]:
    """Return the stems of a text's words, in order, by the Snowball stemmer for English."""
    # A stemmer keeps state while it works, so threads do not share one; making one is cheap.
    found: list[str] = Stemmer.Stemmer("english", 0).stemWords(_WORD.findall(_plain(text)))
    return found


def grams(text: str) -> list[str]:
    """Return each run of four letters, across words too, so that phrases count.

    Character n-grams as terms: McNamee and Mayfield, Information Retrieval 7, 2004.
    """
    line = f" {' '.join(_WORD.findall(_plain(text)))} "
    return [line[at : at + GRAM_CHARACTERS] for at in range(len(line) - GRAM_CHARACTERS + 1)]


def standardised(scores: Scores) -> Scores:
    """Return scores with mean 0 and deviation 1, by which unlike scores can be added up.

    Such a weighted sum of normalised scores keeps how far ahead the first are, which reciprocal
    ranks forget: Bruch, Gai and Ingber, https://arxiv.org/abs/2210.11934
    """
    deviation = scores.std()
    if deviation < np.finfo(np.float32).eps:  # all alike: they say nothing
        return np.zeros_like(scores)
    centred: Scores = (scores - scores.mean()) / deviation
    return centred


def _plain(text: str) -> str:
    """Return the text in small letters without accents, as people type questions."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
