"""What the adapters learn from: articles, questions on them, and what to say to these.

In: the test sets that are learned from, answers.jsonl (further questions, each with its answer) and
written.jsonl (right and wrong answers to the questions of the test sets), and SQuAD 2.0. Out:
``Lesson`` records. Articles in ``HELD_OUT`` and all other test sets are never learned from.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage

from qa.evaluation.records import Alternatives, Example
from qa.evaluation.squad import contains
from qa.evaluation.testsets import load_examples
from qa.prompts import reading
from qa.records import Article, Turn
from qa.sections import whole_section

TESTSETS = Path(__file__).resolve().parents[1] / "tests" / "testsets"
SQUAD = Path(__file__).resolve().parents[2] / "shared" / "data" / "squad2_open.json"
LEARNED_NATURAL = (
    *("archive", "bridge", "cupfinal", "database", "election", "expedition", "frogs", "interview"),
    *("island", "orchestra", "pensions", "recall", "solarfarm", "sourdough", "treaty"),
)
KEPT_BACK = 19
"""So many of ``varied/``, by name, are not learned from."""

HELD_OUT = ("Scottish Parliament", "Yuan dynasty")
STRANGE = 3  # questions on other articles that are asked of each one
PARAGRAPHS = (2, 3, 4, 5)  # of SQuAD, that are read together
SHARE_OF_SQUAD = 0.65  # of its questions, so that they are not most of what is learned from


@dataclass(slots=True, kw_only=True, eq=False)
class Question:
    """A question on an article.

    ``answers`` are as in a test set, () where the article does not say; None if it is not known
    what answers are right. ``said`` is how it should be answered, "" if nobody wrote that.
    ``written`` are answers that people wrote, each with whether it is right.
    """

    text: str
    history: tuple[Turn, ...]
    answers: tuple[Alternatives, ...] | None
    said: str
    evidence: str
    written: dict[str, bool] = field(default_factory=dict)

    def is_right(self, answer: str) -> bool:
        """Return whether an answer is right, by the rule of the test sets."""
        return bool(self.answers) and contains(answer, self.answers or ())


@dataclass(slots=True, kw_only=True, eq=False)
class Lesson:
    """An article, or paragraphs of one, and questions; ``squad`` if these are of SQuAD."""

    article: Article
    read: list[BaseMessage]
    questions: list[Question]
    squad: bool


def lessons() -> list[Lesson]:
    """Return everything that is learned from, in an order that is always the same."""
    written = {(row["article"], row["id"]): row for row in rows("written.jsonl")}
    further: dict[str, list[dict[str, Any]]] = {}
    for row in rows("answers.jsonl"):
        further.setdefault(row["article"], []).append(row)
    found = []
    for path in taught_sets():
        examples = load_examples(path)
        questions = [of_example(one, written[path.stem, one.id]) for one in examples]
        questions += map(of_answer, further.get(path.stem, ()))
        found.append(lesson(examples[0].article, questions))
    add_strange_questions(found)
    return [*found, *of_squad()]


def taught_sets() -> list[Path]:
    """Return the test sets that are learned from."""
    natural = [TESTSETS / "natural" / f"{name}.jsonl" for name in LEARNED_NATURAL]
    varied = sorted((TESTSETS / "varied").glob("*.jsonl"))[KEPT_BACK:]
    return [*natural, *varied, *sorted((TESTSETS / "taught").glob("*.jsonl"))]


def rows(name: str) -> list[dict[str, Any]]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def lesson(article: Article, questions: list[Question], *, squad: bool = False) -> Lesson:
    read = reading([whole_section(article)])
    return Lesson(article=article, read=read, questions=questions, squad=squad)


def of_example(example: Example, written: dict[str, Any]) -> Question:
    text = example.article.text
    return Question(
        text=example.question,
        history=example.history,
        answers=example.answers,
        said=next(iter(written["right"]), ""),
        evidence=" ".join(text[span.start : span.end] for span in example.evidence),
        written=dict.fromkeys(written["right"], True) | dict.fromkeys(written["wrong"][:1], False),
    )


def of_answer(row: dict[str, Any]) -> Question:
    return Question(
        text=row["question"],
        history=tuple(Turn(**turn) for turn in row["history"]),
        answers=None,
        said=row["said"],
        evidence=" ".join(row["evidence"]),
        written={row["said"]: True},
    )


def add_strange_questions(found: Sequence[Lesson]) -> None:
    """Ask of each article what others answer."""
    chance = random.Random(0)
    for one in found:
        others = [
            question
            for other in found
            if other is not one
            for question in other.questions
            if question.answers and not question.history
        ]
        for question in chance.sample(others, STRANGE):
            strange = Question(text=question.text, history=(), answers=(), said="", evidence="")
            one.questions.append(strange)


def of_squad() -> Iterator[Lesson]:
    """Yield a few paragraphs at a time of the articles that are learned from, with questions."""
    chance = random.Random(0)
    for entry in json.loads(SQUAD.read_text(encoding="utf-8"))["data"]:
        title = entry["title"].replace("_", " ")
        paragraphs = [] if title in HELD_OUT else list(entry["paragraphs"])
        while paragraphs:
            many = chance.choice(PARAGRAPHS)
            near, paragraphs = paragraphs[:many], paragraphs[many:]
            text = "\n\n".join(one["context"] for one in near)
            questions = [of_annotation(one) for paragraph in near for one in paragraph["qas"]]
            chosen = chance.sample(questions, round(len(questions) * SHARE_OF_SQUAD))
            if chosen:
                article = Article.from_text(text, title=title, source=title)
                yield lesson(article, chosen, squad=True)


def of_annotation(annotated: dict[str, Any]) -> Question:
    gold = tuple(dict.fromkeys(answer["text"] for answer in annotated["answers"]))
    return Question(
        text=annotated["question"].strip(),
        history=(),
        answers=(gold,) if gold else (),
        said="",
        evidence="",
    )
