"""Photos for words from Bing: bing-image-downloader finds the links, our guard fetches them."""

from __future__ import annotations

import contextlib
import io
import logging
import threading
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

from bing_image_downloader import bing

from scrapers.addresses import check_url
from scrapers.guard import fetch
from storage import photos
from storage.errors import InputError, LookalikeError

SEARCH_URL = "https://www.bing.com/images/async"
MAX_LINKS = 500
_MAX_PAGE_BYTES = 8 * 1024 * 1024

logger = logging.getLogger(__name__)
_transport = threading.Lock()


class ImageSearchError(LookalikeError):
    """Bing could not be asked, or answered with nothing of use."""


@dataclass(frozen=True)
class FoundPhoto:
    """A photo that was found and fetched.

    :ivar page_url: the address it was fetched from, after redirects.
    """

    url: str
    page_url: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class MissedPhoto:
    """A link that led to no photo, and why."""

    url: str
    reason: str


def search_photos(
    words: str,
    *,
    limit: int = 20,
    search_url: str = SEARCH_URL,
    timeout_s: float = 20.0,
    allow_private: bool = False,
) -> list[str]:
    """Links to photos for some words, in Bing's order, each once. Nothing but the result pages is fetched.

    :param search_url: where the result pages are.
    :raises InputError: where there are no words, or the limit is not between 1 and 500.
    :raises ImageSearchError: where Bing cannot be reached or finds nothing.
    """
    words = " ".join(words.split())
    if not words:
        raise InputError("An image search needs words, such as 'red linen dress'.")
    if not 1 <= limit <= MAX_LINKS:
        raise InputError(f"An image search gives 1 to {MAX_LINKS} photos, not {limit}.")
    collector = _LinkCollector(words, limit, timeout_s, allow_private)
    ask = _asking(search_url, timeout_s, allow_private)
    try:
        with _transport, _guarded_transport(ask), contextlib.redirect_stdout(io.StringIO()) as said:
            collector.run()
    except LookalikeError as error:
        raise ImageSearchError(f"Bing's image search cannot be used: {error}") from None
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise ImageSearchError(
            f"Bing's image search answered something unexpected ({error}). Try again later."
        ) from None
    logger.debug("%s", said.getvalue())
    if not collector.links:
        raise ImageSearchError(f"Bing finds no photo for '{words}'. Try other words.")
    return collector.links


def fetch_photos(
    links: list[str],
    *,
    max_bytes: int,
    max_pixels: int = photos.MAX_IMAGE_PIXELS,
    timeout_s: float = 20.0,
    allow_private: bool = False,
) -> Iterator[FoundPhoto | MissedPhoto]:
    """Fetches each link through the guard and checks by decoding that it is a photo; one result a link."""
    for link in links:
        try:
            answer = fetch(link, max_bytes=max_bytes, timeout_s=timeout_s, allow_private=allow_private)
            if answer.status != 200:
                raise LookalikeError(f"it answers with status {answer.status}")
            photos.decode(answer.body, max_pixels=max_pixels)
        except LookalikeError as error:
            yield MissedPhoto(link, str(error))
        else:
            yield FoundPhoto(link, answer.url, answer.body)


class _LinkCollector(bing.Bing):
    """The package's search, which notes each link instead of fetching it past our guard."""

    def __init__(self, words: str, limit: int, timeout_s: float, allow_private: bool) -> None:
        # The folder is where the package would save photos; nothing is ever written to it.
        super().__init__(words, limit, Path(), "on", max(1, round(timeout_s)), filter="photo", verbose=False)
        self.links: list[str] = []
        self.allow_private = allow_private

    def download_image(self, link: str) -> None:
        """Takes the link."""
        try:
            check_url(link, allow_private=self.allow_private)
        except InputError:
            return
        self.download_count += 1
        self.links.append(link)


def _asking(search_url: str, timeout_s: float, allow_private: bool) -> Any:
    """The package's `urlopen`: the same query, sent through the guard."""

    def urlopen(request: SimpleNamespace, timeout: float | None = None) -> io.BytesIO:
        answer = fetch(
            f"{search_url}?{urlsplit(request.url).query}",
            max_bytes=_MAX_PAGE_BYTES,
            timeout_s=timeout_s,
            allow_private=allow_private,
        )
        if answer.status != 200:
            raise ImageSearchError(f"it answers with status {answer.status}. Try again later.")
        return io.BytesIO(answer.body)

    return urlopen


@contextlib.contextmanager
def _guarded_transport(urlopen: Any) -> Iterator[None]:
    """Replaces the `urllib` that the package's module uses, for as long as one search takes."""
    original = bing.urllib
    request = SimpleNamespace(Request=_request, urlopen=urlopen)
    parse = SimpleNamespace(urlencode=urlencode, urlsplit=urlsplit)
    bing.urllib = SimpleNamespace(request=request, parse=parse)
    try:
        yield
    finally:
        bing.urllib = original


def _request(url: str, data: None = None, headers: object = None) -> SimpleNamespace:
    return SimpleNamespace(url=url)
