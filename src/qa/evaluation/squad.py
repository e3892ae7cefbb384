"""Whether an answer has the words of a gold answer: the rules of SQuAD, and right by containment.

In: the text of an answer, "" for an abstention, and gold answers. Out: scores in [0, 1].
The rules are those of the official SQuAD 2.0 evaluation: Rajpurkar, Jia and Liang, "Know what you
don't know: unanswerable questions for SQuAD", 2018, and of its script, version 2.0.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from qa.evaluation.records import Alternatives

LONGEST_RIGHT_WORDS = 60
"""Only so many words of an answer are looked at: the whole article holds every gold answer."""

LONG_GOLD_WORDS = 4
LONG_GOLD_SHARE = 0.8
"""Of a gold answer of four words or more, 80% of the words are enough."""

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_QUOTES = str.maketrans("‘’“”", "''\"\"")
_POSSESSIVE = re.compile(r"'s\b", re.IGNORECASE)
_JOINED = re.compile(r"[-‐‑/]")


def normalised(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation and English articles, single-spaced.

    In this order, as the official script has it: "A.N." is "an", which is then an article.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """Return 1 if the answer is one of the gold answers, normalised; with none, if it is empty."""
    said = normalised(answer)
    return max(float(normalised(gold) == said) for gold in _scorable(golds))


def f1(answer: str, golds: Sequence[str]) -> float:
    """Return the harmonic mean of precision and recall in words, for the best gold answer.

    Words count as often as they occur. Where either side has no words, 1 if neither has.
    """
    said = normalised(answer).split()
    return max(_f1(said, normalised(gold).split()) for gold in _scorable(golds))


def contains(answer: str, groups: Sequence[Alternatives]) -> bool:
    """Return whether the answer holds one gold answer of each group, in its first 60 words.

    It holds a gold answer that stands in it word for word, or 80% of the words of one of four words
    or more, both normalised. A word within another is not held: "no" is not in "known", nor "40" in
    "400". What normalising glues together is looked at apart as well: "Japan's", "37-foot".
    """
    plain = answer.translate(_QUOTES)
    apart = _JOINED.sub(" ", _POSSESSIVE.sub(" ", plain))
    said = [_first_words(answer), _first_words(plain), _first_words(apart)]
    return all(
        any(_holds(words, gold) for words in said for gold in group) for group in groups
    ) and bool(groups)


def _scorable(golds: Sequence[str]) -> Sequence[str]:
    """Return the gold answers that have words, or that there is none: the empty answer."""
    return [gold for gold in golds if normalised(gold)] or [""]


def _f1(said: list[str], gold: list[str]) -> float:
    if not said or not gold:
        return float(said == gold)
    common = (Counter(said) & Counter(gold)).total()
    if common == 0:
        return 0.0
    precision, recall = common / len(said), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def _first_words(text: str) -> str:
    return " ".join(normalised(text).split()[:LONGEST_RIGHT_WORDS])


def _holds(said: str, gold: str) -> bool:
    return any(_holds_words(said, normalised(form)) for form in (gold, gold.translate(_QUOTES)))


def _holds_words(said: str, wanted: str) -> bool:
    if not wanted:
        return False
    if re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said):
        return True
    words = wanted.split()
    common = (Counter(words) & Counter(said.split())).total()
    return len(words) >= LONG_GOLD_WORDS and common >= LONG_GOLD_SHARE * len(words)
