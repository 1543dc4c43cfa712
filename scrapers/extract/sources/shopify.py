"""Products of a Shopify store, from its `/products.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urljoin

from scrapers.extract.address import joined
from scrapers.extract.candidates import Candidate, RawOffer, RawPhoto
from scrapers.extract.fields.amount import usable_amount
from scrapers.extract.fields.options import is_colour, is_size
from scrapers.extract.text import plain
from storage.terms import Availability, SourceName

PER_PAGE = 250
MAX_PAGES = 100
"""Shopify lists at most 25,000 products; larger stores are read collection by collection."""

_NO_CHOICE = "Default Title"
_WORD = re.compile(r"\w+")


def to_candidate(data: Mapping[str, Any], base_url: str, currency: str | None) -> Candidate:
    """One product of the list.

    :param base_url: the store's address, the base of its product pages.
    :param currency: the currency of the prices, which the list does not state.
    :raises ValueError: if the entry is no product.
    """
    if not isinstance(data, Mapping) or not data.get("id") or not data.get("handle"):
        raise ValueError("an entry of the product list has no id or handle")
    variants = [variant for variant in data.get("variants") or [] if isinstance(variant, Mapping)]
    colour, size = _option_index(data, is_colour), _option_index(data, is_size)
    skus = {sku for variant in variants if (sku := plain(variant.get("sku")))}
    gtins = {gtin for variant in variants if (gtin := plain(variant.get("barcode")))}
    category = plain(data.get("product_type"))
    return Candidate(
        source=SourceName.SHOPIFY,
        title=plain(data.get("title")),
        brand=plain(data.get("vendor")),
        description=plain(data.get("body_html")),
        categories=(category,) if category else (),
        # A number that only some variants have, or not all the same, is not the product's.
        sku=skus.pop() if len(skus) == 1 else None,
        gtins=tuple(gtins) if len(gtins) == 1 else (),
        url=urljoin(f"{base_url.rstrip('/')}/", f"products/{quote(str(data['handle']), safe='%')}"),
        photos=_photos(data, variants, colour, base_url),
        colours=_values(variants, colour),
        sizes=_values(variants, size),
        offers=tuple(_offer(variant, currency) for variant in variants),
    )


def as_listed(product: Mapping[str, Any], stock: Any) -> dict[str, Any]:
    """A product's own `.json` in the form of the list, so that both are stored alike.

    :param stock: its `.js`, which states availability; None if there is none.
    """
    sizes = stock.get("variants") if isinstance(stock, Mapping) else None
    available = {size.get("id"): size.get("available") for size in sizes or [] if isinstance(size, Mapping)}
    variants = [variant for variant in product.get("variants") or [] if isinstance(variant, Mapping)]
    return {
        **product,
        "variants": [
            {name: value for name, value in variant.items() if name != "barcode"}
            | {"available": available.get(variant.get("id"))}
            for variant in variants
        ],
    }


def has_words(data: Any, words: str) -> bool:
    """Whether a product has words that begin with each of the query's words, in the fields that Shopify
    searches."""
    if not isinstance(data, Mapping):
        return False
    tags = data.get("tags")
    variants = [variant for variant in data.get("variants") or [] if isinstance(variant, Mapping)]
    texts = [data.get("title"), data.get("product_type"), data.get("vendor")]
    texts += tags if isinstance(tags, list) else [tags]
    texts += [variant.get("title") for variant in variants]
    there = _WORD.findall(" ".join(str(text) for text in texts if text).casefold())
    return all(any(one.startswith(word) for one in there) for word in _WORD.findall(words.casefold()))


def _offer(variant: Mapping[str, Any], currency: str | None) -> RawOffer:
    available = variant.get("available")
    in_stock = Availability.IN_STOCK if available else Availability.OUT_OF_STOCK
    return RawOffer(
        price=_amount(variant.get("price")),
        before=_amount(variant.get("compare_at_price")),
        currency=currency,
        availability=None if available is None else in_stock,
        variant_id=str(variant["id"]) if variant.get("id") else None,
    )


def _amount(value: object) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return usable_amount(amount)


def _option_index(data: Mapping[str, Any], means: Any) -> int | None:
    """The position, from 1, of the first option whose name has the meaning."""
    for place, option in enumerate(data.get("options") or [], start=1):
        name = option.get("name") if isinstance(option, Mapping) else option
        if means(name):
            return place
    return None


def _value(variant: Mapping[str, Any], index: int | None) -> str | None:
    value = plain(variant.get(f"option{index}")) if index else None
    return None if value == _NO_CHOICE else value


def _values(variants: Sequence[Mapping[str, Any]], index: int | None) -> tuple[str, ...]:
    values = (_value(variant, index) for variant in variants)
    return tuple(dict.fromkeys(value for value in values if value))


def _photos(
    data: Mapping[str, Any], variants: Sequence[Mapping[str, Any]], colour: int | None, base_url: str
) -> tuple[RawPhoto, ...]:
    colour_of = {variant.get("id"): _value(variant, colour) for variant in variants}
    photos: list[RawPhoto] = []
    for image in data.get("images") or []:
        src = image.get("src") if isinstance(image, Mapping) else None
        url = joined(base_url, src) if isinstance(src, str) and src.strip() else None
        if url is None:
            continue
        shown = {colour_of.get(variant) for variant in image.get("variant_ids") or []} - {None}
        photos.append(RawPhoto(url, shown.pop() if len(shown) == 1 else None))
    return tuple(photos)
