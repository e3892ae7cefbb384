"""Runs of the evaluation, from a callable in Python and from the command line."""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import os
import shlex
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from fakes.cases import ARTICLE, TEXT, answered, declined, example, hit
from fakes.chat import ScriptedChatModel
from fakes.embedder import WordEmbeddings
from qa import Answer, Article, Assistant, Settings, Turn
from qa.cli import evaluating
from qa.cli.main import main, parser
from qa.embedding import WEIGHTS_FILE, hash_weights
from qa.errors import EngineError, ExamplesError
from qa.evaluation import Example, Report, evaluate, outcomes, read_report, write_report
from qa.evaluation.exports import (
    ragas_rows,
    squad_data,
    squad_no_answer_probabilities,
    squad_predictions,
)
from qa.evaluation.keeping import FILE_NAME, Keeper, fingerprint, key_of
from qa.evaluation.provenance import made_with
from qa.evaluation.records import Answerer, Outcome
from qa.evaluation.running import outcomes_by_article
from qa.evaluation.testsets import load_examples
from qa.indexing import Embedder
from qa.models.chat import LocalChatModel, Weighed
from qa.prompts import DECLINED
from qa.records import Citation, Span, Usage

MANY = example("How many?", id="many", answers=(("37",),), evidence=(Span(start=0, end=16),))
KING = example("Who is king?", id="king")
MAYOR = example(
    "And the mayor?", id="mayor", answers=(("Holm",),), history=(Turn(question="a", answer="b"),)
)
EXAMPLES = (MANY, KING, MAYOR)
ABOUT = {"model": "scripted"}
GIVEN = {
    "How many?": answered("37 boats.", cited=[(0, 16)], hits=[hit(0, 16)], confidence=0.9),
    "Who is king?": dataclasses.replace(
        declined(), closest=Citation.cut(ARTICLE, Span(start=32, end=40), number=0)
    ),
    "And the mayor?": answered("It is \ud83d “Ada”.", hits=[hit(17, 31)], confidence=0.25),
}


class Asked:
    """Answers from ``GIVEN`` and notes what it was asked."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def __call__(self, question: str, history: Sequence[Turn]) -> Answer:
        self.questions.append(question)
        return GIVEN[question]


def broken(question: str, history: Sequence[Turn]) -> Answer:
    raise EngineError("It\n died.", remedy="Again.")


def values(report: Report) -> dict[str, tuple[float, int]]:
    return {one.name: (one.value, one.n) for one in report.estimates}


def without_times(report: Report) -> Report:
    return dataclasses.replace(
        report,
        outcomes=tuple(dataclasses.replace(one, seconds=0.0) for one in report.outcomes),
        estimates=tuple(one for one in report.estimates if "_ms_" not in one.name),
    )


def test_a_report_has_each_outcome_and_figure() -> None:
    report = evaluate(EXAMPLES, Asked(), about=ABOUT)
    assert [one.answer for one in report.outcomes] == list(GIVEN.values())
    found = values(report)
    assert found["right"] == (0.5, 2)
    assert found["declined"] == (1.0, 1)
    assert found["right_mean"] == (0.75, 3)
    assert found["correct"] == (2 / 3, 3)
    assert found["incorrect"] == (1 / 3, 3)
    assert found["failed"] == (0.0, 3)
    assert found["citation_recall"] == (1.0, 1)
    assert found["brier"] == (pytest.approx((0.1**2 + 0.25**2) / 2), 2)
    assert found["auroc"] == (1.0, 3)
    # One right answer of three questions before the first wrong one.
    assert found["coverage_at_5_risk"] == (pytest.approx(1 / 3), 3)
    assert found["first_token_ms_p50"] == (20.0, 2)
    assert report.curves["risk-coverage"] == ((1 / 3, 0.0), (2 / 3, 0.5))
    assert report.curves["reliability"] == ((0.25, 0.0), (0.9, 1.0))
    assert report.about["model"] == "scripted"
    assert all(one.low <= one.value <= one.high for one in report.estimates)


def test_tokens_are_counted_over_the_answers_that_tell_them() -> None:
    usages = [Usage(read=10, cached=90, written=4), Usage(read=20, cached=0, written=8), None]

    def asked(question: str, _: Sequence[Turn]) -> Answer:
        return dataclasses.replace(GIVEN[question], usage=usages.pop())

    found = values(evaluate(EXAMPLES, asked))
    # Medians of two: 15 of 10 and 20, 45 of 90 and 0, 6 of 4 and 8.
    assert found["tokens_read_p50"] == (15.0, 2)
    assert found["tokens_cached_p50"] == (45.0, 2)
    assert found["tokens_written_p50"] == (6.0, 2)
    assert "tokens_read_p50" not in values(evaluate(EXAMPLES, Asked()))


def test_outcomes_come_one_by_one() -> None:
    asked = Asked()
    found = outcomes(EXAMPLES, asked)
    assert next(found).example is MANY
    assert asked.questions == ["How many?"]


def test_a_failure_is_a_case_that_is_counted_and_listed() -> None:
    report = evaluate(EXAMPLES, broken)
    assert [one.error for one in report.outcomes] == ["EngineError: It died. Again."] * 3
    assert {name: value for name, value in values(report).items() if value[1]} == {
        "right": (0.0, 2),
        "declined": (0.0, 1),
        "right_mean": (0.0, 3),
        "correct": (0.0, 3),
        "incorrect": (0.0, 3),
        "not_attempted": (1.0, 3),
        "false_answers": (0.0, 1),
        "false_abstentions": (0.0, 2),
        "exact_match": (0.0, 3),
        "f1": (0.0, 3),
        "failed": (1.0, 3),
    }


def test_what_is_no_final_answer_is_a_failure() -> None:
    draft = dataclasses.replace(declined(), status="draft", reason=type(declined().reason).NONE)
    given = iter([draft, 37, ["37"]])
    report = evaluate(EXAMPLES, lambda question, history: next(given))  # type: ignore[arg-type, return-value]
    assert [one.error for one in report.outcomes] == [
        f"the answerer gave a {kind} in place of a final answer"
        for kind in ("draft", "int", "list")
    ]


@pytest.mark.parametrize("said", [DECLINED, "", " \n", None])
def test_an_answerer_may_give_words_alone(said: str | None) -> None:
    plain = {"How many?": "It has 37 boats.", "Who is king?": said, "And the mayor?": said}
    report = evaluate(EXAMPLES, lambda question, history: plain[question])
    assert [one.answer and (one.answer.status, one.answer.text) for one in report.outcomes] == [
        ("answered", "It has 37 boats."),
        ("abstained", DECLINED),
        ("abstained", DECLINED),
    ]
    found = values(report)
    assert found["right"] == (0.5, 2)
    assert found["declined"] == (1.0, 1)
    assert found["citation_recall"] == (0.0, 1)
    nothing_said_of = {"citation_precision", "sentences_supported", "mrr", "brier", "aurc"}
    assert not found.keys() & nothing_said_of


def test_words_alone_that_only_hold_the_abstention_are_an_answer() -> None:
    report = evaluate([KING], lambda question, history: f"{DECLINED} But it is Bo.")
    assert values(report)["false_answers"] == (1.0, 1)


def test_a_report_is_written_and_read_from_python(tmp_path: Path) -> None:
    report = evaluate(EXAMPLES, lambda question, history: "It has 37 boats.")
    write_report(report, tmp_path)
    assert read_report(tmp_path) == report


def test_an_answerer_without_confidence_has_no_figure_of_it() -> None:
    sure = dataclasses.replace(GIVEN["How many?"], confidence=0.0)
    report = evaluate([MANY], lambda question, history: sure)
    assert not {"brier", "ece", "aurc", "auroc", "coverage_at_5_risk"} & values(report).keys()
    assert report.curves == {}


@pytest.mark.parametrize(
    ("examples", "said"), [([], "no question"), ([MANY, KING, MANY], "more than once: 'many'")]
)
def test_examples_that_no_report_can_be_made_of(examples: list[Example], said: str) -> None:
    with pytest.raises(ExamplesError, match=said):
        evaluate(examples, broken)


# What is kept


def test_a_second_run_asks_nothing_and_gives_the_same_report(tmp_path: Path) -> None:
    asked = Asked()
    first = evaluate(EXAMPLES, asked, about=ABOUT, cache=tmp_path)
    second = evaluate(EXAMPLES, broken, about=ABOUT, cache=tmp_path)
    assert second == first
    assert without_times(evaluate(EXAMPLES, asked, about=ABOUT)) == without_times(first)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    def stops(question: str, history: Sequence[Turn]) -> Answer:
        return {"How many?": lambda: GIVEN[question]}.get(question, _stop)()

    def _stop() -> Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(EXAMPLES, stops, about=ABOUT, cache=tmp_path)
    asked = Asked()
    evaluate(EXAMPLES, asked, about=ABOUT, cache=tmp_path)
    assert asked.questions == ["Who is king?", "And the mayor?"]


def test_failures_are_asked_again(tmp_path: Path) -> None:
    evaluate(EXAMPLES, broken, about=ABOUT, cache=tmp_path)
    asked = Asked()
    evaluate(EXAMPLES, asked, about=ABOUT, cache=tmp_path)
    assert len(asked.questions) == 3


@hypothesis.settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_file_that_was_cut_or_changed_anywhere_costs_only_answers(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("kept")

    def given_by(answerer: Answerer) -> list[Answer | None]:
        keeper = Keeper.open(folder, ABOUT, {ARTICLE.id: ARTICLE})
        return [one.answer for one in outcomes(EXAMPLES, answerer, keeper=keeper)]

    assert given_by(Asked()) == list(GIVEN.values())
    path = folder / fingerprint(ABOUT) / FILE_NAME
    kept = path.read_bytes()
    cut = int(len(kept) * data.draw(st.floats(0, 1)))
    path.write_bytes(kept[:cut] + data.draw(st.sampled_from([b"", b"\n", b"{}\n", b"\xff"])))
    assert given_by(Asked()) == list(GIVEN.values())
    # What was written after a torn line is read all the same.
    assert given_by(broken) == list(GIVEN.values())


def test_another_answerer_or_article_or_history_has_other_answers(tmp_path: Path) -> None:
    evaluate([MANY], Asked(), about=ABOUT, cache=tmp_path)
    report = evaluate([MANY], broken, about={"model": "another"}, cache=tmp_path)
    assert values(report)["failed"] == (1.0, 1)
    other = Article.from_text(f"{TEXT} More.", title="Boats", source="boats.txt")
    asked = [
        MANY,
        dataclasses.replace(MANY, question="How many ?"),
        dataclasses.replace(MANY, history=MAYOR.history),
        dataclasses.replace(MANY, article=other),
    ]
    assert len({key_of(one) for one in asked}) == 4
    assert key_of(dataclasses.replace(MANY, id="x", answers=())) == key_of(MANY)


def test_answers_are_kept_by_what_they_depend_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="about="):
        evaluate(EXAMPLES, broken, cache=tmp_path)
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})


def test_an_answer_that_quotes_another_article_is_not_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Article.from_text("Some other text.", title="Other", source="other.txt")
    answer = answered("Text.", cited=[(0, 4)], article=other)
    with caplog.at_level(logging.WARNING):
        evaluate([MANY], lambda question, history: answer, about=ABOUT, cache=tmp_path)
    assert "not kept: the answer to 'many' quotes other articles" in caplog.text
    assert Keeper.open(tmp_path, ABOUT, {ARTICLE.id: ARTICLE}).get(MANY) is None


def test_what_is_kept_of_another_test_set_is_no_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Article.from_text("Some other text.", title="Other", source="other.txt")
    answer = answered("Text.", cited=[(0, 4)], article=other)
    both = {ARTICLE.id: ARTICLE, other.id: other}
    Keeper.open(tmp_path, ABOUT, both).keep(MANY, answer, 1.0)
    with caplog.at_level(logging.WARNING):
        assert Keeper.open(tmp_path, ABOUT, {ARTICLE.id: ARTICLE}).get(MANY) is None
    assert caplog.text == ""
    assert Keeper.open(tmp_path, ABOUT, both).get(MANY) is not None


def test_what_is_forgotten_is_asked_anew_and_all_else_stays(tmp_path: Path) -> None:
    evaluate(EXAMPLES, Asked(), about=ABOUT, cache=tmp_path)
    keeper = Keeper.open(tmp_path, ABOUT, {ARTICLE.id: ARTICLE})
    keeper.forget([MANY, example("Never asked?")])
    for kept in (keeper, Keeper.open(tmp_path, ABOUT, {ARTICLE.id: ARTICLE})):
        assert [kept.get(one) is None for one in EXAMPLES] == [True, False, False]
    keeper.keep(MANY, answered("38 boats."), 1.0)
    again = Keeper.open(tmp_path, ABOUT, {ARTICLE.id: ARTICLE}).get(MANY)
    assert again
    assert again.answer.text == "38 boats."


TOWN = example("How many?", id="town", article=Article.from_text("A.", title="A", source="a.txt"))


def test_the_questions_of_an_article_that_cannot_be_opened_fail(tmp_path: Path) -> None:
    def opening(article: Article) -> Answerer:
        if article is ARTICLE:
            raise EngineError("It\n died.", remedy="Again.")
        return Asked()

    both = {one.article.id: one.article for one in (MANY, TOWN)}
    for _ in range(2):  # a failure is not kept
        keeper = Keeper.open(tmp_path, ABOUT, both)
        found = list(outcomes_by_article([MANY, TOWN, KING], opening, keeper=keeper))
        assert [(one.example.id, one.error) for one in found] == [
            ("many", "EngineError: It died. Again."),
            ("king", "EngineError: It died. Again."),
            ("town", ""),
        ]
    # What is kept of it needs nobody to be opened.
    keeper.keep(KING, declined(), 1.0)
    found = list(outcomes_by_article([MANY, KING], opening, keeper=keeper))
    assert [one.error for one in found] == ["EngineError: It died. Again.", ""]


def test_where_no_article_can_be_opened_the_error_is_raised_and_nothing_forgotten(
    tmp_path: Path,
) -> None:
    def opening(article: Article) -> Answerer:
        raise EngineError(f"No {article.title}.")

    keeper = Keeper.open(tmp_path, ABOUT, {ARTICLE.id: ARTICLE})
    keeper.keep(MANY, answered("37 boats."), 1.0)
    for examples, fresh in (([KING, TOWN], False), ([MANY, TOWN], True)):
        with pytest.raises(EngineError, match="No Boats"):
            list(outcomes_by_article(examples, opening, keeper=keeper, fresh=fresh))
    assert Keeper.open(tmp_path, ABOUT, {ARTICLE.id: ARTICLE}).get(MANY)


def test_two_hundred_kept_answers_take_under_three_seconds(tmp_path: Path) -> None:
    many = [
        dataclasses.replace(one, id=f"{one.id} {number}")
        for number, one in zip(range(200), itertools.cycle(EXAMPLES), strict=False)
    ]
    evaluate(many, Asked(), about=ABOUT, cache=tmp_path)
    started = time.perf_counter()
    evaluate(many, broken, about=ABOUT, cache=tmp_path)
    assert time.perf_counter() - started < 3


# Exports


def test_other_scorers_are_given_the_same_answers() -> None:
    found = list(outcomes([MANY, KING], Asked()))
    found += outcomes([MAYOR], broken)
    assert squad_predictions(found) == {"many": "37 boats.", "king": "", "mayor": ""}
    assert squad_no_answer_probabilities(found) == {
        "many": pytest.approx(0.1),
        "king": 1.0,
        "mayor": 1.0,
    }
    assert ragas_rows(found)[0] == {
        "id": "many",
        "user_input": "How many?",
        "retrieved_contexts": ["It has 37 boats."],
        "reference_contexts": ["It has 37 boats."],
        "response": "37 boats.",
        "reference": "37",
    }
    assert ragas_rows(found)[2]["response"] == ""


def test_the_squad_files_have_the_same_questions_and_no_other(tmp_path: Path) -> None:
    other = Article.from_text("No mayor. The mayor is Bo.", title="Pier", source="pier.txt")
    marked = example(
        "Who is mayor?",
        id="bo",
        article=other,
        answers=(("mayor", "Mr Bo"),),
        evidence=(Span(start=10, end=26),),
    )
    parts = example("Who and who?", id="parts", answers=(("Ada",), ("Holm",)))
    found = list(outcomes([MANY, parts, marked, KING], lambda *_: answered("Ada.")))
    data = squad_data(found)
    many = {"id": "many", "question": MANY.question, "is_impossible": False}
    bo = {"id": "bo", "question": "Who is mayor?", "is_impossible": False}
    king = {"id": "king", "question": KING.question, "is_impossible": True, "answers": []}
    said = [{"text": "mayor", "answer_start": 14}, {"text": "Mr Bo", "answer_start": -1}]
    boats = {"text": "37", "answer_start": 7}
    assert data == {
        "version": "v2.0",
        "data": [
            {
                "title": article.title,
                "paragraphs": [{"context": article.text, "qas": [question]}],
            }
            for article, question in (
                (ARTICLE, many | {"answers": [boats]}),
                (other, bo | {"answers": said}),
                (ARTICLE, king),
            )
        ],
    }
    assert list(squad_predictions(found)) == ["many", "bo", "king"]
    assert list(squad_no_answer_probabilities(found)) == ["many", "bo", "king"]
    path = tmp_path / "set.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    back = load_examples(path)
    assert [one.id for one in back] == ["many", "bo", "king"]
    assert [one.article.text for one in back] == [ARTICLE.text, other.text, ARTICLE.text]
    assert [one.answers for one in back] == [MANY.answers, marked.answers, ()]
    assert back[1].evidence == (Span(start=14, end=19),)


# The command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a test set of two articles, one carried, and no model anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QA_MODELS_FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("QA_INDEX_FOLDER", str(tmp_path / "index"))
    (tmp_path / "boats.txt").write_text("It has 37 boats. Ada is mayor.", encoding="utf-8")
    lines: list[dict[str, object]] = [
        {"id": "a", "article": "boats.txt", "question": "How many boats?", "answers": ["37"]},
        {"id": "b", "article_text": "It has two piers.", "question": "How many piers?"}
        | {"answers": ["two"]},
        {"id": "c", "article": "boats.txt", "question": "Is Ada mayor of boats?", "answers": []},
    ]
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return tmp_path


Measure = Callable[..., int]


@pytest.fixture
def measure(folder: Path) -> Measure:
    """Runs ``qa eval`` with a scripted model in place of the one that the settings name."""

    def run(*words: str, replies: Sequence[str] = (), verdicts: Sequence[str] = ()) -> int:
        settings = Settings.from_environment()
        model = ScriptedChatModel(replies=list(replies))

        def opening(article: Article) -> Generator[str, None, Assistant]:
            return Assistant.opening(
                article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
            )

        options = parser().parse_args(evaluating.with_action(["eval", *words]))
        judge = ScriptedChatModel(replies=list(verdicts))
        return evaluating.measure(
            options,
            settings,
            nullcontext(opening),
            lambda name: nullcontext(judge),
            WordEmbeddings,
        )

    return run


def test_a_test_set_is_run_and_its_report_written(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = ["It has 37 boats.", "The article does not say."]
    assert measure("set.jsonl", "--out", "out", replies=replies) == 0
    output = capsys.readouterr()
    report = read_report(folder / "out")
    assert [one.example.id for one in report.outcomes] == ["a", "b", "c"]
    assert report.outcomes[0].scores["right"] == 1.0
    assert report.outcomes[2].scores["declined"] == 1.0
    # The script had no word for the second article: a failure, which is said.
    assert "failed: b: EngineError: " in output.err
    assert "The smallest change that these questions would mostly show" in output.out
    count = len(report.estimates)
    assert output.out.splitlines()[-1] == f"All {count} figures are in out/report.md"
    assert "Written: out/report.json, out/report.md, out/report.html" in output.err


MAIN = [
    "right",
    "declined",
    "false_answers",
    "citation_precision",
    "citation_recall",
    "retrieval_recall_at_5",
    "coverage_at_5_risk",
    "ece",
    "ece_by_chance",
    "first_token_ms_p50",
    "total_ms_p50",
]
ON_THE_SIDE = ["similarity", "judged_right", "judge_unreadable"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], MAIN),
        (["--judge", "a:b", "--similarity"], [*MAIN[:6], *ON_THE_SIDE, *MAIN[6:]]),
        (["--fail-under", "f1>=0", "--fail-under", "right>=0"], [*MAIN[:3], "f1", *MAIN[3:]]),
    ],
)
def test_a_few_figures_are_printed_and_those_that_were_asked_for(
    words: list[str],
    shown: list[str],
    measure: Measure,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = (folder / "set.jsonl").read_text(encoding="utf-8").splitlines()
    told = json.dumps({**json.loads(lines[0]), "evidence": ["It has 37 boats."]})
    (folder / "set.jsonl").write_text(f"{told}\n{lines[2]}\n", encoding="utf-8")
    replies = ["It has 37 boats.", DECLINED]
    assert measure("set.jsonl", *words, replies=replies, verdicts=["right"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1 : printed.index("")]] == shown
    every = {one.name for one in read_report(folder / "evaluations" / "set").estimates}
    assert every > {*shown}


def test_a_bar_that_is_missed_is_exit_status_3(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = ["It has 37 boats.", "The article does not say."]
    bars = ("--fail-under", "right>=0.5", "--fail-under", "failed < 0.1")
    assert measure("set.jsonl", *bars, replies=replies) == 3
    assert [line for line in capsys.readouterr().err.splitlines() if "missed" in line] == [
        "missed: failed < 0.1 (it is 0.333, n=3)"
    ]
    assert (folder / "evaluations" / "set" / "report.html").exists()


def test_a_bar_on_a_figure_that_no_question_speaks_for_is_missed(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "set.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "one.jsonl").write_text(lines[0], encoding="utf-8")
    words = ("one.jsonl", "--fail-under", "declined>=0.5")
    assert measure(*words, replies=["It has 37 boats."]) == 3
    missed = "missed: declined>=0.5 (there is no such figure: no question speaks for it)"
    assert missed in capsys.readouterr().err


def test_a_bar_on_a_figure_that_the_run_cannot_have_is_refused_at_the_start(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bars = ["--fail-under", "judged_right>=0.9", "--fail-under", "similarity>=0.3"]
    assert main(["eval", "nowhere.jsonl", *bars]) == 1
    assert capsys.readouterr().err == (
        "qa: This run has no figure for 'judged_right>=0.9', 'similarity>=0.3'. "
        "Give --judge MODEL and --similarity too, or no such bar.\n"
    )
    words = ("set.jsonl", *bars, "--judge", "a:b", "--similarity")
    replies = ["It has 37 boats.", DECLINED, "It has two piers."]
    assert measure(*words, replies=replies, verdicts=["right", "right"]) == 0


def test_drafts_are_warned_of(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "set.jsonl").read_text(encoding="utf-8").splitlines()
    draft = json.dumps({**json.loads(lines[0]), "tags": ["draft"]})
    (folder / "drafts.jsonl").write_text(f"{draft}\n{lines[2]}\n", encoding="utf-8")
    for name, warnings in (("drafts.jsonl", 1), ("set.jsonl", 0)):
        replies = ["It has 37 boats.", DECLINED, "It has two piers."]
        measure(name, replies=replies)
        said = [one for one in capsys.readouterr().err.splitlines() if "draft" in one]
        assert len([one for one in said if one.startswith("warning: 1 of 2 ")]) == warnings


def test_similarity_is_a_side_figure_of_answers_new_and_kept(
    measure: Measure, folder: Path
) -> None:
    replies = ["It has 37 boats.", "The article does not say.", "It has two piers."]
    for script in (replies, []):
        assert measure("set.jsonl", "--out", "out", "--similarity", replies=script) == 0
        report = read_report(folder / "out")
        (similarity,) = (one for one in report.estimates if one.name == "similarity")
        assert 0 < similarity.value < 1
        assert similarity.n == 2


def test_a_judge_is_asked_when_the_answers_are_there(measure: Measure, folder: Path) -> None:
    words = ("set.jsonl", "--out", "out", "--judge", "provider:judge")
    replies = ["It has 37 boats.", "The article does not say."]
    assert measure(*words, replies=replies, verdicts=["wrong"]) == 0
    report = read_report(folder / "out")
    assert report.about["judge"] == "provider:judge"
    assert report.outcomes[0].scores["judged_right"] == 0.0
    assert report.outcomes[0].scores["right"] == 1.0


def test_a_judge_whose_verdicts_are_all_kept_is_not_opened(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.from_environment()
    opened: list[str] = []

    def run(*words: str, replies: Sequence[str], verdicts: Sequence[str]) -> list[float | None]:
        def opening(article: Article) -> Generator[str, None, Assistant]:
            model = ScriptedChatModel(replies=list(replies))
            return Assistant.opening(
                article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
            )

        def judging(name: str) -> nullcontext[ScriptedChatModel]:
            opened.append(name)
            return nullcontext(ScriptedChatModel(replies=list(verdicts)))

        options = parser().parse_args(["eval", "run", "one.jsonl", "--judge", "a:b", *words])
        answering = nullcontext(opening)
        assert evaluating.measure(options, settings, answering, judging, WordEmbeddings) == 0
        report = read_report(folder / "evaluations" / "one")
        assert report.about["judge"] == "a:b"
        return [one.scores.get("judged_right") for one in report.outcomes]

    lines = (folder / "set.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "one.jsonl").write_text(f"{lines[0]}\n{lines[2]}\n", encoding="utf-8")
    replies = ["It has 37 boats.", DECLINED]
    assert run(replies=replies, verdicts=["wrong"]) == [0.0, None]
    assert opened == ["a:b"] * 2  # once to see that it opens, once to ask it
    assert run(replies=[], verdicts=[]) == [0.0, None]
    assert opened == ["a:b"] * 2
    # Asked anew, the judge is too.
    assert run("--fresh", replies=replies, verdicts=["right"]) == [1.0, None]
    assert run(replies=[], verdicts=[]) == [1.0, None]
    assert opened == ["a:b"] * 4


def test_another_file_of_the_judge_gives_other_verdicts(measure: Measure, folder: Path) -> None:
    replies = ["It has 37 boats.", DECLINED, "It has two piers."]
    weights = folder / "judge.gguf"

    def judged_right(verdicts: Sequence[str]) -> list[float | None]:
        words = ("set.jsonl", "--out", "out", "--judge", "judge.gguf")
        assert measure(*words, replies=replies, verdicts=verdicts) == 0
        report = read_report(folder / "out")
        assert report.about["judge file"].startswith(f"{weights.stat().st_size} bytes, changed at ")
        return [one.scores.get("judged_right") for one in report.outcomes]

    weights.write_bytes(b"GGUF")
    assert judged_right(["right", "wrong"]) == [1.0, 0.0, None]
    assert judged_right([]) == [1.0, 0.0, None]
    weights.write_bytes(b"GGUF and more")
    assert judged_right(["wrong", "right"]) == [0.0, 1.0, None]


def test_the_answerer_is_closed_before_the_judge_is_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.from_environment()
    events: list[str] = []

    def opening(article: Article) -> Generator[str, None, Assistant]:
        model = ScriptedChatModel(replies=["It has 37 boats.", DECLINED])
        return Assistant.opening(
            article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
        )

    @contextmanager
    def answering() -> Iterator[evaluating.Opening]:
        events.append("answering")
        yield opening
        events.append("answered")

    @contextmanager
    def judging(name: str) -> Iterator[ScriptedChatModel]:
        events.append("judging")
        yield ScriptedChatModel(replies=["right", "right"])
        events.append("judged")

    options = parser().parse_args(["eval", "run", "set.jsonl", "--judge", "a:b"])
    assert evaluating.measure(options, settings, answering(), judging, WordEmbeddings) == 0
    # Before them it was seen that the judge can be opened.
    assert events == ["judging", "judged", "answering", "answered", "judging", "judged"]


def test_a_judge_that_is_none_is_told_before_any_answer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "set.jsonl", "--judge", "nobody"]) == 1
    assert "'nobody'" in capsys.readouterr().err


def test_kept_answers_need_no_model(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "set.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "one.jsonl").write_text(f"{lines[0]}\n{lines[2]}\n", encoding="utf-8")
    replies = ["It has 37 boats.", "The article does not say."]
    assert measure("one.jsonl", replies=replies) == 0
    first = capsys.readouterr().out
    assert main(["eval", "one.jsonl"]) == 0  # there are no weights to open a model of
    assert capsys.readouterr().out == first
    assert main(["eval", "one.jsonl", "--fresh"]) == 1
    assert "Run: qa models pull" in capsys.readouterr().err


def test_what_is_asked_anew_are_the_questions_of_this_run(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (folder / "set.jsonl").read_text(encoding="utf-8").splitlines()
    for name, line in (("one", lines[0]), ("other", lines[2])):
        (folder / f"{name}.jsonl").write_text(line, encoding="utf-8")
    measure("one.jsonl", replies=["It has 37 boats."])
    measure("other.jsonl", replies=[DECLINED])
    assert main(["eval", "one.jsonl", "--fresh"]) == 1  # no weights, and so nothing is forgotten
    assert measure("one.jsonl", "--fresh", replies=["Ada is mayor."]) == 0
    assert main(["eval", "one.jsonl", "other.jsonl", "--out", "both"]) == 0
    said = {one.example.id: one.answer and one.answer.text for one in found_in(folder / "both")}
    assert said["a"] == found_in(folder / "evaluations" / "one")[0].answer.text  # type: ignore[union-attr]
    assert said["a"] != "It has 37 boats."
    assert said["c"] == found_in(folder / "evaluations" / "other")[0].answer.text  # type: ignore[union-attr]


def found_in(folder: Path) -> tuple[Outcome, ...]:
    return read_report(folder).outcomes


class LocalStandIn(LocalChatModel):
    """Answers each question alike in place of the engine; ``closed`` counts how often it was."""

    closed: list[str] = Field(default_factory=list)

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        assert not self.closed
        yield ChatGenerationChunk(message=AIMessageChunk(content="It has two piers."))

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def read_ahead(self, messages: Sequence[BaseMessage]) -> Generator[float, None, bool]:
        return True
        yield

    def weigh(self, messages: Any, choices: Sequence[str], **_: Any) -> Weighed:
        return Weighed(probabilities=dict.fromkeys(choices, 0.5))

    def close(self) -> None:
        self.closed.append("closed")


def test_a_run_opens_the_chat_model_once_for_all_articles(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LocalStandIn.model_construct(model_name="stand-in", weights="", closed=[])
    opened: list[Path | None] = []

    def chat_model_of(settings: Settings, *, states_folder: Path | None = None) -> LocalChatModel:
        opened.append(states_folder)
        return model

    monkeypatch.setattr(evaluating, "chat_model_of", chat_model_of)
    monkeypatch.setattr(Embedder, "named", lambda *_, **__: Embedder.brought(WordEmbeddings()))
    assert main(["eval", "set.jsonl", "--out", "out"]) == 0
    assert [one.error for one in found_in(folder / "out")] == ["", "", ""]
    assert len({one.example.article.id for one in found_in(folder / "out")}) == 2
    assert opened == [folder / "index" / "states"]
    assert model.closed == ["closed"]


def test_the_report_that_was_there_is_kept_beside_one_that_differs(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = ["It has 37 boats.", DECLINED, "It has two piers."]
    place = folder / "a b"
    previous = folder / "a b.previous"
    measure("set.jsonl", "--out", "a b", replies=replies)
    first = read_report(place)
    measure("set.jsonl", "--out", "a b")
    assert not previous.exists()  # it said the same again
    assert "compare" not in capsys.readouterr().err
    measure("set.jsonl", "--out", "a b", "--fresh", replies=["Ada.", DECLINED, "Two piers."])
    assert read_report(previous) == first
    said = capsys.readouterr().err.splitlines()
    command = "qa eval compare 'a b.previous' 'a b'"
    assert f"To compare it with the one before, run: {command}" in said
    assert main(shlex.split(command)[1:]) == 0
    second = read_report(place)
    measure("set.jsonl", "--out", "a b", "--judge", "a:b", verdicts=["right", "right"])
    assert read_report(previous) == second  # the judge makes another report of the same answers
    (place / "report.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()
    measure("set.jsonl", "--out", "a b")
    assert "Replaced: The report 'a b/report.json' is damaged" in capsys.readouterr().err
    assert read_report(previous) == second


@pytest.mark.parametrize("name", ["--judge", "--similarity", "report"])
def test_wherever_a_run_is_stopped_it_says_how_to_go_on(
    name: str,
    measure: Measure,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measure("set.jsonl", replies=["It has 37 boats.", DECLINED, "It has two piers."])
    capsys.readouterr()

    def stopped(*_: object) -> Any:
        raise KeyboardInterrupt

    words = {"--judge": ["--judge", "a:b"], "--similarity": ["--similarity"], "report": []}[name]
    options = parser().parse_args(["eval", "run", "set.jsonl", *words])
    if_report = {"report": stopped}.get(name, evaluating.write_report)
    monkeypatch.setattr(evaluating, "write_report", if_report)
    settings = Settings.from_environment()
    assert evaluating.measure(options, settings, nullcontext(stopped), stopped, stopped) == 130
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == " ".join(["To go on, run: qa eval set.jsonl", *words])
    assert said[-2].startswith("qa: stopped; ")


def test_a_run_that_is_stopped_says_how_to_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(article: Article) -> Generator[str, None, Assistant]:
        yield "Starting"
        raise KeyboardInterrupt

    words = ["eval", "set.jsonl", "--out", "a b", "--fail-under", "right>=0.9", "--fresh"]
    words += ["--judge", "a:b", "--similarity"]
    options = parser().parse_args(evaluating.with_action(words))
    nobody = nullcontext(ScriptedChatModel(replies=[]))
    settings = Settings.from_environment()
    answering = nullcontext(stopped)
    status = evaluating.measure(options, settings, answering, lambda name: nobody, WordEmbeddings)
    assert status == 130
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "qa: stopped; 0 of 3 questions are done and kept.",
        # Nothing was asked anew yet, so that what an earlier run kept is still there.
        "To go on, run: qa eval set.jsonl --out 'a b' --fail-under 'right>=0.9' --judge a:b "
        "--similarity --fresh",
    ]


def test_what_was_asked_anew_is_not_asked_again_by_the_run_that_goes_on(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure("set.jsonl", replies=["It has 37 boats.", DECLINED, "It has two piers."])
    settings = Settings.from_environment()
    once = iter([ScriptedChatModel(replies=["Ada is mayor.", DECLINED])])

    def stopped(article: Article) -> Generator[str, None, Assistant]:
        model = next(once, None)
        if model is None:
            raise KeyboardInterrupt
        return Assistant.opening(
            article, settings=settings, chat_model=model, embeddings=WordEmbeddings()
        )

    options = parser().parse_args(["eval", "run", "set.jsonl", "--fresh"])
    answering = nullcontext(stopped)
    assert evaluating.measure(options, settings, answering, nullcontext, WordEmbeddings) == 130
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "qa: stopped; 2 of 3 questions are done and kept.",
        "To go on, run: qa eval set.jsonl",
    ]
    # The second article has to be asked anew as well: the answer of the first run is forgotten.
    assert measure("set.jsonl", replies=["It has no piers."]) == 0
    found = found_in(folder / "evaluations" / "set")
    assert [one.scores["correct"] for one in found] == [0.0, 0.0, 1.0]


def test_all_problems_of_all_test_sets_come_before_a_model(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.jsonl").touch()
    (folder / "wrong.jsonl").write_text("{}\n", encoding="utf-8")
    assert main(["eval", "set.jsonl", "empty.jsonl", "wrong.jsonl", "none.jsonl"]) == 1
    said = capsys.readouterr().err
    assert "the file: has no questions" in said
    assert "line 1: 'question' is missing" in said
    assert "'none.jsonl' cannot be read" in said


@pytest.mark.parametrize(
    "text", ["right", "rihgt>=0.9", "right=0.9", "right>=high", "right>=0.9 x"]
)
def test_a_wrong_bar_is_exit_status_2_and_names_the_figures(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["eval", "set.jsonl", "--fail-under", text])
    assert caught.value.code == 2
    assert "the figures are right, declined, right_mean" in capsys.readouterr().err


def test_two_reports_are_compared(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = ["It has 37 boats.", "The article does not say."]
    measure("set.jsonl", "--out", "old", replies=replies)
    measure("set.jsonl", "--out", "new", "--fresh", replies=["Ada is mayor.", "It has 37 boats."])
    capsys.readouterr()
    assert main(["eval", "compare", "old", "new"]) == 0
    assert "3 questions were asked in both runs." in capsys.readouterr().out
    assert main(["eval", "compare", "old", "nowhere"]) == 1


def test_a_report_is_printed_for_other_scorers(
    measure: Measure, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measure("set.jsonl", "--out", "run", replies=["It has 37 boats.", "The article does not say."])
    printed = {}
    for form in ("squad", "squad-na-probs", "squad-data", "squad-totals", "ragas"):
        capsys.readouterr()
        assert main(["eval", "export", "run", "--as", form]) == 0
        printed[form] = json.loads(capsys.readouterr().out)
    said = printed["squad"]
    assert min(said.values()) == ""
    assert "It has 37 boats." in said.values()
    assert said.keys() == printed["squad-na-probs"].keys()
    asked = [
        question["id"]
        for article in printed["squad-data"]["data"]
        for question in article["paragraphs"][0]["qas"]
    ]
    assert asked == list(said)
    assert printed["squad-totals"]["total"] == len(said)
    assert {row["response"] for row in printed["ragas"]} >= {"It has 37 boats."}
    assert main(["eval", "export", "nowhere", "--as", "squad"]) == 1


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["eval", "a.jsonl"], ["eval", "run", "a.jsonl"]),
        (["eval", "--out", "x", "a.jsonl"], ["eval", "run", "--out", "x", "a.jsonl"]),
        (["eval", "compare", "a", "b"], ["eval", "compare", "a", "b"]),
        (["eval", "./compare"], ["eval", "run", "./compare"]),
        (["eval"], ["eval"]),
        (["eval", "-h"], ["eval", "-h"]),
        (["ask", "eval"], ["ask", "eval"]),
    ],
)
def test_a_test_set_stands_where_an_action_may(words: list[str], meant: list[str]) -> None:
    assert evaluating.with_action(words) == meant


def test_what_answers_depend_on_is_named(tmp_path: Path) -> None:
    settings = Settings(index_folder=tmp_path, chat_model="openai:gpt")
    about = made_with(settings)
    assert about["setting chat_model"] == "openai:gpt"
    assert len(about["program sha256"]) == 64
    assert len(about["embedder sha256"].split()[0]) == 64
    assert not {"chat model sha256", "chat model file"} & about.keys()
    elsewhere = Settings(index_folder=tmp_path / "x", chat_model="openai:gpt")
    assert made_with(elsewhere) == about
    other = Settings(index_folder=tmp_path, chat_model="openai:gpt", passages=3)
    assert made_with(other) != about


def test_models_of_ones_own_are_told_by_their_files(tmp_path: Path) -> None:
    for name in ("model.gguf", "llama-server", WEIGHTS_FILE):
        (tmp_path / name).write_bytes(b"GGUF")
        os.utime(tmp_path / name, ns=(0, 1))
    about = made_with(
        Settings(
            chat_model=str(tmp_path / "model.gguf"),
            llama_server=tmp_path / "llama-server",
            embedding_model=str(tmp_path),
        )
    )
    told = ("chat model file", "llama-server file", "embedder sha256")
    file = "4 bytes, changed at 1 ns"
    assert [about[name] for name in told] == [file, file, hash_weights(tmp_path)]
