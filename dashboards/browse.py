"""The page "Browse": all products, narrowed down by words and facets, a page at a time.

All of a visitor's choice is in the address, so that reloading, going back and a link sent to somebody else
show the same products.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st

from dashboards.facets import LABELS
from dashboards.page_parts import SEARCHES, draw_note, draw_price, footer, header
from dashboards.product import show_cards
from lookalike import FilterArguments, Shop
from lookalike.arguments import MOST_CHARACTERS
from lookalike.browse import Browsed, Order
from lookalike.language import marked, number, plural
from lookalike.language import translated as _
from storage.errors import LookalikeError

PER_PAGE = 48
"""Products of a page: rows of two, three and six come out even."""

MOST_OFFERED = 500
"""Values of a facet that can be chosen from, the most frequent."""

FACETS = {"categories": "category", "colours": "colour", "brands": "brand", "stores": "store"}
"""Fields of `Choice`, and the facet that each narrows down, which `dashboards.facets` labels."""

ORDERS = {
    Order.NEWEST: marked("Newest first"),
    Order.CHEAPEST: marked("Cheapest first"),
    Order.DEAREST: marked("Most expensive first"),
}


@dataclass(frozen=True)
class Choice:
    """What a visitor chose; each field is a parameter of the address where it is not the default.

    :ivar lowest: the lowest price in `currency`, as `highest` is the highest; None for any.
    :ivar page: from 1.
    """

    words: str = ""
    stores: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    in_stock: bool = False
    lowest: Decimal | None = None
    highest: Decimal | None = None
    currency: str | None = None
    order: Order = Order.NEWEST
    page: int = 1

    @classmethod
    def of_address(cls, parameters: Mapping[str, Sequence[str]]) -> Choice:
        """The choice that an address holds; what makes no sense there is the default.

        :param parameters: all values of each parameter.
        """
        last = {name: values[-1] for name, values in parameters.items() if values}
        page = last.get("page", "")
        return cls(
            words=last.get("words", "")[:MOST_CHARACTERS].strip(),
            **{name: tuple(dict.fromkeys(parameters.get(name, ()))) for name in FACETS},
            in_stock=last.get("in_stock") == "true",
            lowest=_price(last.get("lowest")),
            highest=_price(last.get("highest")),
            currency=last.get("currency"),
            order=Order(last["order"]) if last.get("order") in set(Order) else Order.NEWEST,
            page=int(page) if page.isascii() and page.isdigit() and 0 < len(page) < 7 and int(page) else 1,
        )

    def to_address(self) -> dict[str, list[str]]:
        """The parameters of the address; defaults are left out."""
        default = vars(Choice())
        return {name: _texts(value) for name, value in vars(self).items() if value != default[name]}

    def filters(self, currencies: Sequence[str]) -> FilterArguments:
        """The filters that it stands for.

        :param currencies: those of all products.
        """
        filters = FilterArguments(in_stock=self.in_stock)
        for name, facet in FACETS.items():
            filters[facet] = getattr(self, name) or None  # type: ignore[literal-required]
        if self.lowest is not None or self.highest is not None:
            filters["min_price"], filters["max_price"] = self.lowest, self.highest
            filters["currency"] = self.currency or next(iter(currencies), None)
        return filters


def page(shop: Shop) -> None:
    """Draws the page for one visitor, or why nothing can be shown."""
    header()
    st.html(f'<h1 class="la-page">{_("Browse")}</h1>')
    choice = Choice.of_address({name: st.query_params.get_all(name) for name in vars(Choice())})
    try:
        choice, browsed = browse(shop, choice)
    except LookalikeError as error:
        draw_note(str(error))
        st.button(_("Show all products"), on_click=show, args=(Choice(),))
    else:
        draw_choice(choice, browsed, shop.currencies)
        show_products(choice, browsed)
    footer(shop)


def browse(shop: Shop, choice: Choice) -> tuple[Choice, Browsed]:
    """The products of the chosen page, or of the last where there are fewer now; and the choice of that page.

    :raises InputError: a value that no product has.
    """
    browsed = shop.browser.browse(
        choice.words,
        order=choice.order,
        page=choice.page,
        per_page=PER_PAGE,
        **choice.filters(shop.currencies),
    )
    if browsed.total and not browsed.products:
        return browse(shop, replace(choice, page=math.ceil(browsed.total / PER_PAGE)))
    return choice, browsed


def draw_choice(choice: Choice, browsed: Browsed, currencies: Sequence[str]) -> None:
    """Draws what a visitor chooses with, as the address says."""
    # The address decides, also after the browser's Back: each widget shows it, and writes to it.
    for name, value in vars(choice).items():
        st.session_state[_key(name)] = _shown(value)
    with st.container(key="la-browse-top"):
        st.text_input(
            _("Words in title, brand or category"),
            placeholder=_("linen dress"),
            max_chars=MOST_CHARACTERS,
            **_widget("words"),
        )
        st.selectbox(_("Sort"), list(Order), format_func=lambda order: _(ORDERS[order]), **_widget("order"))
    with st.sidebar:
        st.html(f'<h2 class="la-side">{_("Narrow it down")}</h2>')
        st.toggle(_("In stock only"), **_widget("in_stock"))
        for name, facet in FACETS.items():
            draw_facet(name, facet, getattr(choice, name), browsed.facets[facet])
        with st.container(horizontal=True, key="la-prices"):
            for label, name in ((_("Lowest price"), "lowest"), (_("Highest price"), "highest")):
                draw_price(label, **_widget(name))
        if len(currencies) > 1:
            st.selectbox(
                _("Currency"), currencies, index=None, placeholder=currencies[0], **_widget("currency")
            )


def draw_facet(name: str, facet: str, chosen: Sequence[str], counts: Mapping[str, int]) -> None:
    """Draws the values of a facet with their counts.

    :param counts: how many products have each value.
    """
    offered = [*chosen, *(value for value in counts if value not in chosen)]
    st.multiselect(
        _(LABELS[facet]),
        offered[:MOST_OFFERED],
        format_func=lambda value: f"{value} ({number(counts.get(value, 0))})",
        placeholder=_("Any"),
        select_all=False,
        **_widget(name),
    )


def show_products(choice: Choice, browsed: Browsed) -> None:
    """Shows a page of products, and the way to the other pages."""
    pages = max(1, math.ceil(browsed.total / PER_PAGE))
    counted = plural("{count} product", "{count} products", browsed.total)
    if pages > 1:
        counted = _(
            "{products}, page {page} of {pages}",
            products=counted,
            page=number(choice.page),
            pages=number(pages),
        )
    st.html(f'<p class="la-count" role="status">{counted}</p><h2 class="la-hidden">{_("Products")}</h2>')
    if not browsed.products:
        draw_note(_("No product fits. Remove a word, or loosen a filter."))
    show_cards("", "browse", browsed.products)
    if pages > 1:
        with st.container(horizontal=True, horizontal_alignment="center", key="la-pages"):
            for label, turned in ((_("Previous page"), choice.page - 1), (_("Next page"), choice.page + 1)):
                st.button(
                    label,
                    key=f"page-{turned}",
                    disabled=not 1 <= turned <= pages,
                    on_click=show,
                    args=(replace(choice, page=turned),),
                )


def show(choice: Choice) -> None:
    """Makes a choice the address."""
    address = choice.to_address()
    for name in vars(choice):
        if name in address:
            st.query_params[name] = address[name]
        else:
            st.query_params.pop(name, None)
    st.session_state[SEARCHES] = st.session_state.get(SEARCHES, 0) + 1


def _choose() -> None:
    """Writes what the widgets hold to the address; another choice begins at its first page."""
    held = {name: st.session_state.get(_key(name)) for name in vars(Choice())}
    show(replace(Choice.of_address({name: _texts(value) for name, value in held.items()}), page=1))


def _key(name: str) -> str:
    return f"browse-{name}"


def _widget(name: str) -> dict[str, Any]:
    return {"key": _key(name), "on_change": _choose}


def _shown(value: Any) -> Any:
    """A field as its widget takes it."""
    if isinstance(value, Decimal):
        return float(value)
    return list(value) if isinstance(value, tuple) else value


def _texts(value: Any) -> list[str]:
    """A field, or what its widget holds, as the address takes it."""
    if value is None or value == "":
        return []
    if isinstance(value, bool):
        return ["true"] if value else []
    return list(value) if isinstance(value, list | tuple) else [str(value)]


def _price(text: str | None) -> Decimal | None:
    try:
        price = Decimal(text or "")
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 else None
