"""An evaluation as HTML, and a case of it in the chat: pure functions."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.cases import ARTICLE, answered, declined, example, hit
from qa.evaluation.records import Alternatives, Example, Outcome
from qa.evaluation.running import outcomes, report_of
from qa.records import Answer, Span, Turn
from qa.ui import measured
from qa.ui.bench import ExampleSet
from qa.ui.cases import conversation_of, expected_words, is_of_case
from qa.ui.conversation import Conversation, Exchange, begin, turns
from qa.ui.measured import invitation_html, notice_html, progress_html, set_label
from qa.ui.measuring import Progress
from qa.ui.reading import articles_html
from qa.ui.render import latest_html

BOATS = Span(start=0, end=16)  # "It has 37 boats."
HISTORY = (Turn(question="Is there a town?", answer="Yes."),)
RIGHT = example("How many boats?", id="r", answers=(("37",),), evidence=(BOATS,))
WRONG = replace(RIGHT, id="w", answers=(("40", "forty"),), history=HISTORY)
UNSAID = example("Who is the king?", id="u")
HOSTILE = "</p><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


class Elements(HTMLParser):
    """The elements of a piece of HTML with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str, name: str) -> list[str | None]:
        """Return the values of an attribute of the elements with a tag that have it, in order."""
        return [has[name] for found, has in self.found if found == tag and name in has]


def outcome(of: Example, answer: Answer | None) -> Outcome:
    """Return the scored outcome of an answer, or of an answerer that stops."""

    def answerer(question: str, history: object) -> Answer:
        if answer is None:
            raise RuntimeError("The model stopped.")
        return answer

    return next(outcomes([of], answerer))


def ended(*found: Outcome, total: int = 0) -> Progress:
    return Progress(
        total=total or len(found),
        found=found,
        ended=True,
        report=report_of(found, about={"answerer": "made up"}),
    )


ALL = (
    outcome(WRONG, answered("37.", cited=[(0, 16)], hits=[hit(0, 16)])),
    outcome(RIGHT, answered("37.", cited=[(0, 16)], confidence=0.9)),
    outcome(UNSAID, declined()),
    outcome(replace(UNSAID, id="u2"), answered("Olaf.")),
    outcome(replace(RIGHT, id="d"), declined()),
    outcome(replace(RIGHT, id="f"), None),
)


PLAIN = ended(ALL[0])
REPORT = report_of(ALL[:1], about={})


def report_html(progress: Progress) -> str:
    return measured.report_html(progress, folder="reports/key")


def test_a_set_is_told_by_its_questions() -> None:
    asked = ExampleSet(name="boats", examples=(RIGHT, WRONG, UNSAID))
    assert set_label(asked) == "boats (3 questions)"
    assert (
        "3 questions: the article answers 2 of them, and does not say 1."
        in Elements(invitation_html(asked)).text
    )


@pytest.mark.parametrize(
    ("left_out", "label", "said"),
    [
        (1, "3 of 4 questions", "1 of 4 questions is about another article and is left out. An"),
        (37, "3 of 40 questions", "37 of 40 questions are about other articles and are left out. "),
    ],
)
def test_a_set_tells_how_many_of_its_questions_are_left_out(
    left_out: int, label: str, said: str
) -> None:
    asked = ExampleSet(name="boats", examples=(RIGHT, WRONG, UNSAID), left_out=left_out)
    assert set_label(asked) == f"boats ({label})"
    assert said in Elements(invitation_html(asked)).text


def test_progress_says_how_far_it_is_and_the_shares_so_far() -> None:
    shown = Elements(progress_html(Progress(total=60, found=ALL)))
    assert shown.attributes("progress", "max") == ["60"]
    assert shown.attributes("progress", "value") == ["6"]
    # Of the four that the article answers one is right; of the two that it does not, one.
    for said in ("6 of 60", "Rightly answered1 of 4", "Rightly declined1 of 2", "Failed1 of 6"):
        assert said in shown.text


def test_progress_says_how_long_it_takes_and_what_it_waits_for() -> None:
    slow = replace(ALL[0], seconds=30.0)
    assert "About 4 min left" in progress_html(Progress(total=9, found=(slow,)))  # 8 of 30 s
    assert "Less than a minute left" in progress_html(Progress(total=2, found=(slow,)))
    assert "Asking the first question" in progress_html(Progress(total=2))
    waiting = Progress(total=2, waiting_for="Loading <the> embedder")
    assert "Loading &lt;the&gt; embedder …" in progress_html(waiting)


def test_a_report_has_figures_plots_and_the_failed_cases_worst_first() -> None:
    shown = Elements(report_html(ended(*ALL)))
    assert "2 of 6 right" in shown.text
    assert "Stopped after" not in shown.text
    assert "0.250" in shown.text  # right: one of four
    plots = ["Risk against coverage", "Confidence against share right", "Cases by seconds"]
    assert shown.attributes("svg", "aria-label") == plots
    # Failed, wrongly answered, wrong, wrongly declined; their places in the report.
    assert shown.attributes("button", "data-case") == ["5", "3", "0", "4"]
    for said in ("RuntimeError: The model stopped.", "Expected: 40 or forty", "that the article"):
        assert said in shown.text


def test_a_report_can_be_downloaded_from_where_its_files_are() -> None:
    shown = Elements(report_html(ended(*ALL)))
    assert shown.attributes("a", "href") == ["reports/key/report.html", "reports/key/report.json"]
    assert shown.attributes("a", "download") == [None, None]  # saved, so the page stays
    assert "Download the report" in shown.text
    assert Elements(report_html(Progress(total=9, ended=True))).attributes("a", "href") == []
    assert "reports/key" not in progress_html(Progress(total=60, found=ALL))


def test_a_report_says_how_long_the_answers_took() -> None:
    found = tuple(replace(one, seconds=seconds) for one, seconds in zip(ALL, range(6), strict=True))
    shown = Elements(report_html(ended(*found)))
    # The 5 seconds in at most 24 bins of a round width are in bins of 0.25.
    assert "1 to 1.25: 1" in shown.text
    assert "How long the answers took." in shown.text


def test_a_report_says_how_small_a_change_it_would_show() -> None:
    few = Elements(report_html(ended(*ALL))).text
    assert "right none, as they are too few, declined none, as they are too few." in few
    assert "declined none" in report_html(ended(ALL[2]))
    assert "right none" not in report_html(ended(ALL[2]))
    many = tuple(replace(ALL[1], example=replace(RIGHT, id=f"r{number}")) for number in range(100))
    assert "differs on 20% of them: right 1" in report_html(ended(*many))
    without = replace(REPORT, estimates=())
    assert "The smallest change" not in report_html(replace(PLAIN, report=without))


def test_without_a_failed_case_it_says_so() -> None:
    assert "There are none." in report_html(ended(ALL[1], ALL[2]))


def test_what_was_stopped_is_told_with_how_to_go_on() -> None:
    assert "Stopped after 2 of 9. What is answered is kept: Run goes on" in report_html(
        ended(*ALL[:2], total=9)
    )
    nothing = Progress(total=9, ended=True)
    assert "Stopped before the first answer." in report_html(nothing)


@given(st.text() | st.just(HOSTILE))
def test_nothing_that_was_written_by_others_becomes_markup(words: str) -> None:
    of = replace(WRONG, id=words, question=words, answers=((words,),))
    found = replace(ALL[0], example=of, answer=answered(words or "x"))
    told = replace(PLAIN, report=replace(REPORT, outcomes=(found,)))
    conversation = conversation_of(found, name=words, number=0)
    plain = conversation_of(ALL[0], name="boats", number=0)
    pages = (
        (report_html(told), report_html(PLAIN)),
        (notice_html(words), notice_html("plain")),
        (latest_html(conversation), latest_html(plain)),
    )
    for page, same in pages:
        allowed = {tag for tag, _ in Elements(same).found}
        assert {tag for tag, _ in Elements(page).found} <= allowed | {"p", "span"}
        assert not {name for _, has in Elements(page).found for name in has if name[:2] == "on"}


def test_a_case_is_a_conversation_that_can_be_gone_on_with() -> None:
    conversation = conversation_of(ALL[0], name="boats", number=0)
    assert [exchange.position for exchange in conversation] == [1, 2]
    assert turns(conversation[:-1]) == list(HISTORY)
    assert turns(conversation)[-1] == Turn(question="How many boats?", answer="37.")
    assert is_of_case(conversation)
    assert is_of_case((*conversation, begin(conversation, "And more?")))
    assert not is_of_case((Exchange(position=1, question="q"),))
    shown = Elements(latest_html(conversation))
    for said in ("Test set boats, w", "Wrong: the article says it", "Expected: 40 or forty"):
        assert said in shown.text
    assert shown.attributes("button", "data-case") == ["0"]
    assert "Yes." in latest_html(conversation[:1])
    assert "As the test set has it." in latest_html(conversation[:1])


def test_a_case_without_an_answer_shows_its_error() -> None:
    shown = Elements(latest_html(conversation_of(ALL[5], name="boats", number=5)))
    assert "RuntimeError: The model stopped." in shown.text
    assert "Failed: there is no answer, only an error." in shown.text


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((), "that the article does not say."),
        ((("37",),), "37"),
        ((("37", "many"), ("pier",)), "37 or many; and pier"),
    ],
)
def test_what_is_expected_is_put_in_words(answers: tuple[Alternatives, ...], words: str) -> None:
    assert expected_words(answers) == words


def shown_article(conversation: Conversation) -> str:
    return articles_html([ARTICLE], conversation)


def test_evidence_has_a_look_of_its_own_within_a_citation_and_a_legend() -> None:
    of = replace(WRONG, evidence=(Span(start=7, end=22),))
    found = replace(ALL[0], example=of)
    shown = shown_article(conversation_of(found, name="boats", number=0))
    # The citation is of 0 to 16, so the evidence of 7 to 22 is cut where the citation ends.
    assert (
        '<mark data-answer="2" data-citation="1">It has '
        '<span class="evidence">37 boats.</span><button type="button" class="back" '
        'data-number="1" aria-label="Back to citation 1 in the answer"></button></mark>'
        '<span class="evidence"> It ha</span>s a pier.'
    ) in shown
    assert Elements(shown).attributes("button", "data-look") == ["cited", "evidence"]
    assert 'data-focus="2"' in shown


def test_where_nothing_is_cited_the_evidence_comes_into_view() -> None:
    shown = shown_article(conversation_of(ALL[4], name="boats", number=4))
    assert 'data-focus="evidence"' in shown
    assert Elements(shown).attributes("button", "data-look") == ["evidence"]


def test_without_a_case_there_is_no_legend() -> None:
    conversation = conversation_of(ALL[0], name="boats", number=0)
    later = (*conversation, begin(conversation, "And more?"))
    assert "data-look" not in shown_article(later)
    assert "evidence" not in shown_article(later)
    assert "data-look" not in shown_article(())
