"""Learns from all customers: what is popular, what is bought together, and how much each signal weighs."""

from __future__ import annotations

import numpy as np

from embedding.index import columns
from embedding.recommend import blend, copurchase
from embedding.recommend.interests import MOST_PURCHASES, Histories, decay
from embedding.recommend.products import Products
from embedding.recommend.purchases import DAY_US, Purchases
from embedding.recommend.recommender import Learnt, Recommender

_SPLIT = 0.8  # of the purchases by time; the weights are fitted on the first ones after
_CHOICES = 1000  # customers whose next purchase is a choice
_OTHERS = 200  # candidates drawn beside what was bought
_LEAST_PURCHASES = 200  # fewer fit no weights
_MOST_NEW = 0.25  # of the recommended products


def learn(
    products: Products, purchases: Purchases, *, on_sale: np.ndarray | None = None, seed: int = 0
) -> Learnt:
    """What the purchases say.

    The weights are fitted on a time split: what was bought in the last fifth of the time, by what was known
    before.

    :param on_sale: bool [products], what customers could choose from; None takes all products of the stores
        that they bought from.
    :raises LookalikeError: the extra `recommend` is not installed.
    """
    customers = np.repeat(np.arange(len(purchases)), np.diff(purchases.starts))
    if not len(customers):
        return Learnt.nothing(products)
    whole = _counted(products, customers, purchases.products)
    if len(customers) < _LEAST_PURCHASES:
        return whole
    cut = np.quantile(purchases.when, _SPLIT)
    before = purchases.when < cut
    earlier = _counted(products, customers[before], purchases.products[before])
    if on_sale is None:
        stores = columns.codes(products.index.items["store"].chunk(0))[0][products.rows]
        on_sale = np.isin(stores, stores[purchases.products])
    unknown = earlier.popularity[purchases.products[~before]] == 0
    return Learnt(
        whole.popularity,
        whole.together,
        whole.kinds,
        _weights(
            *(np.flatnonzero(on_sale), purchases, customers, cut),
            *(Recommender(products, earlier, _NoNeighbours()), seed),
        ),
        min(_MOST_NEW, float(unknown.mean()) if len(unknown) else 0.0),
    )


def histories_of(purchases: Purchases, some: np.ndarray | slice, now_us: float) -> Histories:
    """The latest purchases of some customers who have any, at most `MOST_PURCHASES` each.

    :param now_us: the time that ages are counted from, microseconds since 1970.
    """
    starts, ends = purchases.starts[:-1][some], purchases.starts[1:][some]
    return _histories(purchases, starts, ends, now_us)


def _histories(purchases: Purchases, starts: np.ndarray, ends: np.ndarray, now_us: float) -> Histories:
    starts = np.maximum(starts, ends - MOST_PURCHASES)
    lengths = ends - starts
    places = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    weights = decay((now_us - purchases.when[places]) / DAY_US)
    return Histories(
        purchases.products[places].astype(np.int64),
        np.maximum(weights, 1e-9).astype(np.float32),
        np.r_[0, np.cumsum(lengths)],
    )


def _counted(products: Products, customers: np.ndarray, bought: np.ndarray) -> Learnt:
    nothing = Learnt.nothing(products)
    kinds = np.bincount(products.kinds[bought], minlength=len(nothing.kinds))
    return Learnt(
        np.bincount(bought, minlength=len(products)).astype(np.float32),
        copurchase.fit(customers, bought, (int(customers.max(initial=-1)) + 1, len(products))),
        (kinds / max(1, kinds.sum())).astype(np.float32),
        nothing.weights,
        nothing.new_share,
    )


def _weights(
    choice_set: np.ndarray,
    purchases: Purchases,
    customers: np.ndarray,
    cut: float,
    recommender: Recommender,
    seed: int,
) -> np.ndarray:
    """Weights of the signals for each group of histories, float32 [groups, signals]."""
    random = np.random.default_rng(seed)
    counts = np.bincount(customers[purchases.when < cut], minlength=len(purchases))
    next_ones = purchases.starts[:-1] + counts  # the first purchase after the split
    able = np.flatnonzero((counts > 0) & (next_ones < purchases.starts[1:]))
    some = np.sort(random.permutation(able)[:_CHOICES])
    if not len(some):
        return recommender.learnt.weights
    histories = _histories(purchases, purchases.starts[some], next_ones[some], cut)
    others = random.choice(choice_set, (len(some), _OTHERS))
    candidates = np.concatenate([purchases.products[next_ones[some], None].astype(np.int64), others], axis=1)
    signals = recommender.signals_of(histories, candidates)
    groups = blend.group_of(np.diff(histories.starts))
    known = np.arange(len(blend.LONGER) + 1)
    every = blend.fit(signals)
    return np.stack(
        [
            blend.fit(signals[groups == one]) if (groups == one).sum() >= _OTHERS / 2 else every
            for one in known
        ]
    )


class _NoNeighbours:
    """Finds nothing: the candidates that weights are fitted on are given."""

    def of_products(self, numbers: np.ndarray) -> np.ndarray:
        return np.empty((len(numbers), 0), np.int64)

    of_vectors = of_products
