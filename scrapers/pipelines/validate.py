"""Products that cannot be right are not kept; what can be tidied is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from babel.numbers import list_currencies
from scrapy.exceptions import DropItem

from scrapers.extract.text import clean
from scrapers.http.addresses import RefusedURLError, check_url
from scrapers.items import Offer, ProductItem
from scrapers.session.job import check_job, job_of
from storage.terms import Availability

if TYPE_CHECKING:
    from typing import Self

    from scrapy.crawler import Crawler

AVAILABILITIES = frozenset(Availability)
MAX_TITLE = 1000
MAX_DESCRIPTION = 20_000
MAX_WORDS = 300
MAX_LIST = 100
MAX_ID = 200
MAX_URL = 2000
_MAX_PRICE = Decimal(10) ** 12
_FOUR_PLACES = Decimal("0.0001")
_CURRENCIES = frozenset(list_currencies())


class ValidatePipeline:
    """Lets each product of a store through once, with every field as the tables want it."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        check_job(crawler)
        return cls(crawler)

    def process_item(self, item: ProductItem) -> ProductItem:
        """:raises DropItem: where the product is no product, or was met before in this crawl."""
        job = job_of(self.crawler)
        item.product_id = job.memory.moved.get(item.product_id, item.product_id)
        if item.product_id in job.ledger.found:
            raise DropItem("met before in this crawl")
        problem = tidy(item, allow_private=job.allow_private)
        if problem:
            job.ledger.reject(item.url, "validate", problem)
            known = job.memory.products.get(item.product_id)
            if known:
                job.ledger.meet(item.product_id, known.fields)
            raise DropItem(problem)
        for photo in [photo for photo in item.images if not _is_written(photo.url, MAX_URL)]:
            job.ledger.reject(photo.url, "photo", "its address is too long or holds control characters")
            item.images.remove(photo)
        # Noted before its photos are fetched, so that a twin that comes meanwhile is recognised.
        job.ledger.meet(item.product_id, frozenset())
        return item


def tidy(item: ProductItem, *, allow_private: bool = False) -> str | None:
    """Puts an item's fields in order, in place.

    :return: what is wrong with the product as a whole; None where it can be kept.
    """
    if not _is_written(item.product_id, MAX_ID):
        return "it has no usable id"
    try:
        check_url(item.url, allow_private=allow_private)
    except RefusedURLError as error:
        return str(error)
    if not _is_written(item.url, MAX_URL):
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
    item.colours = _words(item.colours)
    item.sizes = _words(item.sizes)
    item.related = [url for url in dict.fromkeys(item.related) if _is_written(url, MAX_URL)][:MAX_LIST]
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
    offers = [offer for offer in item.offers if _is_written(offer.variant_id or "0", MAX_ID)]
    item.offers = [_tidy_offer(offer) for offer in offers[: 10 * MAX_LIST]]
    return None


def _is_written(name: str, limit: int) -> bool:
    """Whether an id or address is one: not empty, not endless, of whole characters that can be seen."""
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
    """A price as the tables hold it; stores that sell nothing for free write 0 where they name no price."""
    if price is None or not price.is_finite() or not 0 < price < _MAX_PRICE:
        return None
    return price.quantize(_FOUR_PLACES)


def _words(values: list[str]) -> list[str]:
    cleaned = (clean(value, MAX_WORDS) for value in values)
    return list(dict.fromkeys(value for value in cleaned if value))[:MAX_LIST]
