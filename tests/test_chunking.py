from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.articles.structure import blocks
from qa.articles.text import normalise
from qa.chunking import LONGEST_SENTENCE_CHARACTERS, chunk, sentences, split
from qa.records import Article, Chunk

# Words and marks that meet at the edges that matter: abbreviations, quotes, breaks, headings.
_PIECES = st.sampled_from(
    [
        *("Ms. ", "U.S. ", "e.g. ", "5.", "It fell. ", "“No!” ", "(It had to.) ", "ends.[2] "),
        *(
            "\n",
            "\n\n",
            " ",
            "# ",
            "---\n",
            "#tag",
            "a" * 700,
            "他来了。",
            "😀",
            "e\u0301",
            "\u00a0",
        ),
        *("word ", "Title", "- item\n", "| cell |", "\t", "?", ":1", "x" * 2100 + " y "),
    ]
)
_TEXTS = (st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=200)).map(
    lambda text: normalise(text).text
)


def said(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)]


def article(text: str, title: str = "Boats") -> Article:
    return Article.from_text(text, title=title, source="boats.txt")


@pytest.mark.parametrize(
    "parts",
    [
        ("He met Ms. Harris.", "She left."),
        ("Messrs. Smith and Jones met Mmes. Lee and Wu.", "They spoke."),
        ("He met Gen. Smith, Sen. Jones and Gov. Walz.", "They talked."),
        ("Lt. Dan met Col. Sanders, Sgt. Pepper and Capt. Kirk.", "Fine."),
        ("The Rev. Elie Prioleau went to Trinity-St. Paul's.", "He stayed."),
        ("He lives in the U.S. and works.", "She does not."),
        ("The U.S. Army met the U.N. Secretary General.", "They agreed."),
        ("At 5 a.m. he woke.", "At 6 p.m. he slept."),
        ("No. 5 is alive.", "See Vol. 3 and Eq. 4."),
        ("Antony J. Blinken read J. R. R. Tolkien.", "He liked it."),
        ("It costs $1.7 billion, or 3.5 percent.", "That is a lot."),
        ("“I am here,” he said.", "“Go.”"),
        ("They acted “by force or coercion.”", "The others met."),
        ("He asked, “Why?” and left.", "Nobody knew."),
        ("It grew.", "(It had to.)", "It fell."),
        ("Fruits, e.g. apples, i.e. good ones.", "Eat."),
        ("Roe v. Wade was decided.", "It ended."),
        ("It ended.[1]", "It began.[citation needed]", "It went on."),
        ("It was red.:12", "It was blue."),
        ("Version 2.0.1 is out.", "See https://example.org/a.b?c=d now."),
        ("El Niño llegó.", "Él dijo “sí”.", "¿Qué?"),
    ],
)
def test_sentences_end_where_a_reader_ends_them(parts: tuple[str, ...]) -> None:
    assert said(" ".join(parts)) == list(parts)


def test_sentences_leave_out_title_heading_and_tags() -> None:
    text = (
        "The Boats\n\nThe town keeps boats. It paints them.\n\n## Prices\n\n"
        "Each cost 900 crowns.\n#Boats"
    )
    assert said(text) == ["The town keeps boats.", "It paints them.", "Each cost 900 crowns."]


def test_sentences_go_on_across_a_wrapped_line_and_not_across_paragraphs() -> None:
    wrapped = (
        "The town of Northmere keeps thirty-seven boats in the harbour and\n"
        "paints them every spring before the ice has gone from the water.\n\n"
        "Nobody remembers when it began"
    )
    assert said(wrapped) == [wrapped[:130].strip(), "Nobody remembers when it began"]


def test_split_ends_a_sentence_at_a_line_break() -> None:
    text = "There are 37.\n- red ones\n\n  - blue ones. And Ms. Holm"
    assert [text[span.start : span.end] for span in split(text)] == [
        "There are 37.",
        "- red ones",
        "- blue ones.",
        "And Ms. Holm",
    ]
    assert split(" \n ") == []


def test_chunks_share_a_paragraph_out_evenly() -> None:
    sentence = "The town keeps many boats."  # 26 characters; four with spaces are 107
    text = " ".join([sentence] * 4)
    # 80 would hold three sentences (80); two and two are the same number of chunks.
    assert [piece.text for piece in chunk(article(text), max_characters=80)] == [
        f"{sentence} {sentence}",
        f"{sentence} {sentence}",
    ]


def test_short_paragraphs_share_a_chunk_and_long_ones_do_not() -> None:
    first, second, third = "One is red.", "Two is blue.", "Three is green. Four is white."
    text = f"{first}\n\n{second}\n\n{third}"
    # 11 + 2 + 12 = 25 characters fit in 30; with the third, 57 do not.
    assert [piece.text for piece in chunk(article(text), max_characters=30)] == [
        f"{first}\n\n{second}",
        third,
    ]


def test_chunks_carry_the_headings_they_stand_under() -> None:
    text = (
        "# Boats\n\nThere are 37.\n\n## Prices\n\nEach cost 900 crowns.\n\n"
        "## Paint\n\nThey are red."
    )
    assert chunk(article(text), max_characters=300) == [
        Chunk(article_id=article(text).id, start=9, end=22, text="There are 37.", heading="Boats"),
        Chunk(
            article_id=article(text).id,
            start=35,
            end=56,
            text="Each cost 900 crowns.",
            heading="Boats – Prices",
        ),
        Chunk(
            article_id=article(text).id,
            start=68,
            end=81,
            text="They are red.",
            heading="Boats – Paint",
        ),
    ]


def test_a_monstrous_sentence_is_cut_between_words() -> None:
    text = "boat " * 1000
    lengths = [len(piece.text) for piece in chunk(article(text), max_characters=300)]
    # 2,000 characters hold 400 words of 5; the space at the cut is in neither part.
    assert lengths == [1999, 1999, 999]


@given(text=_TEXTS)
def test_sentences_are_trimmed_ordered_and_cover_the_paragraphs(text: str) -> None:
    spans = sentences(text)
    covered: set[int] = set()
    for span in spans:
        words = text[span.start : span.end]
        assert words == words.strip()
        assert len(words) <= LONGEST_SENTENCE_CHARACTERS
        assert covered.isdisjoint(range(span.start, span.end))
        covered.update(range(span.start, span.end))
    assert spans == sorted(spans, key=lambda span: span.start)
    paragraphs = [block for block in blocks(text) if block.kind == "paragraph"]
    needed = {
        at for block in paragraphs for at in range(block.start, block.end) if not text[at].isspace()
    }
    assert needed <= covered


@given(text=_TEXTS, max_characters=st.integers(1, 1500))
def test_chunks_are_runs_of_whole_sentences_within_the_limit(
    text: str, max_characters: int
) -> None:
    chunks = chunk(article(text), max_characters=max_characters)
    found = sentences(text)
    inside = [
        [span for span in found if piece.start <= span.start and span.end <= piece.end]
        for piece in chunks
    ]
    assert [span for spans in inside for span in spans] == found
    for piece, spans in zip(chunks, inside, strict=True):
        assert text[piece.start : piece.end] == piece.text
        assert (piece.start, piece.end) == (spans[0].start, spans[-1].end)
        assert len(piece.text) <= max_characters or len(spans) == 1
