"""The page "Saved searches": what the nights found, and the form that saves a search.

The dashboard has no accounts, so everybody who can open it sees all saved searches.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import streamlit as st

from dashboards import asking, links
from dashboards.page_parts import draw_note, footer, header
from lookalike import Match, Shop
from lookalike.rendering import render
from lookalike.saved_searches import Event, SavedSearch, forget, read_all, save
from storage.errors import LookalikeError
from storage.money import display_price

EVENTS = {
    Event.LOOKALIKE: "A new lookalike appears",
    Event.PRICE: "It costs less",
    Event.SIZE: "My size is there",
}
MOST_NAMED = 80
"""Characters of a search's name."""

PROBLEM = "saved-problem"  # session key: why a search could not be forgotten


def page(shop: Shop) -> None:
    """Draws the page for one visitor, or why there is nothing to show."""
    header()
    st.html(
        '<h1 class="la-page">Saved searches</h1><p class="la-count">Each night looks for new lookalikes, '
        "lower prices and your size. Everybody who can open this page sees all searches.</p>"
    )
    if problem := st.session_state.pop(PROBLEM, ""):
        draw_note(problem)
    searches, damaged = read_all(shop)
    for sentence in damaged:
        draw_note(sentence)
    if not searches:
        draw_note(
            "No search is saved yet. Press “Tell me when…” on a product's page, or below what was found."
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
                links.draw_link("Details", links.PRODUCT, {links.PRODUCT_PARAMETER: news.product})
        with st.container(horizontal=True, vertical_alignment="center", key=f"la-actions-{search.id}"):
            if search.product is not None:
                links.draw_link("See the product", links.PRODUCT, {links.PRODUCT_PARAMETER: search.product})
            elif st.button("Search again", key=f"again-{search.id}"):
                asking.search_for_photo(search.id, search.name, search.photo)
                st.switch_page(links.target(links.FIND))
            st.button("Forget", key=f"forget-{search.id}", on_click=_forget, args=(shop, search.id))


def facts(search: SavedSearch) -> list[str]:
    """What a search tells of and since when, in words."""
    limit = display_price(search.max_price, search.currency) if search.max_price is not None else ""
    wanted = {
        Event.LOOKALIKE: f"new lookalikes{f' of at most {limit}' if limit else ''}",
        Event.PRICE: "lower prices",
        Event.SIZE: f"size {search.size}",
    }
    checked = f"last checked on {_day(search.checked_at)}" if search.checked_at else "not checked yet"
    return [
        f"Tells you of {', '.join(wanted[event] for event in search.events)}.",
        f"Saved on {_day(search.created_at)}, {checked}.",
    ]


def draw_save(shop: Shop, query: bytes | Match, name: str) -> None:
    """Draws the form that saves a search for a photo or a product, and what saving did.

    :param name: what the search is called at first.
    """
    with st.popover("Tell me when…", key="la-save"), st.form("save-search", border=False):
        called = st.text_input("Name", name[:MOST_NAMED], max_chars=MOST_NAMED)
        events = st.multiselect(
            "Tell me when", list(Event), [Event.LOOKALIKE, Event.PRICE], format_func=EVENTS.__getitem__
        )
        size = st.text_input("My size", placeholder="M, 42, …", max_chars=20)
        currency = next(iter(shop.currencies), "")
        limit = st.number_input(
            f"Highest price of a lookalike{f' ({currency})' if currency else ''}",
            min_value=0.0,
            value=None,
            format="%.2f",
            placeholder="Any",
        )
        st.caption("A small copy of the photo is kept with the search until it is forgotten.")
        if st.form_submit_button("Save the search", type="primary"):
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
                draw_note("Saved. The next night looks for news.")
                links.draw_link("Saved searches", links.SAVED)


def _forget(shop: Shop, search_id: str) -> None:
    try:
        forget(shop, search_id)
    except LookalikeError as error:
        st.session_state[PROBLEM] = str(error)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
