"""The default model in PyTorch, with low-rank changes to its upper layers that can be fitted.

In: the quantised file that the engine runs, its numbers turned back into bfloat16, so that what is
fitted fits what the engine runs. Out: the states of its layers, and a GGUF file of the changes. The
changes are LoRA (Hu et al., ICLR 2022, arXiv:2106.09685), on the attention of the upper layers
alone, so what the lower ones make of a line is worked out once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoTokenizer

from qa.models.catalogue import find_model
from qa.models.weights import locate
from qa.settings import Settings

SCALE = 2.0
WARM_UP_STEPS = 20

LAYERS, WIDTH, HEADS, KEY_HEADS, HEAD_WIDTH = 28, 1536, 12, 2, 128
NORM_EPSILON, ROPE_BASE = 1e-6, 1e6
"""Of Qwen2.5 with 1.5 billion parameters."""

KeysAndValues = tuple[Tensor, Tensor]


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
        self, states: Tensor, before: KeysAndValues | None
    ) -> tuple[Tensor, KeysAndValues]:
        """Return what the layer makes of states (lines, tokens, width), and its keys and values.

        :param before: keys and values of the tokens before, the same for all lines.
        """
        lines, tokens, _ = states.shape
        start = before[0].shape[2] if before else 0
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
        return states + self.linear("ffn_down", gated).float(), (keys[:1], values[:1])


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


def descend(
    optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, *, step: int, done: float
) -> None:
    """Take a step down a loss, at a lower rate at first and towards the end.

    :param step: how many steps were taken before.
    :param done: which share of the learning is behind, in [0, 1].
    """
    for group in optimizer.param_groups:
        group["lr"] = rate * min((step + 1) / WARM_UP_STEPS, max(1 - done, 0.05))
    optimizer.zero_grad()
    loss.backward()
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()


@dataclass(slots=True)
class Line:
    """Tokens behind a beginning, and what the lower layers make of them there."""

    tokens: list[int]
    lower: Tensor | None = None


class Network:
    """The model of the default settings, without changes at first."""

    def __init__(self, *, first_layer: int, rank: int) -> None:
        """:param first_layer: the lowest of the layers that can be changed, from 0.
        :param rank: of the changes.
        """
        self.first_layer = first_layer
        self._rank = rank
        settings = Settings()
        torch.set_num_threads(settings.threads)
        path = locate(find_model(settings.chat_model), settings.models_folder)
        self._tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
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
        self.out = numbers("output.weight") if "output.weight" in tensors else self.embedding

    def tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def embedded(self, tokens: Any) -> Tensor:
        return self.embedding[torch.tensor(tokens)].float()

    def add_changes(self, start: Path | None) -> list[nn.Parameter]:
        """Give the upper layers changes that change nothing yet, or those of an adapter.

        Return their parameters.
        """
        tensors = GGUFReader(start).tensors if start else []
        known = {one.name: dequantize(one.data, one.tensor_type) for one in tensors}
        widths = {
            "attn_q": WIDTH,
            "attn_k": KEY_HEADS * HEAD_WIDTH,
            "attn_v": KEY_HEADS * HEAD_WIDTH,
            "attn_output": WIDTH,
        }
        for layer in self.layers[self.first_layer :]:
            for name, width in widths.items():
                layer.changes[name] = Change(
                    down=nn.Parameter(torch.randn(self._rank, WIDTH) / math.sqrt(WIDTH)),
                    up=nn.Parameter(torch.zeros(width, self._rank)),
                )
        for place, layer in enumerate(self.layers):
            for name, change in layer.changes.items() if known else ():
                for end, matrix in (("lora_a", change.down), ("lora_b", change.up)):
                    numbers = np.array(known[f"blk.{place}.{name}.weight.{end}"], dtype=np.float32)
                    matrix.data = torch.from_numpy(numbers)
        changes = [one for layer in self.layers for one in layer.changes.values()]
        return [parameter for change in changes for parameter in (change.down, change.up)]

    def read_lower(self, lines: Sequence[Line], before: Sequence[KeysAndValues]) -> Tensor:
        """Return the states of lines (lines, tokens, width) below the changes, behind a beginning.

        :param before: keys and values of the lower layers for the beginning.
        """
        unread = [line for line in lines if line.lower is None]
        if unread:
            longest = max(len(line.tokens) for line in unread)
            tokens = [line.tokens + [0] * (longest - len(line.tokens)) for line in unread]
            with torch.no_grad():
                states = self.embedded(tokens)
                for layer, held in zip(self.layers[: self.first_layer], before, strict=True):
                    states, _ = layer(states, held)
            for line, state in zip(unread, states, strict=True):
                line.lower = state[: len(line.tokens)].bfloat16().clone()
        states = torch.zeros(len(lines), max(len(line.tokens) for line in lines), WIDTH)
        for place, line in enumerate(lines):
            assert line.lower is not None
            states[place, : len(line.tokens)] = line.lower.float()
        return states

    def write(self, path: Path, *, behind: Sequence[int] = ()) -> None:
        """Write the changes as an adapter that the engine reads.

        :param behind: tokens; the engine adapts what follows from their last occurrence on, and
            what is before is read as without the adapter. None: all of a prompt is adapted.
        """
        writer = GGUFWriter(path, "qwen2")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", SCALE * self._rank)
        if behind:
            name = "adapter.alora.invocation_tokens"
            unsigned = GGUFValueType.UINT32
            writer.add_key_value(name, list(behind), GGUFValueType.ARRAY, sub_type=unsigned)
        for place, layer in enumerate(self.layers):
            for name, change in layer.changes.items():
                for end, matrix in (("lora_a", change.down), ("lora_b", change.up)):
                    numbers = matrix.detach().numpy()
                    name_there = f"blk.{place}.{name}.weight.{end}"
                    if end == "lora_a":  # in 8 bits; the other's rows are too short for that
                        narrow = quantize(numbers.astype(np.float32), GGMLQuantizationType.Q8_0)
                        kind = GGMLQuantizationType.Q8_0
                        writer.add_tensor(name_there, narrow, raw_dtype=kind)
                    else:
                        writer.add_tensor(name_there, numbers.astype(np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
