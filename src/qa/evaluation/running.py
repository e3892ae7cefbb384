"""Examples and any answerer to outcomes, one as each comes, and to the report of them all.

In: examples, and a callable from a question and its history to an ``Answer``, or to its words
alone. Out: ``Outcome`` records from a generator, which may be closed at any time, or the
``Report``.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from langchain_core.embeddings import Embeddings

from qa.errors import ExamplesError, QAError
from qa.evaluation.estimates import curves, estimates
from qa.evaluation.judging import Judge, Verdicts, judged
from qa.evaluation.keeping import Keeper, key_of
from qa.evaluation.metrics import score
from qa.evaluation.records import Example, Outcome, Report
from qa.prompts import DECLINED
from qa.records import Answer, Article, Reason, Turn

PlainAnswerer = Callable[[str, Sequence[Turn]], Answer | str | None]
"""An ``Answerer``, or one that gives words alone: ``DECLINED``, none, or None decline."""


def evaluate(
    examples: Sequence[Example],
    answerer: PlainAnswerer,
    *,
    about: Mapping[str, str] | None = None,
    cache: Path | None = None,
    embeddings: Embeddings | None = None,
    judge: Judge | None = None,
) -> Report:
    """Return the report of an answerer on examples.

    Words alone cite nothing and state no confidence, so that all figures of confidence are left
    out.

    :param about: the versions, hashes and settings that the answers depend on, by name.
    :param cache: a folder in which finished answers are kept under the fingerprint of ``about``,
        and from which those of an earlier run are taken; verdicts likewise, under the judge's.
    :param embeddings: for the semantic similarity of answers, which is left out without them.
    :param judge: a model's opinion of the answers, beside the scores; asked when all are there.
    :raises ExamplesError: if there are no examples, or two have one id.
    :raises ValueError: if there is a cache, and nothing that says whose answers are in it.
    """
    if cache and not about:
        raise ValueError("answers are kept by what they depend on: say it as about=")
    check(examples)
    keeper = Keeper.open(cache, about, articles_of(examples)) if cache and about else None
    found = tuple(outcomes(examples, answerer, keeper=keeper, embeddings=embeddings))
    if judge is None:
        return report_of(found, about=about or {})
    verdicts = Verdicts.open(cache, judge.about) if cache else None
    marked = tuple(judged(found, judge, verdicts=verdicts))
    return report_of(marked, about={**(about or {}), **judge.about})


def outcomes(
    examples: Sequence[Example],
    answerer: PlainAnswerer,
    *,
    keeper: Keeper | None = None,
    embeddings: Embeddings | None = None,
) -> Iterator[Outcome]:
    """Yield the outcome of each example in order, as soon as it is there.

    An answer that ``keeper`` has is taken from it, and a new one is kept before it is yielded. A
    failure is not kept: it may pass.
    """
    for example in examples:
        kept = keeper.get(example) if keeper else None
        if kept:
            outcome = _outcome(example, kept.answer, kept.seconds)
        else:
            outcome = _asked(example, answerer)
            if keeper and outcome.answer:
                keeper.keep(example, outcome.answer, outcome.seconds)
        yield replace(outcome, scores=score(example, outcome.answer, embeddings=embeddings))


def outcomes_by_article(
    examples: Sequence[Example],
    opening: Callable[[Article], PlainAnswerer],
    *,
    keeper: Keeper,
    embeddings: Embeddings | None = None,
    fresh: bool = False,
) -> Generator[Outcome, None, None]:
    """Yield the outcomes as ``outcomes`` does, article by article.

    :param opening: opens an answerer for an article; it is asked for where an answer is not kept.
        The questions of an article that it raises a QAError for fail.
    :param fresh: forget what is kept for these examples, but not before there is an answerer.
    :raises QAError: if no article could be opened and no answer was kept.
    """
    first_error: QAError | None = None
    reached = False
    for article in articles_of(examples).values():
        own = [example for example in examples if example.article.id == article.id]
        answerer: PlainAnswerer = _unasked
        if fresh or not all(map(keeper.get, own)):
            try:
                answerer = opening(article)
            except QAError as error:
                answerer, first_error = _failing(error), first_error or error
            else:
                reached = True
                if fresh:
                    keeper.forget(examples)
                    fresh = False
        found = outcomes(own, answerer, keeper=None if fresh else keeper, embeddings=embeddings)
        for outcome in found:
            reached = reached or outcome.answer is not None
            yield outcome
    if first_error and not reached:
        raise first_error


def report_of(found: Sequence[Outcome], *, about: Mapping[str, str]) -> Report:
    """Return the report of outcomes; what it was made with also names the test set and articles."""
    examples = [outcome.example for outcome in found]
    made_with = {
        "test set sha256": _sha256([_content(example) for example in examples]),
        "articles sha256": _sha256(sorted(articles_of(examples))),
        **about,
    }
    return Report(
        outcomes=tuple(found),
        estimates=estimates(found),
        about=made_with,
        curves=curves(found),
    )


def check(examples: Sequence[Example]) -> None:
    """Refuse examples that no report can be made of.

    :raises ExamplesError: if there are none, or two have one id.
    """
    if not examples:
        raise ExamplesError("There is no question to ask.", remedy="Name a test set that has some.")
    counts = Counter(example.id for example in examples)
    repeated = [repr(one) for one, count in counts.items() if count > 1]
    if repeated:
        raise ExamplesError(
            f"These ids are there more than once: {', '.join(repeated)}.",
            remedy="Give each question an id of its own, or run the test sets one by one.",
        )


def articles_of(examples: Sequence[Example]) -> dict[str, Article]:
    """Return the articles of examples by id, in the order they come in."""
    return {example.article.id: example.article for example in examples}


def _unasked(question: str, _history: object) -> Answer:
    raise AssertionError(f"{question!r} is kept")  # and so nobody is asked


def _failing(error: QAError) -> PlainAnswerer:
    def answerer(_question: str, _history: object) -> Answer:
        raise error

    return answerer


def _asked(example: Example, answerer: PlainAnswerer) -> Outcome:
    """Return the outcome of asking, without scores."""
    started = time.perf_counter()
    try:
        answer = answerer(example.question, example.history)
    # Whatever an answerer raises, of whatever package, is a case that failed: it is counted and
    # listed with its line, and the other questions are asked all the same.
    except Exception as error:
        seconds = time.perf_counter() - started
        return Outcome(
            example=example, answer=None, scores={}, seconds=seconds, error=_line_of(error)
        )
    return _outcome(example, answer, time.perf_counter() - started)


def _outcome(example: Example, given: object, seconds: float) -> Outcome:
    answer = _in_words(example.question, given) if isinstance(given, str | None) else given
    if not isinstance(answer, Answer) or answer.status == "draft":
        kind = "a draft" if isinstance(answer, Answer) else f"a {type(answer).__name__}"
        error = f"the answerer gave {kind} in place of a final answer"
        return Outcome(example=example, answer=None, scores={}, seconds=seconds, error=error)
    return Outcome(example=example, answer=answer, scores={}, seconds=seconds)


def _in_words(question: str, said: str | None) -> Answer:
    """Return the answer that is nothing but words, or an abstention."""
    text = (said or "").strip()
    if text in ("", DECLINED):
        return Answer(
            question=question,
            searched_for=question,
            text=DECLINED,
            status="abstained",
            reason=Reason.DECLINED,
        )
    return Answer(question=question, searched_for=question, text=text, status="answered")


def _line_of(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _content(example: Example) -> list[object]:
    spans = [[span.start, span.end] for span in example.evidence]
    return [example.id, key_of(example), example.answers, spans, example.tags]


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
