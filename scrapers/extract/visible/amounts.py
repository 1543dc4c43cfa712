"""The amounts of money on a page, and the words beside each."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

import lxml.html

from scrapers.extract.fields.amount import parse_amount
from scrapers.extract.fields.money import Money, find_money
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import BLOCKS, WITHOUT_TEXT, Layout, Spot, above, tokens
from scrapers.extract.visible.weights import AMOUNT

_COLONS = (":", "：")
_HEADINGS = frozenset({"h1", "h2", "h3"})
_LABEL_TAGS = frozenset({"dt", "th", "td", "label", "legend"})
_PRICE_NAME = re.compile(
    r"^(?:price|pricing|preis|prix|precio|preco|prezzo|prijs|pris|cena|ceny|cijena|kaina|hinta|fiyat|pret|prc|amount"
    r"|kakaku|gia|harga)|price$|prices$"
)
"""Words for price in ids and classes."""
_NOTHING: frozenset[str] = frozenset()
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_DASH = re.compile(r"^[^\w]{0,3}[-–—~〜～][^\w]{0,3}$|^\s*(?:to|bis|à|a|до|do)\s*$", re.I)


@dataclass(slots=True)
class ShownAmount:
    """An amount on the page.

    :ivar money: the number and its symbol.
    :ivar amount: the number's value, unless the currency implies another one.
    :ivar high: the upper end of a range that starts with it.
    :ivar before: whether it is an earlier or recommended price.
    :ivar own: whether it belongs to the page's product.
    :ivar features: what speaks for it being the price and against it; see `price.score_of`.
    :ivar label: the words before it; `after` are those behind it.
    """

    spot: Spot
    money: Money
    amount: Decimal
    high: str | None = None
    symbol: str | None = None
    before: bool = False
    own: bool = True
    features: dict[str, float] = field(default_factory=dict)
    score: float = 0.0
    label: str = ""
    after: str = ""


def find_amounts(layout: Layout, heading: Heading) -> list[ShownAmount]:
    """The amounts around a heading in order, each once, at the innermost element that holds it."""
    found_at: dict[lxml.html.HtmlElement, list[ShownAmount]] = {}
    below: dict[lxml.html.HtmlElement, set[str]] = {}
    within: dict[lxml.html.HtmlElement, str] = {}
    for spot in reversed(layout.near(heading.spot.order)):  # inner before outer
        if len(spot.text) > AMOUNT.max_text or not _DIGIT.search(spot.text):
            continue
        known = below.get(spot.element, _NOTHING)
        parent = spot.element.getparent()
        if within.get(spot.element) == spot.text:  # its parent holds the same text
            if parent is not None:
                within[parent] = spot.text
                below.setdefault(parent, set()).update(known)
            continue
        found = find_money(spot.text, local=layout.local)
        if not any(money.symbol for money in found) and not _may_be_priced(layout, spot):
            continue
        found = tuple(money for money in found if parse_amount(money.digits) is not None)
        new_money = [money for money in found if money.digits not in known]
        if not new_money or (known and not spot.own and not _are_parts_joined(new_money, known)):
            new_money = []
        if new_money:
            if known and len(found) == 1:
                _drop_inner(found_at, spot.element)  # 12 and 99 are parts of 12.99
            new = [_to_amount(spot, money) for money in new_money]
            for one, other in pairwise(new):
                _note_range(one, one.money, other.money, spot.text)
            found_at[spot.element] = new
        digits = {money.digits for money in found} | known
        if parent is not None:
            within[parent] = spot.text
            if digits:
                below.setdefault(parent, set()).update(digits)
        if len(found_at) > AMOUNT.max_amounts:
            break
    ordered = sorted(
        (shown for new in found_at.values() for shown in new), key=lambda shown: shown.spot.order
    )
    for shown in ordered:
        _read_context(layout, shown, heading)
    return ordered


@lru_cache(maxsize=8192)
def is_price_name(names: frozenset[str]) -> bool:
    """Whether some words of ids and classes are about a price."""
    return any(_PRICE_NAME.search(name) for name in names)


def _may_be_priced(layout: Layout, spot: Spot) -> bool:
    """Whether a number without a symbol is in an element named after prices, or beside a symbol."""
    if _LETTER.search(spot.text):
        return False
    for steps, one in enumerate(above(spot.element, AMOUNT.steps_up)):
        if is_price_name(tokens(one)):
            return True
        outer = layout.by_element.get(one) if steps < AMOUNT.symbol_steps else None
        if (
            outer
            and len(outer.text) < AMOUNT.max_outer_text
            and any(money.symbol for money in find_money(outer.text, local=layout.local))
        ):
            return True
    return False


def _are_parts_joined(new_money: list[Money], known: Set[str]) -> bool:
    """Whether the numbers consist of inner ones: `12` and `99` make `12.99`."""
    return all(any(money.digits.startswith(part) for part in known) for money in new_money)


def _drop_inner(
    found_at: dict[lxml.html.HtmlElement, list[ShownAmount]], outer: lxml.html.HtmlElement
) -> None:
    for element in outer.iterdescendants():
        found_at.pop(element, None)


def _to_amount(spot: Spot, money: Money) -> ShownAmount:
    return ShownAmount(spot, money, parse_amount(money.digits) or Decimal(0), symbol=money.symbol)


def _note_range(shown: ShownAmount, low: Money, high: Money, text: str) -> None:
    """Notes a range such as `12.00 – 18.00`."""
    most = parse_amount(high.digits)
    if most is not None and shown.amount < most and _DASH.match(text[low.end : high.start]):
        shown.high, shown.symbol = high.digits, shown.symbol or high.symbol


def _read_context(layout: Layout, shown: ShownAmount, heading: Heading) -> None:
    """Finds the symbol and the words beside an amount, which often are in elements of their own."""
    inner = shown.spot.element
    for element in above(shown.spot.element, AMOUNT.steps_up):
        spot = layout.by_element.get(element)
        if spot is None:
            break
        found = find_money(spot.text, local=layout.local)
        same = [money for money in found if money.digits == shown.money.digits]
        if not same or len(found) > AMOUNT.max_in_box:
            break
        money = same[0]
        if shown.symbol is None and money.symbol:
            shown.symbol = money.symbol
        position = found.index(money)
        if shown.high is None and position + 1 < len(found):
            _note_range(shown, money, found[position + 1], spot.text)
        if element is shown.spot.element:
            start = found[position - 1].end if position else 0
            end = found[position + 1].start if position + 1 < len(found) else len(spot.text)
            label, after = spot.text[start : money.start], spot.text[money.end : end]
            if end < len(spot.text) and after.rstrip().endswith(_COLONS):
                after = ""  # the label of the next amount
        else:
            label, after = _words_before(layout, inner, heading), _words_behind(layout, inner)
        label = _after_product_name(label, heading)[-AMOUNT.max_label :]
        if _LETTER.search(label) or _LETTER.search(after):
            shown.label, shown.after = label, after[: AMOUNT.max_after]
            break
        inner = element


def _after_product_name(label: str, heading: Heading) -> str:
    """The label's words after the product's name: `Van Gogh` does not announce an earlier price."""
    place = label.casefold().rfind(heading.text.casefold())
    return label if place < 0 else label[place + len(heading.text) :]


def _words_before(layout: Layout, inner: lxml.html.HtmlElement, heading: Heading) -> str:
    """The text before an element in the box around it, up to another amount, a heading or a block.

    A block may be a label: a cell, a text that ends in a colon, or one on the same short line as the amount.
    """
    label = ""
    for sibling in inner.itersiblings(preceding=True):
        label = f"{sibling.tail or ''} {label}"
        if not isinstance(sibling.tag, str) or sibling.tag in WITHOUT_TEXT:
            continue
        spot = layout.by_element.get(sibling)
        if spot is None or len(label) > AMOUNT.max_label:
            return label
        if spot.hidden or not spot.text:
            continue
        if (
            sibling.tag in _HEADINGS
            or sibling is heading.spot.element
            or find_money(spot.text, local=layout.local)
        ):
            return label
        if sibling.tag in BLOCKS and not _may_label(layout, sibling, spot):
            return label
        label = f"{spot.text} {label}"
    outer = inner.getparent()
    return f"{outer.text or ''} {label}" if outer is not None else label


def _may_label(layout: Layout, block: lxml.html.HtmlElement, spot: Spot) -> bool:
    if block.tag in _LABEL_TAGS or spot.text.endswith(_COLONS):
        return True
    line = layout.by_element.get(block.getparent())
    return line is not None and 0 < len(line.text) <= AMOUNT.max_line


def _words_behind(layout: Layout, inner: lxml.html.HtmlElement) -> str:
    """The text after an element in the box around it, up to what belongs to another amount; empty if too
    long to be about this amount."""
    after = inner.tail or ""
    for sibling in inner.itersiblings():
        if isinstance(sibling.tag, str) and sibling.tag not in WITHOUT_TEXT:
            spot = layout.by_element.get(sibling)
            if spot is None or find_money(spot.text, local=layout.local):
                break
            following = layout.by_element.get(sibling.getnext()) if sibling.getnext() is not None else None
            labels_next = following is not None and bool(find_money(following.text, local=layout.local))
            if sibling.tag in BLOCKS and (labels_next or sibling.tag in _HEADINGS or sibling.tag == "dt"):
                break
            if not spot.hidden:
                after = f"{after} {spot.text}"
        after = f"{after} {sibling.tail or ''}"
        if len(after) > 2 * AMOUNT.max_behind:
            break
    after = " ".join(after.split())
    return "" if len(after) > AMOUNT.max_behind or after.endswith(_COLONS) else after
