"""Questions that ask for Yes or No are known, and their answers begin with the right one."""

import pytest

from qa.polar import asks_yes_or_no, settled

EVIDENCE = "The boats were sold."


@pytest.mark.parametrize(
    "question",
    [
        "Were the boats sold?",
        "isn't the pier open on Sundays?",
        "So did Ada Holm win?",
        "And has she?",
        "I have a dog. Can I take it with me?",
        "If I come late, do I have to pay again?",
        "According to Holm, is it safe?",
        "Will it open in May or not?",
        "“Does it float?”",
        "Did 400 people die?",
        "Can't I pay at the gate?",
        "Won’t it open?",
        "Is it known where the wreck lies?",
        "Is the fee 3.50 euros?",
        "May I bring a dog?",
        "Did Dr. Holm leave?",
    ],
)
def test_a_question_that_asks_for_yes_or_no(question: str) -> None:
    assert asks_yes_or_no(question)


@pytest.mark.parametrize(
    "question",
    [
        "Who sold the boats?",
        "Is the pier red or green?",
        "When did it rain, and was it cold?",
        "How, if at all, does it float?",
        "What is it?",
        "Tell me about the boats.",
        "In which year was the pier built?",
        "May 2019: what happened?",
        "To whom, if anyone, does it belong?",
        "In which year, if ever, was it rebuilt?",
        "According to Holm, who, if anyone, was hurt?",
        "Name the person who, after the war, was mayor.",
        "Can you tell me when it opened?",
        "Do you know who built it?",
        "Was Holm punished? What happened to her?",
        "Is it safe, and why?",
        "Has he come round? Explain what he thinks.",
        "Islands?",
        "",
    ],
)
def test_a_question_that_asks_for_something_else(question: str) -> None:
    assert not asks_yes_or_no(question)


@pytest.mark.parametrize(
    ("text", "yes", "expected"),
    [
        ("Yes, they were sold.", True, "Yes, they were sold."),
        ("No boats were sold.", False, "No boats were sold."),
        ("They were sold.", True, "Yes. They were sold."),
        ("They were kept.", False, "No. They were kept."),
        ("Yes, they were kept.", False, "No: “The boats were sold.”"),
        ("No.", True, "Yes: “The boats were sold.”"),
        ("Nothing is known.", True, "Yes. Nothing is known."),
        ("No. 7 is the ship.", True, "Yes. No. 7 is the ship."),
    ],
)
def test_an_answer_begins_with_what_the_article_says(text: str, yes: bool, expected: str) -> None:
    assert settled(text, yes=yes, evidence=EVIDENCE) == expected


def test_evidence_is_quoted_on_one_line_with_quotes_of_its_own() -> None:
    evidence = "Holm said, “The boats\nwere sold.”"
    assert (
        settled("Yes.", yes=False, evidence=evidence) == "No: “Holm said, ‘The boats were sold.’”"
    )
