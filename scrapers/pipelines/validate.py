"""Drops products that cannot be right, and tidies the fields of all others."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from babel.numbers import list_currencies
from scrapy.exceptions import DropItem

from scrapers.extract.fields.amount import usable_amount
from scrapers.extract.text import clean
from scrapers.http.addresses import RefusedURLError, check_url
from scrapers.items import Offer, ProductItem
from scrapers.session.component import JobComponent
from storage.terms import Availability
from storage.verdicts import RejectStage

AVAILABILITIES = frozenset(Availability)
MAX_TITLE = 1000
MAX_DESCRIPTION = 20_000
MAX_WORDS = 300
MAX_LIST = 100
MAX_ID = 200
MAX_URL = 2000
_FOUR_PLACES = Decimal("0.0001")
_CURRENCIES = frozenset(list_currencies())


class ValidatePipeline(JobComponent):
    """Lets each product of a store pass once, with every field in the form that the tables hold."""

    def process_item(self, item: ProductItem) -> ProductItem:
        """:raises DropItem: where the item is no product, or this crawl has found it before."""
        job = self.job
        item.product_id = job.snapshot.moved.get(item.product_id, item.product_id)
        if item.product_id in job.stats.found:
            raise DropItem("found before in this crawl")
        problem = tidy(item, allow_private=job.allow_private)
        if problem:
            job.stats.reject(item.url, RejectStage.VALIDATE, problem)
            known = job.snapshot.products.get(item.product_id)
            if known:
                job.stats.note_found(item.product_id, known.fields)
            raise DropItem(problem)
        for photo in [photo for photo in item.images if not _is_usable(photo.url, MAX_URL)]:
            job.stats.reject(
                photo.url, RejectStage.PHOTO, "its address is too long or holds control characters"
            )
            item.images.remove(photo)
        # Noted before its photos are fetched, so that a second item of it is recognised meanwhile.
        job.stats.note_found(item.product_id, frozenset())
        return item


def tidy(item: ProductItem, *, allow_private: bool = False) -> str | None:
    """Tidies an item's fields, in place.

    :return: why the product as a whole cannot be kept; None if it can.
    """
    if not _is_usable(item.product_id, MAX_ID):
        return "it has no usable id"
    try:
        check_url(item.url, allow_private=allow_private)
    except RefusedURLError as error:
        return str(error)
    if not _is_usable(item.url, MAX_URL):
        return f"its address is longer than {MAX_URL} characters or holds control characters"
    if len(item.title) > 10 * MAX_TITLE:
        return f"its title has {len(item.title)} characters"
    title = clean(item.title, MAX_TITLE)
    if not title:
        return "it has no title"
    item.title = title
    item.brand = clean(item.brand, MAX_WORDS)
    item.description = clean(item.description, MAX_DESCRIPTION)
    item.category = clean(item.category, MAX_TITLE)
    item.gtin = clean(item.gtin, MAX_WORDS)
    item.sku = clean(item.sku, MAX_WORDS)
    item.colours = _clean_words(item.colours)
    item.sizes = _clean_words(item.sizes)
    item.related = [url for url in dict.fromkeys(item.related) if _is_usable(url, MAX_URL)][:MAX_LIST]
    for photo in item.images:
        photo.colour = clean(photo.colour, MAX_WORDS)
    item.currency = item.currency if item.currency in _CURRENCIES else None
    item.availability = item.availability if item.availability in AVAILABILITIES else None
    item.price, item.price_max, item.was_price = (
        _amount(price) for price in (item.price, item.price_max, item.was_price)
    )
    if item.price_max is not None and (item.price is None or item.price_max <= item.price):
        item.price_max = None
    if item.was_price is not None and (item.price is None or item.was_price <= item.price):
        item.was_price = None
    offers = [offer for offer in item.offers if _is_usable(offer.variant_id or "0", MAX_ID)]
    item.offers = [_tidy_offer(offer) for offer in offers[: 10 * MAX_LIST]]
    return None


def _is_usable(name: str, limit: int) -> bool:
    """Whether an id or address is neither empty nor too long, and holds printable characters only."""
    return 0 < len(name) <= limit and name.isprintable()


def _tidy_offer(offer: Offer) -> Offer:
    price, was_price = _amount(offer.price), _amount(offer.was_price)
    return replace(
        offer,
        price=price,
        was_price=was_price if price is not None and was_price is not None and was_price > price else None,
        currency=offer.currency if offer.currency in _CURRENCIES else None,
        availability=offer.availability if offer.availability in AVAILABILITIES else None,
    )


def _amount(price: Decimal | None) -> Decimal | None:
    """A price as the tables hold it; None for 0, which stores write if they name no price."""
    if price is None or usable_amount(price) is None:
        return None
    return price.quantize(_FOUR_PLACES)


def _clean_words(values: list[str]) -> list[str]:
    cleaned = (clean(value, MAX_WORDS) for value in values)
    return list(dict.fromkeys(value for value in cleaned if value))[:MAX_LIST]
