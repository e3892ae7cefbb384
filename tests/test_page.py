"""The page in headless Chromium, with the scripted assistant behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from fakes.answerer import (
    BOATS,
    BREAK,
    ECHO,
    EXPLODE,
    FOLLOW_UP,
    HOW_MANY,
    KING,
    LONG,
    PIER,
    PIER_QUESTION,
    PRICE,
    SLOWLY,
    TITLE,
    TURNS,
)
from fakes.pages import ServedPage
from fakes.watched import Watched, launched

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def served() -> Iterator[ServedPage]:
    with ServedPage() as page:
        yield page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as made:
        yield made


@pytest.fixture(scope="module")
def desktop(browser: Browser, served: ServedPage) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    yield Watched(context, served.address)
    context.close()


@pytest.fixture
def watched(desktop: Watched) -> Iterator[Watched]:
    # Cleared, not loaded again: a load takes seconds, and that clearing is whole is a test below.
    desktop.page.get_by_role("button", name="Clear").click()
    expect(desktop.conversation.locator(".exchange")).to_have_count(0)
    desktop.page.get_by_label("Question").fill("")
    desktop.article.evaluate("box => box.scrollTo(0, 0)")
    desktop.page.mouse.move(0, 0)
    yield desktop
    assert desktop.faults == []


def test_an_answer_is_streamed_cited_and_shown_in_the_article(watched: Watched) -> None:
    assert watched.article.locator("h2").inner_text() == TITLE
    watched.ask(HOW_MANY)
    said = watched.answer("answered")
    assert said.locator(".words").all_inner_texts()[0].startswith("There are")
    assert [link.inner_text() for link in said.locator(".cite").all()] == ["1", "1", "2"]
    assert [mark.inner_text() for mark in watched.article.locator("mark").all()] == [BOATS, PRICE]
    expect(watched.cited(1)).to_be_in_viewport()
    expect(said).to_contain_text("Very likely right (confidence about 93%)")
    expect(said).to_contain_text("only partly supported")
    assert watched.page.locator("[data-status]").count() == 1
    expect(watched.page.get_by_label("Question")).to_have_value("")


def test_a_number_leads_to_its_words_and_the_words_lead_back(watched: Watched) -> None:
    watched.ask(HOW_MANY)
    said = watched.answer("answered")
    watched.article.evaluate("box => box.scrollTo(0, 0)")
    expect(watched.cited(2)).not_to_be_in_viewport()
    said.locator('[data-citation="2"]').click()
    expect(watched.cited(2)).to_be_in_viewport()
    expect(watched.cited(2)).to_have_class(re.compile("is-active"))
    expect(watched.cited(1)).not_to_have_class(re.compile("is-active"))
    watched.cited(1).click(position={"x": 5, "y": 5})
    expect(said.locator('[data-citation="1"]').first).to_be_focused()
    expect(said.locator('[data-citation="1"]').first).to_have_class(re.compile("is-active"))


def test_an_earlier_answer_still_shows_its_words(watched: Watched) -> None:
    watched.ask(HOW_MANY)
    watched.answer("answered")
    watched.ask(PIER_QUESTION)
    expect(watched.cited(1)).to_have_text(PIER)
    watched.conversation.locator("#past .cite").last.click()
    expect(watched.cited(2)).to_have_text(PRICE)
    expect(watched.cited(2)).to_be_in_viewport()
    watched.conversation.locator("#latest .cite").first.click()
    expect(watched.cited(1)).to_have_text(PIER)
    expect(watched.cited(2)).to_have_count(0)
    expect(watched.cited(1)).to_be_in_viewport()


def test_hover_and_focus_show_the_quote(watched: Watched) -> None:
    watched.ask(HOW_MANY)
    first = watched.answer("answered").locator(".cite").first
    quote = watched.page.get_by_role("tooltip")
    expect(quote).to_be_hidden()
    first.hover()
    expect(quote).to_have_text(BOATS)
    watched.page.keyboard.press("Escape")
    expect(quote).to_be_hidden()
    watched.page.mouse.move(0, 0)
    watched.page.keyboard.press("Tab")
    first.focus()
    expect(quote).to_have_text(BOATS)


def test_the_keyboard_is_enough(watched: Watched) -> None:
    press = watched.page.keyboard.press
    watched.page.get_by_label("Question").focus()
    watched.page.keyboard.type("How many boats")
    press("Shift+Enter")
    watched.page.keyboard.type("are there?")
    expect(watched.page.get_by_label("Question")).to_have_value("How many boats\nare there?")
    watched.page.get_by_label("Question").fill(HOW_MANY)
    press("Enter")
    first = watched.answer("answered").locator(".cite").first
    first.focus()
    press("Enter")
    expect(watched.cited(1)).to_have_class(re.compile("is-active"))
    back = watched.article.get_by_role("button", name="Back to citation 1 in the answer")
    back.focus()
    press("Enter")
    expect(first).to_be_focused()
    outline = first.evaluate("link => getComputedStyle(link).outlineStyle")
    assert outline == "solid"


def test_what_the_article_does_not_say_is_told_with_the_closest_passage(watched: Watched) -> None:
    watched.ask(KING)
    said = watched.answer("abstained")
    expect(said).to_contain_text("Not in the article")
    expect(said.locator("blockquote")).to_have_text(PIER)
    expect(watched.article.locator("mark")).to_have_text([PIER])
    expect(watched.article.locator("mark.closest")).to_be_in_viewport()
    watched.article.evaluate("box => box.scrollTo(0, 0)")
    said.get_by_role("button", name="Show in the article").click()
    expect(watched.article.locator("mark.closest")).to_be_in_viewport()


def test_an_unsupported_sentence_says_so(watched: Watched) -> None:
    watched.ask(PIER_QUESTION)
    unsupported = watched.answer("answered").locator(".is-unsupported")
    expect(unsupported).to_have_text("It is made of oak.not supported by the article")
    expect(unsupported.locator(".cite")).to_have_count(0)


def test_stop_ends_an_answer_that_is_being_written(watched: Watched, served: ServedPage) -> None:
    before = served.lines.count(f"ended {SLOWLY}")
    watched.ask(SLOWLY)
    expect(watched.answer("draft")).to_contain_text("word word")
    watched.page.get_by_role("button", name="Stop").click()
    expect(watched.answer("abstained")).to_contain_text("Stopped", timeout=2000)
    served.wait_for(f"ended {SLOWLY}", seconds=2, count=before + 1)
    watched.ask(HOW_MANY)
    watched.answer("answered")


def test_stop_works_before_the_first_word(watched: Watched) -> None:
    watched.ask(LONG)
    expect(watched.answer("draft")).to_contain_text("Reading the article")
    watched.page.get_by_role("button", name="Stop").click()
    expect(watched.page.locator('[data-status="abstained"]')).to_be_visible(timeout=2000)
    expect(watched.page.get_by_label("Question")).to_be_focused()


def test_retry_asks_the_last_question_again_in_its_place(
    watched: Watched, served: ServedPage
) -> None:
    watched.ask(HOW_MANY)
    watched.answer("answered")
    watched.ask(TURNS)
    watched.answer("answered")
    before = served.lines.count(f"began {TURNS}")
    watched.page.get_by_role("button", name="Retry").click()
    served.wait_for(f"ended {TURNS}", count=before + 1)
    expect(watched.answer("answered")).to_contain_text(f"Before: {HOW_MANY}.")
    expect(watched.conversation.locator("h3")).to_have_text([HOW_MANY, TURNS])


def test_other_words_are_searched_for_in_place_of_an_answer(
    watched: Watched, served: ServedPage
) -> None:
    watched.ask(HOW_MANY)
    watched.answer("answered")
    watched.ask(FOLLOW_UP)
    said = watched.answer("answered")
    expect(said).to_contain_text(f"Found with {HOW_MANY} {FOLLOW_UP}.")
    field = watched.page.get_by_label("Words to search for")
    expect(field).to_be_hidden()
    watched.page.get_by_role("button", name="Change what is searched for").click()
    expect(field).to_have_value(f"{HOW_MANY} {FOLLOW_UP}")
    field.fill("How dear is one <b>boat</b>?")
    watched.page.get_by_role("button", name="Search for this instead").click()
    expect(said).to_contain_text("Found with How dear is one <b>boat</b>?.")
    watched.answer("answered")
    expect(watched.conversation.locator(".searched")).to_have_text(
        "Searched for: How dear is one <b>boat</b>?"
    )
    expect(watched.conversation.locator("h3")).to_have_text([HOW_MANY, FOLLOW_UP])
    before = served.lines.count(f"began {FOLLOW_UP}")
    watched.page.get_by_role("button", name="Retry").click()
    served.wait_for(f"ended {FOLLOW_UP}", count=before + 1)
    expect(said).to_contain_text("Found with How dear is one <b>boat</b>?.")
    watched.answer("answered")
    watched.ask(TURNS)
    expect(watched.answer("answered")).to_contain_text(
        f"Before: {HOW_MANY}; How dear is one <b>boat</b>?."
    )
    expect(watched.conversation.get_by_role("button", name="Change")).to_have_count(0)


def test_other_words_are_searched_for_by_keyboard(watched: Watched) -> None:
    press = watched.page.keyboard.press
    watched.ask(HOW_MANY)
    watched.answer("answered")
    watched.ask(FOLLOW_UP)
    said = watched.answer("answered")
    change = watched.page.get_by_role("button", name="Change what is searched for")
    field = watched.page.get_by_label("Words to search for")
    change.focus()
    press("Enter")
    expect(field).to_be_focused()
    watched.page.keyboard.type(" Nothing")
    expect(field).to_have_value(f"{HOW_MANY} {FOLLOW_UP} Nothing")
    press("Escape")
    expect(change).to_be_focused()
    expect(field).to_be_hidden()
    press("Space")
    expect(field).to_have_value(f"{HOW_MANY} {FOLLOW_UP}")
    press("ControlOrMeta+a")
    press("Delete")
    press("Enter")
    expect(field).to_be_focused()
    watched.page.keyboard.type("How dear is a boat?")
    press("Enter")
    expect(said).to_contain_text("Found with How dear is a boat?.")
    watched.answer("answered")
    expect(watched.conversation).to_be_focused()


def test_words_that_cannot_be_searched_for_can_be_changed_again(watched: Watched) -> None:
    watched.ask(HOW_MANY)
    watched.answer("answered")
    watched.ask(FOLLOW_UP)
    watched.answer("answered")
    change = watched.page.get_by_role("button", name="Change what is searched for")
    field = watched.page.get_by_label("Words to search for")
    change.click()
    field.fill("x" * 2001)
    field.press("Enter")
    expect(watched.conversation.locator(".notice")).to_contain_text("too long")
    change.click()
    expect(field).to_have_value("x" * 2001)
    field.fill("How dear is a boat?")
    field.press("Enter")
    expect(watched.answer("answered")).to_contain_text("Found with How dear is a boat?.")


def test_clear_forgets_everything(watched: Watched) -> None:
    watched.ask(HOW_MANY)
    watched.answer("answered")
    watched.page.get_by_role("button", name="Clear").click()
    expect(watched.conversation.locator(".exchange")).to_have_count(0)
    expect(watched.article.locator("mark")).to_have_count(0)
    watched.ask(TURNS)
    expect(watched.answer("answered")).to_contain_text("Before: none.")


def test_clear_while_an_answer_is_written_leaves_nothing_of_it(watched: Watched) -> None:
    watched.ask(SLOWLY)
    watched.answer("draft")
    watched.page.get_by_role("button", name="Clear").click()
    expect(watched.conversation.locator(".welcome")).to_be_visible()
    watched.page.wait_for_timeout(600)
    expect(watched.conversation.locator(".exchange")).to_have_count(0)


@pytest.mark.parametrize(
    ("question", "notice"),
    [
        (BREAK, "The language model stopped. Ask again."),
        (EXPLODE, "Something went wrong inside the program."),
        ("x" * 2001, "The question is too long. Ask a shorter one."),
    ],
)
def test_a_failure_is_one_calm_line_and_keeps_the_question(
    watched: Watched, question: str, notice: str
) -> None:
    watched.ask(question)
    expect(watched.conversation.locator(".notice")).to_contain_text(notice)
    expect(watched.page.get_by_label("Question")).to_have_value(question)
    expect(watched.page.locator("[data-status]")).to_have_count(0)
    assert "Traceback" not in watched.page.content()
    assert "secret" not in watched.page.content()


def test_a_blank_question_changes_nothing(watched: Watched) -> None:
    watched.page.get_by_label("Question").fill("  \n ")
    watched.page.get_by_role("button", name="Ask").click()
    watched.page.wait_for_timeout(500)
    expect(watched.conversation.locator(".welcome")).to_be_visible()


def test_a_question_during_an_answer_waits_in_its_box(watched: Watched) -> None:
    watched.ask(SLOWLY)
    watched.answer("draft")
    watched.page.get_by_label("Question").fill(HOW_MANY)
    watched.page.keyboard.press("Enter")
    watched.page.wait_for_timeout(500)
    expect(watched.conversation.locator("h3")).to_have_text([SLOWLY])
    expect(watched.page.get_by_label("Question")).to_have_value(HOW_MANY)
    watched.page.get_by_role("button", name="Stop").click()
    watched.answer("abstained")
    watched.page.get_by_label("Question").press("Enter")
    expect(watched.conversation.locator("h3")).to_have_text([SLOWLY, HOW_MANY])
    watched.answer("answered")


def test_a_question_that_follows_at_once_is_answered_too(watched: Watched) -> None:
    for count in range(1, 5):
        watched.page.get_by_label("Question").fill(TURNS)
        watched.page.keyboard.press("Enter")
        expect(watched.conversation.locator(".exchange")).to_have_count(count)
        watched.answer("answered")


def test_an_example_is_asked_with_one_click(watched: Watched) -> None:
    example = watched.page.get_by_role("button", name="What is this article about?")
    example.click()
    expect(watched.conversation.locator("h3")).to_have_text("What is this article about?")
    expect(example).to_be_hidden()
    # The script does not know the question, which the page shows as a failure inside the program.
    expect(watched.conversation.locator(".notice")).to_be_visible()


def test_two_browsers_do_not_mix(browser: Browser, served: ServedPage) -> None:
    contexts = [browser.new_context() for _ in range(2)]
    one, other = (Watched(context, served.address) for context in contexts)
    one.ask(HOW_MANY)
    other.ask(PIER_QUESTION)
    one.answer("answered")
    other.answer("answered")
    expect(one.article.locator("mark")).to_have_text([BOATS, PRICE])
    expect(other.article.locator("mark")).to_have_text([PIER])
    one.ask(TURNS)
    expect(one.answer("answered")).to_contain_text(f"Before: {HOW_MANY}.")
    other.ask(TURNS)
    expect(other.answer("answered")).to_contain_text(f"Before: {PIER_QUESTION}.")
    for context in contexts:
        context.close()
    assert one.faults + other.faults == []


def test_a_phone_shows_answer_and_words_without_sideways_scrolling(
    browser: Browser, served: ServedPage
) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    phone = Watched(context, served.address)
    phone.ask(HOW_MANY)
    said = phone.answer("answered")
    expect(phone.cited(1)).to_be_in_viewport()
    phone.article.evaluate("box => box.scrollTo(0, 0)")
    said.locator('[data-citation="2"]').tap()
    expect(phone.cited(2)).to_be_in_viewport()
    expect(said.locator('[data-citation="2"]')).to_be_in_viewport()
    expect(phone.page.get_by_label("Question")).to_be_in_viewport()
    phone.ask(FOLLOW_UP)
    phone.answer("answered")
    phone.page.get_by_role("button", name="Change what is searched for").tap()
    for label in ("Words to search for", "Search for this instead", "Cancel"):
        shown = phone.page.get_by_label(label).or_(phone.page.get_by_role("button", name=label))
        expect(shown).to_be_in_viewport(ratio=1)
    phone.page.get_by_role("button", name="Cancel").tap()
    expect(phone.page.get_by_label("Words to search for")).to_be_hidden()
    phone.ask("x" * 2001)
    expect(phone.conversation.locator(".notice")).to_be_visible()
    widths = "() => [document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert phone.page.evaluate(widths) == [360, 360]
    context.close()
    assert phone.faults == []


@pytest.mark.parametrize(
    ("scheme", "address"), [("dark", ""), ("light", "?__theme=dark")], ids=["system", "address"]
)
def test_dark_is_dark(browser: Browser, served: ServedPage, scheme: str, address: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    dark = Watched(context, f"{served.address}/{address}")
    shown = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    assert max(dark.page.locator("#reader").evaluate(shown)) < 60
    assert min(dark.article.locator("p").first.evaluate(shown.replace("backgroundC", "c"))) > 180
    context.close()
    assert dark.faults == []


@pytest.mark.parametrize(
    "payload",
    [
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        '"><svg onload=alert(1)>',
        "<img src=http://192.0.2.1/a.png>",
        "![a](http://192.0.2.1/a.png)",
        "${alert(1)}{{alert(1)}}",
    ],
)
def test_markup_in_question_and_answer_does_nothing(watched: Watched, payload: str) -> None:
    watched.ask(ECHO + payload)
    expect(watched.answer("answered").locator(".words").first).to_contain_text("Echo")
    expect(watched.answer("answered").locator(".said")).to_contain_text(payload)
    assert watched.conversation.locator("img, script, svg").count() == 0
