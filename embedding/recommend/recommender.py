"""Recommends products to many customers at once: candidates of every kind, one score, few that look the same.

Candidates are the nearest products of each interest and of the mean of all purchases, what was bought
together with the purchases, and what is popular among the customer's kinds and in all. `blend` scores them
all; maximal marginal relevance (Carbonell and Goldstein, 1998) takes those that add something.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embedding.recommend import blend
from embedding.recommend.copurchase import CoPurchases
from embedding.recommend.interests import MOST_INTERESTS, Histories, Interests, find_interests
from embedding.recommend.nearest import Nearest
from embedding.recommend.products import Products
from storage.errors import InputError

MOST_RECOMMENDED = 1000
"""Products for one customer; the time to choose among candidates grows with their square."""

DIVERSITY = 0.01
"""How much likeness to what is recommended already counts against a candidate, from 0 to 1.

With 0.1 customers of one taste got what they like less often than from the vector mean: recall@12 was 0.044,
and 0.050 with 0.01, in planted world 100, whose best control reaches 0.052.
"""

LOOKS, TOGETHER, POPULAR = 1, 2, 4
"""Bits of `Recommended.evidence`."""

_TOGETHER = 60  # candidates bought together with the purchases
_POPULAR = 30  # candidates of each of the customer's first kinds
_KINDS = 3
_BESTSELLERS = 30  # candidates of all kinds
_POOL = 4  # candidates that maximal marginal relevance chooses from, a product wanted
_LOGIT = 10.0  # a score's range beside that of a cosine
_BLOCK_FLOATS = 2**24


@dataclass(frozen=True)
class Recommended:
    """Products for customers, the best first.

    :ivar products: int64 [customers, k], numbers of products, -1 where there are fewer.
    :ivar because: int64 [customers, k], the purchase each comes from, as the number of its product.
    :ivar scores: float32 [customers, k], cosine similarity to that purchase.
    :ivar evidence: int8 [customers, k], bits: `LOOKS`, `TOGETHER`, `POPULAR`.
    """

    products: np.ndarray
    because: np.ndarray
    scores: np.ndarray
    evidence: np.ndarray


@dataclass(frozen=True)
class Learnt:
    """What is known from the purchases of all customers.

    :ivar popularity: float32 [products], how often each was bought.
    :ivar together: what is bought together; None where nobody bought anything.
    :ivar kinds: float32 [kinds], the share of each kind, summing to 1.
    :ivar weights: float32 [groups, signals], see `blend.SIGNALS` and `blend.LONGER`.
    :ivar new_share: of purchases, how many are of products that nobody bought before; so many places are kept
        for such products, which popularity and co-purchase cannot speak for.
    """

    popularity: np.ndarray
    together: CoPurchases | None
    kinds: np.ndarray
    weights: np.ndarray
    new_share: float

    @classmethod
    def nothing(cls, products: Products) -> Learnt:
        """What is known where no other customer is."""
        counts = np.bincount(products.kinds, minlength=1)
        return cls(
            np.zeros(len(products), np.float32),
            None,
            (counts / max(1, counts.sum())).astype(np.float32),
            np.tile(blend.DEFAULTS, (len(blend.LONGER) + 1, 1)),
            0.0,
        )


class Recommender:
    """Recommends from the products of one generation.

    :param nearest: finds candidates by their looks.
    """

    def __init__(self, products: Products, learnt: Learnt, nearest: Nearest) -> None:
        self.products, self.learnt, self.nearest = products, learnt, nearest
        self._popular = _popular_by_kind(products.kinds, learnt.popularity, len(learnt.kinds))
        one_kind = np.zeros_like(products.kinds)
        self._bestsellers = _popular_by_kind(one_kind, learnt.popularity, 1, _BESTSELLERS)

    def recommend(
        self,
        histories: Histories,
        k: int,
        *,
        allowed: np.ndarray | None = None,
        include_owned: bool = False,
        owned: tuple[np.ndarray, np.ndarray] | None = None,
        diversity: float = DIVERSITY,
    ) -> Recommended:
        """The `k` products for each customer; fewer only where there are fewer candidates.

        :param histories: of each customer at least one purchase and at most `MOST_PURCHASES`.
        :param allowed: bool [products], what may be recommended; None allows all.
        :param include_owned: whether what was bought, and what looks identical, may be recommended.
        :param owned: customers and products, int64 [n] each, of all purchases, where histories lack old ones.
        """
        vectors = self.products.vectors(histories.items)
        interests = find_interests(vectors, histories)
        history = _padded(vectors, histories, interests)
        near = self._near(vectors, histories, interests)
        together = self._together(histories)
        bestsellers = np.repeat(self._bestsellers, len(histories), axis=0)
        candidates = np.concatenate(
            [near, together.products, self._popular_kinds(histories), bestsellers], axis=1
        )
        candidates = self._kept(candidates, histories, allowed, include_owned, owned)
        signals = self.signals(history, histories, candidates, together)
        weights = self.learnt.weights[blend.group_of(np.diff(histories.starts))]
        scores = np.where(candidates < 0, -np.inf, np.einsum("bcs,bs->bc", signals, weights))
        chosen = self._diverse(candidates, scores, k, diversity)
        chosen = self._with_new(chosen, candidates, scores, diversity)
        return self._explained(chosen, history, histories, near, together)

    def signals(
        self, history: blend.Padded, histories: Histories, candidates: np.ndarray, together: _Together
    ) -> np.ndarray:
        """Signals of candidates, float32 [customers, c, signals], see `blend.SIGNALS`."""
        count, width = candidates.shape
        some = np.maximum(candidates, 0)
        looked = np.empty((count, width, 4), np.float32)
        step = max(1, _BLOCK_FLOATS // max(1, width * self.products.index.vectors.shape[1]))
        for at in range(0, count, step):
            part = slice(at, at + step)
            looked[part] = blend.looks(history.part(part), self.products.vectors(some[part]))
        bought = np.zeros((count, len(self.learnt.kinds)), np.float32)
        np.add.at(bought, (histories.customers, self.products.kinds[histories.items]), 1)
        shares = blend.kind_shares(bought, self.learnt.kinds)
        others = [
            np.log1p(self.learnt.popularity[some]),
            np.take_along_axis(shares, self.products.kinds[some].astype(np.int64), axis=1),
            np.log1p(blend.TOGETHER_SCALE * together.at(some)),
        ]
        return np.concatenate([looked, np.stack(others, axis=2)], axis=2).astype(np.float32)

    def signals_of(self, histories: Histories, candidates: np.ndarray) -> np.ndarray:
        """The same, for candidates from elsewhere."""
        vectors = self.products.vectors(histories.items)
        history = _padded(vectors, histories, find_interests(vectors, histories))
        return self.signals(history, histories, candidates, self._together(histories))

    def _near(self, vectors: np.ndarray, histories: Histories, interests: Interests) -> np.ndarray:
        """The nearest products of each interest and of the mean, int64 [customers, (interests + 1) × n]."""
        found = self.nearest.of_products(histories.items[interests.medoids])
        out = np.full((len(histories), MOST_INTERESTS, found.shape[1]), -1, np.int64)
        out[interests.customers, _places(interests.customers)] = found
        means = np.add.reduceat(vectors * histories.weights[:, None], histories.starts[:-1], axis=0)
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
        return np.concatenate([out.reshape(len(histories), -1), self.nearest.of_vectors(means)], axis=1)

    def _together(self, histories: Histories) -> _Together:
        size = len(self.products)
        if self.learnt.together is None:
            none = np.empty(0, np.int64)
            return _Together(np.full((len(histories), 0), -1), none, none.astype(np.float32), size)
        places, products, scores = self.learnt.together.of(histories.items)
        keys, inverse = np.unique(histories.customers[places] * size + products, return_inverse=True)
        sums = np.bincount(inverse, scores, len(keys)).astype(np.float32)
        customers = keys // size
        order = np.lexsort((-sums, customers))
        rank = _places(customers[order])
        first = order[rank < _TOGETHER]
        out = np.full((len(histories), min(_TOGETHER, int(rank.max(initial=-1)) + 1)), -1, np.int64)
        out[customers[first], rank[rank < _TOGETHER]] = keys[first] % size
        return _Together(out, keys, sums, size)

    def _popular_kinds(self, histories: Histories) -> np.ndarray:
        """The most popular products of the kinds that each customer bought most of, int64 [customers, n]."""
        keys = histories.customers * len(self.learnt.kinds) + self.products.kinds[histories.items]
        known, inverse = np.unique(keys, return_inverse=True)
        weights = np.bincount(inverse, histories.weights, len(known))
        customers = known // len(self.learnt.kinds)
        order = np.lexsort((-weights, customers))
        rank = _places(customers[order])
        first = order[rank < _KINDS]
        out = np.full((len(histories), _KINDS, self._popular.shape[1]), -1, np.int64)
        out[customers[first], rank[rank < _KINDS]] = self._popular[known[first] % len(self.learnt.kinds)]
        return out.reshape(len(histories), -1)

    def _kept(
        self,
        candidates: np.ndarray,
        histories: Histories,
        allowed: np.ndarray | None,
        include_owned: bool,
        owned: tuple[np.ndarray, np.ndarray] | None,
    ) -> np.ndarray:
        """Candidates, each product group once a customer, -1 where one may not be recommended."""
        size = len(self.products)
        groups = np.where(candidates < 0, -1, self.products.groups[candidates])
        if allowed is not None:
            groups = np.where(allowed[candidates], groups, -1)
        customers = np.arange(len(candidates))[:, None]
        if not include_owned:
            who, what = (histories.customers, histories.items) if owned is None else owned
            taken = np.unique(who * size + self.products.groups[what])
            groups = np.where(np.isin(customers * size + groups, taken), -1, groups)
        order = np.argsort(groups, axis=1, kind="stable")
        ordered = np.take_along_axis(groups, order, axis=1)
        again = np.zeros(groups.shape, bool)
        np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
        kept: np.ndarray = np.where(again | (groups < 0), -1, candidates)
        return kept

    def _diverse(self, candidates: np.ndarray, scores: np.ndarray, k: int, diversity: float) -> np.ndarray:
        """Candidates by maximal marginal relevance, int64 [customers, k]."""
        chosen = np.full((len(candidates), k), -1, np.int64)
        pool = min(_POOL * k, scores.shape[1])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :pool]
        candidates, scores = np.take_along_axis(candidates, best, 1), np.take_along_axis(scores, best, 1)
        relevance = np.where(np.isfinite(scores), (1 - diversity) * scores / _LOGIT, -np.inf)
        vectors = self.products.vectors(np.maximum(candidates, 0))
        most_similar = np.zeros(relevance.shape, np.float32)
        each = np.arange(len(candidates))
        for place in range(min(k, pool)):
            value = relevance - diversity * most_similar
            taken = value.argmax(axis=1)
            real = np.isfinite(value[each, taken])
            chosen[real, place] = candidates[real, taken[real]]
            similar = np.einsum("bcd,bd->bc", vectors, vectors[each, taken])
            most_similar = np.maximum(most_similar, similar)
            relevance[each, taken] = -np.inf
        return chosen

    def _with_new(
        self, chosen: np.ndarray, candidates: np.ndarray, scores: np.ndarray, diversity: float
    ) -> np.ndarray:
        """Chosen products, the last of them replaced by products that nobody bought, see `new_share`."""
        kept = max(1, round(chosen.shape[1] * self.learnt.new_share)) if self.learnt.new_share else 0
        new = self.learnt.popularity == 0
        known = (candidates[:, :, None] == chosen[:, None, :]).any(axis=2)
        added = self._diverse(
            candidates, np.where(new[candidates] & ~known, scores, -np.inf), kept, diversity
        )
        each = np.arange(len(chosen))
        for place in range(kept):
            old = (chosen >= 0) & ~new[chosen]
            last = old.shape[1] - 1 - old[:, ::-1].argmax(axis=1)
            short = ((chosen >= 0) & new[chosen]).sum(axis=1) < kept
            some = each[short & old.any(axis=1) & (added[:, place] >= 0)]
            chosen[some, last[some]] = added[some, place]
        return chosen

    def _explained(
        self,
        chosen: np.ndarray,
        history: blend.Padded,
        histories: Histories,
        near: np.ndarray,
        together: _Together,
    ) -> Recommended:
        some = np.maximum(chosen, 0)
        similar = blend.similarities(history.vectors, self.products.vectors(some))
        similar[history.weights == 0] = -2
        nearest = similar.argmax(axis=1)
        because = histories.items[histories.starts[:-1, None] + nearest]
        size = len(self.products)
        customers = np.arange(len(chosen))[:, None]
        looks = np.isin(customers * size + some, np.unique((customers * size + near)[near >= 0]))
        bought = together.at(some) > 0
        evidence = LOOKS * looks + TOGETHER * bought + POPULAR * ~(looks | bought)
        missing = chosen < 0
        return Recommended(
            chosen,
            np.where(missing, -1, because),
            np.where(missing, 0, similar.max(axis=1)).astype(np.float32),
            np.where(missing, 0, evidence).astype(np.int8),
        )


@dataclass(frozen=True)
class _Together:
    """What was bought together with customers' purchases.

    :ivar products: int64 [customers, n], the first of each customer, -1 where there are fewer.
    """

    products: np.ndarray
    keys: np.ndarray
    sums: np.ndarray
    size: int

    def at(self, products: np.ndarray) -> np.ndarray:
        """Sums of scores of products, float32 [customers, n]."""
        wanted = np.arange(len(products))[:, None] * self.size + products
        if not len(self.keys):
            return np.zeros(wanted.shape, np.float32)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[at] == wanted, self.sums[at], 0)


def require_count(k: int) -> None:
    """Checks how many products a customer is recommended.

    :raises InputError: they are too many.
    """
    if k > MOST_RECOMMENDED:
        raise InputError(f"k={k} is too many for one customer. Give at most {MOST_RECOMMENDED}.")


def _padded(vectors: np.ndarray, histories: Histories, interests: Interests) -> blend.Padded:
    """Histories side by side, with the interests found in them."""
    customers, places = histories.customers, _places(histories.customers)
    count, longest = len(histories), int(places.max(initial=0)) + 1
    padded = np.zeros((count, longest, vectors.shape[1]), np.float32)
    padded[customers, places] = vectors
    weights = np.zeros((count, longest), np.float32)
    weights[customers, places] = histories.weights
    weights /= weights.sum(axis=1, keepdims=True)
    members = np.zeros((count, MOST_INTERESTS, longest), np.float32)
    members[customers, _places(interests.customers)[interests.labels], places] = 1
    members /= np.maximum(members.sum(axis=2, keepdims=True), 1)
    return blend.Padded(padded, weights, members)


def _places(sorted_numbers: np.ndarray) -> np.ndarray:
    """The place of each number among its equals, int64 [n], from 0."""
    firsts = np.searchsorted(sorted_numbers, sorted_numbers)
    places: np.ndarray = np.arange(len(sorted_numbers)) - firsts
    return places


def _popular_by_kind(
    kinds: np.ndarray, popularity: np.ndarray, count: int, most: int = _POPULAR
) -> np.ndarray:
    """At most so many popular products of each kind: int64 [kinds, n], -1 where fewer were bought."""
    bought = np.flatnonzero(popularity > 0)
    order = bought[np.lexsort((bought, -popularity[bought], kinds[bought]))]
    places = _places(kinds[order])
    first = places < most
    out = np.full((count, min(most, int(places.max(initial=-1)) + 1)), -1, np.int64)
    out[kinds[order][first], places[first]] = order[first]
    return out
