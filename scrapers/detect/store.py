"""Finds out how a store can be read, from its front page, robots.txt, sitemaps and a few products."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from scrapers.browser.renderer import Renderer
from scrapers.config.selectors import Selectors
from scrapers.config.store import PAGE_STRATEGIES, Limits, Store, Strategy, name_for
from scrapers.detect.probes import (
    Preview,
    ProbeResult,
    listing_store,
    shopify_store,
    sitemap_store,
    woocommerce_store,
)
from scrapers.detect.session import DetectionSession, UnreadableStoreError
from scrapers.extract.reading import Front, read_front
from scrapers.http.credentials import Credentials
from scrapers.http.fetch import USER_AGENT, Fetched
from scrapers.session.crawl_stats import CrawlDelay

__all__ = ["Detected", "Preview", "UnreadableStoreError", "detect"]

MAX_FRONT = 1_000_000
"""Characters of a front page that are searched for signs of a platform."""

_PROBES: dict[Strategy, Callable[[DetectionSession, Fetched, Front], ProbeResult | None]] = {
    "shopify": shopify_store,
    "woocommerce": woocommerce_store,
    "sitemap": sitemap_store,
    "listing": listing_store,
}
"""Ordered from the most to the least reliable source of products and prices."""

_SLOW_S = 10.0
"""With this crawl-delay or a longer one, a night reads at most 2,000 pages."""


@dataclass(frozen=True)
class Detected:
    """How a store can be read.

    :ivar why: what was found, as the rest of a sentence.
    :ivar preview: up to three of its products.
    :ivar notice: what the operator should know before it is crawled; None where there is nothing.
    """

    store: Store
    why: str
    preview: list[Preview]
    notice: str | None = None


def detect(
    url: str,
    *,
    allow_private: bool = False,
    render: bool = False,
    credentials: Credentials | None = None,
    currency: str | None = None,
) -> Detected:
    """Finds the best way to read a store.

    :param url: the store's address; one without scheme is taken for https.
    :param render: whether its pages are to be read with a browser.
    :param credentials: the store's headers and proxy.
    :param currency: of prices that name none.
    :raises RefusedURLError: where it is not a public web address.
    :raises LookalikeError: where it cannot be reached, does not want to be read, or is no store we can read.
    """
    url = with_scheme(url)
    with contextlib.ExitStack() as open_browser:
        session = DetectionSession(allow_private=allow_private, credentials=credentials)
        open_browser.callback(session.worker.end)
        if render:
            session.browser = open_browser.enter_context(Renderer(allow_private=allow_private))
        return _detect(url, session, render, currency)


def with_scheme(url: str) -> str:
    """An address; one that names no scheme is taken for https."""
    return url if "://" in url else f"https://{url}"


def _detect(url: str, session: DetectionSession, render: bool, currency: str | None) -> Detected:
    front = session.page(url)
    if front.status >= 400:
        raise UnreadableStoreError(f"{url} answers with status {front.status}. Check the address.")
    page = session.read(read_front, front.text[:MAX_FRONT], front.url)
    if page is None:
        raise UnreadableStoreError(
            f"{url} cannot be read: its front page is broken, or would be read without end. Give the address "
            "of a category, or write its entry by hand (docs/stores.md)."
        )
    problem = None
    for strategy in sorted(_PROBES, key=lambda name: name != page.platform):
        if render and strategy not in PAGE_STRATEGIES:
            continue
        result = _PROBES[strategy](session, front, page)
        if result and (missing := _missing_price_sentence(url, result, currency)):
            problem = problem or missing
        elif result:
            found = page.search_url if strategy in PAGE_STRATEGIES else None
            store = Store(
                name=name_for(front.url),
                url=result.url,
                strategy=strategy,
                currency=result.currency,
                locale=page.locale,
                render=render,
                recipe=Selectors(search_url=found) if found and session.is_allowed(found) else None,
            )
            return Detected(store, result.why, result.preview, _crawl_delay_notice(session, result.url))
    raise UnreadableStoreError(problem or _unreadable_sentence(url, page, session, render))


def _missing_price_sentence(url: str, result: ProbeResult, currency: str | None) -> str | None:
    """The sentence for a store whose products would have no prices; None if they have some."""
    priced = [preview for preview in result.preview if preview.price is not None]
    if any(preview.currency or currency for preview in priced):
        return None
    why = f"{url} can be read in part: {result.why.rstrip('.')}"
    if priced:
        return (
            f"{why}, but its prices name no currency. Say what they are in: "
            f"`lookalike stores add {url} --currency EUR`."
        )
    if not result.preview:
        return f"{why}, but there is no product in it. Check the address."
    return (
        f"{why}, but {result.preview[0].url} and others give no price. See what is read with "
        f"`lookalike extract {result.preview[0].url}`; where shoppers see a price, write the store's entry "
        "by hand, with a recipe that says where it stands (docs/stores.md)."
    )


def _crawl_delay_notice(session: DetectionSession, url: str) -> str | None:
    """The sentence for a store whose crawl-delay is too long for one night; None if it is not."""
    delay = session.robots_of(url)[1].crawl_delay(USER_AGENT) or 0
    limits = Limits()
    if not delay >= _SLOW_S:
        return None
    kept = min(float(delay), limits.crawl_delay_s)
    return CrawlDelay(urlsplit(url).netloc, float(delay), kept, limits.seconds).sentence(too_slow=True)


def _unreadable_sentence(url: str, page: Front, session: DetectionSession, render: bool) -> str:
    """The sentence for a store in which no product was found, with what may help."""
    if not render and (page.empty or session.empty_pages):
        return (
            f"{url} shows nothing without JavaScript. Read its pages with a browser: "
            f"`lookalike stores add {url} --render`."
        )
    return (
        f"{url} cannot be read as a store: it publishes no Shopify or WooCommerce product list, and neither "
        "its sitemaps nor its front page lead to pages that describe a product. Check the address; if it is "
        "right, write its entry by hand, with a recipe that says where things stand (docs/stores.md)."
    )
