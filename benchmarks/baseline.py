"""The usual recipe on a test set, to hold the program against: chunks, vectors, one prompt.

    pip install -c constraints.txt langchain-text-splitters
    python benchmarks/baseline.py TESTSET [TESTSET ...] --out DIR [--overlap N]
    qa eval TESTSET [TESTSET ...] --out NEW
    qa eval compare DIR NEW

Each article is cut into chunks of at most 500 characters by LangChain's splitter. The four nearest
to the question, by the program's own embedder, are put into one prompt that says "say that you
don't know", and the program's own model answers within the program's own bounds. Earlier turns
stand before the question, which is searched for as it was asked. An answer whose first sentence
says that it is not known counts as declined; ``NOT_KNOWN`` has the words that say so.

Finished answers are kept as those of ``qa eval`` are, so that a run that was stopped goes on.
Reports are those of ``qa eval``. The recipe has no citations, so its ``citation_recall`` is 0, and
no confidence, so there are no figures of it; figures at 5 hits are of its four.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.messages import BaseMessage, SystemMessage
from tqdm import tqdm

from qa.chunking import split
from qa.cli.asking import KEPT_FOLDER
from qa.cli.opening import chat_model
from qa.evaluation import Example, Outcome, load_examples, outcomes
from qa.evaluation.figures import table
from qa.evaluation.keeping import Keeper
from qa.evaluation.provenance import made_with
from qa.evaluation.reporting import write_report
from qa.evaluation.running import articles_of, check, report_of
from qa.generation import Draft, Writer
from qa.index import VectorIndex
from qa.indexing import Embedder
from qa.prompts import asking
from qa.records import Answer, Article, Chunk, Hit, Reason, Timings, Turn
from qa.settings import Settings
from qa.verification import declines

CHUNK_CHARACTERS = 500
OVERLAP_CHARACTERS = 50
PASSAGES = 4

INSTRUCTIONS = (
    "Answer the question from the passages below, in at most three short sentences. If you do not "
    "know the answer, say that you don't know."
)

_SAYS = "know|say|state|mention|specify|provide|give|contain|include|indicate|discuss|tell|explain"
NOT_KNOWN = re.compile(
    r"\b(?:I|we|it|they|article|texts?|passages?|context|information)(?: above| given| provided)? "
    rf"(?:do|does|did)(?: not|n[’']t) (?:\w+ly )?(?:{_SAYS})\b"
    r"|\b(?:not|\w+n[’']t) (?:been )?(?:\w+ly )?"
    r"(?:known|mentioned|stated|specified|provided|indicated|discussed)\b"
    r"|\b(?:no (?:mention|information)|(?:not|n[’']t) have (?:\w+ ){0,2}information)\b"
    r"|\b(?:cannot|can not|can[’']t|unable to|impossible to) (?:be )?"
    r"(?:answer|determine|tell|say|find)|\b(?:is|are|was|were) unknown\b",
    re.IGNORECASE,
)


class Recipe:
    """Answers questions about one article by the usual recipe."""

    def __init__(self, chunks: Sequence[Chunk], embeddings: Embeddings, writer: Writer) -> None:
        self._chunks = chunks
        self._embeddings = embeddings
        self._writer = writer
        vectors = embeddings.embed_documents([chunk.text for chunk in chunks])
        self._index = VectorIndex.from_vectors(np.array(vectors, dtype=np.float32))

    def ask(self, question: str, history: Sequence[Turn]) -> Answer:
        """Return the answer, "abstained" if it says that it is not known."""
        started = time.perf_counter()
        hits = self._search(question)
        retrieved, first = _milliseconds(started), None
        written = Draft(text="")
        with closing(self._writer.stream(prompt(hits, question, history))) as drafts:
            for draft in drafts:
                written = draft
                if first is None and written.text:
                    first = _milliseconds(started)
        declined = not written.text or not_known(written.text)
        return Answer(
            question=question,
            searched_for=question,
            text=written.text,
            status="abstained" if declined else "answered",
            reason=Reason.DECLINED if declined else Reason.NONE,
            hits=hits,
            timings=Timings(
                retrieve_ms=retrieved,
                first_token_ms=first,
                total_ms=_milliseconds(started),
            ),
            usage=written.usage,
        )

    def _search(self, question: str) -> tuple[Hit, ...]:
        vector = np.array(self._embeddings.embed_query(question), dtype=np.float32)
        return tuple(
            Hit(chunk=self._chunks[row], score=similarity, similarity=similarity)
            for row, similarity in self._index.search(vector, PASSAGES)
        )


def prompt(hits: Sequence[Hit], question: str, history: Sequence[Turn]) -> list[BaseMessage]:
    """Return the messages: instructions and passages, the earlier turns, the question."""
    passages = "\n\n".join(hit.chunk.text for hit in hits)
    return asking([SystemMessage(f"{INSTRUCTIONS}\n\n{passages}")], question, history)


def not_known(text: str) -> bool:
    """Return whether the first sentence says that the answer is not known or not there."""
    spans = split(text)
    first = text[spans[0].start : spans[0].end] if spans else text
    return declines(first) or bool(NOT_KNOWN.search(first))


def cut(article: Article, *, overlap: int) -> list[Chunk]:
    """Return the chunks of an article as LangChain's splitter of characters makes them."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter  # needed here alone

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=CHUNK_CHARACTERS, chunk_overlap=overlap, add_start_index=True
    )
    found = splitter.create_documents([article.text])
    chunks = [
        Chunk(
            article_id=article.id,
            start=one.metadata["start_index"],
            end=one.metadata["start_index"] + len(one.page_content),
            text=one.page_content,
            heading=article.title,
        )
        for one in found
    ]
    moved = [one.start for one in chunks if article.text[one.start : one.end] != one.text]
    if moved:
        raise ValueError(f"chunks at {moved} are not words of {article.source!r}")
    return chunks


def asked(
    examples: Sequence[Example],
    embeddings: Embeddings,
    writer: Writer,
    *,
    overlap: int,
    keeper: Keeper,
) -> Generator[Outcome]:
    """Yield the outcomes, article by article."""
    for article in articles_of(examples).values():
        own = [example for example in examples if example.article.id == article.id]
        recipe = Recipe(cut(article, overlap=overlap), embeddings, writer)
        yield from outcomes(own, recipe.ask, keeper=keeper)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("testsets", nargs="+", metavar="TESTSET")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--overlap", type=int, default=OVERLAP_CHARACTERS, metavar="CHARACTERS")
    options = parser.parse_args()
    settings = Settings.from_environment()
    examples = [example for path in options.testsets for example in load_examples(path)]
    check(examples)
    about = {
        **made_with(settings),
        "answerer": f"the usual recipe: {PASSAGES} of the chunks of {CHUNK_CHARACTERS} characters, "
        f"{options.overlap} of them shared",
        "recipe sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }
    keeper = Keeper.open(settings.index_folder / KEPT_FOLDER, about, articles_of(examples))
    with chat_model(settings) as model:
        embedder = Embedder.named(
            settings.embedding_model, settings.models_folder, threads=settings.threads
        )
        writer = Writer(
            model,
            answer_tokens=settings.answer_tokens,
            deadline_seconds=settings.deadline_seconds,
        )
        found = asked(examples, embedder.embeddings, writer, overlap=options.overlap, keeper=keeper)
        by_id = {one.example.id: one for one in tqdm(found, total=len(examples))}
    report = report_of([by_id[example.id] for example in examples], about=about)
    print(table(report.estimates))
    for path in write_report(report, options.out):
        print(path)


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
