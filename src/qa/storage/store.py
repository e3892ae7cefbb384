"""Builds by their keys, in an index folder that any number of processes use at once.

Whatever is interrupted, a reader finds whole builds only: a build gets its name when all of it is
on the device, and then ``CURRENT`` is swapped. Reading takes no lock and writes nothing. There is
one lock a key, held while a build is made, so that several builders of one key make one build, and
one lock for the folder, held for the short step of writing.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from qa.errors import DamagedIndexError, StorageError
from qa.storage.build import (
    KEY_DIGITS,
    Build,
    BuildGoneError,
    BuildName,
    damaged,
    encode,
    read,
    read_manifest,
)
from qa.storage.contents import Contents
from qa.storage.disk import Disk
from qa.storage.folder import IndexFolder
from qa.storage.locks import Locks
from qa.storage.manifest import IndexKey

PUBLISHING = "publish"
KEPT_BUILDS = 8
WAIT_SECONDS = 3600.0
# A reader starts over when the build it reads is removed, which takes KEPT_BUILDS newer ones; to
# meet that so often in a row is no bad luck any more.
READ_ATTEMPTS = 20

_CAUSES = {
    errno.ENOSPC: ("the disk is full", "Free some space"),
    errno.EDQUOT: ("the disk quota is used up", "Free some space"),
    errno.EROFS: ("the file system is read-only", "Make it writable"),
    errno.EACCES: ("permission denied", "Change its permissions"),
    errno.EPERM: ("permission denied", "Change its permissions"),
    errno.EIO: ("the disk reports an error", "Check the disk"),
    errno.ENOTDIR: ("it, or a folder in it, is a file or a link", "Move that away"),
}

logger = logging.getLogger(__name__)


class IndexStore:
    """An index folder; the folder itself is made when the first build is published."""

    def __init__(
        self,
        folder: Path,
        *,
        disk: Disk | None = None,
        kept_builds: int = KEPT_BUILDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """Store what to use: ``kept_builds`` are those kept besides the current one."""
        self._path = folder
        self._disk = disk or Disk()
        self._folder = IndexFolder(folder, self._disk)
        self._locks = Locks(folder=folder / "locks", disk=self._disk, wait_seconds=wait_seconds)
        self._kept_builds = kept_builds

    def open(self, key: IndexKey) -> Build | None:
        """Return the newest whole build of this key, or None if there is none.

        :raises DamagedIndexError: if there are builds of the key, and all are damaged.
        :raises StorageError: if the folder cannot be read.
        """

        def attempt() -> Build | None:
            names = [name for name in self._folder.newest_first() if name.key == _key_part(key)]
            return self._first_whole(names, damage=[])

        return self._unless_gone(attempt)

    def open_current(self) -> Build | None:
        """Return the build that was published last, or None if nothing was published yet.

        If it is damaged, the newest other build that is whole, with the reason in its notices.
        Without CURRENT it is the newest by its number.

        :raises DamagedIndexError: if nothing whole is left.
        :raises StorageError: if the folder cannot be read.
        """
        return self._unless_gone(self._open_current)

    @contextmanager
    def turn(self, key: IndexKey) -> Iterator[Build | None]:
        """Give the build of this key, or None to whoever is to make and publish it.

        Of several callers at once, in this process or others, one is given None and the others wait
        until it has left; callers with other keys do not wait.

        :raises StorageError: if the folder cannot be read or written, or somebody else has been at
            this build for too long.
        """
        if build := self._reusable(key):
            yield build
            return
        with self._locked(_key_part(key)):
            # Whoever held the lock before may have made it.
            build = self._reusable(key)
            if build is None:
                logger.info("Building an index: %s.", self._reason(key))
            yield build

    def publish(self, key: IndexKey, contents: Contents) -> Build:
        """Write a build, make it the current one, and remove those that are too old.

        Afterwards it is on the device. If it fails, what was current stays current; only when
        nothing but the last flush of the folder failed, the new build is.

        :raises StorageError: if the folder cannot be written.
        :raises ValueError: if the vectors do not have the key's dimension.
        """
        if contents.vectors.dimension != key.dimension:
            raise ValueError(f"vectors of {contents.vectors.dimension}, key of {key.dimension}")
        manifest, files = encode(contents, key)
        with self._locked(PUBLISHING), self._stated("written"):
            self._folder.prepare()
            name = BuildName.of(self._folder.next_number(), manifest)
            self._folder.adopt(name, files)
            self._folder.flush()
            with self._folder.best_effort():
                kept_keys = self._folder.prune(name, others=self._kept_builds)
                self._locks.sweep({PUBLISHING} | kept_keys)
        return Build(name=name.text, created=manifest.created, key=key, contents=contents)

    def _open_current(self) -> Build | None:
        damage = []
        current = None
        try:
            current = self._folder.current()
        except DamagedIndexError as error:
            damage.append(error)
        names = self._folder.newest_first()
        if current and current not in names:
            if self._folder.current() != current:
                raise BuildGoneError(current.text)
            damage.append(damaged(self._folder.place(current), "is missing"))
        # The sort is stable: the current one first, the others as they are.
        return self._first_whole(sorted(names, key=lambda name: name != current), damage)

    def _first_whole(self, names: list[BuildName], damage: list[DamagedIndexError]) -> Build | None:
        """Return the first build that is whole, or None if there is neither build nor damage."""
        for name in names:
            try:
                build = read(self._disk, self._folder.place(name))
            except DamagedIndexError as error:
                damage.append(error)
            else:
                notices = tuple(error.message for error in damage)
                for notice in notices:
                    logger.warning("%s Served instead: build %s.", notice, build.name)
                return replace(build, notices=notices)
        if damage:
            raise damage[0]
        return None

    def _unless_gone(self, attempt: Callable[[], Build | None]) -> Build | None:
        """Return what the attempt does, made anew when a build was removed during it."""
        with self._stated("read"):
            for _ in range(READ_ATTEMPTS):
                try:
                    return attempt()
                except BuildGoneError:
                    continue
        raise StorageError(
            f"The index folder {str(self._path)!r} changes faster than it can be read.",
            remedy="Wait until the other programs that index into it are done.",
        )

    def _reusable(self, key: IndexKey) -> Build | None:
        try:
            return self.open(key)
        except DamagedIndexError as error:
            logger.warning("%s It is built again.", error.message)
            return None

    def _reason(self, key: IndexKey) -> str:
        """Return why there is no build of a key, in words for the log."""
        with self._stated("read"):
            for name in self._folder.newest_first():
                try:
                    newest = read_manifest(self._disk, self._folder.place(name)).key
                except DamagedIndexError:
                    continue
                changed = ", ".join(key.differences(newest)) or "nothing"
                return f"since the newest, {name.text}, there changed: {changed}"
        return "there is none yet"

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with self._stated("written"):
            lock = self._locks.acquire(name)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _stated(self, verb: str) -> Iterator[None]:
        """State an error of the system as one that a person can act on."""
        try:
            yield
        except OSError as error:
            cause, remedy = _CAUSES.get(
                error.errno or 0, (error.strerror or str(error), "Mend that")
            )
            raise StorageError(
                f"The index folder {str(self._path)!r} cannot be {verb}: {cause}.",
                remedy=f"{remedy}, or choose another folder with QA_INDEX_FOLDER.",
            ) from error


def _key_part(key: IndexKey) -> str:
    return key.digest[:KEY_DIGITS]
