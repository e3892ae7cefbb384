from __future__ import annotations

import codecs
import logging
import os
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.articles.loading import LARGEST_FILE_BYTES, load_article, load_articles
from qa.articles.structure import blocks, title_of
from qa.articles.text import decode, normalise
from qa.errors import ArticleError

SENTENCE = "The town of Northmere keeps thirty-seven boats in its old harbour."
INVISIBLE = "\u200b\u200c\u200d\u200e\u00ad\ufeff\u202e\u2060\x00\x1b\x7f\U000e0041"


def kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end]) for block in blocks(text)]


@pytest.mark.parametrize(
    "data",
    [
        "Crème “brûlée”".encode(),
        codecs.BOM_UTF8 + "Crème “brûlée”".encode(),
        codecs.BOM_UTF16_LE + "Crème “brûlée”".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "Crème “brûlée”".encode("utf-16-be"),
    ],
)
def test_decode_reads_the_encodings_it_knows(data: bytes) -> None:
    assert decode(data, source="a.txt") == "Crème “brûlée”"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Crème".encode("cp1252"), "'a.txt' is not UTF-8 text: byte 2 does not belong there"),
        (codecs.BOM_UTF8 + b"ab\xff", "'a.txt' is not UTF-8 text: byte 5 does not belong there"),
        (codecs.BOM_UTF16_LE + b"a", "'a.txt' is not UTF-16 text: byte 2 does not belong there"),
        ("Привет".encode("cp1251"), "'a.txt' is not UTF-8 text: byte 0 does not belong there"),
        (b"ab\x00c", "'a.txt' is not a text file: byte 2 is zero"),
        ("ab".encode("utf-16-le"), "'a.txt' is not a text file: byte 1 is zero"),
        (b"%PDF-1.7 all in ASCII", "'a.txt' is not a text file: it is a PDF document"),
        (b"PK\x03\x04rest", "it is a zip archive or an Office document"),
        ("ab".encode("utf-32"), "it is text in UTF-32"),
        (b"\x01\x02\x03 abc", "3 of its 7 characters are control characters"),
    ],
)
def test_decode_refuses_what_is_not_text(data: bytes, message: str) -> None:
    with pytest.raises(ArticleError) as caught:
        decode(data, source="a.txt")
    assert message in caught.value.message
    assert caught.value.remedy.startswith("Save it as")


@given(data=st.binary(max_size=200))
def test_decode_gives_text_or_its_own_error(data: bytes) -> None:
    try:
        text = decode(data, source="a.txt")
    except ArticleError:
        return
    assert text.encode() in (data, data.removeprefix(codecs.BOM_UTF8)) or data[:1] in b"\xff\xfe"


def test_normalise_keeps_what_a_reader_sees() -> None:
    found = normalise("a\r\nb\rc\x0bd\u2028e\tf\u00a0g cafe\u0301 so\u00adft zero\u200bwidth")
    assert (found.text, found.removed) == ("a\nb\nc\nd\ne\tf\u00a0g café soft zerowidth", 2)


def test_normalise_keeps_joiners_that_shape_words_and_emoji() -> None:
    family, persian = "👩\u200d👧", "می\u200cخواهم"
    assert normalise(f"{family} {persian}").text == f"{family} {persian}"
    # Between ASCII letters, or in a row as hidden data, they are nothing to see.
    assert normalise("pass\u200dword é\u200c\u200d\u200cé").text == "password éé"


@given(text=st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(INVISIBLE + "\r\né"))))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text)
    twice = normalise(once.text)
    assert (twice.text, twice.removed) == (once.text, 0)
    assert unicodedata.is_normalized("NFC", once.text)
    assert not set("\r\v\f\u200b\ufeff\x00") & set(once.text)


def test_an_article_has_its_text_its_title_and_its_source(tmp_path: Path) -> None:
    path = tmp_path / "boats.txt"
    path.write_bytes(f"The Boats\r\n\r\n{SENTENCE}\r\n".encode())
    article = load_article(path)
    assert article.text == f"The Boats\n\n{SENTENCE}\n"
    assert (article.title, article.source) == ("The Boats", str(path))


def test_the_same_text_in_another_encoding_is_the_same_article(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(f"{SENTENCE}\n".encode())
    (tmp_path / "b.txt").write_bytes(f"{SENTENCE}\r\n".encode("utf-16"))
    assert load_article(tmp_path / "a.txt").id == load_article(tmp_path / "b.txt").id


def test_removed_characters_are_counted_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.txt").write_text("Hid\u200bden \u202etext.")
    with caplog.at_level(logging.INFO):
        load_article(tmp_path / "a.txt")
    assert "2 invisible characters removed" in caplog.text


def test_a_folder_is_its_articles_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("b.md", "a.TXT", "README.md", "readme.txt", ".hidden.txt", "c.csv"):
        (tmp_path / name).write_text(f"{name} is here.")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "z.txt").write_text("a.TXT is here.")
    with caplog.at_level(logging.INFO):
        articles = load_articles(tmp_path)
    assert [Path(article.source).name for article in articles] == ["a.TXT", "b.md"]
    assert f"{str(tmp_path / 'z.txt')!r} left out: same text as" in caplog.text
    assert f"{str(tmp_path / 'c.csv')!r} left out: not a .txt or .md file" in caplog.text


def test_files_and_folders_come_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("folder/a.txt", "folder/b.txt", "c.txt"):
        (tmp_path / name).write_text(f"{name} is here.")
    found = load_articles([tmp_path / "c.txt", str(tmp_path / "folder"), tmp_path / "c.txt"])
    assert [article.text[:1] for article in found] == ["c", "f", "f"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.txt", "No such file or directory"),
        ("empty.txt", "is empty"),
        ("blank.txt", "is empty"),
        ("invisible.txt", "is empty"),
        ("pipe.txt", "is not a regular file"),
        ("nothing", "has no articles"),
        ("report.pdf", ".pdf files are not supported yet"),
        ("page.HTML", ".html files are not supported yet"),
        ("https://example.org/a.txt", "Addresses are not supported yet"),
        ("a\x00b.txt", "null byte"),
        ("n" * 300, "File name too long"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").touch()
    Path("blank.txt").write_text(" \n\t\r\n")
    Path("invisible.txt").write_text("\u200b\u200b ")
    Path("report.pdf").write_text("text")
    Path("nothing").mkdir()
    os.mkfifo("pipe.txt")
    with pytest.raises(ArticleError) as caught:
        load_articles(name)
    assert message in caught.value.message
    assert repr(name) in caught.value.message
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_a_device_is_not_a_regular_file() -> None:
    with pytest.raises(ArticleError, match="is not a regular file"):
        load_article("/dev/zero")


def test_a_folder_is_not_one_article(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match="Is a directory"):
        load_article(tmp_path)


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(LARGEST_FILE_BYTES + 1)  # sparse: takes no room on the disk
    with pytest.raises(ArticleError, match="is larger than 20 MB"):
        load_article(tmp_path / "large.txt")


def test_no_article_named_is_an_error() -> None:
    with pytest.raises(ArticleError, match="No article is named"):
        load_articles([])


def test_a_news_text_has_a_title_paragraphs_and_tags() -> None:
    text = f"Boats of Northmere\n{SENTENCE}\n{SENTENCE}\n#boats #northmere# \n"
    assert kinds(text.replace("# \n", "\n")) == [
        ("title", "Boats of Northmere"),
        ("paragraph", SENTENCE),
        ("paragraph", SENTENCE),
        ("tags", "#boats #northmere"),
    ]


def test_short_lines_above_longer_paragraphs_are_headings() -> None:
    text = f"The Boats\n\n{SENTENCE}\n\nThe price\n\n{SENTENCE}\n\nPaint\n{SENTENCE}"
    assert [kind for kind, _ in kinds(text)] == [
        *("title", "paragraph", "heading", "paragraph", "heading", "paragraph")
    ]


def test_markdown_headings_are_known_and_their_marks_left_out() -> None:
    text = f"# Boats #\n\n{SENTENCE}\n\nPrices\n------\n\n900.\n\n### Paint ###\n\nRed.\n\n***\n"
    assert kinds(text) == [
        ("title", "Boats"),
        ("paragraph", SENTENCE),
        ("heading", "Prices"),
        ("paragraph", "900."),
        ("heading", "Paint"),
        ("paragraph", "Red."),
    ]


@pytest.mark.parametrize(
    "lines",
    [
        ["Shall I compare thee", "To a boat in May", "So red and so new", "And so far away"],
        ["- red boats", "- blue boats", f"- {SENTENCE}"],
        ["1. Red", "2. Blue", f"3. {SENTENCE}"],
        ["| boat | price |", "| red | 900 |", SENTENCE],
        ["By Ada Holm", SENTENCE],
        ["and so it went on", SENTENCE],
        ["Dear reader,", SENTENCE],
        ["It fell.", SENTENCE],
    ],
)
def test_verse_lists_tables_and_bylines_are_no_headings(lines: list[str]) -> None:
    text = "\n".join(["The Boats", "", SENTENCE, "", *lines])
    assert [kind for kind, _ in kinds(text)] == ["title", *["paragraph"] * (len(lines) + 1)]


@pytest.mark.parametrize(
    "text",
    [SENTENCE, f"{SENTENCE}\n{SENTENCE}", "Only a title", "#only #tags", "A\n\nB", "a b " * 9],
)
def test_a_text_always_has_a_paragraph(text: str) -> None:
    assert "paragraph" in [kind for kind, _ in kinds(text)]


def test_lines_that_an_editor_wrapped_are_one_paragraph() -> None:
    wrapped = (
        "The town of Northmere keeps thirty-seven boats in the harbour and\n"
        "paints them every spring before the ice has gone from the water.\n"
        "Nobody remembers when it began."
    )
    assert kinds(f"Boats\n\n{wrapped}\n\n{wrapped}") == [
        ("title", "Boats"),
        ("paragraph", wrapped),
        ("paragraph", wrapped),
    ]


def test_the_title_is_the_first_line_or_the_name_of_the_file() -> None:
    assert title_of(f"Who keeps the boats?\n\n{SENTENCE}", "x/boats.txt") == "Who keeps the boats?"
    assert title_of(f"{SENTENCE}\n\n{SENTENCE}", "x/boats.txt") == "boats"


@given(text=st.text(st.sampled_from("aB .#\n-=|1?“”é😀\t")))
def test_blocks_are_ordered_trimmed_and_hold_every_word(text: str) -> None:
    parts = blocks(text)
    for before, after in pairwise(parts):
        assert before.end <= after.start
    for part in parts:
        words = text[part.start : part.end]
        assert words
        assert words == words.strip()
    inside = {at for part in parts for at in range(part.start, part.end)}
    assert {at for at, character in enumerate(text) if character.isalnum()} <= inside
    assert bool(parts) <= ("paragraph" in {part.kind for part in parts})
