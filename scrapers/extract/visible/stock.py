"""Whether the visible page says that its product can be bought."""

from __future__ import annotations

import re
from dataclasses import dataclass

import lxml.html

from scrapers.extract.visible.buy_button import Buying
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import Layout, Spot, above, tokens
from scrapers.extract.visible.other_content import OtherContent
from scrapers.extract.visible.weights import STOCK
from scrapers.extract.vocabulary import phrases, words
from storage.terms import Availability

_SOLD_OUT = phrases("sold_out", "coming_soon")
_SOLD_ALONE = phrases("sold_alone")
_IN_STOCK = phrases("in_stock")
_AVAILABLE_ALONE = phrases("available_alone")
_PREORDER = phrases("preorder")
_ANY = phrases("sold_out", "coming_soon", "sold_alone", "in_stock", "available_alone", "preorder")
"""Finds what any of these finds: most texts need no other search."""
_ELSEWHERE = phrases("elsewhere")
_PUNCTUATION = " .!¡✓✔"
_LINE_EDGES = f"{_PUNCTUATION}\t\r\n\u00a0"

_NONE_BEFORE = re.compile(
    r"(?:(?<![^\W\d_])(?P<named>[^\W\d_]{1,12})[.:]? )?(?<![\d.,])0 (?:[^\W\d_]{1,20} ){0,2}$"
)
_SIZES = frozenset({*words("option_size"), "us", "uk", "gr"})
"""Words before a zero that is a size: `Size 0 in stock`."""
_CHOICE_NAME = re.compile(r"attribut|option|variant|variation|size|colou?r|super_", re.I)
"""Names of lists of sizes or colours."""

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
    """The stock that the page shows.

    :ivar word: the availability.
    :ivar sure: whether it is clear enough to overrule the markup.
    """

    word: Availability
    sure: bool


def read_stock(
    layout: Layout,
    heading: Heading,
    others: OtherContent,
    buying: Buying,
    *,
    choices: bool,
    priced: bool,
    stated: str | None = None,
) -> Stock | None:
    """Availability by the buy button and the words about stock; None if the page has neither.

    :param choices: whether a size or colour can be chosen: many shops enable their button only then.
    :param priced: whether the page shows a price for the product.
    :param stated: the text beside the label `Availability`: many shops keep selling what is out of stock.
    """
    if stated is not None and word_of(stated) == Availability.OUT_OF_STOCK and not _ELSEWHERE.search(stated):
        return Stock(Availability.OUT_OF_STOCK, True)
    words = _read_stock_words(layout, heading, others)
    if buying.working and not (words.sold_out_said and (buying.disabled or _is_far_off(buying, heading))):
        if buying.preorder or (words.preorder_said and not words.available):
            return Stock(Availability.PREORDER, False)
        # A button that waits for a choice works even if all is sold out.
        return Stock(
            Availability.IN_STOCK, not words.sold_out_said and not _has_options(layout, heading, others)
        )
    if buying.sold_out or words.sold_out_said:
        # Words alone may be about a size or a shop: they do not overrule the markup.
        sure = words.labelled or buying.sold_out or buying.disabled or buying.notify
        return Stock(Availability.OUT_OF_STOCK, sure)
    if buying.disabled and not choices:
        return Stock(Availability.OUT_OF_STOCK, not words.available)
    if buying.notify and not words.available:
        return Stock(Availability.OUT_OF_STOCK, True)
    if words.available or ((buying.disabled or choices) and priced):
        return Stock(Availability.IN_STOCK, False)
    return None


def word_of(text: str) -> Availability | None:
    """Our word for a few words or a number about stock; None if they say nothing about it."""
    text = text.strip(_PUNCTUATION)
    if text.isdigit():
        return Availability.IN_STOCK if int(text) else Availability.OUT_OF_STOCK
    sold, stocked = _said(text)
    if sold and (stocked is None or sold.start() <= stocked.start()):
        return Availability.OUT_OF_STOCK
    if _PREORDER.search(text):
        return Availability.PREORDER
    return Availability.IN_STOCK if stocked or _AVAILABLE_ALONE.fullmatch(text) else None


def _has_options(layout: Layout, heading: Heading, others: OtherContent) -> bool:
    """Whether a size or colour is chosen from a list beside the product."""
    return any(
        _CHOICE_NAME.search(f"{element.get('name')} {element.get('id')}") and not others.contains(element)
        for element, order in layout.tagged("select")
        if 0 < order - heading.spot.order <= STOCK.button_reach
    )


def _is_far_off(buying: Buying, heading: Heading) -> bool:
    """Whether the button is too far off to refute words that say sold out."""
    return buying.order is not None and abs(buying.order - heading.spot.order) > STOCK.button_reach


def offers_choices(layout: Layout, heading: Heading, others: OtherContent) -> bool:
    """Whether a size, colour or number of the product can be chosen."""
    return any(
        _is_choosable(element) and not others.contains(element)
        for element, order in layout.tagged("select", "input", "fieldset", "ul", "li", "button", "div")
        if abs(order - heading.spot.order) <= STOCK.choices_reach
    )


def _is_choosable(element: lxml.html.HtmlElement) -> bool:
    if element.tag == "input":
        return (element.get("type") or "").lower() in ("radio", "number")
    return element.tag == "select" or not tokens(element).isdisjoint(_CHOOSABLE)


_CHOOSABLE = frozenset(
    ["swatch", "swatches", "sizes", "variants", "variations", "sizeselector", "sizepicker"]
)


@dataclass(slots=True)
class _StockWords:
    """What words near the heading say about stock.

    :ivar sold_out_said: it is sold out; `labelled` if the element is also named after stock.
    :ivar available: it is in stock.
    :ivar preorder_said: it can be preordered.
    """

    sold_out_said: bool = False
    labelled: bool = False
    available: bool = False
    preorder_said: bool = False


def _read_stock_words(layout: Layout, heading: Heading, others: OtherContent) -> _StockWords:
    words = _StockWords()
    for spot in layout.spots:
        distance = spot.read - heading.spot.read
        near = (
            -STOCK.before_heading <= distance <= STOCK.after_heading and 2 <= len(spot.text) <= STOCK.max_text
        )
        if not near or not spot.own or spot.hidden or spot.element is heading.spot.element:
            continue
        if not _ANY.search(spot.text):
            continue
        sold, stocked = _said(spot.text)
        if not sold and not stocked and not _names(spot).isdisjoint(_STATUS):
            stocked = _AVAILABLE_ALONE.fullmatch(spot.text.strip(_PUNCTUATION))
        if not sold and not stocked:
            words.preorder_said = words.preorder_said or (
                distance >= 0
                and len(spot.text) < STOCK.max_preorder
                and _PREORDER.search(spot.text) is not None
            )
        elif not _is_choice(spot) and not others.contains(spot.element):
            _note_words(words, spot, sold, stocked)
    return words


def _said(text: str) -> tuple[re.Match[str] | None, re.Match[str] | None]:
    """The words of a text that say sold out, as `0 units in stock` does, and those that say in stock."""
    sold = _SOLD_OUT.search(text) or _SOLD_ALONE.fullmatch(text.strip(_PUNCTUATION))
    stocked = _IN_STOCK.search(text)
    none = _NONE_BEFORE.search(text[: stocked.start()]) if stocked else None
    if none and (none["named"] or "").casefold() not in _SIZES:
        return stocked, None
    return sold, stocked


def _note_words(
    words: _StockWords, spot: Spot, sold: re.Match[str] | None, stocked: re.Match[str] | None
) -> None:
    status = not _names(spot).isdisjoint(_STATUS)
    if sold:
        size = sold.end() - sold.start()
        plain = size >= STOCK.sold_out_share * len(spot.text) or _is_line_of_its_own(spot, sold[0])
        first = stocked is None or sold.start() <= stocked.start()
        if (plain or status) and first and not _ELSEWHERE.search(spot.text):
            words.sold_out_said = True
            words.labelled = words.labelled or status
    elif stocked and (status or (stocked.end() - stocked.start()) >= STOCK.in_stock_share * len(spot.text)):
        words.available = True


def _is_line_of_its_own(spot: Spot, text: str) -> bool:
    """Whether a text stands alone between the elements of a box: `<i></i> Unavailable <p>…`."""
    lines = (spot.element.text, *(child.tail for child in spot.element))
    return any(line and line.strip(_LINE_EDGES).casefold() == text.casefold() for line in lines)


def _is_choice(spot: Spot) -> bool:
    for one in above(spot.element, STOCK.choice_steps):
        if one.tag == "form":
            return False  # the whole form is named after its choices: WooCommerce's `variations_form`
        if one.tag in ("option", "select") or (one.tag == "label" and _is_of_input(one)):
            return True
        if not tokens(one).isdisjoint(_CHOICES):
            return True
    return False


def _is_of_input(label: lxml.html.HtmlElement) -> bool:
    return label.get("for") is not None or next(label.iter("input", "select"), None) is not None


def _names(spot: Spot) -> set[str]:
    return set().union(*(tokens(one) for one in above(spot.element, STOCK.name_steps)))
