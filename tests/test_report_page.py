"""The report page in headless Chromium, opened from disk without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from fakes.reports import made_up
from fakes.watched import launched
from qa.evaluation.html import report_to_html
from qa.evaluation.records import Example, Outcome, Report
from qa.records import Answer, Article, Citation, Sentence, Span

pytestmark = pytest.mark.browser

ATTACK = "</script><img src=x onerror=alert(1)>\"'><svg/onload=alert(2)>"
SEED = Path(__file__).resolve().parents[1] / "seeds" / "us-japan-military-ties.txt"
ARTICLE = Article.from_text(SEED.read_text(encoding="utf-8"), title="Ties", source="ties.txt")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as made:
        yield made


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(offline=True)
    yield made
    made.close()


class Opened:
    """A report in a page, and what went wrong in it."""

    def __init__(self, context: BrowserContext, report: Report, folder: Path, at: str = "") -> None:
        file = folder / "report.html"
        file.write_text(report_to_html(report), encoding="utf-8")
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        self.page.on("console", lambda said: self.faults.append(said.text))
        self.page.on("request", lambda made: self.asked.append(made.url))
        self.page.goto(file.as_uri() + at)


def test_a_case_shows_its_answer_marks_and_hits(context: BrowserContext, tmp_path: Path) -> None:
    opened = Opened(context, made_up(ARTICLE, 7), tmp_path)
    case = opened.page.locator("#case-2")
    case.locator("summary").click()
    expect(case.locator(".said")).to_have_text(
        "It says that much, and in these words.1 More is not known."
    )
    cited = made_up(ARTICLE, 7).outcomes[1].answer.citations[0]  # type: ignore[union-attr]
    assert "".join(case.locator(".paper mark.is-cited").all_text_contents()) == cited.text
    span = made_up(ARTICLE, 7).outcomes[1].example.evidence[0]
    assert (
        "".join(case.locator(".paper mark.is-gold").all_text_contents())
        == ARTICLE.text[span.start : span.end]
    )
    assert case.locator(".paper").text_content() == ARTICLE.text
    assert case.locator(".hits li").count() == 5
    case.locator("button.cite").click()
    expect(case.locator(".paper mark.is-active").first).to_be_visible()
    assert opened.faults == []
    assert len(opened.asked) == 1


def test_every_case_unfolds_by_the_keyboard(context: BrowserContext, tmp_path: Path) -> None:
    opened = Opened(context, made_up(ARTICLE, 7), tmp_path)
    for number in range(1, 8):
        opened.page.locator(f"#case-{number} summary").press("Enter")
        expect(opened.page.locator(f"#case-{number} .paper")).to_be_visible()
    assert opened.page.locator("#case-7 .error").text_content() == "The model stopped."
    assert opened.faults == []


def test_cases_are_filtered_by_kind_tag_and_words(context: BrowserContext, tmp_path: Path) -> None:
    page = Opened(context, made_up(ARTICLE, 50), tmp_path).page
    shown = page.locator("#list > details:not([hidden])")
    assert shown.count() == 50
    page.locator("#filters button[data-kind=failed]").click()
    assert shown.count() == 7
    expect(page.locator("#shown")).to_have_text("7 of 50 cases shown")
    page.get_by_label("Tag").select_option(label="number")
    assert [one.get_attribute("id") for one in shown.all()] == ["case-7", "case-42"]
    page.get_by_label("Holding").fill("CASE 41")
    assert [one.get_attribute("id") for one in shown.all()] == ["case-42"]


def test_an_address_with_a_case_opens_it(context: BrowserContext, tmp_path: Path) -> None:
    opened = Opened(context, made_up(ARTICLE, 50), tmp_path, at="#case-30")
    expect(opened.page.locator("#case-30 .paper")).to_be_visible()


def test_marks_are_in_place_after_characters_beyond_16_bits(
    context: BrowserContext, tmp_path: Path
) -> None:
    article = Article.from_text("🚤🚤 The boat is 𝔅lue.", title="🚤", source="b")
    start = article.text.index("𝔅")
    cited = Citation.cut(article, Span(start=start, end=start + 4), number=1)
    report = Report(outcomes=(_outcome("🚤 It is.", article, cited),), estimates=(), about={})
    opened = Opened(context, report, tmp_path, at="#case-1")
    assert opened.page.locator(".paper mark.is-cited").all_text_contents() == ["𝔅lue"]
    assert opened.page.locator(".said .sentence").all_text_contents() == ["🚤 It"]


def test_hostile_words_stay_words(context: BrowserContext, tmp_path: Path) -> None:
    article = Article.from_text(f"{ATTACK} and no more.", title=ATTACK, source=ATTACK)
    cited = Citation.cut(article, Span(start=0, end=len(ATTACK)), number=1)
    report = Report(
        outcomes=(_outcome(ATTACK, article, cited),), estimates=(), about={ATTACK: ATTACK}
    )
    opened = Opened(context, report, tmp_path, at="#case-1")
    expect(opened.page.locator("#case-1 .paper")).to_have_text(article.text)
    expect(opened.page.locator("#case-1 .question")).to_have_text(ATTACK)
    assert opened.page.locator("img, .body svg").count() == 0
    assert opened.faults == []
    assert len(opened.asked) == 1


def test_2000_cases_open_within_two_seconds(context: BrowserContext, tmp_path: Path) -> None:
    opened = Opened(context, made_up(ARTICLE, 2_000), tmp_path)
    expect(opened.page.locator("#case-1 summary")).to_be_visible()
    shown = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    assert opened.page.evaluate(shown) < 2_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window(
    browser: Browser, tmp_path: Path, scheme: str, width: int
) -> None:
    context = browser.new_context(
        offline=True,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 800},
    )
    opened = Opened(context, made_up(ARTICLE, 7), tmp_path, at="#case-2")
    expect(opened.page.locator("#case-2 .paper")).to_be_visible()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def _outcome(text: str, article: Article, cited: Citation) -> Outcome:
    example = Example(
        id=text,
        article=article,
        question=text,
        answers=((text, text),),
        evidence=(Span(start=cited.start, end=cited.end),),
        tags=(text,),
    )
    answer = Answer(
        question=text,
        searched_for=f"{text}!",
        text=text,
        status="answered",
        sentences=(Sentence(start=0, end=4, support="supported", citations=(1,)),),
        citations=(cited,),
    )
    return Outcome(example=example, answer=answer, scores={"right": 1.0}, seconds=0.5)
