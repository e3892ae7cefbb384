"""What the model is given to read: articles whole, or the passages that were found.

In: articles, or the hits of a search. Out: ``Section`` records in the order of the articles.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from langchain_core.language_models.chat_models import BaseChatModel

from qa.articles.structure import blocks
from qa.models.chat import CountsTokens
from qa.prompts import Section
from qa.records import Article, Chunk, Hit

_CHARACTERS_A_TOKEN = 4  # a usual mean, for models that do not count


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
    return tuple(Section(heading=article.title, text=_body(article)) for article in articles)


def _body(article: Article) -> str:
    """Return what there is to read: neither the title, which is handed over apart, nor the tags."""
    return "\n\n".join(
        article.text[block.start : block.end]
        for block in blocks(article.text)
        if block.kind in {"heading", "paragraph"}
    )


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
