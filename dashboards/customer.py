"""The page "For a customer": what a customer bought, what interests them, and what they would like.

The customer's id is in the address, so that reloading and going back show the same page. Nothing that is
shown here is logged.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboards.find import choose_filters, draw_note, footer, header
from lookalike import FilterArguments, Match, Matches, Shop
from lookalike.language import percent
from lookalike.language import translated as _
from lookalike.recommend import Customer, Interest
from lookalike.rendering import escaped, render
from storage.errors import LookalikeError

RECOMMENDED = 6
MOST_LISTED = 500
"""Customers to choose from; every other can be typed."""

MOST_PHOTOS = 12
"""Purchases of an interest that are shown, the latest."""

CUSTOMER = "customer"
"""Widget key and URL parameter."""


def page(shop: Shop, purchases: Path | None, store: str | None) -> None:
    """Draws the page for one visitor, or why there is nothing to show.

    :param shop: the shop at its newest generation.
    :param purchases: the file that the settings name; where None, the table `recommendations` answers.
    :param store: the store of all purchases, where the file names none.
    """
    try:
        filters = choose_filters(shop)
        header()
        st.html(f'<h1 class="la-page">{_("For a customer")}</h1>')
        customer = choose_customer(shop)
        if not customer:
            draw_note(
                _("Choose a customer, or type an id: you see what they bought and what they would like.")
            )
        else:
            show_customer(shop, Customer(customer), purchases, store, filters)
        footer(shop)
    except LookalikeError as error:
        draw_note(str(error))


def choose_customer(shop: Shop) -> str | None:
    """Draws the choice of a customer, and returns the id."""
    chosen: str | None = st.selectbox(
        _("Customer"),
        shop.customers(MOST_LISTED),
        index=None,
        placeholder=_("Choose a customer or type an id"),
        accept_new_options=True,
        key=CUSTOMER,
        bind="query-params",
    )
    return chosen.strip() if chosen else None


def show_customer(
    shop: Shop, customer: Customer, purchases: Path | None, store: str | None, filters: FilterArguments
) -> None:
    """Shows a customer's interests and recommendations.

    :raises LookalikeError: nothing is known of the customer, or the purchases or the table cannot be read.
    """
    with st.spinner(_("Looking at what they bought…")):
        interests = shop.interests(customer, purchases=purchases, purchases_store=store)
        found = shop.recommend(customer, RECOMMENDED, purchases=purchases, purchases_store=store, **filters)
    # The table's skipped products were recommended, not bought.
    show_interests(shop, interests, () if purchases is None else found.skipped)
    show_recommended(shop, found)


def show_interests(shop: Shop, interests: list[Interest], skipped: tuple[str, ...]) -> None:
    """Shows what the customer bought, by interest.

    :param skipped: names of purchases that the shop no longer has.
    """
    shown = "".join(interest_html(shop, interest, number) for number, interest in enumerate(interests, 1))
    st.html(f'<h2 class="la-part">{_("Bought")}</h2><div class="la-interests">{shown}</div>')
    if skipped:
        named = ", ".join(skipped[:MOST_PHOTOS])
        more = len(skipped) - MOST_PHOTOS
        named += " " + _("and {count} more", count=more) if more > 0 else ""
        draw_note(_("No longer in the shop: {products}.", products=named))


def interest_html(shop: Shop, interest: Interest, number: int) -> str:
    """The photos of an interest's purchases, and how much of all it is."""
    photos = []
    for name in interest.products[:MOST_PHOTOS]:
        product = shop.product(name)
        title = product.title or product.id
        photo = render("photo", jpeg=product.thumbnail(), description=title)
        photos.append(f'<li title="{escaped(title)}">{photo}</li>')
    more = len(interest.products) - len(photos)
    label = _("Interest {number}, {share}", number=number, share=percent(interest.share))
    label += ", " + _("and {count} more", count=more) if more > 0 else ""
    return f'<section class="la-interest"><p>{label}</p><ul>{"".join(photos)}</ul></section>'


def show_recommended(shop: Shop, found: Matches) -> None:
    """Shows what the customer would like, and because of which purchase."""
    st.html(f'<h2 class="la-part">{_("Would like")}</h2>')
    if found.warning:
        draw_note(found.warning)
    if not found:
        draw_note(_("Nothing in the shop fits these filters. Loosen one of them."))
    with st.container(key="la-cards-recommended"):
        for match in found:
            with st.container(key=f"la-match-{match.rank}"):
                card = render("card", match=match, enlarged_id=f"la-enlarged-{match.rank}")
                st.html(card + because_html(shop, match))


def because_html(shop: Shop, match: Match) -> str:
    """The purchase that a recommendation comes from, by its id where the shop no longer has it."""
    if match.because is None:
        return ""
    try:
        title = shop.product(match.because).title or match.because
    except LookalikeError:
        title = match.because
    because = _("Because of {title}", title=title)
    return f'<p class="la-because" dir="auto">{escaped(because)}</p>'
