"""Keeps the signals of every attempt at the questions of test sets, to fit the confidence on.

    python benchmarks/attempts.py SET ...                  puts them in signals.jsonl
    python benchmarks/attempts.py --follow-ups SET ...     of the questions after another one alone
    python benchmarks/attempts.py --plain SET ...          as another model, in plain_signals.jsonl

In: test sets, and the default model with its adapters, or without them and as one that nothing was
fitted for. Out: one line for each attempt at a question, in place of what was kept of that: the
set, a name of the article, the question's id, whether the article answers it, whether the attempt
did so rightly, and its signals, null where it declined or the article carries nothing of it. That a
question may have nothing to do with the article is not asked.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tqdm import tqdm

from qa.assistant import STATES_FOLDER, Assistant, chat_model_of
from qa.evaluation.records import Example
from qa.evaluation.squad import contains
from qa.evaluation.testsets import load_examples
from qa.models.chat import LocalChatModel
from qa.overview import overview_of
from qa.pipeline import Judged
from qa.records import Answer, Timings
from qa.rewriting import clean_question, standalone
from qa.settings import Settings

KEPT, PLAIN = (Path(__file__).with_name(f"{name}.jsonl") for name in ("signals", "plain_signals"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--follow-ups", action="store_true", help="only questions after another")
    parser.add_argument(
        "--plain", action="store_true", help="as a model that nothing is fitted for"
    )
    options = parser.parse_args()
    settings = Settings()
    model = chat_model_of(settings, states_folder=settings.index_folder / STATES_FOLDER)
    assert isinstance(model, LocalChatModel)
    kept = PLAIN if options.plain else KEPT
    if options.plain:
        model = model.model_copy(update={"weights": "", "adapters": ()})
    with closing(model):
        for path in options.sets:
            examples = [one for one in load_examples(path) if one.history or not options.follow_ups]
            keep(list(of_set(path.stem, examples, settings, model)), kept)


def keep(found: list[dict[str, Any]], kept: Path) -> None:
    """Put lines in a file, in place of those on the same questions."""
    anew = {(row["set"], row["question"]) for row in found}
    rows = map(json.loads, kept.read_text(encoding="utf-8").splitlines() if kept.exists() else ())
    others = [row for row in rows if (row["set"], row["question"]) not in anew]
    kept.write_text("".join(f"{json.dumps(row)}\n" for row in (*others, *found)), "utf-8")


def of_set(
    name: str, examples: Sequence[Example], settings: Settings, model: LocalChatModel
) -> Iterator[dict[str, Any]]:
    """Yield the lines of a test set; its questions about a whole article are left out."""
    assistants: dict[str, Assistant] = {}
    for example in tqdm(examples, desc=name):
        article = example.article
        if article.id not in assistants:
            assistants[article.id] = Assistant.open(article, settings=settings, chat_model=model)
        if overview_of(example.question, alone=not example.history):
            continue
        for right, verdict_signals in attempts(assistants[article.id], example, settings):
            yield {
                "set": name,
                "article": article.id[:12],
                "question": example.id,
                "answerable": example.answerable,
                "right": right,
                "signals": {name: round(value, 4) for name, value in verdict_signals.items()}
                or None,
            }


def attempts(
    assistant: Assistant, example: Example, settings: Settings
) -> Iterator[tuple[bool, dict[str, float]]]:
    """Yield of each attempt whether it is right, and its signals."""
    pipeline = assistant._pipeline
    question = clean_question(example.question, most_characters=settings.question_characters)
    searched_for = standalone(question, example.history)
    draft = Answer(
        question=question,
        searched_for=searched_for,
        text="",
        status="draft",
        hits=pipeline._search(question, searched_for),
        timings=Timings(retrieve_ms=0.0, first_token_ms=None, total_ms=0.0),
    )
    end = time.monotonic() + settings.deadline_seconds
    for tried in pipeline.tries(question, example.history, draft, time.perf_counter(), end):
        if isinstance(tried, Judged):
            right = bool(example.answers) and contains(tried.draft.text, example.answers)
            yield right, dict(tried.verdict.signals)


if __name__ == "__main__":
    main()
