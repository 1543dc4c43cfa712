"""The tile beside the answers: what was searched for, what it was seen as, and how to correct that."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboards import address, asking, crop, crop_dialog
from dashboards.asking import CURRENT, Query, Upload
from dashboards.facets import show_only
from dashboards.page_parts import plain
from lookalike import Match, Matches, Shop
from lookalike.description import Description, percent
from lookalike.facets import Choices, count
from lookalike.language import marked
from lookalike.language import translated as _
from lookalike.rendering import render

SEEN_AS = {"article_type": ("category", marked("Kind")), "colour": ("colour", marked("Colour"))}
"""By what the heads see, the facet that corrects it, and its name."""

HALF = 0.5
"""Probability up to which a guess is shown as a question."""


def draw_query(shop: Shop, query: Query, found: Matches | None, pool: Sequence[Match]) -> None:
    """Draws the query, what the photo shows, what steers it, and the buttons to crop and to leave it.

    :param pool: products whose kinds and colours are offered as corrections.
    """
    preview = query.preview
    if preview is None and isinstance(query.subject, str) and found is not None:
        preview = next(iter(found.pictures()), None)
    if preview is not None:
        st.html(render("query", jpeg=preview, caption=query.caption, seen_as=""))
    descriptions = [] if found is None else found.descriptions()
    if len(descriptions) == 1 and descriptions[0].is_clothing is not False:
        draw_seen(descriptions[0], pool)
    draw_examples(query)
    with st.container(horizontal=True, key="la-leave", gap="small"):
        draw_ways_out(shop, query, st.session_state.get(CURRENT))


def draw_ways_out(shop: Shop, query: Query, photo: Upload | None) -> None:
    """Draws the buttons to search for a part of the photo, to go back to it, and to start over."""
    if photo is None or not isinstance(query.subject, bytes):
        if photo is not None:
            st.button(_("Back to your photo"), key="back", on_click=address.leave_search, width="stretch")
        else:
            st.button(_("Start over"), key="restart", on_click=asking.start_over, width="stretch")
        return
    if photo.part is not None:
        st.button(
            _("Whole photo"), key="uncrop", on_click=asking.crop_photo, args=(crop.WHOLE,), width="stretch"
        )
    elif st.button(_("Crop"), key="crop", icon=":material/crop:", width="stretch"):
        crop_dialog.choose_part(shop, photo)
    st.button(_("Start over"), key="restart", on_click=asking.start_over, width="stretch")


def draw_seen(description: Description, pool: Sequence[Match]) -> None:
    """Draws what the photo was seen as: chips, each with the kinds or colours that it may be instead."""
    counts = count(pool, Choices())
    seen = [(name, guesses[0]) for name in SEEN_AS if (guesses := description.attributes.get(name))]
    if not seen:
        return
    with st.container(horizontal=True, key="la-chips"):
        st.html('<span class="la-seen">' + _("Seen as") + "</span>")
        for name, guess in seen:
            facet, label = SEEN_AS[name]
            sure = percent(guess.probability) if guess.probability > HALF else "?"
            with st.popover(plain(f"{guess.value} {sure}"), key=f"chip-{facet}"):
                key = f"correct-{facet}"
                st.selectbox(
                    _("{facet}: not {seen}, but", facet=_(label), seen=plain(guess.value.lower())),
                    [one.value for one in counts[facet]],
                    index=None,
                    placeholder=_("Choose"),
                    key=key,
                    on_change=show_only,
                    args=(facet, key),
                )


def draw_examples(query: Query) -> None:
    """Draws the products that the search was steered by, each to be taken back."""
    for more, examples in ((True, query.more_of), (False, query.less_of)):
        for product in examples:
            title = plain(product.title or product.id)
            st.button(
                _("More of: {title}", title=title) if more else _("Less of: {title}", title=title),
                key=f"drop-{product.id}",
                icon=":material/close:",
                help=_("Take this back"),
                on_click=address.drop_example,
                args=(product.id,),
                width="stretch",
            )
