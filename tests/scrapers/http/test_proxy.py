"""The browser's proxy: plain requests and tunnels, to public addresses only, and only so many bytes."""

import asyncio
import socket
import threading

import pytest

from scrapers.http import addresses
from scrapers.http.proxy import GuardedProxy
from tests.scrapers.webserver import Answer


class Running:
    """A proxy in a loop of its own."""

    def __init__(self, *, allow_private: bool) -> None:
        self.proxy = GuardedProxy(allow_private=allow_private)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.run(self.proxy.start())
        self.proxy.begin_page(1_000_000)

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def say(self, *requests: bytes) -> bytes:
        """All that comes back on one connection."""
        with socket.create_connection(
            ("127.0.0.1", int(self.proxy.url.rpartition(":")[2])), 10
        ) as connection:
            for request in requests:
                connection.sendall(request)
            said = b""
            while chunk := connection.recv(65536):
                said += chunk
            return said

    def stop(self) -> None:
        self.run(self.proxy.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()


@pytest.fixture
def open_proxy():
    running = Running(allow_private=True)
    yield running
    running.stop()


@pytest.fixture
def proxy():
    running = Running(allow_private=False)
    yield running
    running.stop()


def get(url: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {url} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def test_a_plain_request_is_handed_on(open_proxy, site):
    site.pages["/a?b=c"] = Answer("hello")
    said = open_proxy.say(get(f"{site.url}/a?b=c", "Proxy-Authorization: Basic x", "X-Own: 1"))
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"hello")
    [seen] = site.seen
    assert (seen.target, seen.headers["x-own"], seen.headers["connection"]) == ("/a?b=c", "1", "close")
    assert "proxy-authorization" not in seen.headers


def test_a_second_request_on_a_connection_does_not_reach_the_first_ones_server(open_proxy, site):
    site.pages["/a"] = Answer("hello")
    said = open_proxy.say(get(f"{site.url}/a") + get("http://other.invalid/secret"))
    assert said.count(b"HTTP/1.1") == 1
    assert [seen.target for seen in site.seen] == ["/a"]


def test_a_tunnel(open_proxy, site):
    site.pages["/a"] = Answer("hello", headers={"Connection": "close"})
    host = site.url.removeprefix("http://")
    said = open_proxy.say(f"CONNECT {host} HTTP/1.1\r\n\r\n".encode(), get("/a", "Connection: close"))
    assert said.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200")
    assert said.endswith(b"hello")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "169.254.169.254"]
)
def test_private_addresses_are_refused(proxy, site, host):
    port = site.server.server_port
    for request in (get(f"http://{host}:{port}/a"), f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode()):
        said = proxy.say(request)
        assert said.startswith(b"HTTP/1.1 403"), said
        assert b"private address" in said
    assert site.seen == []
    assert list(proxy.proxy.refused) == [host.strip("[]")]


def test_a_name_that_leads_to_a_private_address_is_refused(proxy, site, monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr(
        addresses.socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1" if host == "rebinding.example" else host, *rest, **more),
    )
    said = proxy.say(get(f"http://rebinding.example:{site.server.server_port}/a"))
    assert said.startswith(b"HTTP/1.1 403")
    assert site.seen == []


def test_a_page_gets_only_so_many_bytes(open_proxy, site):
    site.pages["/large"] = Answer("x" * 3_000_000)
    assert len(open_proxy.say(get(f"{site.url}/large"))) <= 1_000_000
    assert open_proxy.proxy.used_up
    open_proxy.proxy.begin_page(5_000_000)
    assert len(open_proxy.say(get(f"{site.url}/large"))) > 3_000_000


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET ftp://x/ HTTP/1.1\r\n\r\n",
        b"x" * 200_000,
        b"\r\n\r\n",
    ],
)
def test_what_is_no_request_ends_the_connection(proxy, request_):
    try:
        said = proxy.say(request_)
    except ConnectionError:
        said = b""
    assert b"200" not in said
    assert proxy.say(get("http://127.0.0.1/")).startswith(b"HTTP/1.1 403")
