"""What the model is given to read: articles whole, or the passages that were found.

In: articles, their chunks, or the hits of a search. Out: ``Section`` records in the order of the
articles, for one reading or as the parts of a long one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from langchain_core.language_models.chat_models import BaseChatModel

from qa.articles.structure import blocks
from qa.models.chat import CountsTokens
from qa.prompts import Section
from qa.records import Article, Chunk, Hit

PART_TOKENS = 600
"""About so many tokens of a long article are read at once when it is read through."""

_CHARACTERS_A_TOKEN = 4  # a usual mean, for models that do not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is read at once: sections, and the chunks they are made of, None for everything."""

    sections: tuple[Section, ...]
    chunks: tuple[Chunk, ...] | None


def whole_sections(
    articles: Sequence[Article], model: BaseChatModel, *, most_tokens: int
) -> tuple[Section, ...] | None:
    """Return the articles as the model reads them whole, or None if they are too long for that."""
    text = "\n".join(article.text for article in articles)
    if len(text) > most_tokens * _CHARACTERS_A_TOKEN * 2:
        return None
    tokens = (
        model.count_tokens(text)
        if isinstance(model, CountsTokens)
        else len(text) // _CHARACTERS_A_TOKEN
    )
    if tokens > most_tokens:
        return None
    return tuple(map(whole_section, articles))


def whole_section(article: Article) -> Section:
    """Return an article as it is read whole: under its title, and without its tags."""
    body = "\n\n".join(
        article.text[block.start : block.end]
        for block in blocks(article.text)
        if block.kind in {"heading", "paragraph"}
    )
    return Section(heading=article.title, text=body)


def in_article_order(articles: Sequence[Article], hits: Sequence[Hit]) -> list[Chunk]:
    """Return the chunks of hits as they follow one another in their articles."""
    place = {article.id: number for number, article in enumerate(articles)}
    chunks = [hit.chunk for hit in hits]
    return sorted(chunks, key=lambda chunk: (place[chunk.article_id], chunk.start))


def passage_sections(chunks: Sequence[Chunk]) -> tuple[Section, ...]:
    """Return chunks as sections, those that stand under one heading together."""
    return tuple(
        Section(heading=heading, text="\n\n".join(chunk.text for chunk in together))
        for heading, together in groupby(chunks, key=lambda chunk: chunk.heading)
    )


def parts(chunks: Sequence[Chunk]) -> list[Part]:
    """Return the chunks of articles in runs of about as many tokens as are read at once.

    The parts of one article are even in length, as a short rest says little by itself.
    """
    return [
        Part(sections=passage_sections(run), chunks=tuple(run))
        for _, of_article in groupby(chunks, key=lambda chunk: chunk.article_id)
        for run in _even_runs(list(of_article))
    ]


def _even_runs(chunks: list[Chunk]) -> list[list[Chunk]]:
    total = sum(len(chunk.text) for chunk in chunks)
    length = total / math.ceil(total / (PART_TOKENS * _CHARACTERS_A_TOKEN))
    runs: dict[int, list[Chunk]] = {}
    passed = 0
    for chunk in chunks:
        middle = passed + len(chunk.text) / 2
        runs.setdefault(int(middle // length), []).append(chunk)
        passed += len(chunk.text)
    return list(runs.values())
