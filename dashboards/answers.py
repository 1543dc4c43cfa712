"""The answers of a search: in bands, with what each shares with the query, and as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboards import address, links
from dashboards.page_parts import SEARCHES
from lookalike import Match, Shop
from lookalike.facets import Order, can_be_bought
from lookalike.language import marked, price
from lookalike.language import translated as _
from lookalike.likeness import Looks, shared
from lookalike.picture_sheet import picture_sheet
from lookalike.rendering import escaped, render
from lookalike.spreadsheet import harmless
from storage.errors import LookalikeError
from storage.money import decimal_string

LESS_ALIKE, OUT_OF_STOCK = marked("Less alike"), marked("Out of stock")
MORE_LIKE, LESS_LIKE = marked("More of this"), marked("Less of this")
ORDERS = {
    Order.LIKENESS: marked("Best match first"),
    Order.CHEAPEST: marked("Cheapest first"),
    Order.DEAREST: marked("Most expensive first"),
}
CSV_COLUMNS = ("store", "title", "brand", "category", "price", "was_price", "currency", "availability", "url")


def alike(answers: Sequence[Match], banded: bool) -> list[Match]:
    """The answers that are similar enough.

    :param banded: whether each answer that is has a band; where not, all are.
    """
    return [match for match in answers if match.band or not banded]


def sections(answers: Sequence[Match], order: Order, banded: bool) -> list[tuple[str, list[Match]]]:
    """The answers under their headings: one for each band, then what is out of stock.

    Answers that are sorted by price stand under none, nor do those without bands.

    :param answers: sorted.
    """
    if order is not Order.LIKENESS or not banded:
        return [("", list(answers))] if answers else []
    found: dict[str, list[Match]] = {}
    for match in answers:
        gone = not can_be_bought(match) and "photo" not in match.evidence
        heading = OUT_OF_STOCK if gone else (match.band or LESS_ALIKE).capitalize()
        found.setdefault(heading, []).append(match)
    return list(found.items())


def draw_answers(shop: Shop, shown: Sequence[tuple[str, list[Match]]], looks: Looks) -> None:
    """Draws answers under their headings.

    :param looks: what is known of the query.
    """
    for heading, matches in shown:
        if heading:
            st.html(f'<h3 class="la-band">{escaped(_(heading))}</h3>')
        for match in matches:
            draw_match(shop, match, looks)


def draw_match(shop: Shop, match: Match, looks: Looks) -> None:
    """Draws an answer, with the searches that start from it and the ways to steer this one by it."""
    with st.container(key=f"la-match-{match.rank}"):
        card = render("card", match=match, enlarged_id=f"la-enlarged-{match.rank}")
        st.html(card + why_html(looks, match) + cheaper_html(shop, match))
        with st.container(key=f"la-actions-{match.rank}", gap=None):
            links.draw_product_link(match.id)
            for label, key, completes in (
                (_("More like this"), "more", False),
                (_("What goes with it"), "goes", True),
            ):
                st.button(
                    label,
                    key=f"{key}-{match.rank}",
                    type="tertiary",
                    on_click=search_from_product,
                    args=(match.id, completes),
                    width="stretch",
                )
            key = f"steer-{match.rank}"
            st.menu_button(
                _("Change the search"),
                [MORE_LIKE, LESS_LIKE],
                format_func=_,
                key=key,
                type="tertiary",
                on_click=steer,
                args=(key, match.id),
                width="stretch",
            )


def search_from_product(product: str, completes: bool = False) -> None:
    """Searches for products similar to a product ("store:product_id"), or that go with it."""
    address.search_from(product, completes)
    st.session_state[SEARCHES] = st.session_state.get(SEARCHES, 0) + 1


def steer(key: str, product: str) -> None:
    """Makes the answers more or less like a product, as the menu with this key says."""
    wanted = st.session_state.get(key)
    if wanted in (MORE_LIKE, LESS_LIKE):
        address.add_example(address.MORE_OF if wanted == MORE_LIKE else address.LESS_OF, product)


def why_html(looks: Looks, match: Match) -> str:
    """What the answer shares with the query; empty where nothing is known."""
    found = [] if match.why else shared(looks, match)
    return (
        f'<p class="la-because" dir="auto">{escaped(_("In common: {facts}", facts=", ".join(found)))}</p>'
        if found
        else ""
    )


def cheaper_html(shop: Shop, match: Match) -> str:
    """The cheapest other store of the same product, where it costs less there."""
    if match.price is None or match.currency is None:
        return ""
    try:
        others = shop.elsewhere(match.id, currency=match.currency)
    except LookalikeError:  # another generation was published since, which lacks it
        return ""
    named = {offer.id for offer in match.also_at}
    cheapest = next((one for one in others if one.currency == match.currency and one.price is not None), None)
    if cheapest is None or cheapest.price is None or cheapest.price >= match.price or cheapest.id in named:
        return ""
    cheaper = _("{price} at {store}", price=price(cheapest.price, cheapest.currency), store=cheapest.store)
    return f'<p class="la-cheaper" dir="auto">{escaped(cheaper)}</p>'


def draw_order() -> Order:
    """Draws the choice of the order."""
    asked = st.query_params.get(address.SORT)
    st.session_state[address.SORT] = next((order for order in Order if order == asked), Order.LIKENESS)
    return st.selectbox(
        _("Sort"),
        list(ORDERS),
        key=address.SORT,
        format_func=lambda order: _(ORDERS[order]),
        label_visibility="collapsed",
        width=190,
        on_change=address.write,
        args=(address.SORT,),
    )


def draw_downloads(answers: Sequence[Match], headline: str) -> None:
    """Draws the buttons that save the answers that are shown."""
    with st.container(horizontal=True, horizontal_alignment="center", key="la-downloads"):
        st.download_button(
            _("Save as CSV"),
            partial(csv_of, answers),
            "lookalike.csv",
            "text/csv",
            key="csv",
            type="tertiary",
            icon=":material/table:",
            on_click="ignore",
        )
        st.download_button(
            _("Save as picture"),
            partial(picture_sheet, answers, headline),
            "lookalike.png",
            "image/png",
            key="png",
            type="tertiary",
            icon=":material/image:",
            on_click="ignore",
        )


def csv_of(answers: Sequence[Match]) -> bytes:
    """The answers as CSV that a spreadsheet opens: UTF-8 with its mark, and no text that it would compute."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(CSV_COLUMNS)
    for match in answers:
        facts = {name: getattr(match, name) for name in CSV_COLUMNS}
        for name in ("price", "was_price"):
            facts[name] = decimal_string(facts[name], match.currency)
        writer.writerow([harmless(value or "") for value in facts.values()])
    return table.getvalue().encode("utf-8-sig")
