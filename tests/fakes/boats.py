"""Test sets on the scripted assistant's article."""

from __future__ import annotations

from fakes.answerer import (
    ARTICLE,
    BOATS,
    BREAK,
    HOW_MANY,
    KING,
    LAST,
    PIER,
    PIER_QUESTION,
    SLOWLY,
    TURNS,
)
from qa.evaluation.records import Alternatives, Example
from qa.records import Span, Turn
from qa.ui.bench import ExampleSet

WINTER = "<b>Winter</b> & ice"


def example(
    id: str,  # noqa: A002 - the field's name
    question: str,
    *answers: Alternatives,
    evidence: str = "",
    history: tuple[Turn, ...] = (),
) -> Example:
    """Return an example whose evidence the article holds once."""
    start = ARTICLE.text.index(evidence)
    spans = (Span(start=start, end=start + len(evidence)),) if evidence else ()
    return Example(
        id=id, article=ARTICLE, question=question, answers=answers, evidence=spans, history=history
    )


BEFORE = (Turn(question="Is there a town?", answer="Yes, Northmere."),)
SMALL = ExampleSet(
    name="boats",
    examples=(
        example("b1", HOW_MANY, ("37",), evidence=BOATS),
        example("b2", PIER_QUESTION, ("bronze",), evidence=LAST),
        example("b3", KING),
        example("b4", TURNS, (WINTER,), evidence=PIER, history=BEFORE),
        example("b5", BREAK),
    ),
)
SLOW = ExampleSet(
    name="slow",
    examples=(
        example("s1", HOW_MANY, ("38",), evidence=BOATS),
        example("s2", SLOWLY, ("never",)),
        example("s3", KING),
    ),
)
SETS = (SMALL, SLOW)
