"""Questions are cleaned, refused in one line, and joined to what they point back to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import QuestionError
from qa.records import Turn
from qa.rewriting import clean_question, standalone

HISTORY = (Turn(question="Who bought the boats?", answer="The town."),)


@pytest.mark.parametrize(
    "question",
    [
        "And how much did they cost?",
        "Why did it?",
        "What about May?",
        "When?",
        "Is she his aunt?",
        "Who lives there?",
        "By how much?",
        "What should I do?",
        "On what grounds?",
        "Which of the other harbours got a boat?",
        "Why did the others sink?",
    ],
)
def test_a_question_that_points_back_is_searched_for_with_the_one_before(question: str) -> None:
    assert standalone(question, HISTORY) == f"Who bought the boats? {question}"


@pytest.mark.parametrize(
    "question",
    [
        "How many boats are for sale?",
        "Who opened the bridge?",
        "Is there a café on the pier?",
        "How many one-way tickets were sold?",
        "Who is Holm?",
        "What is photosynthesis?",
        "What's the mayor's name?",
        "Did the two boats ever meet each other?",
    ],
)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert standalone(question, HISTORY) == question


def test_without_a_conversation_nothing_is_added() -> None:
    assert standalone("And it?", ()) == "And it?"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "The question is empty."),
        (" \n\t ", "The question is empty."),
        ("?!", "The question '?!' has no words."),
        ("a\x00b", r"The question holds '\x00', which is not text."),
        ("a\x1b[2Jb", r"The question holds '\x1b', which is not text."),
        ("\ud800", r"The question holds '\ud800', which is not text."),
        ("w" * 2001, "The question has 2,001 characters, and 2,000 are allowed."),
    ],
)
def test_what_is_no_question_is_refused_with_a_reason(question: str, message: str) -> None:
    with pytest.raises(QuestionError) as caught:
        clean_question(question, most_characters=2000)
    assert caught.value.message == message
    assert caught.value.remedy


@given(st.text(max_size=100))
def test_a_clean_question_is_on_one_line_and_stays_as_it_is(text: str) -> None:
    try:
        clean = clean_question(text, most_characters=2000)
    except QuestionError:
        return
    assert clean == clean_question(clean, most_characters=2000)
    assert clean == clean.strip()
    assert "\n" not in clean
