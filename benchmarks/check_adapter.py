"""Fits the adapter with which the default model checks answers: low-rank changes to its attention.

    pip install -c constraints.txt gguf
    python benchmarks/drafts.py                            makes benchmarks/checks.jsonl
    python benchmarks/check_adapter.py --out first.gguf    fits on them, in an hour
    python benchmarks/check_adapter.py --out last.gguf --start first.gguf --more natural --epochs 3

In: the lines of checks.jsonl, each an answer beside its evidence and whether it was right. Out: a
GGUF file of an adapter, src/qa/models/adapters/SHA256_OF_THE_WEIGHTS/checks.gguf; then the
confidence has to be fitted anew (benchmarks/calibrate.py).

The model reads exactly the words of ``qa.prompts.confirming``, and the log odds of Yes over No as
the next token are pushed towards whether the answer was right. People do not ask as SQuAD does, so
a second, short round goes on with lines of the kind "natural" and as many of the rest. Articles in
``HELD_OUT`` are never learned from: their lines show what was learned, as the area under the ROC
curve.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from network import KeysAndValues, Line, Network, descend, norm
from torch import Tensor
from torch.nn import functional

from qa.evaluation.confidence import roc_area
from qa.prompts import NO, YES, confirming

ROWS = Path(__file__).with_name("checks.jsonl")
HELD_OUT = ("Scottish Parliament", "Yuan dynasty")

FIRST_LAYER, RANK = 14, 6
LEARNING_RATE, GOING_ON_RATE = 4e-4, 2e-4
BATCH = 8
LONGEST = 400  # tokens of a line


@dataclass(slots=True)
class Row(Line):
    """A line of ``checks.jsonl``."""

    right: bool = field(kw_only=True)
    group: str = field(kw_only=True)


class Checker:
    """The network, reading lines behind a beginning that they share, all of it adapted."""

    def __init__(self, beginning: str) -> None:
        self.network = Network(first_layer=FIRST_LAYER, rank=RANK)
        (yes,), (no,) = (self.network.tokens(word) for word in (YES, NO))
        self.direction = self.network.out[yes].float() - self.network.out[no].float()
        with torch.no_grad():
            states = self.network.embedded([self.network.tokens(beginning)])
            self.before: list[KeysAndValues] = []
            for layer in self.network.layers[:FIRST_LAYER]:
                states, held = layer(states, None)
                self.before.append(held)
            self.beginning = states

    def log_odds(self, rows: Sequence[Row]) -> Tensor:
        """Return the log odds of Yes over No behind each row."""
        states = self.network.read_lower(rows, self.before)
        beginning = self.beginning
        for layer in self.network.layers[FIRST_LAYER:]:
            beginning, held = layer(beginning, None)
            states, _ = layer(states, held)
        last = torch.stack([states[place, len(row.tokens) - 1] for place, row in enumerate(rows)])
        return norm(last, self.network.last_norm).float() @ self.direction


def prompt(line: Mapping[str, Any]) -> tuple[str, str]:
    """Return what all lines begin with, and what is of this one, in the model's own template."""
    told, asked = confirming(line["title"], line["evidence"], line["question"], line["answer"])
    beginning = f"<|im_start|>system\n{told.text}<|im_end|>\n<|im_start|>user\n"
    return beginning, f"{asked.text}<|im_end|>\n<|im_start|>assistant\n"


def batches(rows: Sequence[Row], size: int) -> Iterator[list[Row]]:
    """Yield batches of rows alike in length, in random order."""
    rows = random.sample(rows, len(rows))
    found = []
    for start in range(0, len(rows), size * 8):
        near = sorted(rows[start : start + size * 8], key=lambda row: len(row.tokens))
        found += [near[place : place + size] for place in range(0, len(near), size)]
    yield from random.sample(found, len(found))


def show(checker: Checker, rows: Sequence[Row], when: str) -> None:
    groups: dict[str, list[tuple[float, bool]]] = {}
    with torch.no_grad():
        for batch in batches(rows, 16):
            for row, odds in zip(batch, checker.log_odds(batch).tolist(), strict=True):
                groups.setdefault(row.group, []).append((odds, row.right))
    for name, pairs in sorted(groups.items()):
        odds, right = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
        print(f"{when}: {name}, n={len(pairs)}, area {roc_area(odds, right):.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=90.0, help="at most; it slows to the end")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--start", type=Path, help="an adapter to go on from")
    parser.add_argument("--more", help="with --start: the kind of lines to go on with")
    options = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    lines = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    checker = Checker(prompt(lines[0])[0])
    rows: dict[bool, list[Row]] = {True: [], False: []}
    for line in lines:
        held = line["title"] in HELD_OUT
        tokens = checker.network.tokens(prompt(line)[1])[-LONGEST:]
        row = Row(tokens, right=line["right"], group=line["kind"])
        if not held or row.group == "draft":  # what the annotators wrote is not what is checked
            rows[held].append(row)
    if options.more:
        wanted = [row for row in rows[False] if row.group == options.more]
        others = [row for row in rows[False] if row.group != options.more]
        rows[False] = wanted + random.sample(others, min(len(others), len(wanted)))
    print(f"{len(rows[False])} lines to learn from, {len(rows[True])} held out", flush=True)
    if not options.start:
        show(checker, rows[True], "before")
    parameters = checker.network.add_changes(options.start)
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.01)
    rate = GOING_ON_RATE if options.start else LEARNING_RATE
    steps = int(len(rows[False]) * options.epochs / BATCH)
    started, step, losses = time.monotonic(), 0, [0.0]
    while step < steps:
        for batch in batches(rows[False], BATCH):
            passed = max(step / steps, (time.monotonic() - started) / (options.minutes * 60))
            if passed >= 1:
                steps = step
                break
            right = torch.tensor([float(row.right) for row in batch])
            loss = functional.binary_cross_entropy_with_logits(checker.log_odds(batch), right)
            descend(optimizer, loss, rate, step=step, done=passed)
            losses.append(loss.item())
            step += 1
            if step % 25 == 0:
                recent = sum(losses[-50:]) / len(losses[-50:])
                print(
                    f"step {step} of {steps}, loss {recent:.3f}, "
                    f"{time.monotonic() - started:.0f} s",
                    flush=True,
                )
            if step % 150 == 0:
                checker.network.write(options.out)
    show(checker, rows[True], "after")
    checker.network.write(options.out)


if __name__ == "__main__":
    main()
