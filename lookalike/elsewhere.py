"""The same product in other stores, as matches: `Shop.elsewhere`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from embedding.index.filter_arguments import exchange, yes_or_no
from embedding.index.filter_types import Number
from embedding.index.filters import Filters
from embedding.index.search import Hits
from embedding.index.vectors import similarities, widen
from lookalike.arguments import product_number
from lookalike.generation import OpenGeneration
from lookalike.matches import Match, Matches
from lookalike.same_product import cheapest_first


def find_elsewhere(
    published: OpenGeneration,
    product: str | Match,
    *,
    currency: str | None = None,
    rates: Mapping[str, Number] | None = None,
    in_stock: bool = False,
) -> Matches:
    """See `lookalike.query.Shop.elsewhere`."""
    filters = Filters(in_stock=yes_or_no(in_stock, "in_stock"))
    number = product_number(published, product)
    row = published.main_row(number)
    own = published.match(row)
    known, compared = exchange(rates, currency or (own.currency if not rates else None))
    same = published.same_products.elsewhere(row)
    rows = np.array([published.main_row(other) for other in same], np.int64)
    scores = similarities(published.index.vectors[rows], widen(published.index.vectors[row]))
    mask = published.mask(filters)
    found = [
        replace(match, evidence=evidence, also_at=(), band=published.index.projection.band(match.score))
        for match, evidence, place in zip(
            published.matches(Hits(rows, scores)), same.values(), rows.tolist(), strict=True
        )
        if mask is None or mask[place]
    ]
    ordered = cheapest_first(found, compared, dict(known))
    return Matches(
        [replace(match, rank=rank) for rank, match in enumerate(ordered, 1)],
        generation=published.name,
        query=f"{own.title or own.id} elsewhere",
        pictures=lambda: [own.thumbnail()],
    )
