"""Reports made up from an article: every way to come out, over and over, and two curves."""

from __future__ import annotations

from collections.abc import Iterator

from qa.evaluation.records import Estimate, Example, Outcome, Report
from qa.records import (
    Answer,
    Article,
    Chunk,
    Citation,
    Hit,
    Reason,
    Sentence,
    Span,
    Timings,
    Turn,
    Usage,
)

TAGS = ("direct", "number", "reworded", "followup", "unrelated")


def made_up(article: Article, count: int) -> Report:
    """Return a report of ``count`` cases on an article, the same each time."""
    spans = list(_paragraphs(article))
    return Report(
        outcomes=tuple(
            _outcome(article, number, spans[number % len(spans)], spans) for number in range(count)
        ),
        estimates=(
            Estimate(name="right", value=0.912, low=0.85, high=0.951, n=60, interval="wilson"),
            Estimate(name="declined", value=0.875, low=0.79, high=0.94, n=40, interval="wilson"),
            Estimate(
                name="citation_precision", value=0.8, low=0.7, high=0.88, n=50, interval="bootstrap"
            ),
            Estimate(
                name="first_token_ms_p50",
                value=1234.5,
                low=1100.0,
                high=1400.2,
                n=count,
                interval="bootstrap",
            ),
            Estimate(
                name="tokens_read_p50",
                value=61.5,
                low=60.0,
                high=1000.0,
                n=count,
                interval="bootstrap",
            ),
        ),
        about={"model": "made-up-1.7b", "seed": "0", "test set": "sha256:0123456789abcdef"},
        curves={
            "risk-coverage": tuple((step / 50, (step / 50) ** 2 * 0.2) for step in range(1, 51)),
            "reliability": ((0.15, 0.2), (0.45, 0.38), (0.65, 0.7), (0.92, 0.9)),
        },
    )


def _paragraphs(article: Article) -> Iterator[Span]:
    start = 0
    for line in article.text.split("\n"):
        if len(line) > 10:
            yield Span(start=start, end=start + len(line))
        start += len(line) + 1


def _outcome(article: Article, number: int, span: Span, spans: list[Span]) -> Outcome:
    way = number % 7
    answerable = way not in (3, 4)
    words = article.text[span.start : span.end].split()
    example = Example(
        id=f"case {number}",
        article=article,
        question=f"What does the article say about {words[0]} {words[1]}, case {number}?",
        history=(Turn(question="Before that?", answer="It had begun."),) * (number % 3 == 0),
        answers=((words[0], words[1]),) * answerable,
        evidence=(span,) * answerable,
        tags=(TAGS[number % len(TAGS)],),
    )
    seconds = 1.0 + (number * 37 % 100) / 25
    if way == 6:
        return Outcome(
            example=example, answer=None, scores={}, seconds=seconds, error="The model stopped."
        )
    abstained = way in (3, 5)
    answer = _abstention(example, article, span) if abstained else _answer(example, article, span)
    found = tuple(
        Hit(
            chunk=Chunk(
                article_id=article.id,
                start=one.start,
                end=one.end,
                text=article.text[one.start : one.end],
                heading=article.title,
            ),
            score=3.0 - place,
            similarity=0.9 - place / 10,
        )
        for place, one in enumerate((span, *spans[:4]))
    )
    scores = {"right": float(way < 2)} if answerable else {"declined": float(abstained)}
    scores |= {"citation_precision": 0.5, "f1": 0.4, "ndcg_at_5": 0.63} if answerable else {}
    return Outcome(
        example=example,
        answer=Answer(
            question=example.question,
            searched_for=f"{example.question} (as a search)",
            text=answer.text,
            status=answer.status,
            reason=answer.reason,
            confidence=(number * 13 % 100) / 100,
            sentences=answer.sentences,
            citations=answer.citations,
            closest=answer.closest,
            hits=found,
            timings=Timings(retrieve_ms=20.0, first_token_ms=900.0, total_ms=seconds * 1000),
            usage=None if way == 1 else Usage(read=60 + way, cached=1500, written=12),
        ),
        scores=scores,
        seconds=seconds,
    )


def _answer(example: Example, article: Article, span: Span) -> Answer:
    first, second = "It says that much, and in these words.", "More is not known."
    cited = Span(start=span.start, end=(span.start + span.end) // 2 + 1)
    return Answer(
        question=example.question,
        searched_for=example.question,
        text=f"{first} {second}",
        status="answered",
        sentences=(
            Sentence(start=0, end=len(first), support="supported", citations=(1,)),
            Sentence(
                start=len(first) + 1,
                end=len(first) + 1 + len(second),
                support="unsupported",
                citations=(),
            ),
        ),
        citations=(Citation.cut(article, cited, number=1),),
    )


def _abstention(example: Example, article: Article, span: Span) -> Answer:
    return Answer(
        question=example.question,
        searched_for=example.question,
        text="The article does not say.",
        status="abstained",
        reason=Reason.UNSUPPORTED,
        closest=Citation.cut(article, span, number=0),
    )
