"""Fits two adapters of the default model, to answer and to decline: changes to its attention.

    pip install -c constraints.txt gguf
    python benchmarks/answer_adapter.py --out answers.gguf                  in an hour
    python benchmarks/answer_adapter.py --out declines.gguf --declines      in an hour

In: answers.jsonl, questions on the articles of some test sets and how they should be answered, and
from checks.jsonl the answers of the model to questions on SQuAD that were right. Out: a GGUF file
of an adapter, to be put into src/qa/models/adapters/SHA256_OF_THE_WEIGHTS/; then the confidence has
to be fitted anew (benchmarks/calibrate.py).

The model reads exactly the messages of ``qa.prompts.asking``, and the words of the answer are made
likelier. The adapter is at work from the question on and the article is read without it ("activated
LoRA": Greenewald et al., 2025, arXiv:2504.12397), so an article is read once for whatever is asked.
To answer is learned from what an article answers alone. An adapter that learns to decline as well
declines much that the article answers, but how likely it finds that tells what it answers.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import torch
from drafts import FOLDER, ROWS, articles
from langchain_core.messages import BaseMessage
from network import KeysAndValues, Line, Network, descend, norm
from torch import Tensor
from torch.nn import functional

from qa.articles.loading import load_article
from qa.prompts import DECLINED, Section, asking, asking_again, reading
from qa.records import Turn
from qa.sections import whole_sections

ANSWERED = 1.4  # so many lines are answered for one that is declined, where that is learned
LINES = Path(__file__).with_name("answers.jsonl")
ARTICLES = Path(__file__).resolve().parents[1] / "tests" / "testsets" / "natural" / "articles"
HELD_OUT = ("Scottish Parliament", "Yuan dynasty")
WATCHED = ("railway", "tenancy", "agents")

FIRST_LAYER, RANK = 12, 8
FIRST_LAYER_TO_DECLINE, RANK_TO_DECLINE = 14, 6
LEARNING_RATE = 3e-4
BATCH = 8
PARAGRAPHS = 3  # of a SQuAD article, read together
GROUPS = 20  # of paragraphs
AGAIN = 0.15  # so many questions have a passage behind them


@dataclass(slots=True, eq=False)
class Beginning:
    """Messages that have been read, by the lower layers and the upper ones."""

    messages: list[BaseMessage]
    lower: list[KeysAndValues]
    upper: list[KeysAndValues]


@dataclass(slots=True)
class Asked(Line):
    """A question behind a beginning, and its answer, which is the last ``said`` tokens."""

    beginning: Beginning = field(kw_only=True)
    said: int = field(kw_only=True)


class Answerer:
    """The network, reading questions and answers behind articles."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.behind = self.network.tokens("<|im_start|>user\n")

    def begin(self, messages: Sequence[BaseMessage], before: Beginning | None = None) -> Beginning:
        """Read messages without the adapter, those of ``before`` not again."""
        new = messages[len(before.messages) :] if before else messages
        tokens = self.network.tokens("".join(map(templated, new)))
        layers = self.network.layers
        held = [*before.lower, *before.upper] if before else [None] * len(layers)
        found: list[KeysAndValues] = []
        with torch.no_grad():
            states = self.network.embedded([tokens])
            for layer, one in zip(layers, held, strict=True):
                states, kept = layer(states, one)
                found.append((kept[0].clone(), kept[1].clone()))
        first = self.network.first_layer
        return Beginning(list(messages), found[:first], found[first:])

    def line(self, beginning: Beginning, messages: Sequence[BaseMessage], said: str) -> Asked:
        asked = self.network.tokens(f"{templated(messages[-1])}<|im_start|>assistant\n")
        answer = self.network.tokens(f"{said}<|im_end|>")
        return Asked(asked + answer, beginning=beginning, said=len(answer))

    def loss(self, lines: Sequence[Asked]) -> Tensor:
        """Return how unlikely the words of the answers are, each line counting alike."""
        beginning = lines[0].beginning
        states = self.network.read_lower(lines, beginning.lower)
        upper = self.network.layers[self.network.first_layer :]
        for layer, held in zip(upper, beginning.upper, strict=True):
            states, _ = layer(states, held)
        losses = []
        for state, line in zip(states, lines, strict=True):
            end = len(line.tokens)
            there = norm(state[end - line.said - 1 : end - 1], self.network.last_norm)
            scores = functional.linear(there, self.network.out).float()
            losses.append(functional.cross_entropy(scores, torch.tensor(line.tokens[-line.said :])))
        return torch.stack(losses).mean()


def templated(message: BaseMessage) -> str:
    role = {"system": "system", "human": "user", "ai": "assistant"}[message.type]
    return f"<|im_start|>{role}\n{message.text}<|im_end|>\n"


def written(answerer: Answerer, *, watched: bool, declines: bool) -> Iterator[list[Asked]]:
    """Yield the lines on the made-up articles, those behind one beginning together."""
    rows = [json.loads(row) for row in LINES.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if (row["article"] in WATCHED) is watched]
    for name, group in groupby(rows, key=lambda row: row["article"]):
        article = load_article(ARTICLES / f"{name}.txt")
        whole = answerer.begin(reading(whole_sections([article], None, most_tokens=10_000)))
        alone = []
        rows_here = list(group)
        said = [row for row in rows_here if row["said"]]
        declined = [row for row in rows_here if not row["said"]]
        if declines:
            said = random.sample(said, min(len(said), int(len(declined) * ANSWERED))) + declined
        for row in said:
            if history := [Turn(**turn) for turn in row["history"]]:
                messages = asking(whole.messages, row["question"], history)
                after = answerer.begin(messages[:-1], whole)
                yield [answerer.line(after, messages, row["said"])]
                continue
            messages = asking(whole.messages, row["question"], ())
            if row["evidence"] and random.random() < AGAIN:
                messages = asking_again(messages, " ".join(row["evidence"]))
            alone.append(answerer.line(whole, messages, row["said"] or DECLINED))
        print(f"{name}: {len(alone)} lines", flush=True)
        yield alone


def of_squad(answerer: Answerer, folder: Path, *, declines: bool) -> Iterator[list[Asked]]:
    """Yield lines on some paragraphs of SQuAD, those of one beginning together."""
    drafts = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    own = {one["id"]: one["answer"] for one in drafts if one["kind"] == "draft" and one["right"]}
    groups = []
    for article, questions in articles(folder / "squad2_open.json"):
        if article.title in HELD_OUT:
            continue
        places = list(dict.fromkeys(question.start for question in questions))
        for start in range(0, len(places), PARAGRAPHS):
            near = places[start : start + PARAGRAPHS]
            group = [one for one in questions if one.start in near]
            if any(one.id in own for one in group):
                groups.append((article.title, group))
    for title, group in random.sample(groups, min(GROUPS, len(groups))):
        text = "\n\n".join(dict.fromkeys(one.paragraph for one in group))
        begun = answerer.begin(reading([Section(heading=title, text=text)]))
        said = {one.id: own[one.id] for one in group if one.id in own}
        if declines:
            said |= {one.id: DECLINED for one in group if not one.gold}
        yield [
            answerer.line(begun, asking(begun.messages, one.text, ()), said[one.id])
            for one in group
            if one.id in said
        ]


def batches(groups: Sequence[Sequence[Asked]]) -> list[list[Asked]]:
    found = []
    for group in groups:
        lines = random.sample(group, len(group))
        found += [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
    return random.sample(found, len(found))


def show(answerer: Answerer, groups: Sequence[Sequence[Asked]], when: str) -> None:
    held = batches(groups)
    with torch.no_grad():
        total = sum(answerer.loss(batch).item() * len(batch) for batch in held)
    print(f"{when}: loss {total / sum(map(len, held)):.3f} on articles apart", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--passes", type=int, default=2, help="over answers.jsonl")
    parser.add_argument("--declines", action="store_true", help="learn to decline as well")
    options = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    started = time.monotonic()
    declines = options.declines
    first_layer = FIRST_LAYER_TO_DECLINE if declines else FIRST_LAYER
    rank = RANK_TO_DECLINE if declines else RANK
    answerer = Answerer(Network(first_layer=first_layer, rank=rank))
    groups = list(written(answerer, watched=False, declines=declines))
    apart = list(written(answerer, watched=True, declines=declines))
    order = [batch for _ in range(options.passes) for batch in batches(groups)]
    order += batches(list(of_squad(answerer, options.folder, declines=declines)))
    order = random.sample(order, len(order))
    parameters = answerer.network.add_changes(None)
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.01)
    print(f"{len(order)} steps; all read after {time.monotonic() - started:.0f} s", flush=True)
    show(answerer, apart, "before")
    losses = []
    for step, batch in enumerate(order):
        loss = answerer.loss(batch)
        descend(optimizer, loss, LEARNING_RATE, step=step, done=step / len(order))
        losses.append(loss.item())
        if (step + 1) % 20 == 0:
            recent = sum(losses[-20:]) / 20
            passed = time.monotonic() - started
            print(f"step {step + 1} of {len(order)}, loss {recent:.3f}, {passed:.0f} s", flush=True)
        if (step + 1) % 60 == 0:
            show(answerer, apart, f"step {step + 1}")
    show(answerer, apart, "after")
    answerer.network.write(options.out, behind=answerer.behind)


if __name__ == "__main__":
    main()
