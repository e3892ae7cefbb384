"""A question to its answer: searched for, answered by the chat model, checked against the article.

In: a question and the conversation before it. Out: drafts, then the ``Answer``. What is read is the
article as a whole where it is short, and else the passages that the search finds; a question about
the whole article is handed to ``qa.gathering``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from langchain_core.language_models.chat_models import BaseChatModel

from qa.attempts import Attempt, asked_of, attempts_at_all, attempts_at_passages
from qa.checking import Sureness, confirmed
from qa.errors import EngineError
from qa.gathering import Gatherer
from qa.generation import Draft, Writer
from qa.models.chat import Adapter, ReadsAhead, WeighsChoices
from qa.overview import Listing, Summary, overview_of
from qa.prompts import DECLINED, Section
from qa.records import (
    Answer,
    Article,
    Chunk,
    Citation,
    Hit,
    Reason,
    Sentence,
    Timings,
    Turn,
    Usage,
)
from qa.retrieval import Retriever
from qa.rewriting import clean_question, standalone
from qa.sections import Part, parts
from qa.signals import signals_of_check
from qa.verification import Examination, Place, Verdict, Verifier, may_decline, says_nothing
from qa.wording import Forms

logger = logging.getLogger(__name__)

_CLOSEST_OF = 2  # best passages whose sentences may be shown when an answer is withheld
_SECOND_SECONDS = 30.0
"""How long a second attempt may take while there is an answer that stands. At a long article it
reads other passages and takes ten on two quiet cores."""

_CONTRARY_FROM = 0.5  # log odds that a sentence answers too, from which on it is shown
_LEAST_SECONDS = 0.01  # a request needs a deadline, even one that is over
_WORDS_NAMED = 3  # words of a question that an abstention names as not being there


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a question may be, how much is read for it, and how long its answer may take."""

    question_characters: int
    passages: int
    answer_tokens: int
    deadline_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What an attempt came to; ``examined`` is None of a text without words, or that declines."""

    draft: Answer
    attempt: Attempt
    verdict: Verdict
    examined: Examination | None = None


class Pipeline:
    """Answers questions about articles that are open; safe to share between threads."""

    def __init__(
        self,
        articles: Sequence[Article],
        *,
        chat_model: BaseChatModel,
        retriever: Retriever,
        verifier: Verifier,
        whole: Sequence[Section] | None,
        chunks: Sequence[Chunk],
        limits: Limits,
    ) -> None:
        """Store what answers are made with.

        :param whole: the articles, if they are read whole.
        :param chunks: all of the articles, in their order.
        """
        self._articles = articles
        self._forms = Forms(article.text for article in articles)
        self._chat_model = chat_model
        self._retriever = retriever
        self._verifier = verifier
        self._weigher: WeighsChoices | None = None
        if verifier.asks_the_model and isinstance(chat_model, WeighsChoices):
            self._weigher = chat_model
        self._whole = whole
        self._limits = limits
        self._gatherer = Gatherer(
            chat_model,
            verifier,
            [Part(sections=tuple(whole), chunks=None)] if whole else parts(chunks),
            answer_tokens=limits.answer_tokens,
            deadline_seconds=limits.deadline_seconds,
        )

    def stream(
        self, question: str, history: Sequence[Turn], *, searched_for: str | None
    ) -> Iterator[Answer]:
        """Yield drafts of an answer, then the answer, as ``Assistant.stream`` says."""
        started = time.perf_counter()
        most_characters = self._limits.question_characters
        question = clean_question(question, most_characters=most_characters)
        if searched_for is None:
            asked, searched_for = question, standalone(question, history)
        else:
            asked = searched_for = clean_question(searched_for, most_characters=most_characters)
        overview = overview_of(asked, alone=not history)
        if overview:
            searched_for = asked
        hits = self._search(asked, searched_for)
        draft = Answer(
            question=question,
            searched_for=searched_for,
            text="",
            status="draft",
            hits=hits,
            timings=Timings(retrieve_ms=_milliseconds(started), first_token_ms=None, total_ms=0.0),
        )
        if overview:
            yield from self._read_through(overview, draft, started)
            return
        if not self._verifier.relates(searched_for, hits):
            yield self._abstention(draft, asked, Verdict(reason=Reason.NOTHING_RELEVANT), started)
            return
        end = time.monotonic() + self._limits.deadline_seconds - _milliseconds(started) / 1000
        judged: list[Judged] = []
        with closing(self.tries(asked, history, draft, started, end)) as tries:
            for tried in tries:
                if isinstance(tried, Judged):
                    judged.append(tried)
                    usage = tried.draft.usage
                else:
                    yield tried
                    usage = tried.usage
        judged.sort(key=lambda one: one.verdict.confidence, reverse=True)
        likeliest, *others = judged
        verdict = likeliest.verdict
        if others:
            verdict = self._verifier.judge_both(verdict, others[0].verdict)
        if verdict.reason is Reason.NONE:
            contrary, more = self._contrary(likeliest, end)
            draft = replace(likeliest.draft, usage=Usage.total(usage, more))
            verdict = replace(self._verifier.hedged(verdict), contrary=contrary)
            yield _finished(draft, verdict, started)
        else:
            draft = replace(likeliest.draft, usage=usage)
            yield self._abstention(draft, asked, verdict, started)

    def tries(
        self, asked: str, history: Sequence[Turn], draft: Answer, started: float, end: float
    ) -> Generator[Answer | Judged]:
        """Yield drafts of what the model answers, and then the verdict on it alone.

        There is a second answer where the first is not sure enough. While that is written, the
        text is what a person has read of the first.

        :param draft: with what was found.
        :param started: when the question came, by ``time.perf_counter``.
        :param end: when the answer has to be there, by ``time.monotonic``.
        :raises EngineError: if the model fails, but for a second attempt that is late or made while
            there is an answer that stands.
        """
        shown = ""
        before: Judged | None = None
        twice = self._weigher is not None
        if self._whole:
            attempts = attempts_at_all(self._whole, asked, history, draft.hits, twice=twice)
        else:
            attempts = attempts_at_passages(self._articles, asked, history, draft.hits, twice=twice)
        for attempt in attempts:
            stands = before is not None and before.verdict.reason is Reason.NONE
            if stands:
                end = min(end, time.monotonic() + _SECOND_SECONDS)
            left = end - time.monotonic()
            if before and left <= 0:
                return
            writer = Writer(
                self._chat_model,
                answer_tokens=self._limits.answer_tokens,
                deadline_seconds=left,
                adapter=Adapter.ANSWERS,
            )
            written = Draft(text="")
            try:
                with closing(writer.stream(attempt.messages)) as drafts:
                    for written in drafts:
                        draft = _grown(draft, written, started)
                        if written.usage is None:
                            hidden = bool(shown) or may_decline(written.text)
                            yield replace(draft, text=shown) if hidden else draft
                draft = replace(draft, text=self._forms.given_to(written.text))
                if before and before.draft.text == draft.text and attempt.read is None:
                    judged = replace(before, draft=draft)  # the same check would say the same
                else:
                    judged = self._judged(attempt, draft, end)
            except EngineError as error:
                if before and (stands or time.monotonic() >= end):
                    logger.warning("a second attempt came to nothing: %s", error)
                    yield replace(draft, text=shown)
                    return
                raise
            yield judged
            if attempt.ends(judged.verdict):
                return
            before, draft = judged, judged.draft
            # What a person has read stays until the last item says what became of it.
            shown = shown or ("" if may_decline(written.text) else written.text)

    def read_on(self, history: Sequence[Turn]) -> None:
        """Let the model read what was said behind an article that it holds whole.

        :raises EngineError: if the model fails.
        """
        if self._whole and isinstance(self._chat_model, ReadsAhead):
            self._chat_model.read_on(asked_of(self._whole, "", history))

    def _read_through(
        self, overview: Summary | Listing, draft: Answer, started: float
    ) -> Iterator[Answer]:
        """Yield the answer to a question about the whole article; no hit has a part in it."""
        with closing(self._gatherer.stream(overview, draft.searched_for)) as stream:
            for gathered in stream:
                draft = _grown(draft, gathered.draft, started)
                if gathered.verdict is None:
                    yield draft
                elif gathered.verdict.reason is Reason.NONE:
                    yield _finished(replace(draft, hits=()), gathered.verdict, started)
                else:
                    kind = overview.kind if isinstance(overview, Listing) else ""
                    yield self._abstention(draft, kind, gathered.verdict, started)

    def _search(self, question: str, searched_for: str) -> tuple[Hit, ...]:
        queries = list(dict.fromkeys([searched_for, question]))
        return tuple(self._retriever.search(queries, self._limits.passages))

    def _judged(self, attempt: Attempt, draft: Answer, end: float) -> Judged:
        """Return the verdict on an answer, and the answer with what that took.

        :param end: when it has to be there, by ``time.monotonic``.
        """
        if says_nothing(draft.text):
            return Judged(draft=draft, attempt=attempt, verdict=Verdict(reason=Reason.DECLINED))
        examined = self._examined(attempt, draft)
        from_the_model: Mapping[str, float] = {}
        if self._weigher and examined.carried:
            sureness = _confirmed(self._weigher, attempt, examined.evidence, draft.text, end)
            from_the_model = signals_of_check(sureness.log_odds)
            draft = replace(draft, usage=Usage.total(draft.usage, sureness.usage))
        verdict = self._verifier.judge(examined, from_the_model)
        return Judged(draft=draft, attempt=attempt, verdict=verdict, examined=examined)

    def _contrary(self, given: Judged, end: float) -> tuple[Place | None, Usage | None]:
        """Return the sentence that answers otherwise, if any does, and what asking that took."""
        model, examined, draft = self._weigher, given.examined, given.draft
        if model is None or examined is None or time.monotonic() >= end:
            return None, None
        attempt = given.attempt
        rival = self._verifier.rival(draft.searched_for, draft.text, examined, attempt.read)
        if rival is None:
            return None, None
        try:
            says = _confirmed(model, attempt, rival.text, rival.text, end)
        except EngineError as error:  # the answer stands without it
            logger.warning("whether a sentence contradicts an answer was not asked: %s", error)
            return None, None
        return (rival if says.log_odds > _CONTRARY_FROM else None), says.usage

    def _examined(self, attempt: Attempt, draft: Answer) -> Examination:
        return self._verifier.examine(
            draft.searched_for,
            draft.text,
            hits=draft.hits,
            read=attempt.read,
            follow_up=draft.searched_for != draft.question,
        )

    def _abstention(self, draft: Answer, asked: str, verdict: Verdict, started: float) -> Answer:
        """Return the answer that says that the article does not say, with the closest passage."""
        passages = [hit.chunk for hit in draft.hits[:_CLOSEST_OF]]
        closest = self._verifier.closest(draft.searched_for, passages) if passages else None
        return replace(
            draft,
            text=self._declining(asked, closest),
            status="abstained",
            reason=verdict.reason,
            confidence=verdict.confidence,
            signals=verdict.signals,
            closest=closest,
            timings=replace(draft.timings, total_ms=_milliseconds(started)),
        )

    def _declining(self, asked: str, closest: Citation | None) -> str:
        """Return the sentence that says so, and which words of the question are not there."""
        if unknown := self._verifier.unknown(asked):
            return f"{DECLINED} It nowhere mentions {_quoted(unknown)}."
        if closest and (unmentioned := self._verifier.unmentioned(asked, closest)):
            return f"{DECLINED} The closest passage does not mention {_quoted(unmentioned)}."
        return DECLINED


def _confirmed(
    model: WeighsChoices, attempt: Attempt, evidence: str, answer: str, end: float
) -> Sureness:
    """Return how sure the model is of an answer to what was attempted, if it can tell in time."""
    *before, _ = attempt.messages
    left = max(end - time.monotonic(), _LEAST_SECONDS)
    return confirmed(model, before, evidence, attempt.question, answer, deadline_seconds=left)


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words[:_WORDS_NAMED])


def _grown(draft: Answer, written: Draft, started: float) -> Answer:
    now = _milliseconds(started)
    first = draft.timings.first_token_ms
    if first is None and written.text:
        first = now
    timings = replace(draft.timings, first_token_ms=first, total_ms=now)
    usage = Usage.total(draft.usage, written.usage)
    return replace(draft, text=written.text, timings=timings, usage=usage)


def _finished(draft: Answer, verdict: Verdict, started: float) -> Answer:
    text, sentences, citations = draft.text, verdict.sentences, verdict.citations
    if contrary := verdict.contrary:
        number = len(citations) + 1
        start = len(text) + 1
        text = f"{text} The article also says: “{' '.join(contrary.text.split())}”"
        added = Sentence(start=start, end=len(text), support="supported", citations=(number,))
        sentences = (*sentences, added)
        citations = (*citations, Citation.cut(contrary.article, contrary.span, number=number))
    return replace(
        draft,
        text=text,
        status="answered",
        confidence=verdict.confidence,
        signals=verdict.signals,
        sentences=sentences,
        citations=citations,
        timings=replace(draft.timings, total_ms=_milliseconds(started)),
    )


def _milliseconds(started: float) -> float:
    return (time.perf_counter() - started) * 1000
