"""One request to the engine's server and what comes back, over a connection of its own.

The standard library's client is used for what others do not give: a time limit that is set anew
before each line, and no look at the machine's proxy settings. The server closes idle connections
when it likes, so none is kept for a second request. Format: server-sent events,
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from qa.errors import EngineError

CONNECT_SECONDS = 5.0
REPLY_BYTES_LIMIT = 64 * 1024 * 1024
LINE_BYTES_LIMIT = 8 * 1024 * 1024


class Exchange:
    """One POST. Times are seconds of ``time.monotonic()``.

    Every method raises TimeoutError when the deadline is reached or nothing was heard for
    ``silence_seconds``, ConnectionError when the other side is gone, and EngineError for an error
    that the server states.
    """

    def __init__(
        self, address: tuple[str, int], key: str, *, deadline: float, silence_seconds: float
    ) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=CONNECT_SECONDS)
        self._key = key
        self._deadline = deadline
        self._silence_seconds = silence_seconds
        self.last_heard = time.monotonic()

    def reply(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the one JSON object that answers ``body``."""
        response = self._send(path, body)
        return self._parse(self._read_all(response))

    def events(self, path: str, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the JSON objects of a stream of events until the stream says that it is done."""
        response = self._send(path, body)
        while True:
            line = self._read_line(response)
            if not line:
                raise ConnectionError("the stream ended before it was done")
            if not line.startswith(b"data:"):
                continue  # blank lines, and the comments that keep an idle connection open
            self.last_heard = time.monotonic()
            data = line.removeprefix(b"data:").strip()
            if data == b"[DONE]":
                return
            event = self._parse(data)
            yield event
            if event.get("stop") is True:
                return

    def close(self) -> None:
        """Drop the connection, which stops what the server was doing for it."""
        self._connection.close()

    def _send(self, path: str, body: Mapping[str, Any]) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        try:
            self._connection.connect()
            # Kept apart, for the connection lets go of it when the server says it will close.
            self._socket = self._connection.sock
            self._limit_next_read()
            self._connection.request("POST", path, json.dumps(body).encode(), headers)
            response = self._connection.getresponse()
        except http.client.HTTPException as error:
            raise ConnectionError(f"no answer: {error!r}") from error
        if response.status != http.client.OK:
            raise _stated_error(self._read_all(response), response.status)
        return response

    def _limit_next_read(self) -> None:
        now = time.monotonic()
        left = min(self._deadline, self.last_heard + self._silence_seconds) - now
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def _read_line(self, response: http.client.HTTPResponse) -> bytes:
        self._limit_next_read()
        try:
            return response.readline(LINE_BYTES_LIMIT)
        except http.client.HTTPException as error:
            raise ConnectionError(f"cut off: {error!r}") from error

    def _read_all(self, response: http.client.HTTPResponse) -> bytes:
        self._limit_next_read()
        try:
            return response.read(REPLY_BYTES_LIMIT)
        except http.client.HTTPException as error:
            raise ConnectionError(f"cut off: {error!r}") from error

    def _parse(self, data: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(data)
        except ValueError as error:
            raise ConnectionError(f"not JSON: {data[:80]!r}") from error
        if not isinstance(parsed, dict):
            raise ConnectionError(f"not a JSON object: {data[:80]!r}")
        if "error" in parsed:
            raise _stated_error(data, None)
        return parsed


def _stated_error(data: bytes, status: int | None) -> EngineError:
    try:
        error = json.loads(data)["error"]
        said = str(error["message"])
    except (ValueError, KeyError, TypeError):
        return EngineError(f"The language model's server answered with status {status}.")
    if isinstance(error, dict) and error.get("type") == "exceed_context_size_error":
        return EngineError(
            f"The question and its passages are {error.get('n_prompt_tokens')} tokens, and the "
            f"language model was given room for {error.get('n_ctx')}.",
            remedy="Ask with a shorter history, or set QA_CONTEXT_TOKENS higher.",
        )
    return EngineError(f"The language model's server refused the request: {said}")
