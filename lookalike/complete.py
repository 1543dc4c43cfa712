"""What goes with a product, a photo or a half-finished outfit: `Shop.complete`, and `same_category`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from embedding.encoder.heads import Head
from embedding.index import columns
from embedding.index.filters import Filters
from embedding.index.search import Hits
from embedding.index.vectors import widen
from embedding.outfits import colours
from embedding.outfits.compatibility import compatibility, reason
from embedding.outfits.kinds import UNKNOWN, complementary, for_the_same, gender_of, kind_of
from embedding.outfits.looks import Looks, Unprojector, kinds_seen, looks_of
from embedding.outfits.outfit_model import OutfitModel, blended, load_outfits
from embedding.outfits.style_head import StyleInputs
from embedding.recommend.products import Products
from lookalike.matches import Matches
from lookalike.query_inputs import QueryInput, QueryLike, read_query
from storage.errors import InputError
from storage.root import Root
from storage.thumbnails import grid

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class _Catalogue:
    """All products of a generation as they are combined, by their numbers.

    :ivar features: float32 [products, features], the style head's inputs; empty where it is not used.
    :ivar offers: float32 [products, style], what the style head makes of them; empty likewise.
    :ivar counted: int64 [products], a product's number in the model's counts, -1 where they hold none.
    """

    looks: Looks
    features: np.ndarray
    offers: np.ndarray
    counted: np.ndarray


class Completer:
    """Completes outfits from one open generation; the first call describes all products.

    :param root: where the style head is.
    """

    def __init__(self, published: OpenGeneration, root: Root) -> None:
        self._published, self._root = published, root
        self._products = Products.of(published.index)

    def complete(
        self,
        query: QueryLike | Sequence[QueryLike],
        k: int,
        per_category: int,
        filters: Filters,
        *,
        allow_private: bool = False,
    ) -> Matches:
        """See `lookalike.query.Shop.complete`."""
        published = self._published
        mask = published.mask(filters)
        views = read_query(published, query, allow_private=allow_private)
        present, features = self._present(views)
        kinds = [int(kind) for kind in present.kinds if kind >= 0]
        if not kinds:
            raise InputError(
                f"Nothing goes with {', '.join(view.label for view in views)}: no garment was recognised. "
                "Give a product, or a photo of a single garment."
            )
        own = [view.product for view in views if view.product is not None]
        allowed = self._allowed(mask, own)
        chosen: list[tuple[float, int]] = []
        for kind, weight in complementary(kinds).items():
            numbers = np.flatnonzero(allowed & (self._catalogue.looks.kinds == kind))
            if len(numbers):
                scores = self._scores(present, features, own, kind, numbers) * np.float32(weight)
                chosen += self._best(numbers, scores, per_category)
        chosen = sorted(chosen, key=lambda one: (-one[0], one[1]))[:k]
        numbers = np.array([number for _, number in chosen], np.int64)
        hits = Hits(self._products.rows[numbers], np.array([score for score, _ in chosen], np.float32))
        offered = self._catalogue.looks.take(numbers)
        return Matches(
            [
                replace(match, why=reason(present, offered, place))
                for place, match in enumerate(published.matches(hits, filters=filters, without=own))
            ],
            generation=published.name,
            query=f"what goes with {', '.join(view.label for view in views)}",
            pictures=lambda: [view.picture() for view in views],
            warning=published.left_out(filters) or None,
            style="default" if self._model is None else "head",
        )

    def same_category(self, views: Sequence[QueryInput]) -> np.ndarray:
        """The rows of the query's category, bool [rows].

        Of a product: what its store puts in the same category, and in other stores, whose categories have
        other names, products of the same kind. Of a photo: products of the kind that the heads see.

        :raises InputError: neither a store nor the heads tell what a query shows.
        """
        items = self._published.index.items
        coded, known = columns.codes(items["category"].chunk(0))
        stores, _ = columns.codes(items["store"].chunk(0))
        mask = np.zeros(len(coded), bool)
        for view in views:
            row = None if view.product is None else int(self._products.rows[view.product])
            kind = self._kind(view)
            of_kind = (self.kinds == kind)[self._published.index.products] & (kind >= 0)
            if row is not None and known[coded[row]] is not None:
                mask |= np.where(stores == stores[row], coded == coded[row], of_kind)
            elif kind >= 0:
                mask |= of_kind
            else:
                raise InputError(
                    f"{view.label} belongs to no known category. Leave same_category out, or give category."
                )
        return mask

    @functools.cached_property
    def _model(self) -> OutfitModel | None:
        """What was learnt from outfits, where it is used."""
        model = load_outfits(self._root, self._published.manifest.encoder.model)
        return model if model is not None and model.used else None

    @functools.cached_property
    def _words(self) -> tuple[np.ndarray, np.ndarray]:
        """The kind and the gender of each product as its store's words say: int64 [products] each."""
        rows = columns.row_numbers(self._products.rows)
        shown = self._published.index.items.select(["category", "title"]).take(rows)
        texts = list(zip(shown["category"].to_pylist(), shown["title"].to_pylist(), strict=True))
        kinds = np.array([kind_of(*pair) for pair in texts], np.int64)
        return kinds, np.array([gender_of(*pair) for pair in texts], np.int64)

    @functools.cached_property
    def kinds(self) -> np.ndarray:
        """The kind of each product: as its store's words say, else as the heads see it; int64 [products]."""
        kinds = self._words[0].copy()
        unsaid = np.flatnonzero(kinds == UNKNOWN)
        for start in range(0, len(unsaid), _BLOCK):
            some = unsaid[start : start + _BLOCK]
            kinds[some] = kinds_seen(self._coordinates(self._products.vectors(some)), self._heads)
        return kinds

    @functools.cached_property
    def _catalogue(self) -> _Catalogue:
        count, model = len(self._products), self._model
        looks, features = [], []
        for start in range(0, count, _BLOCK):
            some = np.arange(start, min(start + _BLOCK, count))
            part, coordinates, histograms = self.described(some)
            looks.append(part)
            if self._inputs is not None:
                features.append(self._inputs(coordinates, histograms))
        counted = np.full(count, -1)
        if model is None:
            nothing = np.empty((count, 0), np.float32)
            return _Catalogue(Looks.joined(looks), nothing, nothing, counted)
        for place, product in enumerate(model.products):
            store, _, product_id = product.partition(":")
            if (number := self._published.find(store, product_id)) is not None:
                counted[number] = place
        inputs = np.concatenate(features)
        return _Catalogue(Looks.joined(looks), inputs, model.head.offers(inputs), counted)

    def described(self, numbers: np.ndarray) -> tuple[Looks, np.ndarray, np.ndarray]:
        """Some products, by their numbers: their looks, coordinates and histograms of colours."""
        rows = self._products.rows[numbers]
        vectors = self._published.index.vectors[rows]
        coordinates = self._coordinates(widen(vectors))
        histograms, mains = colours.histograms(self._published.grids(rows))
        looks = looks_of(coordinates, vectors, mains, self._heads, self._words[0][numbers])
        return looks, coordinates, histograms

    @functools.cached_property
    def unprojector(self) -> Unprojector:
        """Tells the encoder's vectors from those of the index."""
        return Unprojector(self._published.index.projection, self._published.manifest.encoder.dim)

    @functools.cached_property
    def _heads(self) -> dict[str, Head]:
        """The encoder's heads, on coordinates."""
        return self.unprojector.of_coordinates(self._published.heads())

    @functools.cached_property
    def _inputs(self) -> StyleInputs | None:
        """The style head's inputs, of coordinates; None where it is not used."""
        return None if self._model is None else self._model.inputs.of_coordinates(self.unprojector.basis)

    def _coordinates(self, vectors: np.ndarray) -> np.ndarray:
        return self.unprojector.coordinates(vectors)

    def _kind(self, view: QueryInput) -> int:
        if view.product is not None:
            return int(self.kinds[view.product])
        return int(kinds_seen(self._coordinates(view.vector[None]), self._heads)[0])

    def _allowed(self, mask: np.ndarray | None, own: Sequence[int]) -> np.ndarray:
        """Which products may be added: they pass the filters and are for the same gender, bool [products]."""
        count, genders = len(self._products), self._words[1]
        allowed = np.ones(count, bool) if mask is None else mask[self._products.rows]
        for gender in {int(genders[product]) for product in own}:
            allowed = allowed & for_the_same(gender, genders)
        allowed[list(own)] = False
        return allowed

    def _present(self, views: Sequence[QueryInput]) -> tuple[Looks, np.ndarray]:
        """What is there, products as the catalogue has them and photos as the encoder sees them; features."""
        catalogue = self._catalogue
        parts, features = [], []
        for view in views:
            if view.product is not None:
                number = np.array([view.product])
                parts.append(catalogue.looks.take(number))
                features.append(catalogue.features[number])
                continue
            coordinates = self._coordinates(view.vector[None])
            histogram, main = colours.histograms([grid(view.picture())])
            vector = view.vector[None].astype(np.float16)
            parts.append(looks_of(coordinates, vector, main, self._heads))
            unused = catalogue.features[:1]
            features.append(unused if self._inputs is None else self._inputs(coordinates, histogram))
        return Looks.joined(parts), np.concatenate(features)

    def _scores(
        self, present: Looks, features: np.ndarray, own: Sequence[int], kind: int, numbers: np.ndarray
    ) -> np.ndarray:
        """How well products of one kind go with what is there: float32 [n], from 0 to 1."""
        catalogue, model = self._catalogue, self._model
        if model is None:
            return compatibility(present, catalogue.looks.take(numbers))
        wants = model.head.wants(features, np.maximum(present.kinds, 0), kind)
        style = model.head.scores(catalogue.offers[numbers], wants)
        counted = catalogue.counted[numbers]
        known = counted >= 0
        found = model.counts.signs([catalogue.counted[one] for one in own if catalogue.counted[one] >= 0])
        beside, popular = (np.where(known, sign[counted], 0) for sign in found)
        scores: np.ndarray = (1 + np.tanh(blended(style, (beside, popular), model.blend))) / 2
        return scores

    def _best(self, numbers: np.ndarray, scores: np.ndarray, most: int) -> list[tuple[float, int]]:
        """The best products, those of one photo counted once: scores and numbers."""
        order = np.argsort(-scores, kind="stable")
        groups = self._products.groups[numbers[order]]
        firsts = np.sort(np.unique(groups, return_index=True)[1])[:most]
        return [(float(scores[at]), int(numbers[at])) for at in order[firsts]]
