"""The page in a headless Chromium, watched for everything that must not happen in it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Locator, expect, sync_playwright

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

BAD = {"error", "warning"}
REMOTE = re.compile(r"^(?!http://127\.0\.0\.1:|data:|blob:).*")


@contextmanager
def launched() -> Iterator[Browser]:
    """Give a running browser: the system's Chromium, or else the one that Playwright fetched."""
    installed = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=installed, args=list(FLAGS))
        yield made
        made.close()


class Watched:
    """A page in a browser context, and what went wrong in it."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.on("console", lambda said: self.faults.extend([said.text] * (said.type in BAD)))
        self.page.on("request", lambda made: self.faults.extend(REMOTE.findall(made.url)))
        self.page.goto(address)
        expect(self.page.get_by_label("Question")).to_be_visible(timeout=30_000)
        self.conversation = self.page.locator("#conversation")
        self.article = self.page.locator("#article")

    def ask(self, question: str) -> None:
        self.page.get_by_label("Question").fill(question)
        self.page.get_by_role("button", name="Ask").click()
        expect(self.conversation.locator("h3").last).to_have_text(question)

    def answer(self, status: str) -> Locator:
        """Return the last answer once it has a status."""
        last = self.page.locator(f'[data-status="{status}"]')
        expect(last).to_be_visible(timeout=15_000)
        return last

    def cited(self, number: int) -> Locator:
        return self.article.locator(f'mark[data-citation="{number}"]')
