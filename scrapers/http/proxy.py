"""A forward proxy on this machine that limits a browser to public addresses and a number of bytes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

from scrapers.http.addresses import RefusedURLError, check_url, resolve

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_HEAD_BYTES = 64 * 1024
_CONNECT_S = 15.0
_IDLE_S = 60.0
_HOP_BY_HOP = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization", b"te"})
MAX_REFUSED = 100
"""Most refusals that are remembered of one page."""


class GuardedProxy:
    """Serves plain requests and CONNECT tunnels on 127.0.0.1.

    It resolves each name, checks all its addresses and connects to a checked one: no redirect, no script and
    no name that changes its address leads to a private network.

    :ivar refused: why requests of the page being loaded were refused, a sentence for each host.
    :ivar left: bytes that the page being loaded may still receive.
    """

    def __init__(self, *, allow_private: bool = False) -> None:
        self.allow_private = allow_private
        self.refused: dict[str, str] = {}
        self.left = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Its address."""
        assert self._server is not None  # noqa: S101  it is asked for after start
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_BYTES)

    async def stop(self) -> None:
        """Ends all connections."""
        if self._server is not None:
            self._server.close()
        self._cut()

    def begin_page(self, max_bytes: int) -> None:
        """Starts counting the bytes of a new page, which may load at most `max_bytes`."""
        self.left = max_bytes
        self.refused = {}

    @property
    def used_up(self) -> bool:
        """Whether the page has loaded more bytes than it may."""
        return self.left < 0

    def _cut(self) -> None:
        for writer in list(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._answer(reader, writer)
        except (
            OSError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            TimeoutError,
            ValueError,
        ) as error:
            logger.debug("%s", error)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_IDLE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        request, *lines = head[:-4].split(b"\r\n")
        method, target, _ = request.decode("latin-1").split(" ", 2)
        tunnel = method == "CONNECT"
        url = f"https://{target}" if tunnel else target
        parts = urlsplit(url)
        try:
            upstream, to_upstream = await self._connect(url)
        except RefusedURLError as error:
            if len(self.refused) < MAX_REFUSED:
                self.refused[parts.hostname or url] = str(error)
            await _refuse(writer, 403, str(error))
            return
        except OSError as error:
            await _refuse(writer, 502, f"{parts.netloc} cannot be reached ({error})")
            return
        self._open.add(to_upstream)
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(self._forward(reader, to_upstream), self._forward(upstream, writer))
                return
            path = parts._replace(scheme="", netloc="").geturl() or "/"
            kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in _HOP_BY_HOP]
            # One request for each connection: a second one could be for another host.
            to_upstream.write(b"\r\n".join([f"{method} {path} HTTP/1.1".encode("latin-1"), *kept]))
            to_upstream.write(b"\r\nConnection: close\r\n\r\n")
            to_upstream.write(await reader.readexactly(min(_body_bytes(lines), self.left + 1)))
            await self._forward(upstream, writer)
        finally:
            self._open.discard(to_upstream)
            to_upstream.close()

    async def _connect(self, url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """:raises RefusedURLError: where the address, or what its name leads to, is private.
        :raises OSError: where it cannot be reached.
        """
        check_url(url, allow_private=self.allow_private)
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.to_thread(resolve, parts.hostname or "", port, allow_private=self.allow_private)
        problem: OSError = OSError("it has no address")
        for address in found:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    return await asyncio.open_connection(address, port)
            except (OSError, TimeoutError) as error:
                problem = error if isinstance(error, OSError) else OSError("no answer in time")
        raise problem

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forwards bytes until the end, or until the page has used up its bytes."""
        while True:
            async with asyncio.timeout(_IDLE_S):
                chunk = await reader.read(_CHUNK)
            if not chunk:
                with contextlib.suppress(OSError, RuntimeError):
                    writer.write_eof()
                return
            self.left -= len(chunk)
            if self.used_up:
                self._cut()
                return
            writer.write(chunk)
            await writer.drain()


def _body_bytes(lines: Iterable[bytes]) -> int:
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


async def _refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    body = why.encode("utf-8", "replace")
    head = f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body)
    await writer.drain()
