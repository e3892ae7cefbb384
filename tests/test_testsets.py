"""Test sets in four forms, and all that can be wrong with one, told at once."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.articles.text import normalise
from qa.errors import ExamplesError
from qa.evaluation import load_examples
from qa.evaluation.formats import Kind, read_rows
from qa.evaluation.rows import Problem, Row
from qa.evaluation.testsets import TAGS
from qa.records import Span, Turn

TEXT = "The Boats of Northmere\n\nThe town has 37 boats. Ada Holm is its mayor.\n"
BOATS = "The town has 37 boats."
TOP = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "boats.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def line(**changes: Any) -> dict[str, Any]:
    fields = {
        "id": "q1",
        "article": "boats.txt",
        "question": "How many boats?",
        "answers": ["37"],
        "evidence": [BOATS],
        "tags": ["number"],
    }
    return {name: value for name, value in (fields | changes).items() if value is not ...}


def written(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in lines) + "\n", encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    """Return what is said to be wrong with a file, line by line."""
    with pytest.raises(ExamplesError) as caught:
        load_examples(path)
    return [said.strip() for said in caught.value.message.strip().split("\n")[1:]]


def test_a_line_has_all_its_fields(folder: Path) -> None:
    turn = {"question": "What has it?", "answer": "Boats."}
    path = written(folder / "set.jsonl", line(history=[turn]))
    (one,) = load_examples(path)
    assert (one.id, one.question, one.answers, one.tags) == (
        "q1",
        "How many boats?",
        (("37",),),
        ("number",),
    )
    assert one.history == (Turn(question="What has it?", answer="Boats."),)
    assert one.evidence == (Span(start=24, end=46),)
    assert one.article.text[24:46] == BOATS
    assert one.article.title == "The Boats of Northmere"


def test_the_shipped_test_set_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)
    examples = load_examples("tests/testsets/us-japan.jsonl")
    assert len(examples) >= 80
    assert len({one.article.id for one in examples}) == 1
    assert all(one.evidence for one in examples if one.answerable)
    assert {tag for one in examples for tag in one.tags} <= TAGS


def test_an_article_is_opened_once_and_found_from_the_working_folder_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "sets").mkdir()
    path = written(folder / "sets" / "set.jsonl", line(), line(id="q2"))
    (folder / "sets" / "boats.txt").write_text(f"{TEXT}More.", encoding="utf-8")
    one, two = load_examples(path)
    assert one.article is two.article
    assert one.article.text.endswith("More.")
    monkeypatch.chdir(folder)
    assert load_examples(path)[0].article.text == TEXT


def test_an_article_may_be_carried(folder: Path) -> None:
    carried = line(article="Boats", article_text=TEXT.replace("\n", "\r\n"), evidence=[[24, 46]])
    (one,) = load_examples(written(folder / "set.jsonl", carried))
    assert (one.article.text, one.article.source) == (TEXT, "Boats")
    assert one.article.text[one.evidence[0].start : one.evidence[0].end] == BOATS
    (two,) = load_examples(written(folder / "set.jsonl", line(article=..., text=TEXT)))
    assert two.article.id == one.article.id


def test_groups_of_answers_stay_apart(folder: Path) -> None:
    path = written(folder / "set.jsonl", line(answers=[["37"], ["Ada", "Holm"]]))
    assert load_examples(path)[0].answers == (("37",), ("Ada", "Holm"))


def test_no_answers_mean_that_the_article_does_not_say(folder: Path) -> None:
    (one,) = load_examples(written(folder / "set.jsonl", line(answers=[], evidence=...)))
    assert not one.answerable


def test_every_problem_is_told_with_its_line(folder: Path) -> None:
    path = folder / "set.jsonl"
    good = json.dumps(line())
    lines = [
        good,
        "{not json",
        json.dumps(line(id="q3", question=..., colour="red")),
        json.dumps(line(id="q4", tags=["numbr"])),
        "",
        json.dumps(line(id="q6", evidence=["The town has 38 boats."])),
        json.dumps(line(id="q7", article="pier.txt")),
        good,
        json.dumps(line(id="q9", answers=["the", "?", "37"])),
        json.dumps(line(id="q10", evidence=[[5, 5], [0, 9999]])),
        json.dumps(line(id="q11", answers="37", article=...)),
        '["q12"]',
        json.dumps(line(id="q13", question="\ud800")),
        json.dumps(line(id="q14", answers=[["37"], []], evidence=[1])),
        json.dumps(line(id=15, tags="number")),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    tags = ", ".join(sorted(TAGS))
    pairs = "neither a list of quotes nor a list of pairs [start, end]"
    assert sorted(problems(path)) == sorted(
        [
            "line 2: not JSON, expecting property name enclosed in double quotes (column 2)",
            "line 3: 'question' is missing",
            "line 3: 'colour' is not a field",
            f"line 4: 'numbr' is not a tag ({tags})",
            "line 6: evidence 'The town has 38 boats.' is not in the article "
            f"{str(folder / 'boats.txt')!r}",
            "line 7: Cannot read 'pier.txt': No such file or directory.",
            "line 8: id 'q1' is that of line 1 too",
            "line 9: 'answers' has no words to look for in 'the', '?'",
            "line 10: evidence 5 to 5 is not in the 70 characters of "
            f"{str(folder / 'boats.txt')!r}",
            "line 10: evidence 0 to 9999 is not in the 70 characters of "
            f"{str(folder / 'boats.txt')!r}",
            "line 11: 'answers' is not a list",
            "line 11: 'article' is missing, and so is 'article_text'",
            "line 12: is not a JSON object",
            "line 13: holds half of a surrogate pair, which is not text",
            "line 14: 'answers' is neither a list of strings nor a list of lists of strings",
            f"line 14: 'evidence' is {pairs}",
            "line 15: 'id': input should be a valid string",
            "line 15: 'tags': input should be a valid list",
        ]
    )


def test_a_wrong_field_hides_nothing_else_of_its_line(folder: Path) -> None:
    wrong = {"extra": 1, "tags": ["numbr"], "evidence": ["38 boats"]}
    lines = [
        line(),
        line(**wrong),
        line(id=2, question=" ", **wrong),
        line(id="q3", article=7, answers="37", tags=["numbr"]),
        line(id="q4", article_text=7, evidence=["38 boats"]),  # whose name need be no path
        line(id="q4", article_text=TEXT, text=TEXT, answers=7, evidence=["38 boats"]),
        line(id="q6", article="pier.txt", tags="numbr", history=[{"question": "Who?"}]),
        line(id=...),  # line 3 has no id either, and that is not the same one
    ]
    tag = f"'numbr' is not a tag ({', '.join(sorted(TAGS))})"
    missing = f"evidence '38 boats' is not in the article {str(folder / 'boats.txt')!r}"
    assert problems(written(folder / "set.jsonl", *lines)) == [
        "line 2: 'extra' is not a field",
        "line 2: id 'q1' is that of line 1 too",
        f"line 2: {tag}",
        f"line 2: {missing}",
        "line 3: 'id': input should be a valid string",
        "line 3: 'question': string should have at least 1 character",
        "line 3: 'extra' is not a field",
        f"line 3: {tag}",
        f"line 3: {missing}",
        "line 4: 'article': input should be a valid string",
        "line 4: 'answers' is not a list",
        f"line 4: {tag}",
        "line 5: 'article_text': input should be a valid string",
        "line 6: 'answers' is not a list",
        "line 6: 'article_text' and 'text' are both there",
        "line 6: id 'q4' is that of line 5 too",
        "line 6: evidence '38 boats' is not in the article 'boats.txt'",
        "line 7: 'history.0.answer' is missing",
        "line 7: 'tags': input should be a valid list",
        "line 7: Cannot read 'pier.txt': No such file or directory.",
        "line 8: 'id' is missing",
    ]


def test_answerable_has_to_agree_with_the_answers(folder: Path) -> None:
    good = [line(answerable=True), line(id="q2", answers=[], evidence=..., answerable=False)]
    one, two = load_examples(written(folder / "set.jsonl", *good))
    assert (one.answerable, two.answerable) == (True, False)
    wrong = [
        line(answerable=False),
        line(id="q2", answers=[], answerable=True),
        line(id="q3", answers="37", answerable=True),  # nobody knows whether there are some
        line(id="q4", answerable="yes"),
    ]
    assert problems(written(folder / "set.jsonl", *wrong)) == [
        "line 1: 'answerable' is false, but 'answers' has some",
        "line 2: 'answerable' is true, but 'answers' has none",
        "line 3: 'answers' is not a list",
        "line 4: 'answerable': input should be a valid boolean",
    ]


def test_a_json_file_may_hold_lines_or_a_list_of_our_own_fields(folder: Path) -> None:
    path = written(folder / "set.json", line(), line(id="q2"))
    assert [one.id for one in load_examples(path)] == ["q1", "q2"]
    assert [one.id for one in load_examples(written(path, line()))] == ["q1"]
    path.write_text(json.dumps([line(), line(id="q2")], indent=2), encoding="utf-8")
    assert [one.id for one in load_examples(path)] == ["q1", "q2"]
    assert problems(written(path, [line(), line(tags=["numbr"], colour="red"), 7])) == [
        "row 2: 'colour' is not a field",
        "row 2: id 'q1' is that of row 1 too",
        f"row 2: 'numbr' is not a tag ({', '.join(sorted(TAGS))})",
        "row 3: is not a JSON object",
    ]


def test_what_is_neither_squad_nor_lines_is_told_what_to_do(folder: Path) -> None:
    path = folder / "set.json"
    path.write_text(json.dumps(line(), indent=2), encoding="utf-8")
    assert problems(path) == [
        "the file: has no 'data', the articles of SQuAD 2.0; if it is a question of the project's "
        "own form, put it on one line, or into a list"
    ]


def test_a_form_is_seen_whatever_the_suffix(folder: Path) -> None:
    for suffix in ("jsonl", "txt", "csv"):
        path = written(folder / f"set.{suffix}", squad(BOATS, qas=[question(("37", 13))]))
        assert load_examples(path)[0].id == "s1"
        assert load_examples(written(path, line(), line(id="q2")))[1].id == "q2"


def test_a_first_line_that_is_a_list_hides_no_later_one(folder: Path) -> None:
    path = written(folder / "set.jsonl", ["q1"], line(tags=["numbr"]))
    assert problems(path) == [
        "line 1: is not a JSON object",
        f"line 2: 'numbr' is not a tag ({', '.join(sorted(TAGS))})",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file: has no questions"),
        (b"\n \n", "the file: has no questions"),
        (b"{}\xff\n", "the file: byte 2 is not UTF-8 text"),
        (b"[" * 100_000, "the file: not JSON that can be read"),
        (b"[]", "the file: has no questions"),
    ],
)
def test_a_file_that_is_none_at_all(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "set.jsonl").write_bytes(content)
    assert problems(tmp_path / "set.jsonl") == [said]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExamplesError, match="cannot be read: No such file or directory"):
        load_examples(tmp_path / "set.jsonl")


def test_a_folder_of_several_articles_is_not_one(folder: Path) -> None:
    (folder / "more.txt").write_text("More.", encoding="utf-8")
    path = written(folder / "set.jsonl", line(article=str(folder)))
    assert problems(path) == [f"line 1: {str(folder)!r} is a folder of 2 articles, not one."]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(list(line())), inner, max_size=6)
        ),
        max_leaves=12,
    ),
    st.sampled_from(Kind),
)
def test_whatever_the_values_there_are_only_rows_and_problems(value: object, kind: Kind) -> None:
    found = list(read_rows(json.dumps(value), kind, name="set"))
    assert all(isinstance(one, Row | Problem) for one in found)


# SQuAD 2.0


def squad(*contexts: str, qas: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a file of one article; all questions are those of its last paragraph."""
    paragraphs: list[dict[str, Any]] = [{"context": one, "qas": []} for one in contexts]
    paragraphs[-1]["qas"] = qas
    return {"version": "v2.0", "data": [{"title": "The_Town", "paragraphs": paragraphs}]}


def question(*golds: tuple[str, int], id: str = "s1", **more: Any) -> dict[str, Any]:  # noqa: A002
    answers = [{"text": text, "answer_start": start} for text, start in golds]
    return {"id": id, "question": "Which?", "answers": answers, "is_impossible": not golds} | more


def test_squad_paragraphs_are_one_article_and_offsets_move(tmp_path: Path) -> None:
    qas = [question(("37 boats", 13), ("37", 13), ("37", 13)), question(id="s2")]
    path = written(tmp_path / "set.json", squad("First one.", BOATS, qas=qas))
    one, two = load_examples(path)
    assert (one.article.text, one.article.title) == (f"First one.\n\n{BOATS}", "The Town")
    assert one.answers == (("37 boats", "37"),)
    assert one.evidence == (Span(start=25, end=33),)
    assert one.article.text[25:33] == "37 boats"
    assert (two.answers, two.evidence, two.article is one.article) == ((), (), True)


def test_squad_evidence_is_the_place_most_annotators_chose(tmp_path: Path) -> None:
    context = "Holm came. Holm left."
    qas = [question(("Holm", 0), ("Holm", 11), ("Holm left", 11))]
    (one,) = load_examples(written(tmp_path / "set.json", squad(context, qas=qas)))
    assert one.evidence == (Span(start=11, end=20),)


def test_squad_plausible_answers_of_an_impossible_question_are_no_gold(tmp_path: Path) -> None:
    qas = [question(is_impossible=True, plausible_answers=[{"text": "37", "answer_start": 13}])]
    (one,) = load_examples(written(tmp_path / "set.json", squad(BOATS, qas=qas)))
    assert not one.answerable


@given(
    st.text(alphabet="ab \u0301\u200be\u1100\u1161\r\n", max_size=12),
    st.text(alphabet="ab \u0301\u200b\r\n", max_size=12),
)
def test_squad_offsets_survive_the_normalising_of_the_article(before: str, after: str) -> None:
    context = f"{before}, 37 boats, {after}"
    value = squad("Première\r\n", context, qas=[question(("37 boats", len(before) + 2))])
    (row,) = read_rows(json.dumps(value), Kind.SQUAD, name="set")
    assert isinstance(row, Row)
    ((start, end),) = row.ranges
    assert (row.text or "")[start:end] == "37 boats"
    assert normalise(row.text or "").text == row.text


def test_squad_problems_have_their_place(tmp_path: Path) -> None:
    qas = [question(("38", 13)), question(("the", 0), id="s2"), question(id="s3")]
    qas += [question(id="s3")]
    path = written(tmp_path / "set.json", squad("One.", f"the {BOATS}", qas=qas))
    place = "data[0].paragraphs[1]"
    assert problems(path) == [
        f"{place}.qas[0]: '38' of 's1' does not stand at 13",
        f"{place}.qas[1]: 's2' has no answer with words",
        f"{place}.qas[3]: id 's3' is that of {place}.qas[2] too",
    ]


def test_a_wrong_part_of_a_squad_file_hides_no_other(tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [
        {"id": 1, "answers": []},
        question(("38", 13)),
        question(id="s2", answers=[{"text": "37"}, 7, {"text": "37", "answer_start": -2}]),
        question(id="s2", is_impossible="no"),
    ]
    value = squad("One.", BOATS, qas=wrong)
    value["data"][0]["paragraphs"][0] = {"context": "", "qas": [question(("x", 0), id="s2")]}
    value["data"] += [{"paragraphs": [{"context": BOATS, "qas": [question(("no", 0), id="s1")]}]}]
    value["data"] += [{"title": "T", "paragraphs": []}, 7]
    value["data"] += [{"title": "T", "paragraphs": [{"qas": [question(("x", 0), id="s6")]}]}]
    place = "data[0].paragraphs[1]"
    assert problems(written(tmp_path / "set.json", value)) == [
        "data[0].paragraphs[0]: 'context': string should have at least 1 character",
        f"{place}.qas[0]: 'question' is missing",
        f"{place}.qas[0]: 'id': input should be a valid string",
        f"{place}.qas[1]: '38' of 's1' does not stand at 13",
        f"{place}.qas[2].answers[0]: 'answer_start' is missing",
        f"{place}.qas[2].answers[1]: is not a JSON object",
        f"{place}.qas[2].answers[2]: 'answer_start': input should be greater than or equal to -1",
        f"{place}.qas[2]: id 's2' is that of data[0].paragraphs[0].qas[0] too",
        f"{place}.qas[3]: 'is_impossible': input should be a valid boolean",
        f"{place}.qas[3]: id 's2' is that of data[0].paragraphs[0].qas[0] too",
        "data[1]: 'title' is missing",
        "data[1].paragraphs[0].qas[0]: 'no' of 's1' does not stand at 0",
        f"data[1].paragraphs[0].qas[0]: id 's1' is that of {place}.qas[1] too",
        "data[2]: 'paragraphs': list should have at least 1 item after validation, not 0",
        "data[3]: is not a JSON object",
        "data[4].paragraphs[0]: 'context' is missing",
    ]


def test_a_squad_answer_may_stand_nowhere(tmp_path: Path) -> None:
    qas = [question(("thirty-seven", -1), ("37", 13)), question(("many", -1), id="s2")]
    one, two = load_examples(written(tmp_path / "set.json", squad(BOATS, qas=qas)))
    assert (one.answers, one.evidence) == ((("thirty-seven", "37"),), (Span(start=13, end=15),))
    assert (two.answers, two.evidence) == ((("many",),), ())


# CSV


def test_csv_cells_hold_alternatives_groups_and_history(folder: Path) -> None:
    history = json.dumps([{"question": "What has it?", "answer": "Boats."}])
    rows = [
        ["id", "article", "question", "answers", "evidence", "tags", "history"],
        ["c1", "boats.txt", "How many\nboats?", "37 | thirty-seven", BOATS, "number", ""],
        ["c2", "boats.txt", "And who?", "37 && Ada|Holm", "", "list followup", history],
        ["c3", "boats.txt", "Who is king?", "", "", "", ""],
    ]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    path = folder / "set.csv"
    path.write_text(out.getvalue(), encoding="utf-8-sig", newline="")
    one, two, three = load_examples(path)
    assert (one.question, one.answers) == ("How many\nboats?", (("37", "thirty-seven"),))
    assert one.evidence == (Span(start=24, end=46),)
    assert (two.answers, two.tags) == ((("37",), ("Ada", "Holm")), ("list", "followup"))
    assert two.history == (Turn(question="What has it?", answer="Boats."),)
    assert not three.answerable


def test_csv_problems_have_the_line_their_record_begins_on(folder: Path) -> None:
    path = folder / "set.csv"
    path.write_text(
        'id,article,question,answers,history\nc1,boats.txt,"How\nmany?",37,\n'
        "c2,boats.txt,How?,37,{\nc3,boats.txt,How?\nc4,boats.txt,,37,\nc5,b\n"
    )
    assert problems(path) == [
        "line 4: not JSON, expecting property name enclosed in double quotes (column 2)",
        "line 5: has 3 cells where 5 columns are named",
        "line 6: 'question' is missing",
        "line 7: has 2 cells where 5 columns are named",
    ]


def test_a_wrong_cell_hides_nothing_else_of_its_record(folder: Path) -> None:
    path = folder / "set.csv"
    path.write_text(
        "id,article,question,answers,history,tags,answerable\n"
        "c1,boats.txt,How?,37,{,numbr,TRUE\nc1,boats.txt,How?,,,,true\nc3,boats.txt,How?,,,,no\n"
    )
    assert problems(path) == [
        "line 2: not JSON, expecting property name enclosed in double quotes (column 2)",
        f"line 2: 'numbr' is not a tag ({', '.join(sorted(TAGS))})",
        "line 3: 'answerable' is true, but 'answers' has none",
        "line 3: id 'c1' is that of line 2 too",
        "line 4: 'answerable': input should be a valid boolean",
    ]


def test_csv_is_read_on_behind_a_record_that_cannot_be(folder: Path) -> None:
    path = folder / "set.csv"
    wrong = "line {}: not CSV, ',' expected after '\"'"
    path.write_text(
        'id,article,question,answers\nc1,boats.txt,"How"?,37\nc2,boats.txt,"And"?,37\n'
        'c3,boats.txt,,37\nc4,boats.txt,"How\nmany"?,37\nc6,b\nc7,pier.txt,Who?,37\nc8,b\n'
    )
    assert problems(path) == [
        wrong.format(2),
        wrong.format(3),
        "line 4: 'question' is missing",
        wrong.format(5),
        # Lines 6 and 7 may be the rest of what could not be read.
        "line 8: Cannot read 'pier.txt': No such file or directory.",
        "line 9: has 2 cells where 4 columns are named",
    ]
    path.write_text('id,article,question,answers\nc1,boats.txt,"How?,37\nc2,boats.txt,,37\n')
    assert problems(path) == [
        "line 2: not CSV, unexpected end of data",
        "line 3: 'question' is missing",
    ]
    path.write_text('id,"article"?,question,answers\nc1,boats.txt,,37\n')
    assert problems(path) == [wrong.format(1)]


@pytest.mark.parametrize(("suffix", "mark"), [("csv", ";"), ("tsv", "\t"), ("csv", "\t")])
def test_csv_may_be_parted_by_other_marks(folder: Path, suffix: str, mark: str) -> None:
    cells = [
        ["id", "article", "question", "answers"],
        ["c1", "boats.txt", "Boats, how many?", "37"],
    ]
    path = folder / f"set.{suffix}"
    path.write_text("\n".join(mark.join(row) for row in cells), encoding="utf-8")
    (one,) = load_examples(path)
    assert (one.question, one.answers) == ("Boats, how many?", (("37",),))


def test_csv_columns_are_checked_once(folder: Path) -> None:
    path = folder / "set.csv"
    row = "c{},boats.txt,How?,37,red,37\n"
    path.write_text(f"id, article,question,answers,colour,answers\n{row.format(1)}{row.format(2)}")
    assert problems(path) == [
        "line 1: the column 'colour' is not a field",
        "line 1: the column 'answers' is there twice",
    ]
    path.write_text("c1,boats.txt,How?,37\n")
    (said,) = problems(path)
    assert said.startswith("line 1: names no column that is a field; the first line has to, and")
    path.write_text("user_input,retrieved_contexts,reference\nHow?,\"['It has 37.']\",37\n")
    (said,) = problems(path)
    assert said.startswith("line 1: seems to be RAGAS as CSV")
    assert said.endswith("save it with to_jsonl() and give that file")


# RAGAS


def test_ragas_samples_are_read_from_lines_and_lists(folder: Path) -> None:
    sample = {
        "user_input": "How many boats?",
        "retrieved_contexts": None,
        "reference_contexts": ["Ada Holm is mayor.", BOATS],
        "response": "37",
        "reference": "It has 37 boats.",
        "rubrics": {},
    }
    unsaid = {"user_input": "Who is king?", "retrieved_contexts": [BOATS], "reference": ""}
    named = {"id": "r3", "article": "boats.txt", "user_input": "How many?", "reference": "37"}
    lines = load_examples(written(folder / "set.jsonl", sample, unsaid, named))
    listed = load_examples(written(folder / "set.json", [sample, unsaid, named]))
    assert [one.id for one in lines] == ["line 1", "line 2", "r3"]
    assert [one.id for one in listed] == ["row 1", "row 2", "r3"]
    assert lines[0].article.text == f"Ada Holm is mayor.\n\n{BOATS}"
    assert lines[0].answers == (("It has 37 boats.",),)
    assert lines[0].evidence == (Span(start=0, end=18), Span(start=20, end=42))
    assert not lines[1].answerable
    assert lines[2].article.text == TEXT


def test_ragas_problems_have_their_row(folder: Path) -> None:
    samples: list[object] = [
        {"id": "r1", "user_input": "Who?"},
        7,
        {"reference": "?!", "reference_contexts": "One."},
        {"id": "r1", "user_input": "Who?", "reference": "", "article": "pier.txt"},
        {"id": 5, "user_input": "Who?", "reference": "", "retrieved_contexts": ["One."]},
    ]
    assert problems(written(folder / "set.json", samples)) == [
        "row 1: 'reference' is missing",
        "row 1: there are no contexts, and no 'article'",
        "row 2: is not a JSON object",
        "row 3: 'user_input' is missing",
        "row 3: 'reference' has no words to look for in '?!'",
        "row 3: 'reference_contexts': input should be a valid list",
        "row 4: id 'r1' is that of row 1 too",
        "row 4: Cannot read 'pier.txt': No such file or directory.",
        "row 5: 'id': input should be a valid string",
    ]


def test_the_form_can_be_named(folder: Path) -> None:
    path = written(folder / "set.txt", squad(BOATS, qas=[question(("37", 13))]))
    assert load_examples(path, kind="squad")[0].id == "s1"
