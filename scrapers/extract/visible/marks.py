"""The amounts of money on a page, and the words beside each."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

import lxml.html

from scrapers.extract.fields.amount import parse_amount
from scrapers.extract.fields.money import Money, find_money
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import BLOCKS, UNSEEN, Layout, Spot, above, tokens

MAX_MARKS = 2000
"""Amounts that are looked at; a page with more lists products."""

MAX_LABEL = 40
"""Characters before an amount that are read, `MAX_AFTER` of those behind it."""
MAX_AFTER = 20
MAX_BEHIND = 25
"""Characters behind an amount in other elements, at most, that are of it."""
MAX_LINE = 60
"""Characters of a line that holds an amount and its label."""

_COLONS = (":", "：")
_HEADINGS = frozenset({"h1", "h2", "h3"})
_LABEL_TAGS = frozenset({"dt", "th", "td", "label", "legend"})
PRICE_NAME = re.compile(
    r"^(?:price|pricing|preis|prix|precio|preco|prezzo|prijs|pris|cena|ceny|cijena|kaina|hinta|fiyat|pret|prc|amount"
    r"|kakaku|gia|harga)|price$|prices$"
)
"""What a price is called in ids and classes."""
_NOTHING: frozenset[str] = frozenset()
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_DASH = re.compile(r"^[^\w]{0,3}[-–—~〜～][^\w]{0,3}$|^\s*(?:to|bis|à|a|до|do)\s*$", re.I)


@dataclass(slots=True)
class Mark:
    """An amount on the page.

    :ivar money: the number and its sign.
    :ivar amount: the number's value, where the currency does not say otherwise.
    :ivar high: the upper end of a range that starts with it.
    :ivar before: whether it is what the product cost, or should have cost, earlier.
    :ivar own: whether it belongs to the page's product.
    :ivar label: words that stand before it, `after` those behind it.
    """

    spot: Spot
    money: Money
    amount: Decimal
    high: str | None = None
    symbol: str | None = None
    before: bool = False
    own: bool = True
    score: float = 0.0
    label: str = ""
    after: str = ""


def find_marks(layout: Layout, heading: Heading) -> list[Mark]:
    """The amounts around a heading, in their order; each once, at the innermost element that holds it."""
    marks: dict[lxml.html.HtmlElement, list[Mark]] = {}
    below: dict[lxml.html.HtmlElement, set[str]] = {}
    within: dict[lxml.html.HtmlElement, str] = {}
    for spot in reversed(layout.near(heading.spot.order)):  # inner before outer
        if len(spot.text) > 100 or not _DIGIT.search(spot.text):
            continue
        known = below.get(spot.element, _NOTHING)
        parent = spot.element.getparent()
        if within.get(spot.element) == spot.text:  # a box around nothing else
            if parent is not None:
                within[parent] = spot.text
                below.setdefault(parent, set()).update(known)
            continue
        found = find_money(spot.text, local=layout.local)
        if not any(money.symbol for money in found) and not _may_be_priced(layout, spot):
            continue
        found = tuple(money for money in found if parse_amount(money.digits) is not None)
        fresh = [money for money in found if money.digits not in known]
        if not fresh or (known and not spot.own and not _joins(fresh, known)):
            fresh = []
        if fresh:
            if known and len(found) == 1:
                _forget(marks, spot.element)  # 12 and 99, whose whole is 12.99
            made = [_mark(spot, money) for money in fresh]
            for one, other in pairwise(made):
                _note_range(one, one.money, other.money, spot.text)
            marks[spot.element] = made
        digits = {money.digits for money in found} | known
        if parent is not None:
            within[parent] = spot.text
            if digits:
                below.setdefault(parent, set()).update(digits)
        if len(marks) > MAX_MARKS:
            break
    ordered = sorted((mark for made in marks.values() for mark in made), key=lambda mark: mark.spot.order)
    for mark in ordered:
        _look_around(layout, mark, heading)
    return ordered


def _may_be_priced(layout: Layout, spot: Spot) -> bool:
    """Whether a number without a sign stands in something called a price, or beside a sign."""
    if _LETTER.search(spot.text):
        return False
    for steps, one in enumerate(above(spot.element, 4)):
        if any(PRICE_NAME.search(name) for name in tokens(one)):
            return True
        outer = layout.by_element.get(one) if steps < 3 else None
        if (
            outer
            and len(outer.text) < 80
            and any(money.symbol for money in find_money(outer.text, local=layout.local))
        ):
            return True
    return False


def _joins(fresh: list[Money], known: Set[str]) -> bool:
    """Whether numbers are made of those below: `12` and `99` make `12.99`."""
    return all(any(money.digits.startswith(part) for part in known) for money in fresh)


def _forget(marks: dict[lxml.html.HtmlElement, list[Mark]], outer: lxml.html.HtmlElement) -> None:
    for element in outer.iterdescendants():
        marks.pop(element, None)


def _mark(spot: Spot, money: Money) -> Mark:
    return Mark(spot, money, parse_amount(money.digits) or Decimal(0), symbol=money.symbol)


def _note_range(mark: Mark, low: Money, high: Money, text: str) -> None:
    """`12.00 – 18.00` is a range."""
    most = parse_amount(high.digits)
    if most is not None and mark.amount < most and _DASH.match(text[low.end : high.start]):
        mark.high, mark.symbol = high.digits, mark.symbol or high.symbol


def _look_around(layout: Layout, mark: Mark, heading: Heading) -> None:
    """Finds the sign and the words beside an amount, which often stand in elements of their own."""
    inner = mark.spot.element
    for element in above(mark.spot.element, 4):
        spot = layout.by_element.get(element)
        if spot is None:
            break
        found = find_money(spot.text, local=layout.local)
        here = [money for money in found if money.digits == mark.money.digits]
        if not here or len(found) > 4:
            break
        money = here[0]
        if mark.symbol is None and money.symbol:
            mark.symbol = money.symbol
        position = found.index(money)
        if mark.high is None and position + 1 < len(found):
            _note_range(mark, money, found[position + 1], spot.text)
        if element is mark.spot.element:
            start = found[position - 1].end if position else 0
            end = found[position + 1].start if position + 1 < len(found) else len(spot.text)
            label, after = spot.text[start : money.start], spot.text[money.end : end]
            if end < len(spot.text) and after.rstrip().endswith(_COLONS):
                after = ""  # the label of the next amount
        else:
            label, after = _words_before(layout, inner, heading), _words_behind(layout, inner)
        label = _without_name(label, heading)[-MAX_LABEL:]
        if _LETTER.search(label) or _LETTER.search(after):
            mark.label, mark.after = label, after[:MAX_AFTER]
            break
        inner = element


def _without_name(label: str, heading: Heading) -> str:
    """The words of a label behind the product's name: `Van Gogh` is no price of before."""
    place = label.casefold().rfind(heading.text.casefold())
    return label if place < 0 else label[place + len(heading.text) :]


def _words_before(layout: Layout, inner: lxml.html.HtmlElement, heading: Heading) -> str:
    """What stands before an element in the box around it, up to another amount, a heading or a block.

    A label may be a block: a cell, what ends in a colon, and what shares a short line with the amount.
    """
    label = ""
    for sibling in inner.itersiblings(preceding=True):
        label = f"{sibling.tail or ''} {label}"
        if not isinstance(sibling.tag, str) or sibling.tag in UNSEEN:
            continue
        spot = layout.by_element.get(sibling)
        if spot is None or len(label) > MAX_LABEL:
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
    return line is not None and 0 < len(line.text) <= MAX_LINE


def _words_behind(layout: Layout, inner: lxml.html.HtmlElement) -> str:
    """What follows an element in the box around it, up to what belongs to another amount; nothing where it is
    long, and so of something else."""
    after = inner.tail or ""
    for sibling in inner.itersiblings():
        if isinstance(sibling.tag, str) and sibling.tag not in UNSEEN:
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
        if len(after) > 2 * MAX_BEHIND:
            break
    after = " ".join(after.split())
    return "" if len(after) > MAX_BEHIND or after.endswith(_COLONS) else after
