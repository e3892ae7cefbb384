"""How long answers take, where the time goes, and how much memory all processes hold.

    python benchmarks/speed.py [TESTSET] [--questions N] [--cold]

The article of the test set (by default the one that ships) is opened, and its first questions that
stand alone are asked one after the other, as a person would. Prints medians and the most, in
milliseconds, of the search, the first words, and the whole answer, and the memory as the share that
each process has of its own (PSS). ``--cold`` also times `qa ask` from its start to its end.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from qa import Assistant, Settings
from qa.evaluation import load_examples
from qa.records import Answer

TESTSET = Path(__file__).resolve().parents[1] / "tests" / "testsets" / "us-japan.jsonl"


def figures(name: str, values: Sequence[float]) -> str:
    return f"{name:14} median {statistics.median(values):6.0f}, most {max(values):6.0f}"


def memory_bytes() -> int:
    own = psutil.Process()
    return sum(one.memory_full_info().pss for one in [own, *own.children(recursive=True)])


def show(answers: Sequence[Answer]) -> None:
    times = [answer.timings for answer in answers]
    first = [one.first_token_ms for one in times if one.first_token_ms is not None]
    print(figures("search", [one.retrieve_ms for one in times]))
    print(figures("first words", first))
    print(figures("whole answer", [one.total_ms for one in times]))
    usages = [answer.usage for answer in answers if answer.usage]
    print(figures("tokens read", [usage.read for usage in usages]))
    print(figures("tokens written", [usage.written for usage in usages]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("testset", nargs="?", type=Path, default=TESTSET)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--cold", action="store_true")
    options = parser.parse_args()
    examples = [one for one in load_examples(options.testset) if not one.history]
    article = examples[0].article
    asked = [one for one in examples if one.article == article][: options.questions]
    settings = Settings()
    started = time.perf_counter()
    with Assistant.open(article, settings=settings) as assistant:
        print(f"engine: {settings.llama_server or 'bundled'}")
        print(f"opened after {time.perf_counter() - started:.1f} s")
        print(f"memory {memory_bytes() / 1e9:.2f} GB before a question")
        answers = [assistant.ask(one.question) for one in asked]
        print(f"memory {memory_bytes() / 1e9:.2f} GB after {len(answers)}")
    for name, some in {
        "all": answers,
        "answered": [one for one in answers if one.status == "answered"],
        "abstained": [one for one in answers if one.status == "abstained"],
    }.items():
        if some:
            print(f"\n{name}, n={len(some)}, in ms and tokens")
            show(some)
    if options.cold:
        started = time.perf_counter()
        command = [sys.executable, "-m", "qa", "ask", asked[0].question, "-a", article.source]
        subprocess.run(command, check=True, capture_output=True)
        print(f"\n`qa ask` from start to end: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
