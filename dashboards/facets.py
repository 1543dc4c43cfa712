"""The sidebar of a search: facets with counts taken from the answers, each choice in the address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from lookalike import Match
from lookalike.facets import Choices, FacetValue, count, count_flag

LABELS = {
    "category": "Category",
    "colour": "Colour",
    "brand": "Brand",
    "store": "Store",
    "gender": "For",
}
FLAGS = {"in_stock": "In stock only", "on_sale": "On sale only"}
PRICES = {"min_price": "Lowest price", "max_price": "Highest price"}
CURRENCY = "currency"
MOST_VALUES = 60
"""Values of a facet that are listed, the most frequent ones; the field is searched by typing."""


def chosen(currencies: Sequence[str]) -> Choices:
    """What was chosen, as the page's session or else its address says it before the facets are drawn.

    :param currencies: those that prices are given in; the first is meant where none was chosen.
    """

    named = _state(CURRENCY)
    values: dict[str, Any] = {name: tuple(_state(name)) for name in LABELS}
    values |= {name: _state(name)[:1] in ([True], ["true"]) for name in FLAGS}
    values |= {name: _price(next(iter(_state(name)), None)) for name in PRICES}
    return Choices(
        **values, currency=next((code for code in [*named, *currencies] if code in currencies), None)
    )


def draw_facets(answers: Sequence[Match], currencies: Sequence[str], before: Choices) -> Choices:
    """Draws the facets.

    :param answers: what the counts are taken from.
    :param currencies: those that prices are given in.
    :param before: what was chosen when the answers were searched for; these values can always be chosen away.
    :return: what is chosen.
    """
    counts = count(answers, before)
    with st.sidebar:
        st.html('<h2 class="la-side">Narrow it down</h2>')
        values: dict[str, Any] = {}
        for name, label in FLAGS.items():
            number = count_flag(answers, before, name)
            if number or getattr(before, name) or name == "in_stock":
                values[name] = st.toggle(f"{label} ({number})", key=name, bind="query-params")
        for name, label in LABELS.items():
            values[name] = _draw_facet(name, label, counts[name], getattr(before, name))
        prices, currency = _draw_prices(currencies)
    return Choices(**values, **prices, currency=currency)


def show_only(facet: str, key: str) -> None:
    """Makes the value of another widget the only choice of a facet: a correction of what a photo shows."""
    value = st.session_state.get(key)
    if value:
        st.session_state[facet] = [value]


def _draw_facet(
    name: str, label: str, values: Sequence[FacetValue], before: Sequence[str]
) -> tuple[str, ...]:
    counts = {one.value: one.count for one in values[:MOST_VALUES]}
    options = list(dict.fromkeys([*counts, *before]))
    if len(options) < 2 and not before:
        return ()
    found = st.multiselect(
        label,
        options,
        key=name,
        placeholder="Any",
        format_func=lambda value: f"{value} ({counts.get(value, 0)})",
        bind="query-params",
    )
    return tuple(found)


def _draw_prices(currencies: Sequence[str]) -> tuple[dict[str, Any], str | None]:
    prices: dict[str, Any] = {}
    with st.container(horizontal=True, key="la-prices"):
        for name, label in PRICES.items():
            limit = st.number_input(
                label,
                min_value=0.0,
                value=None,
                step=5.0,
                format="%.2f",
                placeholder="Any",
                key=name,
                bind="query-params",
            )
            prices[name] = None if limit is None else Decimal(str(limit))
    currency = currencies[0] if currencies else None
    if any(limit is not None for limit in prices.values()) and len(currencies) > 1:
        currency = st.segmented_control(
            "Currency",
            currencies,
            default=currencies[0],
            required=True,
            key=CURRENCY,
            bind="query-params",
        )
    return prices, currency


def _state(name: str) -> list[Any]:
    """The values of a facet as the session has them, else the address."""
    if name not in st.session_state:
        return st.query_params.get_all(name)
    value = st.session_state[name]
    return value if isinstance(value, list) else [value]


def _price(value: object) -> Decimal | None:
    found = re.fullmatch(r"[0-9]{1,14}(\.[0-9]*)?", str(value))
    return Decimal(found[0]) if found else None
