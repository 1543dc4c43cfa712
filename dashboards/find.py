"""The search page: upload a photo, see the five products that look most like it.

All of a visitor's state but their photo is in the address, so that reloading, going back and a link sent to
somebody else show the same page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboards import scripts
from lookalike import FilterArguments, Match, Shop
from lookalike.photo_reader import decode_photo
from lookalike.rendering import escaped, render
from storage import images
from storage.errors import LookalikeError, UnreadableImageError

MATCHES = 5
MORE = 12
"""Products that "Show more" adds: with the tile of the query, five and a multiple of six fill the rows."""
MOST = 53
MAX_UPLOAD_MB = 20
PHOTO_TYPES = ["jpg", "jpeg", "png", "webp", "avif", "gif"]
PREVIEW_SIDE = 720
"""Pixels of the longer side of the uploaded photo as shown; the search gets the photo as it came."""

PHOTO = "photo"  # session key: the uploader
CURRENT = "current"  # session key: the photo searched for, an `Upload`
UPLOADERS = "uploaders"  # session key: number of restarts, each with an empty uploader
LIKE = "like"  # URL parameter: "store:product_id" of the product to find similar ones to
GOES_WITH = "goes_with"  # URL parameter: the product to complete an outfit for
SHOWN = "shown"  # URL parameter: number of results, if more than `MATCHES`
SEARCHES = "searches"  # session key: number of searches that started from a result


@dataclass(frozen=True)
class Upload:
    """An uploaded photo.

    :ivar file_id: Streamlit's, another for each transfer.
    """

    file_id: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Query:
    """What is searched for: an uploaded photo, or a product.

    :ivar query: what `Shop.similar` and `Shop.complete` take.
    :ivar preview: a JPEG to show beside the matches.
    :ivar headline: what the matches are, in words; may hold a scraped title, so it is escaped when shown.
    :ivar completes: whether products that go with it are wanted, instead of similar ones.
    """

    query: bytes | Match
    preview: bytes
    caption: str
    headline: str
    completes: bool = False


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
    filters = choose_filters(shop)
    header()
    slots = draw_frame()
    try:
        query = current_query(shop)
    except LookalikeError as error:
        search_for_photo()  # a product that has left the shop is not asked for again
        show_welcome(slots, trouble=str(error))
    else:
        if query is None:
            show_welcome(slots)
        else:
            show_answer(shop, slots, query, filters)
    with slots.below:
        footer(shop)


def draw_frame() -> Slots:
    """Draws the containers and the uploader, and receives an uploaded photo."""
    lead = st.container(key="la-lead")
    grid = st.container(key="la-grid")
    with grid, st.container(key="la-query-column"):
        query_tile = st.container(key="la-query-tile")
        receive_photo(draw_uploader())
    return Slots(lead, grid, query_tile, st.container(key="la-below"))


def show_answer(shop: Shop, slots: Slots, query: Query, filters: FilterArguments) -> None:
    """Shows the results, or why there are none."""
    search = shop.complete if query.completes else shop.similar
    try:
        with (
            slots.lead,
            st.spinner(f"Looking for what {'goes with' if query.completes else 'looks like'} it…"),
        ):
            found = search(query.query, result_count(), **filters)
            shown = ", ".join(description.summary() for description in found.descriptions())
    except LookalikeError as error:
        matches, warning, shown, trouble = [], None, "", str(error)
    else:
        matches, warning = list(found), found.warning
        trouble = "" if matches else nothing_found(shop.currencies, filters)
    with slots.lead:
        st.html(f'<h2 class="la-headline" dir="auto">{escaped(query.headline)}</h2>')
        if warning:
            draw_note(warning)
    with slots.query_tile:
        draw_query(query, shown)
    with slots.grid:
        for match in matches:
            draw_match(match)
        if trouble:
            draw_note(trouble)
    if len(matches) == result_count() < MOST:
        with slots.below, st.container(horizontal_alignment="center"):
            st.button("Show more", key="show-more", on_click=show_more)


def nothing_found(currencies: Sequence[str], filters: FilterArguments) -> str:
    """Says that no product passes the filters, and whether the currency may be the reason.

    :param currencies: those of all products.
    """
    currency = filters.get("currency")
    if currency is None or len(currencies) < 2:
        return "Nothing in the shop fits these filters. Loosen one of them."
    return (
        f"Nothing with a price in {currency} fits these filters. Choose another currency, or loosen a filter."
    )


def header() -> None:
    """Draws the header, and scrolls up to it after each search that started from a result."""
    # The one element that may run a script, and so our own words only. It runs when the element has changed.
    searches = int(st.session_state.get(SEARCHES, 0))
    st.html(
        f'<header data-searches="{searches}"><span class="la-mark">Lookalike</span></header>'
        + (f"<script>{scripts.SCROLL_UP}</script>" if searches else ""),
        unsafe_allow_javascript=True,
    )


def choose_filters(shop: Shop) -> FilterArguments:
    """Draws the sidebar.

    :return: the chosen filters.
    """
    with st.sidebar:
        st.html('<h2 class="la-side">Narrow it down</h2>')
        store = st.selectbox(
            "Store", shop.stores, index=None, placeholder="All stores", key="store", bind="query-params"
        )
        in_stock = st.toggle("In stock only", key="in_stock", bind="query-params")
        limit = st.number_input(
            "Highest price",
            min_value=0.0,
            value=None,
            step=5.0,
            format="%.2f",
            placeholder="Any",
            key="max_price",
            bind="query-params",
        )
        currencies = shop.currencies
        currency = currencies[0] if currencies else None
        if limit is not None and len(currencies) > 1:
            currency = st.segmented_control(
                "Currency",
                currencies,
                default=currencies[0],
                required=True,
                key="currency",
                bind="query-params",
            )
    filters = FilterArguments(store=store, in_stock=in_stock)
    if limit is not None and currency is not None:
        filters["max_price"], filters["currency"] = Decimal(str(limit)), currency
    return filters


def current_query(shop: Shop) -> Query | None:
    """The visitor's present query, None before the first.

    :raises LookalikeError: the photo cannot be read, or the product has left the shop.
    """
    for parameter, words in ((LIKE, "More like"), (GOES_WITH, "Goes with")):
        if (name := st.query_params.get(parameter)) is not None:
            product = shop.product(name)
            title = product.title or "this product"
            headline = f"{words} {title}"
            return Query(product, product.thumbnail(), f"{words} this", headline, parameter == GOES_WITH)
    photo: Upload | None = st.session_state.get(CURRENT)
    if photo is None:
        return None
    try:
        preview = images.thumbnail(decode_photo(photo.data, fit=PREVIEW_SIDE), side=PREVIEW_SIDE)
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{photo.name} could not be opened: it is {error}.") from None
    return Query(photo.data, preview, "Your photo", "Looks like your photo")


def show_welcome(slots: Slots, trouble: str = "") -> None:
    """Shows the page before a search, and what was wrong with the last photo."""
    with slots.lead:
        st.html(
            '<section class="la-hero"><h1>Seen it somewhere? Find it in a store.</h1>'
            "<p>Upload a photo of something to wear. You get the five products that look most like it, "
            "with their price and the way to the store.</p></section>"
        )
    with slots.below:
        if trouble:
            draw_note(trouble)
        st.html(
            '<ul class="la-tips">'
            "<li><b>One garment, filling the picture</b><span>Crop away what you do not want.</span></li>"
            "<li><b>Any photo will do</b><span>A snapshot, a screenshot, a page of a magazine.</span></li>"
            "<li><b>It stays yours</b><span>Your photo is used for this search and is not kept.</span></li>"
            "</ul>"
        )


def draw_uploader() -> UploadedFile | None:
    """Draws the uploader.

    What the browser itself refuses, a file too large or of another kind, it says under the uploader; the
    style sheet shows that sentence.
    """
    with st.container(key="la-uploader"):
        return st.file_uploader(
            "Upload a photo",
            type=PHOTO_TYPES,
            max_upload_size=MAX_UPLOAD_MB,
            key=f"{PHOTO}-{st.session_state.get(UPLOADERS, 0)}",
            label_visibility="collapsed",
        )


def receive_photo(upload: UploadedFile | None) -> None:
    """Makes a newly uploaded photo the query, instead of a product.

    While the next one travels the uploader holds none: the photo before is then still the one searched for.
    """
    current: Upload | None = st.session_state.get(CURRENT)
    if upload is None or (current is not None and current.file_id == upload.file_id):
        return
    st.session_state[CURRENT] = Upload(upload.file_id, upload.name, upload.getvalue())
    search_for_photo()


def draw_query(query: Query, shown: str) -> None:
    """Draws the first tile of the grid: the query, and the button to leave it.

    :param shown: what the photo shows, in words; empty where nothing can be said.
    """
    st.html(render("query", jpeg=query.preview, caption=query.caption, seen_as=shown))
    if isinstance(query.query, Match) and st.session_state.get(CURRENT):
        st.button("Back to your photo", key="back", on_click=search_for_photo, width="stretch")
    else:
        st.button("Start over", key="restart", on_click=start_over, width="stretch")


def draw_match(match: Match) -> None:
    """Draws a result, with the buttons of the two searches that start from it."""
    with st.container(key=f"la-match-{match.rank}"):
        st.html(render("card", match=match))
        for label, key, completes in (("More like this", "more", False), ("What goes with it", "goes", True)):
            st.button(
                label,
                key=f"{key}-{match.rank}",
                type="tertiary",
                on_click=search_from_product,
                args=(match.id, completes),
                width="stretch",
            )


def draw_note(sentence: str) -> None:
    """Draws a message; it may quote a store's words, so it is escaped, never Markdown."""
    st.html(f'<p class="la-note" role="alert" dir="auto">{escaped(sentence)}</p>')


def footer(shop: Shop) -> None:
    """Draws the number of products and when they were last read."""
    stores = f"{len(shop.stores)} store" + ("" if len(shop.stores) == 1 else "s")
    built = shop.manifest.built_at
    st.html(
        f'<footer class="la-foot">{len(shop):,} products from {stores}, '
        f"last read {built.day} {built:%B %Y, %H:%M} UTC. Prices and stock can have changed since.</footer>"
    )


def result_count() -> int:
    """The number of results by the URL, or `MATCHES` where that is no valid number."""
    number = st.query_params.get(SHOWN, "")
    return min(max(int(number), MATCHES), MOST) if re.fullmatch("[0-9]{1,3}", number) else MATCHES


def show_more() -> None:
    """Shows more results of the same search."""
    st.query_params[SHOWN] = str(min(result_count() + MORE, MOST))


def search_for_photo() -> None:
    """Makes the uploaded photo the query again, instead of a product."""
    for parameter in (LIKE, GOES_WITH, SHOWN):
        st.query_params.pop(parameter, None)


def start_over() -> None:
    """Forgets the photo and all searches from it, and shows an empty uploader."""
    search_for_photo()
    st.session_state.pop(CURRENT, None)
    st.session_state[UPLOADERS] = st.session_state.get(UPLOADERS, 0) + 1


def search_from_product(product: str, completes: bool = False) -> None:
    """Searches for products similar to a product ("store:product_id"), or that go with it."""
    search_for_photo()
    st.query_params[GOES_WITH if completes else LIKE] = product
    st.session_state[SEARCHES] = st.session_state.get(SEARCHES, 0) + 1
