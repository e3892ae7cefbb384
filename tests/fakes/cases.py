"""Small examples and answers on one article, for tests of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from qa.evaluation.records import Alternatives, Example
from qa.records import Answer, Article, Chunk, Citation, Hit, Reason, Sentence, Span, Timings, Turn

TEXT = "It has 37 boats. It has a pier. The mayor is Ada Holm, since 2019."
ARTICLE = Article.from_text(TEXT, title="Boats", source="boats.txt")


def example(
    question: str,
    *,
    id: str = "q1",  # noqa: A002 - the field's name
    article: Article = ARTICLE,
    answers: tuple[Alternatives, ...] = (),
    evidence: tuple[Span, ...] = (),
    history: tuple[Turn, ...] = (),
    tags: tuple[str, ...] = (),
) -> Example:
    """Return an example; without answers it is one that the article does not say."""
    return Example(
        id=id,
        article=article,
        question=question,
        answers=answers,
        evidence=evidence,
        history=history,
        tags=tags,
    )


def hit(start: int, end: int, *, article: Article = ARTICLE) -> Hit:
    """Return the hit of a range of characters."""
    chunk = Chunk(
        article_id=article.id,
        start=start,
        end=end,
        text=article.text[start:end],
        heading=article.title,
    )
    return Hit(chunk=chunk, score=1.5, similarity=None)


def answered(
    text: str,
    *,
    question: str = "How many?",
    confidence: float = 0.5,
    cited: Sequence[tuple[int, int]] = (),
    hits: Sequence[Hit] = (),
    article: Article = ARTICLE,
) -> Answer:
    """Return an answer of one sentence that all citations stand behind, if there are any."""
    numbers = tuple(range(1, len(cited) + 1))
    sentence = Sentence(start=0, end=len(text), support="supported", citations=numbers)
    return Answer(
        question=question,
        searched_for=question,
        text=text,
        status="answered",
        confidence=confidence,
        sentences=(sentence,) if cited else (),
        citations=tuple(
            Citation.cut(article, Span(start=start, end=end), number=number)
            for number, (start, end) in zip(numbers, cited, strict=True)
        ),
        hits=tuple(hits),
        timings=Timings(retrieve_ms=1.0, first_token_ms=20.0, total_ms=300.0),
    )


def declined(*, question: str = "How many?") -> Answer:
    """Return an abstention."""
    return Answer(
        question=question,
        searched_for=question,
        text="The article does not say.",
        status="abstained",
        reason=Reason.DECLINED,
    )
