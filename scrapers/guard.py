"""Fetching one address safely, outside a crawl: for detection, query photos and the dashboard.

Only http and https to public addresses, checked on every redirect and again on the address that is really
connected to, so that a name that changes its address in between gains nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from scrapers.addresses import RefusedURLError, check_url
from scrapers.connections import bounded_session
from storage.errors import LookalikeError

__all__ = ["USER_AGENT", "FetchError", "Fetched", "RefusedURLError", "check_url", "fetch"]

MAX_REDIRECTS = 10
_CHUNK = 64 * 1024

try:
    _VERSION = version("lookalike")
except PackageNotFoundError:  # a checkout that is not installed
    _VERSION = "0"

USER_AGENT = f"Lookalike/{_VERSION} (catalogue crawler for product photo search; obeys robots.txt)"
"""Who we are, in robots.txt and in every request."""


class FetchError(LookalikeError):
    """An address that could not be fetched; the message says why."""


@dataclass(frozen=True)
class Fetched:
    """An answer of a web server, read to its end.

    :ivar url: the address after redirects.
    :ivar headers: names in lower case.
    :ivar content_type: media type without parameters, in lower case; empty where there is none.
    :ivar body: the content, unpacked.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content_type: str
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text, in the character set the server names, else UTF-8."""
        charset = "utf-8"
        for part in self.headers.get("content-type", "").split(";")[1:]:
            key, _, value = part.strip().partition("=")
            if key.lower() == "charset":
                charset = value.strip("\"' ")
        try:
            return self.body.decode(charset, errors="replace")
        except LookupError:
            return self.body.decode("utf-8", errors="replace")


def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout_s: float,
    allow_private: bool = False,
    headers: Mapping[str, str] | None = None,
    proxy: str | None = None,
) -> Fetched:
    """Fetches one address, following redirects.

    :param max_bytes: most bytes of content, counted after unpacking.
    :param timeout_s: time for the whole of it, redirects included.
    :param headers: sent to this host only, not to another one that it redirects to.
    :param proxy: asks through this one, which then sees to it where names lead.
    :raises RefusedURLError: where it, or a redirect from it, is not a public http or https address.
    :raises FetchError: where there is no answer, or it is too large or too slow.
    """
    deadline = time.monotonic() + timeout_s
    with bounded_session(timeout_s, allow_private=allow_private) as session:
        target = url
        for _ in range(MAX_REDIRECTS + 1):
            check_url(target, allow_private=allow_private)
            own = urlsplit(target).netloc == urlsplit(url).netloc
            try:
                response = session.get(
                    target,
                    headers={"User-Agent": USER_AGENT, **(headers if headers and own else {})},
                    proxies={"http": proxy, "https": proxy} if proxy else None,
                    allow_redirects=False,
                    stream=True,
                    timeout=max(0.1, deadline - time.monotonic()),
                )
            except (requests.RequestException, UnicodeError) as error:
                raise FetchError(_sentence(target, error, timeout_s, deadline)) from None
            with response:
                if response.is_redirect:
                    target = urljoin(target, response.headers["location"])
                    continue
                return Fetched(
                    url=target,
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    content_type=response.headers.get("content-type", "").split(";")[0].strip().lower(),
                    body=_read(response, target, max_bytes, deadline, timeout_s),
                )
    raise FetchError(f"{url} redirects more than {MAX_REDIRECTS} times. Check the address in a browser.")


def _read(response: requests.Response, url: str, max_bytes: int, deadline: float, timeout_s: float) -> bytes:
    too_large = (
        f"{url} is larger than the limit of {max_bytes} bytes. Raise the limit or give a smaller file."
    )
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise FetchError(too_large)
    body = bytearray()
    try:
        # read1 gives what has arrived; requests' own iteration waits until a chunk is full.
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > max_bytes:
                raise FetchError(too_large)
        if time.monotonic() > deadline:  # it was cut there, which looks like its end
            raise requests.Timeout
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise FetchError(_sentence(url, error, timeout_s, deadline)) from None
    return bytes(body)


def _sentence(url: str, error: Exception, timeout_s: float, deadline: float) -> str:
    text = str(error)
    if isinstance(error, requests.Timeout) or "timed out" in text or time.monotonic() > deadline:
        return f"{url} did not answer within {timeout_s:g} seconds. Try again later."
    if isinstance(error, requests.exceptions.SSLError):
        return f"{url} has no valid certificate. Check the address in a browser."
    if "NameResolutionError" in text or "getaddrinfo" in text or "Name or service" in text:
        return f"{url} cannot be reached: its host name is unknown. Check the address."
    if "refused" in text:
        return f"{url} cannot be reached: the connection was refused. Check that the server runs."
    if isinstance(error, UnicodeError | requests.exceptions.InvalidURL):
        return f"{url} is not a web address. Give one like https://shop.example."
    return f"{url} cannot be read ({type(error).__name__}). Try again later."
