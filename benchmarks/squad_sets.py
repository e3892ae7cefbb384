"""Whole SQuAD 2.0 articles as test sets of the project's own form, all questions or a sample.

    python benchmarks/squad_sets.py [FOLDER] --out DIR [--each N] [--only TITLE ...]
    qa eval DIR/*.jsonl

FOLDER holds squad2_open.json (SQuAD 2.0's JSON; by default ../shared/data). Each article, its
paragraphs joined by blank lines, becomes DIR/TITLE.txt, and its questions DIR/TITLE.jsonl: with
``--each``, so many that the article answers and so many that it does not, the same ones each time.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qa.articles.loading import load_article
from qa.evaluation.example_json import example_to_json
from qa.evaluation.records import Example
from qa.evaluation.testsets import load_examples

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
SEED = 7


def sampled(examples: Sequence[Example], each: int | None) -> list[Example]:
    """Return so many answerable and as many other examples of one article, in their order."""
    chance = random.Random(SEED)
    kinds = (
        [one for one in examples if one.answerable is answerable] for answerable in (True, False)
    )
    chosen = {
        one.id
        for kind in kinds
        for one in (kind if each is None else chance.sample(kind, min(each, len(kind))))
    }
    return [one for one in examples if one.id in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int)
    parser.add_argument("--only", nargs="+", metavar="TITLE")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    file = json.loads((options.folder / "squad2_open.json").read_text(encoding="utf-8"))
    for entry in file["data"]:
        title = entry["title"]
        if options.only and title not in options.only:
            continue
        alone = options.out / f"{title}.json"
        alone.write_text(json.dumps({"version": file["version"], "data": [entry]}), "utf-8")
        examples = load_examples(alone)
        alone.unlink()
        article = options.out / f"{title}.txt"
        article.write_text(examples[0].article.text, encoding="utf-8")
        named = load_article(article)
        lines = [
            example_to_json(replace(one, article=named)) for one in sampled(examples, options.each)
        ]
        text = "\n".join(lines).replace(json.dumps(str(article)), json.dumps(article.name))
        (options.out / f"{title}.jsonl").write_text(f"{text}\n", encoding="utf-8")
        print(f"{article.name}: {len(named.text):,} characters, {len(lines)} questions")


if __name__ == "__main__":
    main()
