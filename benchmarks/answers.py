"""Asks every question of a test set and prints how the answers did, and how long they took.

    python benchmarks/answers.py tests/testsets/us-japan.jsonl [--out answers.jsonl]

Right: the answer is given and, in lower case without punctuation and articles, holds one of the
gold answers (or, where they come as a list of lists, one of each), or 80% of the tokens of a gold
answer of four words or more. An unanswerable question is right when it is declined. Cited: of the
right answers, how many have a citation that overlaps a gold quote, and how many citations do.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import string
from pathlib import Path
from typing import Any

import psutil

from qa import Answer, Assistant, Turn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("testset", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.testset.read_text("utf-8").splitlines()]
    records = []
    memory = 0
    with Assistant.open(sorted({row["article"] for row in rows})) as assistant:
        for row in rows:
            history = [Turn(**turn) for turn in row.get("history", [])]
            answer = assistant.ask(row["question"], history)
            records.append(record(row, answer))
            memory = max(memory, together())
            print("." if records[-1]["right"] else "x", end="", flush=True)
    print()
    if options.out:
        lines = (json.dumps(entry, ensure_ascii=False) for entry in records)
        options.out.write_text("\n".join(lines) + "\n", "utf-8")
    report(records, memory)


def record(row: dict[str, Any], answer: Answer) -> dict[str, Any]:
    given = answer.status == "answered"
    gold = row["answers"]
    text = answer.citations[0].article.text if answer.citations else ""
    spans = [(text.find(quote), text.find(quote) + len(quote)) for quote in row["evidence"]]
    hits = [
        any(citation.start < end and start < citation.end for start, end in spans)
        for citation in answer.citations
    ]
    return {
        "id": row["id"],
        "question": row["question"],
        "answerable": bool(gold),
        "gold": gold,
        "text": answer.text,
        "reason": str(answer.reason),
        "right": holds(answer.text, gold) if given and gold else not given and not gold,
        "confidence": answer.confidence,
        "citations": [citation.text for citation in answer.citations],
        "citation_hits": hits,
        "retrieve_ms": answer.timings.retrieve_ms,
        "first_token_ms": answer.timings.first_token_ms,
        "total_ms": answer.timings.total_ms,
    }


def normal(text: str) -> str:
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation + "’“”")
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def holds(text: str, gold: list[Any]) -> bool:
    if gold and isinstance(gold[0], list):
        return all(holds(text, one_of) for one_of in gold)
    said = normal(text)
    return any(
        normal(answer) in said
        or (
            len(tokens := normal(answer).split()) >= 4
            and sum(token in said.split() for token in tokens) >= 0.8 * len(tokens)
        )
        for answer in gold
    )


def together() -> int:
    """Return the proportional memory, in bytes, of this process and its children."""
    here = psutil.Process()
    return sum(process.memory_full_info().pss for process in [here, *here.children(True)])


def report(records: list[dict[str, Any]], memory: int) -> None:
    can = [entry for entry in records if entry["answerable"]]
    cannot = [entry for entry in records if not entry["answerable"]]
    right = [entry for entry in can if entry["right"]]
    cited = [hit for entry in right for hit in entry["citation_hits"]]
    print(f"answerable: {len(right)} of {len(can)} right")
    print(
        f"not in the article: {sum(entry['right'] for entry in cannot)} of {len(cannot)} declined"
    )
    on_evidence = sum(any(entry["citation_hits"]) for entry in right)
    print(f"right answers with a citation on the evidence: {on_evidence} of {len(right)}")
    print(f"citations of right answers on the evidence: {sum(cited)} of {len(cited)}")
    for name in ("retrieve_ms", "first_token_ms", "total_ms"):
        values = sorted(entry[name] for entry in records if entry[name] is not None)
        p95 = values[int(0.95 * (len(values) - 1))]
        print(f"{name}: median {statistics.median(values):.0f}, p95 {p95:.0f}, n {len(values)}")
    print(f"memory of all processes together at most {memory / 1e9:.2f} GB")
    for entry in records:
        if not entry["right"]:
            print(f"{entry['id']} {entry['question']} -> {entry['text']}")


if __name__ == "__main__":
    main()
