"""The Evaluate tab in headless Chromium, with the scripted assistant behind it."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Download, expect

from fakes.answerer import BOATS, BREAK, HOW_MANY, KING, LAST, PIER, PIER_QUESTION, SLOWLY, TURNS
from fakes.boats import BEFORE, WINTER
from fakes.pages import ServedPage
from fakes.watched import Watched, launched
from qa.evaluation import read_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    with ServedPage(tmp_path_factory.mktemp("kept")) as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as made:
        yield made


class Evaluation(Watched):
    """The page with its Evaluate tab."""

    def open(self) -> None:
        self.page.get_by_role("tab", name="Evaluate").click()
        expect(self.page.locator("#evaluate")).to_be_visible()

    def pick(self, name: str) -> None:
        self.page.get_by_label("Test set").click()
        self.page.get_by_role("option", name=name).click()
        expect(self.page.get_by_label("Test set")).to_have_value(re.compile(name))

    def choose(self, name: str) -> None:
        self.pick(name)
        expect(self.page.locator('[data-run="ready"]')).to_be_visible()

    def run(self) -> None:
        self.page.get_by_role("button", name="Run").click()

    def ended(self) -> None:
        expect(self.page.locator('[data-run="ended"]')).to_be_visible(timeout=15_000)

    def case(self, question: str) -> None:
        self.page.get_by_role("button", name=question).click()
        expect(self.page.locator("#latest .case")).to_be_visible()


@pytest.fixture(scope="module")
def desktop(browser: Browser, served: ServedPage) -> Iterator[Evaluation]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    yield Evaluation(context, served.address)
    context.close()


@pytest.fixture
def evaluation(desktop: Evaluation) -> Iterator[Evaluation]:
    desktop.page.get_by_role("tab", name="Chat").click()
    desktop.page.get_by_role("button", name="Clear").click()
    expect(desktop.conversation.locator(".exchange")).to_have_count(0)
    desktop.open()
    desktop.pick("slow")
    desktop.choose("boats")
    yield desktop
    assert desktop.faults == []


def test_a_run_ends_in_figures_plots_and_failed_cases(
    evaluation: Evaluation, served: ServedPage
) -> None:
    expect(evaluation.page.locator("#measured")).to_contain_text("the article answers 3 of them")
    evaluation.run()
    evaluation.ended()
    shown = evaluation.page.locator("#measured")
    expect(shown.locator(".lead")).to_have_text("2 of 5 right")
    # Two of the three that the article answers are wrong.
    expect(shown.locator("tr", has_text="holds a gold answer")).to_contain_text("0.333")
    expect(shown.get_by_role("img")).to_have_count(3)
    expect(shown.get_by_role("img", name="Cases by seconds")).to_be_visible()
    expect(shown).to_contain_text("The smallest change that these questions would mostly show")
    links = shown.locator(".case-link .case-question")
    expect(links).to_have_text([BREAK, PIER_QUESTION, TURNS])
    expect(shown).to_contain_text(f"Expected: {WINTER}")
    assert shown.locator("b", has_text="Winter").count() == 0

    before = len(served.lines)
    evaluation.choose("slow")
    evaluation.choose("boats")
    evaluation.run()
    evaluation.ended()
    expect(shown.locator(".lead")).to_have_text("2 of 5 right")
    # All else was kept.
    assert set(served.lines[before:]) == {f"began {BREAK}", f"ended {BREAK}"}


def download(evaluation: Evaluation, name: str) -> Download:
    """Press the link with a name, and return the file that it gives."""
    with evaluation.page.expect_download() as found:
        evaluation.page.get_by_role("link", name=name, exact=True).click()
    return found.value


def test_the_report_is_downloaded_and_needs_nothing_else(
    evaluation: Evaluation, browser: Browser, tmp_path: Path
) -> None:
    expect(evaluation.page.get_by_role("link")).to_have_count(0)
    evaluation.run()
    evaluation.ended()
    found = download(evaluation, "Download the report")
    assert found.suggested_filename == "boats-report.html"
    saved = tmp_path / "report.html"
    found.save_as(saved)
    data = tmp_path / "report.json"
    download(evaluation, "Download the report as JSON").save_as(data)
    report = read_report(data)
    assert [one.example.question for one in report.outcomes][1] == PIER_QUESTION
    # The page stays as it was.
    expect(evaluation.page.locator("#measured .lead")).to_have_text("2 of 5 right")

    context = browser.new_context(offline=True)
    alone = context.new_page()
    alone.goto(saved.as_uri())
    expect(alone.locator(".lead")).to_have_text("2 of 5 right.")
    expect(alone.locator("tr", has_text="holds a gold answer")).to_contain_text("0.333")
    alone.get_by_text(PIER_QUESTION).click()
    expect(alone.locator("details[open]")).to_contain_text("bronze")
    context.close()


def test_a_session_downloads_its_own_report_for_as_long_as_it_shows_it(
    evaluation: Evaluation, browser: Browser, served: ServedPage
) -> None:
    def address(of: Evaluation) -> str:
        place = of.page.get_by_role("link", name="Download the report", exact=True)
        return f"{served.address}/{place.get_attribute('href')}"

    evaluation.run()
    evaluation.ended()
    context = browser.new_context()
    other = Evaluation(context, served.address)
    other.open()
    other.run()
    other.ended()
    mine, theirs = address(evaluation), address(other)
    assert mine != theirs
    assert [httpx.get(one, trust_env=False).status_code for one in (mine, theirs)] == [200, 200]
    evaluation.choose("slow")
    expect(evaluation.page.get_by_role("link")).to_have_count(0)
    assert [httpx.get(one, trust_env=False).status_code for one in (mine, theirs)] == [404, 200]
    context.close()
    assert other.faults == []
    folder = next(line for line in served.lines if line.startswith("folder "))
    assert list(Path(folder.removeprefix("folder ")).rglob("*report*")) == []


def test_a_failed_case_opens_in_the_chat_with_its_marks(evaluation: Evaluation) -> None:
    evaluation.run()
    evaluation.ended()
    evaluation.case(PIER_QUESTION)
    expect(evaluation.page.get_by_role("tab", name="Chat")).to_have_attribute(
        "aria-selected", "true"
    )
    expect(evaluation.conversation.locator("h3")).to_have_text([PIER_QUESTION])
    said = evaluation.answer("answered")
    expect(said.locator(".cite")).to_have_text(["1"])
    expect(evaluation.cited(1)).to_have_text(PIER)
    expect(evaluation.cited(1)).to_be_in_viewport()
    evidence = evaluation.article.locator(".evidence")
    expect(evidence).to_have_text([LAST])
    assert evidence.evaluate("e => getComputedStyle(e).borderBottomStyle") == "solid"
    assert evidence.evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"
    keys = evaluation.article.locator(".key")
    expect(keys).to_have_text(["Cited", "Evidence of the test set"])
    keys.last.click()
    expect(evidence).to_be_in_viewport()
    said.locator(".cite").click()
    expect(evaluation.cited(1)).to_be_in_viewport()
    expect(evaluation.conversation).to_contain_text("Expected: bronze")
    evaluation.page.get_by_role("button", name="Back to the evaluation").click()
    expect(evaluation.page.get_by_role("button", name=PIER_QUESTION)).to_be_focused()


def test_a_case_within_a_conversation_is_asked_again_with_what_came_before(
    evaluation: Evaluation,
) -> None:
    evaluation.run()
    evaluation.ended()
    evaluation.case(TURNS)
    expect(evaluation.conversation.locator("h3")).to_have_text([BEFORE[0].question, TURNS])
    expect(evaluation.conversation.locator("#past")).to_contain_text(BEFORE[0].answer)
    expect(evaluation.article.locator(".evidence")).to_be_in_viewport()
    expect(evaluation.conversation).to_contain_text("Wrong: the article says it")
    evaluation.page.get_by_role("button", name="Retry").click()
    expect(evaluation.conversation).not_to_contain_text("Wrong: the article says it")
    expect(evaluation.answer("answered")).to_contain_text(f"Before: {BEFORE[0].question}.")
    expect(evaluation.article.locator(".evidence")).to_have_text([PIER])


def test_the_own_conversation_is_set_aside_and_comes_back(evaluation: Evaluation) -> None:
    evaluation.run()
    evaluation.ended()
    evaluation.page.get_by_role("tab", name="Chat").click()
    evaluation.ask(HOW_MANY)
    evaluation.answer("answered")
    resume = evaluation.page.get_by_role("button", name="Back to my conversation")
    expect(resume).to_be_hidden()
    evaluation.open()
    evaluation.case(PIER_QUESTION)
    evaluation.page.get_by_role("button", name="Back to the evaluation").click()
    evaluation.case(BREAK)
    expect(evaluation.conversation.locator(".notice")).to_contain_text("The language model stopped")
    resume.click()
    expect(evaluation.conversation.locator("h3")).to_have_text([HOW_MANY])
    expect(evaluation.cited(1)).to_have_text(BOATS)
    expect(evaluation.article.locator(".evidence")).to_have_count(0)
    expect(resume).to_be_hidden()
    evaluation.ask(TURNS)
    expect(evaluation.answer("answered")).to_contain_text(f"Before: {HOW_MANY}.")


def test_stop_shows_what_there_is_and_the_next_run_goes_on(
    evaluation: Evaluation, served: ServedPage
) -> None:
    evaluation.choose("slow")
    evaluation.run()
    shown = evaluation.page.locator("#measured")
    expect(shown.locator("progress")).to_have_attribute("value", "1")
    expect(shown).to_contain_text("1 of 3")
    expect(shown).to_contain_text("0 of 1")
    expect(evaluation.page.locator("#run")).to_be_hidden()
    evaluation.page.get_by_role("button", name="Stop").click()
    evaluation.ended()
    expect(shown).to_contain_text("Stopped after 1 of 3.")
    served.wait_for(f"ended {SLOWLY}")
    asked = served.lines.count(f"began {HOW_MANY}")
    evaluation.run()
    expect(shown.locator("progress")).to_have_attribute("value", "1")
    evaluation.page.get_by_role("button", name="Stop").click()
    evaluation.ended()
    assert served.lines.count(f"began {HOW_MANY}") == asked


def test_one_runs_at_a_time_and_the_chat_goes_on(
    evaluation: Evaluation, browser: Browser, served: ServedPage
) -> None:
    evaluation.choose("slow")
    evaluation.run()
    expect(evaluation.page.locator("progress")).to_have_attribute("value", "1")
    context = browser.new_context()
    other = Evaluation(context, served.address)
    other.open()
    other.run()
    expect(other.page.locator("#measured")).to_contain_text("Another evaluation is being run.")
    other.page.get_by_role("tab", name="Chat").click()
    other.ask(KING)
    other.answer("abstained")
    context.close()
    assert other.faults == []
    expect(evaluation.page.locator("progress")).to_be_visible()
    evaluation.page.get_by_role("button", name="Stop").click()
    evaluation.ended()


def test_a_browser_that_leaves_ends_its_evaluation(browser: Browser, served: ServedPage) -> None:
    context = browser.new_context()
    leaving = Evaluation(context, served.address)
    leaving.open()
    leaving.choose("slow")
    before = served.lines.count(f"ended {SLOWLY}")
    leaving.run()
    expect(leaving.page.locator("progress")).to_have_attribute("value", "1")
    context.close()
    served.wait_for(f"ended {SLOWLY}", seconds=5, count=before + 1)


def test_the_keyboard_is_enough(evaluation: Evaluation) -> None:
    press = evaluation.page.keyboard.press
    evaluation.page.get_by_role("tab", name="Evaluate").focus()
    press("ArrowRight")
    expect(evaluation.page.get_by_role("tab", name="Chat")).to_be_focused()
    expect(evaluation.conversation).to_be_visible()
    press("ArrowLeft")
    expect(evaluation.page.get_by_role("tabpanel", name="Evaluate")).to_be_visible()
    press("Tab")
    expect(evaluation.page.get_by_label("Test set")).to_be_focused()
    press("Escape")
    press("Tab")
    expect(evaluation.page.get_by_role("button", name="Run")).to_be_focused()
    press("Enter")
    evaluation.ended()
    press("Shift+Tab")
    expect(evaluation.page.get_by_role("button", name="Run")).to_be_focused()
    link = evaluation.page.get_by_role("button", name=PIER_QUESTION)
    link.focus()
    assert link.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    press("Enter")
    expect(evaluation.page.get_by_role("tab", name="Chat")).to_be_focused()
    expect(evaluation.page.locator("#latest .case")).to_be_visible()


def test_a_phone_shows_it_without_sideways_scrolling(browser: Browser, served: ServedPage) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    phone = Evaluation(context, served.address)
    phone.open()
    phone.run()
    phone.ended()
    widths = "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert phone.page.evaluate(widths) == [360, 360]
    pane = phone.page.locator("#evaluate")
    assert pane.evaluate("e => e.scrollWidth <= e.clientWidth")
    phone.page.get_by_role("button", name=PIER_QUESTION).tap()
    expect(phone.cited(1)).to_be_in_viewport()
    expect(phone.page.get_by_label("Question")).to_be_in_viewport()
    assert phone.page.evaluate(widths) == [360, 360]
    context.close()
    assert phone.faults == []


def test_dark_is_dark(browser: Browser, served: ServedPage) -> None:
    context = browser.new_context(color_scheme="dark")
    dark = Evaluation(context, served.address)
    dark.open()
    dark.run()
    dark.ended()
    shown = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    for place in ("#evaluate", "#testset .wrap", ".scroll", ".cases"):
        assert max(dark.page.locator(place).first.evaluate(shown)) < 60, place
    for place in (".lead", ".case-question", ".scroll td b"):
        assert min(dark.page.locator(place).first.evaluate(shown.replace("backgroundC", "c"))) > 180
    context.close()
    assert dark.faults == []


def test_without_a_fitting_set_it_says_what_to_do(browser: Browser) -> None:
    with ServedPage() as bare:
        context = browser.new_context()
        page = Evaluation(context, bare.address)
        page.open()
        expect(page.page.locator("#evaluate")).to_contain_text("No test set here is about")
        expect(page.page.locator("#evaluate")).to_contain_text("qa eval FILE")
        expect(page.page.get_by_role("button", name="Run")).to_have_count(0)
        context.close()
    assert page.faults == []


def press(served: ServedPage, event: str, **body: object) -> httpx.Response:
    """Send what a page sends for an event, with made-up contents."""
    with httpx.Client(timeout=10, trust_env=False) as client:
        config = client.get(f"{served.address}/config").json()
        wanted = next(one for one in config["dependencies"] if one["targets"][0][1] == event)
        data = {"data": [None] * len(wanted["inputs"]), "session_hash": "made-up"}
        return client.post(
            f"{served.address}/gradio_api/run/predict",
            json={"fn_index": wanted["id"], **data, **body},
        )


@pytest.mark.parametrize("case", [None, "0", -1, 99, {"case": 1}, [1], True])
def test_a_made_up_case_opens_nothing(served: ServedPage, case: object) -> None:
    for told in ({"case": case}, case):
        answer = press(served, "select", event_data=told)
        assert answer.status_code == 200
        assert '"value"' not in answer.text


@pytest.mark.parametrize("place", [None, -1, 2, "0", "tests/testsets/us-japan.jsonl"])
def test_a_made_up_test_set_shows_nothing(served: ServedPage, place: object) -> None:
    answer = press(served, "change", data=[place])
    assert '"value"' not in answer.text
    assert "Traceback" not in answer.text


def test_the_files_of_the_test_sets_are_not_served(served: ServedPage) -> None:
    paths = ["gradio_api/file=tests/testsets/us-japan.jsonl", f"static/../{Path(__file__).name}"]
    for path in paths:
        assert httpx.get(f"{served.address}/{path}", trust_env=False).status_code == 404


def test_a_signal_ends_the_evaluation_and_the_program(browser: Browser, tmp_path: Path) -> None:
    with ServedPage(tmp_path) as page:
        context = browser.new_context()
        last = Evaluation(context, page.address)
        last.open()
        last.choose("slow")
        last.run()
        page.wait_for(f"began {SLOWLY}", seconds=10)
        began = time.monotonic()
        page.signal(signal.SIGTERM)
        last.ended()
        status, errors = page.end()
        assert time.monotonic() - began < 5
        context.close()
    assert (status, errors) == (0, "")
    assert page.lines[-1] == "closed"
    assert f"ended {SLOWLY}" in page.lines
