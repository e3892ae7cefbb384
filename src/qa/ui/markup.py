"""Text as safe HTML: everything that came from an article, a model or a person passes ``escape``.

``escape`` maps characters one to one before it escapes them, so an offset into a text is an offset
into what a browser shows of it.
"""

from __future__ import annotations

import html

REPLACEMENT = "\ufffd"
# What HTML or JSON cannot carry: control characters but tab and newline, and halves of surrogates.
_UNSHOWABLE = {
    **dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), REPLACEMENT),
    **dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT),
}


def showable(text: str) -> str:
    """Return the text with each character that a page cannot hold replaced by one that it can."""
    return text.translate(_UNSHOWABLE)


def escape(text: str) -> str:
    """Return the text as HTML that shows it, safe between tags and in a quoted attribute."""
    return html.escape(showable(text), quote=True)
