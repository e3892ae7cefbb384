"""Whether an article answers a question, asked of the article itself and of a chat model.

In: an article, then questions. Out: whether it seems to answer them, and the sentence that comes
closest. Passages are searched for, the model is asked for the answer, and its answer is held to the
sentences of the article: only one that these carry counts, as a small model answers much that is
not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel
from numpy.typing import NDArray

from qa.chunking import chunk, sentences
from qa.citations import SentenceIndex, content_words
from qa.embedding import text_to_embed
from qa.evaluation.answering import answer_from
from qa.evaluation.squad import contains
from qa.index import VectorIndex
from qa.records import Article, Hit, Span
from qa.retrieval import Retriever

_CHUNK_CHARACTERS = 350
_PASSAGES = 5
_SHORTLIST = 8  # sentences whose meaning is compared with an answer's
_SHARED_WORDS = 0.5  # of a question's words in a sentence that also has its answer


class Checker:
    """Checks questions against one article."""

    def __init__(self, article: Article, chat_model: BaseChatModel, embeddings: Embeddings) -> None:
        self._article = article
        self._chat_model = chat_model
        self._embeddings = embeddings
        self._places = sentences(article.text)
        self._texts = [article.text[place.start : place.end] for place in self._places]
        self._index = SentenceIndex(self._texts)

    @cached_property
    def _retriever(self) -> Retriever:
        """The search, made when there is a question."""
        chunks = chunk(self._article, max_characters=_CHUNK_CHARACTERS)
        vectors = VectorIndex.from_vectors(self._unit([text_to_embed(one) for one in chunks]))
        return Retriever.build(chunks, vectors, self._embeddings)

    def answers(self, question: str, *, about: str = "", known: str = "") -> bool:
        """Return whether the article seems to answer a question.

        :param about: a name or number of the question that the sentences which answer must hold, or
            the one before them; without it a swapped question would be answered by the sentence
            that it was swapped in.
        :param known: an answer that is right wherever the article gives it to the question.
        :raises EngineError: if the model fails.
        """
        if known and self._states(question, known):
            return True
        passages = sorted((hit.chunk for hit in self._search(question)), key=lambda one: one.start)
        if not passages:
            return False
        text = "\n\n".join(passage.text for passage in passages)
        said = answer_from(self._chat_model, self._article.title, text, question)
        if known and contains(said, ((known,),)):
            return True
        rows = self._carrying(question, said) if said else ()
        return bool(rows) and content_words(about) <= self._words_at(rows)

    def closest(self, question: str) -> Span | None:
        """Return the sentence that has most to do with a question, or None if there is none."""
        hits = self._search(question)
        rows = [
            row
            for row, place in enumerate(self._places)
            if any(hit.chunk.start < place.end and place.start < hit.chunk.end for hit in hits[:2])
        ]
        if not rows:
            return None
        return self._places[self._index.nearest(question, self._near(question, rows))]

    def _search(self, question: str) -> list[Hit]:
        return self._retriever.search(question, _PASSAGES) if self._places else []

    def _states(self, question: str, known: str) -> bool:
        """Return whether a sentence holds an answer and much of the question, without a model."""
        asked = content_words(question)
        return any(
            contains(words, ((known,),))
            and len(asked & content_words(words)) >= _SHARED_WORDS * len(asked)
            for words in self._texts
        )

    def _carrying(self, question: str, said: str) -> Sequence[int]:
        """Return the sentences that carry an answer, none if they do not."""
        rows = self._index.shortlist(said, question, range(len(self._texts)), _SHORTLIST)
        return self._index.align(said, question, self._near(f"{question} {said}", rows)).rows

    def _words_at(self, rows: Sequence[int]) -> frozenset[str]:
        """Return the words of sentences and of those before them, which say who "he" is."""
        wanted = {near for row in rows for near in (row - 1, row) if near >= 0}
        return content_words(" ".join(self._texts[row] for row in sorted(wanted)))

    def _near(self, text: str, rows: Sequence[int]) -> dict[int, float]:
        """Return the cosine of a text with each of these sentences."""
        vector, *others = self._unit([text, *(self._texts[row] for row in rows)])
        return {row: float(other @ vector) for row, other in zip(rows, others, strict=True)}

    def _unit(self, texts: list[str]) -> NDArray[np.float32]:
        """Return the vectors of texts, of length 1: shape (texts, dimension)."""
        vectors = np.asarray(self._embeddings.embed_documents(texts))
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
