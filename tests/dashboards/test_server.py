"""Under which names the dashboard answers, and what it tells browsers."""

from __future__ import annotations

import asyncio
import http.client
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message

import lookalike
from dashboards import photos
from dashboards.server import SecurityHeaders, content_security_policy, host_name, known_names
from embedding.index.build import build_index
from lookalike.demo.product import DemoProduct
from storage import tables
from storage.images import image_id
from storage.root import Root
from tests import catalogues

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def answer(
    address: str, path: str, host: str, headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    """What the server says to a request with this `Host`."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in {"Host": host, **(headers or {})}.items():
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/stream", "/_stcore/upload_file/a/b"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "localhost@evil.example", ""],
)
def test_a_name_that_it_is_not_known_by_gets_nothing(dashboard: str, path: str, host: str) -> None:
    refused = answer(dashboard, path, host)
    assert refused.status == 421
    assert b"--allow-host NAME" in refused.read()


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8501", "127.0.0.1", "[::1]:8501", "192.168.1.7:80"])
def test_its_own_names_and_addresses_are_answered(dashboard: str, host: str) -> None:
    assert answer(dashboard, "/_stcore/health", host).status == 200


def test_a_web_socket_is_opened_under_its_own_names_only(dashboard: str) -> None:
    assert answer(dashboard, "/_stcore/stream", "localhost", UPGRADE).status == 101
    assert answer(dashboard, "/_stcore/stream", "evil.example", UPGRADE).status == 403


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/photo/card/x"])
def test_every_answer_says_what_browsers_may_do(dashboard: str, path: str) -> None:
    headers = answer(dashboard, path, "localhost").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == "'none'"
    assert policy["object-src"] == "'none'"
    assert "unsafe" not in policy["script-src"]


@pytest.mark.parametrize(
    ("path", "framed"),
    [
        ("/component/streamlit_cropper.st_cropper/index.html", True),
        ("/component", False),
        ("/components/x", False),
        ("/static/component/x", False),
    ],
)
def test_the_dashboard_frames_components_and_nobody_frames_anything_else(path: str, framed: bool) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    page = SecurityHeaders(PlainTextResponse("a page"), content_security_policy(""))
    asyncio.run(page({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send))
    headers = Headers(raw=sent[0]["headers"])
    assert headers["X-Frame-Options"] == ("SAMEORIGIN" if framed else "DENY")
    by = "'self'" if framed else "'none'"
    assert f"frame-ancestors {by}" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["card/x", "whole/..%2f..%2froot.json", "huge/{id}", "card/{id}%00", "card/"]
)
def test_only_photos_of_the_shop_are_served(dashboard: str, path: str, garments: list[DemoProduct]) -> None:
    known = image_id(garments[0].photos[0]())
    headers = answer(dashboard, f"/photo/{path.format(id=known)}", "localhost").headers
    assert headers.get_content_maintype() != "image"


def test_only_inline_scripts_that_are_known_are_allowed() -> None:
    known = "'sha256-9drQX42/rMuCwOCH/ydXOJ/IpVUloMeSNPc4MfJKROY='"
    page = '<script>\n  window.x = 1\n</script><script type="module" src="./a.js"></script>'
    assert known in content_security_policy(page)
    assert known not in content_security_policy(page.replace("x", "y"))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Shop.Example:8501", "shop.example"),
        ("shop.example.", "shop.example"),
        ("[::1]", "::1"),
        ("[::1]:80", "::1"),
        ("::1", None),
        ("a/b", None),
        ("a b", None),
        ("shop.example:x", None),
        ("shop.example:80:80", None),
    ],
)
def test_a_host_header_is_read_strictly(host: str, name: str | None) -> None:
    assert host_name(host) == name


def test_the_first_page_waits_for_neither_tables_nor_pandas() -> None:
    program = """
import sys
import dashboards.server, dashboards.find
import lookalike.settings, lookalike.query
print([name for name in ("pandas", "pyarrow.dataset", "deltalake", "flows.alerts") if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert found.stdout == "[]\n"


def test_the_operator_adds_names() -> None:
    assert {"localhost", "0.0.0.0", "shop.example"} <= known_names("0.0.0.0", ["Shop.Example"])


def test_a_photo_that_the_shop_no_longer_shows_is_not_served(tmp_path: Path) -> None:
    data = [catalogues.jpeg((200, 20, 20)), catalogues.jpeg((20, 20, 200))]
    ids = [image_id(one) for one in data]
    root = Root.open(tmp_path / "data", create=True)
    products = [catalogues.product("a.example", name, [one]) for name, one in zip("pq", ids, strict=True)]
    vectors = dict(zip(ids, catalogues.clustered(2), strict=True))
    catalogues.write_spec(root)
    catalogues.write(root, products, dict(zip(ids, data, strict=True)), vectors)
    build_index(root, catalogues.MODEL)
    shop = lookalike.open(root.path)
    photos.serve_photos_of(shop)

    async def statuses(times: int = 1) -> list[int]:
        scopes = [{"type": "http", "path_params": {"size": "card", "image_id": one}} for one in ids * times]
        before = threading.active_count()
        answers = await asyncio.gather(*(photos.photo(Request(scope)) for scope in scopes))
        assert threading.active_count() <= before + 1  # those that wait take no thread from others
        return [one.status_code for one in answers]

    with asyncio.Runner() as runner:
        assert runner.run(statuses(times=20)) == [200, 200] * 20
        tables.delete(root, "products", "product_id = 'p'")
        build_index(root, catalogues.MODEL, max_loss=1)
        assert shop.refresh()
        assert runner.run(statuses()) == [404, 200]
