"""Items from platforms' APIs and image search: decided from their candidates by the same fields as pages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scrapers.extract.candidates import Candidate
from scrapers.extract.item import product_id, to_item
from scrapers.extract.product import decide_fields
from scrapers.extract.sources import bing, shopify, woocommerce
from scrapers.items import ProductItem


def shopify_item(data: Mapping[str, Any], *, store: str, base_url: str, currency: str | None) -> ProductItem:
    """A product of Shopify's `/products.json`.

    :param base_url: the store's address, the base of its product pages.
    :param currency: the currency of the prices, which the list does not state.
    :raises ValueError: if the entry is no product.
    """
    with _any_shape():
        return _item(shopify.to_candidate(data, base_url, currency), store, str(data["id"]))


def woocommerce_item(
    data: Mapping[str, Any], *, store: str, base_url: str, categories: woocommerce.Categories | None = None
) -> ProductItem:
    """A product of WooCommerce's Store API.

    :param base_url: the store's address, the base of links.
    :param categories: the store's categories, to complete category paths.
    :raises ValueError: if the entry is no product.
    """
    with _any_shape():
        return _item(woocommerce.to_candidate(data, base_url, categories or {}), store, str(data["id"]))


def bing_items(photos: Iterable[bing.FoundPhoto], words: str, *, store: str) -> Iterator[ProductItem]:
    """One product for each page that shows some of the photos.

    :param words: the title of pages for which Bing gives none.
    """
    for candidate in bing.to_candidates(photos, words):
        yield _item(candidate, store, product_id(candidate.url or ""))


@contextlib.contextmanager
def _any_shape() -> Iterator[None]:
    """Turns an error of reading an entry, whose JSON may have any shape, into a `ValueError`."""
    try:
        yield
    except (TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"an entry of the product list is malformed ({error})") from None


def _item(candidate: Candidate, store: str, identity: str) -> ProductItem:
    return to_item(decide_fields((candidate,), url=candidate.url or ""), store, identity)
