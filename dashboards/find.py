"""The first page: a photo goes in, the five products that look most like it come out.

All of a visitor's state but their photo is in the address, so that reloading, going back and a link sent to
somebody else show the same page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboards import scripts
from dashboards.cards import card_html, framed_photo
from lookalike.matches import Match
from lookalike.query import Shop
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
UPLOADERS = "uploaders"  # session key: how often the visitor started over, each time with an empty uploader
LIKE = "like"  # parameter of the address: the product a visitor wants more of, "store:product_id"
GOES_WITH = "goes_with"  # parameter of the address: the product to which others are to go, instead
SHOWN = "shown"  # parameter of the address: how many products are shown, where it is more than `MATCHES`
SEARCHES = "searches"  # session key: how often they asked for more


@dataclass(frozen=True)
class Upload:
    """A photo that has arrived.

    :ivar file_id: Streamlit's, another for each transfer.
    """

    file_id: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Wish:
    """What a visitor looks for: the photo they uploaded, or a product they want more of or an outfit with.

    :ivar query: what `Shop.similar` and `Shop.complete` take.
    :ivar preview: a JPEG to show beside the matches.
    :ivar headline: what the matches are, in words; may hold a scraped title, so it is escaped when shown.
    :ivar completes: whether what goes with it is wanted, and not what looks like it.
    """

    query: bytes | Match
    preview: bytes
    caption: str
    headline: str
    completes: bool = False


@dataclass(frozen=True)
class Slots:
    """The parts of the page in their order, the same in every state, so that the uploader never moves.

    The browser drops a transfer when its uploader is drawn elsewhere, as another element or under another
    parent. So all that changes is drawn into these, and the style sheet arranges them.
    """

    lead: DeltaGenerator
    grid: DeltaGenerator
    asked: DeltaGenerator
    below: DeltaGenerator


def page(shop: Shop) -> None:
    """Draw the page for one visitor.

    :param shop: the shop at its newest generation.
    """
    filters = choose_filters(shop)
    header()
    slots = draw_frame()
    try:
        wish = current_wish(shop)
    except LookalikeError as error:
        look_at_photo()  # a product that has left the shop is not asked for again
        welcome(slots, trouble=str(error))
    else:
        if wish is None:
            welcome(slots)
        else:
            answer(shop, slots, wish, filters)
    with slots.below:
        footer(shop)


def draw_frame() -> Slots:
    """The parts of the page, the uploader in its one place; takes the photo that has arrived."""
    lead = st.container(key="la-lead")
    grid = st.container(key="la-grid")
    with grid, st.container(key="la-wish"):
        asked = st.container(key="la-asked")
        take_photo(draw_uploader())
    return Slots(lead, grid, asked, st.container(key="la-below"))


def answer(shop: Shop, slots: Slots, wish: Wish, filters: dict[str, Any]) -> None:
    """What looks like the wish or goes with it, or why there is nothing."""
    search = shop.complete if wish.completes else shop.similar
    try:
        with (
            slots.lead,
            st.spinner(f"Looking for what {'goes with' if wish.completes else 'looks like'} it…"),
        ):
            found = search(wish.query, shown_at_most(), **filters)
            shown = ", ".join(description.summary() for description in found.descriptions())
    except LookalikeError as error:
        matches, warning, shown, trouble = [], None, "", str(error)
    else:
        matches, warning = list(found), found.warning
        trouble = "" if matches else "Nothing in the shop fits these filters. Loosen one of them."
    with slots.lead:
        st.html(f'<h2 class="la-headline" dir="auto">{escape(wish.headline)}</h2>')
        if warning:
            note(warning)
    with slots.asked:
        draw_wish(wish, shown)
    with slots.grid:
        for match in matches:
            draw_match(match)
        if trouble:
            note(trouble)
    if len(matches) == shown_at_most() < MOST:
        with slots.below, st.container(horizontal_alignment="center"):
            st.button("Show more", key="show-more", on_click=show_more)


def header() -> None:
    """The name of the place, and back up to it after each "More like this", whose button is far below."""
    # The one element that may run a script, and so our own words only. It runs when the element has changed.
    searches = int(st.session_state.get(SEARCHES, 0))
    st.html(
        f'<header data-searches="{searches}"><span class="la-mark">Lookalike</span></header>'
        + (f"<script>{scripts.SCROLL_UP}</script>" if searches else ""),
        unsafe_allow_javascript=True,
    )


def choose_filters(shop: Shop) -> dict[str, Any]:
    """The sidebar: what to leave out.

    :return: keyword arguments for `Shop.similar`.
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
    filters: dict[str, Any] = {"store": store, "in_stock": in_stock}
    if limit is not None and currency is not None:
        filters |= {"max_price": Decimal(str(limit)), "currency": currency}
    return filters


def current_wish(shop: Shop) -> Wish | None:
    """What the visitor looks for now, None before they chose anything.

    :raises LookalikeError: the photo cannot be read, or the product has left the shop.
    """
    for parameter, words in ((LIKE, "More like"), (GOES_WITH, "Goes with")):
        if (name := st.query_params.get(parameter)) is not None:
            product = shop.product(name)
            title = product.title or "this product"
            headline = f"{words} {title}"
            return Wish(product, product.thumbnail(), f"{words} this", headline, parameter == GOES_WITH)
    photo: Upload | None = st.session_state.get(CURRENT)
    if photo is None:
        return None
    try:
        preview = images.thumbnail(images.decode(photo.data, fit=PREVIEW_SIDE), side=PREVIEW_SIDE)
    except UnreadableImageError as error:
        raise UnreadableImageError(f"{photo.name} could not be opened: it is {error}.") from None
    return Wish(photo.data, preview, "Your photo", "Looks like your photo")


def welcome(slots: Slots, trouble: str = "") -> None:
    """The page before a search: what it does, where the photo goes, what was wrong with the last one."""
    with slots.lead:
        st.html(
            '<section class="la-hero"><h1>Seen it somewhere? Find it in a store.</h1>'
            "<p>Upload a photo of something to wear. You get the five products that look most like it, "
            "with their price and the way to the store.</p></section>"
        )
    with slots.below:
        if trouble:
            note(trouble)
        st.html(
            '<ul class="la-tips">'
            "<li><b>One garment, filling the picture</b><span>Crop away what you do not want.</span></li>"
            "<li><b>Any photo will do</b><span>A snapshot, a screenshot, a page of a magazine.</span></li>"
            "<li><b>It stays yours</b><span>Your photo is used for this search and is not kept.</span></li>"
            "</ul>"
        )


def draw_uploader() -> UploadedFile | None:
    """The one uploader of the page.

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


def take_photo(upload: UploadedFile | None) -> None:
    """Search for a photo that has just arrived; it ends a "More like this".

    While the next one travels the uploader holds none: the photo before is then still the one searched for.
    """
    current: Upload | None = st.session_state.get(CURRENT)
    if upload is None or (current is not None and current.file_id == upload.file_id):
        return
    st.session_state[CURRENT] = Upload(upload.file_id, upload.name, upload.getvalue())
    look_at_photo()


def draw_wish(wish: Wish, shown: str) -> None:
    """The first tile of the grid: what is searched for, and how to leave it.

    :param shown: what the photo shows, in words; empty where nothing can be said.
    """
    words = escape(shown).replace(" %", "\N{NO-BREAK SPACE}%")
    seen = f'<p class="la-seen">Seen as {words}</p>' if shown else ""
    st.html(
        f'<figure class="la-card la-wished">{framed_photo(wish.preview, wish.caption)}'
        f'<figcaption class="la-over la-caption">{escape(wish.caption)}</figcaption></figure>{seen}'
    )
    if isinstance(wish.query, Match) and st.session_state.get(CURRENT):
        st.button("Back to your photo", key="back", on_click=look_at_photo, width="stretch")
    else:
        st.button("Start over", key="restart", on_click=start_over, width="stretch")


def draw_match(match: Match) -> None:
    """One of the five: what it is, the way to its store, and two searches that start from it."""
    with st.container(key=f"la-match-{match.rank}"):
        st.html(card_html(match))
        for label, key, completes in (("More like this", "more", False), ("What goes with it", "goes", True)):
            st.button(
                label,
                key=f"{key}-{match.rank}",
                type="tertiary",
                on_click=look_for_more,
                args=(match.id, completes),
                width="stretch",
            )


def note(sentence: str) -> None:
    """A sentence about what is wrong; it may quote a store's words, so it is escaped, never Markdown."""
    st.html(f'<p class="la-note" role="alert" dir="auto">{escape(sentence)}</p>')


def footer(shop: Shop) -> None:
    """How much was searched and how fresh it is."""
    stores = f"{len(shop.stores)} store" + ("" if len(shop.stores) == 1 else "s")
    built = shop.manifest.built_at
    st.html(
        f'<footer class="la-foot">{len(shop):,} products from {stores}, '
        f"last read {built.day} {built:%B %Y, %H:%M} UTC. Prices and stock can have changed since.</footer>"
    )


def shown_at_most() -> int:
    """How many products are shown, by the address; as many as at first where it says nothing sensible."""
    asked = st.query_params.get(SHOWN, "")
    return min(max(int(asked), MATCHES), MOST) if re.fullmatch("[0-9]{1,3}", asked) else MATCHES


def show_more() -> None:
    """Show a few rows more of the same answer."""
    st.query_params[SHOWN] = str(min(shown_at_most() + MORE, MOST))


def look_at_photo() -> None:
    """Search for the uploaded photo again, not for a product."""
    for parameter in (LIKE, GOES_WITH, SHOWN):
        st.query_params.pop(parameter, None)


def start_over() -> None:
    """Forget the photo and what it led to; the next one is given to an empty uploader."""
    look_at_photo()
    st.session_state.pop(CURRENT, None)
    st.session_state[UPLOADERS] = st.session_state.get(UPLOADERS, 0) + 1


def look_for_more(product: str, completes: bool = False) -> None:
    """Search for what looks like a product ("store:product_id"), or for what goes with it."""
    look_at_photo()
    st.query_params[GOES_WITH if completes else LIKE] = product
    st.session_state[SEARCHES] = st.session_state.get(SEARCHES, 0) + 1
