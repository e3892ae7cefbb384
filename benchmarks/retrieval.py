"""How often the gold sentence is among the first hits, by each way to search, and how fast.

Run: python benchmarks/retrieval.py [FOLDER] [--embedder FOLDER] [--time]

FOLDER holds squad2_open.json (SQuAD 2.0's JSON; by default ../shared/data). The paragraphs of one
of its articles, joined by blank lines, are the article. A question is found at k when one of its
first k hits holds the whole sentence with a gold answer; unanswerable questions are left out.
Weights were fitted on every other article ("tuned on"); "held out" are the rest. Prints Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from qa.articles.text import normalise
from qa.chunking import chunk, sentences
from qa.embedding import LocalEmbeddings, open_embeddings, text_to_embed
from qa.index import VectorIndex
from qa.records import Article, Chunk, Span
from qa.retrieval import Retriever, TermIndex, grams, standardised, stems
from qa.settings import Settings

SIZE = Settings.model_fields["chunk_characters"].default
SHOWN = 20  # hits kept of each list

Scores = NDArray[np.float32]
Chunker = Callable[[Article], list[Chunk]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    gold: list[Span]  # whole sentences; one for each gold answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    article: Article
    questions: list[Question]
    tuned_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One question: the rank that found it, or infinity; characters in the first 3 and 5 hits."""

    rank: float
    characters: tuple[int, int]
    tuned_on: bool


class CachedEmbeddings(Embeddings):
    """The real embedder, each text once: its vectors are kept in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model: LocalEmbeddings | None = None
        self._cache = Path(tempfile.gettempdir()) / "article-qa-benchmark"
        self._cache.mkdir(exist_ok=True)
        self._vectors: dict[str, list[float]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        missing = sorted({text for text in texts if text not in self._vectors})
        if missing:
            name = hashlib.sha256(json.dumps([str(self._folder), missing]).encode()).hexdigest()
            path = self._cache / f"{name}.npy"
            if not path.is_file():
                self._model = self._model or open_embeddings(self._folder, threads=2)
                np.save(path, self._model.vectors(missing))
            self._vectors.update(zip(missing, np.load(path).tolist(), strict=True))
        return [self._vectors[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def array(self, texts: Iterable[str]) -> Scores:
        return np.asarray(self.embed_documents(list(texts)), dtype=np.float32)


def load(path: Path) -> list[Case]:
    data = json.loads(path.read_text())["data"]
    return [_case(entry, tuned_on=at % 2 == 0) for at, entry in enumerate(data)]


def _case(entry: dict, *, tuned_on: bool) -> Case:
    texts = [normalise(paragraph["context"]).text for paragraph in entry["paragraphs"]]
    title = entry["title"].replace("_", " ")
    article = Article.from_text("\n\n".join(texts), title=title, source=title)
    found = sentences(article.text)
    questions, offset = [], 0
    for paragraph, text in zip(entry["paragraphs"], texts, strict=True):
        for asked in paragraph["qas"]:
            if not asked["is_impossible"]:
                gold = [_gold(paragraph["context"], a, offset, found) for a in asked["answers"]]
                questions.append(Question(text=normalise(asked["question"]).text, gold=gold))
        offset += len(text) + 2
    return Case(article=article, questions=questions, tuned_on=tuned_on)


def _gold(context: str, answer: dict, offset: int, found: list[Span]) -> Span:
    start = offset + len(normalise(context[: answer["answer_start"]]).text)
    end = start + len(normalise(answer["text"]).text)
    held = [span for span in found if span.start < end and start < span.end]
    return Span(start=held[0].start, end=held[-1].end)


def together(cases: list[Case]) -> tuple[list[Chunk], list[tuple[Case, Question]]]:
    """Return all articles' chunks as one index has them, and all questions."""
    chunks = [piece for case in cases for piece in chunk(case.article, max_characters=SIZE)]
    return chunks, [(case, question) for case in cases for question in case.questions]


def outcome(case: Case, question: Question, ranked: Sequence[Chunk]) -> Outcome:
    ranks = [
        rank
        for rank, piece in enumerate(ranked, start=1)
        if piece.article_id == case.article.id
        and any(piece.start <= gold.start and gold.end <= piece.end for gold in question.gold)
    ]
    lengths = [len(piece.text) for piece in ranked]
    return Outcome(
        rank=min(ranks, default=math.inf),
        characters=(sum(lengths[:3]), sum(lengths[:5])),
        tuned_on=case.tuned_on,
    )


class Searches:
    """The ways to search one article under one way to cut it, each a table of scores."""

    def __init__(self, case: Case, chunker: Chunker, embeddings: CachedEmbeddings) -> None:
        self.case = case
        self.chunks = chunker(case.article)
        self._embeddings = embeddings
        self._questions = [question.text for question in case.questions]
        self._asked = embeddings.array(self._questions)

    def meaning(self, *, heading: bool = True) -> Scores:
        texts = [text_to_embed(piece) if heading else piece.text for piece in self.chunks]
        return self._asked @ self._embeddings.array(texts).T

    def best_sentence(self) -> Scores:
        """Return for each chunk the similarity of its nearest sentence, embedded alone."""
        spans = sentences(self.case.article.text)
        title, text = self.case.article.title, self.case.article.text
        vectors = self._embeddings.array(f"{title}\n{text[s.start : s.end]}" for s in spans)
        near = self._asked @ vectors.T
        rows = [
            [at for at, s in enumerate(spans) if piece.start < s.end and s.start < piece.end]
            for piece in self.chunks
        ]
        return np.stack([near[:, held].max(axis=1) for held in rows], axis=1)

    def words(self) -> Scores:
        return self._terms(stems)

    def letters(self) -> Scores:
        return self._terms(grams)

    def names(self) -> Scores:
        """Return BM25 over words with a capital or a digit alone, as a question has them."""
        return self._terms(lambda text: re.findall(r"\b(?:[A-Z]\w+|\d[\d,.]*)", text))

    def _terms(self, terms: Callable[[str], list[str]]) -> Scores:
        index = TermIndex([text_to_embed(piece) for piece in self.chunks], terms)
        return np.stack([index.scores(question) for question in self._questions])

    def outcomes(self, scores: Scores) -> list[Outcome]:
        order = np.argsort(-scores, axis=1, kind="stable")[:, :SHOWN]
        return [
            outcome(self.case, question, [self.chunks[row] for row in rows])
            for question, rows in zip(self.case.questions, order, strict=True)
        ]

    def retriever(self) -> list[Outcome]:
        """Return the outcomes of the program's own class."""
        vectors = self._embeddings.array(text_to_embed(piece) for piece in self.chunks)
        index = VectorIndex.from_vectors(vectors)
        found = Retriever.build(self.chunks, index, self._embeddings)
        return [
            outcome(self.case, question, [hit.chunk for hit in found.search(question.text, SHOWN)])
            for question in self.case.questions
        ]


def weighted(*parts: tuple[float, Scores]) -> Scores:
    """Return the sum of each question's standardised scores, weighted."""
    return sum(w * np.stack([standardised(row) for row in scores]) for w, scores in parts)


def reciprocal_ranks(k: int, *tables: Scores) -> Scores:
    """Reciprocal rank fusion: Cormack, Clarke and Buettcher, SIGIR 2009."""
    ranks = [np.argsort(np.argsort(-table, axis=1, kind="stable"), axis=1) + 1 for table in tables]
    return sum(1.0 / (k + rank) for rank in ranks)


def sized(size: int) -> Chunker:
    return lambda article: chunk(article, max_characters=size)


def overlapping(article: Article) -> list[Chunk]:
    """Return the default chunks, each begun with the sentence before it in its paragraph."""
    spans, found = sentences(article.text), []
    for piece in chunk(article, max_characters=SIZE):
        before = [span for span in spans if span.end <= piece.start]
        start = piece.start
        if before and "\n" not in article.text[before[-1].end : piece.start]:
            start = before[-1].start
        found.append(_cut(article, start, piece.end))
    return found


def windows(article: Article) -> list[Chunk]:
    """Return what the usual recipe has: 500 characters, whatever they cut through."""
    ends = range(500, len(article.text) + 500, 500)
    return [_cut(article, end - 500, min(end, len(article.text))) for end in ends]


def _cut(article: Article, start: int, end: int) -> Chunk:
    text = article.text[start:end]
    return Chunk(article_id=article.id, start=start, end=end, text=text, heading=article.title)


Method = Callable[[Searches], list[Outcome]]

PLAIN = "meaning alone"
CHOSEN = "**meaning, words, letters: `Retriever`**"

METHODS: dict[str, Method] = {
    PLAIN: lambda s: s.outcomes(s.meaning()),
    "meaning alone, no title in the text": lambda s: s.outcomes(s.meaning(heading=False)),
    "meaning, of the best sentence": lambda s: s.outcomes(s.best_sentence()),
    "meaning, chunk and best sentence": lambda s: s.outcomes(s.meaning() + s.best_sentence()),
    "words alone (BM25)": lambda s: s.outcomes(s.words()),
    "letters alone (BM25)": lambda s: s.outcomes(s.letters()),
    "reciprocal ranks, meaning and words, k=60": lambda s: s.outcomes(
        reciprocal_ranks(60, s.meaning(), s.words())
    ),
    "the same, k=10": lambda s: s.outcomes(reciprocal_ranks(10, s.meaning(), s.words())),
    "reciprocal ranks, all three, k=60": lambda s: s.outcomes(
        reciprocal_ranks(60, s.meaning(), s.words(), s.letters())
    ),
    "meaning .5, words .5": lambda s: s.outcomes(weighted((0.5, s.meaning()), (0.5, s.words()))),
    "meaning .6, words .4": lambda s: s.outcomes(weighted((0.6, s.meaning()), (0.4, s.words()))),
    "meaning .6, letters .4": lambda s: s.outcomes(
        weighted((0.6, s.meaning()), (0.4, s.letters()))
    ),
    CHOSEN: Searches.retriever,
    "the same and names and numbers .1": lambda s: s.outcomes(
        weighted((0.6, s.meaning()), (0.2, s.words()), (0.2, s.letters()), (0.1, s.names()))
    ),
    "the same with chunk and best sentence": lambda s: s.outcomes(
        weighted((0.6, s.meaning() + s.best_sentence()), (0.2, s.words()), (0.2, s.letters()))
    ),
}

CUTS: dict[str, Chunker] = {
    **{f"at most {size}": sized(size) for size in (200, 250, 300, 350, 400, 500, 600, 800, 1000)},
    f"at most {SIZE}, one sentence more": overlapping,
    "windows of 500": windows,
}


def wilson(found: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of a share: Wilson, JASA 22, 1927."""
    z = statistics.NormalDist().inv_cdf(0.975)
    middle = (found + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(found * (n - found) / n + z * z / 4)
    return middle - half, middle + half


def mcnemar(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value that gains and losses are a fair coin's."""
    n, tail = gained + lost, min(gained, lost)
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(tail + 1)) / 2**n)


def share(outcomes: list[Outcome], k: int) -> str:
    found = sum(o.rank <= k for o in outcomes)
    low, high = wilson(found, len(outcomes))
    return f"{100 * found / len(outcomes):.1f} ({100 * low:.1f}–{100 * high:.1f})"


def row(name: str, outcomes: list[Outcome]) -> str:
    tuned = [o for o in outcomes if o.tuned_on]
    held = [o for o in outcomes if not o.tuned_on]
    cells = [
        name,
        *(share(outcomes, k) for k in (1, 3, 5)),
        f"{statistics.fmean(1 / o.rank for o in outcomes):.3f}",
        share(tuned, 5),
        share(held, 5),
        *(f"{statistics.fmean(o.characters[at] for o in outcomes):.0f}" for at in (0, 1)),
    ]
    return f"| {' | '.join(cells)} |"


def heading(first: str, outcomes: list[Outcome]) -> str:
    tuned = sum(o.tuned_on for o in outcomes)
    cells = [
        first,
        *(f"at {k}, % (n={len(outcomes)})" for k in (1, 3, 5)),
        "MRR",
        f"at 5, tuned on (n={tuned})",
        f"at 5, held out (n={len(outcomes) - tuned})",
        "characters in 3",
        "in 5",
    ]
    return f"\n| {' | '.join(cells)} |\n|{'---|' * len(cells)}"


def paired(name: str, old: list[Outcome], new: list[Outcome], k: int) -> str:
    flips = [(o.rank <= k, n.rank <= k) for o, n in zip(old, new, strict=True)]
    gained, lost = flips.count((False, True)), flips.count((True, False))
    return f"- {name}, at {k}: gained {gained}, lost {lost}, p = {mcnemar(gained, lost):.2g}"


def shelf(cases: list[Case], embeddings: CachedEmbeddings) -> list[Outcome]:
    """Return the outcomes where all articles are in one index."""
    chunks, questions = together(cases)
    vectors = embeddings.array(text_to_embed(piece) for piece in chunks)
    found = Retriever.build(chunks, VectorIndex.from_vectors(vectors), embeddings)
    return [
        outcome(case, question, [hit.chunk for hit in found.search(question.text, SHOWN)])
        for case, question in questions
    ]


def compare(cases: list[Case], embeddings: CachedEmbeddings) -> None:
    def over(method: Method, cut: Chunker) -> list[Outcome]:
        return [o for case in cases for o in method(Searches(case, cut, embeddings))]

    results = {name: over(method, sized(SIZE)) for name, method in METHODS.items()}
    print(heading(f"search, chunks of at most {SIZE}", results[CHOSEN]))
    for name, outcomes in results.items():
        print(row(name, outcomes))
    print(row("`Retriever`, all articles in one index", shelf(cases, embeddings)))
    print(heading("chunks, found by `Retriever`", results[CHOSEN]))
    for name, cut in CUTS.items():
        print(row(name, over(Searches.retriever, cut)))
    print("\nPaired on all questions (exact McNemar):\n")
    held = [at for at, o in enumerate(results[CHOSEN]) if not o.tuned_on]
    for old in (PLAIN, "reciprocal ranks, meaning and words, k=60", "meaning .6, words .4"):
        for k in (1, 5):
            print(paired(f"`Retriever` against {old}", results[old], results[CHOSEN], k))
        print(
            paired(
                f"the same, held out (n={len(held)})",
                [results[old][at] for at in held],
                [results[CHOSEN][at] for at in held],
                5,
            )
        )


def clock(case: Case, folder: Path) -> None:
    """Print how long loading and one search of 100 chunks take, the embedder's part included."""
    start = time.perf_counter()
    embeddings = open_embeddings(folder, threads=2)
    opened = time.perf_counter() - start
    chunks = chunk(case.article, max_characters=SIZE)[:100]
    start = time.perf_counter()
    vectors = embeddings.vectors([text_to_embed(piece) for piece in chunks])
    embedded = time.perf_counter() - start
    found = Retriever.build(chunks, VectorIndex.from_vectors(vectors), embeddings)
    questions = [question.text for question in case.questions[:200]]
    print(f"\nload average {os.getloadavg()[0]:.1f}; opening the embedder {opened:.1f} s")
    print(f"embedding {len(chunks)} chunks: {1000 * embedded:.0f} ms")
    for name, act in (
        ("search", lambda text: found.search(text, 5)),
        ("of it embedding", embeddings.embed_query),
    ):
        times = sorted(_timed(act, question) for question in questions)
        p50, p95 = times[len(times) // 2], times[int(0.95 * len(times))]
        print(f"{name}: p50 {p50:.1f} ms, p95 {p95:.1f} ms, least {times[0]:.1f} ms")


def _timed(act: Callable[[str], object], question: str) -> float:
    start = time.perf_counter()
    act(question)
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument(
        "--embedder",
        type=Path,
        default=Settings.from_environment().models_folder / "all-MiniLM-L6-v2",
    )
    parser.add_argument("--time", action="store_true", help="only measure times")
    arguments = parser.parse_args()
    cases = load(arguments.folder / "squad2_open.json")
    if arguments.time:
        clock(cases[1], arguments.embedder)
    else:
        compare(cases, CachedEmbeddings(arguments.embedder))


if __name__ == "__main__":
    main()
