"""Texts to unit vectors, by a sentence-transformers model on disk, as LangChain's ``Embeddings``.

In: a model folder. Out: vectors whose dot product is the cosine of two texts. Nothing is fetched:
the folder has all there is. Loading the model imports torch, which takes seconds, so it happens on
opening and not on import.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from qa.errors import WeightsError
from qa.records import Chunk

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

WEIGHTS_FILE = "model.safetensors"
"""The weights in a model folder; formats that run code on loading are not read."""

_NEEDED_FILES = (WEIGHTS_FILE, "tokenizer.json")  # without the second, a wrong one is made up

_BATCH_TEXTS = 32  # larger batches pad more and are no faster on a few cores


class LocalEmbeddings(Embeddings):
    """Embeds with one model in this process; several threads may share it.

    Besides LangChain's methods, which give lists, ``vectors`` gives the same as one array.
    """

    def __init__(self, model: SentenceTransformer, *, threads: int, weights_hash: str) -> None:
        self._model = model
        self._threads = threads
        self._lock = threading.Lock()  # two passes at once on the same cores gain nothing
        self.weights_hash = weights_hash

    @property
    def dimension(self) -> int:
        """The length of each vector."""
        dimension = self._model.get_embedding_dimension()
        assert dimension is not None  # noqa: S101 - a model that was loaded has one
        return dimension

    def vectors(self, texts: list[str]) -> Vectors:
        """Return unit vectors, shape (len(texts), dimension), float32, in the order given."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        import torch

        with self._lock:
            # One question is too little to share: where another process keeps the cores busy, its
            # two threads waited for one another eight times as long as one thread took.
            torch.set_num_threads(1 if len(texts) == 1 else self._threads)
            # encode() sorts by length itself, so that a batch has little padding.
            found: Any = self._model.encode(
                texts,
                batch_size=_BATCH_TEXTS,
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        return np.asarray(found, dtype=np.float32)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one unit vector a text."""
        rows: list[list[float]] = self.vectors(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        """Return the unit vector of a question."""
        return self.embed_documents([text])[0]


def open_embeddings(
    folder: Path, *, threads: int, weights_hash: str | None = None
) -> LocalEmbeddings:
    """Return the model in a sentence-transformers folder, ready to embed, without any network.

    :param threads: processor cores to use for many texts; one text is embedded by one.
    :param weights_hash: the SHA-256 of its weights where it is known; else it is worked out.
    :raises WeightsError: if its files are missing or cannot be loaded.
    """
    missing = [name for name in _NEEDED_FILES if not (folder / name).is_file()]
    if missing:
        raise WeightsError(
            f"The embedder's folder {str(folder)!r} has no {' and no '.join(missing)}.",
            remedy="Run `qa models pull`, or set QA_EMBEDDING_MODEL to a sentence-transformers "
            "folder that has them.",
        )
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise WeightsError(
            f"The embedder in {str(folder)!r} cannot be loaded: {first_line}",
            remedy="Run `qa models verify`, or set QA_EMBEDDING_MODEL to another folder.",
        ) from error
    _lay_out_by_column(model)
    embeddings = LocalEmbeddings(
        model, threads=threads, weights_hash=weights_hash or hash_weights(folder)
    )
    embeddings.embed_query("warm")  # the first pass is the slowest, and nobody waits for it here
    return embeddings


def _lay_out_by_column(model: SentenceTransformer) -> None:
    """Keep the same weights in the order in memory that a few rows are multiplied fastest with.

    A question is a dozen rows; measured in turns with the usual order, its pass took a quarter
    less time, and vectors differed by 1e-7 at most.
    """
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.weight.data = module.weight.data.t().contiguous().t()


def hash_weights(folder: Path) -> str:
    """Return the SHA-256 of a model folder's weights, by which an index knows its model.

    :raises WeightsError: if the weights cannot be read.
    """
    try:
        with (folder / WEIGHTS_FILE).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"Cannot read the embedder's weights in {str(folder)!r}: {error.strerror}.",
            remedy="Run `qa models pull`.",
        ) from error


def text_to_embed(chunk: Chunk) -> str:
    """Return what the embedder reads for a chunk: its heading, then its words."""
    return f"{chunk.heading}\n{chunk.text}"
