"""Answers of the default model to questions on SQuAD 2.0 articles, as lines to learn checking from.

    python benchmarks/drafts.py [FOLDER] [--minutes N]

FOLDER holds squad2_open.json (SQuAD 2.0's JSON; by default ../shared/data). The model is given one
paragraph and its questions, some as they come, in the words of ``qa.prompts``; each answer that it
does not decline is a line of benchmarks/checks.jsonl, "kind" "draft". As that takes seconds each,
the annotators' own answers make further lines, "kind" "span": the gold answers of what the article
answers, and the plausible but wrong ones of what it does not. Evidence is found as the program
finds it, in the passages of a search of the whole article and those of the paragraph.

Lines of the kind "natural" are none of these: they were written by hand, in the ways people ask, on
made-up subjects, and stay as they are.

Lines are written as they come, and those that are there are not asked again. SQuAD 2.0 is under
CC BY-SA 4.0, and so is what is made of it.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from qa.articles.text import normalise
from qa.assistant import chat_model_of
from qa.calibration import ANY_MODEL, calibrations_for
from qa.evaluation.squad import contains
from qa.generation import Writer
from qa.indexing import Embedder, Indexer
from qa.prompts import Section, asking, reading
from qa.records import Article, Chunk
from qa.retrieval import Retriever
from qa.settings import Settings
from qa.steps import result_of
from qa.verification import Verifier, declines

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
ROWS = Path(__file__).with_name("checks.jsonl")
SPANS = 0.5
"""Share of the questions whose annotated answer makes a line too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the file, on a paragraph that begins at ``start`` in its article."""

    id: str
    text: str
    paragraph: str
    start: int
    gold: tuple[str, ...]
    plausible: tuple[str, ...]


class Shelf:
    """One article with the search and the verifier of the program."""

    def __init__(self, article: Article, embedder: Embedder, settings: Settings) -> None:
        self.article = article
        embeddings = embedder.embeddings
        with tempfile.TemporaryDirectory() as folder:
            indexer = Indexer(Path(folder), embedder, chunk_characters=settings.chunk_characters)
            contents = result_of(indexer.contents([article]))
        self.chunks = contents.chunks
        self.retriever = Retriever.build(contents.chunks, contents.vectors, embeddings)
        self.verifier = Verifier(
            [article], embeddings, calibrations=calibrations_for(ANY_MODEL), most_risk=1.0
        )
        self.passages = settings.passages

    def line(self, question: Question, answer: str, *, right: bool, kind: str) -> dict[str, Any]:
        hits = tuple(self.retriever.search([question.text], self.passages))
        examined = self.verifier.examine(
            question.text, answer, hits=hits, read=self._read(question, hits), follow_up=False
        )
        return {
            "id": question.id,
            "title": examined.title,
            "evidence": examined.evidence,
            "question": question.text,
            "answer": answer,
            "right": right,
            "kind": kind,
        }

    def _read(self, question: Question, hits: Sequence[Any]) -> list[Chunk]:
        end = question.start + len(question.paragraph)
        own = [one for one in self.chunks if question.start <= one.start < end]
        return [*own, *(hit.chunk for hit in hits if hit.chunk not in own)]


def articles(path: Path) -> Iterator[tuple[Article, list[Question]]]:
    for entry in json.loads(path.read_text(encoding="utf-8"))["data"]:
        title = entry["title"].replace("_", " ")
        text, questions = f"{title}\n", []
        for paragraph in entry["paragraphs"]:
            words = normalise(paragraph["context"]).text.strip()
            start = len(text) + 1
            text += f"\n{words}\n"
            questions += [
                Question(
                    id=one["id"],
                    text=one["question"].strip(),
                    paragraph=words,
                    start=start,
                    gold=tuple(answer["text"] for answer in one["answers"]),
                    plausible=tuple(answer["text"] for answer in one.get("plausible_answers", [])),
                )
                for one in paragraph["qas"]
            ]
        yield Article.from_text(text, title=title, source=title), questions


def span_of(question: Question) -> str | None:
    """Return an annotator's answer for some questions, always the same ones."""
    chance = random.Random(question.id)
    spans = question.gold or question.plausible
    if not spans or chance.random() >= SPANS:
        return None
    span = chance.choice(spans)
    return f"{span[0].upper()}{span[1:]}." if chance.random() < 0.5 else span


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--minutes", type=float, default=60.0, help="to ask the model for, at most")
    options = parser.parse_args()
    settings = Settings()
    embedder = Embedder.named(
        settings.embedding_model, settings.models_folder, threads=settings.threads
    )
    model = chat_model_of(settings)
    writer = Writer(model, answer_tokens=settings.answer_tokens, deadline_seconds=60.0)
    written = ROWS.read_text(encoding="utf-8").splitlines() if ROWS.exists() else []
    known = {(line["id"], line["kind"]) for line in map(json.loads, written)}
    asked_until = time.monotonic() + options.minutes * 60
    paragraphs: dict[tuple[str, int], list[tuple[Shelf, Question]]] = {}
    for article, questions in articles(options.folder / "squad2_open.json"):
        shelf = Shelf(article, embedder, settings)
        for question in questions:
            paragraphs.setdefault((article.id, question.start), []).append((shelf, question))
    order = random.Random(0).sample(list(paragraphs.values()), len(paragraphs))
    with ROWS.open("a", encoding="utf-8") as file:
        for shelf, question in tqdm([pair for pairs in order for pair in pairs]):
            span = span_of(question)
            if span and (question.id, "span") not in known:
                line = shelf.line(question, span, right=bool(question.gold), kind="span")
                if not question.gold or contains(line["evidence"], [question.gold]):
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
            if (question.id, "draft") not in known and time.monotonic() < asked_until:
                section = Section(heading=shelf.article.title, text=question.paragraph)
                *_, draft = writer.stream(asking(reading([section]), question.text, ()))
                if draft.text and not declines(draft.text):
                    right = contains(draft.text, [question.gold])
                    line = shelf.line(question, draft.text, right=right, kind="draft")
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
    model.close()


if __name__ == "__main__":
    main()
