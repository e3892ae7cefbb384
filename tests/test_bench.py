"""The test sets that ``qa chat`` hands to the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.articles.loading import load_articles
from qa.cli.asking import bench_for
from qa.cli.main import main
from qa.errors import ExamplesError
from qa.evaluation.provenance import made_with
from qa.settings import Settings
from qa.ui.bench import ExampleSet

NATURAL = Path(__file__).parent / "testsets" / "natural"
BIO, SPORT = (NATURAL / "articles" / name for name in ("bio.txt", "sport.txt"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(index_folder=tmp_path)


def test_a_shipped_set_fits_its_article_alone(settings: Settings) -> None:
    bench = bench_for([], load_articles(BIO), settings)
    assert [(one.name, len(one.examples), one.left_out) for one in bench.sets] == [("bio", 30, 0)]
    assert bench.kept_folder == settings.index_folder / "answers"
    # What an evaluation in a terminal kept, which opens one article at a time, serves here too.
    assert bench.about == made_with(settings)


def test_articles_that_are_searched_together_have_answers_of_their_own(settings: Settings) -> None:
    both = bench_for([], load_articles([BIO, SPORT]), settings)
    turned = bench_for([], load_articles([SPORT, BIO]), settings)
    assert {one.name for one in both.sets} == {"bio", "sport"}
    assert both.about == turned.about
    assert set(both.about) - set(made_with(settings)) == {"articles opened together"}


def test_no_set_fits_an_article_of_ones_own(settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("The mill was built in 1901. It still turns.")
    assert bench_for([], load_articles(own), settings).sets == ()


def test_a_named_set_comes_first_and_must_fit(settings: Settings, tmp_path: Path) -> None:
    own = tmp_path / "own.jsonl"
    line = '{"id": "1", "article": "%s", "question": "Where was she born?", "answers": ["Ruse"]}'
    own.write_text(line % BIO)
    names = [one.name for one in bench_for([str(own)], load_articles(BIO), settings).sets]
    assert names == ["own", "bio"]
    with pytest.raises(ExamplesError, match=r"own\.jsonl' asks none of the articles"):
        bench_for([str(own)], load_articles(SPORT), settings)


def test_questions_about_other_articles_are_counted(tmp_path: Path) -> None:
    mixed = tmp_path / "mixed.jsonl"
    line = '{"id": "%s", "article": "%s", "question": "Where was she born?", "answers": ["Ruse"]}'
    mixed.write_text("\n".join(line % one for one in [("1", BIO), ("2", SPORT), ("3", SPORT)]))
    found = ExampleSet.fitting(mixed, load_articles(BIO))
    assert ([one.id for one in found.examples], found.left_out) == (["1"], 2)


@pytest.mark.parametrize(
    ("testset", "said"),
    [("missing.jsonl", "cannot be read"), (str(NATURAL / "sport.jsonl"), "asks none of the")],
)
def test_a_wrong_set_is_told_before_anything_is_opened(
    capsys: pytest.CaptureFixture[str], testset: str, said: str
) -> None:
    assert main(["chat", "-a", str(BIO), "--testset", testset, "--no-browser"]) == 1
    assert said in capsys.readouterr().err
