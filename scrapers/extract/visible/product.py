"""A page's product as a shopper sees it, as a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scrapers.extract.candidates import Candidate, RawOffer
from scrapers.extract.page import Page
from scrapers.extract.visible.amounts import find_amounts
from scrapers.extract.visible.brand import read_brand
from scrapers.extract.visible.buy_button import Buying, find_buttons, read_buying
from scrapers.extract.visible.heading import Heading, find_heading
from scrapers.extract.visible.labelled_rows import read_rows
from scrapers.extract.visible.layout import Layout, read_layout
from scrapers.extract.visible.other_content import OtherContent
from scrapers.extract.visible.photos import read_photos
from scrapers.extract.visible.price import ShownPrice, choose_price
from scrapers.extract.visible.product_number import read_marked_number, shown_numbers
from scrapers.extract.visible.stock import Stock, offers_choices, read_stock
from storage.terms import SourceName


@dataclass(frozen=True, slots=True)
class Visible:
    """What the visible page shows of its product.

    :ivar candidate: its fields.
    :ivar price: the shown price, with all other amounts of the product.
    :ivar numbers: texts of the page that may be the product's number.
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
    :return: None if the page has no heading.
    """
    layout = read_layout(page)
    heading = find_heading(layout, names)
    return _read(layout, heading) if heading else None


def _read(layout: Layout, heading: Heading) -> Visible:
    others = OtherContent(layout, heading.spot)
    amounts = find_amounts(layout, heading)
    buttons = find_buttons(layout, heading)
    others.add_cards(amount.spot.element for amount in amounts if amount.symbol)
    buying = read_buying(layout, heading, others, buttons)
    price = choose_price(layout, heading, amounts, others, buying.order)
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
        source=SourceName.HTML,
        title=heading.text,
        brand=next(iter(rows.get("brand", ())), None) or read_brand(layout, heading, others),
        sku=next(iter(rows.get("sku", ())), None) or read_marked_number(layout, heading, others),
        gtins=tuple(rows.get("gtin", ())),
        photos=tuple(read_photos(layout, heading, others)),
        offers=(offer,) if offer.price or offer.low or offer.availability else (),
    )
    return Visible(heading, candidate, price, stock, buying, choices, frozenset(shown_numbers(layout)))
