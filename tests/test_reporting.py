"""Reports as files: nothing is lost, nothing is half written, and nothing in them runs."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.reports import made_up
from qa.errors import ReportError
from qa.evaluation.case_json import cases_to_json
from qa.evaluation.figures import smallest_shown, table
from qa.evaluation.html import report_to_html
from qa.evaluation.kinds import Kind, kind_counts, kind_of
from qa.evaluation.markdown import report_to_markdown
from qa.evaluation.records import Estimate, Example, Outcome, Report
from qa.evaluation.report_json import report_from_json, report_to_json
from qa.evaluation.reporting import read_report, write_report
from qa.records import (
    Answer,
    Article,
    Chunk,
    Citation,
    Hit,
    Reason,
    Sentence,
    Span,
    Timings,
    Turn,
    Usage,
)

ARTICLE = Article.from_text(
    "The town keeps 37 boats.\nA new pier was opened on 4 May by the mayor, Ada Holm 🚤.\n"
    "Nobody remembers a winter without ice.",
    title="Northmere",
    source="boats.txt",
)
LONG = Article.from_text(
    "\n".join(f"Line {number} says what line {number - 1} left out." for number in range(400)),
    title="Lines",
    source="lines.txt",
)

numbers = st.floats(min_value=-1e6, max_value=1e6)
shares = st.floats(min_value=0, max_value=1)
counts = st.integers(min_value=0, max_value=9_999)
# Halves of surrogates too: a model may write them. Two in a row would be read back as one.
texts = st.text(max_size=30) | st.sampled_from(["\ud800 half", "</script>", "a\0b", "\u2028"])
names = st.text(max_size=10)
articles = st.builds(
    lambda text, title: Article.from_text(text, title=title, source=title),
    st.text(min_size=2, max_size=60) | st.just("Of this text there are two."),
    st.sampled_from(["an article", "another article"]),
)


@st.composite
def spans(draw: st.DrawFn, article: Article) -> Span:
    start = draw(st.integers(0, len(article.text) - 1))
    return Span(start=start, end=draw(st.integers(start + 1, len(article.text))))


@st.composite
def answers(draw: st.DrawFn, article: Article) -> Answer:
    span = draw(spans(article))
    chunk = Chunk(
        article_id=draw(st.sampled_from([article.id, "of no known article"])),
        start=span.start,
        end=span.end,
        text=article.text[span.start : span.end],
        heading=draw(texts),
    )
    similarity = draw(st.none() | shares)
    reason = draw(st.sampled_from(Reason))
    return Answer(
        question=draw(texts),
        searched_for=draw(texts),
        text=draw(texts),
        status="abstained" if reason else "answered",
        reason=reason,
        confidence=draw(shares),
        sentences=(Sentence(start=0, end=2, support="partly", citations=(1,)),),
        citations=(Citation.cut(article, draw(spans(article)), number=1),),
        closest=draw(st.none() | st.just(Citation.cut(article, span, number=0))),
        hits=(Hit(chunk=chunk, score=draw(numbers), similarity=similarity),),
        timings=Timings(retrieve_ms=1.5, first_token_ms=draw(st.none() | shares), total_ms=9.0),
        usage=draw(st.none() | st.builds(Usage, read=counts, cached=counts, written=counts)),
    )


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    article = draw(articles)
    answer = draw(st.none() | answers(draw(articles)))
    return Outcome(
        example=Example(
            id=draw(texts),
            article=article,
            question=draw(texts),
            history=tuple(draw(st.lists(st.builds(Turn, question=texts, answer=texts)))),
            answers=tuple(draw(st.lists(st.lists(texts).map(tuple), max_size=2))),
            evidence=(draw(spans(article)),),
            tags=tuple(draw(st.lists(texts, max_size=2))),
        ),
        answer=answer,
        scores=draw(st.dictionaries(names, numbers, max_size=3)),
        seconds=draw(shares),
        error="" if answer else "It failed.",
    )


reports = st.builds(
    Report,
    outcomes=st.lists(outcomes(), max_size=3).map(tuple),
    estimates=st.lists(
        st.builds(
            Estimate,
            name=texts,
            value=numbers,
            low=numbers,
            high=numbers,
            n=st.integers(0, 9999),
            interval=st.sampled_from(["wilson", "bootstrap"]),
        ),
        max_size=2,
    ).map(tuple),
    about=st.dictionaries(names, texts, max_size=2),
    curves=st.dictionaries(
        st.sampled_from(["risk-coverage", "reliability"]),
        st.lists(st.tuples(shares, shares), max_size=4).map(tuple),
    ),
)
slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(reports)
def test_a_report_comes_back_equal_and_as_the_same_bytes(report: Report) -> None:
    data = report_to_json(report)
    assert report_from_json(data) == report
    assert report_to_json(report_from_json(data)) == data


@slow
@given(reports)
def test_any_report_becomes_a_page_and_markdown(report: Report) -> None:
    assert report_to_html(report).encode()
    assert report_to_markdown(report).startswith("# Evaluation\n")


def test_a_folder_is_written_and_read(tmp_path: Path) -> None:
    report = made_up(ARTICLE, 14)
    folder = tmp_path / "runs" / "first"
    written = write_report(report, folder)
    assert [path.name for path in written] == ["report.json", "report.md", "report.html"]
    assert sorted(folder.iterdir()) == sorted(written)
    assert read_report(folder) == read_report(folder / "report.json") == report


def test_a_second_report_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_report(made_up(ARTICLE, 14), tmp_path)
    write_report(made_up(ARTICLE, 7), tmp_path)
    assert read_report(tmp_path) == made_up(ARTICLE, 7)
    assert len(list(tmp_path.iterdir())) == 3


def test_the_text_of_an_article_is_kept_once() -> None:
    whole = json.dumps(LONG.text)[1:-1]
    report = made_up(LONG, 20)
    assert report_to_json(report).decode().count(whole) == 1
    assert report_to_html(report).count(whole) == 1


def test_a_folder_that_cannot_be_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"^The report cannot be written to '.*file/runs': .*\.$"):
        write_report(made_up(ARTICLE, 1), tmp_path / "file" / "runs")


def test_a_file_that_cannot_be_replaced_leaves_nothing_unfinished(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(ReportError):
        write_report(made_up(ARTICLE, 1), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_missing_report_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"report\.json' cannot be read: No such file"):
        read_report(tmp_path)


GOOD = json.loads(report_to_json(made_up(ARTICLE, 1)))


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "Expecting value"),
        (b"\xff", "codec can't decode"),
        (b"[" * 100_000, "recursion"),
        ([], "not the report of an evaluation"),
        ({"answers": []}, "not the report of an evaluation"),
        ({**GOOD, "format": 7}, "its format is 7, and 1 is expected"),
        (without("about"), "it has no 'about'"),
        (without("articles"), "it has no 'articles'"),
        ({**GOOD, "outcomes": 4}, "its outcomes are not a list"),
        ({**GOOD, "outcomes": [4]}, "outcome 1 is not complete"),
        ({**GOOD, "articles": []}, "outcome 1 is not complete"),
        ({**GOOD, "curves": {"x": [[1]]}}, "x.0.1: Field required"),
        ({**GOOD, "outcomes": [{**GOOD["outcomes"][0], "seconds": "slow"}]}, "outcome 1: seconds"),
        ({**GOOD, "outcomes": [{**GOOD["outcomes"][0], "error": "no"}]}, "needs an answer or an"),
        ({**GOOD, "outcomes": [{**GOOD["outcomes"][0], "answer": {}}]}, "without known articles"),
    ],
)
def test_what_is_wrong_with_a_report_is_told_in_one_line(
    data: object, told: str, tmp_path: Path
) -> None:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    (tmp_path / "report.json").write_bytes(raw)
    with pytest.raises(ReportError) as raised:
        read_report(tmp_path)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_report_is_an_error_or_another_report(data: st.DataObject) -> None:
    raw = bytearray(report_to_json(made_up(ARTICLE, 2)))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        assert isinstance(report_from_json(bytes(raw)), Report)


def test_articles_of_one_text_keep_their_titles() -> None:
    text = "The same text."
    one, other = (Article.from_text(text, title=name, source=f"{name}.txt") for name in "AB")
    found = tuple(
        Outcome(
            example=Example(id=article.title, article=article, question="What?"),
            answer=Answer(
                question="What?",
                searched_for="What?",
                text="The same.",
                status="answered",
                citations=(Citation.cut(article, Span(start=0, end=8), number=1),),
            ),
            scores={},
            seconds=1.0,
        )
        for article in (one, other)
    )
    report = Report(outcomes=found, estimates=(), about={})
    assert report_from_json(report_to_json(report)) == report
    cases = json.loads(cases_to_json(report))
    assert [article["title"] for article in cases["articles"]] == ["A", "B"]
    assert [case["article"] for case in cases["cases"]] == [0, 1]
    assert [case["answer"]["citations"] for case in cases["cases"]] == [
        [[1, 0, 0, 8]],
        [[1, 1, 0, 8]],
    ]


# Figures


def test_the_table_has_a_line_for_each_estimate() -> None:
    assert table(made_up(ARTICLE, 1_000).estimates) == (
        "                       value       95% interval      n\n"
        "right                  0.912     0.850 to 0.951     60\n"
        "declined               0.875     0.790 to 0.940     40\n"
        "citation_precision     0.800     0.700 to 0.880     50\n"
        "first_token_ms_p50  1,234 ms  1,100 to 1,400 ms  1,000\n"
        "tokens_read_p50           62        60 to 1,000  1,000"
    )


def test_a_report_says_how_small_a_change_it_would_show() -> None:
    # By hand, of 60 with 12 flips: x * sqrt(60) = 1.96 * sqrt(.2) + .8416 * sqrt(.2 - x * x)
    assert smallest_shown(made_up(ARTICLE, 1_000).estimates) == (
        "The smallest change that these questions would mostly show, against a run that differs on "
        "20% of them: right 16 points, declined 19 points."
    )
    few = replace(made_up(ARTICLE, 1_000).estimates[0], n=8)
    assert smallest_shown([few]).endswith("right none, as they are too few.")
    assert smallest_shown(()) == ""
    report = made_up(ARTICLE, 7)
    for written in (report_to_markdown, report_to_html):
        assert "right 16 points, declined 19 points" in written(report)
    untold = report_to_html(replace(report, estimates=report.estimates[2:]))
    assert "<p></p>" not in untold
    assert "smallest change" not in untold


def test_a_table_of_nothing_is_its_head() -> None:
    assert table(()) == "  value  95% interval  n"


def test_each_way_to_come_out_is_told_apart() -> None:
    kinds = [kind_of(outcome) for outcome in made_up(ARTICLE, 7).outcomes]
    assert kinds == [
        Kind.RIGHT,
        Kind.RIGHT,
        Kind.WRONG,
        Kind.RIGHT,  # rightly declined
        Kind.WRONGLY_ANSWERED,
        Kind.WRONGLY_DECLINED,
        Kind.FAILED,
    ]
    assert sum(kind_counts(made_up(ARTICLE, 50).outcomes).values()) == 50


def test_markdown_lists_what_did_not_come_out_right() -> None:
    text = report_to_markdown(made_up(ARTICLE, 7))
    assert (
        "3 of 7 cases came out right; 1 failed, 1 wrongly answered, 1 wrong, 1 wrongly decl" in text
    )
    assert re.findall(r"^- \*\*(.+?)\*\* `(.+?)`", text, re.MULTILINE) == [
        ("Wrong", "case 2"),
        ("Wrongly answered", "case 4"),
        ("Wrongly declined", "case 5"),
        ("Failed", "case 6"),
    ]


# Hostile words

ATTACKS = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg/onload=alert(1)>",
    "<!--<script>",
    "]]></style><iframe src=//evil>",
    "${alert(1)} `alert(1)` &lt;b&gt;",
)


def hostile(attack: str) -> Report:
    article = Article.from_text(f"{attack} is all it says.", title=attack, source=attack)
    answer = Answer(
        question=attack,
        searched_for=f"{attack}!",
        text=f"{attack}.",
        status="answered",
        sentences=(Sentence(start=0, end=3, support="supported", citations=(1,)),),
        citations=(Citation.cut(article, Span(start=0, end=5), number=1),),
        hits=(
            Hit(
                chunk=Chunk(
                    article_id=attack, start=0, end=len(attack), text=attack, heading=attack
                ),
                score=1.0,
                similarity=None,
            ),
        ),
    )
    example = Example(
        id=attack,
        article=article,
        question=attack,
        history=(Turn(question=attack, answer=attack),),
        answers=((attack,),),
        tags=(attack,),
    )
    failed = Example(id=f"{attack}2", article=article, question=attack, tags=(attack, "b"))
    return Report(
        outcomes=(
            Outcome(example=example, answer=answer, scores={attack: 0.0}, seconds=1.0),
            Outcome(example=failed, answer=None, scores={}, seconds=1.0, error=attack),
        ),
        estimates=(
            Estimate(name=attack, value=0.5, low=0.4, high=0.6, n=2, interval=f"w{attack}"),
        ),
        about={attack: attack},
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_words_never_reach_the_page_as_html(attack: str) -> None:
    page, calm = report_to_html(hostile(attack)), report_to_html(hostile("calm"))
    assert attack not in page
    # The same elements, in the same order, as when every word is harmless.
    assert re.findall(r"</?[a-z][a-z0-9]*|<!", page) == re.findall(r"</?[a-z][a-z0-9]*|<!", calm)


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_words_stand_in_code_in_markdown(attack: str) -> None:
    text = report_to_markdown(hostile(attack))
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not set("<>$") & set(outside)


def test_the_policy_allows_only_the_page_s_own_script_and_style() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', report_to_html(hostile("x")))
    assert policy is not None
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='; "
        r"base-uri 'none'; form-action 'none'",
        policy[1],
    )


def test_2000_cases_stay_small() -> None:
    # Words like those of a real run: five passages of some 300 characters for each case.
    page = report_to_html(made_up(LONG, 2_000))
    assert len(page.encode()) < 10_000_000
    assert page.count("<details") == 2_000
