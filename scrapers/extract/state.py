"""The page's product in the data its scripts carry: framework state, data layers, platforms' own objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from scrapers.extract.candidates import Candidate, RawOffer, RawPhoto, RawPrice
from scrapers.extract.page import Page, without_tracking
from scrapers.extract.scripts import Data, read_scripts
from scrapers.extract.text import plain

SOURCE = "state"
MAX_NODES = 150_000
"""Objects and lists of a page's state that are visited."""
MAX_DEPTH = 60
MAX_FOUND = 400

_NOT_A_LETTER = re.compile(r"[^a-z0-9]+")
_NAMES = ("name", "title", "producttitle", "displayname", "fullname", "label", "headline")
_PRICES_TEXT = """
    saleprice specialprice discountedprice discountprice offerprice promoprice promotionalprice
    finalprice currentprice sellingprice nowprice pricenow salesprice activeprice unitprice price
    pricevalue displayprice actualprice priceamount pricewithtax priceinclvat grossprice lowprice
    minprice pricemin lowestprice pricerange prices pricing regularprice listprice
"""
_PRICES = tuple(_PRICES_TEXT.split())
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
_BRANDS = tuple(_BRANDS_TEXT.split())
_SKUS_TEXT = """
    sku skuid articlenumber articleno itemnumber code partnumber displaysku stylenumber id itemid
    masterid asin number
"""
_SKUS = tuple(_SKUS_TEXT.split())
_GTINS = ("gtin", "gtin13", "ean", "ean13", "upc", "barcode", "isbn")
_URLS_TEXT = """
    url canonicalurl href link producturl pageurl handle slug urlkey seourl path
"""
_URLS = tuple(_URLS_TEXT.split())
_CURRENCIES = (
    "currency",
    "currencycode",
    "pricecurrency",
    "currencyiso",
    "isocurrency",
    "orderCurrency",
    "sitecurrency",
)
_TRUE_STOCK_TEXT = """
    availability instock isinstock available isavailable availableforsale stockstatus
    availabilitystatus availabilityinfo purchasable ispurchasable orderable buyable isbuyable stock
    salable issaleable saleable inventorystatus productavailability stockavailability
"""
_TRUE_STOCK = tuple(_TRUE_STOCK_TEXT.split())
_FALSE_STOCK = ("soldout", "issoldout", "outofstock", "isoutofstock")
_IMAGES_TEXT = """
    images image gallery media photos featuredimage mainimage imageurl pictures imgurl mediagallery
"""
_IMAGES = tuple(_IMAGES_TEXT.split())
_CATEGORIES = ("category", "categoryname", "producttype", "categories", "categorypath")
_VARIANTS = ("variants", "variations", "skus", "offers", "children", "variantproducts", "items")
_PREFIXES = ("product", "item", "prod", "ec")
_PAGE_EVENTS = re.compile(
    r"detail|view_item|viewcontent|productview|product_view|utag_data|digitaldata|dataproduct|shopifyanalytics|x-magento|data-product",
    re.I,
)
_LIST_KEYS_TEXT = """
    impressions recommendations recommended related similar crosssell crosssells upsell upsells
    recentlyviewed cart basket minicart wishlist searchresults products results hits suggestions
    menu navigation navigationmenu promotions accessories alternatives bundles lineitems
"""
_LIST_KEYS = frozenset(_LIST_KEYS_TEXT.split())


_TELLING = re.compile(
    r"price|sku|brand|avail|stock|vendor|manufact|sold|currency|amount|salable|buyable|order", re.I
)
"""What no product's keys lack all of."""
_PRICE_KEYS = frozenset(_PRICES)
_STOCK_KEYS = frozenset(_TRUE_STOCK + _FALSE_STOCK)


@dataclass(slots=True)
class _Found:
    """An object that looks like a product, where it lay, and how well it fits the page."""

    node: dict[str, Any]
    path: tuple[str, ...]
    data: str
    fit: float = 0.0
    fields: int = 0


@dataclass(slots=True)
class _Evidence:
    """What the page says of itself, that an object has to agree with."""

    titles: list[str]
    paths: set[str]
    address: str
    words: list[set[str]] = field(default_factory=list)


def read_state(page: Page, titles: list[str]) -> tuple[list[Candidate], set[str]]:
    """What the scripts say of the page's own product.

    :param titles: what the page calls its product, most trusted first.
    :return: candidates, best fit first, and everything that these data call an id of the product.
    """
    evidence = _evidence(page, titles)
    found: list[_Found] = []
    left = MAX_NODES
    currency = None
    for data in read_scripts(page):
        objects, left, seen = _walk(data, left, evidence)
        currency = currency or seen
        found += objects
        if left <= 0 or len(found) > MAX_FOUND:
            break
    fitting = sorted((one for one in found if one.fit >= 2), key=lambda one: (-one.fit, -one.fields))[:6]
    candidates = [_candidate(one, page, currency) for one in fitting]
    ids = {
        value
        for one in fitting
        for key in (*_SKUS, "productid", "pid")
        if (value := _text(one.node.get(key)))
    }
    return [one for one in candidates if one.title or one.offers or one.sku], ids


def _evidence(page: Page, titles: list[str]) -> _Evidence:
    paths = {_path(page.url), _path(page.canonical)} - {""}
    address = unquote(
        f"{urlsplit(page.canonical).path} {urlsplit(page.url).path}?{urlsplit(page.url).query}"
    ).lower()
    folded = [folded for title in titles if (folded := _folded(title))]
    return _Evidence(folded, paths, address, [set(title.split()) for title in folded])


def _walk(data: Data, left: int, evidence: _Evidence) -> tuple[list[_Found], int, str | None]:
    """Every object in some data that looks like a product; and the first currency that they name."""
    found: list[_Found] = []
    currency: str | None = None
    stack: list[tuple[Any, tuple[str, ...]]] = [(data.value, ())]
    while stack and left > 0:
        value, path = stack.pop()
        left -= 1
        if isinstance(value, list):
            stack += [(one, path) for one in reversed(value[:2000]) if isinstance(one, dict | list)]
        elif isinstance(value, dict):
            node = _normal(value) if _TELLING.search(" ".join(map(str, value))) else {}
            if node and currency is None:
                currency = next(
                    (text for key in _CURRENCIES if (text := _text(node.get(key))) and len(text) == 3), None
                )
            if node and _looks_like_product(node):
                one = _Found(node, path, data.name)
                one.fit = _fit(one, evidence)
                one.fields = sum(
                    key in node for key in (*_PRICES[:12], *_BRANDS[:4], *_SKUS[:3], *_TRUE_STOCK[:6])
                )
                found.append(one)
            if len(path) < MAX_DEPTH:
                stack += [
                    (inner, (*path, str(key)[:60]))
                    for key, inner in reversed(value.items())
                    if isinstance(inner, dict | list)
                ]
    return found, left, currency


def _normal(value: Mapping[str, Any]) -> dict[str, Any]:
    """Keys in lower case without separators and without a leading `product`; lists of one opened."""
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


def _looks_like_product(node: Mapping[str, Any]) -> bool:
    keys = node.keys()
    priced = not _PRICE_KEYS.isdisjoint(keys)
    named = any(isinstance(node.get(key), str) and node[key] for key in _NAMES)
    numbered = any(isinstance(node.get(key), str | int) and node[key] for key in _SKUS)
    stocked = not _STOCK_KEYS.isdisjoint(keys)
    branded = any(node.get(key) for key in _BRANDS)
    return (named and (priced or branded or (numbered and stocked))) or (
        numbered and priced and (stocked or branded)
    )


def _fit(found: _Found, evidence: _Evidence) -> float:
    """How plainly an object is the page's own product: by its address, its name and its number."""
    fit = 0.0
    keys = {_NOT_A_LETTER.sub("", key.lower()) for key in found.path}
    name = _folded(next((text for key in _NAMES if (text := _text(found.node.get(key)))), "") or "")
    if name:
        fit += max(
            (
                _alike(name, title, words)
                for title, words in zip(evidence.titles, evidence.words, strict=True)
            ),
            default=0.0,
        )
    for key in _URLS:
        url = _text(found.node.get(key))
        if url and len(url) > 3:
            path = _path(url) or f"/{url}"
            if path in evidence.paths or any(
                own.endswith(f"/{url.strip('/').lower()}") for own in evidence.paths
            ):
                fit += 2.5
                break
    number = next((text for key in _SKUS if (text := _text(found.node.get(key)))), None)
    if number and len(number) >= 4 and _in_address(number.lower(), evidence.address):
        fit += 1.5
    if _PAGE_EVENTS.search(f"{found.data} {' '.join(found.path)}"):
        fit += 0.7
    if not keys.isdisjoint(_LIST_KEYS):
        fit -= 0.8
    return fit


def _alike(name: str, title: str, words: set[str]) -> float:
    if name == title:
        return 2.5
    if len(name) > 5 and (title.startswith(name) or name.startswith(title)):
        return 2.0
    if len(name) > 8 and (name in title or title in name):
        return 1.7
    own = set(name.split())
    shared = len(own & words) / max(1, min(len(own), len(words)))
    return 1.5 if len(own) >= 3 and shared >= 0.8 else 0.0


def _in_address(number: str, address: str) -> bool:
    position = address.find(number)
    while position >= 0:
        before = address[position - 1 : position]
        after = address[position + len(number) : position + len(number) + 1]
        if not after.isalnum() and not before.isdigit():
            return True
        position = address.find(number, position + 1)
    return False


def _candidate(found: _Found, page: Page, currency: str | None) -> Candidate:
    node = found.node
    cents = _in_cents(found)
    variants = [_normal(one) for key in _VARIANTS for one in _dicts(node.get(key))][:200]
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
    category = _text(next((node[key] for key in _CATEGORIES if isinstance(node.get(key), str)), None))
    images = [image for key in _IMAGES for image in _images(node.get(key), page.base_url)]
    return Candidate(
        source=SOURCE,
        title=next((text for key in _NAMES if (text := _text(node.get(key)))), None),
        brand=_name(next((node[key] for key in _BRANDS if node.get(key)), None)),
        categories=(category,) if category else (),
        sku=next((text for key in _SKUS if (text := _text(node.get(key)))), None),
        gtins=tuple(text for key in _GTINS if (text := _text(node.get(key)))),
        photos=tuple(RawPhoto(url) for url in dict.fromkeys(images)),
        offers=tuple(offer for offer in offers if offer.price is not None or offer.availability),
    )


def _in_cents(found: _Found) -> bool:
    """Shopify's own objects count in cents: whole numbers beside its `compare_at_price` or in its `meta`."""
    node = found.node
    variants = _dicts(node.get("variants"))
    shopify = (
        "compareatprice" in node
        or "compare_at_price" in (variants[0] if variants else {})
        or (bool(variants) and "gid" in node and "vendor" in node)
    )
    price = node.get("price", variants[0].get("price") if variants else None)
    return shopify and isinstance(price, int) and not isinstance(price, bool)


def _offer(node: Mapping[str, Any], cents: bool, currency: str | None) -> RawOffer:
    price, own = _price(node, _PRICES)
    before, _ = _price(node, _BEFORES)
    if cents:
        price, before = (_hundredth(one) for one in (price, before))
    named = next((text for key in _CURRENCIES if (text := _text(node.get(key)))), None)
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
        node = _normal(value)
        currency = next((text for key in _CURRENCIES if (text := _text(node.get(key)))), None)
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
    for key in _FALSE_STOCK:
        if isinstance(node.get(key), bool):
            return "outofstock" if node[key] else "instock"
    for key in _TRUE_STOCK:
        value = node.get(key)
        if isinstance(value, bool):
            return "instock" if value else "outofstock"
        if isinstance(value, dict):
            inner = _availability(_normal(value))
            if inner:
                return inner
        text = _text(value)
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
        node = _normal(value)
        value = next((node[key] for key in (*_NAMES, "value") if isinstance(node.get(key), str)), None)
    if isinstance(value, list):
        return _name(value[0]) if value else None
    return _text(value)


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return plain(value, 500)


def _folded(text: str) -> str:
    return " ".join((plain(text, 400) or "").casefold().split())


def _path(url: str) -> str:
    try:
        parts = urlsplit(without_tracking(url))
    except ValueError:
        return ""
    return unquote(parts.path).rstrip("/").lower()
