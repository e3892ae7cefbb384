"""The reports of evaluations as files to download, each under an address that cannot be guessed.

A file is made when it is asked for, from what came out in a browser's session, and nothing is
written to the disk. What the session forgets can no longer be downloaded.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from urllib.parse import quote
from weakref import WeakValueDictionary

from fastapi import Response

from qa.evaluation.html import report_to_html
from qa.evaluation.records import Report
from qa.evaluation.report_json import report_to_json
from qa.evaluation.reporting import HTML_NAME, JSON_NAME
from qa.ui.measuring import Progress

ROUTE = "/reports/{key}/{name}"
KEY_BYTES = 32

_WRITTEN: Mapping[str, Callable[[Report], str | bytes]] = {
    HTML_NAME: report_to_html,
    JSON_NAME: report_to_json,
}
_TYPES = {HTML_NAME: "text/html", JSON_NAME: "application/json"}


class Measured:
    """What came out of a test set, compared by identity: it is too large to be looked through.

    ``key`` is told to the session it belongs to and to nobody else: who has it may download.
    """

    def __init__(self, name: str, progress: Progress) -> None:
        self.name = name
        self.progress = progress
        self.key = secrets.token_urlsafe(KEY_BYTES)

    @property
    def folder(self) -> str:
        """Where its files are, seen from the page."""
        return f"reports/{self.key}"


class Downloads:
    """What can be downloaded: all that came out and is still held by the session it belongs to."""

    def __init__(self) -> None:
        self._held: WeakValueDictionary[str, Measured] = WeakValueDictionary()

    def offer(self, measured: Measured) -> None:
        """Let what came out be downloaded for as long as somebody else holds it."""
        self._held[measured.key] = measured

    def send(self, key: str, name: str) -> Response:
        """Return a file as one to be saved, never shown, or say that there is none (404)."""
        measured = self._held.get(key)
        report = measured.progress.report if measured else None
        if measured is None or report is None or name not in _WRITTEN:
            return Response("There is nothing here.", status_code=404, media_type="text/plain")
        saved_as = quote(f"{measured.name}-{name}", safe="", errors="replace")
        return Response(
            _WRITTEN[name](report),
            media_type=_TYPES[name],
            headers={
                "content-disposition": f"attachment; filename*=UTF-8''{saved_as}",
                "cache-control": "no-store",
            },
        )
