"""A page's product as a shopper sees it, as one candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scrapers.extract.candidates import Candidate, RawOffer
from scrapers.extract.page import Page
from scrapers.extract.visible.buying import Buying, find_buttons, read_buying
from scrapers.extract.visible.heading import Heading, find_heading
from scrapers.extract.visible.layout import Layout, read_layout
from scrapers.extract.visible.maker import read_maker
from scrapers.extract.visible.marks import find_marks
from scrapers.extract.visible.number import read_marked_number, shown_numbers
from scrapers.extract.visible.others import Others
from scrapers.extract.visible.photos import read_photos
from scrapers.extract.visible.prices import ShownPrice, choose_price
from scrapers.extract.visible.rows import read_rows
from scrapers.extract.visible.stock import Stock, offers_choices, read_stock

SOURCE = "html"


@dataclass(frozen=True, slots=True)
class Visible:
    """What is seen of the page's product.

    :ivar candidate: its fields.
    :ivar price: the price shown, with all other amounts that belong to the product.
    :ivar numbers: what may be numbers of the product among the texts of the page.
    """

    heading: Heading
    candidate: Candidate
    price: ShownPrice | None
    stock: Stock | None
    buying: Buying
    choices: bool
    numbers: frozenset[str] = frozenset()


def read_visible(page: Page, names: Sequence[str]) -> Visible | None:
    """Reads the visible page.

    :param names: what the page calls itself or its product, most trusted first.
    :return: None where nothing on the page is its heading.
    """
    layout = read_layout(page)
    heading = find_heading(layout, names)
    return _read(layout, heading) if heading else None


def _read(layout: Layout, heading: Heading) -> Visible:
    others = Others(layout, heading.spot)
    marks = find_marks(layout, heading)
    buttons = find_buttons(layout, heading)
    others.mark_cards(mark.spot.element for mark in marks if mark.symbol)
    buying = read_buying(layout, heading, others, buttons)
    price = choose_price(layout, heading, marks, others, buying.order)
    choices = offers_choices(layout, heading, others)
    rows = read_rows(layout, heading, others)
    stated = next(iter(rows.get("stock", ())), None)
    stock = read_stock(
        layout, heading, others, buying, choices=choices, priced=price is not None, stated=stated
    )
    offer = RawOffer(
        price=price.price if price and not price.high else None,
        low=price.price if price and price.high else None,
        high=price.high if price else None,
        before=price.before if price else None,
        currency=price.symbol if price else None,
        availability=stock.word if stock else None,
    )
    candidate = Candidate(
        source=SOURCE,
        title=heading.text,
        brand=next(iter(rows.get("brand", ())), None) or read_maker(layout, heading, others),
        sku=next(iter(rows.get("sku", ())), None) or read_marked_number(layout, heading, others),
        gtins=tuple(rows.get("gtin", ())),
        photos=tuple(read_photos(layout, heading, others)),
        offers=(offer,) if offer.price or offer.low or offer.availability else (),
    )
    return Visible(heading, candidate, price, stock, buying, choices, frozenset(shown_numbers(layout)))
