"""The search as a LangChain retriever, for programs that bring a chain of their own."""

from __future__ import annotations

from typing import Annotated

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from qa.records import Article
from qa.retrieval import Retriever


class ArticleRetriever(BaseRetriever):
    """Gives the k passages that fit a question best, best first.

    Each document's ``metadata`` has ``source``, ``start``, ``end`` (characters of the article),
    ``heading``, ``score`` and ``similarity``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: Retriever
    articles: tuple[Article, ...]
    k: Annotated[int, Field(ge=1)] = 5

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain passes it
    ) -> list[Document]:
        sources = {article.id: article.source for article in self.articles}
        return [
            Document(
                page_content=hit.chunk.text,
                metadata={
                    "source": sources[hit.chunk.article_id],
                    "start": hit.chunk.start,
                    "end": hit.chunk.end,
                    "heading": hit.chunk.heading,
                    "score": hit.score,
                    "similarity": hit.similarity,
                },
            )
            for hit in self.retriever.search(query, self.k)
        ]
