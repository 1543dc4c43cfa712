"""What was learnt from outfits: a style head, counts of what was put together, and whether they are used.

It lies beside the encoder, as the heads do, in a file of plain arrays without pickles.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from embedding.outfits.style_head import StyleHead, StyleInputs, Tower
from storage import encoders
from storage.arrays import read_npz
from storage.errors import LookalikeError
from storage.root import Root


@dataclass(frozen=True, eq=False)
class OutfitCounts:
    """Counts over outfits.

    :param pairs: int64 [m, 2], products that were put together, sorted, each pair in both orders.
    :param counts: float32 [m], in how many outfits.
    :param popularity: float32 [products], in how many outfits each is.
    """

    pairs: np.ndarray
    counts: np.ndarray
    popularity: np.ndarray

    @classmethod
    def of(cls, outfits: Sequence[Sequence[int]], products: int) -> OutfitCounts:
        """Counts of outfits of product numbers below `products`."""
        found = Counter(
            (one, other) for outfit in outfits for one in outfit for other in outfit if one != other
        )
        pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
        counts = np.array([found[one, other] for one, other in pairs.tolist()], np.float32)
        members = np.array([one for outfit in outfits for one in set(outfit)], np.int64)
        return cls(pairs, counts, np.bincount(members, minlength=products).astype(np.float32))

    def with_present(self, present: Sequence[int]) -> np.ndarray:
        """In how many outfits each product was with those that are there: float32 [products]."""
        counts = np.zeros(len(self.popularity), np.float32)
        for product in present:
            first, last = np.searchsorted(self.pairs[:, 0], [product, product + 1])
            counts[self.pairs[first:last, 1]] += self.counts[first:last]
        return counts

    def signs(self, present: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Logarithms of the counts, with those that are there and at all: float32 [products] each."""
        return np.log1p(self.with_present(present)), np.log1p(self.popularity)


@dataclass(frozen=True)
class Figures:
    """Share of blanks filled as the outfits do, among four garments of one family, on what was held back.

    :ivar cold: by method, products that no training outfit holds.
    :ivar warm: by method, products of training outfits in outfits that were held back.
    """

    cold: Mapping[str, float]
    warm: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class OutfitModel:
    """What was learnt from outfits.

    :param inputs: makes a style head's inputs.
    :param head: the style head.
    :param counts: counts over outfits.
    :param products: names of the products that `counts` counts, `store:product_id`.
    :param blend: what the two signs of `counts` weigh beside the style head's score.
    :param figures: what was measured on outfits that it never saw.
    :param used: whether it beat the untrained default and popularity there; else the default answers.
    """

    inputs: StyleInputs
    head: StyleHead
    counts: OutfitCounts
    products: tuple[str, ...]
    blend: tuple[float, float]
    figures: Figures
    used: bool

    def save(self, file: Path) -> None:
        """Writes the model to an `.npz`; equal models give equal bytes."""
        arrays = {f"inputs/{one.name}": getattr(self.inputs, one.name) for one in fields(StyleInputs)}
        for side, towers in (("wanted", self.head.wanted), ("offered", self.head.offered)):
            for place, tower in enumerate(towers):
                arrays |= {f"{side}/{place}/{one.name}": getattr(tower, one.name) for one in fields(Tower)}
        arrays |= {f"counts/{one.name}": getattr(self.counts, one.name) for one in fields(OutfitCounts)}
        arrays["kinds"] = np.array(self.head.kinds, np.str_)
        arrays["products"] = np.array(self.products, np.str_)
        arrays["blend"] = np.array(self.blend, np.float64)
        arrays["facts"] = np.array(json.dumps({"used": self.used, "figures": asdict(self.figures)}))
        with file.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, file: Path) -> OutfitModel:
        """Reads a model.

        :raises LookalikeError: the file holds none.
        """
        try:
            arrays = read_npz(file)
            facts = json.loads(str(arrays["facts"]))
            first, second = arrays["blend"].tolist()
            return cls(
                StyleInputs(*(arrays[f"inputs/{one.name}"] for one in fields(StyleInputs))),
                StyleHead(
                    tuple(arrays["kinds"].tolist()), _towers(arrays, "wanted"), _towers(arrays, "offered")
                ),
                OutfitCounts(*(arrays[f"counts/{one.name}"] for one in fields(OutfitCounts))),
                tuple(arrays["products"].tolist()),
                (first, second),
                Figures(**facts["figures"]),
                bool(facts["used"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LookalikeError(
                f"{file} holds no style head ({error}). Remove it and run `lookalike train --head outfits`."
            ) from error


def blended(
    style: np.ndarray, signs: tuple[np.ndarray, np.ndarray], blend: tuple[float, float]
) -> np.ndarray:
    """A style head's scores with what outfits say of the products themselves, shaped like the scores."""
    scores: np.ndarray = style + np.float32(blend[0]) * signs[0] + np.float32(blend[1]) * signs[1]
    return scores


def load_outfits(root: Root, model: str) -> OutfitModel | None:
    """What was learnt from outfits on a model's embeddings; None where nothing was trained.

    :raises LookalikeError: it is damaged.
    """
    name = encoders.heads_name(root, model, encoders.OUTFITS)
    if name is None:
        return None
    return root.check_or_refetch(name, lambda file: OutfitModel.load(encoders.verify_heads(file)))


def _towers(arrays: Mapping[str, np.ndarray], side: str) -> tuple[Tower, ...]:
    count = len({name.split("/")[1] for name in arrays if name.startswith(f"{side}/")})
    names: Sequence[str] = [one.name for one in fields(Tower)]
    return tuple(Tower(*(arrays[f"{side}/{place}/{name}"] for name in names)) for place in range(count))
