"""The page "Saved searches": what the nights found, and the form that saves a search.

The dashboard has no accounts, so everybody who can open it sees all saved searches.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import streamlit as st

from dashboards import asking, links
from dashboards.page_parts import draw_note, footer, header
from lookalike import Match, Shop
from lookalike.language import day, marked, price
from lookalike.language import translated as _
from lookalike.rendering import render
from lookalike.saved_searches import forget, read_all, save
from storage.errors import LookalikeError
from storage.terms import Event

if TYPE_CHECKING:
    from lookalike.saved_searches import SavedSearch

EVENTS = {
    Event.LOOKALIKE: marked("A new lookalike appears"),
    Event.PRICE: marked("It costs less"),
    Event.SIZE: marked("My size is there"),
}
MOST_NAMED = 80
"""Characters of a search's name."""

PROBLEM = "saved-problem"  # session key: why a search could not be forgotten


def page(shop: Shop) -> None:
    """Draws the page for one visitor, or why there is nothing to show."""
    header()
    st.html(
        f'<h1 class="la-page">{_("Saved searches")}</h1><p class="la-count">'
        + _(
            "Each night looks for new lookalikes, lower prices and your size. "
            "Everybody who can open this page sees all searches."
        )
        + "</p>"
    )
    if problem := st.session_state.pop(PROBLEM, ""):
        draw_note(problem)
    searches, damaged = read_all(shop)
    for sentence in damaged:
        draw_note(sentence)
    if not searches:
        draw_note(
            _("No search is saved yet. Press “Tell me when…” on a product's page, or below what was found.")
        )
    for search in searches:
        show_search(shop, search)
    footer(shop)


def show_search(shop: Shop, search: SavedSearch) -> None:
    """Shows one search with its news, and the button that forgets it."""
    with st.container(key=f"la-saved-{search.id}"):
        st.html(render("saved", search=search, facts=facts(search)))
        for number, news in enumerate(search.news):
            with st.container(
                key=f"la-news-{search.id}-{number}", horizontal=True, vertical_alignment="center"
            ):
                st.html(render("news", news=news))
                links.draw_link(_("Details"), links.PRODUCT, {links.PRODUCT_PARAMETER: news.product})
        with st.container(horizontal=True, vertical_alignment="center", key=f"la-actions-{search.id}"):
            if search.product is not None:
                links.draw_link(
                    _("See the product"), links.PRODUCT, {links.PRODUCT_PARAMETER: search.product}
                )
            elif st.button(_("Search again"), key=f"again-{search.id}"):
                asking.search_for_photo(search.id, search.name, search.photo)
                st.switch_page(links.target(links.FIND))
            st.button(_("Forget"), key=f"forget-{search.id}", on_click=_forget, args=(shop, search.id))


def facts(search: SavedSearch) -> list[str]:
    """What a search tells of and since when, in words."""
    limit = price(search.max_price, search.currency)
    wanted = {
        Event.LOOKALIKE: _("new lookalikes of at most {price}", price=limit)
        if limit
        else _("new lookalikes"),
        Event.PRICE: _("lower prices"),
        Event.SIZE: _("size {size}", size=search.size),
    }
    created = day(search.created_at)
    return [
        _("Tells you of {events}.", events=", ".join(wanted[event] for event in search.events)),
        _("Saved on {created}, last checked on {checked}.", created=created, checked=day(search.checked_at))
        if search.checked_at
        else _("Saved on {created}, not checked yet.", created=created),
    ]


def draw_save(shop: Shop, query: bytes | Match, name: str) -> None:
    """Draws the form that saves a search for a photo or a product, and what saving did.

    :param name: what the search is called at first.
    """
    with st.popover(_("Tell me when…"), key="la-save"), st.form("save-search", border=False):
        called = st.text_input(_("Name"), name[:MOST_NAMED], max_chars=MOST_NAMED)
        events = st.multiselect(
            _("Tell me when"),
            list(Event),
            [Event.LOOKALIKE, Event.PRICE],
            format_func=lambda event: _(EVENTS[event]),
        )
        size = st.text_input(_("My size"), placeholder="M, 42, …", max_chars=20)
        currency = next(iter(shop.currencies), "")
        limit = st.number_input(
            _("Highest price of a lookalike") + (f" ({currency})" if currency else ""),
            min_value=0.0,
            value=None,
            format="%.2f",
            placeholder=_("Any"),
        )
        st.caption(_("A small copy of the photo is kept with the search until it is forgotten."))
        if st.form_submit_button(_("Save the search"), type="primary"):
            try:
                save(
                    shop,
                    query,
                    called,
                    events=events + ([Event.SIZE] if size.strip() and Event.SIZE not in events else []),
                    size=size,
                    max_price=None if limit is None else Decimal(str(limit)),
                    currency=currency or None,
                )
            except LookalikeError as error:
                draw_note(str(error))
            else:
                draw_note(_("Saved. The next night looks for news."))
                links.draw_link(_("Saved searches"), links.SAVED)


def _forget(shop: Shop, search_id: str) -> None:
    try:
        forget(shop, search_id)
    except LookalikeError as error:
        st.session_state[PROBLEM] = str(error)
