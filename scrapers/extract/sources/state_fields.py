"""The meaning of keys in product objects of scripts: `salePrice`, `isInStock`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from scrapers.extract.candidates import Candidate, RawOffer, RawPhoto, RawPrice
from scrapers.extract.text import plain
from storage.terms import SourceName

_NOT_A_LETTER = re.compile(r"[^a-z0-9]+")
NAMES = ("name", "title", "producttitle", "displayname", "fullname", "label", "headline")
_PRICES_TEXT = """
    saleprice specialprice discountedprice offerprice promoprice promotionalprice
    finalprice currentprice sellingprice nowprice pricenow salesprice activeprice price
    pricevalue displayprice actualprice priceamount pricewithtax priceinclvat grossprice lowprice
    minprice pricemin lowestprice pricerange prices pricing regularprice listprice unitprice
"""
PRICES = tuple(_PRICES_TEXT.split())
_BEFORES_TEXT = """
    wasprice compareatprice oldprice originalprice regularprice listprice strikeprice msrp rrp
    retailprice fullprice crossedprice previousprice baseprice standardprice
"""
_BEFORES = tuple(_BEFORES_TEXT.split())
_INNER_PRICES_TEXT = """
    sale special discounted final finalprice current now selling value amount centamount price gross
    raw min minvariantprice minimum low lowest actual displayprice regular default list
"""
_INNER_PRICES = tuple(_INNER_PRICES_TEXT.split())
_BRANDS_TEXT = """
    brand brandname manufacturer manufacturername vendor itembrand maker marca marke designer
"""
BRANDS = tuple(_BRANDS_TEXT.split())
_SKUS_TEXT = """
    sku skuid articlenumber articleno itemnumber code partnumber displaysku stylenumber id itemid
    masterid asin number
"""
SKUS = tuple(_SKUS_TEXT.split())
_GTINS = ("gtin", "gtin13", "ean", "ean13", "upc", "barcode", "isbn")
_URLS_TEXT = """
    url canonicalurl href link producturl pageurl handle slug urlkey seourl path
"""
URLS = tuple(_URLS_TEXT.split())
CURRENCIES = (
    "currency",
    "currencycode",
    "pricecurrency",
    "currencyiso",
    "isocurrency",
    "ordercurrency",
    "sitecurrency",
)
_TRUE_STOCK_TEXT = """
    availability instock isinstock isonstock available isavailable availableforsale stockstatus
    availabilitystatus availabilityinfo purchasable ispurchasable orderable buyable isbuyable stock
    salable issaleable saleable inventorystatus productavailability stockavailability
"""
TRUE_STOCK = tuple(_TRUE_STOCK_TEXT.split())
FALSE_STOCK = ("soldout", "issoldout", "outofstock", "isoutofstock")
_IMAGES_TEXT = """
    images image gallery media photos featuredimage mainimage imageurl pictures imgurl mediagallery
"""
_IMAGES = tuple(_IMAGES_TEXT.split())
_CATEGORIES = ("category", "categoryname", "producttype", "categories", "categorypath")
_VARIANTS = ("variants", "variations", "skus", "offers", "children", "variantproducts", "items")
_PREFIXES = ("product", "item", "prod", "ec")


def normal(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with lower-case keys without separators and without a leading `product`; lists of one are
    opened."""
    node: dict[str, Any] = {}
    for key, inner in value.items():
        name = _NOT_A_LETTER.sub("", str(key)[:60].lower())
        if isinstance(inner, list) and len(inner) == 1 and not isinstance(inner[0], dict | list):
            inner = inner[0]
        node.setdefault(name, inner)
        for prefix in _PREFIXES:
            if name.startswith(prefix) and len(name) > len(prefix):
                node.setdefault(name.removeprefix(prefix), inner)
    return node


def to_candidate(node: Mapping[str, Any], base_url: str, currency: str | None) -> Candidate:
    """An object with `normal` keys as a candidate.

    :param currency: the currency of the surrounding data.
    """
    cents = _in_cents(node)
    variants = [normal(one) for key in _VARIANTS for one in _dicts(node.get(key))][:200]
    offers = [_offer(node, cents, currency)]
    priced = [
        offer
        for one in variants
        if (offer := _offer(one, cents, currency)).price is not None or offer.availability
    ]
    if offers[0].price is None or cents:
        offers = priced or offers
    elif offers[0].availability is None and any(offer.availability for offer in priced):
        best = next((o.availability for o in priced if o.availability == "instock"), priced[0].availability)
        offers = [
            RawOffer(offers[0].price, before=offers[0].before, currency=offers[0].currency, availability=best)
        ]
    category = text_at(next((node[key] for key in _CATEGORIES if isinstance(node.get(key), str)), None))
    images = [image for key in _IMAGES for image in _images(node.get(key), base_url)]
    return Candidate(
        source=SourceName.STATE,
        title=next((text for key in NAMES if (text := text_at(node.get(key)))), None),
        brand=_name(next((node[key] for key in BRANDS if node.get(key)), None)),
        categories=(category,) if category else (),
        sku=next((text for key in SKUS if (text := text_at(node.get(key)))), None),
        gtins=tuple(text for key in _GTINS if (text := text_at(node.get(key)))),
        photos=tuple(RawPhoto(url) for url in dict.fromkeys(images)),
        offers=tuple(offer for offer in offers if offer.price is not None or offer.availability),
    )


def _in_cents(node: Mapping[str, Any]) -> bool:
    """Whether prices are in cents: Shopify's own objects use whole numbers beside `compare_at_price` or in
    `meta`."""
    variants = _dicts(node.get("variants"))
    shopify = (
        "compareatprice" in node
        or "compare_at_price" in (variants[0] if variants else {})
        or (bool(variants) and "gid" in node and "vendor" in node)
    )
    price = node.get("price", variants[0].get("price") if variants else None)
    return shopify and isinstance(price, int) and not isinstance(price, bool)


def _offer(node: Mapping[str, Any], cents: bool, currency: str | None) -> RawOffer:
    price, own = _price(node, PRICES)
    before, _ = _price(node, _BEFORES)
    if cents:
        price, before = (_hundredth(one) for one in (price, before))
    named = next((text for key in CURRENCIES if (text := text_at(node.get(key)))), None)
    return RawOffer(
        price=price, before=before, currency=own or named or currency, availability=_availability(node)
    )


def _hundredth(price: RawPrice) -> RawPrice:
    return Decimal(price) / 100 if isinstance(price, int) else price


def _price(node: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[RawPrice, str | None]:
    for key in keys:
        if key in node:
            price, currency = _amount(node[key], 0)
            if price is not None:
                return price, currency
    return None, None


def _amount(value: Any, depth: int) -> tuple[RawPrice, str | None]:
    """The amount in a price, which may be a number, a text, or an object around them."""
    if isinstance(value, bool) or value is None or depth > 4:
        return None, None
    if isinstance(value, int | Decimal):
        return (value, None) if 0 < value < 10**9 else (None, None)
    if isinstance(value, str):
        text = plain(value, 60)
        return (
            (text, None) if text and any(c.isdigit() for c in text) and text.strip("0., ") else (None, None)
        )
    if isinstance(value, list):
        return _amount(value[0], depth + 1) if value else (None, None)
    if isinstance(value, dict):
        node = normal(value)
        currency = next((text for key in CURRENCIES if (text := text_at(node.get(key)))), None)
        for key in _INNER_PRICES:
            if key in node:
                price, inner = _amount(node[key], depth + 1)
                if price is not None:
                    if key == "centamount" and isinstance(price, int):
                        digits = node.get("fractiondigits", 2)
                        price = Decimal(price).scaleb(
                            -digits if isinstance(digits, int) and 0 <= digits <= 4 else -2
                        )
                    return price, inner or currency
    return None, None


def _availability(node: Mapping[str, Any]) -> str | None:
    for key in FALSE_STOCK:
        if isinstance(node.get(key), bool):
            return "outofstock" if node[key] else "instock"
    for key in TRUE_STOCK:
        value = node.get(key)
        if isinstance(value, bool):
            return "instock" if value else "outofstock"
        if isinstance(value, dict):
            inner = _availability(normal(value))
            if inner:
                return inner
        text = text_at(value)
        if text and not text.lstrip("-").isdigit():
            return text
    return None


def _dicts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        value = value.get("edges") or value.get("nodes") or list(value.values())
    return (
        [
            one.get("node", one) if isinstance(one, dict) else {}
            for one in value[:200]
            if isinstance(one, dict)
        ]
        if isinstance(value, list)
        else []
    )


def _images(value: Any, base_url: str, depth: int = 0) -> Iterator[str]:
    if depth > 3 or value is None:
        return
    if isinstance(value, str):
        if (
            len(value) < 2000
            and ("/" in value)
            and not value.startswith("data:")
            and " " not in value.strip()
        ):
            try:
                yield urljoin(base_url, value.strip())
            except ValueError:
                return
    elif isinstance(value, list):
        for one in value[:50]:
            yield from _images(one, base_url, depth + 1)
    elif isinstance(value, dict):
        for key in ("src", "url", "full", "large", "original", "zoom", "href", "node"):
            if value.get(key):
                yield from _images(value[key], base_url, depth + 1)
                return


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        node = normal(value)
        value = next((node[key] for key in (*NAMES, "value") if isinstance(node.get(key), str)), None)
    if isinstance(value, list):
        return _name(value[0]) if value else None
    return text_at(value)


def text_at(value: Any) -> str | None:
    """A text or whole number as plain text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return plain(value, 500)
