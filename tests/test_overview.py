"""Questions about the whole article are known by their form, and no other question is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.overview import MOST_SENTENCES, Listing, Summary, overview_of

TESTSETS = Path(__file__).parent / "testsets"

SUMMARIES = """
What is this about? | What is it about? | What’s this article about? | What is the text about?
Tell me what this article is about. | In one paragraph, what is this story about?
Summarize the article | Summarise this. | Please summarize this article for me | Summary please
Could you give me a brief summary? | TL;DR | tldr? | Give me a quick overview of this document
Sum it up | What is the gist of it? | What are the main points? | List the key points
What is the main idea of the text? | What's the article's main point? | What are the key takeaways?
What are the most important facts? | What topics does the article cover? | What is this all about?
What does the article say? | What does this article talk about? | What happens in the story?
Describe the article in a few words. | Explain the article briefly. | Summarise it in 50 words
What was this article about? | What is the topic of this article?
"""
PEOPLE = """
List the people named | List all the people mentioned in this article | List everyone mentioned.
Give me the names of everyone mentioned. | Who is mentioned in the article? | Who is named?
Who are the people in this article? | Who appears in the article? | Who does the article mention?
How many people are named in the article? | How many people are there in the article?
List all the names | Extract all names from the text. | What people are mentioned?
"""
QUOTED = "Who is quoted? | Which people are quoted in the article? | How many people are quoted?"
COUNTRIES = """
List the countries. | List every country mentioned in the article. | Name the countries mentioned.
Which countries are mentioned? | What countries does the article mention?
What are the countries mentioned in the article? | How many countries are mentioned?
How many different countries are mentioned in the text? | What countries are mentioned here?
Can you list the countries that are mentioned, please? | Which countries appear in the article?
"""
OTHERS = """
How many missiles are mentioned in the January agreement? | Which company built the bridge?
Who is the article about? | Who wrote the article? | What is the title of the article?
When was the article published? | What is it? | What is this? | What about the article?
What is the main reason? | What is the main point of the agreement? | Summarize the agreement.
Summarize what the mayor said. | Summarize the first paragraph. | What does page two say?
What does the statement say? | What does the article say about China? | What is the treaty about?
What was the meeting about? | What is the report about? | Is this about Japan? | What happened?
How many people were killed? | How many people are there? | How many words are in the article?
How many times is China mentioned in the article? | How many Tomahawk missiles are mentioned?
How many countries in the article are in Asia? | How many of them are mentioned in the article?
Which countries are mentioned in the statement? | Which countries are mentioned with China?
Which country is mentioned first in the article? | Which of them are mentioned? | Who was named?
Who is named in the lawsuit? | Who is quoted on the cost? | What are the boats named?
Which streets were named? | Which species are listed as endangered? | List the steps.
List the Japanese officials who met Blinken. | Name the bridge. | Name two countries in Asia.
Name a country mentioned in the article. | List the cities she lived in. | List them.
Is Japan mentioned in the article? | Are any companies mentioned in the article?
What is the name of the president mentioned in the article? | Which article is about this?
Which two countries are mentioned? | How many chapters are in the document? | Explain this.
What is in the summary? | What does the summary say? | Is there a summary? | Who wrote the summary?
Who is not mentioned in the article? | Which countries are never mentioned? | What does this mean?
Which people are named after towns in the article? | Tell me more about this. | List the steps.
"""


def of(text: str) -> list[str]:
    return [question.strip() for line in text.strip().split("\n") for question in line.split("|")]


@pytest.mark.parametrize("question", of(SUMMARIES))
def test_a_question_of_no_subject_asks_for_a_summary(question: str) -> None:
    assert isinstance(overview_of(question), Summary)


@pytest.mark.parametrize(
    ("question", "kind", "how"),
    [
        *[(question, "people", "named") for question in of(PEOPLE)],
        *[(question, "people", "quoted") for question in of(QUOTED)],
        *[(question, "countries", "named") for question in of(COUNTRIES)],
        ("Which government officials are mentioned?", "government officials", "named"),
    ],
)
def test_a_question_for_all_of_a_kind_asks_for_a_list(question: str, kind: str, how: str) -> None:
    found = overview_of(question)
    assert isinstance(found, Listing)
    assert (found.kind, found.how) == (kind, how)


@pytest.mark.parametrize("question", of(OTHERS))
def test_a_question_that_anything_narrows_is_an_ordinary_one(question: str) -> None:
    assert overview_of(question) is None


@pytest.mark.parametrize(
    ("question", "sentences"),
    [
        ("Summarize the article", None),
        ("Summarize the article in three sentences.", 3),
        ("In one sentence, what is this about?", 1),
        ("Give me the main points in 4 bullet points", 4),
        ("What are the three main points?", 3),
        ("Summarise it in 50 words", None),
        ("Summarise it in 50 sentences", MOST_SENTENCES),
        ("Summarise it in 0 sentences", None),
    ],
)
def test_a_summary_is_as_long_as_it_is_asked_to_be(question: str, sentences: int | None) -> None:
    assert overview_of(question) == Summary(sentences=sentences)


@pytest.mark.parametrize(
    "question",
    [
        "What is it about?",
        "What is that about?",
        "Summarize it.",
        "What does the article say about that?",
        "Can you explain that in simple terms from the article?",
        "Tell me about this.",
    ],
)
def test_within_a_conversation_it_is_what_was_spoken_of(question: str) -> None:
    assert overview_of(question, alone=True) == Summary()
    assert overview_of(question, alone=False) is None


def test_no_question_of_the_test_sets_is_taken_for_one_of_these() -> None:
    lines = [
        json.loads(line)
        for path in sorted(TESTSETS.rglob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    questions = [said["question"] for line in lines for said in (line, *line.get("history", ()))]
    assert len(questions) > 300
    assert [question for question in questions if overview_of(question)] == []


@given(st.text(max_size=200))
def test_any_text_is_one_of_these_or_none(text: str) -> None:
    assert isinstance(overview_of(text), Summary | Listing | None)
