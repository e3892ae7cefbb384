"""An embedder without a model: texts that share words are near one another."""

from __future__ import annotations

import hashlib
import re

import numpy as np
from langchain_core.embeddings import Embeddings

DIMENSION = 64


class WordEmbeddings(Embeddings):
    """Each word has a fixed random direction, a text is the sum of its words; counts texts."""

    def __init__(self) -> None:
        self.texts_embedded = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.texts_embedded += len(texts)
        return [_vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def _vector(text: str) -> list[float]:
    total = np.zeros(DIMENSION)
    for word in re.findall(r"\w+", text.lower()):
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4])
        total += np.random.default_rng(seed).standard_normal(DIMENSION)
    norm = float(np.linalg.norm(total)) or 1.0
    unit: list[float] = (total / norm).tolist()
    return unit
