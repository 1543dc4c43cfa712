"""The query module: opens the published generation and searches it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from embedding.bands import Band
from embedding.index.filter_arguments import exchange, parse_filters, yes_or_no
from embedding.index.filter_types import FilterArguments, Number
from embedding.index.filters import Filters
from embedding.index.search import Hits
from embedding.index.spatial_verification import SHORTLIST, same_photos
from embedding.index.vectors import similarities, widen
from lookalike import description
from lookalike.description import Description
from lookalike.generation import OpenGeneration
from lookalike.matches import Match, Matches
from lookalike.published import Published
from lookalike.query_inputs import QueryInput, QueryLike, embedding_of, read_query
from lookalike.same_product import cheapest_first
from storage.errors import InputError, LookalikeError
from storage.manifest import Manifest
from storage.root import Root
from storage.signature import public_key

if TYPE_CHECKING:
    from lookalike.recommend import Interest


class Shop:
    """The products of all stores in the published generation.

    Opening a shop maps files into memory and reads few of them; the encoder is loaded with the first photo. A
    shop is thread-safe: a search uses one generation from start to end, also while `refresh` opens the next.

    :param data: the data root: a folder, or `s3://bucket/prefix`.
    :param cache: the folder that a bucket's files are fetched to; the user's own cache where None.
    :param verify_key: the public key (PEM) that the export must be signed with, see `storage.signature`.
    :raises InputError: there is no data root.
    :raises SignatureError: it is not signed with `verify_key`.
    :raises NotPublishedError: nothing was published there yet.
    :raises GenerationError: what was published is damaged or was written by a newer release.
    """

    def __init__(
        self, data: str | Path, *, cache: Path | None = None, verify_key: str | Path | None = None
    ) -> None:
        if not isinstance(data, str | os.PathLike):
            raise InputError(
                f"A data root cannot be of type {type(data).__name__}. Give a folder, or s3://bucket/prefix."
            )
        self._key = None if verify_key is None else public_key(Path(verify_key))
        self._root = Root.open(data, cache=cache)
        self._refreshing = threading.Lock()
        self._published = Published.open(self._root, key=self._key)

    def similar(
        self,
        query: QueryLike | Sequence[QueryLike],
        k: int = 5,
        *,
        same_category: bool = False,
        allow_private: bool = False,
        **filters: Unpack[FilterArguments],
    ) -> Matches:
        """Finds the `k` products that look most like the query; fewer only where fewer pass the filters.

        Products that show the same photo, in one store or several, are one result: the most similar one that
        passes, with the others in `also_at`.

        A product that shows the query's own photo, even cropped, mirrored or on another background, comes
        first, whatever its score; its `evidence` is `("photo",)`. A match's `band` says in words how alike it
        is; it is None where it is not.

        A product given by its name is not a result of its own search, but the same product in another store
        is. A photo's own product is a result, too.

        :param query: a path, a URL of an image or of a product page, image bytes, a PIL image, a uint8 RGB
            array, `"store:product_id"`, a `Match`, or a list of at most 16 of these, which are averaged. For
            a photo that does not look like clothing, the result has a `warning`.
        :param same_category: only the query's category: as its store states it, and the same kind of garment
            in other stores; of a photo, the kind that the heads predict.
        :param allow_private: whether a URL may lead to this machine or a private network.
        :param filters: `store`, `category`, `colour`, `brand`, `min_price`, `max_price`, `currency`, `rates`,
            `in_stock`, `new_since`; see `lookalike.FilterArguments`.
        :raises InputError: a query that cannot be read, or a filter no product can pass; the sentence says
            what.
        :raises LookalikeError: a URL that does not answer.
        """
        count = _require_count(k, "k")
        published = self._published
        wanted = parse_filters(**filters)
        mask = published.mask(wanted)  # before the photo is read: a mistake in a filter is said at once
        inputs = read_query(published, query, allow_private=allow_private)
        if yes_or_no(same_category, "same_category"):
            of_category = published.completer.same_category(inputs)
            mask = of_category if mask is None else mask & of_category
        excluded = {query_input.product for query_input in inputs if query_input.product is not None}
        photos = [query_input for query_input in inputs if query_input.embedding is not None]
        shortlist = max(count, SHORTLIST) if photos else count
        hits = published.index.search(_average(inputs), shortlist, mask=mask, without=excluded)
        hits, same = _put_same_photo_first(published, hits, photos)
        found = published.matches(hits[:count], filters=wanted, without=excluded)
        return Matches(
            [replace(match, evidence=("photo",), band=Band.NEARLY_THE_SAME) for match in found[:same]]
            + [_with_band(published, match) for match in found[same:]],
            generation=published.name,
            query=", ".join(query_input.label for query_input in inputs),
            pictures=lambda: [query_input.picture() for query_input in inputs],
            warning=" ".join(
                filter(None, (_not_clothing_warning(published, photos), published.left_out(wanted)))
            )
            or None,
            descriptions=lambda: [
                _describe(published, query_input) for query_input in photos if published.heads()
            ],
        )

    def recommend(
        self,
        history: Any,
        k: int = 5,
        *,
        include_owned: bool = False,
        diversity: float | None = None,
        purchases: Any = None,
        purchases_store: str | None = None,
        **filters: Unpack[FilterArguments],
    ) -> Matches:
        """Recommends products for a customer, from what they bought.

        One to three interests are found in the history, each is searched, and what is found is ranked by
        looks and, where purchases of other customers are given, by what was bought together and what is
        popular. Each match says `because` of which purchase, and its `evidence` what recommends it:
        `looks`, `bought together`, `popular`.

        :param history: `"store:product_id"` names, addresses of product pages or matches, or (product, date)
            pairs of these; a DataFrame with `store` and `product_id`, or `url`, and `bought_at` where it is
            known; or the id of a customer in the table `recommendations`, whose stored answer is read.
            Later purchases count more; those that the generation does not hold are named in `skipped`.
        :param include_owned: whether what was bought, and what shows the same photo, may be recommended.
        :param diversity: how much likeness to what is recommended already counts against a product, 0 to 1;
            0.1 if not given.
        :param purchases: other customers' purchases, a DataFrame or a file, see `lookalike recommend`; what
            they say is kept for the next call with the same.
        :param purchases_store: the store of all purchases, where they name none.
        :param filters: as for `similar`.
        :raises InputError: a history of nothing known, or a filter no product can pass.
        """
        from embedding.recommend.recommender import DIVERSITY

        return self._published.shopper.recommend(
            history,
            _require_count(k, "k"),
            parse_filters(**filters),
            include_owned=yes_or_no(include_owned, "include_owned"),
            diversity=DIVERSITY if diversity is None else _require_number(diversity, "diversity"),
            purchases=purchases,
            purchases_store=purchases_store,
        )

    def interests(
        self, history: Any, *, purchases: Any = None, purchases_store: str | None = None
    ) -> list[Interest]:
        """Finds what a customer is interested in: one to three groups of their purchases, the largest first.

        :param history: as for `recommend`; a `Customer` of the table alone has the purchases that their
            recommendations come from.
        :param purchases: as for `recommend`, like `purchases_store`.
        :raises InputError: a history of nothing known.
        """
        return self._published.shopper.interests(
            history, purchases=purchases, purchases_store=purchases_store
        )

    def customers(self, most: int) -> list[str]:
        """Lists the ids of customers whom the table `recommendations` holds, the first `most` in order."""
        return self._published.shopper.customers(most)

    def complete(
        self,
        query: QueryLike | Sequence[QueryLike],
        k: int = 5,
        *,
        per_category: int = 1,
        allow_private: bool = False,
        **filters: Unpack[FilterArguments],
    ) -> Matches:
        """Finds what goes with a product, a photo or an incomplete outfit: the best of each kind.

        Uses the style head where `lookalike train --head outfits` found it better; else compares colour,
        style, usage, season and gender. Each match has a reason, `why`, and its `score`, from 0 to 1, says
        how well it goes with the query. The first call reads all products, which takes seconds for tens of
        thousands.

        :param query: as for `similar`; several are worn together.
        :param k: how many products at most.
        :param per_category: how many of each kind of garment, such as footwear or bags.
        :param filters: as for `similar`.
        :raises InputError: a query that is no garment or cannot be read, or a filter no product can pass.
        :raises LookalikeError: the stored style head is damaged.
        """
        return self._published.completer.complete(
            query,
            _require_count(k, "k"),
            _require_count(per_category, "per_category"),
            parse_filters(**filters),
            allow_private=allow_private,
        )

    def describe(self, photo: QueryLike, *, allow_private: bool = False) -> Description:
        """Describes a photo: whether it shows clothing, and its category, colour and other attributes.

        :param photo: as for `similar`, but a single one; of a product its main photo.
        :param allow_private: whether a URL may lead to this machine or a private network.
        :raises InputError: a photo that cannot be read; the sentence says why.
        :raises LookalikeError: the encoder has no heads to recognise anything with, or a URL does not answer.
        """
        published = self._published
        if not published.heads():
            raise LookalikeError(
                f"The encoder {published.manifest.encoder.model} has no heads to recognise anything with. "
                "Run `lookalike embed` with weights that have some."
            )
        if isinstance(photo, list | tuple):
            raise InputError("Several photos cannot be described at once. Give one.")
        [query_input] = read_query(published, photo, allow_private=allow_private)
        return _describe(published, query_input)

    def elsewhere(
        self,
        product: str | Match,
        *,
        currency: str | None = None,
        rates: Mapping[str, Number] | None = None,
        in_stock: bool = False,
    ) -> Matches:
        """Finds the same product in other stores, the cheapest first.

        Products are the same if their GTINs are equal, or if two of these agree: brand with SKU, photo,
        title. `Match.evidence` says which do. The score is the similarity of the main photos.

        :param product: `"store:product_id"` or a `Match`.
        :param currency: the currency that prices are compared in; the product's own if not given. Prices in
            others come after, then those that give none.
        :param rates: what one unit of other currencies is worth in `currency`; prices in these are compared,
            too.
        :param in_stock: only what its store says is in stock.
        :raises InputError: the generation holds no such product, or a rate that makes no sense.
        """
        filters = Filters(in_stock=yes_or_no(in_stock, "in_stock"))
        published = self._published
        number = _product_number(published, product.id if isinstance(product, Match) else product)
        row = published.main_row(number)
        own = published.match(row)
        known, compared = exchange(rates, currency or (own.currency if not rates else None))
        same = published.same_products.elsewhere(row)
        rows = np.array([published.main_row(other) for other in same], np.int64)
        scores = similarities(published.index.vectors[rows], widen(published.index.vectors[row]))
        mask = published.mask(filters)
        found = [
            _with_band(published, replace(match, evidence=evidence, also_at=()))
            for match, evidence, place in zip(
                published.matches(Hits(rows, scores)), same.values(), rows.tolist(), strict=True
            )
            if mask is None or mask[place]
        ]
        ordered = cheapest_first(found, compared, dict(known))
        return Matches(
            [replace(match, rank=rank) for rank, match in enumerate(ordered, 1)],
            generation=published.name,
            query=f"{own.title or own.id} elsewhere",
            pictures=lambda: [own.thumbnail()],
        )

    def product(self, product: str) -> Match:
        """Looks a product up by its name, with its main photo.

        :param product: `"store:product_id"`.
        :raises InputError: the generation holds no such product.
        """
        published = self._published
        return published.match(published.main_row(_product_number(published, product)))

    def refresh(self) -> bool:
        """Opens the published generation, if it is not the one in use.

        Running searches finish on the one that they began with.

        :return: whether there was another.
        :raises GenerationError: the new one is damaged; the one in use stays.
        """
        from storage import generations

        with self._refreshing:
            if generations.current_name(self._root) == self._published.name:
                return False
            self._published = Published.open(self._root, before=self._published, key=self._key)
            return True

    @property
    def generation(self) -> str:
        """Name of the generation in use."""
        return self._published.name

    @property
    def manifest(self) -> Manifest:
        """Facts of the generation in use: encoder, counts, measured recall, when it was built."""
        return self._published.manifest

    @property
    def stores(self) -> list[str]:
        """Names of the stores, sorted."""
        return sorted(self._published.manifest.counts.stores)

    @property
    def currencies(self) -> list[str]:
        """Currencies in which prices are given, sorted."""
        return list(self._published.manifest.counts.currencies)

    def __len__(self) -> int:
        """Number of products."""
        return self._published.manifest.counts.products

    def __repr__(self) -> str:
        return f"<Shop of {len(self):,} products from {', '.join(self.stores)}, generation {self.generation}>"


def _require_count(value: Any, name: str) -> int:
    """A number of products, at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} must be a whole number, at least 1, not {value!r}.")
    return int(value)


def _require_number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputError(f"{name}={value!r} is no number. Give one from 0 to 1.")
    return float(value)


def _put_same_photo_first(
    published: OpenGeneration, hits: Hits, photos: Sequence[QueryInput]
) -> tuple[Hits, int]:
    """Moves the hits that show one of the photos to the front; returns the hits, and how many those are."""
    differences = np.full(len(hits), np.inf, np.float32)
    for query_input in photos:
        if query_input.image is not None:
            compared = published.differences(hits.rows[:SHORTLIST], query_input.image)
            differences[:SHORTLIST] = np.minimum(differences[:SHORTLIST], compared)
    same = same_photos(differences, hits.scores)
    order = np.r_[same, np.delete(np.arange(len(hits)), same)]
    return Hits(hits.rows[order], hits.scores[order]), len(same)


def _with_band(published: OpenGeneration, match: Match) -> Match:
    return replace(match, band=published.index.projection.band(match.score))


def _not_clothing_warning(published: OpenGeneration, photos: Sequence[QueryInput]) -> str | None:
    if not photos:
        return None
    embedded = [(photo.label, embedding_of(published, photo)) for photo in photos]
    return description.not_clothing_warning(published.heads(), embedded)


def _describe(published: OpenGeneration, query_input: QueryInput) -> Description:
    heads, vector = published.heads(), embedding_of(published, query_input)
    return Description(
        query=query_input.label,
        model=published.manifest.encoder.model,
        clothing=description.clothing_of(heads, vector),
        attributes=description.predict_attributes(heads, vector),
        picture=query_input.picture,
    )


def _product_number(published: OpenGeneration, product: Any) -> int:
    """The number of a product by its name."""
    if not isinstance(product, str):
        raise InputError(f"A product cannot be a {type(product).__name__}. Give store:product_id.")
    store, colon, product_id = product.partition(":")
    number = published.find(store, product_id)
    if number is None:
        hint = "Check the id" if colon else "Give store:product_id"
        raise InputError(f"There is no product '{product}' in generation {published.name}. {hint}.")
    return number


def _average(inputs: Sequence[QueryInput]) -> np.ndarray:
    """The normalised mean of the inputs' vectors: float32 [dimensions], L2 norm 1."""
    if len(inputs) == 1:
        return inputs[0].vector
    mean = np.mean([query_input.vector for query_input in inputs], axis=0)
    norm = np.linalg.norm(mean)
    if norm < 1e-6:
        raise InputError("The photos cancel each other out. Search with each of them alone.")
    average: np.ndarray = (mean / norm).astype(np.float32)
    return average
