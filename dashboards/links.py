"""Links between the dashboard's pages. They keep the visitor's session, and so their photo."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from dashboards import languages
from lookalike.language import translated as _

FIND, PRODUCT, BROWSE, SAVED, HEALTH = "find", "product", "browse", "saved", "health"
"""Each page's own part of the address; `dashboards.app` gives them to Streamlit."""

PRODUCT_PARAMETER = "product"
"""URL parameter of the product page: `store:product_id`."""


def draw_link(
    label: str, page: str, parameters: Mapping[str, str] | None = None, *, wide: bool = False
) -> None:
    """Draws a link to another page, in the same language.

    :param label: our own words, since Streamlit reads Markdown in them.
    :param parameters: of the address.
    :param wide: whether it takes the whole width.
    """
    st.page_link(
        target(page, label),
        label=label,
        width="stretch" if wide else "content",
        query_params={**languages.kept(), **(parameters or {})},
    )


def target(page: str, title: str = "") -> StreamlitPage:
    """Another page, as Streamlit is told where to go."""
    return st.Page(_nothing, title=title or page.capitalize(), url_path=page, default=page == FIND)


def draw_product_link(product: str) -> None:
    """Draws the link from a card to the page of its product ("store:product_id")."""
    draw_link(_("Details"), PRODUCT, {PRODUCT_PARAMETER: product}, wide=True)


def _nothing() -> None:
    """Streamlit finds a page by its part of the address, so what stands here is not run."""
