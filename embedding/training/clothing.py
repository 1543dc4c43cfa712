"""The head that tells whether a photo shows something to wear: how it is fitted, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import roc_auc_score

from embedding.encoder.heads import CLOTHING, CLOTHING_LEAST, NO, YES, Head
from embedding.training.heads import HeadFigures, calibrate, fit_head

NOT_WORN = ("Personal Care", "Home", "Free Items", "Sporting Goods")
"""Values of `MASTER_CATEGORY` in Fashion Product Images that are no clothing, shoes, bags or jewellery."""

MASTER_CATEGORY = "master_category"

WORN_SHARE = 0.9
"""Of the photos that a shop is asked with, as assumed: what is learnt from has a share of its own."""

CLASSES = [NO, YES]


@dataclass(frozen=True)
class ClothingFigures:
    """How well it is told what is no clothing.

    :param auc: by what the garments are told from, the area under the receiver operating characteristic.
    :param warned: by the same, the share of what is no clothing that a search warns of.
    :param falsely_warned: by data set, the share of the garments that a search warns of.
    """

    auc: dict[str, float]
    warned: dict[str, float]
    falsely_warned: dict[str, float]


def fit_clothing(
    worn: np.ndarray, others: Sequence[np.ndarray], held_out: tuple[np.ndarray, np.ndarray]
) -> tuple[Head, HeadFigures]:
    """The calibrated head.

    :param worn: vectors of photos of something to wear, float32 [n, dim], L2 norm 1.
    :param others: vectors of photos of anything else, by kind; a large kind counts no more than a small one.
    :param held_out: vectors of both, to calibrate on.
    """
    vectors, codes = _labelled(worn, np.concatenate(others))
    fitted = fit_head(CLOTHING, vectors, codes, CLASSES, weights=_shares(worn, others))
    head, figures = calibrate(fitted, *_labelled(*held_out), weights=_shares(held_out[0], held_out[1:]))
    return head, replace(figures, fitted=len(vectors))


def measure_clothing(
    head: Head, worn: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]
) -> ClothingFigures:
    """How good a head for clothing is.

    :param worn: vectors of garments it was not fitted to, float32 [n, dim], by data set.
    :param others: vectors of what is no clothing, by what they are.
    """
    likely = {name: _likely(head, vectors) for name, vectors in worn.items()}
    unlikely = {name: _likely(head, vectors) for name, vectors in others.items()}
    garments = np.concatenate(list(likely.values()))
    return ClothingFigures(
        auc={
            name: float(
                roc_auc_score(np.arange(len(garments) + len(found)) < len(garments), [*garments, *found])
            )
            for name, found in unlikely.items()
        },
        warned={name: float((found < CLOTHING_LEAST).mean()) for name, found in unlikely.items()},
        falsely_warned={name: float((found < CLOTHING_LEAST).mean()) for name, found in likely.items()},
    )


def _likely(head: Head, vectors: np.ndarray) -> np.ndarray:
    likely: np.ndarray = head.probabilities(vectors)[:, head.classes.index(YES)]
    return likely


def _labelled(worn: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    codes = np.repeat([CLASSES.index(YES), CLASSES.index(NO)], [len(worn), len(others)])
    return np.concatenate([worn, others]), codes.astype(np.int32)


def _shares(worn: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """What each photo counts, so that all together have `WORN_SHARE` of garments."""
    counts = [len(worn), *map(len, others)]
    kinds = [WORN_SHARE, *[(1 - WORN_SHARE) / len(others)] * len(others)]
    return np.repeat(np.array(kinds) / counts, counts)
