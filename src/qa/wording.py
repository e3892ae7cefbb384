"""Dates and shares in an answer to the forms in which the article writes them.

In: an answer and the texts it is from. Out: the answer, in which "February 9, 1848" is "9 February
1848" and "60%" is "60 percent" where the article has it so and nowhere as the answer does. A model
writes such things as it is used to; a reader who looks them up finds them as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MONTH = (
    "(?P<month>Jan(?:uary|\\.)?|Feb(?:ruary|\\.)?|Mar(?:ch|\\.)?|Apr(?:il|\\.)?|May|Jun[e.]?|Jul[y.]?"
    "|Aug(?:ust|\\.)?|Sep(?:tember|t\\.?|\\.)?|Oct(?:ober|\\.)?|Nov(?:ember|\\.)?|Dec(?:ember|\\.)?)"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?P<year>[12]\d{3})\b)?"
_FORMS = (
    re.compile(rf"\b{_DAY}(?: of)? {_MONTH}(?!\w){_YEAR}"),
    re.compile(rf"\b{_MONTH} {_DAY}\b(?!,?\d){_YEAR}"),
    re.compile(r"(?P<share>\d+(?:\.\d+)?)(?: ?%| per ?cent\b)"),
)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a text says in one place, and how."""

    value: tuple[str, ...]
    form: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.form)


def in_forms_of(texts: Iterable[str], answer: str) -> str:
    """Return an answer with its dates and shares written as the texts write them."""
    held = list(texts)
    forms: dict[tuple[str, ...], str] = {}
    for found in (found for text in held for found in _all(text)):
        forms.setdefault(found.value, found.form)
    untouched = len(answer)
    for found in sorted(_all(answer), key=lambda one: (-one.end, one.start)):
        form = forms.get(found.value)
        if form and found.end <= untouched and not any(found.form in text for text in held):
            answer = f"{answer[: found.start]}{form}{answer[found.end :]}"
            untouched = found.start
    return answer


def _all(text: str) -> Iterator[_Found]:
    """Yield each share of a text and each date, one with a year also without it."""
    for pattern in _FORMS:
        for match in pattern.finditer(text):
            said = match.groupdict()
            if "share" in said:
                yield _Found((said["share"],), match.group(), match.start())
                continue
            day, written = (said["month"][:3], said["day"].lstrip("0")), match.group()
            if year := said["year"]:
                yield _Found((*day, year), written, match.start())
                written = written.removesuffix(year).rstrip(", ")
            yield _Found(day, written, match.start())
