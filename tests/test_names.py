"""What a model lists is cut from the text, and each person or thing is listed once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.names import MOST_REPEATS, Name, distinct, goes_round, names_in

SENTENCES = [
    (3, "Donald J. Trump met Ada Holm in the United States."),
    (4, "Mr. Trump left Ireland for\nNorthern Ireland."),
    (7, "Let us go, said President Holm’s aide, to South Korea; the US agreed."),
]


def texts(said: str) -> list[str]:
    return [name.text for name in names_in(said, SENTENCES)]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Ada Holm\nDonald J. Trump", ["Ada Holm", "Donald J. Trump"]),
        ("1. Ada Holm\n2) South Korea", ["Ada Holm", "South Korea"]),
        ("- Ireland\n* **Ireland**", ["Ireland", "Ireland"]),
        ("Donald Trump\nBarack Obama", ["Donald J. Trump"]),
        ("ada holm (a mayor)\nIreland, a country", ["Ada Holm", "Ireland"]),
        ("Ireland - green\nSouth Korea: far", ["Ireland", "South Korea"]),
        ("South Korea, Ireland and Ada Holm.", ["South Korea", "Ireland", "Ada Holm"]),
        ("The people named are Ada Holm and Donald Trump.", ["Ada Holm", "Donald J. Trump"]),
        ("President Holm's\nUS", ["President Holm", "US"]),
        ("Mayor Ada Holm\nPrime Minister Per Lund", ["Ada Holm"]),
        ("Bank of South Korea\nPrince of Northern Ireland", []),
        ("northern ireland", ["Northern Ireland"]),
        ("None", []),
        ("None.\nN/A\n\n-", []),
        ("", []),
        ("Donald J. Trump met Ada Holm in the United States", []),
        ("Hol\nreland", []),
    ],
)  # fmt: skip
def test_what_is_named_stands_in_the_text(said: str, named: list[str]) -> None:
    assert texts(said) == named


def test_a_name_is_where_it_first_stands() -> None:
    assert names_in("Holm\nIreland", SENTENCES) == [
        Name(text="Holm", row=3, start=24),
        Name(text="Ireland", row=4, start=15),
    ]


def name(text: str, start: int) -> Name:
    return Name(text=text, row=0, start=start)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (["Donald Trump", "Trump"], ["Donald Trump"]),
        (["Mr. Trump", "Donald Trump"], ["Donald Trump"]),
        (["President Biden", "Mr. Biden"], ["President Biden"]),
        (["the Philippines", "Philippines", "philippines"], ["the Philippines"]),
        (["Lloyd J. Austin III", "Mr. Austin"], ["Lloyd J. Austin III"]),
        (["Ireland", "Northern Ireland"], ["Ireland", "Northern Ireland"]),
        (["Ada Holm", "Per Holm"], ["Ada Holm", "Per Holm"]),
        (["Mr. Holm", "Ms. Holm"], ["Mr. Holm"]),
    ],
)
def test_a_repeat_is_dropped(found: list[str], kept: list[str]) -> None:
    places = [name(text, 100 * place) for place, text in enumerate(found)]
    assert [one.text for one in distinct(reversed(places))] == kept


WORDS = st.sampled_from(["Ada", "Holm", "Mr.", "the", "Trump", "J.", "Ireland"])
NAMES = st.builds(
    lambda words, row, start: Name(text=" ".join(words), row=row, start=start),
    st.lists(WORDS, min_size=1, max_size=4),
    st.integers(0, 3),
    st.integers(0, 40),
)


@given(st.lists(NAMES, max_size=12))
def test_dropping_repeats_keeps_some_and_once_is_enough(names: list[Name]) -> None:
    kept = distinct(names)
    assert set(kept) <= set(names)
    assert bool(kept) == bool(names)
    assert distinct(kept) == kept


@given(st.text(max_size=300))
def test_whatever_a_model_writes_only_words_of_the_text_are_named(said: str) -> None:
    there = {row: " ".join(text.split()) for row, text in SENTENCES}
    assert all(name.text in there[name.row] for name in names_in(said, SENTENCES))


def test_a_list_that_goes_round_is_seen() -> None:
    assert not goes_round("Ada\nPer\nAda\n")
    assert goes_round("Ada\nPer\n" + "Ada\n" * MOST_REPEATS)
