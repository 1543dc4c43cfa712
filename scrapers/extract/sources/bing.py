"""Image search with Bing: bing-image-downloader sends the query through our guard and downloads nothing."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
import urllib.error
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode, urlsplit

from bing_image_downloader import bing
from bs4 import BeautifulSoup

from scrapers.extract.address import without_tracking
from scrapers.extract.candidates import Candidate, RawPhoto
from scrapers.extract.text import clean
from scrapers.http.addresses import check_url
from scrapers.http.fetch import fetch
from storage.errors import InputError, LookalikeError
from storage.terms import SourceName

SEARCH_URL = "https://www.bing.com/images/async"
MAX_LINKS = 500
_MAX_PAGE_BYTES = 8 * 1024 * 1024
_MIN_FULL_PAGE = 2000
"""Characters: an answer without results is shorter than a page that says something else."""
_TITLE = 300
_HIGHLIGHT_MARKS = dict.fromkeys(range(0xE000, 0xE010))

logger = logging.getLogger(__name__)
_transport = threading.Lock()


class ImageSearchError(LookalikeError):
    """Bing could not be reached, or its answer is of no use."""


@dataclass(frozen=True)
class FoundPhoto:
    """A photo in Bing's results.

    :ivar page_url: the page that shows it; the photo's own address if Bing names none.
    :ivar title: that page's title.
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
    """Photos for a query in Bing's order, each once. Only result pages are requested.

    :param search_url: address of the result pages.
    :raises InputError: for an empty query, or a limit outside 1 to 500.
    :raises ImageSearchError: if Bing cannot be reached, finds nothing, or answers in an unknown form.
    """
    words = " ".join(words.split())
    if not words:
        raise InputError("An image search needs words, such as 'red linen dress'.")
    if not 1 <= limit <= MAX_LINKS:
        raise InputError(f"An image search gives 1 to {MAX_LINKS} photos, not {limit}.")
    collector = _LinkCollector(words, limit, timeout_s, allow_private)
    pages: list[str] = []
    urlopen = _guarded_urlopen(search_url, timeout_s, allow_private, pages)
    try:
        with _transport, _guarded_transport(urlopen), contextlib.redirect_stdout(io.StringIO()) as printed:
            collector.run()
    except LookalikeError as error:
        raise ImageSearchError(f"Bing's image search cannot be used: {error}") from None
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise ImageSearchError(
            f"Bing's image search answered something unexpected ({error}). Try again later."
        ) from None
    logger.debug("%s", printed.getvalue())
    if collector.links:
        page_of = {address: about for page in pages for address, about in _details(page)}
        return [FoundPhoto(link, *page_of.get(link, (link, None))) for link in collector.links]
    if any(len(page) > _MIN_FULL_PAGE for page in pages) and "murl" not in "".join(pages):
        raise ImageSearchError(
            "Bing's image search answered with a page that lists no photos in the form that "
            "bing-image-downloader knows: it may ask for a browser, or have changed. Try again later."
        )
    raise ImageSearchError(f"Bing finds no photo for '{words}'. Try other words.")


def to_candidates(photos: Iterable[FoundPhoto], words: str) -> Iterator[Candidate]:
    """A product for each page that shows some of the photos, with all of these.

    :param words: the title of pages for which Bing gives none.
    """
    by_page: dict[str, list[FoundPhoto]] = {}
    for photo in photos:
        by_page.setdefault(without_tracking(photo.page_url), []).append(photo)
    for url, found in by_page.items():
        title = next((photo.title for photo in found if photo.title), words)
        shown = tuple(RawPhoto(photo.url) for photo in found)
        yield Candidate(SourceName.BING, title=title, url=url, photos=shown)


def _details(page: str) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """The address of each photo on a result page, with the page that shows it and that page's title."""
    for tag in BeautifulSoup(page, "lxml").find_all("a", {"class": "iusc"}, m=True):
        try:
            data = json.loads(str(tag["m"]))
            address, page_url = str(data["murl"]).replace(" ", "%20"), data.get("purl")
        except (ValueError, KeyError, TypeError):
            continue
        title = clean(data.get("t"), _TITLE) if isinstance(data.get("t"), str) else None
        # Bing marks matching words by private-use characters.
        title = title.translate(_HIGHLIGHT_MARKS) if title else None
        known = isinstance(page_url, str) and page_url.startswith(("http://", "https://"))
        yield address, (page_url if known else address, title)


class _LinkCollector(bing.Bing):
    """The package's search, which collects each link instead of fetching it without our guard."""

    def __init__(self, words: str, limit: int, timeout_s: float, allow_private: bool) -> None:
        # The folder is where the package would save photos; nothing is ever written to it.
        super().__init__(words, limit, Path(), "on", max(1, round(timeout_s)), filter="photo", verbose=False)
        self.links: list[str] = []
        self.allow_private = allow_private

    def download_image(self, link: str) -> None:
        """Collects the link."""
        try:
            check_url(link, allow_private=self.allow_private)
        except InputError:
            return
        self.download_count += 1
        self.links.append(link)


def _guarded_urlopen(search_url: str, timeout_s: float, allow_private: bool, pages: list[str]) -> Any:
    """Replaces the package's `urlopen`: sends the same query through the guard.

    :param pages: each answer is appended.
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
    """Replaces the `urllib` of the package's module during one search."""
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
