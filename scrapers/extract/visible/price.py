"""Chooses the product's price among all amounts on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log2

import lxml.html

from scrapers.extract.visible.amounts import ShownAmount, is_price_name
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, above, tokens
from scrapers.extract.visible.other_content import OtherContent
from scrapers.extract.visible.weights import PRICE, PriceWeights
from scrapers.extract.vocabulary import phrases

_FROM_PRICE = phrases("from_price")
_EARLIER_PRICE = phrases("earlier_price")
_NOT_THE_PRICE = phrases("lowest_price", "not_the_price")
_AFTER_OTHER_AMOUNT = phrases("after_other_amount")
_MEMBER_PRICE = phrases("member_price")
_WITHOUT_TAX = phrases("without_tax")
_PER_UNIT = re.compile(
    r"(?:/|\bper\b|\bpro\b|\bje\b|\bpar\b|\bpor\b|\bal\b|\bza\b|\bcada\b|\ba\b|\bthe\b|\bfor\b|=|\bна\b|\bза\b)\s*"
    r"(?:\d+(?:[.,]\d+)?\s*)?(?:kg|g|gr|mg|lb|oz|fl\.? ?oz|ounce|l|lt|ltr|liter|litre|litr|ml|cl|dl|m|m2|m²"
    r"|m3|cm|ft|sq|meter|metre|kilo|capsule|tablet|wash|sheet|кг|г|л|мл|м|м²|м2)\b(?!\w)",
    re.IGNORECASE,
)
"""The unit of a unit price."""

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
    regular list retail standard full initial normal base listprice regularprice normalprice
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
_UNITS = " \u00a0元円원"
"""Currencies between an amount and the words behind it."""
_PERCENT = re.compile(r"\d\s?%")
"""Words after a percentage, such as `off`, belong to it and not to the amount before."""
_MEMBERS = frozenset({"member", "members", "membership", "memberprice", "loyalty", "clubprice"})
_STATES = frozenset({"has", "is", "with", "no"})
"""`has-discount` marks a reduced price, `discount` the reduction."""
_LINE_THROUGH = frozenset({"line", "through"})
"""Style sheets of classes call a struck text `line-through`."""
_DENOMINATOR = re.compile(r"(?:/|\b(?:per|pro|je|par|por|za|na|за|на))\s*$", re.I)
"""The words before the quantity of a unit price: `159,90 € / 1 kg`."""


@dataclass(frozen=True, slots=True)
class ShownPrice:
    """The price that the page shows: amounts and symbol as written.

    :ivar amounts: all amounts that belong to the product, best first.
    """

    price: str
    high: str | None
    before: str | None
    symbol: str | None
    score: float
    best: ShownAmount
    amounts: tuple[ShownAmount, ...]

    @property
    def is_lowest(self) -> bool:
        """Whether the page says that other variants cost more: `from $9`."""
        return bool(_FROM_PRICE.search(self.best.label) or _FROM_PRICE.match(self.best.after.lstrip(_UNITS)))


def choose_price(
    layout: Layout, heading: Heading, amounts: list[ShownAmount], others: OtherContent, buy_order: int | None
) -> ShownPrice | None:
    """The product's price among the amounts on the page; None if none is clearly it."""
    priced_amounts = []
    for shown in amounts:
        shown.own = not others.contains(shown.spot.element)
        names = _names(shown.spot.element, PRICE.name_steps)
        marked = shown.spot.element.get("itemprop") == "price"
        priced = marked or any(
            is_price_name(tokens(one)) for one in _around(shown.spot.element, PRICE.name_steps)
        )
        if not priced and not shown.symbol:
            continue
        shown.before = _is_before(shown, names)
        shown.features = _features(shown, names, priced, heading, buy_order)
        shown.score = score_of(shown.features)
        priced_amounts.append(shown)
    own = [shown for shown in priced_amounts if shown.own]
    for shown in own:
        same = sum(other.amount == shown.amount and other is not shown for other in own if not other.before)
        shown.features["repeated"] = min(same, PRICE.max_repeated)
        shown.score = score_of(shown.features)
    todays = sorted(
        (shown for shown in own if not shown.before), key=lambda shown: (-shown.score, shown.spot.order)
    )
    if not todays or todays[0].score < PRICE.min_score:
        return None
    best = _with_decimals(_prefer_reduced(todays), todays)
    earlier = [
        shown
        for shown in own
        if (shown.before or _may_be_before(shown))
        and shown.amount > best.amount
        and abs(shown.spot.read - best.spot.read) < PRICE.earlier_reach
        and not _is_no_price(shown)
    ]
    nearest = min(earlier, key=lambda shown: abs(shown.spot.order - best.spot.order), default=None)
    return ShownPrice(
        price=best.money.digits,
        high=best.high,
        before=nearest.money.digits if nearest else None,
        symbol=best.symbol,
        score=best.score,
        best=best,
        amounts=tuple(todays),
    )


def _prefer_reduced(todays: list[ShownAmount]) -> ShownAmount:
    """Today's price of two side by side: not the one named `regular`."""
    best = todays[0]
    if not _may_be_before(best):
        return best
    for shown in todays[1 : 1 + PRICE.beside_candidates]:
        beside = abs(shown.spot.read - best.spot.read) < PRICE.beside
        beside = beside and shown.score > best.score - PRICE.beside_score
        if beside and not _is_for_members(shown) and shown.amount < best.amount and not _may_be_before(shown):
            return shown
    return best


def _may_be_before(shown: ShownAmount) -> bool:
    """Whether an element around it is named `regular`, `list` or the like: one that is named
    `with-list-price` holds the reduced price."""
    names = (tokens(one) for one in _around(shown.spot.element, PRICE.box_steps))
    return any(not one.isdisjoint(_MAYBE_BEFORES) and one.isdisjoint(_STATES) for one in names)


def _with_decimals(best: ShownAmount, todays: list[ShownAmount]) -> ShownAmount:
    """Of `24999` (large digits `249` and a small `99`) and a 249.99 for screen readers, the latter."""
    for shown in todays:
        beside = abs(shown.spot.read - best.spot.read) < PRICE.decimals_reach
        if beside and shown.amount * 100 == best.amount and not _SEPARATOR.search(best.money.digits):
            return shown
    return best


def _is_before(shown: ShownAmount, names: set[str]) -> bool:
    if shown.spot.struck:
        return True
    nearest = _names(shown.spot.element, 1)
    if not nearest.isdisjoint(_BEFORES) and nearest.isdisjoint({"now", "new", "final"}):
        return True
    if any(tokens(one) >= _LINE_THROUGH for one in _around(shown.spot.element, 1)):
        return True
    # Names further out may belong to the box with both prices.
    return bool(
        _EARLIER_PRICE.search(shown.label) or _EARLIER_PRICE.search(_screen_reader_label(shown.spot.element))
    )


def _screen_reader_label(element: lxml.html.HtmlElement) -> str:
    """The label for screen readers."""
    return next((label for one in above(element, 1) if (label := one.get("aria-label"))), "")[
        : PRICE.max_spoken
    ]


def _is_no_price(shown: ShownAmount) -> bool:
    """Whether its words say that an amount is for shipping, an instalment, a saving or the like."""
    return bool(
        (shown.label and _NOT_THE_PRICE.search(shown.label))
        or (not shown.symbol and _DENOMINATOR.search(shown.label))
        or (shown.after and _says_no_price(_PERCENT.split(shown.after)[0]))
    )


def _says_no_price(after: str) -> bool:
    return bool(_AFTER_OTHER_AMOUNT.search(after) or _PER_UNIT.search(after))


def _is_for_members(shown: ShownAmount) -> bool:
    """Whether only members pay it."""
    words = _MEMBER_PRICE.search(shown.label) or _MEMBER_PRICE.search(shown.after)
    return bool(words) or not _names(shown.spot.element, PRICE.box_steps).isdisjoint(_MEMBERS)


def score_of(features: Mapping[str, float], weights: PriceWeights = PRICE) -> float:
    """The score of an amount: its features times the weights of the same names."""
    return sum(getattr(weights, name) * value for name, value in features.items())


def _features(
    shown: ShownAmount, names: set[str], priced: bool, heading: Heading, buy_order: int | None
) -> dict[str, float]:
    """What speaks for an amount (above 0) and against it, by the names of the weights; 0 is left out."""
    spot = shown.spot
    distance = spot.read - heading.spot.read
    furthest = PRICE.max_distance / PRICE.distance
    near_button = buy_order is not None and -PRICE.button_before < buy_order - spot.order < PRICE.button_after
    tax_words = (shown.after, shown.label[-PRICE.tax_label :])
    in_control = spot.element.tag in ("option", "label", "li", "a", "button")
    rest = len(spot.text) - (shown.money.end - shown.money.start)
    found = {
        "named": priced,
        "symbol": bool(shown.symbol),
        "itemprop": spot.element.get("itemprop") == "price",
        "todays_name": not names.isdisjoint(_TODAYS),
        "distance": -min(furthest, log2(1 + abs(distance) / PRICE.near)),
        "before_heading": -(distance < 0),
        "near_button": near_button,
        "no_price": -_is_no_price(shown),
        "without_tax": -any(_WITHOUT_TAX.search(words) is not None for words in tax_words),
        "named_no_price": -any(_is_named_no_price(one) for one in _around(spot.element, PRICE.box_steps)),
        "members": -_is_for_members(shown),
        "hidden": -spot.hidden,
        "in_control": -in_control,
        "in_sentence": -(rest > PRICE.sentence_rest),
    }
    if prominence := _prominence(spot.element):
        found[prominence] = True
    return {name: float(value) for name, value in found.items() if value}


def _prominence(element: lxml.html.HtmlElement) -> str | None:
    """The weight for how prominent it is, as far as tags and inline styles tell."""
    for one in above(element, 1):
        if one.tag in ("h1", "h2", "h3", "h4", "strong", "b", "big"):
            return "highlighted"
        size = _SIZE.search(one.get("style") or "")
        if size:
            pixels = float(size[1]) * (PRICE.em_px if size[2].lower() in ("em", "rem") else 1)
            return "large" if pixels >= PRICE.large_px else "small" if pixels < PRICE.small_px else None
    return None


def _names(element: lxml.html.HtmlElement, steps: int) -> set[str]:
    return set().union(*(tokens(one) for one in _around(element, steps)))


def _around(element: lxml.html.HtmlElement, steps: int) -> Iterator[lxml.html.HtmlElement]:
    """The element and the boxes around it, innermost first, up to the page's main box."""
    for one in above(element, steps):
        if one.tag in ("body", "main", "form"):
            return
        yield one


def _is_named_no_price(element: lxml.html.HtmlElement) -> bool:
    """Whether an element is named after a shipping fee, a saving or the like."""
    names = tokens(element)
    return not names.isdisjoint(_NOT_PRICES) and names.isdisjoint(_STATES)
