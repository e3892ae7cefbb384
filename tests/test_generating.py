"""Drafts of test sets, with models that say what they were told to."""

from __future__ import annotations

import dataclasses
import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.chat import ScriptedChatModel
from fakes.embedder import WordEmbeddings
from fakes.quiz import QuizChatModel
from qa.cli import generating as command
from qa.cli.main import main, parser
from qa.errors import ExamplesError
from qa.evaluation import Example, load_examples
from qa.evaluation.answering import answer_from
from qa.evaluation.checking import Checker
from qa.evaluation.drafting import Drafter, parsed, standing
from qa.evaluation.example_json import example_to_json
from qa.evaluation.generating import drafts
from qa.evaluation.replies import first_line
from qa.evaluation.swapping import Kind, Thing, swaps, things_of
from qa.evaluation.testsets import TAGS
from qa.evaluation.unanswerable import without
from qa.records import Article, Span, Turn

BOATS = "In 1998 the town of Northmere bought 37 boats from Ada Holm."
PIER = "The new pier in Southmere is ninety metres long and made of oak."
WHY = "Ada Holm left the council of Northmere because she was tired."
SHORT = "It rained."
TEXT = f"The Boats of Northmere\n\n{BOATS} {SHORT}\n\n{PIER} {WHY}"
ARTICLE = Article.from_text(TEXT, title="The Boats of Northmere", source="boats.txt")

MILL = "The mill of Eastmere grinds forty sacks of rye every week."
OTHER = Article.from_text(f"{MILL} {SHORT}", title="The Mill", source="mill.txt")

HOW_MANY = "How many boats did Northmere buy?"
LINES = {
    BOATS: f"{HOW_MANY} | 37",
    PIER: "What is the pier in Southmere made of? | oak",
    WHY: "Why did Ada Holm leave the council? | she was tired",
    MILL: "How many sacks does the mill of Eastmere grind? | forty",
}


def found_by(model: ScriptedChatModel, **options: object) -> list[Example]:
    return list(drafts(ARTICLE, model, WordEmbeddings(), **options))  # type: ignore[arg-type]


def words_of(example: Example) -> list[str]:
    return [example.article.text[span.start : span.end] for span in example.evidence]


def random() -> np.random.Generator:
    return np.random.default_rng(0)


# One line out of a model


def test_a_reply_ends_with_its_first_line() -> None:
    model = ScriptedChatModel(replies=["\n One  line.\nAnd more of it than anyone needs."])
    assert first_line(model, [], tokens=50) == "One  line."
    assert model.closed_after == [4]  # with the word in which the line breaks


def test_a_model_that_says_nothing_has_an_empty_line() -> None:
    assert first_line(ScriptedChatModel(replies=[""]), [], tokens=50) == ""


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("37", "37"),
        ("The text does not say.", ""),
        ("It isn't mentioned in the text.", ""),
        ("This is not explicitly stated.", ""),
        ("It does not rain there.", "It does not rain there."),
    ],
)
def test_an_answer_that_declines_is_none(reply: str, answer: str) -> None:
    assert answer_from(ScriptedChatModel(replies=[reply]), "Title", "Text", "Who?") == answer


# Drafting


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{HOW_MANY} | 37", (HOW_MANY, "37")),
        (f'Question: "{HOW_MANY}" Answer: 37.', (HOW_MANY, "37")),
        (f"{HOW_MANY} | From whom? | 37", None),
        ("When did Northmere buy boats? | in 1998", ("When did Northmere buy boats?", "In 1998")),
        ("Who sold the boats? | ADA  HOLM!", ("Who sold the boats?", "Ada Holm")),
        (HOW_MANY, None),
        (f"{HOW_MANY} |", None),
        (f"{HOW_MANY} | 38", None),
        (f"{HOW_MANY} | 7", None),
        ("Northmere bought boats | 37", None),
        ("Were there 37 boats? | 37", None),
        ("Who is the king of France? | Ada Holm", None),
        ("How many boats does the sentence name? | 37", None),
        ("How many boats did it buy? | 37", None),
        ("Why did Northmere buy its 37 boats? | 37", None),
        ("How did its mayor Ada Holm sell? | boats", ("How did its mayor Ada Holm sell?", "boats")),
        (f"How many {'fine ' * 30}boats did Northmere buy? | 37", None),
        (f"Who bought what? | {BOATS}", None),
        ("", None),
        ("\ud83d?|37", None),
    ],
)
def test_a_reply_is_read_or_refused(line: str, expected: tuple[str, str] | None) -> None:
    assert parsed(line, BOATS) == expected


@given(st.text(max_size=40), st.text(max_size=80))
def test_an_answer_stands_in_its_sentence(answer: str, sentence: str) -> None:
    found = standing(answer, sentence)
    assert found is None or found in sentence


def test_a_question_is_kept_if_the_sentence_answers_it_back() -> None:
    kept = Drafter(ARTICLE, ScriptedChatModel(replies=[LINES[BOATS], "It was 37 boats."]))
    draft = kept.draft(1)
    assert draft is not None
    assert (draft.question, draft.answer, draft.number) == (HOW_MANY, "37", 1)
    assert TEXT[draft.place.start : draft.place.end] == BOATS
    for said in ("38", "The text does not say.", ""):
        refused = Drafter(ARTICLE, ScriptedChatModel(replies=[LINES[BOATS], said]))
        assert refused.draft(1) is None


def test_a_question_can_be_asked_for_words_of_the_sentence() -> None:
    seller = "Who sold the boats to Northmere? | Ada Holm"
    model = ScriptedChatModel(replies=[seller, "Ada Holm"])
    draft = Drafter(ARTICLE, model).draft(1, wanted="Ada Holm")
    assert draft is not None
    assert draft.answer == "Ada Holm"
    assert model.asked[0][-1].text.endswith("Ask for: Ada Holm")
    other = Drafter(ARTICLE, ScriptedChatModel(replies=[LINES[BOATS]]))
    assert other.draft(1, wanted="Ada Holm") is None


def test_a_sentence_is_shown_with_its_neighbours_and_answered_alone() -> None:
    model = QuizChatModel(lines=LINES)
    Drafter(ARTICLE, model).draft(3)
    asked, back = (messages[-1].text for messages in model.asked)
    assert asked.splitlines() == [
        "Title: The Boats of Northmere",
        f"Before: {SHORT}",
        f"Sentence: {PIER}",
        f"After: {WHY}",
    ]
    assert PIER in back
    assert WHY not in back


def test_a_short_sentence_costs_no_prompt() -> None:
    assert Drafter(ARTICLE, ScriptedChatModel(replies=[])).draft(2) is None


# Swapping


def test_names_numbers_and_dates_are_told_apart() -> None:
    text = (
        "Mr. Antony J. Blinken paid $1.7 billion, or 12%, for 400 boats on Sunday. The Norwegian "
        "mayor of Oslo’s harbour came on 4 May, in June and in 2019, and Norway paid 1,234 crowns. "
        "Boats are sold. I saw boats."
    )
    article = Article.from_text(text, title="t", source="s")
    assert {(thing.kind.value, thing.text) for thing in things_of(article)} == {
        ("person", "Mr. Antony J. Blinken"),
        ("money", "$1.7 billion"),
        ("percent", "12%"),
        ("number", "400"),
        ("weekday", "Sunday"),
        ("people", "Norwegian"),
        ("name", "Oslo"),
        ("day", "4 May"),
        ("month", "June"),
        ("year", "2019"),
        ("name", "Norway"),
        ("number", "1,234"),
    }


def test_who_is_called_by_the_last_name_is_a_person() -> None:
    text = "Then Ada Holm met Bo Lund in Old Town. So Holm left, and “Instead” Mr. Lund sat there."
    article = Article.from_text(text, title="t", source="s")
    assert [(thing.kind.value, thing.text) for thing in things_of(article)] == [
        ("person", "Ada Holm"),
        ("person", "Bo Lund"),
        ("name", "Old Town"),
        ("person", "Holm"),
        ("name", "Instead"),
        ("person", "Mr. Lund"),
    ]


def test_a_thing_is_swapped_for_its_like_alone() -> None:
    things = [
        Thing(kind=Kind.NAME, text=text)
        for text in ("Japan", "North Korea", "South Korea", "Japans", "Korea", "Ada")
    ] + [Thing(kind=Kind.PEOPLE, text="Japanese"), Thing(kind=Kind.YEAR, text="2019")]
    found = swaps("How many did Japan’s king buy?", "Ada", things, WordEmbeddings(), random())
    assert sorted(swap.question for swap in found) == [
        "How many did Korea’s king buy?",
        "How many did North Korea’s king buy?",
        "How many did South Korea’s king buy?",
    ]


def test_the_article_of_a_name_goes_and_comes_with_it() -> None:
    text = "He saw the Alps. He loved the Alps, the Oslo harbour and Oslo, and then the Rhine."
    article = Article.from_text(text, title="t", source="s")
    things = things_of(article)
    assert {thing.text for thing in things if thing.definite} == {"Alps", "Rhine"}
    found = {
        swap.question
        for question in ("Who loved the Alps?", "Who saw Oslo?", "Who saw the Oslo harbour?")
        for swap in swaps(question, "he", things, WordEmbeddings(), random())
    }
    assert found == {
        "Who loved Oslo?",
        "Who loved the Rhine?",
        "Who saw the Alps?",
        "Who saw the Rhine?",
        "Who saw the Alps harbour?",
        "Who saw the Rhine harbour?",
    }


@given(st.integers(0, 50))
def test_a_swap_is_another_question_that_holds_the_new_thing(seed: int) -> None:
    things = things_of(ARTICLE)
    for swap in swaps(HOW_MANY, "37", things, WordEmbeddings(), np.random.default_rng(seed)):
        assert swap.question != HOW_MANY
        assert swap.new.text in swap.question
        assert swap.new.text not in HOW_MANY


# Checking


@pytest.mark.parametrize(
    ("question", "said", "options", "expected"),
    [
        (HOW_MANY, "37 boats", {}, True),
        (HOW_MANY, "The text does not say.", {}, False),
        (HOW_MANY, "Twelve ships of iron", {}, False),
        # The sentence that carries this answer does not speak of Southmere.
        ("How many boats did Southmere buy?", "37 boats", {"about": "Southmere"}, False),
        ("How many boats did Ada Holm buy?", "37 boats", {"about": "Ada Holm"}, True),
        ("Who left in summer?", "It was Ada Holm.", {"known": "Ada Holm"}, True),
    ],
)
def test_an_article_answers_what_its_sentences_carry(
    question: str, said: str, options: dict[str, str], expected: bool
) -> None:
    checker = Checker(ARTICLE, ScriptedChatModel(replies=[said]), WordEmbeddings())
    assert checker.answers(question, **options) is expected


def test_what_another_sentence_states_needs_no_model() -> None:
    checker = Checker(ARTICLE, ScriptedChatModel(replies=[]), WordEmbeddings())
    assert checker.answers(HOW_MANY, known="37")


def test_an_article_without_sentences_answers_nothing() -> None:
    empty = Article.from_text(" ", title="t", source="s")
    checker = Checker(empty, ScriptedChatModel(replies=[]), WordEmbeddings())
    assert not checker.answers("Who?")
    assert checker.closest("Who?") is None


# Generating


def test_drafts_of_every_kind_are_found() -> None:
    found = {one.id: one for one in found_by(QuizChatModel(lines=LINES), others=[OTHER], most=40)}
    assert sorted(found) == [
        "boats-1",
        "boats-1-dropped",
        "boats-1-swapped",
        "boats-3",
        "boats-3-dropped",
        "boats-3-swapped",
        "boats-4",
        "boats-4-dropped",
        "boats-4-swapped",
        "boats-other-1-1",
    ]
    many = found["boats-1"]
    assert (many.question, many.answers, many.tags) == (
        HOW_MANY,
        (("37",),),
        ("draft", "number"),
    )
    assert words_of(many) == [BOATS]
    assert found["boats-3"].tags == ("draft", "direct")
    assert found["boats-4"].tags == ("draft", "reason")
    assert found["boats-1-swapped"].question == "How many boats did Ada Holm buy?"
    assert found["boats-1-swapped"].tags == ("draft", "false-premise")
    rest = found["boats-1-dropped"]
    assert rest.question == HOW_MANY
    assert rest.article.text == TEXT.replace(f"{BOATS} ", "")
    assert rest.article.source == "boats.txt without sentence 1"
    assert rest.tags == ("draft", "near")
    other = found["boats-other-1-1"]
    assert (other.article, other.tags) == (ARTICLE, ("draft", "unrelated"))
    assert other.question == "How many sacks does the mill of Eastmere grind?"
    assert all(set(one.tags) <= TAGS for one in found.values())
    assert all(len(one.evidence) == 1 for one in found.values())
    assert {name for name, one in found.items() if one.answerable} == {
        "boats-1",
        "boats-3",
        "boats-4",
    }


def test_what_the_model_did_not_choose_is_asked_for_by_name() -> None:
    class Asked(QuizChatModel):
        def _reply(self, text: str) -> str:
            if text.endswith("\nAsk for: Ada Holm") and BOATS in text:
                return "Who sold the boats to Northmere? | Ada Holm"
            return "Ada Holm" if "Who sold" in text else super()._reply(text)

    found = found_by(Asked(lines=LINES), most=20)
    assert [(one.id, one.question) for one in found if one.id.startswith("boats-1-2")] == [
        ("boats-1-2", "Who sold the boats to Northmere?"),
        ("boats-1-2-swapped", "Who sold the boats to Southmere?"),
    ]


def test_the_same_seed_gives_the_same_drafts_and_most_bounds_them() -> None:
    first, second = (
        found_by(QuizChatModel(lines=LINES), others=[OTHER], most=5, seed=3) for _ in range(2)
    )
    assert first == second
    assert len(first) == 5
    assert [one.answerable for one in first] == [True, True, True, False, False]
    assert found_by(ScriptedChatModel(replies=[]), most=0) == []


def test_drafts_come_one_by_one() -> None:
    model = QuizChatModel(lines=LINES)
    next(drafts(ARTICLE, model, WordEmbeddings()))
    assert len(model.asked) == 2


def test_what_the_article_still_answers_is_not_kept() -> None:
    twice = Article.from_text(
        f"{BOATS}\nThe 37 boats that Northmere did buy are green now.", title="t", source="b.txt"
    )
    lines = {**LINES, "The 37 boats that Northmere did buy are green now.": "nothing"}
    found = drafts(twice, QuizChatModel(lines=lines), WordEmbeddings(), others=[twice])
    assert [one.id for one in found] == ["b-1", "b-1-swapped"]


def test_a_sentence_is_taken_out_and_the_title_stays() -> None:
    start = TEXT.index(SHORT)
    rest = without(ARTICLE, Span(start=start, end=start + len(SHORT)), number=2)
    assert rest.text == TEXT.replace(SHORT, "")
    assert rest.title == ARTICLE.title


# Lines of a test set

plain = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=30)
worded = plain.map(lambda text: f"why{text}".strip())


@given(
    st.builds(
        Example,
        id=worded,
        article=st.just(ARTICLE),
        question=worded,
        history=st.lists(st.builds(Turn, question=worded, answer=plain), max_size=2).map(tuple),
        answers=st.lists(st.lists(worded, min_size=1, max_size=3).map(tuple), max_size=2).map(
            tuple
        ),
        evidence=st.just((Span(start=24, end=24 + len(BOATS)),)),
        tags=st.lists(st.sampled_from(sorted(TAGS)), max_size=2).map(tuple),
    )
)
def test_an_example_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, one: Example
) -> None:
    path = tmp_path_factory.mktemp("set") / "set.jsonl"
    path.write_text(f"{example_to_json(one)}\n", encoding="utf-8")
    assert load_examples(path) == [one]


def test_an_article_at_its_path_is_named_and_any_other_carried(tmp_path: Path) -> None:
    path = tmp_path / "boats.txt"
    path.write_text(TEXT, encoding="utf-8")
    here = dataclasses.replace(ARTICLE, source=str(path))
    one = Example(id="a", article=here, question="Who?", evidence=(Span(start=1, end=2),))
    line = json.loads(example_to_json(one))
    assert line == {
        "id": "a",
        "article": str(path),
        "question": "Who?",
        "answers": [],
        "evidence": ["h"],
    }
    path.write_text(f"{TEXT} More.", encoding="utf-8")
    assert json.loads(example_to_json(one))["article_text"] == TEXT


def test_a_quote_that_stands_twice_is_given_by_its_place() -> None:
    start = TEXT.rindex("Northmere")
    span = Span(start=start, end=start + 9)
    one = Example(id="a", article=ARTICLE, question="Who?", evidence=(span,))
    assert json.loads(example_to_json(one))["evidence"] == [[start, start + 9]]


# The command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two articles, and no model anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QA_MODELS_FOLDER", str(tmp_path / "models"))
    (tmp_path / "boats.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "mill.txt").write_text(OTHER.text, encoding="utf-8")
    return tmp_path


def generated(*words: str, lines: dict[str, str]) -> int:
    options = parser().parse_args(["eval", "generate", *words])
    return command.generate(
        options, lambda: nullcontext((QuizChatModel(lines=lines), WordEmbeddings()))
    )


def test_drafts_are_written_to_a_file_that_can_be_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("boats.txt", "--out", "set.jsonl", "--other", ".", "--questions", "5")
    assert generated(*words, lines=LINES) == 0
    examples = load_examples("set.jsonl")
    assert examples == found_by(QuizChatModel(lines=LINES), others=[OTHER], most=5)
    said = capsys.readouterr()
    assert said.out == ""
    assert "5 of 5 drafts were found in 'set.jsonl'." in said.err


def test_drafts_go_to_the_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generated("boats.txt", "--questions", "2", lines=LINES) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["tags"][0] for line in lines] == ["draft", "draft"]
    assert lines[0]["article"] == "boats.txt"


def test_what_was_drafted_when_it_was_stopped_is_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopped(QuizChatModel):
        def _reply(self, text: str) -> str:
            return super()._reply(text) if len(self.asked) < 3 else self._stop()

        def _stop(self) -> str:
            raise KeyboardInterrupt

    options = parser().parse_args(["eval", "generate", "boats.txt", "--out", "set.jsonl"])
    opened = nullcontext((Stopped(lines=LINES), WordEmbeddings()))
    assert command.generate(options, lambda: opened) == 130
    assert len(load_examples("set.jsonl")) == 1
    assert "stopped; 1 drafts are kept in 'set.jsonl'." in capsys.readouterr().err


def test_nothing_is_overwritten_and_nothing_empty_is_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "set.jsonl").write_text("mine", encoding="utf-8")
    assert main(["eval", "generate", "boats.txt", "--out", "set.jsonl"]) == 1
    assert "'set.jsonl' is there already" in capsys.readouterr().err
    assert (folder / "set.jsonl").read_text(encoding="utf-8") == "mine"
    assert main(["eval", "generate", "boats.txt", "--out", "no/set.jsonl"]) == 1
    assert "cannot be written" in capsys.readouterr().err
    # There are no weights to open a model of.
    assert main(["eval", "generate", "boats.txt", "--out", "new.jsonl"]) == 1
    assert "Run: qa models pull" in capsys.readouterr().err
    assert not (folder / "new.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.txt"], "Cannot read 'nowhere.txt'"),
        (["."], "is a folder of 2 articles"),
        (["boats.txt", "--other", "nowhere.txt"], "Cannot read 'nowhere.txt'"),
    ],
)
def test_what_is_no_article_is_told_before_a_model_is_opened(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["eval", "generate", *words]) == 1
    assert said in capsys.readouterr().err


def test_an_article_without_a_usable_sentence_is_an_error(folder: Path) -> None:
    (folder / "short.txt").write_text(SHORT, encoding="utf-8")
    with pytest.raises(ExamplesError, match=r"No question on 'short\.txt'"):
        generated("short.txt", lines={})
