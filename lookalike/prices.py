"""The price history of a product over all stores that sell it, as a table and as a chart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from lookalike.arguments import product_number
from lookalike.generation import OpenGeneration
from lookalike.matches import Match
from storage import tables
from storage.errors import LookalikeError
from storage.terms import Availability

if TYPE_CHECKING:
    import pandas as pd

_OFFER = ("variant_id", "price", "currency", "availability", "observed_at")
_COLUMNS = ("store", "product_id", "seen", "price", "currency", "availability")
_State = Mapping[str, Any]


def price_history(published: OpenGeneration, product: str | Match) -> pd.DataFrame:
    """See `lookalike.shop_data.ShopData.price_history`."""
    import pandas as pd

    number = product_number(published, product)
    same = published.same_products.elsewhere(published.main_row(number))
    sold = [published.match(published.main_row(one)) for one in (number, *same)]
    offers = _offers(published, sold)
    rows = [
        (match.store, match.product_id, *observed)
        for match in sold
        for observed in _observed(match, offers.get((match.store, match.product_id), ()))
    ]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"price": "float64"})
    return frame.assign(seen=pd.to_datetime(frame["seen"], utc=True))


def plot_prices(history: pd.DataFrame, title: str) -> Any:
    """See `lookalike.shop_data.ShopData.plot_prices`.

    :raises LookalikeError: nothing that plots is installed.
    """
    priced = history.dropna(subset="price")
    try:
        return _with_matplotlib(priced, title)
    except ModuleNotFoundError:
        pass
    try:
        return _with_altair(priced, title)
    except ModuleNotFoundError:
        raise LookalikeError(
            "Plotting needs matplotlib or Altair, and neither is installed. Run `pip install matplotlib`."
        ) from None


def _offers(published: OpenGeneration, sold: Iterable[Match]) -> dict[tuple[str, str], list[_State]]:
    """The stored offers of some products, the oldest first."""
    names = [(match.store, match.product_id) for match in sold]
    stores, ids = (list(dict.fromkeys(column)) for column in zip(*names, strict=True))
    stored = tables.read(
        published.root,
        "offers",
        columns=["store", "product_id", *_OFFER],
        where=pc.field("product_id").isin(ids) & pc.field("store").isin(stores),
    )
    found: dict[tuple[str, str], list[_State]] = {name: [] for name in names}
    for row in stored.sort_by("observed_at").to_pylist():
        if (row["store"], row["product_id"]) in found:
            found[row["store"], row["product_id"]].append(row)
    return found


def _observed(match: Match, offers: Iterable[_State]) -> Iterator[tuple[Any, ...]]:
    """When a product was seen, and its price, currency and availability then.

    The last crawl of a generation found the last price unchanged, so that this is one more observation.
    """
    own = [one for one in offers if one["variant_id"] is None]
    last = None
    for one in own or _cheapest_variants(offers):
        yield one["observed_at"], one["price"], one["currency"], one["availability"]
        last = one["observed_at"]
    if match.seen is not None and (last is None or last < match.seen):
        yield match.seen, match.price, match.currency, match.availability


def _cheapest_variants(offers: Iterable[_State]) -> Iterator[_State]:
    """What a product costs whose store states only its variants: the lowest price known at each time."""
    known: dict[str, _State] = {}
    for offer in offers:
        known[offer["variant_id"]] = offer
        priced = [one for one in known.values() if one["price"] is not None] or [offer]
        cheapest = min(priced, key=lambda one: (one["price"] is None, one["price"]))
        there = any(one["availability"] == Availability.IN_STOCK for one in known.values())
        availability = Availability.IN_STOCK.value if there else cheapest["availability"]
        yield {**cheapest, "availability": availability, "observed_at": offer["observed_at"]}


def _with_matplotlib(priced: pd.DataFrame, title: str) -> Any:
    from matplotlib import dates
    from matplotlib import pyplot as plt

    currencies = sorted(priced["currency"].fillna("").unique()) or [""]
    figure, panels = plt.subplots(
        len(currencies), squeeze=False, sharex=True, figsize=(8, 3.2 * len(currencies)), layout="constrained"
    )
    for panel, currency in zip(panels[:, 0], currencies, strict=True):
        of_currency = priced[priced["currency"].fillna("") == currency]
        for (store, _), line in of_currency.groupby(["store", "product_id"]):
            panel.step(line["seen"], line["price"], where="post", marker="o", markersize=3.5, label=store)
        panel.set_ylabel(currency)
        panel.set_ylim(bottom=0)
        panel.xaxis.set_major_formatter(dates.ConciseDateFormatter(panel.xaxis.get_major_locator()))
        if len(of_currency):
            panel.legend(frameon=False, fontsize=9)
    panels[0, 0].set_title(title)
    plt.close(figure)  # a notebook shows what is returned, and would show an open figure a second time
    return figure


def _with_altair(priced: pd.DataFrame, title: str) -> Any:
    import altair as alt

    lines = (
        alt.Chart(priced)
        .mark_line(interpolate="step-after", point=True)
        .encode(
            x=alt.X("seen:T", title=None),
            y=alt.Y("price:Q", title=None),
            color=alt.Color("store:N"),
            detail="product_id:N",
            tooltip=["store", "seen:T", "price", "currency", "availability"],
        )
    )
    return (
        lines.facet(row=alt.Row("currency:N", title=None))
        .resolve_scale(y="independent")
        .properties(title=title)
    )
