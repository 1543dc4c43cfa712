"""Charts of prices over time."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import altair as alt
import pandas as pd
import streamlit as st

from lookalike.language import current, day, marked
from lookalike.language import translated as _
from lookalike.rendering import AVAILABILITY, render
from storage.money import display_price

HEIGHT = 260  # px
COLOURS = ("#3f8f6b", "#c5672b", "#5b7fc7", "#a0559b", "#8a7d2f", "#7a8288")
"""Of lines; each has a contrast of at least 3 on the light and on the dark background."""

DAY = pd.Timedelta(days=1)
MOST_DAYS = 7
"""Days of which each gets a mark on the axis; of more, only about as many do."""

AIR = 0.05
"""Share of the lowest and the highest price that is left free below and above them."""

COLUMNS = (marked("Seen"), marked("Store"), marked("Price"), marked("Stock"))


def draw(history: pd.DataFrame, until: datetime) -> None:
    """Draws one chart a currency, with the same figures as a table for who cannot see charts.

    :param history: as `Shop.price_history` gives it.
    :param until: when the prices were last looked at; a price holds until it changes.
    """
    known = history.dropna(subset=["price"])
    for currency, prices in known.groupby(known["currency"].fillna(""), sort=True):
        st.altair_chart(chart(with_ends(prices, until), str(currency)), width="stretch")
    with st.expander(_("The prices as a table")):
        st.html(render("table", caption=_("Price history"), head=list(map(_, COLUMNS)), rows=as_rows(known)))


def with_ends(prices: pd.DataFrame, until: datetime) -> pd.DataFrame:
    """The prices, and the last one of each product once more at the end, so that its line reaches it."""
    moments = pd.to_datetime(prices["seen"], utc=True)
    last = prices.assign(seen=moments).sort_values("seen").groupby(["store", "product_id"]).tail(1)
    end = max(pd.Timestamp(until), moments.max())
    return pd.concat([prices.assign(seen=moments), last.assign(seen=end)], ignore_index=True)


def chart(prices: pd.DataFrame, currency: str) -> alt.Chart:
    """A line a store: the price holds until the next one.

    :param prices: of one currency, as `with_ends` gives them.
    """
    shown = prices.assign(shown=[_price(price, currency) for price in prices["price"]])
    stores = ", ".join(sorted(shown["store"].unique()))
    lowest, highest = shown["price"].min(), shown["price"].max()
    described = _(
        "Prices at {stores}: between {lowest} and {highest}.",
        stores=stores,
        lowest=_price(lowest, currency),
        highest=_price(highest, currency),
    )
    days = pd.date_range(shown["seen"].min().floor("D"), shown["seen"].max().floor("D"))
    return (
        alt.Chart(shown[["store", "product_id", "seen", "price", "shown"]])
        .mark_line(interpolate="step-after", point=True, strokeWidth=2)
        .encode(
            x=alt.X(
                "seen:T",
                title=None,
                axis=alt.Axis(format="%-d %b %Y", tickCount="day" if len(days) <= MOST_DAYS else MOST_DAYS),
                scale=alt.Scale(domain=[days[0].isoformat(), (days[-1] + DAY).isoformat()]),
            ),
            y=alt.Y(
                "price:Q",
                title=currency or _("Price"),
                axis=alt.Axis(format=",.2f", tickCount=5),
                scale=alt.Scale(domain=[float(lowest) * (1 - AIR), float(highest) * (1 + AIR)]),
            ),
            color=alt.Color(
                "store:N",
                title=None,
                scale=alt.Scale(range=COLOURS),
                legend=alt.Legend(orient="bottom", labelLimit=300),
            ),
            detail="product_id:N",
            tooltip=[
                alt.Tooltip("store:N", title=_("Store")),
                alt.Tooltip("shown:N", title=_("Price")),
                alt.Tooltip("seen:T", title=_("Seen"), format="%-d %B %Y"),
            ],
        )
        .properties(height=HEIGHT, description=described)
    )


def as_rows(history: pd.DataFrame) -> list[tuple[str, ...]]:
    """The prices in words, the latest first, in the order of `COLUMNS`."""
    ordered = history.assign(seen=pd.to_datetime(history["seen"], utc=True))
    rows = ordered.sort_values("seen", ascending=False).to_dict("records")
    return [
        (
            day(row["seen"].date()),
            row["store"],
            _price(row["price"], row["currency"]),
            _(AVAILABILITY[row["availability"]]) if row["availability"] in AVAILABILITY else "",
        )
        for row in rows
    ]


def _price(price: float, currency: object) -> str:
    return display_price(
        Decimal(str(price)), currency if isinstance(currency, str) and currency else None, current()
    )
