r"""Bytes of a text file to the one normalised text that every offset of the program counts in.

In: the bytes as they were read. Out: text in Unicode normalisation form C (UAX #15) with ``\n`` as
the only line end and without characters that nobody sees. Decoding is strict: a file in an unknown
encoding is an error, because text decoded wrongly would be indexed and cited as if it were right.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from qa.errors import ArticleError

# Everything here is drawn as nothing, or steers how its neighbours are drawn: control characters
# but tab and newline, the soft hyphen, zero-width and bidirectional marks, and tag characters. A
# reader does not see them: they must not split a word for the search or carry hidden instructions.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# The joiners U+200C and U+200D shape Persian words and join emoji, so one between two characters
# beyond ASCII stays; all others are invisible.
_STRAY_JOINER = re.compile(
    "(?<![^\x00-\x7f\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\u200c\u200d])"
)
_LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")

# Files that decode as text, or nearly, and are something else.
_SIGNATURES = {
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Office document",
    b"{\\rtf": "an RTF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    codecs.BOM_UTF32_LE: "text in UTF-32",
}
_MOST_CONTROLS = 0.02  # a larger share of control characters than this is no text

_SAVE_AS_TEXT = "Save it as a plain text file in UTF-8 and try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """A normalised text and how many invisible characters it lost on the way."""

    text: str
    removed: int


def decode(data: bytes, *, source: str) -> str:
    """Return the text of a file's bytes: UTF-8, with or without a mark, or UTF-16 with its mark.

    :param source: what the error names.
    :raises ArticleError: if the bytes are no text, or not in one of these encodings; it gives the
        offset of the first bad byte.
    """
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            raise ArticleError(
                f"{source!r} is not a text file: it is {kind}.", remedy=_SAVE_AS_TEXT
            )
    encoding = _encoding(data)
    if encoding == "utf-8-sig" and b"\x00" in data:
        raise ArticleError(
            f"{source!r} is not a text file: byte {data.index(0)} is zero.", remedy=_SAVE_AS_TEXT
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == "utf-8-sig" else "UTF-16"
        raise ArticleError(
            f"{source!r} is not {name} text: byte {_bad_byte(data, error)} does not belong there "
            f"({error.reason}).",
            remedy="Save it as UTF-8 and try again.",
        ) from error
    controls = sum(unicodedata.category(c) == "Cc" and c not in "\t\n\r\f\v" for c in text)
    if controls > _MOST_CONTROLS * len(text):
        raise ArticleError(
            f"{source!r} is not a text file: {controls} of its {len(text)} characters are control "
            "characters.",
            remedy=_SAVE_AS_TEXT,
        )
    return text


def normalise(text: str) -> Normalised:
    r"""Return the text as the program keeps it; doing it twice changes nothing more.

    Form C, every line end as ``\n``, invisible characters removed and counted; nothing else.
    """
    # Form C comes first because it turns look-alikes such as the Kelvin sign into ASCII, which
    # decides about joiners, and last because removing a character lets its neighbours combine.
    composed = unicodedata.normalize("NFC", _LINE_END.sub("\n", text))
    visible = _STRAY_JOINER.sub("", _INVISIBLE.sub("", composed))
    return Normalised(
        text=unicodedata.normalize("NFC", visible), removed=len(composed) - len(visible)
    )


def _encoding(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def _bad_byte(data: bytes, error: UnicodeDecodeError) -> int:
    """Return the bad byte's offset in the file: a decoder that skips the mark counts after it."""
    return error.start + len(data) - len(error.object)
