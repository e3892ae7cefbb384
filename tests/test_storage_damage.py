"""Damaged and forged index folders: found, named, and not served."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fakes import children, users
from fakes.builds import (
    FILES,
    contents_of,
    current_build,
    key_of,
    never,
    or_build,
    publish,
    store_in,
    tree,
    version_of,
)
from qa.errors import DamagedIndexError, StorageError

REMEDY = "Run `qa index` to build it again."
MEMORY_BYTES = 200 << 20


# R4: whatever is damaged is found, named, and not served.


@pytest.fixture(scope="module")
def two_builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two") / "index"
    for version in (1, 2):
        publish(store_in(folder), version)
    return folder


@pytest.fixture
def damaged(two_builds: Path, tmp_path: Path) -> Path:
    """A folder with two builds, to be damaged."""
    return Path(shutil.copytree(two_builds, tmp_path / "index"))


def other_build(folder: Path) -> Path:
    return next(path for path in (folder / "builds").iterdir() if path != current_build(folder))


def check_damage(folder: Path, *, at: Path) -> None:
    """The current build is refused by its key, the other one served, and told of."""
    store = store_in(folder)
    with pytest.raises(DamagedIndexError) as caught:
        store.open(key_of(2))
    assert str(at) in caught.value.message
    assert caught.value.remedy == REMEDY
    served = store.open_current()
    assert (version_of(served), served.notices) == (1, (caught.value.message,))


def test_every_changed_byte_of_the_manifest_is_found(damaged: Path) -> None:
    path = current_build(damaged) / "manifest.json"
    whole = path.read_bytes()
    bits = random.Random(0)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << bits.randrange(8)
        path.write_bytes(changed)
        with pytest.raises(DamagedIndexError, match=r"manifest\.json"):
            store_in(damaged).open(key_of(2))
    path.write_bytes(whole)
    assert version_of(store_in(damaged).open_current()) == 2


def mutate(data: bytes, chance: random.Random) -> bytes:
    """Flip a bit, cut, double, swap or overwrite a part."""
    start, middle, end = sorted(chance.sample(range(len(data) + 1), 3))
    flipped = bytearray(data)
    flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return chance.choice(
        [
            bytes(flipped),
            bytes(flipped),
            data[:middle],
            data[:start] + data[middle:],
            data[:end] + data[start:],
            data[:start] + data[middle:end] + data[start:middle] + data[end:],
            data[:start] + bytes(middle - start) + data[middle:],
            data + chance.randbytes(1),
        ]
    )


@pytest.mark.parametrize("file", FILES)
def test_hundreds_of_random_mutations_are_found(damaged: Path, file: str) -> None:
    path = current_build(damaged) / file
    whole = path.read_bytes()
    chance = random.Random(file)
    mutations = {mutate(whole, chance) for _ in range(400)} - {whole}
    for mutation in mutations:
        path.write_bytes(mutation)
        with pytest.raises(DamagedIndexError, match=file):
            store_in(damaged).open(key_of(2))
    assert len(mutations) > 250
    check_damage(damaged, at=path)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, _: path.unlink(),
        lambda path, _: path.write_bytes(b""),
        lambda path, other: path.write_bytes(other.read_bytes()),
        lambda path, _: (path.unlink(), path.mkdir()),
        lambda path, other: (path.unlink(), path.symlink_to(other)),
        lambda path, _: (path.rename(path.parent.parent / "moved"), path.symlink_to("../moved")),
        lambda path, _: (path.unlink(), os.mkfifo(path)),
        lambda path, _: (path.unlink(), path.symlink_to("/dev/zero")),
        lambda path, _: os.truncate(path, 1 << 40),
    ],
    ids=["missing", "empty", "other", "folder", "link", "own", "pipe", "endless", "sparse"],
)
def test_a_file_that_is_not_the_one_written_is_found(
    damaged: Path, file: str, spoil: Callable[[Path, Path], object]
) -> None:
    path = current_build(damaged) / file
    spoil(path, other_build(damaged) / file)
    check_damage(damaged, at=path)


@pytest.mark.parametrize("foreign", ["index.pkl", ".hidden", "manifest.json.bak"])
def test_a_file_too_many_is_found(damaged: Path, foreign: str) -> None:
    (current_build(damaged) / foreign).write_bytes(b"")
    check_damage(damaged, at=current_build(damaged))


def test_builds_that_changed_their_names_are_found(damaged: Path) -> None:
    current, other, aside = current_build(damaged), other_build(damaged), damaged / "aside"
    current.rename(aside)
    other.rename(current)
    aside.rename(other)
    for version in (1, 2):
        with pytest.raises(DamagedIndexError, match="manifest of another build"):
            store_in(damaged).open(key_of(version))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda build: (build.rename(build.parent / "x"), build.symlink_to(build.parent / "x")),
        lambda build: (build.rename(build.parent / "x"), build.write_bytes(b"")),
        lambda build: shutil.rmtree(build) or build.mkdir(),
    ],
    ids=["link", "file", "empty"],
)
def test_a_build_that_is_not_its_folder_is_found(
    damaged: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(current_build(damaged))
    check_damage(damaged, at=current_build(damaged))


def test_a_damaged_build_is_built_again_and_told_of(
    damaged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = current_build(damaged) / "index.faiss"
    path.write_bytes(path.read_bytes()[:-1])
    store = store_in(damaged)

    rebuilt = or_build(store, key_of(2), lambda: contents_of(2))

    assert f"The index is damaged: {str(path)!r} does not have" in caplog.text
    assert "It is built again." in caplog.text
    assert (rebuilt.name, version_of(rebuilt)) == (current_build(damaged).name, 2)
    opened = store.open(key_of(2))
    assert (opened.name, version_of(opened), opened.notices) == (rebuilt.name, 2, ())
    assert or_build(store, key_of(2), never).name == rebuilt.name


def test_an_older_build_of_the_same_key_stands_in_for_a_damaged_one(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    old, new = publish(store, 1), publish(store, 1)
    (tmp_path / "builds" / new.name / "chunks.jsonl").write_bytes(b"")
    served = or_build(store, key_of(1), never)
    assert (served.name, version_of(served), len(served.notices)) == (old.name, 1, 1)


def test_all_builds_damaged_is_an_error_that_names_the_current_one(damaged: Path) -> None:
    for path in (damaged / "builds").rglob("articles.jsonl"):
        path.write_bytes(b"{}\n")
    with pytest.raises(DamagedIndexError) as caught:
        store_in(damaged).open_current()
    assert str(current_build(damaged) / "articles.jsonl") in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not name a build"),
        (b"\xff\xfe\n", "does not name a build"),
        (b"../../etc\n", "does not name a build"),
        (b"/etc/passwd\n", "does not name a build"),
        (b"00000002-0123456789abcdef-0123456789abcdef\n\n", "does not name a build"),
        (b"x" * 1000, "has 1000 bytes"),
        (b"00000002-0123456789abcdef-0123456789abcdef\n", "cdef' is missing"),
    ],
)
def test_a_current_that_names_nothing_is_told_and_the_newest_served(
    damaged: Path, content: bytes, reason: str
) -> None:
    (damaged / "CURRENT").write_bytes(content)
    served = store_in(damaged).open_current()
    assert version_of(served) == 2
    assert [reason in notice for notice in served.notices] == [True]
    assert version_of(publish(store_in(damaged), 3)) == 3
    assert store_in(damaged).open_current().notices == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.mkdir(),
        lambda path: os.mkfifo(path),
    ],
    ids=["link", "folder", "pipe"],
)
def test_a_current_that_is_no_file_is_told_and_the_newest_served(
    damaged: Path, spoil: Callable[[Path], object]
) -> None:
    (damaged / "CURRENT").unlink()
    spoil(damaged / "CURRENT")
    served = store_in(damaged).open_current()
    assert version_of(served) == 2
    assert [str(damaged / "CURRENT") in notice for notice in served.notices] == [True]


def test_without_current_the_newest_build_is_served(damaged: Path) -> None:
    (damaged / "CURRENT").unlink()
    served = store_in(damaged).open_current()
    assert (version_of(served), served.notices) == (2, ())


def test_a_damaged_current_without_any_build_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "CURRENT").write_bytes(b"x")
    with pytest.raises(DamagedIndexError, match="does not name a build"):
        store_in(tmp_path).open_current()


# R5: what somebody made up is refused, quickly, and nothing of it is run.


def forge(folder: Path, change: Callable[[dict[str, Any], Path], None]) -> None:
    """Change the current build's manifest and files, and make all hashes and names right."""
    build = current_build(folder)
    manifest = json.loads((build / "manifest.json").read_text())
    change(manifest, build)
    manifest["key_sha256"] = canonical_sha256(manifest["key"])
    del manifest["manifest_sha256"]
    manifest["manifest_sha256"] = canonical_sha256(manifest)
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    (build / "manifest.json").write_text(text)
    key, own = manifest["key_sha256"][:16], manifest["manifest_sha256"][:16]
    build.rename(build.parent / f"00000002-{key}-{own}")
    (folder / "CURRENT").write_text(f"00000002-{key}-{own}\n")


def canonical_sha256(facts: dict[str, Any]) -> str:
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def state(*place: str, value: object) -> Callable[[dict[str, Any], Path], None]:
    """A forger who states a value at a place in the manifest."""

    def change(manifest: dict[str, Any], _: Path) -> None:
        facts = manifest
        for name in place[:-1]:
            facts = facts[name]
        facts[place[-1]] = value

    return change


def put(file: str, data: bytes) -> Callable[[dict[str, Any], Path], None]:
    """A forger who puts other bytes in a file, and states their size and hash."""

    def change(manifest: dict[str, Any], build: Path) -> None:
        (build / file).write_bytes(data)
        facts = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        manifest["files"][file] = facts

    return change


def patch(file: str, at: int, data: bytes) -> Callable[[dict[str, Any], Path], None]:
    """A forger who overwrites a part of a file, and states its hash."""

    def change(manifest: dict[str, Any], build: Path) -> None:
        old = (build / file).read_bytes()
        put(file, old[:at] + data + old[at + len(data) :])(manifest, build)

    return change


def exchange(file: str, old: bytes, new: bytes) -> Callable[[dict[str, Any], Path], None]:
    """A forger who puts other words, as long, in place of some, and states the file's hash."""

    def change(manifest: dict[str, Any], build: Path) -> None:
        put(file, (build / file).read_bytes().replace(old, new, 1))(manifest, build)

    return change


def sparse(size: int) -> Callable[[dict[str, Any], Path], None]:
    """A forger with a file that states an enormous size, and has it."""

    def change(manifest: dict[str, Any], build: Path) -> None:
        os.truncate(build / "index.faiss", size)
        manifest["files"]["index.faiss"]["size"] = size

    return change


HUGE = (10**12).to_bytes(8, "little")
LINE = b'{"id":"x","title":"","source":"","text":""}\n'


@pytest.mark.parametrize(
    "change",
    [
        state("chunks", value=10**12),
        state("chunks", value=10**7),
        state("chunks", value=-1),
        state("chunks", value=4),
        state("articles", value=10**12),
        state("articles", value=2),
        state("key", "dimension", value=10**12),
        state("key", "dimension", value=65536),
        state("key", "dimension", value=4),
        state("key", "metric", value="l2"),
        state("key", "sources", value=[]),
        state("files", "index.faiss", "size", value=10**15),
        state("files", "../x", value={"size": 1, "sha256": "0" * 64}),
        state("files", "index.pkl", value={"size": 1, "sha256": "0" * 64}),
        state("files", value={}),
        state("extra", value="1"),
        state("created", value="yesterday"),
        state("created", value="2026-01-01T00:00:00"),
        sparse(1 << 40),
        sparse((128 << 20) + 1),
        sparse(128 << 20),
        patch("index.faiss", 4, HUGE[:4]),  # the dimension
        patch("index.faiss", 8, HUGE),  # the number of vectors
        patch("index.faiss", 37, HUGE),  # the length of the list of numbers
        patch("index.faiss", 0, b"IxPT"),
        patch("index.faiss", 45, b"\x00\x00\xc0\x7f"),  # not a number
        put("index.faiss", b""),
        put("index.faiss", b"\x80\x04cos\nsystem\n(S'true'\ntR."),
        put("articles.jsonl", LINE),
        put("articles.jsonl", b""),
        put("articles.jsonl", b"\xff\n"),
        put("articles.jsonl", b"[" * 100_000 + b"\n"),
        put("articles.jsonl", b"1" * 100_000 + b"\n"),
        exchange("articles.jsonl", b"is version 2", b"is version 3"),
        exchange("chunks.jsonl", b"is version 2", b"is version 3"),
        exchange("chunks.jsonl", b'"start": 0', b'"start": 1'),
        exchange("chunks.jsonl", b'"text": ', b'"more": 1, "text": '),
        put("chunks.jsonl", LINE * 5),
        put("chunks.jsonl", b"{}\n" * 5),
        put("chunks.jsonl", b"\n" * (200 << 10)),
        patch("chunks.jsonl", 0, b'{"start": 1.5, '),
    ],
)
def test_a_forged_build_is_refused_quickly(
    damaged: Path, change: Callable[[dict[str, Any], Path], None]
) -> None:
    shutil.rmtree(other_build(damaged))
    forge(damaged, change)
    said, seconds, memory, events = children.result_of(users.open_hostile, damaged)
    assert said.startswith("The index is damaged: ")
    assert said.endswith(REMEDY)
    assert len(said) < 600
    assert (seconds < 1, memory < MEMORY_BYTES, events) == (True, True, [])


def test_a_forger_who_changes_nothing_is_believed(damaged: Path) -> None:
    forge(damaged, lambda *_: None)
    assert children.result_of(users.open_hostile, damaged)[0] == "opened"


def test_no_pickle_is_ever_loaded(damaged: Path) -> None:
    bomb = b"\x80\x04cos\nsystem\n(S'true'\ntR."
    for path in [damaged, damaged / "builds", *(damaged / "builds").iterdir()]:
        (path / "index.pkl").write_bytes(bomb)
    said, _, _, events = children.result_of(users.open_hostile, damaged)
    assert ("'index.pkl'" in said, events) == (True, [])


@pytest.mark.parametrize("name", ["builds", "locks"])
def test_a_folder_that_is_a_link_is_not_written_through(
    damaged: Path, tmp_path: Path, name: str
) -> None:
    (damaged / name).rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / ".tmp-mine").write_text("mine")
    (damaged / name).symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="is a file or a link"):
        publish(store_in(damaged), 3)
    assert tree(tmp_path / "elsewhere") == before
