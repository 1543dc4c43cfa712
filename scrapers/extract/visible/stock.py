"""Whether a page's product can be had, by what a shopper sees."""

from __future__ import annotations

from dataclasses import dataclass

from scrapers.extract.visible.buying import Buying
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, above, tokens
from scrapers.extract.visible.others import Others
from scrapers.extract.visible.words import IN_STOCK, PREORDER, SOLD_OUT

REACH = 3000
"""How far from the heading, in characters of text, stock is spoken of."""

MAX_WORDS = 160
"""Longest text, in characters, that is taken for a word about stock."""

_STATUS_TEXT = """
    stock availability available avail soldout sold unavailable outofstock instock inventory
    disponibility verfuegbarkeit lager dispo disponibilite disponibilidad disponibilita dostupnost
    sklad lagerstatus voorraad
"""
_STATUS = frozenset(_STATUS_TEXT.split())
_CHOICES_TEXT = """
    sizes swatch swatches variant variants option options variation variations colours colors
    selector store stores dropdown review reviews question questions answer faq description desc
"""
_CHOICES = frozenset(_CHOICES_TEXT.split())


@dataclass(frozen=True, slots=True)
class Stock:
    """What is seen of a product's stock.

    :ivar word: `in_stock`, `out_of_stock`, `preorder` or `backorder`.
    :ivar sure: whether it is plain enough to speak against what the markup says.
    """

    word: str
    sure: bool


def read_stock(
    layout: Layout, heading: Heading, others: Others, buying: Buying, *, choices: bool, priced: bool
) -> Stock | None:
    """Availability by the buy button and the words about stock; None where neither is there.

    :param choices: whether a size or colour can be chosen: many shops switch their button on only then.
    :param priced: whether the page shows a price for the product.
    """
    gone, there, coming = _words(layout, heading, others)
    if buying.working and not (buying.disabled and gone):
        if buying.preorder or (coming and not there):
            return Stock("preorder", False)
        return Stock("in_stock", not gone)
    if buying.sold_out or gone:
        return Stock("out_of_stock", True)
    if buying.disabled and not choices:
        return Stock("out_of_stock", not there)
    if buying.notify and not there:
        return Stock("out_of_stock", True)
    if there:
        return Stock("in_stock", False)
    if (buying.disabled or choices) and priced:
        return Stock("in_stock", False)
    return None


def offers_choices(layout: Layout, heading: Heading, others: Others) -> bool:
    """Whether the page lets its product's size, colour or number be chosen."""
    for element, order in layout.order.items():
        if abs(order - heading.spot.order) > 1500:
            continue
        kind = (element.get("type") or "").lower() if element.tag == "input" else ""
        named = element.tag == "select" or kind in ("radio", "number")
        if not named and element.tag in ("ul", "div", "fieldset", "button", "li"):
            names = tokens(element)
            named = not names.isdisjoint(_CHOOSABLE)
        if named:
            spot = layout.by_element.get(element)
            if not others.has(spot or Spot(order, element, "", False, False, False, 0)):
                return True
    return False


_CHOOSABLE = frozenset(
    ["swatch", "swatches", "sizes", "variants", "variations", "sizeselector", "sizepicker"]
)


def _words(layout: Layout, heading: Heading, others: Others) -> tuple[bool, bool, bool]:
    """Whether words near the heading say: gone, in stock, to come."""
    gone = there = coming = False
    for spot in layout.spots:
        distance = spot.read - heading.spot.read
        if (
            not spot.own
            or spot.hidden
            or distance < -600
            or distance > REACH
            or not 2 <= len(spot.text) <= MAX_WORDS
        ):
            continue
        sold, stocked = SOLD_OUT.search(spot.text), IN_STOCK.search(spot.text)
        if not sold and not stocked:
            coming = coming or bool(distance >= 0 and len(spot.text) < 40 and PREORDER.search(spot.text))
            continue
        if spot.element is heading.spot.element or _is_choice(spot) or others.has(spot):
            continue
        status = not _names(spot).isdisjoint(_STATUS)
        if sold:
            plain = (sold.end() - sold.start()) >= 0.45 * len(spot.text)
            first = stocked is None or sold.start() <= stocked.start()
            if (plain or status) and first:
                gone = True
        elif stocked and (status or (stocked.end() - stocked.start()) >= 0.25 * len(spot.text)):
            there = True
    return gone, there, coming


def _is_choice(spot: Spot) -> bool:
    for one in above(spot.element, 3):
        if one.tag in ("option", "select", "label"):
            return True
        if not tokens(one).isdisjoint(_CHOICES):
            return True
    return False


def _names(spot: Spot) -> set[str]:
    return set().union(*(tokens(one) for one in above(spot.element, 2)))
