"""Fits and measures the head that says whether a photo shows clothing."""

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
"""Assumed share of clothing among query photos; training data is reweighted to it."""

CLASSES = [NO, YES]


@dataclass(frozen=True)
class ClothingFigures:
    """Figures of the head for clothing.

    :param auc: by kind of other photos, the area under the receiver operating characteristic.
    :param warned: by the same, the share that a search warns of: the detection rate.
    :param falsely_warned: by data set of garments, the share that a search warns of: the false alarm rate.
    """

    auc: dict[str, float]
    warned: dict[str, float]
    falsely_warned: dict[str, float]


def fit_clothing(
    worn: np.ndarray, others: Sequence[np.ndarray], held_out: tuple[np.ndarray, np.ndarray]
) -> tuple[Head, HeadFigures]:
    """Fits and calibrates the head.

    :param worn: vectors of photos of something to wear, float32 [n, dim], L2 norm 1.
    :param others: vectors of photos of anything else, by kind; each kind has the same weight.
    :param held_out: vectors of both, to calibrate on.
    """
    vectors, codes = _labelled(worn, np.concatenate(others))
    fitted = fit_head(CLOTHING, vectors, codes, CLASSES, weights=_shares(worn, others))
    head, figures = calibrate(fitted, *_labelled(*held_out), weights=_shares(held_out[0], held_out[1:]))
    return head, replace(figures, fitted=len(vectors))


def measure_clothing(
    head: Head, worn: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray]
) -> ClothingFigures:
    """Measures a head for clothing.

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
    """Weights of the photos, such that garments have `WORN_SHARE` of the sum."""
    counts = [len(worn), *map(len, others)]
    kinds = [WORN_SHARE, *[(1 - WORN_SHARE) / len(others)] * len(others)]
    return np.repeat(np.array(kinds) / counts, counts)
