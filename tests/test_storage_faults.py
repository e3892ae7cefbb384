"""Builders that are killed, run out of disk, or lose their power at any point of their work.

Whatever happens, the folder opens afterwards, holds the last version that was acknowledged or the
one that was being published, and takes the next one.
"""

from __future__ import annotations

import contextlib
import errno
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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
    version_of,
)
from fakes.disks import Calls, DiesAt, FailsAt, PowerCut, StopsAt, WritesInParts
from fakes.platter import Platter, after, restore
from qa.errors import DamagedIndexError, StorageError
from qa.storage import IndexStore
from qa.storage.disk import Disk

ERRNOS = [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EXDEV, errno.EDQUOT]
KILLED_ROUNDS = 50


def number_of(name: str) -> int:
    return int(name.split("-")[0])


def check_next_build(folder: Path, version: int) -> None:
    """The next build succeeds, is newer, and leaves nothing of dead ones."""
    builds = [name for name in names_in(folder / "builds") if not name.startswith(".")]
    newest = max(map(number_of, builds), default=0)
    published = publish(store_in(folder), version)
    opened = store_in(folder).open_current()
    assert (opened.name, version_of(opened), opened.notices) == (published.name, version, ())
    assert number_of(published.name) > newest
    assert [name for name in names_in(folder / "builds") if name.startswith(".")] == []
    assert names_in(folder) == ["CURRENT", "builds", "locks"]


@pytest.fixture(scope="module")
def two_builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with versions 1 and 2, so that the next publish that keeps one more also prunes."""
    folder = tmp_path_factory.mktemp("two") / "index"
    for version in (1, 2):
        publish(store_in(folder), version)
    return folder


@pytest.fixture(scope="module")
def calls_of_a_publish(two_builds: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    folder = Path(shutil.copytree(two_builds, tmp_path_factory.mktemp("count") / "index"))
    calls = Calls()
    publish(IndexStore(folder, disk=Disk(calls), kept_builds=1), 3)
    return calls.count


def copies(source: Path, folder: Path, count: int) -> Iterator[tuple[int, Path]]:
    """A copy of a folder for each call of a publish, with the call's number."""
    for number in range(1, count + 1):
        copy = Path(shutil.copytree(source, folder / str(number)))
        yield number, copy
        shutil.rmtree(copy)


# R1: killed at any time.


def test_builders_killed_at_any_time_lose_nothing_acknowledged(tmp_path: Path) -> None:
    folder, journal = tmp_path / "index", tmp_path / "journal"
    chance = random.Random(1)
    publish(store_in(folder), 0)
    for round_number in range(1, KILLED_ROUNDS + 1):
        journal.write_bytes(b"")
        builders = [
            children.start(users.publish_for_ever, folder, journal, version) for version in (1, 2)
        ]
        children.wait_until(lambda: bool(users.notes(journal)))
        time.sleep(chance.uniform(0.0, 0.15))
        for builder in builders:
            children.kill(builder)

        opened = store_in(folder).open_current()
        assert (version_of(opened) in {1, 2}, opened.notices) == (True, ())
        assert number_of(opened.name) >= max(users.notes(journal))
        check_next_build(folder, 10 + round_number)


# R2: ended at any call, and the power lost at any call.


def test_a_builder_that_ends_at_any_call_leaves_the_old_version_or_the_new(
    two_builds: Path, tmp_path: Path, calls_of_a_publish: int
) -> None:
    versions = []
    for number, folder in copies(two_builds, tmp_path, calls_of_a_publish):
        child = children.start(users.publish_and_die, folder, 3, number)
        assert children.join(child) == DiesAt.STATUS
        opened = store_in(folder).open_current()
        versions.append(version_of(opened))
        assert opened.notices == ()
        check_next_build(folder, 4)
    assert versions == sorted(versions)
    assert set(versions) == {2, 3}


def test_the_first_builder_may_end_at_any_call_too(tmp_path: Path) -> None:
    number, versions = 0, []
    ended = True
    while ended:
        number += 1
        folder = tmp_path / str(number) / "index"
        try:
            publish(IndexStore(folder, disk=Disk(StopsAt(number))), 1)
            ended = False
        except PowerCut:
            versions.append(store_in(folder).open_current() is not None)
        publish(store_in(folder), 2)
        assert version_of(store_in(folder).open_current()) == 2
    assert versions == sorted(versions)
    assert set(versions) == {False, True}


LOSSES = {
    "nothing unflushed is kept": lambda _: lambda: False,
    "all is kept": lambda _: lambda: True,
    "this and that is kept": lambda chance: lambda: chance.random() < 0.5,
    "most is kept": lambda chance: lambda: chance.random() < 0.9,
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_of_power_at_any_call_leaves_the_old_version_or_the_new(
    tmp_path: Path, loss: str
) -> None:
    top = tmp_path / "disk"
    top.mkdir()
    platter = Platter(top)
    acknowledged = [(0, 0)]  # (changes on the disk by then, the version)
    for version in (1, 2, 3):
        publish(IndexStore(top / "index", disk=Disk(platter), kept_builds=1), version)
        acknowledged.append((len(platter.log), version))
        platter.flush_all()
    chance = random.Random(2)

    for length in range(len(platter.log) + 1):
        folder = tmp_path / str(length)
        restore(after(platter.log[:length]), folder, LOSSES[loss](chance))
        oldest = max(version for changes, version in acknowledged if changes <= length)
        store = store_in(folder / "index")

        opened = store.open_current()

        found = version_of(opened) if opened else 0
        assert oldest <= found <= oldest + 1, (length, platter.log[length - 1 : length])
        assert not opened or opened.notices == ()
        assert version_of(or_build(store, key_of(2), lambda: contents_of(2))) == 2
        publish(store, 4)
        check_next_build(folder / "index", 5)
        shutil.rmtree(folder)


# R3: any call fails.


@pytest.mark.parametrize(
    ("error", "for_good"),
    [*((number, False) for number in ERRNOS), (errno.ENOSPC, True)],
    ids=[*(errno.errorcode[number] for number in ERRNOS), "ENOSPC for good"],
)
def test_a_failing_call_is_an_error_and_leaves_the_old_version(
    two_builds: Path, tmp_path: Path, calls_of_a_publish: int, error: int, for_good: bool
) -> None:
    outcomes = []
    for number, folder in copies(two_builds, tmp_path, calls_of_a_publish):
        failing = Disk(FailsAt(number, error, for_good=for_good))
        said = f"{folder} QA_INDEX_FOLDER"
        try:
            publish(IndexStore(folder, disk=failing, kept_builds=1), 3)
            result = "published"
        except StorageError as stated:
            result, said = "failed", str(stated)
        opened = store_in(folder).open_current()
        outcomes.append((result, version_of(opened)))
        temporary = [name for name in names_in(folder / "builds") if name.startswith(".")]
        assert (str(folder) in said, "QA_INDEX_FOLDER" in said, opened.notices) == (True, True, ())
        assert for_good or result == "published" or temporary == []
        check_next_build(folder, 4)
    # First it fails and changes nothing; then only the last flush fails, at its open, fsync or
    # close; then only the removal of old builds, which is not worth an error.
    order = [("failed", 2), ("failed", 3), ("published", 3)]
    assert [order.index(outcome) for outcome in outcomes] == sorted(map(order.index, outcomes))
    assert [outcomes.count(outcome) > 0 for outcome in order] == [True, True, True]
    assert outcomes.count(("failed", 3)) == 3


@pytest.mark.parametrize("most", [1, 7, 4096])
def test_short_writes_are_continued(tmp_path: Path, most: int) -> None:
    publish(IndexStore(tmp_path, disk=Disk(WritesInParts(most))), 1)
    assert version_of(store_in(tmp_path).open_current()) == 1


def test_a_disk_that_fills_up_during_a_write_is_an_error(two_builds: Path, tmp_path: Path) -> None:
    class FillsUp(WritesInParts):
        def do(self, name: str, *arguments: object) -> object:
            if name == "write" and self.count > 20:
                raise OSError(errno.ENOSPC, "no space")
            return super().do(name, *arguments)

    folder = Path(shutil.copytree(two_builds, tmp_path / "index"))
    with pytest.raises(StorageError, match="the disk is full"):
        publish(IndexStore(folder, disk=Disk(FillsUp(100))), 3)
    check_next_build(folder, 4)


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_a_failing_call_of_a_reader_is_an_error_or_the_other_version(
    two_builds: Path, error: int
) -> None:
    calls = Calls()
    IndexStore(two_builds, disk=Disk(calls)).open_current()
    outcomes = set()
    for number in range(1, calls.count + 1):
        reader = IndexStore(two_builds, disk=Disk(FailsAt(number, error)))
        try:
            outcomes.add(version_of(reader.open_current()))
        except StorageError as stated:
            outcomes.add(type(stated))
    assert outcomes <= {1, 2, StorageError}
    assert version_of(store_in(two_builds).open_current()) == 2


# R9: any sequence of events.

KEPT = 2
VERSIONS = st.integers(1, 4)


class Life(RuleBasedStateMachine):
    """An index folder that much happens to, against what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.top = Path(tempfile.mkdtemp())
        self.folder = self.top / "index"
        self.versions: dict[str, int] = {}  # of each build there is
        self.damaged: set[str] = set()
        self.line: str | None = None  # what CURRENT says

    def teardown(self) -> None:
        found = children.result_of(users.current_version, self.folder)
        assert found == self.expected(sorted(self.versions, reverse=True))
        shutil.rmtree(self.top)

    def store(self, calls: Calls | None = None) -> IndexStore:
        return IndexStore(self.folder, disk=Disk(calls or Calls()), kept_builds=KEPT)

    def expected(self, names: list[str]) -> int | None:
        """The version of the first whole build, the current one before the others."""
        order = sorted(names, key=lambda name: name != self.line)
        whole = (self.versions[name] for name in order if name not in self.damaged)
        return next(whole, None)

    def settle(self, version: int) -> tuple[str | None, set[str]]:
        """Take note of a version that was published, or almost; return CURRENT and the builds."""
        builds = self.folder / "builds"
        names = set(names_in(builds)) if builds.exists() else set()
        found = {name for name in names if not name.startswith(".")}
        new = found - self.versions.keys()
        known = {**self.versions, **dict.fromkeys(new, version)}
        current = self.folder / "CURRENT"
        line = current.read_text().strip() if current.exists() else None
        others = sorted(known.keys() - {line}, reverse=True)
        kept = {*others[:KEPT], line} & known.keys()
        assert len(new) <= 1
        assert line in {self.line, *new}
        assert kept <= found
        self.versions = {name: known[name] for name in found}
        self.line = line
        return line, kept ^ found

    @rule(version=VERSIONS)
    def publish(self, version: int) -> None:
        name = publish(self.store(), version).name
        assert self.settle(version) == (name, set())

    @rule(version=VERSIONS)
    def build_if_needed(self, version: int) -> None:
        whole = [
            name
            for name in self.versions
            if self.versions[name] == version and name not in self.damaged
        ]
        make = never if whole else lambda: contents_of(version)
        name = or_build(self.store(), key_of(version), make).name
        self.settle(version)
        assert name == max([*whole, *([] if whole else [self.line])])

    @rule(version=VERSIONS, number=st.integers(1, 90), error=st.sampled_from(ERRNOS))
    def fail(self, version: int, number: int, error: int) -> None:
        with contextlib.suppress(StorageError):
            publish(self.store(FailsAt(number, error)), version)
        self.settle(version)

    @rule(version=VERSIONS, number=st.integers(1, 90))
    def stop(self, version: int, number: int) -> None:
        with contextlib.suppress(PowerCut):
            publish(self.store(StopsAt(number)), version)
        self.settle(version)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), file=st.sampled_from(FILES))
    def damage(self, data: st.DataObject, file: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.versions)))
        with (self.folder / "builds" / name / file).open("ab") as damaged:
            damaged.write(b" ")
        self.damaged.add(name)

    @precondition(lambda self: self.line)
    @rule(line=st.sampled_from(["", "../x", "00000001-0123456789abcdef-0123456789abcdef"]))
    def scribble(self, line: str) -> None:
        (self.folder / "CURRENT").write_text(line)
        self.line = line

    @precondition(lambda self: self.line is not None)
    @rule()
    def lose_current(self) -> None:
        (self.folder / "CURRENT").unlink()
        self.line = None

    @rule(version=VERSIONS)
    def open_by_key(self, version: int) -> None:
        names = [name for name, its in self.versions.items() if its == version]
        with expecting_damage(set(names) <= self.damaged and names != []):
            build = self.store().open(key_of(version))
            assert (version_of(build) if build else None) == self.expected(names)

    @invariant()
    def open_current(self) -> None:
        names = sorted(self.versions, reverse=True)
        expected = self.expected(names)
        with expecting_damage(expected is None and (names != [] or self.line is not None)):
            build = self.store().open_current()
            assert (version_of(build) if build else None) == expected


def expecting_damage(expected: bool) -> contextlib.AbstractContextManager[object]:
    return pytest.raises(DamagedIndexError) if expected else contextlib.nullcontext()


Life.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
