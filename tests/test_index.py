from __future__ import annotations

import subprocess
import sys

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qa.index import Neighbour, VectorIndex

# Rows of one entry of 1, or of four entries of 1/2: their inner products are exact in float32, so
# ties are ties, whichever order a machine adds in.
EXACT_ROWS = np.array(
    [*np.eye(4), *-np.eye(4), *(np.array(np.meshgrid(*[[-0.5, 0.5]] * 4)).reshape(4, -1).T)],
    dtype=np.float32,
)


def unit_vectors(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@given(
    rows=st.lists(st.integers(0, len(EXACT_ROWS) - 1), max_size=60),
    query=st.integers(0, len(EXACT_ROWS) - 1),
    k=st.integers(1, 70),
)
def test_search_is_the_full_sort_by_similarity_then_row(
    rows: list[int], query: int, k: int
) -> None:
    vectors = EXACT_ROWS[rows]
    cosines = vectors @ EXACT_ROWS[query]
    expected = sorted(range(len(rows)), key=lambda row: (-cosines[row], row))[:k]

    found = VectorIndex.from_vectors(vectors).search(EXACT_ROWS[query], k)

    assert found == tuple(Neighbour(row, float(cosines[row])) for row in expected)


def test_search_agrees_with_numpy_on_vectors_of_the_usual_size() -> None:
    vectors = unit_vectors(500, 384)
    query = unit_vectors(1, 384, seed=1)[0]
    cosines = vectors.astype(np.float64) @ query.astype(np.float64)

    found = VectorIndex.from_vectors(vectors).search(query, 10)

    assert [row for row, _ in found] == list(np.argsort(-cosines)[:10])
    assert [similarity for _, similarity in found] == pytest.approx(
        [cosines[row] for row, _ in found], abs=1e-6
    )


def test_a_thousand_equal_vectors_come_in_the_order_of_their_rows() -> None:
    index = VectorIndex.from_vectors(np.tile(EXACT_ROWS[10], (1000, 1)))
    assert index.search(EXACT_ROWS[10], 3) == ((0, 1.0), (1, 1.0), (2, 1.0))


def test_similarity_never_leaves_its_range() -> None:
    vectors = unit_vectors(200, 384)
    index = VectorIndex.from_vectors(vectors)
    nearest = [index.search(vector, 1)[0].similarity for vector in vectors]
    assert max(nearest) <= 1.0


def test_an_index_without_vectors_finds_nothing() -> None:
    index = VectorIndex.from_vectors(np.zeros((0, 4), dtype=np.float32))
    assert (len(index), index.dimension, index.search(EXACT_ROWS[0], 3)) == (0, 4, ())


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((2, 4), dtype=np.float32),
        np.full((2, 4), np.nan, dtype=np.float32),
        np.array([[1, 0], [np.inf, 0]], dtype=np.float32),
        np.array([[1, 0], [0.99, 0]], dtype=np.float32),
        np.eye(3, dtype=np.float64),
        np.ones(4, dtype=np.float32),
        np.zeros((0, 0), dtype=np.float32),
    ],
    ids=["zero", "nan", "infinite", "too short", "float64", "one-dimensional", "no dimension"],
)
def test_anything_but_unit_vectors_of_float32_is_refused(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match="vector"):
        VectorIndex.from_vectors(vectors)


@pytest.mark.parametrize(
    ("vector", "k"),
    [(np.ones(3), 1), (np.ones((1, 4)), 1), (np.full(4, np.nan), 1), (EXACT_ROWS[0], 0)],
    ids=["too short", "a table", "nan", "k of 0"],
)
def test_a_query_that_does_not_fit_is_refused(vector: np.ndarray, k: int) -> None:
    index = VectorIndex.from_vectors(EXACT_ROWS)
    with pytest.raises(ValueError, match=r"vector|k is"):
        index.search(vector.astype(np.float32), k)


@given(
    numbers=arrays.arrays(
        np.float32,
        st.tuples(st.integers(0, 20), st.integers(1, 8)),
        elements=st.floats(1, 2, width=32),
    )
)
def test_bytes_round_trip_exactly(numbers: np.ndarray) -> None:
    vectors = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    data = VectorIndex.from_vectors(vectors).to_bytes()

    again = VectorIndex.from_bytes(data, count=len(vectors), dimension=vectors.shape[1])

    assert (again.to_bytes(), len(again), again.dimension) == (data, *vectors.shape)


def test_the_bytes_are_an_index_file_of_faiss() -> None:
    vectors = unit_vectors(7, 16)
    data = VectorIndex.from_vectors(vectors).to_bytes()

    index = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))

    assert isinstance(index, faiss.IndexFlatIP)
    np.testing.assert_array_equal(index.reconstruct_n(0, 7), vectors)


def test_every_changed_byte_of_the_header_is_refused() -> None:
    data = VectorIndex.from_vectors(unit_vectors(5, 6)).to_bytes()
    for at in range(len(data) - 4 * 5 * 6):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        with pytest.raises(ValueError, match="not an index of 5 vectors of 6"):
            VectorIndex.from_bytes(bytes(changed), count=5, dimension=6)


@pytest.mark.parametrize(
    ("count", "dimension"), [(4, 6), (6, 6), (5, 5), (10, 3), (10**12, 6), (-5, 6), (5, 0), (0, 6)]
)
def test_bytes_of_another_size_than_stated_are_refused(count: int, dimension: int) -> None:
    data = VectorIndex.from_vectors(unit_vectors(5, 6)).to_bytes()
    with pytest.raises(ValueError, match="vector"):
        VectorIndex.from_bytes(data, count=count, dimension=dimension)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [("Flat", faiss.METRIC_L2), ("HNSW8,Flat", faiss.METRIC_INNER_PRODUCT)],
)
def test_an_index_of_another_type_is_refused(kind: str, metric: int) -> None:
    other = faiss.index_factory(6, kind, metric)
    other.add(unit_vectors(5, 6))
    data = bytes(faiss.serialize_index(other).data)
    with pytest.raises(ValueError, match="vector"):
        VectorIndex.from_bytes(data, count=5, dimension=6)


def test_vectors_of_another_length_in_the_bytes_are_refused() -> None:
    flat = faiss.IndexFlatIP(6)
    flat.add(2 * unit_vectors(5, 6))
    with pytest.raises(ValueError, match="vector 0 of 5 is not of length 1"):
        VectorIndex.from_bytes(bytes(faiss.serialize_index(flat).data), count=5, dimension=6)


def test_the_vectors_are_copied() -> None:
    vectors = unit_vectors(3, 4)
    index = VectorIndex.from_vectors(vectors)
    data = index.to_bytes()
    vectors[:] = 0
    assert index.to_bytes() == data


def test_importing_the_module_does_not_import_faiss() -> None:
    code = "import sys, qa.index, qa.storage; sys.exit('faiss' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
