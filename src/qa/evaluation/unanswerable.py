"""Questions that an article does not answer, made of questions that it or another one answers.

In: drafted questions. Out: examples without answers, each kept only if the article, as far as a
``Checker`` can tell, does not answer it, with the sentence that comes closest as evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel

from qa.articles.structure import title_of
from qa.articles.text import normalise
from qa.evaluation.checking import Checker
from qa.evaluation.drafting import Drafted, Drafter
from qa.evaluation.records import Example
from qa.evaluation.squad import normalised
from qa.evaluation.swapping import swaps, things_of
from qa.records import Article, Span

_TRIES = 3  # swaps of one question that are checked: each costs an answer of the model


def swapped(
    article: Article,
    drafted: Sequence[Drafted],
    chat_model: BaseChatModel,
    embeddings: Embeddings,
    random: np.random.Generator,
) -> Iterator[Example]:
    """Yield the questions with one name, number or date swapped for another of the article."""
    checker = Checker(article, chat_model, embeddings)
    things = things_of(article)
    asked = {normalised(draft.question) for draft in drafted}
    for draft in drafted:
        tries = swaps(draft.question, draft.answer, things, embeddings, random)
        for swap in islice(tries, _TRIES):
            if normalised(swap.question) in asked or checker.answers(
                swap.question, about=swap.new.text
            ):
                continue
            asked.add(normalised(swap.question))
            name = named(article, f"{draft.name}-swapped")
            yield _example(name, article, swap.question, checker, tag="false-premise")
            break


def dropped(
    article: Article,
    drafted: Sequence[Drafted],
    chat_model: BaseChatModel,
    embeddings: Embeddings,
) -> Iterator[Example]:
    """Yield the questions, each asked of the article without the sentence that answers it."""
    for draft in drafted:
        rest = without(article, draft.place, number=draft.number)
        checker = Checker(rest, chat_model, embeddings)
        if not checker.answers(draft.question, known=draft.answer):
            name = named(article, f"{draft.name}-dropped")
            yield _example(name, rest, draft.question, checker, tag="near")


def foreign(
    article: Article,
    others: Sequence[Article],
    chat_model: BaseChatModel,
    embeddings: Embeddings,
    random: np.random.Generator,
) -> Iterator[Example]:
    """Yield other articles' questions, their sentences drawn from all of them alike."""
    checker = Checker(article, chat_model, embeddings)
    drafters = [Drafter(other, chat_model) for other in others if other.id != article.id]
    places = [
        (which, number)
        for which, drafter in enumerate(drafters, 1)
        for number in range(1, len(drafter) + 1)
    ]
    asked: set[str] = set()
    for place in random.permutation(len(places)):
        which, number = places[place]
        draft = drafters[which - 1].draft(number)
        if draft is None or normalised(draft.question) in asked:
            continue
        asked.add(normalised(draft.question))
        if not checker.answers(draft.question, known=draft.answer):
            name = named(article, f"other-{which}-{number}")
            yield _example(name, article, draft.question, checker, tag="unrelated")


def without(article: Article, place: Span, *, number: int) -> Article:
    """Return the article without its sentence ``number``; its source says so, and is no path."""
    before, after = article.text[: place.start], article.text[place.end :]
    text = normalise(f"{before}{after.removeprefix(' ')}").text
    source = f"{article.source} without sentence {number}"
    return Article.from_text(text, title=title_of(text, source), source=source)


def named(article: Article, name: str) -> str:
    """Return the id of a draft: the article's file, and what the question was made of."""
    return f"{Path(article.source).stem or 'draft'}-{name}"


def _example(name: str, article: Article, question: str, checker: Checker, *, tag: str) -> Example:
    closest = checker.closest(question)
    return Example(
        id=name,
        article=article,
        question=question,
        evidence=() if closest is None else (closest,),
        tags=("draft", tag),
    )
