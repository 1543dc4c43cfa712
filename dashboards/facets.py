"""The sidebar of a search: facets with counts taken from the answers, each choice in the address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboards import address
from dashboards.page_parts import draw_price, plain
from lookalike import Match
from lookalike.facets import Choices, FacetValue, count, count_flag
from lookalike.language import marked
from lookalike.language import translated as _

LABELS = {
    "category": marked("Category"),
    "colour": marked("Colour"),
    "brand": marked("Brand"),
    "size": marked("Size"),
    "store": marked("Store"),
    "gender": marked("For"),
}
"""Facets of several values, in the order in which they are drawn."""

FLAGS = {"in_stock": marked("In stock only"), "on_sale": marked("On sale only")}
PRICES = {"min_price": marked("Lowest price"), "max_price": marked("Highest price")}
CURRENCY = "currency"
MOST_VALUES = 60
"""Values of a facet that are listed, the most frequent ones."""


def chosen(currencies: Sequence[str]) -> Choices:
    """What the address says was chosen.

    :param currencies: those that prices are given in; the first is meant where none was chosen.
    """
    values: dict[str, Any] = {name: address.several(name) for name in LABELS}
    values |= {name: st.query_params.get(name) in (address.YES, "true") for name in FLAGS}
    values |= {name: _price(st.query_params.get(name)) for name in PRICES}
    named = st.query_params.get(CURRENCY)
    return Choices(**values, currency=named if named in currencies else next(iter(currencies), None))


def draw_facets(answers: Sequence[Match], currencies: Sequence[str], choices: Choices) -> None:
    """Draws the facets.

    :param answers: what the counts are taken from.
    :param currencies: those that prices are given in.
    :param choices: what is chosen; it can be chosen away although no answer has it.
    """
    counts = count(answers, choices)
    with st.sidebar:
        st.html(f'<h2 class="la-side">{_("Narrow it down")}</h2>')
        for name, label in FLAGS.items():
            number = count_flag(answers, choices, name)
            if number or getattr(choices, name):
                st.session_state[name] = getattr(choices, name)
                st.toggle(f"{_(label)} ({number})", key=name, on_change=address.write, args=(name,))
        for name, label in LABELS.items():
            _draw_values(name, label, counts[name], getattr(choices, name))
        with st.container(horizontal=True, key="la-prices"):
            for name, label in PRICES.items():
                _draw_price(name, label, getattr(choices, name))
        if choices.priced and len(currencies) > 1:
            st.session_state[CURRENCY] = choices.currency
            st.segmented_control(
                _("Currency"),
                currencies,
                format_func=plain,
                required=True,
                key=CURRENCY,
                on_change=address.write,
                args=(CURRENCY,),
            )


def show_only(facet: str, key: str) -> None:
    """Makes the value of another widget the only choice of a facet: a correction of what a photo shows."""
    if value := st.session_state[key]:
        # The photo was seen as something else, so of the right kind few look alike: these are shown, too.
        address.change({facet: [value], address.SHOWN: [], address.UNLIKE_TOO: [address.YES]})


def _draw_values(name: str, label: str, values: Sequence[FacetValue], chosen: Sequence[str]) -> None:
    counts = {one.value: one.count for one in values[:MOST_VALUES]}
    options = list(dict.fromkeys([*counts, *chosen]))
    if len(options) < 2 and not chosen:
        return
    st.session_state[name] = list(chosen)
    st.multiselect(
        _(label),
        options,
        key=name,
        placeholder=_("Any"),
        format_func=lambda value: f"{_(value) if name == 'gender' else value} ({counts.get(value, 0)})",
        select_all=False,
        on_change=address.write,
        args=(name,),
    )


def _draw_price(name: str, label: str, limit: Decimal | None) -> None:
    st.session_state[name] = None if limit is None else float(limit)
    draw_price(_(label), key=name, on_change=address.write, args=(name,))


def _price(text: str | None) -> Decimal | None:
    found = re.fullmatch(r"[0-9]{1,14}(\.[0-9]*)?", text or "")
    return Decimal(found[0]) if found else None
