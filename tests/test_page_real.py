"""The whole program: ``app.py`` with the real models, asked in headless Chromium."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Page, expect

from fakes.pages import free_port
from fakes.watched import launched

pytestmark = [pytest.mark.browser, pytest.mark.models]

TOP = Path(__file__).resolve().parents[1]
# A first start builds the index and lets the model read the article, on two cores.
OPEN_SECONDS = 240
ANSWER_MILLISECONDS = 90_000


class App:
    """The running program, at the ``address`` where its page is."""

    def __init__(self, index: Path, models: Path) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}/"
        self.process = subprocess.Popen(
            [sys.executable, str(TOP / "app.py"), "--no-browser", "--port", str(port)],
            env=os.environ | {"QA_INDEX_FOLDER": str(index), "QA_MODELS_FOLDER": str(models)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def answers(self) -> bool:
        """Return whether the page answers; fail when the program has ended."""
        assert self.process.poll() is None, self.process.communicate()[1]
        try:
            return httpx.get(self.address, trust_env=False, timeout=5).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Iterator[App]:
    running = App(tmp_path_factory.mktemp("index"), models_folder)
    until = time.monotonic() + OPEN_SECONDS
    while not running.answers():
        assert time.monotonic() < until, "the page did not answer"
        time.sleep(0.5)
    yield running
    running.process.kill()
    running.process.communicate()


@pytest.fixture(scope="module")
def page(app: App) -> Iterator[Page]:
    with launched() as browser:
        made = browser.new_page(viewport={"width": 1280, "height": 720})
        made.goto(app.address)
        expect(made.get_by_label("Question")).to_be_visible(timeout=30_000)
        yield made


def ask(page: Page, question: str) -> None:
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#conversation h3").last).to_have_text(question)


def test_the_article_says_how_many_missiles(page: Page) -> None:
    ask(page, "How many Tomahawk missiles is Japan buying?")
    answer = page.locator('[data-status="answered"]')
    expect(answer).to_contain_text("400", timeout=ANSWER_MILLISECONDS)
    mark = page.locator('#article mark[data-citation="1"]').first
    expect(mark).to_contain_text("400 Tomahawk cruise missiles")
    expect(mark).to_be_in_viewport()
    answer.locator('[data-citation="1"]').first.click()
    expect(mark).to_be_in_viewport()


def test_the_article_does_not_say_the_capital_of_france(page: Page) -> None:
    ask(page, "What is the capital of France?")
    expect(page.locator('[data-status="abstained"]')).to_be_visible(timeout=ANSWER_MILLISECONDS)


def test_a_signal_ends_the_program_and_its_model(app: App) -> None:
    processes = psutil.Process(app.process.pid).children(recursive=True)
    assert processes
    app.process.send_signal(signal.SIGTERM)
    assert app.process.wait(15) == 0
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert alive == []
