"""The usual recipe, with a scripted model, an embedder without weights, and chunks given to it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from fakes.cases import ARTICLE, TEXT, example
from fakes.chat import CountingChatModel
from fakes.embedder import WordEmbeddings
from qa import Turn
from qa.evaluation import evaluate
from qa.generation import Writer
from qa.records import Chunk, Span

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "baseline.py"


@pytest.fixture(scope="module")
def baseline() -> ModuleType:
    spec = importlib.util.spec_from_file_location("baseline", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def chunk(words: str) -> Chunk:
    start = TEXT.index(words)
    end = start + len(words)
    return Chunk(article_id=ARTICLE.id, start=start, end=end, text=words, heading="Boats")


def test_the_nearest_chunks_are_read_and_the_answer_is_scored(baseline: ModuleType) -> None:
    model = CountingChatModel(replies=["It has 37 boats.", "I don't know who the king is."])
    writer = Writer(model, answer_tokens=40, deadline_seconds=60.0)
    chunks = [chunk(words) for words in ("It has a pier.", "It has 37 boats.", "The mayor is")]
    recipe = baseline.Recipe(chunks, WordEmbeddings(), writer)
    before = (Turn(question="Is there a pier?", answer="Yes."),)
    many = example(
        "How many boats has it?",
        answers=(("37",),),
        evidence=(Span(start=0, end=16),),
        history=before,
    )
    report = evaluate([many, example("Who is the king?", id="q2")], recipe.ask)
    assert [one.scores["correct"] for one in report.outcomes] == [1.0, 1.0]
    assert report.outcomes[0].scores["mrr"] == 1.0
    first, second = (one.answer for one in report.outcomes)
    assert first is not None
    assert first.usage is not None
    assert (first.text, first.usage.written) == ("It has 37 boats.", 4)
    assert [message.text for message in model.asked[0]][1:] == [
        *("Is there a pier?", "Yes.", "How many boats has it?")
    ]
    assert model.asked[0][0].text.endswith("\n\n".join(hit.chunk.text for hit in first.hits))
    assert second is not None
    assert second.status == "abstained"


@pytest.mark.parametrize(
    ("text", "declined"),
    [
        ("I don't know.", True),
        ("I'm sorry, but I do not know the answer.", True),
        ("The passages provided do not explicitly mention a king.", True),
        ("The name of the king isn’t mentioned in the passages.", True),
        ("There is no information about a king.", True),
        ("It cannot be determined who is king.", True),
        ("The article does not say.", True),
        ("The date is unknown.", True),
        ("He is king. The passages do not mention since when.", False),
        ("They did not sign the treaty.", False),
        ("It has no king.", False),
    ],
)
def test_what_counts_as_declined(baseline: ModuleType, text: str, *, declined: bool) -> None:
    assert baseline.not_known(text) is declined
