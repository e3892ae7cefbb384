"""The command line without a model: bad input gets one line, and the right exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from qa.cli.asking import told
from qa.cli.main import main
from qa.cli.text import answer_json, answer_text, plain
from qa.models.catalogue import find_model
from qa.records import Answer, Article, Citation, Reason, Sentence, Span
from qa.steps import told as told_shares

ARTICLE = Article.from_text("It has 37 boats. It has a pier.", title="Boats", source="boats.txt")
ANSWERED = Answer(
    question="How many?",
    searched_for="What is there? How many?",
    text="37 boats. And a king.",
    status="answered",
    confidence=0.5,
    sentences=(
        Sentence(start=0, end=9, support="supported", citations=(1,)),
        Sentence(start=10, end=21, support="unsupported", citations=()),
    ),
    citations=(Citation.cut(ARTICLE, Span(start=0, end=16), number=1),),
)
WITHHELD = Answer(
    question="Who is king?",
    searched_for="Who is king?",
    text="The article does not say.",
    status="abstained",
    reason=Reason.DECLINED,
    closest=Citation.cut(ARTICLE, Span(start=17, end=31), number=0),
)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without weights or an index."""
    monkeypatch.setenv("QA_MODELS_FOLDER", str(tmp_path / "models"))
    monkeypatch.setenv("QA_INDEX_FOLDER", str(tmp_path / "index"))
    return tmp_path


def test_an_answer_in_text_has_its_marks_and_quotes() -> None:
    assert answer_text(ANSWERED) == (
        "37 boats. [1] And a king. [not supported by the article]\n\n"
        "Searched for: What is there? How many?\n\n"
        "[1] boats.txt, characters 0 to 16:\n    “It has 37 boats.”\n\n"
        "Confidence: 50% (an estimate)"
    )


def test_an_abstention_in_text_shows_the_closest_passage() -> None:
    assert answer_text(WITHHELD) == (
        "The article does not say.\n\n"
        "Closest passage: boats.txt, characters 17 to 31:\n    “It has a pier.”"
    )


def test_an_answer_in_json_has_the_fields_of_the_contract() -> None:
    assert json.loads(answer_json(ANSWERED)) == {
        "question": "How many?",
        "searched_for": "What is there? How many?",
        "status": "answered",
        "reason": "",
        "text": "37 boats. And a king.",
        "confidence": 0.5,
        "citations": [
            {"number": 1, "source": "boats.txt", "start": 0, "end": 16, "text": "It has 37 boats."}
        ],
        "closest": None,
        "timings": {"retrieve_ms": 0.0, "first_token_ms": None, "total_ms": 0.0},
    }


def test_nothing_steers_the_terminal() -> None:
    assert plain("a\x1b[2Jb\rc\nd‮e") == "a\\x1b[2Jb\\rc\nd\\u202ee"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", " "], "qa: The question is empty."),
        (["ask", "w" * 10_000], "qa: The question has 10,000 characters, and 2,000 are allowed."),
        (["ask", "a\x00b"], "qa: The question holds '\\x00', which is not text."),
        (["ask", "Why?", "-a", "nothing.txt"], "qa: Cannot read 'nothing.txt': No such file"),
        (["index", "nothing.txt"], "qa: Cannot read 'nothing.txt': No such file"),
        (["ask", "Why?"], "qa: The model 'qwen2.5-coder-1.5b' in "),
        (["models", "verify"], "qa: The model 'all-minilm-l6-v2' in "),
        (["models", "pull", "gpt"], "qa: There is no local model named 'gpt'."),
    ],
)
@pytest.mark.usefixtures("bare")
def test_bad_input_is_one_line_and_exit_status_1(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert [line for line in output.err.splitlines() if line.startswith(said)] == [
        output.err.splitlines()[-1]
    ]


@pytest.mark.parametrize("arguments", [[], ["fly"], ["ask"], ["chat", "--port", "99999"]])
def test_wrong_usage_is_exit_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: qa" in capsys.readouterr().err


@pytest.mark.usefixtures("bare")
def test_an_unknown_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("QA_COLOUR", "red")
    assert main(["models", "list"]) == 1
    assert "There is no setting QA_COLOUR." in capsys.readouterr().err


@pytest.mark.usefixtures("bare")
def test_the_list_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    models = [line for line in lines if not line.startswith(" ")]
    assert len(models) == 4
    assert all(" missing " in line for line in models)
    assert any(line.strip().startswith("from Qwen/") for line in lines)
    assert f"    {find_model('smollm2-135m').files[0].sha256}  " in "\n".join(lines)


@pytest.mark.usefixtures("bare")
def test_the_doctor_names_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "ok  faiss-cpu: " in said
    assert "!!  chat model qwen2.5-coder-1.5b: " in said
    assert "Run: qa models pull qwen2.5-coder-1.5b" in said


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("model", "risk", "said"),
    [
        ("qwen2.5-coder-1.5b", "0.15", "risk 15%: answers are given from a confidence of 0."),
        ("qwen2.5-coder-1.5b", "1", "risk 100%: every answer is given that the article carries"),
        ("qwen2.5-coder-0.5b", "0.15", "risk 15%: not measured for this model; "),
        ("provider:model", "0.15", "risk 15%: not measured for this model; "),
        ("nothing", "0.15", "risk 15%: not measured for this model; "),
    ],
)
def test_the_doctor_says_which_answers_are_given(
    model: str,
    risk: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QA_CHAT_MODEL", model)
    monkeypatch.setenv("QA_MOST_RISK", risk)
    main(["doctor"])
    assert said in capsys.readouterr().out


WRONG_MODELS = [
    ("QA_CHAT_MODEL", "/nope.gguf", "'/nope.gguf' cannot be read"),
    ("QA_CHAT_MODEL", "/nope.GGUF", "'/nope.GGUF' cannot be read"),
    ("QA_CHAT_MODEL", "qwen", "The local generators are: "),
    ("QA_CHAT_MODEL", "all-minilm-l6-v2", "There is no local generator named"),
    ("QA_CHAT_MODEL", "nobody:gpt", "'nobody:gpt' could not be opened"),
    ("QA_EMBEDDING_MODEL", "/nope", "The local embedders are: "),
]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("name", "value", "said"), WRONG_MODELS)
def test_the_doctor_finds_a_model_that_is_none(
    name: str,
    value: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 1
    assert said in capsys.readouterr().out


def test_the_doctor_tells_of_a_missing_program_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_LLAMA_SERVER", "/nope")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert said.count("/nope") == 1
    assert "Set QA_LLAMA_SERVER to a llama-server program, or unset it." in said


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("name", "value", "said"), WRONG_MODELS[-1:])
def test_no_page_is_opened_for_a_model_that_is_none(
    name: str,
    value: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["chat", "--no-browser"]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert "The page is at" not in told


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), 130, "qa: stopped."),
        (OSError(28, "No space left on device", "/tmp/x"), 1, "'/tmp/x'. Mend that"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "ordinal not in range"), 1, "PYTHONIOENCODING"),
        (ZeroDivisionError("7"), 1, "a fault in the program, ZeroDivisionError('7') in line"),
    ],
)
def test_what_goes_wrong_ends_in_one_line(
    error: BaseException,
    status: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(_: object) -> int:
        raise error

    monkeypatch.setattr("qa.cli.doctor.check", fails)
    assert main(["doctor"]) == status
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize("terminal", [False, True])
def test_how_far_a_step_is_takes_its_line_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    def steps() -> Generator[str, None, int]:
        yield "Loading"
        yield from told_shares("Building the index", shares())
        return 7

    def shares() -> Generator[float, None, None]:
        yield 0.256
        yield 1.0

    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert told(steps()) == 7
    over = "\x1b[A\x1b[K"
    further = f"{over}Building the index, 26% …\n{over}Building the index, 100% …\n"
    assert capsys.readouterr().err == (
        f"Loading …\nBuilding the index …\n{further if terminal else ''}"
    )
