"""What goes with what before anything was learnt from outfits, and why, in words."""

from __future__ import annotations

import numpy as np

from embedding.index.vectors import similarities
from embedding.outfits import colours
from embedding.outfits.looks import Looks

_WEIGHTS = {"colour": 0.75, "style": 0.15, "usage": 0.07, "season": 0.03}
"""What each sign counts; tuned on stylists' outfits, fill-in-the-blank among four of a family."""

_OPPOSED = 0.4
"""Agreement in gender below which a score shrinks: the heads mistake many a plain garment's."""

_SURE = 0.5  # probability from which a value is named
_SHOWN_AS = {"Fall": "autumn"}


def compatibility(present: Looks, offered: Looks) -> np.ndarray:
    """How well each garment goes with all that are there: float32 [n], from 0 to 1.

    The mean over those that are there of the agreement in colour, usage, season and style; less where the
    genders are opposed.
    """
    scores = [_with_one(present, place, offered) for place in range(len(present))]
    mean: np.ndarray = np.stack(scores).mean(axis=0, dtype=np.float32)
    return mean


def reason(present: Looks, offered: Looks, row: int) -> str:
    """Why a garment goes with those that are there, such as `goes with: navy and tan, both casual`."""
    fits = [float(colours.harmony(offered.colours[row], one[None])[0]) for one in present.colours]
    best = int(np.argmax(fits))
    reasons = [colours.in_words(present.colours[best], offered.colours[row])]
    for name in ("usage", "season"):
        if name in offered.attributes:
            pairs = (present.attributes[name][best], offered.attributes[name][row])
            values = {int(np.argmax(pair)) for pair in pairs}
            if len(values) == 1 and min(float(pair.max()) ** 2 for pair in pairs) >= _SURE:
                value = offered.classes[name][values.pop()]
                shown = _SHOWN_AS.get(value, value).lower()
                reasons.append(f"both {shown}" if name == "usage" else f"both for {shown}")
    return f"goes with: {', '.join(reasons)}"


def _with_one(present: Looks, place: int, offered: Looks) -> np.ndarray:
    query = np.asarray(present.vectors[place], np.float32)
    offered_vectors = offered.vectors
    if offered_vectors.dtype == np.float16:
        likeness = similarities(offered_vectors, query)
    else:
        likeness = np.einsum("ij,j->i", offered_vectors, query)
    agreement = {
        "colour": colours.harmony(present.colours[place], offered.colours),
        "style": (1 + likeness) / 2,
    }
    for name, values in offered.attributes.items():
        agreement[name] = np.einsum("ij,j->i", values, present.attributes[name][place])
    total = sum(weight for name, weight in _WEIGHTS.items() if name in agreement)
    weighted = sum(weight * agreement[name] for name, weight in _WEIGHTS.items() if name in agreement) / total
    if "gender" in agreement:
        weighted = weighted * np.minimum(1, agreement["gender"] / _OPPOSED)
    scores: np.ndarray = np.asarray(weighted, np.float32)
    return scores
