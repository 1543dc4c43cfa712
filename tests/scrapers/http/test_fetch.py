"""Fetching one address: limits, redirects, and the address really connected to."""

import contextlib
import gzip
import socket
import threading
import time

import pytest

from scrapers.http import addresses
from scrapers.http.addresses import RefusedURLError
from scrapers.http.credentials import Credentials, fill_credentials
from scrapers.http.fetch import USER_AGENT, FetchError, fetch
from tests.scrapers.webserver import Answer, Site

LIMITS = {"max_bytes": 10_000, "timeout_s": 3.0}


def test_a_page_is_fetched(site):
    site.pages["/p"] = Answer("<p>Grüße", headers={"X-Y": "z"}, content_type="text/html; charset=utf-8")
    page = fetch(f"{site.url}/p", allow_private=True, **LIMITS)
    assert (page.url, page.status) == (f"{site.url}/p", 200)
    assert (page.content_type, page.text) == ("text/html", "<p>Grüße")
    assert page.headers["x-y"] == "z"
    assert site.seen[0].headers["user-agent"] == USER_AGENT
    assert "Lookalike" in USER_AGENT


def test_text_is_read_in_the_character_set_that_is_named(site):
    site.pages["/p"] = Answer("Grüße".encode("latin-1"), content_type='text/html; charset="ISO-8859-1"')
    site.pages["/q"] = Answer("Grüße", content_type="text/html; charset=nonsense")
    assert fetch(f"{site.url}/p", allow_private=True, **LIMITS).text == "Grüße"
    assert fetch(f"{site.url}/q", allow_private=True, **LIMITS).text == "Grüße"


def test_an_error_page_is_an_answer(site):
    assert fetch(f"{site.url}/none", allow_private=True, **LIMITS).status == 404


def test_redirects_are_followed(site):
    site.pages["/a"] = Answer(status=302, headers={"Location": "b?x=1"})
    site.pages["/b"] = Answer("here")
    assert fetch(f"{site.url}/a", allow_private=True, **LIMITS).url == f"{site.url}/b?x=1"


def test_redirects_without_end(site):
    site.pages["/a"] = Answer(status=302, headers={"Location": "/a"})
    with pytest.raises(FetchError, match="redirects more than 10 times"):
        fetch(f"{site.url}/a", allow_private=True, **LIMITS)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "javascript:alert(1)", "ftp://shop.example/"])
def test_a_redirect_to_something_else_than_the_web(site, target):
    site.pages["/a"] = Answer(status=302, headers={"Location": target})
    with pytest.raises(RefusedURLError):
        fetch(f"{site.url}/a", allow_private=True, **LIMITS)


def test_a_private_address_is_refused_without_connecting(site):
    with pytest.raises(RefusedURLError):
        fetch(f"{site.url}/p", **LIMITS)
    assert site.seen == []


def test_a_name_is_checked_when_connecting(site, monkeypatch):
    # A name that no list of names knows, and that leads to this machine.
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **_: [(2, 1, 6, "", ("127.0.0.1", port))])
    port = site.server.server_port
    with pytest.raises(RefusedURLError, match=r"127\.0\.0\.1"):
        fetch(f"http://rebinding.example:{port}/p", **LIMITS)
    assert site.seen == []


def test_a_redirect_to_a_private_address(site, monkeypatch):
    # 127.0.0.1 plays a public server; all else of this machine stays private.
    real = addresses.is_public
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1" or real(address))
    for target in (
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/",
        "http://[::1]/",
        "http://localhost/",
    ):
        site.pages["/a"] = Answer(status=301, headers={"Location": target})
        with pytest.raises(RefusedURLError):
            fetch(f"{site.url}/a", **LIMITS)
    site.pages["/a"] = Answer("fine")
    assert fetch(f"{site.url}/a", **LIMITS).text == "fine"


def test_a_proxy_of_the_environment_is_not_asked(site, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    site.pages["/p"] = Answer("here")
    assert fetch(f"{site.url}/p", allow_private=True, **LIMITS).text == "here"


def test_a_store_s_headers_follow_no_redirect_to_another_server(site):
    with Site().running() as other:
        other.pages["/b"] = Answer("there")
        site.pages["/a"] = Answer(status=302, headers={"Location": f"{other.url}/b"})
        site.pages["/back"] = Answer(status=302, headers={"Location": "/c"})
        site.pages["/c"] = Answer("here")
        credentials = of_store({"Authorization": "${TOKEN}"}, None, site.url)
        fetch(f"{site.url}/a", allow_private=True, credentials=credentials, **LIMITS)
        fetch(f"{site.url}/back", allow_private=True, credentials=credentials, **LIMITS)
        assert {seen.headers["authorization"] for seen in site.seen} == {"hunter2"}
        assert ["authorization" in seen.headers for seen in other.seen] == [False]


def of_store(headers: dict[str, str], proxy: str | None, *urls: str) -> Credentials:
    return fill_credentials(headers, proxy, urls, {"TOKEN": "hunter2"}, store="shop.example")


def test_an_address_of_two_readings_is_not_asked(site):
    with pytest.raises(RefusedURLError, match="a browser may read another host"):
        fetch("http://localhost\\.shop.example/", allow_private=True, **LIMITS)
    site.pages["/a"] = Answer(status=302, headers={"Location": f"{site.url}\\@shop.example/b"})
    with pytest.raises(RefusedURLError, match="a browser may read another host"):
        fetch(f"{site.url}/a", allow_private=True, **LIMITS)
    assert [seen.target for seen in site.seen] == ["/a"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://intranet/",
        "http://[fec0::1]/",
        "http://168.63.129.16/",
        "http://inside.test/",
    ],
)
def test_private_hosts_are_refused_though_a_proxy_resolves_names(site, monkeypatch, url):
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: real("127.0.0.1" if host == "inside.test" else host, *a, **k),
    )
    with pytest.raises(RefusedURLError, match="private address"):
        fetch(url, credentials=of_store({}, site.url), **LIMITS)
    assert site.seen == []


@pytest.mark.parametrize("url", ["http://shop.invalid/", "https://shop.invalid/"])
@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-H: "]
)
def test_a_proxy_that_drips(url, start):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server, start), daemon=True).start()
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(FetchError):
            fetch(url, max_bytes=9999, timeout_s=1, credentials=of_store({}, proxy))
        assert time.monotonic() - started < 6  # it drips for ten seconds


def test_a_body_that_says_it_is_too_large(site):
    site.pages["/p"] = Answer("x" * 10_001)
    with pytest.raises(FetchError, match="larger than the limit of 10000 bytes"):
        fetch(f"{site.url}/p", allow_private=True, **LIMITS)


def test_a_gzip_bomb(site):
    bomb = gzip.compress(bytes(50_000_000))
    site.pages["/p"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchError, match="larger than the limit"):
        fetch(f"{site.url}/p", max_bytes=10**6, timeout_s=10, allow_private=True)


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Header: ",
    ],
    ids=["body", "body without length", "headers"],
)
def test_a_server_that_drips(start):
    """Each read is quick, all of them together are not."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server, start), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        started = time.monotonic()
        with pytest.raises(FetchError, match="did not answer within 1 seconds"):
            fetch(url, max_bytes=9999, timeout_s=1, allow_private=True)
        assert time.monotonic() - started < 6  # it drips for ten seconds


def drip(server: socket.socket, start: bytes) -> None:
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(10_000)
        connection.sendall(start)
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)


def test_a_server_that_is_down():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(FetchError, match="connection was refused"):
        fetch(f"http://127.0.0.1:{port}/", allow_private=True, **LIMITS)


def test_a_name_that_does_not_exist():
    with pytest.raises(FetchError, match="host name is unknown"):
        fetch("http://shop.invalid/", **LIMITS)


def test_an_answer_cut_short(site):
    site.pages["/p"] = Answer("short", headers={"Content-Length": "5000", "Connection": "close"})
    with pytest.raises(FetchError):
        fetch(f"{site.url}/p", allow_private=True, **LIMITS)
