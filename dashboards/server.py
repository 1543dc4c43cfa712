"""The dashboard's server: `python -m dashboards.server --data DIR [--config FILE]`.

Streamlit serves the page; what stands before it here answers only under the names that the dashboard is known
by, and tells browsers what the page may load and who may frame it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import ipaddress
import re
import socket
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from dashboards import photos, scripts

_POLICY_VIOLATION = 1008
"""RFC 6455's code for a WebSocket that is refused."""

INTERRUPTED = 130
"""What a shell expects of a command ended by Ctrl-C (128 + SIGINT)."""

_COMPONENTS = "/component/"
"""Where Streamlit serves components' own pages."""

UPLOADS_OF_SESSION = 2
"""Photos of one visitor that are kept in memory, each of at most 20 MB."""

UPLOADS = 50
"""Photos of all visitors together that are kept so."""

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class KnownHosts:
    """Refuses requests whose `Host` is a name that the dashboard is not known by.

    A page elsewhere can point its own DNS name at this address (DNS rebinding) and would then count as the
    same origin, but `Host` still holds its name. IP addresses cannot be rebound, so they pass.

    :param names: host names, lower case, without port; `*` allows all.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or passes on one request."""
        if scope["type"] == "lifespan" or self._knows(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(_POLICY_VIOLATION)(scope, receive, send)
        else:
            sentence = (
                "The dashboard is not known by this name. Start it with `--allow-host NAME`, or set "
                "`hosts` under [dashboard] in lookalike.toml.\n"
            )
            await PlainTextResponse(sentence, status_code=421)(scope, receive, send)

    def _knows(self, host: str) -> bool:
        name = host_name(host)
        return name is not None and ("*" in self._names or name in self._names or _is_address(name))


def host_name(host: str) -> str | None:
    """The name or address in a `Host` header, lower case and without port; None where it is malformed."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?", host)
    return (found[1] or found[2]).lower().removesuffix(".") if found else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class SecurityHeaders:
    """Adds the headers that keep a page from being framed, and from loading anything from elsewhere.

    A component, such as the handles to crop with, is a page of this server that the dashboard frames; no
    other page may.
    """

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": policy,
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        own = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        self._framed = self._headers | {"Content-Security-Policy": own, "X-Frame-Options": "SAMEORIGIN"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on, and adds the headers to its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                framed = scope["path"].startswith(_COMPONENTS)
                MutableHeaders(scope=message).update(self._framed if framed else self._headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class FewUploads:
    """Forgets older uploads, which Streamlit would keep in memory until the visitor leaves.

    The app copies a photo when it arrives, so an older one is not missed. Two of a session are kept: the last
    one is shown while the next travels.

    :param forget: drops the upload of a session and file id.
    """

    def __init__(self, app: ASGIApp, forget: Callable[[str, str], None]) -> None:
        self._app = app
        self._forget = forget
        self._kept: dict[tuple[str, str], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on; after an upload, forgets those that are too many."""
        found = _UPLOAD.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in ("PUT", "POST"):
            await self._app(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            session, file = found.groups()
            self._kept.pop((session, file), None)
            self._kept[session, file] = None
            own = [kept for kept in self._kept if kept[0] == session]
            for old in own[:-UPLOADS_OF_SESSION] or list(self._kept)[:-UPLOADS]:
                del self._kept[old]
                self._forget(*old)


def forget_upload(session: str, file: str) -> None:
    """Drops an upload from Streamlit's memory."""
    uploads = runtime.get_instance().uploaded_file_mgr
    if isinstance(uploads, MemoryUploadedFileManager):
        uploads.remove_file(session, file)


def content_security_policy(page: str) -> str:
    """What the dashboard's page may load: only what this server gives.

    :param page: Streamlit's own HTML, whose inline scripts are allowed by their hashes, and so are ours.
    """
    inline = [*_INLINE_SCRIPT.findall(page), *scripts.ALL]
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in inline
    ]
    sources = {
        "default-src": ["'self'"],
        "script-src": ["'self'", *hashes],
        "style-src": ["'self'", "'unsafe-inline'"],  # Streamlit's styles are made by its scripts
        "connect-src": ["'self'", "data:"],  # the camera's photo is read from an address of its data
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(f"{kind} {' '.join(allowed)}" for kind, allowed in sources.items())


def known_names(host: str, allowed: Iterable[str]) -> set[str]:
    """The names that the dashboard answers under: this machine's, and those that the operator gives."""
    return {"localhost", socket.gethostname().lower(), host.lower(), *(name.lower() for name in allowed)}


def main(arguments: list[str]) -> None:
    """Serves until Ctrl-C; what is no option of the server is passed on to the app."""
    parser = argparse.ArgumentParser(prog="dashboards.server", allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--allow-host", action="append", default=[])
    given, rest = parser.parse_known_args(arguments)
    page = Path(streamlit.__file__).with_name("static") / "index.html"
    app = streamlit.App(
        Path(__file__).with_name("app.py"),
        routes=[photos.ROUTE],
        middleware=[
            Middleware(KnownHosts, known_names(given.host, given.allow_host)),
            Middleware(SecurityHeaders, content_security_policy(page.read_text("utf-8"))),
            Middleware(FewUploads, forget_upload),
        ],
    )
    sys.argv[1:] = rest
    try:
        app.run(
            config={
                "server.address": given.host,
                "server.port": given.port,
                "server.headless": not given.browser,
            }
        )
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main(sys.argv[1:])
