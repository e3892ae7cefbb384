from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from qa.ui.guard import BODY_BYTES, FORGOTTEN_BYTES, Guard, Message, Receive, Send, content_policy

PORT = 7860
HERE = f"http://127.0.0.1:{PORT}"
SECURED = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Behind:
    """The app behind the guard: keeps the requests it is given, and answers with a page."""

    def __init__(self, page: bytes = b"<p>a page</p>") -> None:
        self.requests: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self._page = page

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        self.requests.append({n.decode(): v.decode() for n, v in scope["headers"]})
        self.bodies.append((await receive())["body"])
        headers = [(b"content-type", b"text/html"), (b"X-Frame-Options", b"ALLOWALL")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self._page[:4], "more_body": True})
        await send({"type": "http.response.body", "body": self._page[4:]})


def request(
    behind: Behind, method: str = "GET", path: str = "/", host: str = "127.0.0.1", **options: Any
) -> httpx.Response:
    guard = Guard(behind, host=host, port=PORT, names=["study"])
    guard.draining = options.pop("draining", False)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST:7860", "study:7860", "[::1]:7860"]
)
def test_our_own_names_are_served(host: str) -> None:
    assert request(Behind(), headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:7860",
        "127.0.0.1",
        "127.0.0.1:7861",
        "127.0.0.1:7860.evil.test",
        "127.0.0.1.evil.test:7860",
        "user@127.0.0.1:7860",
        "127.0.0.1:7860@evil.test:7860",
        "192.168.1.9:7860",
        "127.0.0.1:x",
        "127.0.0.1:999999",
        "[::1:7860",
        ":7860",
        "",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    behind = Behind()
    response = request(behind, headers={"host": host, "x-forwarded-host": "127.0.0.1:7860"})
    assert response.status_code == 400
    assert behind.requests == []


def test_bound_to_every_address_it_serves_addresses_but_no_strange_names() -> None:
    served = [
        request(Behind(), host="0.0.0.0", headers={"host": host}).status_code
        for host in ("192.168.1.9:7860", "study:7860", "evil.test:7860")
    ]
    assert served == [200, 200, 400]


@pytest.mark.parametrize(
    "origin",
    ["http://evil.test", "http://evil.test:7860", "https://127.0.0.1:7860", "null", "", HERE + "1"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_origins_are_refused(origin: str, method: str) -> None:
    path = {"GET": "/config", "POST": "/gradio_api/queue/join"}[method]
    behind = Behind()
    response = request(behind, method, path, headers={"origin": origin})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers
    assert behind.requests == []


def test_our_own_origin_may_post() -> None:
    headers = {"origin": HERE, "sec-fetch-site": "same-origin"}
    response = request(Behind(), "POST", "/gradio_api/queue/join", headers=headers, content=b"{}")
    assert response.status_code == 200


def test_a_post_that_the_browser_calls_cross_site_is_refused() -> None:
    headers = {"sec-fetch-site": "cross-site"}
    response = request(Behind(), "POST", "/gradio_api/queue/join", headers=headers)
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file=http://169.254.169.254/"),
        ("GET", "/gradio_api/file=https://example.com/"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/file=/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://example.com"),
        ("GET", "/gradio_api/deep_link?session_hash=a"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/gradio_api/dev/reload"),
        ("GET", "/gradio_api/openapi.json"),
        ("GET", "/gradio_api/upload_progress?upload_id=a"),
        ("GET", "/gradio_api/stream/a/b/c/playlist.m3u8"),
        ("GET", "/gradio_api/call/ask/a"),
        ("GET", "/monitoring"),
        ("GET", "/monitoring/summary"),
        ("GET", "/docs"),
        ("GET", "/redoc"),
        ("GET", "/openapi.json"),
        ("GET", "/assets/../../secret"),
        ("GET", "/static/%2e%2e/%2e%2e/secret"),
        ("GET", "/.env"),
        ("GET", "//etc/passwd"),
        ("POST", "/"),
        ("POST", "/login"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/cancel"),
        ("POST", "/gradio_api/reset"),
        ("GET", "/gradio_api/info"),
        ("POST", "/gradio_api/call/ask"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/vibe-edit"),
        ("PUT", "/"),
        ("DELETE", "/"),
        ("OPTIONS", "/gradio_api/queue/join"),
        ("TRACE", "/"),
    ],
)
def test_routes_that_the_page_does_not_use_are_not_there(method: str, path: str) -> None:
    behind = Behind()
    assert request(behind, method, path).status_code == 404
    assert behind.requests == []


def test_every_response_is_secured_and_the_page_alone_runs_scripts() -> None:
    large = b"a" * (BODY_BYTES + 1)
    responses = {
        "page": request(Behind()),
        "other": request(Behind(), path="/config"),
        "host": request(Behind(), headers={"host": "evil.test"}),
        "origin": request(Behind(), headers={"origin": "null"}),
        "route": request(Behind(), path="/nothing"),
        "body": request(Behind(), "POST", "/gradio_api/run/predict", content=large),
    }
    assert [response.status_code for response in responses.values()] == [
        200,
        200,
        400,
        403,
        404,
        413,
    ]
    for response in responses.values():
        assert {name: response.headers[name] for name in SECURED} == SECURED
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert "unsafe-inline" not in _policy(response)["script-src"]
        assert response.headers.get_list("x-frame-options") == ["DENY"]


def _policy(response: httpx.Response) -> dict[str, str]:
    rules = response.headers["content-security-policy"].split("; ")
    return {name: values for name, _, values in (rule.partition(" ") for rule in rules)}


def test_the_policy_loads_nothing_from_elsewhere() -> None:
    sources = {
        source for rule in content_policy("abc").split("; ") for source in rule.split(" ")[1:]
    }
    assert sources == {
        "'self'",
        "'none'",
        "'unsafe-eval'",
        "'unsafe-inline'",
        "'nonce-abc'",
        "data:",
        "blob:",
    }


def test_the_scripts_of_the_page_carry_a_new_nonce_each_time() -> None:
    page = b"<html><script>1</script><script type=module src=a.js></script><scripted>"
    responses = [request(Behind(page)) for _ in range(2)]
    nonces = [_policy(response)["script-src"].split("'nonce-")[1][:-1] for response in responses]
    assert nonces[0] != nonces[1]
    for response, nonce in zip(responses, nonces, strict=True):
        assert response.text == (
            f'<html><script nonce="{nonce}">1</script>'
            f'<script nonce="{nonce}" type=module src=a.js></script><scripted>'
        )
        assert int(response.headers["content-length"]) == len(response.content)


def test_headers_of_proxies_do_not_get_through() -> None:
    behind = Behind()
    headers = {
        "x-forwarded-host": "evil.test",
        "x-forwarded-for": "10.0.0.1",
        "X-Forwarded-Proto": "https",
        "forwarded": "host=evil.test",
        "x-real-ip": "10.0.0.1",
        "x-kept": "yes",
    }
    request(behind, path="/config", headers=headers)
    assert set(behind.requests[0]) & {name.lower() for name in headers} == {"x-kept"}


def test_a_body_of_the_most_bytes_arrives_whole() -> None:
    behind = Behind()
    content = b"ab" * (BODY_BYTES // 2)
    assert request(behind, "POST", "/gradio_api/run/predict", content=content).status_code == 200
    assert behind.bodies == [content]


def test_a_body_that_does_not_say_its_length_is_cut_off_at_the_limit() -> None:
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        for count in range(10_000):
            sent.append(count)
            yield b"a" * 100_000

    async def send() -> int:
        messages: list[Message] = []
        chunks = endless()

        async def receive() -> Message:
            return {"type": "http.request", "body": await anext(chunks), "more_body": True}

        async def keep(message: Message) -> None:
            messages.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/gradio_api/queue/join",
            "headers": [(b"host", b"127.0.0.1:7860")],
        }
        await Guard(Behind(), host="127.0.0.1", port=PORT)(scope, receive, keep)
        status: int = messages[0]["status"]
        return status

    assert asyncio.run(send()) == 413
    assert len(sent) == FORGOTTEN_BYTES // 100_000 + 1


def test_while_the_program_ends_no_new_question_is_taken() -> None:
    asked = request(Behind(), "POST", "/gradio_api/queue/join", draining=True, content=b"{}")
    read = request(Behind(), path="/gradio_api/queue/data?session_hash=a", draining=True)
    assert (asked.status_code, read.status_code) == (503, 200)
