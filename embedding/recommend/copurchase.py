"""What is bought together: similarities of products by the customers who bought both."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.errors import LookalikeError

NEIGHBOURS = 50
"""Products kept for each product."""


@dataclass(frozen=True)
class CoPurchases:
    """For each product the products bought together with it, as a sparse matrix in rows.

    :ivar starts: int64 [products + 1].
    :ivar products: int32 [pairs].
    :ivar scores: float32 [pairs], cosine of the customers who bought each, above 0.
    """

    starts: np.ndarray
    products: np.ndarray
    scores: np.ndarray

    def of(self, bought: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The neighbours of some products.

        :param bought: int64 [n].
        :return: int64 [pairs], places in `bought`; int64 [pairs], neighbours; float32 [pairs], scores.
        """
        counts = self.starts[bought + 1] - self.starts[bought]
        places = np.repeat(np.arange(len(bought)), counts)
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        at = self.starts[bought][places] + offsets
        return places, self.products[at].astype(np.int64), self.scores[at]


def fit(customers: np.ndarray, products: np.ndarray, shape: tuple[int, int]) -> CoPurchases:
    """Learns what is bought together, by `implicit`'s item-to-item cosine.

    :param customers: int [n], the customer of each purchase.
    :param products: int [n], what was bought.
    :param shape: numbers of customers and products.
    :raises LookalikeError: the extra `recommend` is not installed.
    """
    csr_matrix, cosine_recommender = _installed()
    bought = csr_matrix((np.ones(len(products), np.float32), (customers, products)), shape=shape)
    bought.data[:] = 1  # a product bought twice is bought
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # implicit warns of its own matrix
        model = cosine_recommender(K=NEIGHBOURS + 1, num_threads=0)
        model.fit(bought, show_progress=False)
    pairs = model.similarity.tocoo()
    other = pairs.row != pairs.col
    rows, columns, scores = pairs.row[other], pairs.col[other], pairs.data[other]
    order = np.lexsort((columns, rows))
    starts = np.searchsorted(rows[order], np.arange(shape[1] + 1))
    return CoPurchases(
        starts.astype(np.int64), columns[order].astype(np.int32), scores[order].astype(np.float32)
    )


def _installed() -> tuple[Any, Any]:
    """scipy's sparse matrix and implicit's recommender.

    :raises LookalikeError: the extra `recommend` is not installed.
    """
    try:
        from scipy.sparse import csr_matrix

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in a notebook its progress bars warn that they lack widgets
            from implicit.nearest_neighbours import CosineRecommender
    except ModuleNotFoundError as error:
        raise LookalikeError(
            f"Learning from purchases needs {error.name}, which is not installed. "
            "Run `pip install 'lookalike[recommend]'`."
        ) from None
    return csr_matrix, CosineRecommender
