"""Whether a page's product can be had, by what a shopper sees."""

from __future__ import annotations

import re
from dataclasses import dataclass

import lxml.html

from scrapers.extract.visible.buying import Buying
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, above, tokens
from scrapers.extract.visible.others import Others
from scrapers.extract.visible.words import ELSEWHERE, IN_STOCK, PREORDER, SOLD_OUT

REACH = 3000
"""How far from the heading, in characters of text, stock is spoken of."""

MAX_DISTANCE = 500
"""Elements between a heading and the button that is certainly its own."""
MAX_WORDS = 160
"""Longest text, in characters, that is taken for a word about stock."""

_SOLD = re.compile(
    r"(?:sold|verkauft|vendu|venduto|vendido|verkocht|såld|solgt|myyty|sprzedane|prodáno|predané|eladva|vândut"
    r"|prodano|satıldı|πουλήθηκε|продано|売約済み?|已售|판매완료)[.!]?",
    re.I,
)
"""What stands alone on what is gone; `sold by` is another thing."""

_THERE = re.compile(
    r"(?:is )?available|yes|disponible|disponibile|disponível|verfügbar|lieferbar|beschikbaar|tilgængelig"
    r"|tilgjengelig|tillgänglig|saatavilla|dostępny|dostupné|k dispozici|elérhető|disponibil|dostupno|mevcut"
    r"|διαθέσιμο|в наличии|доступно|有货|在庫あり|재고 있음",
    re.I,
)
"""What stands alone, where stock is spoken of, on what can be had."""

_CHOICE_NAME = re.compile(r"attribut|option|variant|variation|size|colou?r|super_", re.I)
"""What a list of a product's sizes or colours is called."""

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
    layout: Layout,
    heading: Heading,
    others: Others,
    buying: Buying,
    *,
    choices: bool,
    priced: bool,
    stated: str | None = None,
) -> Stock | None:
    """Availability by the buy button and the words about stock; None where neither is there.

    :param choices: whether a size or colour can be chosen: many shops switch their button on only then.
    :param priced: whether the page shows a price for the product.
    :param stated: what stands beside the label `Availability`: many shops sell on when nothing is left.
    """
    if stated is not None and word_of(stated) == "out_of_stock" and not ELSEWHERE.search(stated):
        return Stock("out_of_stock", True)
    said = _words(layout, heading, others)
    if buying.working and not (said.gone and (buying.disabled or _is_far(buying, heading))):
        if buying.preorder or (said.coming and not said.there):
            return Stock("preorder", False)
        # A button that waits for a choice works, whatever is left.
        return Stock("in_stock", not said.gone and not _has_options(layout, heading, others))
    if buying.sold_out or said.gone:
        # Words alone may be of a size, or of a shop: they do not refute the markup.
        sure = said.marked or buying.sold_out or buying.disabled or buying.notify
        return Stock("out_of_stock", sure)
    if buying.disabled and not choices:
        return Stock("out_of_stock", not said.there)
    if buying.notify and not said.there:
        return Stock("out_of_stock", True)
    if said.there or ((buying.disabled or choices) and priced):
        return Stock("in_stock", False)
    return None


def word_of(text: str) -> str | None:
    """Our word for what is said of stock in a few words or as a number; None where they say nothing of it."""
    text = text.strip(" .!¡✓✔")
    if text.isdigit():
        return "in_stock" if int(text) else "out_of_stock"
    sold, stocked = SOLD_OUT.search(text) or _SOLD.fullmatch(text), IN_STOCK.search(text)
    if sold and (stocked is None or sold.start() <= stocked.start()):
        return "out_of_stock"
    if PREORDER.search(text):
        return "preorder"
    return "in_stock" if stocked or _THERE.fullmatch(text) else None


def _has_options(layout: Layout, heading: Heading, others: Others) -> bool:
    """Whether a size or colour is chosen from a list beside the product."""
    for element, order in layout.order.items():
        if element.tag == "select" and 0 < order - heading.spot.order <= MAX_DISTANCE:
            spot = layout.by_element.get(element)
            named = _CHOICE_NAME.search(f"{element.get('name')} {element.get('id')}")
            if named and not others.has(spot or Spot(order, element, "", False, False, False, 0)):
                return True
    return False


def _is_far(buying: Buying, heading: Heading) -> bool:
    """Whether the button stands too far off to be believed where words say that nothing is left."""
    return buying.order is not None and abs(buying.order - heading.spot.order) > MAX_DISTANCE


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


@dataclass(slots=True)
class _Said:
    """What words near the heading say of stock.

    :ivar gone: there is nothing left; `marked` where what says so is also called stock or availability.
    :ivar there: there is some. :ivar coming: there will be.
    """

    gone: bool = False
    marked: bool = False
    there: bool = False
    coming: bool = False


def _words(layout: Layout, heading: Heading, others: Others) -> _Said:
    said = _Said()
    for spot in layout.spots:
        distance = spot.read - heading.spot.read
        near = -600 <= distance <= REACH and 2 <= len(spot.text) <= MAX_WORDS
        if not near or not spot.own or spot.hidden or spot.element is heading.spot.element:
            continue
        sold, stocked = SOLD_OUT.search(spot.text) or _SOLD.fullmatch(spot.text), IN_STOCK.search(spot.text)
        if not sold and not stocked and not _names(spot).isdisjoint(_STATUS):
            stocked = _THERE.fullmatch(spot.text.strip(" .!✓✔"))
        if not sold and not stocked:
            said.coming = said.coming or (
                distance >= 0 and len(spot.text) < 40 and PREORDER.search(spot.text) is not None
            )
        elif not _is_choice(spot) and not others.has(spot):
            _note(said, spot, sold, stocked)
    return said


def _note(said: _Said, spot: Spot, sold: re.Match[str] | None, stocked: re.Match[str] | None) -> None:
    status = not _names(spot).isdisjoint(_STATUS)
    if sold:
        plain = (sold.end() - sold.start()) >= 0.45 * len(spot.text)
        first = stocked is None or sold.start() <= stocked.start()
        if (plain or status) and first and not ELSEWHERE.search(spot.text):
            said.gone = True
            said.marked = said.marked or status
    elif stocked and (status or (stocked.end() - stocked.start()) >= 0.25 * len(spot.text)):
        said.there = True


def _is_choice(spot: Spot) -> bool:
    for one in above(spot.element, 3):
        if one.tag in ("option", "select") or (one.tag == "label" and _is_of_input(one)):
            return True
        if not tokens(one).isdisjoint(_CHOICES):
            return True
    return False


def _is_of_input(label: lxml.html.HtmlElement) -> bool:
    return label.get("for") is not None or next(label.iter("input", "select"), None) is not None


def _names(spot: Spot) -> set[str]:
    return set().union(*(tokens(one) for one in above(spot.element, 2)))
