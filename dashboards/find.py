"""The search page: ask with a photo, words or a product, and see what looks like it.

All of a visitor's state but their photo is in the address (`dashboards.address`), so that reloading, going
back and a link sent to somebody else show the same page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards import address, asking, saved, scripts
from dashboards.answers import (
    alike,
    draw_answers,
    draw_downloads,
    draw_order,
    search_from_product,
    sections,
)
from dashboards.asking import CURRENT, Query, current_query
from dashboards.facets import chosen, draw_facets
from dashboards.page_parts import draw_note, footer, header, plain
from dashboards.query_tile import draw_query
from lookalike import FilterArguments, Match, Matches, Shop
from lookalike.facets import Choices, Order, narrow, sort
from lookalike.language import marked, plural
from lookalike.language import translated as _
from lookalike.likeness import Looks
from lookalike.rendering import escaped
from storage.errors import LookalikeError

__all__ = ["choose_filters", "draw_note", "footer", "header", "nothing_found", "page", "search_from_product"]

REMEMBERED = "answers"  # session key: the latest searches, by what was asked
MOST_REMEMBERED = 8
PHOTO_LEFT_OUT = marked(
    "This link comes from a search by photo. A photo is never part of a link: upload it here, and the link's "
    "filters apply."
)


@dataclass(frozen=True)
class Slots:
    """Containers for the parts of the page, the same in every state, so that the uploader never moves.

    The browser drops a transfer when its uploader is drawn elsewhere, as another element or under another
    parent. So all that changes is drawn into these, and the style sheet arranges them.
    """

    lead: DeltaGenerator
    grid: DeltaGenerator
    query_tile: DeltaGenerator
    below: DeltaGenerator


def page(shop: Shop) -> None:
    """Draws the page for one visitor.

    :param shop: the shop at its newest generation.
    """
    header()
    address.note()
    slots, typed = draw_frame()
    try:
        query = current_query(shop, typed)
    except LookalikeError as error:
        # A product that has left the shop is not asked for again.
        address.forget(address.LIKE, address.GOES_WITH, address.MORE_OF, address.LESS_OF)
        show_welcome(slots, trouble=str(error))
    else:
        if query is None:
            show_welcome(slots, _(PHOTO_LEFT_OUT) if asking.came_by_link_from_photo() else "")
        else:
            show_answer(shop, slots, query)
    with slots.below:
        footer(shop)


def draw_frame() -> tuple[Slots, str]:
    """Draws the containers and the ways to ask, and receives a photo; returns what was typed, too."""
    with st.container(key="la-scripts"):
        st.html(f"<script>{scripts.PASTE}</script>", unsafe_allow_javascript=True)
    lead = st.container(key="la-lead")
    grid = st.container(key="la-grid")
    with grid, st.container(key="la-query-column"):
        query_tile = st.container(key="la-query-tile")
        asking.receive_photo(asking.draw_uploader())
        with st.container(key="la-ask"):
            with st.container(key="la-words"):
                searched = CURRENT in st.session_state or address.LIKE in st.query_params
                typed = asking.draw_text_field(searched)
            if st.button(_("Take a photo"), icon=":material/photo_camera:", key="camera"):
                asking.take_photo()
    return Slots(lead, grid, query_tile, st.container(key="la-below")), typed


def show_answer(shop: Shop, slots: Slots, query: Query) -> None:
    """Shows the answers, or why there are none."""
    choices = chosen(shop.currencies)
    found, everything, trouble = None, None, ""
    with (
        slots.lead,
        st.spinner(
            _("Looking for what goes with it…") if query.completes else _("Looking for what looks like it…")
        ),
    ):
        try:
            everything = search(shop, query, Choices())
            found = search(shop, query, choices)
        except LookalikeError as error:
            trouble = str(error)
    banded = shop.has_bands and query.is_compared
    show_found(shop, slots, query, choices, found, trouble)
    pool = [*(everything or ()), *(found or ())]
    with slots.query_tile:
        draw_query(shop, query, found, pool)
    if everything is not None:
        draw_facets(alike(pool, banded), shop.currencies, choices)


def show_found(
    shop: Shop,
    slots: Slots,
    query: Query,
    choices: Choices,
    found: Matches | None,
    trouble: str,
) -> None:
    """Shows what was found under the choices.

    :param trouble: why nothing was found, where that is known.
    """
    descriptions = [] if found is None else found.descriptions()
    looks = (
        Looks.of_product(query.subject) if isinstance(query.subject, Match) else Looks.of_photo(descriptions)
    )
    nearest = [] if found is None else narrow(found, choices)
    banded = shop.has_bands and query.is_compared
    answers = nearest if address.UNLIKE_TOO in st.query_params else alike(nearest, banded)
    with slots.lead:
        st.html(f'<h2 class="la-headline" dir="auto">{escaped(query.headline)}</h2>')
        order = draw_bar(len(answers)) if answers else Order.LIKENESS
        if found is not None and found.warning:
            draw_note(found.warning)
    shown = sort(answers, order, choices.currency if choices.priced else None)[: address.shown()]
    with slots.grid:
        draw_answers(shop, sections(shown, order, banded), looks)
        if trouble or not nearest:
            draw_note(trouble or nothing_found(shop.currencies, choices.filters()))
        elif not answers:
            draw_note(not_similar(choices))
    with slots.below, st.container(horizontal_alignment="center", key="la-after"):
        if len(shown) < min(len(answers), address.MOST_ANSWERS):
            st.button(_("Show more"), key="show-more", on_click=address.show_more)
        elif len(answers) < len(nearest):
            st.button(_("Show less alike ones too"), key="show-all", on_click=address.show_unlike_too)
        if shown:
            draw_downloads(shown, query.headline)
            if isinstance(query.subject, bytes | Match) and not query.completes:
                saved.draw_save(shop, query.subject, query.headline)


def draw_bar(number: int) -> Order:
    """Draws the number of answers, and the choice of their order."""
    with st.container(horizontal=True, vertical_alignment="center", key="la-bar"):
        counted = plural("{count} product", "{count} products", number)
        if number >= address.MOST_ANSWERS:
            counted = _("{count} products and more", count=number)
        st.html(f'<p class="la-count" role="status">{escaped(counted)}</p>')
        return draw_order()


def search(shop: Shop, query: Query, choices: Choices) -> Matches:
    """Asks the shop, or remembers what it answered: choices and their counts need two searches each time.

    :raises LookalikeError: the query cannot be read, or no product can fit; the sentence says which.
    """
    remembered: dict[tuple[object, ...], Matches] = st.session_state.setdefault(REMEMBERED, {})
    generation = shop.generation
    asked = (generation, query.identity(), choices.searched())
    if asked not in remembered:
        for old in [one for one in remembered if one[0] != generation]:
            del remembered[old]  # answers hold the generation that they came from in memory
        remembered[asked] = query.search(shop, address.MOST_ANSWERS, choices.filters())
        while len(remembered) > MOST_REMEMBERED:
            remembered.pop(next(iter(remembered)))
    return remembered[asked]


def nothing_found(currencies: Sequence[str], filters: FilterArguments) -> str:
    """Says that no product passes the filters, and whether the currency may be the reason.

    :param currencies: those of all products.
    """
    currency = filters.get("currency")
    if currency is None or len(currencies) < 2:
        return _("Nothing in the shop fits these filters. Loosen one of them.")
    return _(
        "Nothing with a price in {currency} fits these filters. Choose another currency, or loosen a filter.",
        currency=currency,
    )


def not_similar(choices: Choices) -> str:
    """Says that what passes the filters, if any are set, is not similar enough, and what can be done."""
    if choices == Choices(currency=choices.currency):
        return _("Nothing here is similar enough. The button below shows what comes closest.")
    return _(
        "Nothing that fits these filters is similar enough. "
        "Loosen a filter, or see what comes closest by the button below."
    )


def choose_filters(shop: Shop) -> FilterArguments:
    """Draws a sidebar for pages that have no facets.

    :return: the chosen filters.
    """
    with st.sidebar:
        st.html(f'<h2 class="la-side">{_("Narrow it down")}</h2>')
        store = st.selectbox(
            _("Store"), shop.stores, index=None, placeholder=_("All stores"), key="store", bind="query-params"
        )
        in_stock = st.toggle(_("In stock only"), key="in_stock", bind="query-params")
        limit = st.number_input(
            _("Highest price"),
            min_value=0.0,
            value=None,
            step=5.0,
            format="%.2f",
            placeholder=_("Any"),
            key="max_price",
            bind="query-params",
        )
        currencies = shop.currencies
        currency = currencies[0] if currencies else None
        if limit is not None and len(currencies) > 1:
            currency = st.segmented_control(
                _("Currency"),
                currencies,
                format_func=plain,
                default=currencies[0],
                required=True,
                key="currency",
                bind="query-params",
            )
    filters = FilterArguments(store=store, in_stock=in_stock)
    if limit is not None and currency is not None:
        filters["max_price"], filters["currency"] = Decimal(str(limit)), currency
    return filters


def show_welcome(slots: Slots, trouble: str = "") -> None:
    """Shows the page before a search, and what was wrong with the last photo."""
    with slots.lead:
        st.html(
            f'<section class="la-hero"><h1>{_("Seen it somewhere? Find it in a store.")}</h1><p>'
            + _(
                "Upload a photo of something to wear. You get the products that look most like it, "
                "with their prices and links to the stores."
            )
            + "</p></section>"
        )
    with slots.below:
        if trouble:
            draw_note(trouble)
        tips = (
            (_("One garment, filling the picture"), _("Crop away what you do not want.")),
            (_("Any photo will do"), _("A snapshot, a pasted screenshot, a link.")),
            (_("It stays yours"), _("Your photo is used for this search and is not kept.")),
        )
        items = "".join(f"<li><b>{headline}</b><span>{tip}</span></li>" for headline, tip in tips)
        st.html(f'<ul class="la-tips">{items}</ul>')
