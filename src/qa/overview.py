"""Questions about the whole article, known by their form: "What is this about?", "List the people".

In: a question. Out: what is asked for, a ``Summary`` or a ``Listing``, or None for any other
question. No word of a subject is known here, only those by which people speak of a text. Whatever
narrows a question, such as a name, a time or one more noun, makes it an ordinary one, because an
ordinary question that is read as one of these gets a wrong answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

How = Literal["named", "quoted"]

MOST_SENTENCES = 8
"""A summary has at most so many sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the article says as a whole, in so many sentences if a person says how many."""

    sentences: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Every one of a kind that the article names, or quotes; ``kind`` is a plural, as asked."""

    kind: str
    how: How = "named"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXT = r"(?:article|text|story|document|page|piece)s?|stories"
_THE_TEXT = rf"(?:(?:the|this|that|these) )?(?:whole |entire |full )?(?:{_TEXT})"

# What a summary question is made of. One with any other word is an ordinary question.
_FRAME = _words(
    """
    a about actually all an and any are basically be brief briefly can concise concisely could do
    does everything exactly explain describe few for from general get give i i'd in into is it its
    it's just kindly like list mainly make me mostly my need of on or outline please provide quick
    quickly really say saying says short shortly show simple simply so some tell telling tells terms
    that that's the these this to trying us want was were what what's whole entire full with
    would write you cover covers covered covering deal deals dealing discuss discusses discussed
    discussing happen happens happened talk talks talking
    """
)
_MAIN = r"(?:main|key|central|core|major|principal|most important|overall)"
_GIST = r"(?:points?|ideas?|topics?|messages?|themes?|subjects?|arguments?|facts?|take-?aways?)"
_SUMMARY = (
    r"(?:summar(?:y|ies|i[sz]e[ds]?|i[sz]ing)|overview|recap|synopsis|gist|nutshell|tl;? ?dr"
    r"|sum (?:(?:it|this|that|everything) )?up)"
)
_GIST_WORDS = re.compile(rf"\b(?:{_SUMMARY}|{_MAIN}|{_GIST})\b")
_ASKS_FOR_GIST = re.compile(
    rf"\b{_SUMMARY}\b|\b{_MAIN} {_GIST}\b|\b{_GIST} (?:of|in|from) {_THE_TEXT}\b"
    rf"|\b(?:{_TEXT})['’]s {_GIST}\b"
    rf"|\bwhat (?:topics|themes|subjects) (?:does|do|is|are)\b.*\b(?:{_TEXT})\b"
)
_OF_A_SUMMARY = re.compile(rf"\b(?:in|does|did) the {_SUMMARY}\b")  # one the article speaks of
_ASKS_WHAT_ABOUT = re.compile(
    r"\b(?:what (?:is|was)|what's|tell)\b.*\babout\b|\b(?:this|it|story|text|article) is about\b"
    rf"|\b(?:explain|describe|outline)\b.*\b(?:{_TEXT})\b"
    rf"|\bwhat (?:does|do|is|are) {_THE_TEXT} (?:trying to )?(?:mainly |basically |really )?"
    r"(?:say|tell|discuss|cover|describe|deal|talk)"
    rf"|\bwhat (?:happens|happened|is discussed|is covered) in {_THE_TEXT}\b"
)
_OF_A_TEXT = re.compile(rf"\b(?:{_TEXT}|this)\b")
_POINTS_BACK = re.compile(r"\b(?:it|it's|its|that|that's|these)\b")
_GOES_ON = re.compile(rf"\b(?:about|explain|describe) (?:it|that|these|this)\b(?! (?:{_TEXT})\b)")
"""After a turn that is about what was spoken of, even where the text is named as well."""

_NUMERALS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_LENGTH = re.compile(
    rf"\b(?:in |with |using )?(?:just |only |about |at most )?"
    rf"(?P<many>\d+|{'|'.join(_NUMERALS)}|an?|a single|a few|some|simple)"
    r" (?:short |simple |brief |concise )?"
    rf"(?:sentences?|lines?|bullet points?|bullets|(?={_MAIN} {_GIST})"
    r"|(?P<words>words?|paragraphs?))"
)

# The grammar of a listing. A question has to match from its first word to its last.
_POLITE = r"(?:please )?(?:(?:can|could|would) you (?:please )?|i (?:want|need) (?:you to )?)?"
_ORDER = (
    r"(?:list(?: out)?|name|enumerate|identify|extract|find|show(?: me)?|tell me"
    r"|(?:give|make|write)(?: me| us)?(?= (?:a list|the (?:full )?names|all|every)))"
)
_ALL = (
    r"(?:(?:a|the) (?:full |complete |short )?list of )?(?:all )?(?:of )?(?:the )?"
    r"(?:(?:full )?names? of )?(?:all )?(?:of )?(?:the )?(?:different |various |individual )?"
    r"(?P<each>(?:every|each) (?:single )?)?"
)
_KIND = r"(?P<kind>[^\W\d_]+(?:-[^\W\d_]+)?(?: [^\W\d_]+)??)"
_IN_TEXT = rf"(?:in|by|from|throughout|within) {_THE_TEXT}"
_IS, _BE = r"(?:(?:that |which |who )?(?:is|are|get) )?", r"(?:is|are|was|were|get|have been) "
_WHERE = (
    rf"(?: {_IS}(?P<how>mentioned|quoted|referred to|referenced|(?P<named>named|listed)))"
    rf"|(?: (?:(?:that |which |who )?{_BE})?(?P<how_there>mentioned|quoted|named|listed|cited|given"
    r"|referred to|referenced|included|featured|discussed|covered|found)(?: by name)?"
    rf" (?:here|{_IN_TEXT}))"
    r"|(?: (?:(?:that |which |who )?(?:is |are |appear |appears |appearing ))?(?:there )?"
    rf"{_IN_TEXT})"
    rf"|(?: (?:that |which )?(?:does |do )?(?:the|this|that|these) (?:{_TEXT}) "
    r"(?P<says>name|mention|quote|list|refer to|reference|talk about)s?)"
)
_FORMS = tuple(
    re.compile(rf"{form}(?:{_WHERE})(?: please)?", re.IGNORECASE)
    for form in (
        rf"{_POLITE}{_ORDER} {_ALL}{_KIND}",
        rf"(?:which|what)(?: are)? {_ALL}{_KIND}",
        rf"who are {_ALL}{_KIND}",
        rf"how many (?:different |distinct |individual )?{_KIND}",
        r"who(?: all)?",
    )
)
_BARE = re.compile(rf"{_POLITE}{_ORDER} {_ALL}(?P<kind>[^\W\d_]+)(?: please)?", re.IGNORECASE)
_NAMED_KINDS = _words(
    """
    people persons names countries nations cities towns places locations companies firms
    organisations organizations institutions dates numbers figures everyone everybody
    """
)
"""Kinds of what has a name or a figure: "List the countries" can only mean the whole article."""

_PEOPLE = frozenset({"everyone", "everybody", "names", "persons"})
_PLURALS = frozenset({"people", "men", "women", "children", "species", "media", *_PEOPLE})
_NO_KIND = _words(
    """
    this its his hers theirs ours yours is was has does ones others things times words sentences
    paragraphs pages characters letters lines parts sections points topics ideas themes subjects
    messages arguments facts takeaways details chapters headings tables pictures photos images
    articles stories
    """
)
"""What ends like a plural and is none, and what an article has rather than names."""

_NARROWS = _words(
    """
    the a an of in on at by to for from with and or is are was were do does did have has had other
    more most that which who whose those his her their our my your many much one two three four five
    six seven eight nine ten first second third last next same new few several
    """
)


def overview_of(question: str, *, alone: bool = True) -> Summary | Listing | None:
    """Return what of the whole article a question asks for, or None if it asks for something else.

    :param question: in English, on one line.
    :param alone: whether no turn comes before it; after one, "What is it about?" speaks of that.
    """
    words = re.sub(r"[.?!,:\"“”]+", " ", question).replace("’", "'")
    words = " ".join(words.split())
    return _summary(words.lower(), alone=alone) or _listing(words)


def _summary(words: str, *, alone: bool) -> Summary | None:
    length = _LENGTH.search(words)
    asked = " ".join(_LENGTH.sub(" ", words).split())
    left = re.sub(rf"\b(?:{_TEXT})(?:'s)?\b", " ", _GIST_WORDS.sub(" ", asked))
    if not _FRAME.issuperset(left.replace(";", " ").split()) or _OF_A_SUMMARY.search(asked):
        return None
    of_a_text, points_back = _OF_A_TEXT.search(asked), _POINTS_BACK.search(asked)
    if not alone and (_GOES_ON.search(asked) or (points_back and not of_a_text)):
        return None
    about = (of_a_text or points_back) and _ASKS_WHAT_ABOUT.search(asked)
    if not about and not _ASKS_FOR_GIST.search(asked):
        return None
    return Summary(sentences=_sentences(length) if length else None)


def _sentences(length: re.Match[str]) -> int | None:
    """Return how many sentences a length is, or None if it counts other things, as words."""
    many = length["many"]
    number = int(many) if many.isdigit() else {**_NUMERALS, "a": 1, "a single": 1}.get(many)
    if not number or length["words"]:
        return None
    return min(number, MOST_SENTENCES)


def _listing(words: str) -> Listing | None:
    for form in _FORMS:
        found = form.fullmatch(words)
        if found is None:
            continue
        parts = found.groupdict()
        kind = _kind_of(parts)
        if kind and (not parts["named"] or kind in _NAMED_KINDS):
            said = f"{parts['how'] or parts['how_there'] or parts['says']}".lower()
            return Listing(kind=kind, how="quoted" if said.startswith("quote") else "named")
    bare = _BARE.fullmatch(words)
    if bare and (kind := _kind_of(bare.groupdict())) in _NAMED_KINDS:
        return Listing(kind=kind)
    return None


def _kind_of(parts: dict[str, str | None]) -> str:
    """Return the plural that is asked for, or "" if it is none; a name in it narrows a question."""
    words = parts.get("kind", "people") or ""
    *before, last = words.split()
    if parts.get("each") and last not in _PLURALS:
        last = f"{last[:-1]}ies" if last.endswith("y") else f"{last}s"
    plural = last in _PLURALS or (last.endswith("s") and not last.endswith(("ss", "us", "is")))
    if not words.islower() or not plural or last in _NO_KIND or _NARROWS.intersection(before):
        return ""
    return "people" if last in _PEOPLE else " ".join([*before, last])
