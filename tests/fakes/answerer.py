"""An assistant that answers from a script, for tests of the page.

It answers only the questions it knows and fails on any other. Each stream says on ``log`` when it
begins and when it ends, so that a test in another process can see whether it was closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from queue import SimpleQueue

from qa.errors import EngineError, QuestionError
from qa.records import Answer, Article, Citation, Reason, Sentence, Span, Support, Turn

TITLE = "The Boats of Northmere"
BOATS = "The town keeps 37 boats in the old harbour, and paints them every spring."
PRICE = "Each boat cost 900 crowns."
PIER = "A new pier was opened on 4 May by the mayor, Ada Holm."
LAST = "Nobody in Northmere remembers a winter without ice."
_FILLER = [
    f"In year {year} the {thing} was mended, and the people of the coast spoke of it for months, "
    f"as they speak of most things that happen slowly and in the open."
    for year, thing in enumerate(("sluice", "tower", "bridge", "market", "school", "mill"), 1901)
]
TEXT = "\n".join(
    (TITLE, *_FILLER, f"{BOATS} {PRICE}", *_FILLER, PIER, *_FILLER, LAST, "#Northmere #Boats")
)
ARTICLE = Article.from_text(TEXT, title=TITLE, source="boats.txt")

HOW_MANY = "How many boats are there?"
PIER_QUESTION = "What is known of the pier?"
KING = "Who is the king?"
SLOWLY = "Please write slowly"
LONG = "Please think long"
BREAK = "Please break"
EXPLODE = "Please explode"
TURNS = "Which turns came before?"
ECHO = "Echo "
FOLLOW_UP = "And its price?"

Said = tuple[str, Support, tuple[int, ...]]


def cut(quote: str, number: int) -> Citation:
    """Return the citation of words that the article holds once."""
    start = ARTICLE.text.index(quote)
    return Citation.cut(ARTICLE, Span(start=start, end=start + len(quote)), number=number)


def answered(question: str, *said: Said, citations: Sequence[Citation] = ()) -> Answer:
    """Return the final answer of these sentences, joined by spaces."""
    sentences, text = [], ""
    for words, support, numbers in said:
        text += " " if text else ""
        span = (len(text), len(text) + len(words))
        sentences.append(Sentence(start=span[0], end=span[1], support=support, citations=numbers))
        text += words
    return Answer(
        question=question,
        searched_for=question,
        text=text,
        status="answered",
        confidence=0.93,
        sentences=tuple(sentences),
        citations=tuple(citations),
    )


def abstained(question: str) -> Answer:
    """Return an answer that is withheld, with the passage that comes closest."""
    return Answer(
        question=question,
        searched_for=question,
        text="The article does not say who the king is.",
        status="abstained",
        reason=Reason.DECLINED,
        closest=cut(PIER, 0),
    )


class ScriptedAnswerer:
    """Answers from the script; ``log`` is handed one line for each thing that happens."""

    articles = (ARTICLE,)

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self.read: SimpleQueue[tuple[Turn, ...]] = SimpleQueue()

    def stream(
        self, question: str, history: Sequence[Turn], *, searched_for: str | None = None
    ) -> Iterator[Answer]:
        """Yield the script of the question; only a follow-up is searched for in other words."""
        self._log(f"began {question[:40]}")
        try:
            if question == FOLLOW_UP:
                yield from _followed_up(searched_for or f"{history[-1].question} {question}")
            else:
                yield from self._script(question, history)
        finally:
            self._log(f"ended {question[:40]}")

    def read_on(self, history: Sequence[Turn]) -> None:
        """Keep what was to be read on."""
        self.read.put(tuple(history))

    def close(self) -> None:
        """Say so."""
        self._log("closed")

    def _script(self, question: str, history: Sequence[Turn]) -> Iterator[Answer]:
        match question:
            case _ if len(question) > 2000:
                raise QuestionError("The question is too long.", remedy="Ask a shorter one.")
            case _ if question.startswith(ECHO):
                yield from _drafted(answered(question, (question, "unsupported", ())))
            case "How many boats are there?":
                first = ("There are 37 boats.", "supported", (1,))
                second = ("They are painted every spring and cost 900 crowns.", "partly", (1, 2))
                cited = (cut(BOATS, 1), cut(PRICE, 2))
                yield from _drafted(answered(question, first, second, citations=cited))
            case "What is known of the pier?":
                first = ("It was opened by Ada Holm.", "supported", (1,))
                second = ("It is made of oak.", "unsupported", ())
                yield from _drafted(answered(question, first, second, citations=(cut(PIER, 1),)))
            case "Who is the king?":
                yield from _drafted(abstained(question))
            case "Which turns came before?":
                before = "; ".join(turn.question for turn in history) or "none"
                yield from _drafted(answered(question, (f"Before: {before}.", "unsupported", ())))
            case "Please write slowly":
                for count in range(1, 600):
                    yield _draft(question, "word " * count)
                    time.sleep(0.05)
            case "Please think long":
                time.sleep(5)
                yield _draft(question, "Too late.")
            case "Please break":
                yield _draft(question, "Half an")
                raise EngineError("The language model stopped.", remedy="Ask again.")
            case "Please explode":
                raise RuntimeError("a secret detail")
            case _:
                raise AssertionError(f"not in the script: {question!r}")


def _followed_up(words: str) -> Iterator[Answer]:
    if len(words) > 2000:
        raise QuestionError("The question is too long.", remedy="Ask a shorter one.")
    final = answered(FOLLOW_UP, (f"Found with {words}.", "unsupported", ()))
    yield from (replace(one, searched_for=words) for one in _drafted(final))


def _draft(question: str, text: str) -> Answer:
    return Answer(question=question, searched_for=question, text=text, status="draft")


def _drafted(final: Answer) -> Iterator[Answer]:
    words = final.text.split(" ")
    for count in range(1, len(words) + 1):
        yield _draft(final.question, " ".join(words[:count]))
        time.sleep(0.02)
    yield final
