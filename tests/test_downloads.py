"""Reports as files to download: who has the address gets them, and no other address is served."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI

from fakes.cases import answered, example
from qa.evaluation.html import report_to_html
from qa.evaluation.report_json import report_from_json
from qa.evaluation.running import evaluate
from qa.ui.downloads import ROUTE, Downloads, Measured
from qa.ui.guard import Guard
from qa.ui.measuring import Progress

HERE = "http://127.0.0.1:7860"
REPORT = evaluate(
    [example("How many boats?", answers=(("37",),))],
    lambda question, history: answered("It has 37 boats."),
    about={"model": "made up"},
)


def measured(name: str = "boats") -> Measured:
    progress = Progress(total=1, found=REPORT.outcomes, ended=True, report=REPORT)
    return Measured(name, progress)


def fetched(downloads: Downloads, path: str, method: str = "GET") -> httpx.Response:
    """Return what the guard and the route behind it answer."""
    app = FastAPI()
    app.add_api_route(ROUTE, downloads.send)

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await app(dict(scope), receive, send)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(Guard(behind, host="127.0.0.1", port=7860))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.request(method, path)

    return asyncio.run(send())


def offered(one: Measured) -> Downloads:
    downloads = Downloads()
    downloads.offer(one)
    return downloads


def test_a_report_is_saved_under_the_name_of_its_set() -> None:
    mine = measured()
    response = fetched(offered(mine), f"/{mine.folder}/report.html")
    assert response.text == report_to_html(REPORT)
    expected = {
        "content-type": "text/html; charset=utf-8",
        "content-disposition": "attachment; filename*=UTF-8''boats-report.html",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    assert {name: response.headers[name] for name in expected} == expected


def test_the_whole_report_can_be_read_back() -> None:
    mine = measured()
    response = fetched(offered(mine), f"/{mine.folder}/report.json")
    assert response.headers["content-type"] == "application/json"
    assert report_from_json(response.content) == REPORT
    assert json.loads(response.content)["about"]["model"] == "made up"


@pytest.mark.parametrize(
    ("name", "saved_as"),
    [
        ("Boote, größte", "Boote, größte-report.html"),
        ('a";\r\nset-cookie: b=c', 'a";\r\nset-cookie: b=c-report.html'),
        ("../../etc", "../../etc-report.html"),
        ("torn \udcff", "torn ?-report.html"),
    ],
)
def test_the_name_of_a_set_cannot_break_out_of_its_header(name: str, saved_as: str) -> None:
    mine = measured(name)
    response = fetched(offered(mine), f"/{mine.folder}/report.html")
    assert "set-cookie" not in response.headers
    _, _, written = response.headers["content-disposition"].partition("UTF-8''")
    assert not set(written) & set('/\\"; \r\n')
    assert unquote(written) == saved_as


def test_each_has_an_address_of_its_own() -> None:
    mine, other = measured(), measured()
    assert mine.key != other.key
    assert len(mine.key) == len(other.key) == 43  # 32 bytes, six bits a character
    downloads = offered(mine)
    assert fetched(downloads, f"/{other.folder}/report.html").status_code == 404
    downloads.offer(other)
    assert fetched(downloads, f"/{other.folder}/report.html").status_code == 200


def test_what_nobody_holds_any_more_is_gone() -> None:
    mine = measured()
    folder = mine.folder
    downloads = offered(mine)
    assert fetched(downloads, f"/{folder}/report.html").status_code == 200
    del mine
    gc.collect()
    assert fetched(downloads, f"/{folder}/report.html").status_code == 404


def test_without_a_report_there_is_nothing() -> None:
    stopped = Measured("boats", Progress(total=3, ended=True))
    assert fetched(offered(stopped), f"/{stopped.folder}/report.html").status_code == 404


@pytest.mark.parametrize(
    "name", ["report.md", "report.html/", "", "x/report.html", "%2e%2e/config"]
)
@pytest.mark.parametrize("place", ["/{folder}/{name}", "/{folder}/../{name}", "/reports/{name}"])
def test_no_other_address_is_served(place: str, name: str) -> None:
    mine = measured()
    path = place.format(folder=mine.folder, name=name)
    assert fetched(offered(mine), path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_report_can_only_be_read(method: str) -> None:
    mine = measured()
    response = fetched(offered(mine), f"/{mine.folder}/report.html", method)
    assert response.status_code == 404


def test_past_the_guard_a_name_that_is_not_known_is_refused_too() -> None:
    mine = measured()
    assert offered(mine).send(mine.key, "report.md").status_code == 404
    assert offered(mine).send("", "report.html").status_code == 404
