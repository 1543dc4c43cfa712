"""What several pages have: header, footer, sentences to the visitor, the field of a price limit."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from dashboards import scripts
from dashboards.languages import choose_language
from lookalike import Shop
from lookalike.language import current, day, plural
from lookalike.language import translated as _
from lookalike.rendering import escaped

SEARCHES = "searches"
"""Session key: number of searches that started from a result."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>^=])")


def header() -> None:
    """Draws the header, and scrolls up to it after each search that started from a result."""
    # The one element that may run a script, and so our own words only. It runs when the element has changed.
    searches = int(st.session_state.get(SEARCHES, 0))
    st.html(
        f'<header data-searches="{searches}"><span class="la-mark">Lookalike</span></header>'
        + f"<script>{scripts.LANGUAGES[current()]}{scripts.SCROLL_UP if searches else ''}</script>",
        unsafe_allow_javascript=True,
    )


def footer(shop: Shop) -> None:
    """Draws the number of products and when they were last read."""
    built = shop.manifest.built_at
    sentence = _(
        "{products} from {stores}, last read {day}, {time} UTC. Prices and stock can have changed since.",
        products=plural("{count} product", "{count} products", len(shop)),
        stores=plural("{count} store", "{count} stores", len(shop.stores)),
        day=day(built),
        time=f"{built:%H:%M}",
    )
    with st.container(key="la-foot", horizontal=True, vertical_alignment="center"):
        st.html(f'<footer class="la-foot">{escaped(sentence)}</footer>')
        choose_language()


def draw_note(sentence: str) -> None:
    """Draws a message; it may quote a store's words, so it is escaped, never Markdown."""
    st.html(f'<p class="la-note" role="alert" dir="auto">{escaped(sentence)}</p>')


def plain(text: str) -> str:
    """A text as a widget's label shows it: Streamlit reads labels as Markdown, which could load images."""
    return _MARKDOWN.sub(r"\\\1", text)


def draw_price(label: str, **widget: Any) -> None:
    """Draws the field of a price limit, empty for none.

    :param widget: its key and what happens when it changes, as Streamlit takes them.
    """
    st.number_input(label, min_value=0.0, value=None, step=5.0, format="%.2f", placeholder=_("Any"), **widget)
