"""Exact search among the vectors of the chunks.

In: unit vectors, one a chunk, in the order of the chunks. Out: the rows most like a question's
vector. The search is FAISS's ``IndexFlatIP``: every vector is compared, so nothing is missed, and
the inner product of unit vectors is their cosine. The bytes are those of FAISS's own index file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import faiss

# Embedders leave unit vectors off by some float32 roundings; a vector that was never scaled is
# off by far more.
UNIT_TOLERANCE = 1e-3


class Neighbour(NamedTuple):
    """A row of the index and its similarity to the question: a cosine in [-1, 1]."""

    row: int
    similarity: float


class VectorIndex:
    """Unit vectors that can be searched; never changed once made, safe to search from threads."""

    def __init__(self, flat: faiss.IndexFlatIP) -> None:
        self._flat = flat

    @classmethod
    def from_vectors(cls, vectors: NDArray[np.float32]) -> VectorIndex:
        """Return the index of vectors of shape (count, dimension), each of length 1.

        :raises ValueError: if the vectors are not such an array of float32.
        """
        if vectors.ndim != 2 or vectors.dtype != np.float32 or vectors.shape[1] == 0:
            raise ValueError(f"{vectors.dtype} of shape {vectors.shape} is not a table of vectors")
        # einsum sums in float32 without a squared copy; NaN and infinity fail the comparison too.
        squares = np.einsum("ij,ij->i", vectors, vectors)
        unfit = np.flatnonzero(~(np.abs(squares - 1.0) <= 2 * UNIT_TOLERANCE))
        if unfit.size:
            raise ValueError(f"vector {unfit[0]} of {len(vectors)} is not of length 1")
        # Imported here since it takes a third of a second, which `import qa` must not cost.
        import faiss

        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(np.ascontiguousarray(vectors))
        return cls(flat)

    @classmethod
    def from_bytes(cls, data: bytes, *, count: int, dimension: int) -> VectorIndex:
        """Return the index that ``to_bytes`` wrote, known to hold ``count`` vectors.

        FAISS trusts the sizes that its files state, and a false one makes it read other vectors or
        reserve all memory. So only the numbers are taken from the end of the data, and the index
        made of them must have these very bytes: type, count, dimension and all.

        :raises ValueError: if the data is anything else than that index.
        """
        size = 4 * count * dimension
        if count < 0 or dimension < 1 or len(data) < size:
            raise ValueError(f"{len(data)} bytes do not hold {count} vectors of {dimension}")
        numbers = np.frombuffer(data, dtype="<f4", offset=len(data) - size)
        index = cls.from_vectors(numbers.astype(np.float32).reshape(count, dimension))
        if index.to_bytes() != data:
            raise ValueError(f"not an index of {count} vectors of {dimension}")
        return index

    def to_bytes(self) -> bytes:
        """Return the index as FAISS writes it to a file."""
        import faiss

        return bytes(faiss.serialize_index(self._flat).data)

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._flat.d)

    def search(self, vector: NDArray[np.float32], k: int) -> tuple[Neighbour, ...]:
        """Return the ``k`` nearest rows, all of them when there are fewer, most similar first.

        ``vector`` has shape (dimension,) and length 1. Rows that are alike to the last bit come in
        the order of the index, and which of them are among the first k is decided so too.

        :raises ValueError: if k is below 1 or the vector does not fit.
        """
        if k < 1:
            raise ValueError(f"k is {k}, and at least 1 is needed")
        if vector.shape != (self.dimension,) or not np.isfinite(vector).all():
            raise ValueError(f"shape {vector.shape} is not a vector of {self.dimension} numbers")
        if len(self) == 0:
            return ()
        query = np.ascontiguousarray(vector, dtype=np.float32)[np.newaxis]
        wanted = min(k, len(self))
        asked = min(2 * wanted, len(self))
        while True:
            similarities, rows = self._flat.search(query, asked)
            # Rounding can put the cosine of equal vectors a little above 1.
            cosines = np.clip(similarities[0], -1.0, 1.0)
            # FAISS keeps any of the equal rows at its edge: ask on until the edge is past them.
            if asked == len(self) or cosines[-1] < cosines[wanted - 1]:
                break
            asked = min(2 * asked, len(self))
        order = np.lexsort((rows[0], -cosines))[:wanted]
        return tuple(Neighbour(int(rows[0][at]), float(cosines[at])) for at in order)
