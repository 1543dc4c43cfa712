"""How good a shop's answers are, by a user's own labelled photos: `Shop.evaluate`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from embedding.index.filter_arguments import parse_filters
from embedding.index.filter_types import FilterArguments
from lookalike.arguments import product_number
from lookalike.matches import Matches
from lookalike.published import Published
from lookalike.similar import find_many
from storage.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

PHOTO, PRODUCT = "photo", "product"
LABELS = ("category", "colour", "brand", "store")
"""Labels that products are compared by, each as the filter of that name does."""


@dataclass(frozen=True)
class Evaluation:
    """What a shop found for labelled photos.

    :ivar k: how many products were asked for.
    :ivar photos: how many photos.
    :ivar precision: by label, the share of the `k` nearest products that have it, averaged over the photos
        (precision@k); a product that is missing where fewer were found counts as wrong.
    :ivar found: the share of photos whose `product` is among the `k`, in its own store or another that shows
        the same photo; None where no photo names one.
    :ivar table: a row a photo with what was found and its own shares.
    """

    k: int
    photos: int
    precision: Mapping[str, float]
    found: float | None
    table: pd.DataFrame = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The figures, without the table."""
        return {"k": self.k, "photos": self.photos, "precision": dict(self.precision), "found": self.found}


def evaluate(published: Published, labelled: Any, k: int) -> Evaluation:
    """See `lookalike.query.Shop.evaluate`."""
    import pandas as pd

    frame = _frame(labelled)
    given = [name for name in (*LABELS, PRODUCT) if name in frame]
    judges = [_judges(published, frame, name) for name in given]  # before photos are encoded
    matches = find_many(published, frame[PHOTO].tolist(), k, {})
    shares = {
        name: [judge(found) / (k if name != PRODUCT else 1) for judge, found in zip(of, matches, strict=True)]
        for name, of in zip(given, judges, strict=True)
    }
    table = pd.DataFrame(
        {
            PHOTO: [found.query for found in matches],
            **{name: frame[name].tolist() for name in given},
            **{f"{name}_share": values for name, values in shares.items()},
            "found": [", ".join(match.id for match in found) for found in matches],
        }
    )
    means = {name: float(np.mean(values)) for name, values in shares.items()}
    return Evaluation(k, len(frame), means, means.pop(PRODUCT, None), table)


def _frame(labelled: Any) -> pd.DataFrame:
    """The labelled photos as a table with `photo` and at least one label, in every row."""
    import pandas as pd

    if not isinstance(labelled, pd.DataFrame):
        if not isinstance(labelled, Mapping) and not (
            isinstance(labelled, Sequence) and all(isinstance(row, Mapping) for row in labelled)
        ):
            raise InputError(
                f"Labelled photos cannot be a {type(labelled).__name__}. Give a DataFrame with the columns "
                f"photo and {' or '.join((*LABELS, PRODUCT))}."
            )
        try:
            labelled = pd.DataFrame(labelled)
        except ValueError as error:
            raise InputError(f"The labelled photos are no table ({error}).") from None
    given = [name for name in (*LABELS, PRODUCT) if name in labelled]
    if PHOTO not in labelled or not given:
        raise InputError(
            f"The labelled photos have the columns {', '.join(map(str, labelled.columns)) or '(none)'}. They "
            f"need photo and at least one of {', '.join((*LABELS, PRODUCT))}."
        )
    if not len(labelled):
        raise InputError("There are no labelled photos. Give at least one.")
    for name in given:
        missing = np.flatnonzero(labelled[name].map(lambda label: not isinstance(label, str)))
        if len(missing):
            raise InputError(
                f"Photo {missing[0] + 1} of {len(labelled)} has no text as its {name}. Give one, or leave "
                "the column out."
            )
    return labelled


def _judges(published: Published, frame: pd.DataFrame, name: str) -> list[Any]:
    """For each photo, what counts the right products among those found.

    :raises InputError: a label that no product has; the sentence names it.
    """

    @functools.cache
    def products_with(label: str) -> np.ndarray:
        mask = published.mask(parse_filters(**cast(FilterArguments, {name: label})))
        return np.unique(published.index.products[mask])

    def labelled(numbers: np.ndarray, found: Matches) -> int:
        return int(np.isin([product_number(published, match) for match in found], numbers).sum())

    def shown(product: str, found: Matches) -> int:
        return int(any(product in (match.id, *(one.id for one in match.also_at)) for match in found))

    if name == PRODUCT:
        for product in frame[name]:
            product_number(published, product)
        return [functools.partial(shown, product) for product in frame[name]]
    return [functools.partial(labelled, products_with(label)) for label in frame[name]]
