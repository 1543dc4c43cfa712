"""A real web server whose answers a test sets, and photos to serve."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from PIL import Image


@dataclass
class Answer:
    """What the server says to a request."""

    body: bytes | str = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    """A request that came in."""

    target: str
    headers: dict[str, str]
    at: float
    status: int = 0


class Site:
    """Answers by path, or by path and query where a page of that name is set.

    :ivar pages: what to answer; a function gets the request and returns an answer.
    :ivar seen: the requests so far, in the order they came in.
    """

    def __init__(self) -> None:
        self.pages: dict[str, Answer | Callable[[Seen], Answer]] = {}
        self.seen: list[Seen] = []
        self.etags = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def asked(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(urlsplit(request.target).path for request in self.seen)

    def bodies(self) -> list[str]:
        """The targets that were answered with a body."""
        return [request.target for request in self.seen if request.status == 200]

    def answer(self, seen: Seen) -> Answer:
        page = self.pages.get(seen.target) or self.pages.get(urlsplit(seen.target).path)
        if page is None:
            return Answer("not found", 404)
        return page(seen) if callable(page) else page

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                seen = Seen(self.path, {k.lower(): v for k, v in self.headers.items()}, time.monotonic())
                site.seen.append(seen)
                answer = site.answer(seen)
                body = answer.body.encode() if isinstance(answer.body, str) else answer.body
                headers = dict(answer.headers)
                status = answer.status
                if site.etags and status == 200:
                    headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
                    if seen.headers.get("if-none-match") == headers["ETag"]:
                        status, body = 304, b""
                seen.status = status
                self.send_response(status)
                self.send_header("Content-Type", answer.content_type)
                if "Content-Length" not in headers and status != 304:
                    headers["Content-Length"] = str(len(body))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def handle(self) -> None:
                # A visitor may hang up on what is too large for it.
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def log_message(self, *args: object) -> None:
                pass

        return Handler

    @contextmanager
    def running(self) -> Iterator[Site]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()


def photo(seed: int, size: tuple[int, int] = (60, 80), form: str = "JPEG") -> bytes:
    """A photo that differs from those of other seeds."""
    image = Image.new("RGB", size, (seed * 37 % 256, seed * 91 % 256, seed * 53 % 256))
    image.putpixel((seed % size[0], seed // size[0] % size[1]), (255, 0, 0))
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def product_page(title: str, *, price: str = "19.90", image: str | None = None, **fields: object) -> str:
    """A product's page with JSON-LD."""
    data = {
        "@type": "Product",
        "name": title,
        "image": image,
        "offers": {"@type": "Offer", "price": price, "priceCurrency": "EUR", "availability": "InStock"},
        **fields,
    }
    return f'<script type="application/ld+json">{json.dumps(data)}</script><h1>{title}</h1>'


def sitemap(*urls: str) -> str:
    """A sitemap of these pages."""
    entries = "".join(f"<url><loc>{escape(url)}</loc></url>" for url in urls)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
