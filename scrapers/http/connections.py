"""Connects the library requests to checked addresses only, for a limited time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

from scrapers.http.addresses import resolve


@contextlib.contextmanager
def bounded_session(timeout_s: float, *, allow_private: bool) -> Iterator[requests.Session]:
    """A session whose connections are closed after a while, whatever they wait for.

    The timeout of requests applies to each read: a server that sends a byte a second would never time out.

    :param timeout_s: time until the connections are closed.
    """
    adapter = _Adapter(allow_private)
    overdue = threading.Timer(timeout_s, adapter.cut)
    overdue.daemon = True
    with _Session() as session:
        # No proxy and no netrc from the environment: a proxy would bypass the check.
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        overdue.start()
        try:
            yield session
        finally:
            overdue.cancel()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: the caller checks each address, then follows it; requests would raise for a malformed one."""


class _Adapter(HTTPAdapter):
    def __init__(self, allow_private: bool) -> None:
        self.opened: list[_Connection] = []
        self.allow_private = allow_private
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools(self.allow_private)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> urllib3.ProxyManager:
        manager = super().proxy_manager_for(*args, **kwargs)
        # The proxy that a store's entry names may be in a private network; the time limit applies to it, too.
        manager.pool_classes_by_scheme = self._pools(allow_private=True)
        return manager

    def _pools(self, allow_private: bool) -> dict[str, type[HTTPConnectionPool]]:
        class Plain(_Connection, HTTPConnection):
            owner, private = self, allow_private

        class Secure(_Connection, HTTPSConnection):
            owner, private = self, allow_private

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        return {"http": PlainPool, "https": SecurePool}

    def cut(self) -> None:
        """Closes all connections, whatever they wait for."""
        for connection in self.opened:
            for reading in (connection.reading, connection.connecting, connection.sock):
                with contextlib.suppress(OSError, AttributeError):
                    reading.shutdown(socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    """Connects to an address that was just checked, never to a name, which might resolve differently."""

    owner: _Adapter
    private: bool
    reading: Any = None
    connecting: Any = None

    def _new_conn(self) -> socket.socket:
        try:
            addresses = resolve(self._dns_host, self.port, allow_private=self.private)
        except (OSError, UnicodeError) as error:
            unknown = socket.gaierror(str(error))
            raise urllib3.exceptions.NameResolutionError(self.host, self, unknown) from error
        self.owner.opened.append(self)
        problem: OSError | None = None
        for address in addresses:
            try:
                connected = socket.create_connection((address, self.port), self.timeout or None)
            except TimeoutError as error:
                raise urllib3.exceptions.ConnectTimeoutError(self, "timed out") from error
            except OSError as error:
                problem = error
                continue
            # Kept for `cut`: while a proxy opens the tunnel, the connection has no `sock` yet.
            self.connecting = connected
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
        raise urllib3.exceptions.NewConnectionError(self, f"{problem}") from problem

    def getresponse(self) -> BaseHTTPResponse:  # type: ignore[override]
        # Kept for `cut`: a connection that is not reused drops its socket here.
        self.reading = self.sock
        return super().getresponse()
