"""Fetches one address safely, outside a crawl: for detection, query photos and the dashboard.

Only public http and https addresses are fetched. They are checked on every redirect, and again when the
connection is made, so that it does not matter if a name changes its address in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import urljoin

import requests
import urllib3

from scrapers.http.addresses import RefusedURLError, check_host_behind_proxy, check_url
from scrapers.http.charsets import is_of_the_web
from scrapers.http.connections import bounded_session
from scrapers.http.credentials import Credentials
from storage.errors import LookalikeError

__all__ = ["USER_AGENT", "FetchError", "Fetched", "RefusedURLError", "check_url", "fetch"]

MAX_REDIRECTS = 10
_CHUNK = 64 * 1024

try:
    _VERSION = version("lookalike")
except PackageNotFoundError:  # a checkout that is not installed
    _VERSION = "0"

USER_AGENT = f"Lookalike/{_VERSION} (catalogue crawler for product photo search; obeys robots.txt)"
"""Our name in robots.txt and in every request."""


class FetchError(LookalikeError):
    """An address could not be fetched; the message says why."""


@dataclass(frozen=True)
class Fetched:
    """A web server's response, with its whole body.

    :ivar url: the address after redirects.
    :ivar headers: names in lower case.
    :ivar content_type: media type without parameters, in lower case; empty if there is none.
    :ivar body: the decompressed content.
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
        return self.body.decode(charset if is_of_the_web(charset) else "utf-8", errors="replace")


def fetch(
    url: str,
    *,
    max_bytes: int,
    timeout_s: float,
    allow_private: bool = False,
    credentials: Credentials | None = None,
    check: Callable[[str], None] | None = None,
) -> Fetched:
    """Fetches one address, following redirects.

    :param max_bytes: most bytes of content, after decompression.
    :param timeout_s: time for the whole of it, redirects included.
    :param credentials: a store's; its headers go to its own servers only, not to other redirect targets. Its
        proxy resolves names itself; a name that resolves to a private address here is refused before.
    :param check: called for each redirect target; raises if that must not be fetched.
    :raises RefusedURLError: where it, or a redirect from it, is not a public http or https address.
    :raises FetchError: where there is no answer, or it is too large or too slow.
    """
    deadline = time.monotonic() + timeout_s
    sent = credentials or Credentials()
    through = sent.proxy.get_secret_value() if sent.proxy else None
    check_address = check_host_behind_proxy if through else check_url
    with bounded_session(timeout_s, allow_private=allow_private) as session:
        target = url
        for _ in range(MAX_REDIRECTS + 1):
            check_address(target, allow_private=allow_private)
            if check is not None and target != url:
                check(target)
            try:
                response = session.get(
                    target,
                    headers={"User-Agent": USER_AGENT, **sent.headers_for(target)},
                    proxies={"http": through, "https": through} if through else None,
                    stream=True,
                    timeout=max(0.1, deadline - time.monotonic()),
                )
            except (requests.RequestException, UnicodeError) as error:
                raise FetchError(_sentence(target, error, timeout_s, deadline)) from None
            with response:
                if response.is_redirect:
                    target = _redirected(target, response.headers["location"])
                    continue
                return Fetched(
                    url=target,
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    content_type=response.headers.get("content-type", "").split(";")[0].strip().lower(),
                    body=_read(response, target, max_bytes, deadline, timeout_s),
                )
    raise FetchError(f"{url} redirects more than {MAX_REDIRECTS} times. Check the address in a browser.")


def _redirected(url: str, location: str) -> str:
    """:raises RefusedURLError: where a redirect leads to no address."""
    try:
        return urljoin(url, location)
    except ValueError:
        raise RefusedURLError(f"{url} redirects to something that is not a web address.") from None


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
