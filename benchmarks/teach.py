"""Fits the two adapters of the default model, to answer and to check: changes to its attention.

    pip install -c constraints.txt gguf
    python benchmarks/teach.py --out DIR            in minutes on a GPU; on two cores, days

In: what ``lessons.py`` gives. Out: DIR/answers.gguf and DIR/checks.gguf, to be put into
src/qa/models/adapters/SHA256_OF_THE_WEIGHTS/, and DIR/drafts.jsonl, what was learned from to check;
then the confidence has to be fitted anew (attempts.py, calibrate.py).

To answer is learned from the questions that articles answer, and what people wrote, or for SQuAD
what the model itself answered rightly. An adapter that learns to decline as well declines much that
the article answers. To check is learned from answers that the model itself gives, right and wrong,
because those that people make up are wrong in other ways. So that they are such as it gives to
articles it never saw, the lessons are halved, and each half is answered by an adapter that learned
from the other one. Both adapters read exactly the messages of ``qa.prompts``.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from langchain_core.messages import BaseMessage
from lessons import Lesson, Question, lessons
from network import Changes, Held, Line, Network, descend, norm
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from qa.calibration import ANY_MODEL, calibrations_for
from qa.indexing import Embedder
from qa.prompts import NO, YES, asking, asking_again, confirming
from qa.rewriting import standalone
from qa.settings import Settings
from qa.verification import Verifier, says_nothing

FIRST_LAYER, RANK = 12, 8
LEARNING_RATE = 3e-4
LINES_OF_ANSWERS, LINES_OF_CHECKS = 16, 40
"""How many are learned from at once, all of one article."""

PASSES = 2
AGAIN = 0.15  # so many questions have a passage behind them, as in a second attempt
ANSWER_TOKENS = 56
TEMPERATURES = (0.0, 0.9, 0.9)
"""Of the answers that checking is learned from."""

ANSWERS_A_QUESTION = 3
WRITTEN = 0.4  # so many questions bring the answers that people wrote, too
LONGEST_CHECK = 400  # tokens
LONGEST_ANSWER = 220  # characters of an answer of the model's own that answering is learned from


@dataclass(slots=True, kw_only=True)
class Example(Line):
    """A line to learn from: the tokens at its end are to be written, or Yes is to be, or No."""

    written: int = 0
    right: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Asked:
    """A question in its lesson, as the model reads it, and what the model answers to it."""

    question: Question
    before: list[BaseMessage]
    history: list[int]
    asked: list[int]
    asked_again: list[int]
    answers: list[str] = field(default_factory=list)
    own: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Opened:
    """A lesson that was read."""

    lesson: Lesson
    held: list[Held]
    questions: list[Asked]


Batch = tuple[Opened, list[Example]]


class Teacher:
    """The network with the two things that it is taught."""

    def __init__(self, network: Network) -> None:
        self.network = network
        (yes,), (no,) = (network.tokens(word) for word in (YES, NO))
        self._towards_yes = network.out[yes].float() - network.out[no].float()

    def open(self, lesson: Lesson) -> Opened:
        read = self.network.tokens("".join(map(templated, lesson.read)))
        questions = [self._asked(lesson, question) for question in lesson.questions]
        return Opened(lesson=lesson, held=self.network.read(read), questions=questions)

    def _asked(self, lesson: Lesson, question: Question) -> Asked:
        messages = asking(lesson.read, question.text, question.history)
        again = asking_again(messages, question.evidence) if question.evidence else messages
        history = messages[len(lesson.read) : -1]
        return Asked(
            question=question,
            before=messages[:-1],
            history=self.network.tokens("".join(map(templated, history))),
            asked=self.network.tokens(prompted(messages[-1])),
            asked_again=self.network.tokens(prompted(again[-1])),
        )

    def write(
        self, opened: Sequence[Opened], changes: Changes, *, temperature: float = 0.0
    ) -> Iterator[tuple[Asked, str]]:
        """Yield what the model answers to each question."""
        lines = [
            [Line(tokens=one.history + one.asked, plain=len(one.history)) for one in each.questions]
            for each in opened
        ]
        asked = [(each.held, those) for each, those in zip(opened, lines, strict=True)]
        written = self.network.write(
            asked, changes, most_tokens=ANSWER_TOKENS, temperature=temperature
        )
        for each, texts in zip(opened, written, strict=True):
            yield from zip(each.questions, texts, strict=True)

    def answering(self, opened: Opened) -> list[Example]:
        """Return the lines of a lesson that answering is learned from."""
        found = []
        for one in opened.questions:
            said, own = one.question.said, one.own
            usable = len(own) < LONGEST_ANSWER and not says_nothing(own)
            if opened.lesson.squad and usable and one.question.is_right(own):
                said = own
            if said:
                asked = one.asked_again if random.random() < AGAIN else one.asked
                answer = [*self.network.tokens(said), self.network.end]
                tokens = one.history + asked + answer
                plain = len(one.history)
                found.append(Example(tokens=tokens, plain=plain, written=len(answer)))
        return found

    def answering_loss(self, batch: Batch, changes: Changes) -> Tensor:
        """Return how unlikely the words of the answers are, each line counting alike."""
        opened, lines = batch
        losses = []
        states = self.network.states(lines, opened.held, changes)
        for state, line in zip(states, lines, strict=True):
            end = len(line.tokens)
            scores = self.network.scores(state[end - line.written - 1 : end - 1])
            wanted = torch.tensor(line.tokens[-line.written :], device=scores.device)
            losses.append(functional.cross_entropy(scores, wanted))
        return torch.stack(losses).mean()

    def checking_loss(self, batch: Batch, changes: Changes) -> Tensor:
        """Return how far the odds of Yes are from whether the answers are right."""
        opened, lines = batch
        states = self.network.states(lines, opened.held, changes)
        last = torch.stack([states[row, len(line.tokens) - 1] for row, line in enumerate(lines)])
        odds = norm(last, self.network.last_norm).float() @ self._towards_yes
        right = torch.tensor([float(line.right) for line in lines], device=odds.device)
        return functional.binary_cross_entropy_with_logits(odds, right)

    def fit(
        self,
        name: str,
        lines: Callable[[], Iterable[tuple[Opened, list[Example]]]],
        loss: Callable[[Batch, Changes], Tensor],
        *,
        at_once: int,
    ) -> Changes:
        """Return changes that make a loss small.

        :param lines: gives all lines, lesson by lesson; it is called once for each pass.
        """
        changes = self.network.new_changes(first_layer=FIRST_LAYER, rank=RANK)
        parameters = [end for change in changes.values() for end in change]
        optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.01)
        steps = [batch for _ in range(PASSES) for batch in batches(lines(), at_once)]
        progress = tqdm(steps, desc=name)
        recent: list[float] = []
        for step, batch in enumerate(progress):
            value = loss(batch, changes)
            descend(optimizer, value, LEARNING_RATE, done=step / len(steps))
            recent = [*recent[-99:], value.item()]
            progress.set_postfix(loss=f"{sum(recent) / len(recent):.3f}")
        return changes


class Evidence:
    """Finds the words that come closest to carrying an answer, as the program does."""

    def __init__(self) -> None:
        settings = Settings()
        self._embeddings = Embedder.named(
            settings.embedding_model, settings.models_folder, threads=settings.threads
        ).embeddings

    def of(self, lesson: Lesson) -> Callable[[Asked, str], str]:
        verifier = Verifier(
            [lesson.article],
            self._embeddings,
            calibrations=calibrations_for(ANY_MODEL),
            most_risk=1.0,
        )

        def evidence(one: Asked, answer: str) -> str:
            alone = standalone(one.question.text, one.question.history)
            examined = verifier.examine(alone, answer, hits=(), read=None, follow_up=False)
            return examined.evidence

        return evidence


def templated(message: BaseMessage) -> str:
    role = {"system": "system", "human": "user", "ai": "assistant"}[message.type]
    return f"<|im_start|>{role}\n{message.text}<|im_end|>\n"


def prompted(message: BaseMessage) -> str:
    return f"{templated(message)}<|im_start|>assistant\n"


def batches(lines: Iterable[tuple[Opened, list[Example]]], at_once: int) -> list[Batch]:
    """Return lines of one lesson together, alike in length, in random order."""
    found: list[Batch] = []
    for opened, those in lines:
        ordered = sorted(those, key=lambda line: len(line.tokens))
        size = math.ceil(len(ordered) / max(1, round(len(ordered) / at_once)))
        found += [(opened, ordered[start : start + size]) for start in range(0, len(ordered), size)]
    return random.sample(found, len(found))


def answers_to(one: Asked) -> dict[str, bool]:
    """Return a few answers to a question, each with whether it is right."""
    known = one.question.answers is not None
    texts = [text for text in dict.fromkeys(one.answers) if known and not says_nothing(text)]
    texts = random.sample(texts, min(len(texts), ANSWERS_A_QUESTION))
    found = {text: one.question.is_right(text) for text in texts}
    if random.random() < WRITTEN:
        found = one.question.written | found
    return found


def check_lines(
    teacher: Teacher, opened: Sequence[Opened], kept: list[dict[str, Any]]
) -> list[tuple[Opened, list[Example]]]:
    """Return the lines that checking is learned from; put what they say into ``kept``."""
    finder = Evidence()
    found = []
    for each in tqdm(opened, desc="evidence"):
        evidence_of = finder.of(each.lesson)
        lines = []
        for one in each.questions:
            for answer, right in answers_to(one).items():
                evidence = evidence_of(one, answer)
                text = one.question.text
                check = confirming(one.before, evidence, text, answer)[-1]
                tokens = teacher.network.tokens(prompted(check))
                if len(tokens) <= LONGEST_CHECK:
                    plain = len(one.history)
                    line = Example(tokens=one.history + tokens, plain=plain, right=right)
                    lines.append(line)
                    title = each.lesson.article.title
                    kept.append(
                        {"title": title, "question": text, "answer": answer, "right": right}
                    )
        if lines:
            found.append((each, lines))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=1, help="of so many lessons one, to try it")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    random.seed(0)
    torch.manual_seed(0)
    started = time.monotonic()
    teacher = Teacher(Network())
    opened = [teacher.open(one) for one in tqdm(lessons()[:: options.each], desc="reading")]
    for one, text in teacher.write(opened, {}):
        one.own = text
        one.answers.append(text)

    def to_answer(those: Sequence[Opened], name: str) -> Changes:
        def lines() -> Iterator[tuple[Opened, list[Example]]]:
            return ((one, found) for one in those if (found := teacher.answering(one)))

        return teacher.fit(name, lines, teacher.answering_loss, at_once=LINES_OF_ANSWERS)

    halves = [opened[::2], opened[1::2]]
    for learned, other in (halves, halves[::-1]):
        changes = to_answer(learned, "a half")
        for temperature in TEMPERATURES:
            for one, text in teacher.write(other, changes, temperature=temperature):
                one.answers.append(text)
    teacher.network.save(to_answer(opened, "answers"), options.out / "answers.gguf")
    kept: list[dict[str, Any]] = []
    lines = check_lines(teacher, opened, kept)
    text = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in kept)
    (options.out / "drafts.jsonl").write_text(text, encoding="utf-8")
    checks = teacher.fit("checks", lambda: lines, teacher.checking_loss, at_once=LINES_OF_CHECKS)
    teacher.network.save(checks, options.out / "checks.gguf")
    print(f"{len(opened)} lessons, {len(kept)} checks, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
