"""Fits the adapter with which the default model checks answers: low-rank changes to its attention.

    pip install -c constraints.txt gguf
    python benchmarks/drafts.py                            makes benchmarks/checks.jsonl
    python benchmarks/adapter.py --out first.gguf          fits on them, in an hour
    python benchmarks/adapter.py --out adapter.gguf --start first.gguf --more natural --epochs 3

In: the lines of checks.jsonl, each an answer beside its evidence and whether it was right. Out: a
GGUF file of an adapter, to be put into src/qa/models/adapters/ under the SHA-256 of the weights;
then the confidence has to be fitted anew (benchmarks/calibrate.py).

The model reads exactly the words of ``qa.prompts.confirming``, and the log odds of Yes over No as
the next token are pushed towards whether the answer was right (LoRA: Hu et al., ICLR 2022,
arXiv:2106.09685). Only the upper layers change, so what the lower ones make of a line is worked out
once. The model is the quantised file itself, its numbers turned back into bfloat16, so the adapter
fits what the engine runs.

People do not ask as SQuAD does, so a second, short round goes on with lines of the kind "natural"
and as many of the rest. Articles in ``HELD_OUT`` are never learned from: their lines show what was
learned, as the area under the ROC curve.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader, GGUFWriter
from gguf.quants import dequantize
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer

from qa.evaluation.confidence import roc_area
from qa.models.catalogue import find_model
from qa.models.weights import locate
from qa.prompts import NO, YES, confirming
from qa.settings import Settings

ROWS = Path(__file__).with_name("checks.jsonl")
HELD_OUT = ("Scottish Parliament", "Yuan dynasty")

FIRST_LAYER = 14
RANK = 6
SCALE = 2.0
LEARNING_RATE, GOING_ON_RATE = 4e-4, 2e-4
WARM_UP_STEPS = 20
BATCH = 8
LONGEST = 400  # tokens of a line

LAYERS, WIDTH, HEADS, KEY_HEADS, HEAD_WIDTH = 28, 1536, 12, 2, 128
NORM_EPSILON, ROPE_BASE = 1e-6, 1e6
"""Of Qwen2.5 with 1.5 billion parameters."""

KeysAndValues = tuple[Tensor, Tensor]


@dataclass(slots=True)
class Row:
    """A line: its tokens behind what all lines begin with, and what the lower layers make of it."""

    tokens: list[int]
    right: bool
    group: str
    lower: Tensor | None = None


@dataclass(slots=True)
class Change:
    """A low-rank change ``SCALE * up @ down`` to one matrix."""

    down: nn.Parameter
    up: nn.Parameter


@dataclass(slots=True)
class Layer:
    """One layer's numbers by their names in the file, and the changes to some of its matrices."""

    numbers: Mapping[str, Tensor]
    changes: dict[str, Change] = field(default_factory=dict)

    def linear(self, name: str, states: Tensor) -> Tensor:
        out = functional.linear(states, self.numbers[f"{name}.weight"], self.bias(name))
        if change := self.changes.get(name):
            narrow = functional.linear(states, change.down.bfloat16())
            out = out + functional.linear(narrow, change.up.bfloat16()) * SCALE
        return out

    def bias(self, name: str) -> Tensor | None:
        return self.numbers.get(f"{name}.bias")

    def __call__(
        self, states: Tensor, start: int, before: KeysAndValues | None
    ) -> tuple[Tensor, KeysAndValues]:
        """Return what the layer makes of states (lines, tokens, width), and its keys and values.

        :param start: the place of the first token.
        :param before: keys and values of the ``start`` tokens before, the same for all lines.
        """
        lines, tokens, _ = states.shape
        normed = norm(states, self.numbers["attn_norm.weight"])
        query = split_heads(self.linear("attn_q", normed), HEADS)
        key = split_heads(self.linear("attn_k", normed), KEY_HEADS)
        value = split_heads(self.linear("attn_v", normed), KEY_HEADS)
        turn = angles(start, tokens)
        query, key = rotated(query, *turn), rotated(key, *turn)
        keys, values = key, value
        if before:
            keys = torch.cat([before[0].expand(lines, -1, -1, -1), key], 2)
            values = torch.cat([before[1].expand(lines, -1, -1, -1), value], 2)
        shared = HEADS // KEY_HEADS
        attended = functional.scaled_dot_product_attention(
            query,
            keys.repeat_interleave(shared, 1),
            values.repeat_interleave(shared, 1),
            attn_mask=torch.ones(tokens, start + tokens, dtype=torch.bool).tril(start),
        )
        together = attended.transpose(1, 2).reshape(lines, tokens, WIDTH)
        states = states + self.linear("attn_output", together).float()
        normed = norm(states, self.numbers["ffn_norm.weight"])
        gated = functional.silu(self.linear("ffn_gate", normed)) * self.linear("ffn_up", normed)
        return states + self.linear("ffn_down", gated).float(), (key, value)


def norm(states: Tensor, weight: Tensor) -> Tensor:
    scale = torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + NORM_EPSILON)
    return (states * scale * weight).bfloat16()


def split_heads(states: Tensor, heads: int) -> Tensor:
    lines, tokens, _ = states.shape
    return states.view(lines, tokens, heads, HEAD_WIDTH).transpose(1, 2)


def angles(start: int, tokens: int) -> tuple[Tensor, Tensor]:
    inverse = ROPE_BASE ** -(torch.arange(0, HEAD_WIDTH, 2, dtype=torch.float32) / HEAD_WIDTH)
    angle = torch.arange(start, start + tokens)[:, None] * inverse[None]
    both = torch.cat([angle, angle], -1)
    return both.cos(), both.sin()


def rotated(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = states.chunk(2, -1)
    turned = torch.cat([-second, first], -1)
    return (states.float() * cosine + turned.float() * sine).bfloat16()


class Checker:
    """The model, reading lines behind a beginning that they share."""

    def __init__(self, path: Path, beginning: Sequence[int], yes: int, no: int) -> None:
        tensors = {tensor.name: tensor for tensor in GGUFReader(path).tensors}

        def numbers(name: str) -> Tensor:
            tensor = tensors[name]
            whole = torch.from_numpy(np.array(dequantize(tensor.data, tensor.tensor_type)))
            return whole if "norm" in name else whole.bfloat16()

        def layer(place: int) -> Layer:
            prefix = f"blk.{place}."
            names = [name for name in tensors if name.startswith(prefix)]
            return Layer({name.removeprefix(prefix): numbers(name) for name in names})

        self.layers = [layer(place) for place in range(LAYERS)]
        self.embedding = numbers("token_embd.weight")
        self.last_norm = numbers("output_norm.weight")
        out = numbers("output.weight") if "output.weight" in tensors else self.embedding
        self.direction = out[yes].float() - out[no].float()
        self.start = len(beginning)
        with torch.no_grad():
            states = self.embedding[torch.tensor(beginning)][None].float()
            self.before: list[KeysAndValues] = []
            for one in self.layers[:FIRST_LAYER]:
                states, held = one(states, 0, None)
                self.before.append(held)
            self.beginning = states

    def add_changes(self, start: Path | None) -> list[nn.Parameter]:
        """Give the upper layers changes that change nothing yet, or those of an adapter.

        Return their parameters.
        """
        known = {one.name: one.data for one in GGUFReader(start).tensors} if start else {}
        widths = {
            "attn_q": WIDTH,
            "attn_k": KEY_HEADS * HEAD_WIDTH,
            "attn_v": KEY_HEADS * HEAD_WIDTH,
            "attn_output": WIDTH,
        }
        for layer in self.layers[FIRST_LAYER:]:
            for name, width in widths.items():
                layer.changes[name] = Change(
                    down=nn.Parameter(torch.randn(RANK, WIDTH) / math.sqrt(WIDTH)),
                    up=nn.Parameter(torch.zeros(width, RANK)),
                )
        for place, layer in enumerate(self.layers):
            for name, change in layer.changes.items() if known else ():
                for end, matrix in (("lora_a", change.down), ("lora_b", change.up)):
                    numbers = np.array(known[f"blk.{place}.{name}.weight.{end}"], dtype=np.float32)
                    matrix.data = torch.from_numpy(numbers)
        changes = [one for layer in self.layers for one in layer.changes.values()]
        return [parameter for change in changes for parameter in (change.down, change.up)]

    def log_odds(self, rows: Sequence[Row]) -> Tensor:
        """Return the log odds of Yes over No behind each row."""
        self._read_lower([row for row in rows if row.lower is None])
        longest = max(len(row.tokens) for row in rows)
        states = torch.zeros(len(rows), longest, WIDTH)
        for place, row in enumerate(rows):
            states[place, : len(row.tokens)] = row.lower.float()
        beginning = self.beginning
        for layer in self.layers[FIRST_LAYER:]:
            beginning, held = layer(beginning, 0, None)
            states, _ = layer(states, self.start, held)
        last = torch.stack([states[place, len(row.tokens) - 1] for place, row in enumerate(rows)])
        return norm(last, self.last_norm).float() @ self.direction

    def _read_lower(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        longest = max(len(row.tokens) for row in rows)
        tokens = [row.tokens + [0] * (longest - len(row.tokens)) for row in rows]
        with torch.no_grad():
            states = self.embedding[torch.tensor(tokens)].float()
            for layer, held in zip(self.layers[:FIRST_LAYER], self.before, strict=True):
                states, _ = layer(states, self.start, held)
        for row, state in zip(rows, states, strict=True):
            row.lower = state[: len(row.tokens)].bfloat16().clone()

    def write(self, path: Path) -> None:
        """Write the changes as an adapter that the engine reads."""
        writer = GGUFWriter(path, "qwen2")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", SCALE * RANK)
        for place, layer in enumerate(self.layers):
            for name, change in layer.changes.items():
                for end, matrix in (("lora_a", change.down), ("lora_b", change.up)):
                    half = matrix.detach().numpy().astype(np.float16)
                    writer.add_tensor(f"blk.{place}.{name}.weight.{end}", half)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


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
    settings = Settings()
    torch.set_num_threads(settings.threads)
    weights = locate(find_model(settings.chat_model), settings.models_folder)
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)

    def tokens(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False).input_ids)

    lines = [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]
    rows: dict[bool, list[Row]] = {True: [], False: []}
    for line in lines:
        held = line["title"] in HELD_OUT
        row = Row(tokens(prompt(line)[1])[-LONGEST:], line["right"], line["kind"])
        if not held or row.group == "draft":  # what the annotators wrote is not what is checked
            rows[held].append(row)
    if options.more:
        wanted = [row for row in rows[False] if row.group == options.more]
        others = [row for row in rows[False] if row.group != options.more]
        rows[False] = wanted + random.sample(others, min(len(others), len(wanted)))
    beginning = tokens(prompt(lines[0])[0])
    checker = Checker(weights, beginning, *(tokens(word)[0] for word in (YES, NO)))
    print(f"{len(rows[False])} lines to learn from, {len(rows[True])} held out", flush=True)
    if not options.start:
        show(checker, rows[True], "before")
    parameters = checker.add_changes(options.start)
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.01)
    steps = int(len(rows[False]) * options.epochs / BATCH)
    started, step, losses = time.monotonic(), 0, [0.0]
    while step < steps:
        for batch in batches(rows[False], BATCH):
            passed = max(step / steps, (time.monotonic() - started) / (options.minutes * 60))
            if passed >= 1:
                steps = step
                break
            for group in optimizer.param_groups:
                slowed = min((step + 1) / WARM_UP_STEPS, max(1 - passed, 0.05))
                group["lr"] = (GOING_ON_RATE if options.start else LEARNING_RATE) * slowed
            right = torch.tensor([float(row.right) for row in batch])
            loss = functional.binary_cross_entropy_with_logits(checker.log_odds(batch), right)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
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
                checker.write(options.out)
    show(checker, rows[True], "after")
    checker.write(options.out)


if __name__ == "__main__":
    main()
