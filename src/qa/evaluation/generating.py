"""An article to drafts of a test set, for a person to check.

In: an article, any chat model, any embeddings. Out: examples, one as each is found. Half of them
are questions that a sentence answers; the others are made of these, and of other articles'
questions, so that the article does not answer them. Each is tagged "draft" until a person has seen
it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.language_models.chat_models import BaseChatModel

from qa.citations import content_words, numbers
from qa.evaluation.drafting import Drafted, Drafter
from qa.evaluation.records import Example
from qa.evaluation.squad import normalised
from qa.evaluation.swapping import things_in, things_of
from qa.evaluation.unanswerable import dropped, foreign, named, swapped
from qa.records import Article

MOST = 20
SEED = 0


def drafts(
    article: Article,
    chat_model: BaseChatModel,
    embeddings: Embeddings,
    *,
    others: Sequence[Article] = (),
    most: int = MOST,
    seed: int = SEED,
) -> Generator[Example, None, None]:
    """Yield drafts of examples on an article, at most so many; fewer if it gives no more.

    The answerable ones come first, of sentences in an order drawn by the seed. Then come in turn,
    as long as there are any: a question with a name, number or date swapped, tagged
    "false-premise"; one asked of the article without the sentence that answers it, "near"; and
    another article's, "unrelated", as many as there are answerable ones at most. The evidence of an
    answerable one is its sentence; that of the others is the sentence which comes closest, and a
    person reads it to see whether it answers after all.

    :param others: articles whose questions are asked of this one.
    :raises EngineError: if the model fails; what was yielded before is whole.
    """
    random = np.random.default_rng(seed)
    drafted: list[Drafted] = []
    for draft in islice(_answerable(article, chat_model, random), (most + 1) // 2):
        drafted.append(draft)
        yield _example(article, draft)
    left = most - len(drafted)
    turns = [
        swapped(article, drafted, chat_model, embeddings, random),
        dropped(article, drafted, chat_model, embeddings),
        islice(foreign(article, others, chat_model, embeddings, random), len(drafted)),
    ]
    while turns and left > 0:
        turn = turns.pop(0)
        for example in turn:
            left -= 1
            turns.append(turn)
            yield example
            break


def _answerable(
    article: Article, chat_model: BaseChatModel, random: np.random.Generator
) -> Iterator[Drafted]:
    """Yield the questions that can be drafted, none twice and none for the same words.

    On every sentence the model first chooses what to ask for; then each name, number and date of
    it is asked for in turn.
    """
    drafter = Drafter(article, chat_model)
    things = things_of(article)
    places = range(1, len(drafter) + 1)
    free = [(number, "") for number in places]
    told = [
        (number, thing.text)
        for number in places
        for thing in things_in(drafter.words(number), things)
    ]
    asked: set[str] = set()
    answered: dict[int, list[str]] = {number: [] for number in places}
    for number, wanted in [*_shuffled(free, random), *_shuffled(told, random)]:
        if any(wanted in answer for answer in answered[number] if wanted):
            continue
        draft = drafter.draft(number, wanted=wanted)
        if draft and normalised(draft.question) not in asked:
            asked.add(normalised(draft.question))
            answered[number].append(draft.answer)
            yield replace(draft, nth=len(answered[number]))


def _shuffled(
    pairs: Sequence[tuple[int, str]], random: np.random.Generator
) -> list[tuple[int, str]]:
    return [pairs[place] for place in random.permutation(len(pairs))]


def _example(article: Article, draft: Drafted) -> Example:
    return Example(
        id=named(article, draft.name),
        article=article,
        question=draft.question,
        answers=((draft.answer,),),
        evidence=(draft.place,),
        tags=("draft", _tag(draft)),
    )


def _tag(draft: Drafted) -> str:
    question = draft.question.lower()
    if question.startswith("why "):
        return "reason"
    counted = question.startswith(("how many ", "how much "))
    return "number" if counted or numbers(content_words(draft.answer)) else "direct"
