"""What a listing shows of each product's price and stock, in a form that two crawls can compare."""

from __future__ import annotations

from collections.abc import Iterable

from lxml.html import HtmlElement

from scrapers.extract.address import spelling, without_tracking
from scrapers.extract.fields.currency import country_of
from scrapers.extract.fields.money import find_money
from scrapers.extract.fields.symbols import local_symbols
from scrapers.extract.links import fetchable
from scrapers.extract.page import Page
from scrapers.extract.visible.stock import word_of
from scrapers.extract.visible.weights import CARD

MAX_PARTS = 12
"""Amounts and words of one card that are compared."""


def listed_offers(page: Page, urls: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The amounts, and the words about stock, in the card of each product of a listing.

    :param urls: the products that the listing shows.
    :return: by the address as it is given; only products whose card shows an amount.
    """
    wanted = {spelling(without_tracking(url)): url for url in urls}
    targets: dict[HtmlElement, str] = {}
    for anchor in page.tree.iter("a"):
        url = fetchable(page, anchor.get("href") or "#")
        place = spelling(without_tracking(url)) if url else None
        if place in wanted:
            targets[anchor] = place
    holders: dict[HtmlElement, set[str]] = {}
    for anchor, place in targets.items():
        for box in anchor.iterancestors():
            holders.setdefault(box, set()).add(place)
    local = local_symbols(country_of(page))
    found: dict[str, set[str]] = {}
    for anchor, place in targets.items():
        found.setdefault(place, set()).update(_offer_in(_card(anchor, holders), local))
    return {wanted[place]: tuple(sorted(parts)) for place, parts in found.items() if parts}


def _card(anchor: HtmlElement, holders: dict[HtmlElement, set[str]]) -> HtmlElement:
    """The largest element around a link that leads to no other product of the listing."""
    card = anchor
    for box in anchor.iterancestors():
        if len(holders[box]) > 1 or box.tag in ("body", "html", "main"):
            break
        card = box
    return card


def _offer_in(card: HtmlElement, local: tuple[str, ...]) -> list[str]:
    texts = [" ".join(text.split()) for text in card.itertext()]
    line = " ".join(filter(None, texts))
    if len(line) > 2 * CARD.max_card:
        return []  # the only product of a page: the text is no card's
    found = find_money(line, local=local)
    # All numbers: in `Shirt 3 €13.00` the sign may belong to either.
    amounts = [money.digits for money in found] if any(money.symbol for money in found) else []
    words = [word for text in texts if 2 < len(text) <= CARD.max_heading and (word := word_of(text))]
    return [*amounts, *words][:MAX_PARTS] if amounts else []
