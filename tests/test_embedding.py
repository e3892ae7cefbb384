from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from qa.embedding import (
    WEIGHTS_FILE,
    LocalEmbeddings,
    hash_weights,
    open_embeddings,
    text_to_embed,
)
from qa.errors import WeightsError
from qa.records import Chunk

TEXTS = [
    "The town keeps 37 boats in the harbour.",
    "",
    "Harbour boats of the town: thirty-seven.",
    "He likes to paint his house in green on Sundays.",
    "word " * 2000,
]


@pytest.fixture(scope="module")
def folder(models_folder: Path) -> Path:
    return models_folder / "all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def embeddings(folder: Path) -> LocalEmbeddings:
    return open_embeddings(folder, threads=2)


def test_importing_does_not_load_torch() -> None:
    program = "import sys, qa.embedding; print([n for n in sys.modules if n.startswith('torch')])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_chunk_is_embedded_under_its_heading() -> None:
    chunk = Chunk(article_id="a", start=0, end=3, text="Red", heading="Boats – Paint")
    assert text_to_embed(chunk) == "Boats – Paint\nRed"


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ((), "has no model.safetensors and no tokenizer.json"),
        (("tokenizer.json",), "has no model.safetensors."),
        ((WEIGHTS_FILE,), "has no tokenizer.json."),
    ],
)
def test_a_folder_without_its_files_is_refused(
    tmp_path: Path, there: tuple[str, ...], message: str
) -> None:
    for name in there:
        (tmp_path / name).touch()
    with pytest.raises(WeightsError) as caught:
        open_embeddings(tmp_path, threads=1)
    assert message in caught.value.message
    assert "qa models pull" in caught.value.remedy


def test_the_hash_is_that_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS_FILE).write_bytes(b"weights")
    assert hash_weights(tmp_path) == hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(WeightsError, match="No such file"):
        hash_weights(tmp_path / "elsewhere")


@pytest.mark.models
@pytest.mark.parametrize(
    ("name", "content"), [(WEIGHTS_FILE, b"x" * 100), ("config.json", b"{"), (WEIGHTS_FILE, b"")]
)
def test_a_damaged_folder_is_an_error_in_one_line(
    folder: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(WEIGHTS_FILE))
    (copy / WEIGHTS_FILE).symlink_to(folder / WEIGHTS_FILE)
    (copy / name).unlink()
    (copy / name).write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        open_embeddings(copy, threads=1)
    assert str(copy) in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.models
def test_vectors_are_unit_and_nearer_for_what_is_alike(embeddings: LocalEmbeddings) -> None:
    vectors = embeddings.vectors(TEXTS)
    assert vectors.shape == (5, embeddings.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert vectors[0] @ vectors[2] > 0.7 > 0.3 > vectors[0] @ vectors[3]
    assert embeddings.vectors([]).shape == (0, embeddings.dimension)


@pytest.mark.models
def test_a_text_has_the_same_vector_alone_and_in_a_batch(embeddings: LocalEmbeddings) -> None:
    together = embeddings.embed_documents(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(embeddings.embed_query(text), vector, atol=1e-5)


@pytest.mark.models
def test_vectors_are_those_of_the_model_as_it_is_published(
    folder: Path, embeddings: LocalEmbeddings
) -> None:
    from sentence_transformers import SentenceTransformer

    published = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    expected = published.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    np.testing.assert_allclose(embeddings.vectors(TEXTS), expected, atol=1e-5)


@pytest.mark.models
def test_threads_may_share_the_model(embeddings: LocalEmbeddings) -> None:
    alone = [embeddings.embed_query(text) for text in TEXTS]
    with ThreadPoolExecutor(8) as pool:
        shared = list(pool.map(embeddings.embed_query, TEXTS * 4))
    np.testing.assert_allclose(shared, alone * 4, atol=1e-6)


@pytest.mark.models
def test_opening_reaches_no_network(folder: Path) -> None:
    program = (
        "import sys\n"
        "tried = []\n"
        "sys.addaudithook(lambda event, _: event.startswith('socket.') and tried.append(event))\n"
        "from pathlib import Path\n"
        "from qa.embedding import open_embeddings\n"
        f"open_embeddings(Path({str(folder)!r}), threads=1)\n"
        "print([event for event in tried if event in ('socket.connect', 'socket.getaddrinfo')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
