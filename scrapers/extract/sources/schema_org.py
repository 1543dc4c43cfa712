"""A schema.org product node as a candidate."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from scrapers.extract.candidates import Candidate, RawOffer, RawPhoto, RawPrice
from scrapers.extract.fields.options import is_colour, is_size
from scrapers.extract.sources.nodes import MAX_DEPTH, Node, flat, name_of, text_of
from scrapers.extract.text import plain
from storage.terms import SourceName

MAX_VARIANTS = 500

_LIST_PRICES = ("listprice", "strikethroughprice", "srp", "msrp", "regularprice", "suggestedretailprice")
_OF_OFFER = ("price", "pricecurrency", "availability", "pricespecification")
_USED = ("usedcondition", "refurbishedcondition", "damagedcondition")
_RELATED = ("isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "isconsumablefor")


def to_candidate(node: Node, source: SourceName, base_url: str) -> Candidate:
    """A product node as a candidate."""
    variants = [v for v in flat(node.get("hasvariant")) if isinstance(v, dict)][:MAX_VARIANTS]
    family = [node, *variants]
    offers = [offer for member in family for offer in _offers(member.get("offers"), base_url)]
    if not offers and _amount(node.get("price")) is not None:
        offers = list(
            _offers({key: node.get(key) for key in _OF_OFFER}, base_url)
        )  # the product as its offer
    return Candidate(
        source=source,
        title=text_of(node.get("name")),
        brand=name_of(node.get("brand")) or name_of(node.get("manufacturer")),
        description=text_of(node.get("description")),
        categories=tuple(filter(None, (name_of(value) for value in flat(node.get("category"))))),
        sku=text_of(node.get("sku")) or text_of(node.get("productid")),
        gtins=tuple(_gtins(node)),
        url=_address(node.get("url"), base_url),
        photos=tuple(_photos(family, base_url)),
        colours=_option(family, "color", is_colour),
        sizes=_option(family, "size", is_size),
        offers=tuple(offers),
        related=tuple(
            url
            for key in _RELATED
            for other in flat(node.get(key))
            if (url := _address(other.get("url") if isinstance(other, dict) else other, base_url))
        ),
    )


def _address(value: Any, base_url: str) -> str | None:
    for one in flat(value):
        if isinstance(one, dict):
            one = one.get("@id") or one.get("url")
        if isinstance(one, str) and one.strip():
            try:
                return urljoin(base_url, html.unescape(one.strip()) if "&amp;" in one else one.strip())
            except ValueError:
                return None
    return None


def _offers(value: Any, base_url: str, depth: int = 0) -> Iterator[RawOffer]:
    if depth > MAX_DEPTH:  # a reference may be circular
        return
    for offer in _unused(value):
        inner = list(_offers(offer.get("offers"), base_url, depth + 1))
        # The lowest price may be a used item's.
        mixed = bool(inner) and len(_unused(offer.get("offers"))) < len(flat(offer.get("offers")))
        price, high, before, currency = _specified(offer)
        plain_price, low = _amount(offer.get("price")), _amount(offer.get("lowprice"))
        if plain_price is None and low is None:
            # The specifications of a range give its ends.
            plain_price = price
        own = RawOffer(
            price=plain_price,
            low=low if not mixed else None,
            high=_amount(offer.get("highprice")) or high if not mixed else None,
            before=before,
            currency=text_of(offer.get("pricecurrency")) or currency,
            availability=_availability(offer.get("availability")),
            url=_address(offer.get("url"), base_url),
            sku=text_of(offer.get("sku")),
            gtin=next(_gtins(offer), None),
        )
        if not inner or own.price is not None or own.low is not None or own.availability:
            yield own
        for one in inner:
            yield one if one.currency else replace(one, currency=own.currency)


def _unused(value: Any) -> list[Node]:
    """The offers of new goods; all offers if there is none."""
    offers = [offer for offer in flat(value) if isinstance(offer, dict)]
    new = [offer for offer in offers if not _is_used(offer)]
    return new or offers


def _is_used(offer: Node) -> bool:
    return (_availability(offer.get("itemcondition")) or "").rsplit("/", 1)[-1].lower() in _USED


def _specified(offer: Node) -> tuple[RawPrice, RawPrice, RawPrice, str | None]:
    """Price, highest price, earlier price and currency of an offer's `priceSpecification`, without unit
    prices and members' prices. A lone list price is the price."""
    price: RawPrice = None
    high: RawPrice = None
    before: RawPrice = None
    currency = None
    for one in flat(offer.get("pricespecification")):
        if not isinstance(one, dict):
            continue
        amount = _amount(one.get("price"))
        if amount is None:
            amount = _amount(one.get("minprice"))
            high = high or _amount(one.get("maxprice"))
        kind = (_availability(one.get("pricetype")) or "").rsplit("/", 1)[-1].lower()
        if one.get("validformembertier"):
            continue
        if kind in _LIST_PRICES:
            before = before or amount
        elif not one.get("referencequantity") and price is None:
            price = amount
        currency = currency or text_of(one.get("pricecurrency"))
    if price is None and _amount(offer.get("price")) is None and _amount(offer.get("lowprice")) is None:
        price, before = before, None
    return price, high, before, currency


def _amount(value: Any) -> RawPrice:
    for one in flat(value):
        if isinstance(one, dict):
            one = one.get("@value") or one.get("value") or one.get("price")
        if isinstance(one, bool):
            continue
        if isinstance(one, str):
            one = plain(one, 100)
        if isinstance(one, str | int | Decimal) and one != "":
            return one
    return None


def _availability(value: Any) -> str | None:
    for one in flat(value):
        if isinstance(one, dict):
            one = one.get("@id") or one.get("name") or one.get("@value")
        if isinstance(one, str) and one.strip():
            return one.strip()
    return None


def _gtins(node: Node) -> Iterator[str]:
    for key in ("gtin13", "gtin12", "gtin14", "gtin8", "gtin", "ean", "ean13", "upc", "isbn", "productid"):
        found = text_of(node.get(key))
        if found and (key != "productid" or ":" in found):
            yield found


def _photos(family: list[Node], base_url: str) -> Iterator[RawPhoto]:
    for member in family:
        colour = text_of(member.get("color"))
        for image in flat(member.get("image")):
            if isinstance(image, dict):
                image = image.get("contenturl") or image.get("url") or image.get("@id") or image.get("@value")
            for url in flat(image):
                address = _address(url, base_url)
                if address:
                    yield RawPhoto(address, colour)


def _option(family: list[Node], key: str, means: Any) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for member in family:
        values = [name_of(value) for value in flat(member.get(key))]
        for extra in flat(member.get("additionalproperty")):
            if isinstance(extra, dict) and means(extra.get("name")):
                values.append(text_of(extra.get("value")))
        found.update(dict.fromkeys(value for value in values if value))
    return tuple(found)


def list_urls(node: Node, base_url: str) -> list[str]:
    """The addresses in an `ItemList`, in order."""
    urls = []
    for entry in flat(node.get("itemlistelement")):
        item = entry.get("item") if isinstance(entry, dict) else None
        for place in (entry, item):
            url = _address(place.get("url") if isinstance(place, dict) else place, base_url)
            if url:
                urls.append(url)
                break
    return urls
