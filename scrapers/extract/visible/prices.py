"""The price that a page shows for its product, told from all the other amounts on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import log2

import lxml.html

from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, above, tokens
from scrapers.extract.visible.marks import PRICE_NAME, Mark
from scrapers.extract.visible.others import Others
from scrapers.extract.visible.price_words import FOR_MEMBERS, PER_UNIT, WITHOUT_TAX
from scrapers.extract.visible.words import AFTER_ANOTHER_AMOUNT, NOT_THE_PRICE, WAS

MIN_SCORE = 0.0

_TODAYS_TEXT = """
    final current now sale special actual our new discounted reduced today main selling sell deal
    promo promotion offer salesprice priceblock buybox primary
"""
_TODAYS = frozenset(_TODAYS_TEXT.split())
_BEFORES_TEXT = """
    old was original before strike striked striken strikethrough crossed crossedout rrp msrp uvp
    compare previous prev linethrough barre ancien former ehemals pseudoprice oldprice oldcost
    priceold standardprice recommended eski anterior antes antiguo antigo vecchio stara puvodni povodna
"""
_BEFORES = frozenset(_BEFORES_TEXT.split())
_MAYBE_BEFORES_TEXT = """
    regular list retail standard full initial normal base listprice regularprice
"""
_MAYBE_BEFORES = frozenset(_MAYBE_BEFORES_TEXT.split())
_NOT_PRICES_TEXT = """
    shipping delivery installment installments instalment instalments finance financing saving
    savings save discount cashback points rewards loyalty deposit shipcost postage unitprice perunit
    ppu grundpreis baseprice fee fees coupon voucher month monthly klarna afterpay credit parcelas
    parcela cuotas total subtotal counter count rating qty quantity stock badge
"""
_NOT_PRICES = frozenset(_NOT_PRICES_TEXT.split())
_SIZE = re.compile(r"(?:font-size\s*:|font\s*:[^;]{0,40}?)\s*(\d{1,3}(?:\.\d+)?)\s*(px|em|rem|pt)", re.I)
_SEPARATOR = re.compile(r"[.,]")
_PERCENT = re.compile(r"\d\s?%")
"""What follows a percentage, such as `off`, is said of it and not of the amount before."""
_MEMBERS = frozenset({"member", "members", "membership", "memberprice", "loyalty", "clubprice"})
_STATES = frozenset({"has", "is", "with", "no"})
"""`has-discount` is a price that is reduced, `discount` the reduction."""


@dataclass(frozen=True, slots=True)
class ShownPrice:
    """What the page shows: amounts and symbol as written.

    :ivar marks: all amounts that belong to the product, best first.
    """

    price: str
    high: str | None
    before: str | None
    symbol: str | None
    score: float
    best: Mark
    marks: tuple[Mark, ...]


def choose_price(
    layout: Layout, heading: Heading, marks: list[Mark], others: Others, buy_order: int | None
) -> ShownPrice | None:
    """The product's price of the amounts on the page; None where none is plainly it."""
    candidates = []
    for mark in marks:
        mark.own = not others.has(mark.spot)
        names = _names(mark.spot.element, 4)
        marked = mark.spot.element.get("itemprop") == "price"
        priced = marked or any(PRICE_NAME.search(name) for name in names)
        if not priced and not mark.symbol:
            continue
        mark.before = _is_before(mark, names)
        mark.score = _score(mark, names, priced, heading, buy_order)
        candidates.append(mark)
    own = [mark for mark in candidates if mark.own]
    for mark in own:
        same = sum(other.amount == mark.amount and other is not mark for other in own if not other.before)
        mark.score += min(same, 2) * 0.4
    today = sorted((mark for mark in own if not mark.before), key=lambda mark: (-mark.score, mark.spot.order))
    if not today or today[0].score < MIN_SCORE:
        return None
    best = _whole(_reduced(today), today)
    before = [
        mark
        for mark in own
        if (mark.before or not _names(mark.spot.element, 2).isdisjoint(_MAYBE_BEFORES))
        and mark.amount > best.amount
        and abs(mark.spot.read - best.spot.read) < 400
        and not _is_another(mark)
    ]
    nearest = min(before, key=lambda mark: abs(mark.spot.order - best.spot.order), default=None)
    return ShownPrice(
        price=best.money.digits,
        high=best.high,
        before=nearest.money.digits if nearest else None,
        symbol=best.symbol,
        score=best.score,
        best=best,
        marks=tuple(today),
    )


def _reduced(today: list[Mark]) -> Mark:
    """Of two prices side by side that say `regular` and nothing, the other one is today's."""
    best = today[0]
    if _names(best.spot.element, 2).isdisjoint(_MAYBE_BEFORES):
        return best
    for mark in today[1:6]:
        beside = abs(mark.spot.read - best.spot.read) < 120 and mark.score > best.score - 3
        if (
            beside
            and not _is_for_members(mark)
            and mark.amount < best.amount
            and _names(mark.spot.element, 2).isdisjoint(_MAYBE_BEFORES)
        ):
            return mark
    return best


def _whole(best: Mark, today: list[Mark]) -> Mark:
    """Large figures `249` with a small `99` read 24999; beside them screen readers find 249.99."""
    for mark in today:
        beside = abs(mark.spot.read - best.spot.read) < 200
        if beside and mark.amount * 100 == best.amount and not _SEPARATOR.search(best.money.digits):
            return mark
    return best


def _is_before(mark: Mark, names: set[str]) -> bool:
    if mark.spot.struck:
        return True
    nearest = _names(mark.spot.element, 1)
    if not nearest.isdisjoint(_BEFORES) and nearest.isdisjoint({"now", "new", "final"}):
        return True
    # Further out, a name may be of the box that holds both prices.
    return bool(WAS.search(mark.label) or WAS.search(_spoken(mark.spot.element)))


def _spoken(element: lxml.html.HtmlElement) -> str:
    """What a screen reader is told of an amount."""
    return next((label for one in above(element, 1) if (label := one.get("aria-label"))), "")[:60]


def _is_another(mark: Mark) -> bool:
    """Whether its words say that an amount is for shipping, a month's rate, a saving or the like."""
    return bool(
        (mark.label and NOT_THE_PRICE.search(mark.label))
        or (mark.after and _says_another(_PERCENT.split(mark.after)[0]))
    )


def _says_another(after: str) -> bool:
    return bool(AFTER_ANOTHER_AMOUNT.search(after) or PER_UNIT.search(after))


def _is_for_members(mark: Mark) -> bool:
    """Whether only those pay it who have joined something."""
    words = FOR_MEMBERS.search(mark.label) or FOR_MEMBERS.search(mark.after)
    return bool(words) or not _names(mark.spot.element, 2).isdisjoint(_MEMBERS)


def _score(mark: Mark, names: set[str], priced: bool, heading: Heading, buy_order: int | None) -> float:
    spot = mark.spot
    score = 3.0 if priced else 0.0
    score += 2.0 if mark.symbol else 0.0
    score += 1.5 if spot.element.get("itemprop") == "price" else 0.0
    score += 1.5 if not names.isdisjoint(_TODAYS) else 0.0
    score += _prominence(spot.element)
    distance = spot.read - heading.spot.read
    score -= min(7.0, 1.2 * log2(1 + abs(distance) / 200))
    score -= 1.5 if distance < 0 else 0.0
    if buy_order is not None and -120 < buy_order - spot.order < 250:
        score += 1.0
    if _is_another(mark):
        score -= 5
    if WITHOUT_TAX.search(mark.after) or WITHOUT_TAX.search(mark.label[-20:]):
        score -= 2.5
    if any(_names_another(one) for one in _around(spot.element, 2)):
        score -= 4
    if _is_for_members(mark):
        score -= 3
    if spot.hidden:
        score -= 3
    if spot.element.tag in ("option", "label", "li", "a", "button"):
        score -= 1.5
    if mark.money.end - mark.money.start < len(spot.text) - 60:
        score -= 2  # in the middle of a sentence
    return score


def _prominence(element: lxml.html.HtmlElement) -> float:
    """How large it is set, as far as the page itself says."""
    for one in above(element, 1):
        if one.tag in ("h1", "h2", "h3", "h4", "strong", "b", "big"):
            return 0.7
        size = _SIZE.search(one.get("style") or "")
        if size:
            pixels = float(size[1]) * (16 if size[2].lower() in ("em", "rem") else 1)
            return 1.5 if pixels >= 18 else -0.5 if pixels < 13 else 0.0
    return 0.0


def _names(element: lxml.html.HtmlElement, steps: int) -> set[str]:
    return set().union(*(tokens(one) for one in _around(element, steps)))


def _around(element: lxml.html.HtmlElement, steps: int) -> Iterator[lxml.html.HtmlElement]:
    """The element and the boxes around it, innermost first, within what holds the whole page."""
    for one in above(element, steps):
        if one.tag in ("body", "main", "form"):
            return
        yield one


def _names_another(element: lxml.html.HtmlElement) -> bool:
    """Whether an element is called a shipping fee, a saving or the like."""
    names = tokens(element)
    return not names.isdisjoint(_NOT_PRICES) and names.isdisjoint(_STATES)
