"""How signals become one score: looks, what others bought together, popularity and the customer's kinds.

The weights are those of a conditional logit (McFadden, 1974): the purchase that a customer made next is one choice
among many, and its probability grows with the weighted sum of the signals. They are fitted on a time split
of the purchases at hand; where there are none, `DEFAULTS` hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIGNALS = ("near", "alike", "interest", "mean", "popular", "kind", "together")
"""Signals of a candidate, in the order of the last axis of `signals`:

- `near`, `alike`: how densely the customer's purchases lie around it, at two scales,
- `interest`: its similarity to the nearest interest as a whole, `mean`: to all purchases,
- `popular`: the logarithm of how often it was bought,
- `kind`: the logarithm of the share of its kind among the customer's purchases,
- `together`: how often it was bought by the customers who bought the same.
"""

DEFAULTS = np.array([0.6, 0.8, 4.0, 6.0, 0.5, 0.4, 1.0], np.float32)
"""Weights of the signals where no purchases of other customers are known: the median of planted worlds."""

TOGETHER_SCALE = 10.0  # sums of cosines are mostly below 0.1
_SCALES = (0.05, 0.15)  # of cosine similarity: products of one kind and colour differ by about 0.1
_KIND_PRIOR = 2.0  # purchases that a kind's share of all purchases counts like
_LEAST_SHARE = 1e-3
_RIDGE = 1.0
_NEWTON_STEPS = 12


@dataclass(frozen=True)
class Padded:
    """Histories of some customers, padded to the longest.

    :ivar vectors: float32 [customers, n, dimensions], 0 where padded.
    :ivar weights: float32 [customers, n]; one customer's sum to 1, 0 where padded.
    :ivar interests: float32 [customers, interests, n], the share of each purchase in each interest; the rows of
        interests that a customer does not have are 0.
    """

    vectors: np.ndarray
    weights: np.ndarray
    interests: np.ndarray

    def part(self, some: slice) -> Padded:
        """Some of the customers."""
        return Padded(self.vectors[some], self.weights[some], self.interests[some])


def looks(histories: Padded, candidates: np.ndarray) -> np.ndarray:
    """The signals of looks.

    :param candidates: float32 [customers, c, dimensions], L2 norm 1.
    :return: float32 [customers, c, 4].
    """
    similar = np.matmul(histories.vectors, candidates.transpose(0, 2, 1))
    weights = histories.weights[:, :, None]
    dense = [np.log((weights * np.exp((similar - 1) / scale)).sum(axis=1) + 1e-30) for scale in _SCALES]
    means = np.matmul(histories.interests, similar)
    missing = ~histories.interests.any(axis=2)
    interest = np.where(missing[:, :, None], -1, means).max(axis=1)
    return np.stack([*dense, interest, (weights * similar).sum(axis=1)], axis=2)


def kind_shares(bought: np.ndarray, overall: np.ndarray) -> np.ndarray:
    """The logarithm of each kind's share of customers' purchases, smoothed by its share of all purchases.

    :param bought: float32 [customers, kinds], weights of what was bought, summing to the number of purchases.
    :param overall: float32 [kinds], summing to 1.
    :return: float32 [customers, kinds].
    """
    totals = bought.sum(axis=1, keepdims=True) + _KIND_PRIOR
    shares: np.ndarray = np.log((bought + _KIND_PRIOR * overall) / totals + _LEAST_SHARE).astype(np.float32)
    return shares


def fit(signals: np.ndarray) -> np.ndarray:
    """Weights under which what was bought next is the likeliest.

    :param signals: float32 [choices, c, signals]; of each choice the first candidate was bought.
    :return: float32 [signals], not negative.
    """
    if not len(signals):
        return DEFAULTS
    scale = signals.std(axis=(0, 1)) + 1e-6
    differences = ((signals - signals[:, :1]) / scale).astype(np.float64)
    weights = np.zeros(signals.shape[2])
    kept = np.arange(len(weights))
    while True:
        for _ in range(_NEWTON_STEPS):
            some = differences[:, :, kept]
            utilities = some @ weights[kept]
            chances = np.exp(utilities - utilities.max(axis=1, keepdims=True))
            chances /= chances.sum(axis=1, keepdims=True)
            means = np.einsum("nc,ncf->nf", chances, some)
            spread = np.einsum("nc,ncf,ncg->fg", chances, some, some) - means.T @ means
            slope = -means.sum(axis=0) - _RIDGE * weights[kept]
            weights[kept] += np.linalg.solve(spread + _RIDGE * np.eye(len(kept)), slope)
        # A signal that would count against what it points to is left out, and the others fitted anew.
        if (weights[kept] >= 0).all():
            return (weights / scale).astype(np.float32)
        weights[kept[weights[kept] < 0]] = 0
        kept = kept[weights[kept] > 0]
        if not len(kept):
            return DEFAULTS
