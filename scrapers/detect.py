"""Finds out how a store can be read: by a look at its front page, robots.txt, sitemaps and a few products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scrapers.guard import Fetched
from scrapers.platforms import likely_platform, locale_of
from scrapers.probes import Finding, Preview, listing_store, shopify_store, sitemap_store, woocommerce_store
from scrapers.stores import Store, Strategy, name_for
from scrapers.visit import UnreadableStoreError, Visit

__all__ = ["Detected", "Preview", "UnreadableStoreError", "detect"]

_PROBES: dict[Strategy, Callable[[Visit, Fetched], Finding | None]] = {
    "shopify": shopify_store,
    "woocommerce": woocommerce_store,
    "sitemap": sitemap_store,
    "listing": listing_store,
}
"""From the surest source of products and prices to the least sure."""


@dataclass(frozen=True)
class Detected:
    """How a store can be read.

    :ivar why: what was found, as the rest of a sentence.
    :ivar preview: up to three of its products.
    """

    store: Store
    why: str
    preview: list[Preview]


def detect(url: str, *, allow_private: bool = False) -> Detected:
    """Finds the best way to read a store.

    :param url: the store's address; one without scheme is taken for https.
    :raises RefusedURLError: where it is not a public web address.
    :raises LookalikeError: where it cannot be reached, does not want to be read, or is no store we can read.
    """
    if "://" not in url:
        url = f"https://{url}"
    visit = Visit(allow_private)
    front = visit.page(url)
    if front.status >= 400:
        raise UnreadableStoreError(f"{url} answers with status {front.status}. Check the address.")
    likely = likely_platform(front.text)
    for strategy in sorted(_PROBES, key=lambda name: name != likely):
        finding = _PROBES[strategy](visit, front)
        if finding:
            store = Store(
                name=name_for(front.url),
                url=finding.url,
                strategy=strategy,
                currency=finding.currency,
                locale=locale_of(front.text),
            )
            return Detected(store, finding.why, finding.preview)
    raise UnreadableStoreError(
        f"{url} cannot be read as a store: it publishes no Shopify or WooCommerce product list, and neither "
        "its sitemaps nor its front page lead to pages that describe a product. Check the address."
    )
