"""What other processes do with an index folder; functions that a child can be started with."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fakes.builds import contents_of, key_of, or_build, publish, version_of
from fakes.disks import Calls, DiesAt
from qa.errors import DamagedIndexError, QAError
from qa.storage import Contents, IndexStore
from qa.storage.disk import Disk

UNSAFE_EVENTS = {"pickle.find_class", "exec", "os.system", "subprocess.Popen", "socket.connect"}


def noting(journal: Path, version: int, then: Callable[[], None]) -> Callable[[], Contents]:
    """Return a maker of a version that notes each time it is asked."""

    def make() -> Contents:
        note(journal, version)
        then()
        return contents_of(version)

    return make


def note(journal: Path, number: int) -> None:
    """Append a number to a file in one step, so that several processes can."""
    with journal.open("ab", buffering=0) as file:
        file.write(b"%d\n" % number)


def notes(journal: Path) -> list[int]:
    """Return the numbers of a file, in the order they were noted in."""
    return [int(line) for line in journal.read_text().split()]


def build_together(folder: Path, journal: Path, version: int, start: Any) -> None:
    """Build a version at the same time as others; it takes a while."""
    store = IndexStore(folder)
    start.wait()
    build = or_build(store, key_of(version), noting(journal, version, lambda: time.sleep(0.2)))
    assert version_of(build) == version


def build_while_another_builds(folder: Path, journal: Path, version: int, meeting: Any) -> None:
    """Build a version, during which another one must be built too."""
    or_build(IndexStore(folder), key_of(version), noting(journal, version, meeting.wait))


def build_for_ever(folder: Path, journal: Path, version: int) -> None:
    """Begin to build a version and never end."""
    or_build(
        IndexStore(folder), key_of(version), noting(journal, version, lambda: time.sleep(3600))
    )


def publish_for_ever(folder: Path, journal: Path, version: int) -> None:
    """Publish a version again and again, noting the number of each build that is done."""
    store = IndexStore(folder, kept_builds=2)
    while True:
        note(journal, int(publish(store, version).name.split("-")[0]))


def publish_and_die(folder: Path, version: int, number: int) -> None:
    """Publish a version, but end at the n-th call to the system, if there are so many."""
    publish(IndexStore(folder, disk=Disk(DiesAt(number)), kept_builds=1), version)


def current_version(folder: Path) -> int | None:
    """Return the version that is served, or None if there is none that is whole."""
    try:
        build = IndexStore(folder, disk=Disk(Calls())).open_current()
    except DamagedIndexError:
        return None
    return version_of(build) if build else None


def open_hostile(folder: Path) -> tuple[str, float, int, list[str]]:
    """Return what opening says, the processor seconds and memory it took, and unsafe events."""
    events: list[str] = []

    def watch(event: str, _: tuple[object, ...]) -> None:
        if event in UNSAFE_EVENTS:
            events.append(event)

    publish(IndexStore(folder.parent / "warm-up"), 1)  # what is imported late is, after this
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    sys.addaudithook(watch)
    try:
        IndexStore(folder).open_current()
        said = "opened"
    except QAError as error:
        said = str(error)
    seconds = time.process_time() - started
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return said, seconds, 1024 * kibibytes, events
