"""Dates and shares in an answer to the forms in which the article writes them.

In: the texts that answers are from, and an answer. Out: the answer, in which "February 9, 1848" is
"9 February 1848" and "60%" is "60 percent" where the texts have it so and nowhere as the answer
does. A model writes such things as it is used to; a reader looks for them as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MONTH = (
    r"(?P<month>Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?"
    r"|Aug(?:ust|\.)?|Sep(?:tember|t\.?|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s(?P<year>[12]\d{3})\b)?"
_ALONE_BEFORE, _ALONE_BEHIND = r"(?<![-–—\d.,])", r"(?!\s?[-–—]\s?\d)"  # no part of a range
_FORMS = (
    re.compile(rf"{_ALONE_BEFORE}\b{_DAY}(?:\sof)?\s{_MONTH}(?!\w){_YEAR}"),
    re.compile(rf"\b{_MONTH}\s{_DAY}\b(?!,?\d){_ALONE_BEHIND}{_YEAR}"),
    re.compile(rf"{_ALONE_BEFORE}\b(?P<share>\d+(?:\.\d+)?)(?:\s?%|\sper\s?cent\b){_ALONE_BEHIND}"),
)
_SENTENCE_ENDS = re.compile(r"\s+[A-Z]|\s*$")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a text says in one place, and how."""

    value: tuple[str, ...]
    form: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.form)


class Forms:
    """How some texts write their dates and shares; built once, then only read."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._written: dict[tuple[str, ...], str] = {}
        self._standing: set[str] = set()
        for found in (found for text in texts for found in _all(text)):
            form = " ".join(found.form.split())
            self._written.setdefault(found.value, form)
            self._standing.add(form)

    def given_to(self, answer: str) -> str:
        """Return an answer with its dates and shares written as the texts write them."""
        untouched = len(answer)
        for found in sorted(_all(answer), key=lambda one: (-one.end, one.start)):
            form = self._written.get(found.value)
            if not form or found.form in self._standing or found.end > untouched:
                continue
            before, behind = answer[: found.start], answer[found.end :]
            if before.lower().endswith("the ") and form[0].isalpha():
                continue
            form = form.removesuffix(".") if behind.startswith(".") else form
            if found.form.endswith(".") and _SENTENCE_ENDS.match(behind):
                form = f"{form.removesuffix('.')}."
            answer = f"{before}{form}{behind}"
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
                written = written.removesuffix(year).rstrip(", \n")
            yield _Found(day, written, match.start())
