"""The HTTP side of a demo storefront: threads, kept connections, validators, photos, log and faults."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from email.utils import format_datetime, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lookalike.demo.faults import FaultCounter, Faults, Kind
from lookalike.demo.page import STYLE_PATH, not_found
from lookalike.demo.photo_shelf import PhotoShelf
from lookalike.demo.reply import Reply, matches, tag
from lookalike.demo.request_log import Asked, RequestLog
from lookalike.demo.shelf import OPENED, Shelf

Answer = Callable[[Shelf, str, Mapping[str, Sequence[str]]], Reply | None]
"""A dialect: what it answers to a path, percent-decoded, and a query; None where it has no such page."""

Trouble = Callable[[str], Reply | None]
"""What a store in trouble answers to a path and query as they were sent; None where it answers as usual."""

CLOSED = Reply(b"The store is closed.\n", "text/plain; charset=utf-8", 503)

_STYLE = Path(__file__).with_name("shop.css")


class StoreServer(ThreadingHTTPServer):
    """Serves a shelf in one dialect, one thread a connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], answer: Answer, faults: Faults | None, latency_s: float = 0.0
    ) -> None:
        super().__init__(address, _Visit)
        self.answer = answer
        self.shelf: Shelf | None = None
        self.photos = PhotoShelf()
        self.log = RequestLog()
        self.faults = FaultCounter(faults)
        self.trouble: Trouble | None = None
        self.latency_s = latency_s
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remembers the connection, so that stopping can end it."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets the connection."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing where a visitor left in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        """Ends what visitors keep open, and answers that hang."""
        self.stopping.set()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def reply(self, target: str, known: str) -> Reply:
        """The answer to a path and query as they were sent."""
        shelf = self.shelf
        assert shelf is not None  # noqa: S101  set before the first connection is taken
        parts = urlsplit(target)
        path = unquote(parts.path)
        if path == STYLE_PATH:
            return Reply(_STYLE.read_bytes(), "text/css; charset=utf-8", modified=OPENED)
        if path.startswith(shelf.photos):
            name = path.removeprefix(shelf.photos)
            if name in shelf.by_photo:
                return self.photos.reply(name, *shelf.by_photo[name], known)
        return self.answer(shelf, path, parse_qs(parts.query)) or not_found(shelf)


class _Visit(BaseHTTPRequestHandler):
    """One connection."""

    server: StoreServer
    protocol_version = "HTTP/1.1"
    server_version = "LookalikeDemo"
    sys_version = ""
    disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its headers
    wbufsize = -1
    timeout = 60.0

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Keeps quiet: the request log holds it all."""

    def _answer(self) -> None:
        if self.server.latency_s:
            self.server.stopping.wait(self.server.latency_s)
        fault = self.server.faults.next_for(self.path)
        trouble = self.server.trouble(self.path) if self.server.trouble else None
        if trouble is not None:
            self._send(trouble)
        elif fault is None:
            known = self.headers.get("If-None-Match", "")
            target = self.path if self.path.startswith("/") else f"/{self.path}"
            self._send(self._unless_known(self.server.reply(target, known)))
        else:
            self._fail(fault)

    def _unless_known(self, reply: Reply) -> Reply:
        """The reply with validators, or a 304 where the visitor has it already."""
        if reply.status != 200:
            return reply
        etag = reply.etag or tag(reply.body)
        known, since = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        fresh = matches(known, etag) if known is not None else _unmodified(reply, since)
        return Reply(
            b"" if fresh else reply.body,
            reply.content_type,
            304 if fresh else 200,
            reply.headers,
            reply.modified,
            etag,
        )

    def _fail(self, kind: Kind) -> None:
        faults = self.server.faults.faults
        assert faults is not None  # noqa: S101  a kind comes from them
        if kind == "500":
            self._send(Reply(b"Something went wrong.\n", "text/plain; charset=utf-8", 500))
        elif kind == "429":
            wait = {"Retry-After": str(faults.retry_after_s)}
            self._send(Reply(b"Too many requests.\n", "text/plain; charset=utf-8", 429, wait))
        else:
            self.close_connection = True
            self._note(0)
            if kind == "hang":
                self.server.stopping.wait(faults.hang_s)
            else:
                self._send_half(self.server.reply(self.path, ""))

    def _send(self, reply: Reply) -> None:
        self._note(reply.status)
        self._send_head(reply)
        if self.command != "HEAD" and reply.status != 304:
            self.wfile.write(reply.body)
        self.wfile.flush()

    def _note(self, status: int) -> None:
        """Logs the request; before it is answered, so that who has the answer finds it in the log."""
        self.server.log.add(Asked(self.command, self.path, status))

    def _send_half(self, reply: Reply) -> None:
        """Promises the whole body and sends half of it."""
        self._send_head(reply)
        self.wfile.write(reply.body[: len(reply.body) // 2])
        self.wfile.flush()

    def _send_head(self, reply: Reply) -> None:
        self.send_response(reply.status)
        if reply.status != 304:
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
        if reply.etag:
            self.send_header("ETag", reply.etag)
        if reply.modified:
            self.send_header("Last-Modified", format_datetime(reply.modified, usegmt=True))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()


def _unmodified(reply: Reply, since: str | None) -> bool:
    if not since or reply.modified is None:
        return False
    try:
        asked = parsedate_to_datetime(since)
        return reply.modified <= asked
    except (TypeError, ValueError):
        return False
