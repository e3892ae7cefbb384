from __future__ import annotations

import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fakes.answerer import HOW_MANY, LONG, SLOWLY
from fakes.pages import ServedPage, free_port
from qa.errors import QAError
from qa.ui.serving import listen


@pytest.fixture(scope="module")
def page() -> Iterator[ServedPage]:
    with ServedPage() as served:
        yield served


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10, trust_env=False) as made:
        yield made


def test_a_taken_port_is_an_error_with_what_to_do() -> None:
    with listen("127.0.0.1", free_port()) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(QAError) as caught, listen("127.0.0.1", port):
            pass
    assert f"Port {port} is" in caught.value.message
    assert f"`qa chat --port {port + 1}`" in caught.value.remedy


def test_without_a_port_the_next_free_one_is_taken() -> None:
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        assert second.getsockname()[1] > first.getsockname()[1] >= 7860


def test_an_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(QAError) as caught, listen("203.0.113.7", free_port()):
        pass
    assert "'203.0.113.7'" in caught.value.message
    assert "--host" in caught.value.remedy


def test_the_page_and_its_parts_are_served_and_nothing_else(
    page: ServedPage, client: httpx.Client
) -> None:
    config = client.get(f"{page.address}/config").json()
    assert client.get(page.address).status_code == 200
    assert client.get(f"{page.address}/theme.css").status_code == 200
    assert config["footer_links"] == []
    for path in ("gradio_api/file=/etc/passwd", "monitoring", "gradio_api/runs", "docs"):
        assert client.get(f"{page.address}/{path}").status_code == 404


def test_a_forged_proxy_header_does_not_move_the_page(
    page: ServedPage, client: httpx.Client
) -> None:
    forged = {"x-forwarded-host": "evil.test", "x-forwarded-proto": "https"}
    text = client.get(page.address, headers=forged).text
    assert "evil.test" not in text
    assert page.address in text


def test_the_private_folder_is_readable_by_its_owner_alone(page: ServedPage) -> None:
    folder = next(line for line in page.lines if line.startswith("folder ")).split(" ", 1)[1]
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700


def test_a_browser_that_leaves_ends_its_answer(page: ServedPage, client: httpx.Client) -> None:
    page.ask(client, SLOWLY, "leaving")
    with page.updates(client, "leaving") as updates:
        page.wait_for(f"began {SLOWLY}")
        next(updates)
    page.wait_for(f"ended {SLOWLY}", seconds=3)


@pytest.mark.parametrize("question", ["", "  \n", "x" * 2001, "y" * 500_000, "\ud800", "\x00\x00"])
def test_odd_questions_end_well(page: ServedPage, client: httpx.Client, question: str) -> None:
    session = f"odd{hash(question)}"
    assert page.ask(client, question, session).status_code == 200
    with page.updates(client, session) as updates:
        last = [update for update in updates if update["msg"] == "process_completed"]
    assert [update["success"] for update in last] == [True]


def test_a_huge_body_is_refused(page: ServedPage, client: httpx.Client) -> None:
    where = f"{page.address}/gradio_api/queue/join"
    assert client.post(where, content=b"x" * 5_000_000).status_code == 413


def test_too_many_questions_at_once_are_turned_away_at_once(
    page: ServedPage, client: httpx.Client
) -> None:
    began = time.monotonic()
    statuses = [page.ask(client, LONG, f"crowd{n}").status_code for n in range(40)]
    assert time.monotonic() - began < 5
    assert set(statuses) == {200, 503}
    assert client.get(page.address).status_code == 200


def test_a_signal_lets_the_answer_end_and_leaves_nothing(client: httpx.Client) -> None:
    with ServedPage() as page:
        folder = next(line for line in page.lines if line.startswith("folder ")).split(" ", 1)[1]
        page.ask(client, HOW_MANY, "last")
        with page.updates(client, "last") as updates:
            page.wait_for(f"began {HOW_MANY}")
            page.signal(signal.SIGINT)
            time.sleep(0.1)
            assert page.ask(client, HOW_MANY, "late").status_code == 503
            received = [update["msg"] for update in updates]
        status, errors = page.end()
    assert "process_completed" in received
    assert (status, errors) == (0, "")
    assert page.lines[-2:] == [f"ended {HOW_MANY}", "closed"]
    assert not Path(folder).exists()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", page.port))


def test_an_endless_answer_is_ended_within_ten_seconds(client: httpx.Client) -> None:
    with ServedPage() as page:
        page.ask(client, SLOWLY, "last")
        with page.updates(client, "last") as updates:
            page.wait_for(f"began {SLOWLY}")
            began = time.monotonic()
            page.signal(signal.SIGTERM)
            received = [update["msg"] for update in updates]
        status, errors = page.end()
        assert time.monotonic() - began < 10
    assert "process_completed" in received
    assert (status, errors) == (0, "")
    assert f"ended {SLOWLY}" in page.lines
    assert page.lines[-1] == "closed"


def test_a_second_signal_does_not_wait(client: httpx.Client) -> None:
    with ServedPage() as page:
        page.ask(client, SLOWLY, "last")
        page.wait_for(f"began {SLOWLY}")
        began = time.monotonic()
        page.signal(signal.SIGTERM)
        time.sleep(0.3)
        page.signal(signal.SIGTERM)
        status, _ = page.end()
        assert time.monotonic() - began < 4
    assert status == 0
    assert page.lines[-1] == "closed"
