"""Products of a WooCommerce store, from its Store API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urljoin, urlsplit, urlunsplit

from scrapers.extract.address import joined
from scrapers.extract.candidates import Candidate, RawOffer, RawPhoto
from scrapers.extract.fields.amount import usable_amount
from scrapers.extract.fields.options import is_colour, is_size
from scrapers.extract.text import plain
from scrapers.extract.vocabulary import words
from storage.terms import Availability, SourceName

PER_PAGE = 100
"""The Store API's maximum of products per page."""

_ROUTE = "/wc/store/v1/"

_CATEGORY_BASE = re.compile("categor|kategor|catégor")

Categories = Mapping[int, tuple[str, int]]
"""Category id to name and parent id; parent 0 means none."""


def api_url(home: str, path: str, **query: object) -> str:
    """An address of the Store API.

    :param home: the store's address; with `?rest_route=`, as WordPress without permalinks has it, the API's
        address takes the same form.
    """
    parts = urlsplit(home)
    if "rest_route" in parse_qs(parts.query):
        route = urlencode({"rest_route": f"{_ROUTE}{path}", **query}, safe="/")
        return urlunsplit(parts._replace(query=route))
    return urljoin(home, f"wp-json{_ROUTE}{path}") + (f"?{urlencode(query)}" if query else "")


def to_candidate(data: Mapping[str, Any], base_url: str, categories: Categories) -> Candidate:
    """One product of the list.

    :param base_url: the store's address, the base of links.
    :param categories: the store's categories, to complete category paths.
    :raises ValueError: if the entry is no product, or one behind a password.
    """
    if not isinstance(data, Mapping) or not data.get("id") or not isinstance(data.get("permalink"), str):
        raise ValueError("an entry of the product list has no id or permalink")
    if data.get("is_password_protected") is True:
        raise ValueError(f"{data['permalink'][:200]} is behind a password: it is not for show")
    prices: Any = data.get("prices")
    prices = prices if isinstance(prices, Mapping) else {}
    low, high, before = _amounts(prices)
    # A product without a price is listed with 0, and as in stock although it cannot be bought.
    sellable = low is not None or bool(data.get("is_purchasable"))
    offer = RawOffer(
        price=low,
        high=high,
        before=before if data.get("on_sale", True) else None,
        currency=prices.get("currency_code"),
        availability=_availability(data) if sellable or data.get("is_in_stock") is False else None,
    )
    return Candidate(
        source=SourceName.WOOCOMMERCE,
        title=plain(data.get("name")),
        brand=_brand(data),
        description=plain(data.get("description")) or plain(data.get("short_description")),
        categories=tuple(_category(data, categories)),
        sku=plain(data.get("sku")),
        url=urljoin(base_url, data["permalink"]),
        photos=tuple(_photos(data, base_url)),
        colours=tuple(_terms(data, is_colour)),
        sizes=tuple(_terms(data, is_size)),
        offers=(offer,),
    )


def read_categories(data: Any) -> dict[int, tuple[str, int]]:
    """The Store API's list of categories, by id."""
    found = {}
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), int):
            name = plain(entry.get("name"))
            if name:
                found[entry["id"]] = (name, int(entry.get("parent") or 0))
    return found


def categories_of(data: Mapping[str, Any], known: Categories) -> list[dict[str, Any]]:
    """The entries of the store's categories that a product's category path consists of."""
    entries = [entry for entry in data.get("categories") or [] if isinstance(entry, Mapping)]
    wanted = {one for entry in entries for one in _ids_up(entry.get("id"), known)}
    return [{"id": one, "name": known[one][0], "parent": known[one][1]} for one in sorted(wanted)]


def _amounts(prices: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Lowest, highest and earlier price, from integers in minor units."""
    try:
        minor_digits = int(prices.get("currency_minor_unit", 2))
    except (TypeError, ValueError, OverflowError):
        return None, None, None
    spread = prices.get("price_range")
    spread = spread if isinstance(spread, Mapping) else {}
    low = _amount(spread.get("min_amount"), minor_digits) or _amount(prices.get("price"), minor_digits)
    high = _amount(spread.get("max_amount"), minor_digits)
    before = _amount(prices.get("regular_price"), minor_digits)
    return (
        low,
        high if low and high and high > low else None,
        before if low and before and before > low else None,
    )


def _amount(value: object, minor_digits: int) -> Decimal | None:
    if value is None or isinstance(value, bool) or not 0 <= minor_digits <= 6:
        return None
    try:
        amount = Decimal(str(value)).scaleb(-minor_digits)
    except InvalidOperation:
        return None
    return usable_amount(amount)


def _availability(data: Mapping[str, Any]) -> Availability | None:
    if data.get("is_on_backorder"):
        return Availability.BACKORDER
    in_stock = data.get("is_in_stock")
    if in_stock is None:
        return None
    return Availability.IN_STOCK if in_stock else Availability.OUT_OF_STOCK


def _brand(data: Mapping[str, Any]) -> str | None:
    for entry in data.get("brands") or []:
        name = plain(entry.get("name")) if isinstance(entry, Mapping) else None
        if name:
            return name
    terms = _terms(data, lambda name: str(name).casefold() in words("brand_option"))
    return terms[0] if len(terms) == 1 else None


def _category(data: Mapping[str, Any], known: Categories) -> list[str]:
    """The path of the product's deepest category."""
    entries = [entry for entry in data.get("categories") or [] if isinstance(entry, Mapping)]
    paths = [path for entry in entries if (path := _known_path(entry.get("id"), known))]
    if paths:
        return sorted(paths, key=len)[-1]
    named = [(_link_steps(entry), name) for entry in entries if (name := plain(entry.get("name")))]
    if not named:
        return []
    deepest, _ = max(named, key=lambda pair: len(pair[0]))
    above = {steps: name for steps, name in named if deepest[: len(steps)] == steps}
    if deepest and _CATEGORY_BASE.search(deepest[0]):
        # The link contains its ancestors: `/product-category/clothing/shirts/`.
        for depth in range(2, len(deepest)):
            above.setdefault(deepest[:depth], deepest[depth - 1].replace("-", " ").capitalize())
    return [name for _, name in sorted(above.items(), key=lambda pair: len(pair[0]))]


def _known_path(category: object, known: Categories) -> list[str]:
    return [known[one][0] for one in reversed(_ids_up(category, known))]


def _ids_up(category: object, known: Categories) -> list[int]:
    """A category and its ancestors, narrowest first."""
    ids: list[int] = []
    while isinstance(category, int) and category in known and category not in ids:
        ids.append(category)
        category = known[category][1]
    return ids


def _link_steps(entry: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        path = urlsplit(str(entry.get("link") or "")).path
    except ValueError:
        return ()
    return tuple(unquote(step) for step in path.split("/") if step)


def _terms(data: Mapping[str, Any], means: Any) -> list[str]:
    found: dict[str, None] = {}
    for attribute in data.get("attributes") or []:
        if isinstance(attribute, Mapping) and means(attribute.get("name")):
            terms = (term for term in attribute.get("terms") or [] if isinstance(term, Mapping))
            found.update(dict.fromkeys(name for term in terms if (name := plain(term.get("name")))))
    return list(found)


def _photos(data: Mapping[str, Any], base_url: str) -> Iterator[RawPhoto]:
    for image in data.get("images") or []:
        src = image.get("src") if isinstance(image, Mapping) else None
        url = joined(base_url, src) if isinstance(src, str) and src.strip() else None
        if url is not None:
            yield RawPhoto(url)
