"""The default model in PyTorch, with low-rank changes to its upper layers that can be fitted.

In: the quantised file that the engine runs, its numbers turned back into bfloat16, so that what is
fitted fits what the engine runs. Out: the states of its layers, what it writes, and a GGUF file of
the changes. The changes are LoRA (Hu et al., ICLR 2022, arXiv:2106.09685), on the attention of the
upper layers alone. What a line begins with is read without them ("activated LoRA": Greenewald et
al., 2025, arXiv:2504.12397), so an article is read once for whatever is asked of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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

CHANGED = {
    "attn_q": WIDTH,
    "attn_k": KEY_HEADS * HEAD_WIDTH,
    "attn_v": KEY_HEADS * HEAD_WIDTH,
    "attn_output": WIDTH,
}
"""The matrices that can be changed, each with how many numbers come out of it."""

BEHIND = "<|im_start|>user\n"
"""The engine adapts what follows from the last of these words on."""

ROWS_WRITTEN = 640  # lines that are written at once
FAR_AWAY = -1e30  # the score of a token that is not to be looked at


class Held(NamedTuple):
    """The keys and values of one layer, each (lines, heads, tokens, width)."""

    keys: Tensor
    values: Tensor


class Change(NamedTuple):
    """A low-rank change ``SCALE * up @ down`` to one matrix."""

    down: nn.Parameter
    up: nn.Parameter


Changes = Mapping[tuple[int, str], Change]
"""By the number of the layer and the name of the matrix."""


@dataclass(slots=True, kw_only=True)
class Line:
    """Tokens behind a beginning that lines share; the first ``plain`` are read without changes."""

    tokens: list[int]
    plain: int = 0


def norm(states: Tensor, weight: Tensor) -> Tensor:
    scale = torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + NORM_EPSILON)
    return (states * scale * weight).bfloat16()


def descend(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, *, done: float) -> None:
    """Take a step down a loss, at a lower rate at first and towards the end.

    :param done: which share of the learning is behind, in [0, 1].
    """
    step = next(iter(optimizer.state.values()))["step"] if optimizer.state else 0
    for group in optimizer.param_groups:
        group["lr"] = rate * min((int(step) + 1) / WARM_UP_STEPS, max(1 - done, 0.03))
    optimizer.zero_grad()
    loss.backward()
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()


class Network:
    """The model of the default settings, on a GPU if there is one."""

    def __init__(self) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        # With the faster kernels the gradients were no numbers (PyTorch 2.11, an H200).
        torch.backends.cuda.enable_flash_sdp(False)
        torch.backends.cuda.enable_mem_efficient_sdp(False)
        torch.backends.cuda.enable_cudnn_sdp(False)
        settings = Settings()
        path = locate(find_model(settings.chat_model), settings.models_folder)
        self._tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        self._numbers = {
            tensor.name: self._whole(tensor.name, dequantize(tensor.data, tensor.tensor_type))
            for tensor in GGUFReader(path).tensors
        }
        self.embedding = self._numbers["token_embd.weight"]
        self.last_norm = self._numbers["output_norm.weight"]
        self.out = self._numbers.get("output.weight", self.embedding)
        halves = torch.arange(0, HEAD_WIDTH, 2, dtype=torch.float32, device=self.device)
        self._turns = ROPE_BASE ** -(halves / HEAD_WIDTH)
        (self.end,) = self.tokens("<|im_end|>")

    def _whole(self, name: str, values: np.ndarray) -> Tensor:
        whole = torch.from_numpy(np.array(values)).to(self.device)
        return whole if "norm" in name else whole.bfloat16()

    def tokens(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def text(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True)).strip()

    def new_changes(self, *, first_layer: int, rank: int) -> Changes:
        """Return changes that change nothing yet.

        :param first_layer: the lowest of the layers that are changed, from 0.
        """
        return {
            (layer, name): Change(
                down=nn.Parameter((torch.randn(rank, WIDTH) / math.sqrt(WIDTH)).to(self.device)),
                up=nn.Parameter(torch.zeros(width, rank, device=self.device)),
            )
            for layer in range(first_layer, LAYERS)
            for name, width in CHANGED.items()
        }

    def read(self, tokens: Sequence[int]) -> list[Held]:
        """Return what the layers hold of a beginning, read without changes."""
        with torch.no_grad():
            return self._states([Line(tokens=list(tokens))], None, {})[1]

    def states(self, lines: Sequence[Line], before: Sequence[Held], changes: Changes) -> Tensor:
        """Return the last layer's states of lines (lines, tokens, width), behind a beginning."""
        return self._states(lines, before, changes)[0]

    def scores(self, states: Tensor) -> Tensor:
        """Return the scores of all tokens as the next one, behind states."""
        return functional.linear(norm(states, self.last_norm), self.out).float()

    def _states(
        self, lines: Sequence[Line], before: Sequence[Held] | None, changes: Changes
    ) -> tuple[Tensor, list[Held]]:
        longest = max(len(line.tokens) for line in lines)
        start = before[0].keys.shape[2] if before else 0
        padded = [line.tokens + [0] * (longest - len(line.tokens)) for line in lines]
        states = self.embedding[torch.tensor(padded, device=self.device)].float()
        places = torch.arange(longest, device=self.device)
        plain = torch.tensor([line.plain for line in lines], device=self.device)
        changed = (places >= plain[:, None])[:, :, None].bfloat16()
        angles = self._angles((places + start)[None, None])
        seen = torch.ones(longest, start + longest, dtype=torch.bool, device=self.device)
        seen = seen.tril(start)
        found: list[Held] = []
        for layer in range(LAYERS):
            normed = norm(states, self._of(layer, "attn_norm.weight"))
            query, key, value = (
                self._linear(layer, name, normed, changes, changed)
                .view(len(lines), longest, -1, HEAD_WIDTH)
                .transpose(1, 2)
                for name in ("attn_q", "attn_k", "attn_v")
            )
            query, key = rotated(query, *angles), rotated(key, *angles)
            found.append(Held(key, value))
            if before:
                old = (one.expand(len(lines), -1, -1, -1) for one in before[layer])
                key, value = (
                    torch.cat([held, new], 2) for held, new in zip(old, (key, value), strict=True)
                )
            shared = HEADS // KEY_HEADS
            attended = functional.scaled_dot_product_attention(
                query,
                key.repeat_interleave(shared, 1),
                value.repeat_interleave(shared, 1),
                attn_mask=seen,
            )
            together = attended.transpose(1, 2).reshape(len(lines), longest, WIDTH)
            states = states + self._linear(layer, "attn_output", together, changes, changed).float()
            states = self._forward(layer, states)
        return states, found

    def _of(self, layer: int, name: str) -> Tensor:
        return self._numbers[f"blk.{layer}.{name}"]

    def _linear(
        self, layer: int, name: str, states: Tensor, changes: Changes, changed: Tensor | None
    ) -> Tensor:
        bias = self._numbers.get(f"blk.{layer}.{name}.bias")
        out = functional.linear(states, self._of(layer, f"{name}.weight"), bias)
        if change := changes.get((layer, name)):
            narrow = functional.linear(states, change.down.bfloat16())
            added = functional.linear(narrow, change.up.bfloat16()) * SCALE
            out = out + (added if changed is None else added * changed)
        return out

    def _forward(self, layer: int, states: Tensor) -> Tensor:
        normed = norm(states, self._of(layer, "ffn_norm.weight"))
        gate = functional.silu(functional.linear(normed, self._of(layer, "ffn_gate.weight")))
        gated = gate * functional.linear(normed, self._of(layer, "ffn_up.weight"))
        return states + functional.linear(gated, self._of(layer, "ffn_down.weight")).float()

    def _angles(self, places: Tensor) -> tuple[Tensor, Tensor]:
        angle = places[..., None].float() * self._turns
        both = torch.cat([angle, angle], -1)
        return both.cos(), both.sin()

    @torch.no_grad()
    def write(
        self,
        asked: Sequence[tuple[Sequence[Held], Sequence[Line]]],
        changes: Changes,
        *,
        most_tokens: int,
        temperature: float = 0.0,
    ) -> list[list[str]]:
        """Return what the model writes behind lines, each of which stands behind its beginning.

        :param asked: beginnings, each with the lines that share it.
        :param temperature: 0 for always the likeliest token.
        """
        found: list[list[str]] = [[] for _ in asked]
        order = sorted(range(len(asked)), key=lambda place: -len(asked[place][1]))
        while order:
            many = max(1, ROWS_WRITTEN // max(1, len(asked[order[0]][1])))
            now, order = order[:many], order[many:]
            batch = _Writing(self, [asked[place] for place in now], changes, most_tokens)
            for place, written in zip(now, batch.run(temperature), strict=True):
                found[place] = [self.text(tokens) for tokens in written]
        return found

    def save(self, changes: Changes, path: Path) -> None:
        """Write changes as an adapter that the engine reads."""
        (rank, _), *_ = (change.down.shape for change in changes.values())
        writer = GGUFWriter(path, "qwen2")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", SCALE * rank)
        writer.add_key_value(
            "adapter.alora.invocation_tokens",
            self.tokens(BEHIND),
            GGUFValueType.ARRAY,
            sub_type=GGUFValueType.UINT32,
        )
        for (layer, name), change in changes.items():
            down, up = (one.detach().float().cpu().numpy() for one in change)
            # In 8 bits; the other's rows are too short for that.
            narrow = quantize(down, GGMLQuantizationType.Q8_0)
            there = f"blk.{layer}.{name}.weight"
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(f"{there}.lora_a", narrow, raw_dtype=kind)
            writer.add_tensor(f"{there}.lora_b", up.astype(np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def rotated(states: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = states.chunk(2, -1)
    turned = torch.cat([-second, first], -1)
    return (states.float() * cosine + turned.float() * sine).bfloat16()


class _Writing:
    """Lines behind a few beginnings, one token of each at a time.

    The beginnings are padded to one length, and so are the numbers of their lines, so that one
    multiplication serves all.
    """

    def __init__(
        self,
        network: Network,
        asked: Sequence[tuple[Sequence[Held], Sequence[Line]]],
        changes: Changes,
        most_tokens: int,
    ) -> None:
        self._network, self._changes, self._most_tokens = network, changes, most_tokens
        self._counts = [len(lines) for _, lines in asked]
        self._groups, self._each = len(asked), max(self._counts)
        rows = self._groups * self._each
        self._longest = max(len(line.tokens) for _, lines in asked for line in lines)
        before = max(held[0].keys.shape[2] for held, _ in asked)
        device = network.device

        def room(lines: int, tokens: int) -> list[Held]:
            shape = (lines, KEY_HEADS, tokens, HEAD_WIDTH)
            return [
                Held(*(torch.zeros(shape, dtype=torch.bfloat16, device=device) for _ in range(2)))
                for _ in range(LAYERS)
            ]

        self._own = room(rows, self._longest + most_tokens)
        self._shared = room(self._groups, before)
        self._seen_own = torch.zeros(rows, self._longest + most_tokens, device=device).bool()
        self._seen_shared = torch.zeros(self._groups, before, device=device).bool()
        self._last = torch.zeros(rows, WIDTH, device=device)
        self._next = torch.ones(rows, dtype=torch.long, device=device)
        self._there = torch.zeros(rows, dtype=torch.bool, device=device)
        for group, (held, lines) in enumerate(asked):
            self._begin(group, held, lines)
        self._seen_own[~self._there, 0] = True  # rows that are none look at something, too

    def _begin(self, group: int, held: Sequence[Held], lines: Sequence[Line]) -> None:
        states, found = self._network._states(lines, held, self._changes)
        first = group * self._each
        rows = slice(first, first + len(lines))
        start, tokens = held[0].keys.shape[2], states.shape[1]
        for layer in range(LAYERS):
            for end in range(2):
                self._own[layer][end][rows, :, :tokens] = found[layer][end]
                self._shared[layer][end][group, :, :start] = held[layer][end][0]
        lengths = torch.tensor([len(line.tokens) for line in lines], device=states.device)
        self._seen_shared[group, :start] = True
        places = torch.arange(tokens, device=states.device)
        self._seen_own[rows, :tokens] = places < lengths[:, None]
        self._last[rows] = states[torch.arange(len(lines), device=states.device), lengths - 1]
        self._next[rows] = start + lengths
        self._there[rows] = True

    def run(self, temperature: float) -> list[list[list[int]]]:
        """Return the tokens of each line, group by group."""
        written = []
        states, ended = self._last, ~self._there
        for step in range(self._most_tokens):
            token = self._chosen(states, temperature)
            written.append(token)
            ended = ended | (token == self._network.end)
            if ended.all() or step == self._most_tokens - 1:
                break
            states = self._advance(token, step)
        rows = torch.stack(written, 1).tolist()
        ends = self._network.end
        cut = [row[: row.index(ends)] if ends in row else row for row in rows]
        return [cut[group * self._each :][:count] for group, count in enumerate(self._counts)]

    def _chosen(self, states: Tensor, temperature: float) -> Tensor:
        scores = self._network.scores(states)
        if not temperature:
            return scores.argmax(-1)
        return torch.multinomial((scores / temperature).softmax(-1), 1)[:, 0]

    def _advance(self, token: Tensor, step: int) -> Tensor:
        network, changes = self._network, self._changes
        rows, shared = len(token), HEADS // KEY_HEADS
        groups, each, place = self._groups, self._each, self._longest + step
        self._seen_own[:, place] = True
        angles = network._angles((self._next + step)[:, None])
        own_hidden = torch.zeros_like(self._seen_own[:, : place + 1], dtype=torch.float32)
        own_hidden = own_hidden.masked_fill(~self._seen_own[:, : place + 1], FAR_AWAY)
        far = torch.zeros_like(self._seen_shared, dtype=torch.float32)
        far = far.masked_fill(~self._seen_shared, FAR_AWAY)
        states = network.embedding[token].float()
        for layer in range(LAYERS):
            normed = norm(states, network._of(layer, "attn_norm.weight"))
            query, key, value = (
                network._linear(layer, name, normed, changes, None).view(rows, -1, HEAD_WIDTH)
                for name in ("attn_q", "attn_k", "attn_v")
            )
            query, key = rotated(query, *angles), rotated(key, *angles)
            own, before = self._own[layer], self._shared[layer]
            own.keys[:, :, place], own.values[:, :, place] = key, value
            by_group = query.view(groups, each, KEY_HEADS, shared, HEAD_WIDTH).transpose(1, 2)
            by_group = by_group.reshape(groups, KEY_HEADS, each * shared, HEAD_WIDTH)
            near = by_group @ before.keys.transpose(2, 3)
            near = near.float() / math.sqrt(HEAD_WIDTH) + far[:, None, None]
            near = near.view(groups, KEY_HEADS, each, shared, -1).transpose(1, 2)
            near = near.reshape(rows, KEY_HEADS, shared, -1)
            mine = query.view(rows, KEY_HEADS, shared, HEAD_WIDTH)
            mine = mine @ own.keys[:, :, : place + 1].transpose(2, 3)
            mine = mine.float() / math.sqrt(HEAD_WIDTH) + own_hidden[:, None, None]
            weights = torch.cat([near, mine], -1).softmax(-1).bfloat16()
            tokens = before.keys.shape[2]
            ahead = weights[..., :tokens].view(groups, each, KEY_HEADS, shared, tokens)
            ahead = ahead.transpose(1, 2).reshape(groups, KEY_HEADS, each * shared, tokens)
            attended = (ahead @ before.values).view(groups, KEY_HEADS, each, shared, HEAD_WIDTH)
            attended = attended.transpose(1, 2).reshape(rows, KEY_HEADS, shared, HEAD_WIDTH)
            attended = attended + weights[..., tokens:] @ own.values[:, :, : place + 1]
            together = attended.reshape(rows, WIDTH)
            added = network._linear(layer, "attn_output", together, changes, None)
            states = network._forward(layer, states + added.float())
        return states
