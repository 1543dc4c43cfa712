"""The query module: opens what is published and answers what looks like a photo, and where to buy it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedding.index.filter_arguments import Moment, Names, Number, exchange, filters_of, yes_or_no
from embedding.index.filters import Filters
from embedding.index.search import Hits
from embedding.index.spatial_verification import SHORTLIST, same_pictures
from embedding.index.vectors import similarities, widen
from lookalike import description
from lookalike.description import Description
from lookalike.generation import OpenGeneration, open_generation
from lookalike.matches import Match, Matches
from lookalike.query_inputs import QueryInput, QueryLike, encoded, look
from lookalike.same_product import cheapest_first
from storage.errors import InputError, LookalikeError
from storage.manifest import Manifest
from storage.root import Root
from storage.signature import public_key


class Shop:
    """The products of all stores, as of the published generation.

    Opening one maps files into memory and reads few of them; the encoder is loaded with the first photo. Any
    number of threads may share one: a search works on one generation from start to end, also while `refresh`
    takes up the next.

    :param data: the data root: a folder, or `s3://bucket/prefix`.
    :param cache: the folder that a bucket's files are fetched to; the user's own cache where None.
    :param verify_key: the public key (PEM) that has to have signed it, see `storage.signature`.
    :raises InputError: there is no data root.
    :raises SignatureError: it is not signed with `verify_key`.
    :raises NotPublishedError: nothing was published there yet.
    :raises GenerationError: what was published is damaged or was written by a newer release.
    """

    def __init__(
        self, data: str | Path, *, cache: Path | None = None, verify_key: str | Path | None = None
    ) -> None:
        self._key = None if verify_key is None else public_key(Path(verify_key))
        self._root = Root.open(data, cache=cache)
        self._refreshing = threading.Lock()
        self._published = open_generation(self._root, key=self._key)

    def similar(
        self,
        query: QueryLike | Sequence[QueryLike],
        k: int = 5,
        *,
        store: Names | None = None,
        category: Names | None = None,
        colour: Names | None = None,
        brand: Names | None = None,
        min_price: Number | None = None,
        max_price: Number | None = None,
        currency: str | None = None,
        rates: Mapping[str, Number] | None = None,
        in_stock: bool = False,
        new_since: Moment | None = None,
        same_category: bool = False,
        allow_private: bool = False,
    ) -> Matches:
        """The `k` distinct articles that look most like the query; fewer only where fewer pass the filters.

        Products whose photo is the same, in one store or several, are one result: the most similar photo that
        passes, and the others under `also_at`.

        A product that shows the very picture searched for, if cropped, mirrored or on another ground, comes
        first, whatever its score; its `evidence` is then `("photo",)`.

        A product given by its name is no answer to itself, but its twins are: the same photo in another store
        comes first. A photo's own product is an answer, too.

        :param query: a path, a URL of an image or of a product page, image bytes, a PIL image, a uint8 RGB
            array, `"store:product_id"`, a `Match`, or a list of these, several views of one wish, which are
            averaged, at most 16. A photo that does not look like clothing is answered, too, with a `warning`.
        :param store: only this store, or one of these.
        :param category: only this category, or one of these: a store's whole path, or one step of it.
        :param colour: only this colour, or one of these, or colours that hold this word, as far as stores
            state them.
        :param brand: only this brand, or one of these.
        :param min_price: only from this price on.
        :param max_price: only up to this price; where there are prices in several currencies, `currency` says
            in which.
        :param currency: the currency of the limits, ISO 4217; without `rates` only prices in it are returned,
            and a `warning` says how many products were left out.
        :param rates: what one unit of other currencies is worth in `currency`: with `currency="EUR"`,
            `{"USD": 0.92}` says that a dollar is 0.92 euros. Prices in these currencies are then compared,
            too; those in currencies without a rate are not returned. `currency` may be left out where its own
            rate, 1, is among them.
        :param in_stock: only what its store says is in stock.
        :param new_since: only products first seen on this day or at this moment, or later; a `timedelta`, or
            a text such as `7d`, counts back from now.
        :param same_category: only the query's own category: as its store states it, and what is of the same
            kind in other stores; of a photo, the kind of garment that the heads see.
        :param allow_private: whether a URL may lead to this machine or a private network.
        :raises InputError: a query that cannot be read, or a filter no product can pass; the sentence says
            what.
        :raises LookalikeError: a URL that does not answer.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"k={k!r} is no number of products. Give 1 or more.")
        published = self._published
        filters = filters_of(
            store=store,
            category=category,
            colour=colour,
            brand=brand,
            min_price=min_price,
            max_price=max_price,
            currency=currency,
            rates=rates,
            in_stock=in_stock,
            new_since=new_since,
        )
        mask = published.mask(filters)  # before the photo is read: a mistake in a filter is said at once
        views = look(published, query, allow_private=allow_private)
        if yes_or_no(same_category, "same_category"):
            of_category = published.completer.same_category(views)
            mask = of_category if mask is None else mask & of_category
        asked = {view.product for view in views if view.product is not None}
        photos = [view for view in views if view.encoded is not None]
        wanted = max(int(k), SHORTLIST) if photos else int(k)
        hits = published.index.search(_average(views), wanted, mask=mask, without=asked)
        hits, same = _same_picture_first(published, hits, photos)
        found = published.matches(hits[: int(k)], filters=filters, without=asked)
        return Matches(
            [replace(match, evidence=("photo",)) for match in found[:same]] + found[same:],
            generation=published.name,
            query=", ".join(view.label for view in views),
            pictures=lambda: [view.picture() for view in views],
            warning=" ".join(filter(None, (_no_clothing(published, photos), published.left_out(filters))))
            or None,
            descriptions=lambda: [_described(published, view) for view in photos if published.heads()],
        )

    def recommend(
        self,
        history: Any,
        k: int = 5,
        *,
        include_owned: bool = False,
        diversity: float = 0.1,
        purchases: Any = None,
        **filters: Any,
    ) -> Matches:
        """What a customer would like, by what they bought.

        One to three interests are found in the history, each is searched, and what is found is ranked by
        looks and, where purchases of other customers are given, by what was bought together and what is
        popular. Each match says `because` of which purchase, and its `evidence` what recommends it:
        `looks`, `bought together`, `popular`.

        :param history: `"store:product_id"` names, addresses of product pages or matches, or (product, date)
            pairs of these; a DataFrame with `store` and `product_id`, or `url`, and `bought_at` where it is
            known; or the id of a customer in the table `recommendations`, whose stored answer is read.
            Later purchases count more; those that the generation does not hold are named in `skipped`.
        :param include_owned: whether what was bought, and what shows the same photo, may be recommended.
        :param diversity: how much likeness to what is recommended already counts against a product, 0 to 1.
        :param purchases: other customers' purchases, a DataFrame or a file, see `lookalike recommend`; what
            they say is kept for the next call with the same.
        :param filters: those of `similar`, such as `max_price` and `in_stock`.
        :raises InputError: a history of nothing known, or a filter no product can pass.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"k={k!r} is no number of products. Give 1 or more.")
        return self._published.shopper.recommend(
            history,
            int(k),
            filters_of(**filters),
            include_owned=yes_or_no(include_owned, "include_owned"),
            diversity=diversity,
            purchases=purchases,
        )

    def complete(
        self,
        query: QueryLike | Sequence[QueryLike],
        k: int = 5,
        *,
        per_category: int = 1,
        allow_private: bool = False,
        **filters: Any,
    ) -> Matches:
        """What goes with a product, a photo or a half-finished outfit: the best of each complementary kind.

        By what outfits taught, where `lookalike train --head outfits` found that this answers better; else by
        colour, style, usage, season and gender. Each match says `why`, and its `score`, from 0 to 1, how well
        it goes with the query. The first call looks at all products, which takes seconds for 10,000.

        :param query: as for `similar`; several are worn together.
        :param k: how many products at most.
        :param per_category: how many of each kind of garment, such as footwear or bags.
        :param filters: those of `similar`, such as `max_price` and `in_stock`.
        :raises InputError: a query that is no garment or cannot be read, or a filter no product can pass.
        :raises LookalikeError: what outfits taught is damaged.
        """
        for name, value in (("k", k), ("per_category", per_category)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise InputError(f"{name}={value!r} is no number of products. Give 1 or more.")
        return self._published.completer.complete(
            query, int(k), int(per_category), filters_of(**filters), allow_private=allow_private
        )

    def describe(self, photo: QueryLike, *, allow_private: bool = False) -> Description:
        """What a photo shows: whether it is clothing, and its category, colour and whatever else is known.

        :param photo: as for `similar`, but one view; of a product its main photo.
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
        [seen] = look(published, photo, allow_private=allow_private)
        return _described(published, seen)

    def elsewhere(
        self,
        product: str | Match,
        *,
        currency: str | None = None,
        rates: Mapping[str, Number] | None = None,
        in_stock: bool = False,
    ) -> Matches:
        """The same article in other stores, the cheapest first.

        It is the same where the GTIN is equal, or where two agree of brand with SKU, photo (the same picture)
        and title; `Match.evidence` says which did. A score is the likeness of the main photos.

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
        number = _number(published, product.id if isinstance(product, Match) else product)
        row = published.main_row(number)
        asked = published.match(row)
        known, compared = exchange(rates, currency or (asked.currency if not rates else None))
        same = published.twins.elsewhere(row)
        rows = np.array([published.main_row(other) for other in same], np.int64)
        scores = similarities(published.index.vectors[rows], widen(published.index.vectors[row]))
        mask = published.mask(filters)
        found = [
            replace(match, evidence=evidence, also_at=())
            for match, evidence, place in zip(
                published.matches(Hits(rows, scores)), same.values(), rows.tolist(), strict=True
            )
            if mask is None or mask[place]
        ]
        ordered = cheapest_first(found, compared, dict(known))
        return Matches(
            [replace(match, rank=rank) for rank, match in enumerate(ordered, 1)],
            generation=published.name,
            query=f"{asked.title or asked.id} elsewhere",
            pictures=lambda: [asked.thumbnail()],
        )

    def product(self, product: str) -> Match:
        """A product by its name, with its main photo.

        :param product: `"store:product_id"`.
        :raises InputError: the generation holds no such product.
        """
        published = self._published
        return published.match(published.main_row(_number(published, product)))

    def refresh(self) -> bool:
        """Takes up the published generation, where it is another than the one in use.

        Searches that run finish on the one they began with.

        :return: whether there was another.
        :raises GenerationError: the new one is damaged; the one in use stays.
        """
        from storage import generations

        with self._refreshing:
            if generations.current_name(self._root) == self._published.name:
                return False
            self._published = open_generation(self._root, before=self._published, key=self._key)
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


def _same_picture_first(
    published: OpenGeneration, hits: Hits, photos: Sequence[QueryInput]
) -> tuple[Hits, int]:
    """The hits that show the picture of a photo, the nearest first, then the others; and how many do."""
    apart = np.full(len(hits), np.inf, np.float32)
    for view in photos:
        if view.image is not None:
            compared = published.differences(hits.rows[:SHORTLIST], view.image)
            apart[:SHORTLIST] = np.minimum(apart[:SHORTLIST], compared)
    same = same_pictures(apart, hits.scores)
    order = np.r_[same, np.delete(np.arange(len(hits)), same)]
    return Hits(hits.rows[order], hits.scores[order]), len(same)


def _no_clothing(published: OpenGeneration, photos: Sequence[QueryInput]) -> str | None:
    return description.warning(published.heads(), photos) if photos else None


def _described(published: OpenGeneration, seen: QueryInput) -> Description:
    heads, vector = published.heads(), encoded(published, seen)
    return Description(
        query=seen.label,
        model=published.manifest.encoder.model,
        clothing=description.clothing(heads, vector),
        attributes=description.attributes(heads, vector),
        picture=seen.picture,
    )


def _number(published: OpenGeneration, product: Any) -> int:
    """The number of a product by its name."""
    if not isinstance(product, str):
        raise InputError(f"A product cannot be a {type(product).__name__}. Give store:product_id.")
    store, colon, product_id = product.partition(":")
    number = published.find(store, product_id)
    if number is None:
        hint = "Check the id" if colon else "Give store:product_id"
        raise InputError(f"There is no product '{product}' in generation {published.name}. {hint}.")
    return number


def _average(views: Sequence[QueryInput]) -> np.ndarray:
    """One vector that is as near as can be to all views: float32 [dimensions], L2 norm 1."""
    if len(views) == 1:
        return views[0].vector
    mean = np.mean([view.vector for view in views], axis=0)
    norm = np.linalg.norm(mean)
    if norm < 1e-6:
        raise InputError("The views cancel each other out. Search with each of them alone.")
    average: np.ndarray = (mean / norm).astype(np.float32)
    return average
