"""Sentences of answers are tied to the sentences that carry them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.citations import SentenceIndex, content_words, numbers, support_of, unknown_words

SENTENCES = (
    "The bridge opened in 1932 after eight years of work.",
    "It was designed by Ralph Freeman and built by 1,400 workers.",
    "In May, the town bought 37 boats at a cost of $2.5 million.",
    "The mayor will retire in May.",
    "Cyclists use a separate path because of the heavy traffic.",
)
ALIKE = dict.fromkeys(range(len(SENTENCES)), 0.5)


@pytest.fixture(scope="module")
def index() -> SentenceIndex:
    return SentenceIndex(SENTENCES)


@pytest.mark.parametrize(
    ("question", "claim", "rows", "support"),
    [
        ("When did the bridge open?", "The bridge opened in 1932.", (0,), "supported"),
        ("How many workers built it?", "It was built by 1400 workers.", (1,), "supported"),
        ("How long did it take?", "8 years of work.", (0,), "supported"),
        ("When did the town buy the boats?", "May", (2,), "supported"),
        ("When will the mayor retire?", "In May.", (3,), "supported"),
        ("Do cyclists use a separate path?", "Yes.", (4,), "supported"),
        ("When did the bridge open?", "The bridge opened in 1931.", (), "unsupported"),
        ("What is the capital of France?", "The capital of France is Paris.", (), "unsupported"),
        (
            "What happened?",
            "The bridge opened in 1932 and boats cost $2.5 million.",
            (0, 2),
            "supported",
        ),
    ],
)
def test_a_claim_is_tied_to_the_sentences_that_hold_its_words(
    index: SentenceIndex, question: str, claim: str, rows: tuple[int, ...], support: str
) -> None:
    found = index.align(claim, question, ALIKE)
    assert (found.rows, found.support) == (rows, support)


def test_meaning_decides_between_sentences_that_hold_the_same_words(index: SentenceIndex) -> None:
    assert index.align("May", "Which month?", ALIKE | {3: 0.9}).rows == (3,)
    assert index.align("May", "Which month?", ALIKE | {2: 0.9}).rows == (2,)


def test_only_sentences_that_may_be_cited_are(index: SentenceIndex) -> None:
    assert index.align("It opened in 1932.", "When did it open?", {1: 0.5, 2: 0.5}).rows == ()


def test_rarity_is_that_of_the_formula(index: SentenceIndex) -> None:
    # "may" stands in 2 of the 5 sentences: log(1 + (5 + 1) / (2 + 0.5)) = log(3.4)
    assert index.rarity("may") == pytest.approx(math.log(3.4))


def test_words_are_stems_without_function_words_and_numbers_are_written_one_way() -> None:
    found = content_words("Yes, the eight Boats cost 1,400 or $2.5 million; H2O.")
    assert found == {"8", "boat", "cost", "1400", "2.5", "million", "h2o"}
    assert numbers(found) == {"8", "1400", "2.5"}


@given(st.text(max_size=60), st.text(max_size=60))
def test_shares_are_shares_and_rows_are_rows(claim: str, question: str) -> None:
    index = SentenceIndex(SENTENCES)
    found = index.align(claim, question, ALIKE)
    assert 0.0 <= found.coverage <= 1.0 + 1e-9
    assert set(found.rows) <= set(found.nearest)
    assert set(found.rows) <= set(range(len(SENTENCES)))
    assert (found.support == "unsupported") == (found.rows == ())


@given(st.sampled_from(SENTENCES))
def test_a_sentence_of_the_article_is_supported_by_itself(sentence: str) -> None:
    index = SentenceIndex(SENTENCES)
    row = SENTENCES.index(sentence)
    assert index.align(sentence, "What does it say?", ALIKE | {row: 1.0}).rows == (row,)


def test_a_missing_number_is_never_supported() -> None:
    assert support_of(1.0, missing_number=True) == "unsupported"
    assert support_of(1.0, missing_number=False) == "supported"
    assert support_of(0.5, missing_number=False) == "partly"
    assert support_of(0.1, missing_number=False) == "unsupported"


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("How many boats does the Pentagon own?", ["Pentagon"]),
        ("Which boats were cancelled in 1999?", ["cancelled", "1999"]),
        ("Did Ms. Ada Byron King race the Sea Cat of Carl?", ["Ada Byron King", "Sea Cat", "Carl"]),
        ("Did Mr. or Mrs. Vane pay?", ["Vane"]),
        ("According to Vane, what happened exactly?", ["Vane"]),
        ("On what day was it?", []),
        ("", []),
    ],
)
def test_names_numbers_and_long_words_that_stand_nowhere_are_named(
    question: str, unknown: list[str]
) -> None:
    assert unknown_words(question, content_words(" ".join(SENTENCES))) == unknown


def test_what_stands_elsewhere_is_unknown_in_some_sentences() -> None:
    index = SentenceIndex(SENTENCES)
    question = "Did the mayor buy 37 boats in 1932?"
    assert unknown_words(question, index.words_of(range(len(SENTENCES)))) == []
    assert unknown_words(question, index.words_of((1, 2, 3))) == ["1932"]
    assert unknown_words(question, index.words_of((4, 5))) == ["37", "1932"]


@pytest.mark.parametrize(
    ("claim", "question", "carrying", "rival"),
    [
        ("It opened in 1932.", "When did the bridge open?", (0,), 5),
        ("The bridge opened in 1935.", "When did the bridge open?", (5,), 0),
        ("It bought 37 boats.", "How many boats did the town buy?", (2,), None),
        ("Yes.", "Did the bridge open in 1932?", (0,), None),
        ("In May.", "When will the mayor retire?", (3,), None),
    ],
)
def test_a_rival_speaks_of_the_same_and_says_something_else(
    claim: str, question: str, carrying: tuple[int, ...], rival: int | None
) -> None:
    index = SentenceIndex([*SENTENCES, "The bridge was opened by the king in 1935."])
    assert index.rival(claim, question, carrying, range(6)) == rival
