"""A sentence of an article to a question that it answers, written by a chat model.

In: an article, a number of a sentence, and a name, number or date of it to ask for, or none. Out:
a ``Drafted`` question with the answer in the sentence's own words, or None. A small model writes
many a bad question, so one is kept only if the same model, shown that sentence alone, answers it
back: Alberti et al., "Synthetic QA corpora generation with roundtrip consistency", 2019.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from qa.chunking import sentences
from qa.citations import content_words
from qa.errors import QuestionError
from qa.evaluation.answering import answer_from
from qa.evaluation.replies import first_line
from qa.evaluation.squad import contains
from qa.prompts import harmless
from qa.records import Article, Span
from qa.rewriting import clean_question

INSTRUCTIONS = (
    "You write quiz questions about an article. Write one question that the sentence answers. Ask "
    "for one fact in it: a name, a number, a date, a place or a reason. Name people and things in "
    "full, so that the question can be understood alone. Reply with one line: the question, a bar, "
    "and the shortest answer, copied from the sentence."
)
_EXAMPLE = (
    (
        "The Boats of Northmere",
        "The town lies on the coast.",
        "It keeps 37 boats in its harbour.",
        "They are painted every spring.",
    ),
    "How many boats does Northmere keep in its harbour? | 37",
)

FEWEST_WORDS = 6
"""A shorter sentence has no fact that a question could leave out."""

LONGEST_QUESTION_WORDS = 30
LONGEST_ANSWER_WORDS = 15

_DRAFT_TOKENS = 80
_QUESTION_CHARACTERS = 400
_LINE = re.compile(
    r"\W*(?:question\W+)?(?P<question>[^?|]+\?)[\s|\"”*]*(?:answer\W+)?(?P<answer>[^|]+)",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"\b(?:he|she|it|they|him|her|his|hers|its|them|their|this|these|those)\b", re.IGNORECASE
)
_NAMED = re.compile(r"(?<=\s)(?:[A-Z]|\d)")
_OF_THE_TEXT = re.compile(
    r"\b(?:sentence|passage|paragraph|text|article|excerpt|quiz)s?\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A question that sentence ``number``, from 1, of an article answers, with where it stands.

    It is the ``nth`` that was drafted on its sentence, from 1.
    """

    question: str
    answer: str
    number: int
    place: Span
    nth: int = 1

    @property
    def name(self) -> str:
        """What tells it from the other questions on its article."""
        return f"{self.number}" if self.nth == 1 else f"{self.number}-{self.nth}"


class Drafter:
    """Drafts questions on one article, a sentence at a time."""

    def __init__(self, article: Article, chat_model: BaseChatModel) -> None:
        self._article = article
        self._chat_model = chat_model
        self._places = sentences(article.text)

    def __len__(self) -> int:
        """Return the number of sentences."""
        return len(self._places)

    def draft(self, number: int, *, wanted: str = "") -> Drafted | None:
        """Return a question on sentence ``number``, from 1, or None if there is no good one.

        :param wanted: words of the sentence that the answer must hold; without them the model
            chooses what to ask for.
        :raises EngineError: if the model fails.
        """
        place = self._places[number - 1]
        before, sentence, after = (self.words(near) for near in (number - 1, number, number + 1))
        if len(sentence.split()) < FEWEST_WORDS:
            return None
        messages = drafting(self._article.title, before, sentence, after, wanted)
        found = parsed(first_line(self._chat_model, messages, tokens=_DRAFT_TOKENS), sentence)
        if found is None or (wanted and not contains(found[1], ((wanted,),))):
            return None
        if not self._answered_back(found, sentence):
            return None
        question, answer = found
        return Drafted(question=question, answer=answer, number=number, place=place)

    def words(self, number: int) -> str:
        """Return sentence ``number``; before the first and after the last there is none."""
        if not 1 <= number <= len(self):
            return ""
        place = self._places[number - 1]
        return self._article.text[place.start : place.end]

    def _answered_back(self, found: tuple[str, str], sentence: str) -> bool:
        question, answer = found
        said = answer_from(self._chat_model, self._article.title, sentence, question)
        return contains(said, ((answer,),))


def drafting(
    title: str, before: str, sentence: str, after: str, wanted: str = ""
) -> list[BaseMessage]:
    """Return the messages that ask for a question; a sentence's neighbours tell who "he" is.

    :param wanted: what the question should ask for, or "" for whatever the model chooses.
    """
    shown, written = _EXAMPLE
    _, answer = written.split(" | ")
    return [
        SystemMessage(INSTRUCTIONS),
        HumanMessage(_shown((*shown, answer if wanted else ""))),
        AIMessage(written),
        HumanMessage(_shown((title, before, sentence, after, wanted))),
    ]


def parsed(line: str, sentence: str) -> tuple[str, str] | None:
    """Return the question and answer of a reply, or None if they are none that can be used.

    The question stands alone, is about the sentence, and does not hold its own answer; the answer
    is given as the sentence has it.
    """
    match = _LINE.fullmatch(line)
    answer = standing(match["answer"], sentence) if match else None
    if match is None or answer is None:
        return None
    try:
        question = clean_question(match["question"], most_characters=_QUESTION_CHARACTERS)
    except QuestionError:
        return None
    asked, wanted = content_words(question), content_words(answer)
    usable = (
        len(question.split()) <= LONGEST_QUESTION_WORDS
        and wanted
        and not wanted <= asked
        and asked & content_words(sentence)
        and _stands_alone(question)
    )
    return (question, answer) if usable else None


def standing(answer: str, sentence: str) -> str | None:
    """Return an answer's words as they stand side by side in a sentence, or None.

    Capitals and what is between the words may differ. All of the sentence is no answer.
    """
    words = re.findall(r"\w+", answer)
    if not words or len(words) > LONGEST_ANSWER_WORDS:
        return None
    pattern = r"\W{1,3}".join(map(re.escape, words))
    match = re.search(rf"(?<!\w){pattern}(?!\w)", sentence, re.IGNORECASE)
    if match is None or len(match.group()) > len(sentence) / 2:
        return None
    return match.group()


def _stands_alone(question: str) -> bool:
    """Return whether a question can be understood without what it was made of.

    It speaks of no text, and where it points at something it also names something.
    """
    if _OF_THE_TEXT.search(question):
        return False
    return not _POINTING.search(question) or bool(_NAMED.search(question))


def _shown(parts: Sequence[str]) -> str:
    names = ("Title", "Before", "Sentence", "After", "Ask for")
    return "\n".join(
        f"{name}: {harmless(' '.join(part.split()))}"
        for name, part in zip(names, parts, strict=True)
        if part
    )
