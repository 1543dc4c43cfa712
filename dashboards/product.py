"""The page of one product: its photos, what its store says, prices over time, where else it is sold.

The product is in the address: `product?product=store:id`.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboards import address, links, price_chart, saved
from dashboards.page_parts import draw_note, footer, header
from lookalike import Match, Shop
from lookalike.language import day
from lookalike.language import translated as _
from lookalike.photo_reader import decode_photo
from lookalike.product_details import ProductDetails, photos, read_details
from lookalike.rendering import escaped, render
from storage import images
from storage.errors import LookalikeError

NEIGHBOURS = 6
"""Products that look like it, and products that go with it, that are shown."""

SMALL_SIDE = 400
"""Pixels of the longer side of all photos but the first, until they are opened."""


def page(shop: Shop) -> None:
    """Draws the page for one visitor, or why there is nothing to show."""
    header()
    name = st.query_params.get(links.PRODUCT_PARAMETER, "")
    if not name:
        draw_note(_("No product is chosen. Choose one from the results of a search, or browse."))
        links.draw_link(_("Browse all products"), links.BROWSE)
        footer(shop)
        return
    try:
        details = read_details(shop, name)
    except LookalikeError as error:
        draw_note(str(error))
        links.draw_link(_("Browse all products"), links.BROWSE)
    else:
        show_product(shop, details)
        show_prices(shop, details.match)
        show_elsewhere(shop, details.match)
        show_neighbours(shop, details.match)
    footer(shop)


def show_product(shop: Shop, details: ProductDetails) -> None:
    """Shows the photos, the facts, and what can be done with the product."""
    match = details.match
    with st.container(key="la-product"):
        with st.container(key="la-gallery"):
            shown = _photos(shop, shop.generation, match.id)
            st.html(render("gallery", photos=shown, title=match.title or match.id))
        with st.container(key="la-facts"):
            st.html(render("product", details=details, facts=facts(details)))
            with st.container(key="la-actions", horizontal=True, vertical_alignment="center"):
                links.draw_link(_("More like this"), links.FIND, {address.LIKE: match.id})
                links.draw_link(_("What goes with it"), links.FIND, {address.GOES_WITH: match.id})
                saved.draw_save(shop, match, match.title or match.id)


def facts(details: ProductDetails) -> list[tuple[str, str]]:
    """What the store states, as name and value; what it does not state is left out."""
    match = details.match
    found = [
        (_("Category"), match.category or ""),
        (_("Colour"), ", ".join(details.colours)),
        (_("Sizes"), ", ".join(details.sizes)),
        (_("GTIN"), details.gtin or ""),
        (_("SKU"), details.sku or ""),
        (_("First seen"), day(details.first_seen)),
        (_("Last seen"), day(match.seen)),
    ]
    return [(name, value) for name, value in found if value]


def show_prices(shop: Shop, match: Match) -> None:
    """Shows how the price changed, in all stores that sell the product."""
    st.html(f'<h2 class="la-part">{_("Price history")}</h2>')
    try:
        history = shop.price_history(match)
    except LookalikeError as error:
        draw_note(str(error))
        return
    if history["price"].notna().any():
        price_chart.draw(history, until=shop.manifest.built_at)
    else:
        draw_note(_("No store has given a price for this product yet."))


def show_elsewhere(shop: Shop, match: Match) -> None:
    """Shows the same product in other stores, the cheapest first."""
    found = shop.elsewhere(match)
    if found:
        st.html(f'<h2 class="la-part">{_("Also sold at")}</h2>' + render("elsewhere", matches=found))


def show_neighbours(shop: Shop, match: Match) -> None:
    """Shows what looks like the product, and what goes with it."""
    show_cards(_("Looks like it"), "like", shop.similar(match, NEIGHBOURS))
    try:
        goes_with = list(shop.complete(match, NEIGHBOURS))
    except LookalikeError:
        goes_with = []  # no garment was recognised, so nothing goes with it
    show_cards(_("Goes with it"), "goes", goes_with)


def show_cards(headline: str, key: str, matches: Sequence[Match]) -> None:
    """Shows products as cards, each with the link to its page; nothing where there are none.

    :param headline: empty for none.
    :param key: of the container, another for each row of cards on a page.
    """
    if not matches:
        return
    if headline:
        st.html(f'<h2 class="la-part">{escaped(headline)}</h2>')
    with st.container(key=f"la-cards-{key}"):
        for place, match in enumerate(matches):  # those that were asked for by name have no rank
            with st.container(key=f"la-{key}-{match.id}"):
                st.html(render("card", match=match, enlarged_id=f"la-enlarged-{key}-{place}"))
                links.draw_product_link(match.id)


@st.cache_data(max_entries=32, show_spinner=False)
def _photos(_shop: Shop, generation: str, product: str) -> list[tuple[bytes, bytes]]:
    """A product's photos as shown at first and as opened over the page, JPEG.

    The first is shown over the whole width, the others small below it. They are kept as long as the
    generation: reading the originals takes a tenth of a second.
    """
    jpegs = photos(_shop, read_details(_shop, product))
    small = [images.thumbnail(decode_photo(jpeg, fit=SMALL_SIDE), SMALL_SIDE) for jpeg in jpegs[1:]]
    return list(zip([*jpegs[:1], *small], jpegs, strict=True))
