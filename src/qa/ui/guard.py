"""What stands before the page: refuses what no browser on the page would send.

An ASGI middleware. It admits only the hosts and origins that the page is served under, only the
routes that the page uses, and only small bodies; it hides proxy headers from what lies behind, and
gives every response the headers that keep a browser from loading anything from elsewhere.

Gradio's page compiles its templates with ``Function``, hence ``'unsafe-eval'``. Its inline scripts
are let through by a nonce, so a handler or script inside an answer would not run even if it got
through the escaping.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

BODY_BYTES = 1_000_000
FORGOTTEN_BYTES = 8_000_000
BODY_SECONDS = 10.0
_READ = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/(assets|static)/.+"
    r"|/gradio_api/(app_id/?|theme\.css|queue/data|heartbeat/\w+)"
    r"|/reports/[A-Za-z0-9_-]{43}/report\.(html|json)"
)
_WRITE = re.compile(r"/gradio_api/(queue/join|run/predict/?)")
_SCRIPT = re.compile(rb"<script(?=[\s>])")
_PROXY_HEADERS = frozenset({b"forwarded", b"x-real-ip", b"via"})
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


def content_policy(nonce: str = "") -> str:
    """Return the Content-Security-Policy: nothing from elsewhere, no inline script but ours."""
    ours = f" 'nonce-{nonce}'" if nonce else ""
    return (
        "default-src 'self'; "
        f"script-src 'self' 'unsafe-eval'{ours}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; media-src 'none'; object-src 'none'; frame-src 'none'; "
        "worker-src 'self' blob:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
    )


class Guard:
    """The middleware; ``draining`` is set when the program ends, and new questions get a 503."""

    def __init__(self, app: App, *, host: str, port: int, names: Iterable[str] = ()) -> None:
        self._app = app
        self._port = port
        self._names = {"localhost", "127.0.0.1", "[::1]", host.lower(), *names}
        self._any_address = host in {"0.0.0.0", "::"}  # noqa: S104
        self.draining = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection: the checks, then the page's app with the headers added."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"a connection of type {scope['type']!r} is not served")
        refused = self._refusal(scope)
        if refused is not None:
            await _answer(send, *refused)
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            await _answer(send, 408, "The request took too long to arrive.")
            return
        if body is None:
            await _answer(send, 413, f"A request may have at most {BODY_BYTES:,} bytes.")
            return
        await self._pass_on(scope, body, receive, send)

    def _refusal(self, scope: MutableMapping[str, Any]) -> tuple[int, str] | None:
        """Return the status and reason with which a request is refused, None when it is not."""
        headers = scope["headers"]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not self._is_ours(hosts[0].decode("latin-1")):
            return 400, "This address is not served here."
        origins = [value for name, value in headers if name == b"origin"]
        if any(not self._is_our_origin(origin.decode("latin-1")) for origin in origins):
            return 403, "Requests from other sites are refused."
        method, path = scope["method"], scope["path"]
        sites = {value for name, value in headers if name == b"sec-fetch-site"}
        if method == "POST" and sites - {b"same-origin", b"none"}:
            return 403, "Requests from other sites are refused."
        allowed = {"GET": _READ, "HEAD": _READ, "POST": _WRITE}.get(method)
        if allowed is None or not allowed.fullmatch(path) or ".." in path:
            return 404, "There is nothing here."
        if self.draining and path.endswith("/queue/join"):
            return 503, "The program is being stopped."
        return None

    def _is_ours(self, host: str) -> bool:
        """Return whether a Host header names this server, with its port."""
        try:
            parts = urlsplit(f"//{host}")
            port = parts.port or 80
        except ValueError:
            return False
        name = (parts.netloc.rpartition(":")[0] if parts.port else parts.netloc).lower()
        if port != self._port or "@" in host:
            return False
        return name in self._names or (self._any_address and _is_address(name))

    def _is_our_origin(self, origin: str) -> bool:
        scheme, found, host = origin.partition("://")
        return bool(found) and scheme == "http" and self._is_ours(host)

    async def _pass_on(
        self, scope: MutableMapping[str, Any], body: bytes, receive: Receive, send: Send
    ) -> None:
        page = scope["path"] == "/"
        nonce = secrets.token_urlsafe(16) if page else ""
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name not in _PROXY_HEADERS
            and not name.startswith(b"x-forwarded-")
            # The page is rewritten below, so it must not arrive compressed.
            and not (page and name == b"accept-encoding")
        ]
        sender = _Sender(send, nonce=nonce)
        await self._app({**scope, "headers": headers}, _replay(body, receive), sender)


class _Sender:
    """Sends a response with the guard's headers, and a page with the nonce on its scripts."""

    def __init__(self, send: Send, *, nonce: str) -> None:
        self._send = send
        self._nonce = nonce
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _secured(message.get("headers", []), self._nonce)}
            if self._nonce:
                self._start = message
                return
        if message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            await self._send_page(self._start)
            return
        await self._send(message)

    async def _send_page(self, start: Message) -> None:
        body = _SCRIPT.sub(f'<script nonce="{self._nonce}"'.encode(), self._body)
        headers = [(n, v) for n, v in start["headers"] if n != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _secured(headers: Iterable[tuple[bytes, bytes]], nonce: str = "") -> Headers:
    ours = ((b"content-security-policy", content_policy(nonce).encode()), *_ALWAYS)
    replaced = {name for name, _ in ours} | {b"server"}
    return [(name, value) for name, value in headers if name.lower() not in replaced] + list(ours)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body of a request, or None when it is too large.

    The rest of one that is too large is read and forgotten, up to a limit: a connection that is
    closed on a client that still sends may lose the answer on its way.
    """
    body = bytearray()
    received = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        received += len(part)
        if received <= BODY_BYTES:
            body += part
        else:
            body.clear()
        if not message.get("more_body") or received > FORGOTTEN_BYTES:
            return bytes(body) if received <= BODY_BYTES else None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a receiver that gives the body once, then what else happens to the connection."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiver() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiver


async def _answer(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers: Headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": _secured(headers)})
    await send({"type": "http.response.body", "body": body})
