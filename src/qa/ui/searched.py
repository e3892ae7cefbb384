"""What was searched for, where a question was searched for in other words: as safe HTML.

Under the last answer a person can change the words. The form is there from the start and hidden;
``searching.js`` shows it and sends what is in it.
"""

from __future__ import annotations

from qa.ui.markup import escape

_FORM = (
    '<form class="instead" hidden>'
    '<textarea rows="2" dir="auto" aria-label="Words to search for">{words}</textarea>'
    '<button type="submit" class="send">Search for this instead</button>'
    '<button type="button" class="leave">Cancel</button></form>'
)


def searched_html(words: str, *, changeable: bool) -> str:
    """Return the line that shows words that were searched for; empty when there are none."""
    if not words.strip():
        return ""
    shown = escape(words.strip())
    line = f'<p class="searched" dir="auto">Searched for: {shown}</p>'
    if not changeable:
        return line
    return (
        f'<div class="search">{line}'
        '<button type="button" class="change" aria-label="Change what is searched for">Change'
        f"</button>{_FORM.format(words=shown)}</div>"
    )
