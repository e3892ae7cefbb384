from __future__ import annotations

import errno
import logging
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import children, users
from fakes.builds import (
    FILES,
    contents_of,
    key_of,
    names_in,
    never,
    or_build,
    publish,
    store_in,
    tree,
    vectors_of,
    version_of,
)
from fakes.disks import FailsAt, OnlyReads
from qa.errors import DamagedIndexError, StorageError
from qa.index import VectorIndex
from qa.records import Article, Chunk
from qa.storage import Contents, IndexKey, IndexStore, Source
from qa.storage.disk import Disk


def builds_in(folder: Path) -> list[str]:
    return names_in(folder / "builds")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "index"


@pytest.fixture
def store(folder: Path) -> IndexStore:
    return store_in(folder)


# What is put in comes out again.


def test_an_empty_folder_has_no_builds(store: IndexStore, folder: Path) -> None:
    assert (store.open(key_of(1)), store.open_current(), folder.exists()) == (None, None, False)


def test_what_was_published_is_opened(store: IndexStore, folder: Path) -> None:
    published = publish(store, 1)

    opened, current = store.open(key_of(1)), store.open_current()

    assert (version_of(published), version_of(opened), version_of(current)) == (1, 1, 1)
    assert (opened.name, opened.created, opened.notices) == (published.name, published.created, ())
    assert (current.name, current.created, current.notices) == (opened.name, opened.created, ())
    assert (folder / "CURRENT").read_text() == f"{published.name}\n"
    assert names_in(folder / "builds" / published.name) == FILES
    assert store.open(key_of(2)) is None


def test_the_last_one_published_is_current_and_the_others_stay(store: IndexStore) -> None:
    for version in [3, 1, 2]:
        publish(store, version)
    assert version_of(store.open_current()) == 2
    assert [version_of(store.open(key_of(version))) for version in [3, 1, 2]] == [3, 1, 2]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(text=TEXT, title=TEXT, source=TEXT, heading=TEXT, end=st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_any_text_round_trips(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    title: str,
    source: str,
    heading: str,
    end: int,
) -> None:
    first = Article.from_text(text, title=title, source=source)
    same_text = Article.from_text(text, title=heading, source=source)
    chunk = Chunk(
        article_id=first.id, start=0, end=len(text[:end]), text=text[:end], heading=heading
    )
    contents = Contents(
        articles=(first, same_text),
        chunks=(chunk,),
        vectors=VectorIndex.from_vectors(vectors_of(1)[:1]),
    )
    store = store_in(tmp_path_factory.mktemp("index"))
    store.publish(key_of(1), contents)

    opened = store.open(key_of(1)).contents

    assert (opened.articles, opened.chunks) == (contents.articles, contents.chunks)


@pytest.mark.parametrize("text", ["\u2028\u2029\x85\x0b\x0c\x1c", "\x00", "\r", "🙂\n\n", '"\\'])
def test_characters_that_end_lines_elsewhere_round_trip(store: IndexStore, text: str) -> None:
    article = Article.from_text(text, title=text, source=text)
    contents = Contents(
        articles=(article,), chunks=(), vectors=VectorIndex.from_vectors(vectors_of(1)[:0])
    )
    store.publish(key_of(1), contents)
    assert store.open(key_of(1)).contents.articles == (article,)


def test_a_name_that_is_not_text_is_refused_and_nothing_is_left(
    store: IndexStore, folder: Path
) -> None:
    article = Article.from_text("text", title="T", source="caf\udce9.txt")
    contents = Contents(
        articles=(article,), chunks=(), vectors=VectorIndex.from_vectors(vectors_of(1)[:0])
    )
    with pytest.raises(StorageError, match=r"not text: '\\udce9'") as caught:
        store.publish(key_of(1), contents)
    assert "file name" in caught.value.remedy
    assert not folder.exists()


def chunk_of(article: Article, start: int, text: str) -> Chunk:
    return Chunk(article_id=article.id, start=start, end=start + len(text), text=text, heading="")


ARTICLE = Article.from_text("one two", title="T", source="s")


@pytest.mark.parametrize(
    ("articles", "chunks", "vectors", "reason"),
    [
        ([Article(id="0" * 64, title="", source="s", text="x")], [], 0, "article 's' is not"),
        ([ARTICLE], [chunk_of(ARTICLE, 0, "two")], 1, "chunk 0 is not 0:3"),
        ([], [chunk_of(ARTICLE, 0, "one")], 1, "chunk 0 is not 0:3"),
        ([ARTICLE], [chunk_of(ARTICLE, 0, "one")], 2, "2 vectors for 1 chunks"),
    ],
    ids=["id", "slice", "foreign chunk", "vectors"],
)
def test_contents_that_do_not_fit_one_another_are_refused(
    articles: list[Article], chunks: list[Chunk], vectors: int, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Contents(
            articles=tuple(articles),
            chunks=tuple(chunks),
            vectors=VectorIndex.from_vectors(vectors_of(1)[:vectors]),
        )


def test_vectors_of_another_dimension_than_the_key_says_are_refused(store: IndexStore) -> None:
    key = key_of(1).model_copy(update={"dimension": 9})
    with pytest.raises(ValueError, match="vectors of 8, key of 9"):
        store.publish(key, contents_of(1))


# R6: an index is used again for the same key only.


def test_nothing_is_built_while_nothing_changes(store: IndexStore, folder: Path) -> None:
    first = or_build(store, key_of(1), lambda: contents_of(1))
    again = or_build(store_in(folder), key_of(1), never)
    assert (version_of(first), version_of(again), again.name) == (1, 1, first.name)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("sources", (Source(source="article.txt", sha256="f" * 64),)),
        ("sources", (Source(source="other.txt", sha256=f"{1:064x}"),)),
        ("sources", (*key_of(1).sources, *key_of(1).sources)),
        ("loader", "text/2"),
        ("normaliser", "nfc/2"),
        ("chunker", "sentences/1 characters=501"),
        ("embedding_model", "other"),
        ("embedding_weights", "other"),
    ],
)
def test_any_change_of_the_key_builds_anew_and_says_why(
    store: IndexStore, caplog: pytest.LogCaptureFixture, part: str, value: object
) -> None:
    old = publish(store, 1)
    changed = IndexKey(**(dict(key_of(1)) | {part: value}))

    with caplog.at_level(logging.INFO):
        build = or_build(store, changed, lambda: contents_of(1))

    assert (build.key, store.open(changed).key) == (changed, changed)
    assert f"since the newest, {old.name}, there changed: {part}." in caplog.text
    assert version_of(store.open(key_of(1))) == 1


def test_every_part_of_the_key_and_of_its_order_is_in_its_digest() -> None:
    one, two = (Source(source=name, sha256="0" * 64) for name in ("a", "b"))
    keys = [
        IndexKey(**(dict(key_of(1)) | {"sources": sources}))
        for sources in [(one,), (two,), (one, two), (two, one)]
    ]
    keys += [IndexKey(**(dict(key_of(1)) | {"dimension": 9})), key_of(1)]
    assert len({key.digest for key in keys}) == len(keys)
    assert key_of(1).digest == key_of(1).digest


def test_a_build_of_another_format_is_refused_with_the_reason(
    store: IndexStore, folder: Path
) -> None:
    name = publish(store, 1).name
    manifest = folder / "builds" / name / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(DamagedIndexError, match="format_version: Input should be 1"):
        store.open_current()


def test_what_making_the_index_raises_is_passed_on_and_leaves_nothing(
    store: IndexStore, folder: Path
) -> None:
    def fail() -> Contents:
        raise OSError(errno.EIO, "the embedder cannot read its weights")

    publish(store, 1)
    before = builds_in(folder)
    with pytest.raises(OSError, match="its weights"):
        or_build(store, key_of(2), fail)
    assert (builds_in(folder), version_of(store.open_current())) == (before, 1)
    assert version_of(or_build(store, key_of(2), lambda: contents_of(2))) == 2


# Old builds go, and what dead builders left.


def test_the_current_build_and_the_newest_others_are_kept(store: IndexStore, folder: Path) -> None:
    names = [or_build(store, key_of(v), lambda v=v: contents_of(v)).name for v in range(12)]
    assert builds_in(folder) == names[3:]
    assert len(names_in(folder / "locks")) == 9 + 1  # a lock a build, and that of the folder
    assert [store.open(key_of(v)) for v in range(3)] == [None, None, None]


def test_names_are_never_used_again(folder: Path) -> None:
    store = store_in(folder, kept_builds=0)
    names = [publish(store, 1).name for _ in range(5)]
    assert [int(name.split("-")[0]) for name in names] == [1, 2, 3, 4, 5]
    assert builds_in(folder) == names[4:]


def test_leftovers_of_dead_builders_are_removed_by_the_next_build(
    store: IndexStore, folder: Path
) -> None:
    old = publish(store, 1).name
    leftovers = [folder / "builds" / f".tmp-{name}" for name in (old, "x", f"00000009{old[8:]}")]
    for leftover in leftovers:
        shutil.copytree(folder / "builds" / old, leftover)
    (folder / "builds" / ".tmp-file").write_text("")
    (folder / "builds" / ".tmp-link").symlink_to(folder)
    (folder / ".tmp-CURRENT").write_text("half a li")

    assert version_of(store_in(folder).open_current()) == 1
    new = publish(store, 2).name

    assert builds_in(folder) == sorted([old, new])
    assert names_in(folder) == ["CURRENT", "builds", "locks"]


def test_a_leftover_that_cannot_be_removed_is_told_and_stops_nobody(
    store: IndexStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "builds" / ".tmp-00000001-mine" / "a folder").mkdir(parents=True)
    assert [version_of(publish(store, version)) for version in (1, 2)] == [1, 2]
    assert version_of(store.open_current()) == 2
    assert "Left in the index folder for the next build to remove" in caplog.text


# Opening changes nothing, and says what is wrong with the folder.


def test_opening_writes_nothing(store: IndexStore, folder: Path) -> None:
    path = folder / "builds" / publish(store, 1).name / "chunks.jsonl"
    publish(store, 2)
    before = tree(folder)
    reader = IndexStore(folder, disk=Disk(OnlyReads()))

    assert version_of(reader.open_current()) == 2
    assert version_of(or_build(reader, key_of(1), never)) == 1
    assert reader.open(key_of(9)) is None
    assert tree(folder) == before

    path.write_bytes(b"")
    before = tree(folder)
    with pytest.raises(DamagedIndexError):
        reader.open(key_of(1))
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("error", "words", "remedy"),
    [
        (errno.ENOSPC, "the disk is full", "Free some space"),
        (errno.EDQUOT, "the disk quota is used up", "Free some space"),
        (errno.EROFS, "the file system is read-only", "Make it writable"),
        (errno.EACCES, "permission denied", "Change its permissions"),
        (errno.EIO, "the disk reports an error", "Check the disk"),
        (errno.EMFILE, "Too many open files", "Mend that"),
    ],
)
def test_an_error_of_the_system_is_said_in_words(
    folder: Path, error: int, words: str, remedy: str
) -> None:
    failing = IndexStore(folder, disk=Disk(FailsAt(1, error)))
    with pytest.raises(StorageError) as caught:
        publish(failing, 1)
    assert str(caught.value) == (
        f"The index folder {str(folder)!r} cannot be written: {words}. {remedy}, or choose another "
        "folder with QA_INDEX_FOLDER."
    )
    with pytest.raises(StorageError, match="cannot be read"):
        IndexStore(folder, disk=Disk(FailsAt(1, error))).open_current()


@pytest.mark.parametrize("taken", ["", "builds", "locks"])
def test_a_file_where_a_folder_should_be_is_said(folder: Path, taken: str) -> None:
    (folder / taken).parent.mkdir(parents=True, exist_ok=True)
    (folder / taken).write_text("a file")
    with pytest.raises(StorageError, match="is a file or a link") as caught:
        publish(store_in(folder), 1)
    assert "Move that away" in caught.value.remedy


def test_a_lock_that_cannot_be_made_is_said(store: IndexStore, folder: Path) -> None:
    (folder / "locks" / "publish.lock").mkdir(parents=True)
    with pytest.raises(StorageError, match="cannot be written"):
        publish(store, 1)


def test_an_index_too_large_to_be_opened_is_not_written(store: IndexStore, folder: Path) -> None:
    article = Article.from_text("x", title="x" * (128 << 20), source="s")
    contents = Contents(
        articles=(article,), chunks=(), vectors=VectorIndex.from_vectors(vectors_of(1)[:0])
    )
    with pytest.raises(StorageError, match=r"too large: articles\.jsonl"):
        store.publish(key_of(1), contents)
    assert not folder.exists()


# R7: several builders at once.


def test_builders_of_one_key_make_one_build(folder: Path, tmp_path: Path) -> None:
    journal, start = tmp_path / "journal", children.barrier(4)
    builders = [children.start(users.build_together, folder, journal, 7, start) for _ in range(4)]
    assert [children.join(builder) for builder in builders] == [0, 0, 0, 0]
    assert users.notes(journal) == [7]
    assert len(builds_in(folder)) == 1
    assert version_of(store_in(folder).open_current()) == 7


def test_builders_of_different_keys_work_at_once(folder: Path, tmp_path: Path) -> None:
    # Each is done only when all four are at it: were one to wait for another, they would hang.
    journal, meeting = tmp_path / "journal", children.barrier(4)
    builders = [
        children.start(users.build_while_another_builds, folder, journal, version, meeting)
        for version in range(4)
    ]
    assert [children.join(builder) for builder in builders] == [0, 0, 0, 0]
    assert sorted(users.notes(journal)) == [0, 1, 2, 3]
    assert [version_of(store_in(folder).open(key_of(v))) for v in range(4)] == [0, 1, 2, 3]


def test_a_builder_that_is_killed_is_followed_by_one_that_waits(
    folder: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    journal.touch()
    builder = children.start(users.build_for_ever, folder, journal, 5)
    children.wait_until(lambda: users.notes(journal) == [5])
    with pytest.raises(StorageError, match=r"for more than 0\.1 seconds\. End that process"):
        or_build(store_in(folder, wait_seconds=0.1), key_of(5), never)
    assert version_of(or_build(store_in(folder), key_of(6), lambda: contents_of(6))) == 6

    built = threading.Event()
    waiting = threading.Thread(
        target=lambda: (
            or_build(store_in(folder), key_of(5), lambda: contents_of(5)),
            built.set(),
        )
    )
    waiting.start()
    assert not built.wait(0.2)
    children.kill(builder)
    waiting.join(children.PATIENCE_SECONDS)

    assert built.is_set()
    assert version_of(store_in(folder).open_current()) == 5


# R8: readers during rebuilds.


def test_readers_see_one_version_each_while_builds_come_and_go(folder: Path) -> None:
    publish(store_in(folder), 0)
    seen: list[list[int]] = [[] for _ in range(8)]
    failures: list[BaseException] = []
    done = threading.Event()

    def watch(mine: list[int]) -> None:
        reader = store_in(folder)
        try:
            while not done.is_set():
                build = reader.open_current()
                mine.append(version_of(build))
                assert build.notices == ()
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=watch, args=(mine,)) for mine in seen]
    for reader in readers:
        reader.start()
    writer = store_in(folder, kept_builds=0)  # every publish takes the readers' build away
    for version in range(1, 21):
        publish(writer, version)
    done.set()
    for reader in readers:
        reader.join(children.PATIENCE_SECONDS)

    assert failures == []
    assert [mine == sorted(mine) for mine in seen] == [True] * 8
    assert all(seen)
    assert version_of(store_in(folder).open_current()) == 20
