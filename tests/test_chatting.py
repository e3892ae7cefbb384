"""The chat's events, called as the page's server calls them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import Empty, SimpleQueue

import gradio as gr
import pytest

from fakes.answerer import BREAK, FOLLOW_UP, HOW_MANY, ScriptedAnswerer
from qa.records import Turn
from qa.ui.chatting import NOTHING_NEW, Chat, Shown
from qa.ui.conversation import Conversation, Exchange, turns
from qa.ui.opening import Opening
from qa.ui.running import Answerer, RunningAnswers

ASKED = (
    Exchange(position=1, question=HOW_MANY, given="There are 37."),
    Exchange(position=2, question=FOLLOW_UP, given="900 crowns.", searched_for="Its price?"),
)
REQUEST = gr.Request(session_hash="one")


def steps(answerer: Answerer) -> Generator[str, None, Answerer]:
    yield "Opening the scripted answerer"
    return answerer


@pytest.fixture
def chat() -> Iterator[Chat]:
    answerer = ScriptedAnswerer([].append)
    opening = Opening(answerer.articles, steps(answerer), announce=[].append)
    opening.begin(lambda failure: None)
    yield Chat(opening, RunningAnswers(opening))
    opening.close()


def read(chat: Chat) -> SimpleQueue[tuple[Turn, ...]]:
    """Return what the scripted answerer was told to read on."""
    answerer = chat._answerer._opened.result()
    assert isinstance(answerer, ScriptedAnswerer)
    return answerer.read


def search(chat: Chat, conversation: Conversation, sent: object) -> list[Shown]:
    event = gr.EventData(None, sent)
    return list(chat.search_instead(conversation, event, REQUEST))


def test_words_that_a_person_sends_are_searched_for_in_place_of_the_last_answer(chat: Chat) -> None:
    *_, (*_, conversation) = search(chat, ASKED, {"words": " A boat's price? "})
    first, last = conversation
    assert first == ASKED[0]
    assert (last.position, last.question, last.searched_for) == (2, FOLLOW_UP, "A boat's price?")
    assert turns(conversation)[1] == Turn(
        question="A boat's price?", answer="Found with A boat's price?."
    )


def test_what_was_said_is_read_on_once_an_answer_is_shown(chat: Chat) -> None:
    *_, (*_, conversation) = list(chat.ask(HOW_MANY, (), REQUEST))
    assert read(chat).get(timeout=3) == tuple(turns(conversation))


def test_nothing_is_read_on_after_a_question_that_failed(chat: Chat) -> None:
    list(chat.ask(BREAK, (), REQUEST))
    with pytest.raises(Empty):
        read(chat).get(timeout=0.2)


def test_a_retry_keeps_the_words_that_a_person_gave(chat: Chat) -> None:
    *_, (*_, conversation) = list(chat.retry(ASKED, REQUEST))
    assert conversation[-1].answer.text == "Found with Its price?."


@pytest.mark.parametrize(
    "sent", [None, [], "words", {}, {"words": None}, {"words": 3}, {"words": " \n"}]
)
def test_what_no_page_sends_changes_nothing(chat: Chat, sent: object) -> None:
    assert search(chat, ASKED, sent) == [NOTHING_NEW]


def test_without_a_question_there_is_nothing_to_search_for_instead(chat: Chat) -> None:
    assert search(chat, (), {"words": "A boat's price?"}) == [NOTHING_NEW]
