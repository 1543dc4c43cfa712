"""Photos for words from Bing: bing-image-downloader asks, through our guard, and downloads nothing."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

from bing_image_downloader import bing
from bs4 import BeautifulSoup

from scrapers.extract.text import clean
from scrapers.http.addresses import check_url
from scrapers.http.fetch import fetch
from storage.errors import InputError, LookalikeError

SEARCH_URL = "https://www.bing.com/images/async"
MAX_LINKS = 500
_MAX_PAGE_BYTES = 8 * 1024 * 1024
_AN_ANSWER = 2000
"""Characters: an answer without results is shorter than a page that says something else."""
_TITLE = 300
_MARKS = dict.fromkeys(range(0xE000, 0xE010))

logger = logging.getLogger(__name__)
_transport = threading.Lock()


class ImageSearchError(LookalikeError):
    """Bing could not be asked, or answered with nothing of use."""


@dataclass(frozen=True)
class FoundPhoto:
    """A photo as Bing lists it.

    :ivar page_url: the page it stands on; the photo's own address where Bing does not say.
    :ivar title: what that page calls it.
    """

    url: str
    page_url: str
    title: str | None = None


def search_photos(
    words: str,
    *,
    limit: int = 20,
    search_url: str = SEARCH_URL,
    timeout_s: float = 20.0,
    allow_private: bool = False,
) -> list[FoundPhoto]:
    """Photos for some words, in Bing's order, each once. Nothing but the result pages is fetched.

    :param search_url: where the result pages are.
    :raises InputError: where there are no words, or the limit is not between 1 and 500.
    :raises ImageSearchError: where Bing cannot be reached, finds nothing, or answers in a form not known.
    """
    words = " ".join(words.split())
    if not words:
        raise InputError("An image search needs words, such as 'red linen dress'.")
    if not 1 <= limit <= MAX_LINKS:
        raise InputError(f"An image search gives 1 to {MAX_LINKS} photos, not {limit}.")
    collector = _LinkCollector(words, limit, timeout_s, allow_private)
    pages: list[str] = []
    ask = _asking(search_url, timeout_s, allow_private, pages)
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
    if collector.links:
        told = {address: about for page in pages for address, about in _details(page)}
        return [FoundPhoto(link, *told.get(link, (link, None))) for link in collector.links]
    if any(len(page) > _AN_ANSWER for page in pages) and "murl" not in "".join(pages):
        raise ImageSearchError(
            "Bing's image search answered with a page that lists no photos in the form that "
            "bing-image-downloader knows: it may ask for a browser, or have changed. Try again later."
        )
    raise ImageSearchError(f"Bing finds no photo for '{words}'. Try other words.")


def _details(page: str) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """Of each photo on a result page its address, with the page it stands on and that page's title."""
    for tag in BeautifulSoup(page, "lxml").find_all("a", {"class": "iusc"}, m=True):
        try:
            data = json.loads(str(tag["m"]))
            address, stands_on = str(data["murl"]).replace(" ", "%20"), data.get("purl")
        except (ValueError, KeyError, TypeError):
            continue
        title = clean(data.get("t"), _TITLE) if isinstance(data.get("t"), str) else None
        # Bing marks the words that it found by characters of its own.
        title = title.translate(_MARKS) if title else None
        known = isinstance(stands_on, str) and stands_on.startswith(("http://", "https://"))
        yield address, (stands_on if known else address, title)


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


def _asking(search_url: str, timeout_s: float, allow_private: bool, pages: list[str]) -> Any:
    """The package's `urlopen`: the same query, sent through the guard.

    :param pages: gets each answer.
    """

    def urlopen(request: SimpleNamespace, timeout: float | None = None) -> io.BytesIO:
        answer = fetch(
            f"{search_url}?{urlsplit(request.url).query}",
            max_bytes=_MAX_PAGE_BYTES,
            timeout_s=timeout_s,
            allow_private=allow_private,
        )
        if answer.status != 200:
            raise ImageSearchError(f"it answers with status {answer.status}. Try again later.")
        pages.append(answer.text)
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
