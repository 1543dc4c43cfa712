"""The query module: searches the published generation."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from embedding.index.filter_arguments import parse_filters, yes_or_no
from embedding.index.filter_types import FilterArguments, Number
from lookalike.arguments import require_count, require_share, require_words
from lookalike.description import Description
from lookalike.elsewhere import find_elsewhere
from lookalike.garments import Garments, find_garments
from lookalike.matches import Match, Matches
from lookalike.query_inputs import QueryLike, read_query, read_whole_photo
from lookalike.shop_data import ShopData
from lookalike.similar import describe, find_many, find_similar
from storage.errors import InputError, LookalikeError

if TYPE_CHECKING:
    import pandas as pd

    from lookalike.evaluation import Evaluation
    from lookalike.recommend import Interest
    from lookalike.widget import SearchWidget


class Shop(ShopData):
    """The products of all stores in the published generation.

    Opening a shop maps files into memory and reads few of them; the encoder is loaded with the first photo. A
    shop is thread-safe: a search uses one generation from start to end, also while `refresh` opens the next.
    """

    def similar(
        self,
        query: QueryLike | Sequence[QueryLike] | None = None,
        k: int = 5,
        *,
        like: QueryLike | Sequence[QueryLike] = (),
        unlike: QueryLike | Sequence[QueryLike] = (),
        words: str = "",
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
            a photo that does not look like clothing, the result has a `warning`. None where `like` or
            `words` say it all.
        :param like: photos or products to find more of; like `query`, at most 16.
        :param unlike: photos or products to find less of. Products in `like` and `unlike` are no results.
        :param words: what the results should have besides, such as "green" or "long linen". Only products of
            a colour that it names are found, by what the store says or the photo shows, in place of the
            filter `colour`; with other words, `score` is the mean of the likeness and of how well these fit.
        :param same_category: only the query's category: as its store states it, and the same kind of garment
            in other stores; of a photo, the kind that the heads predict.
        :param allow_private: whether a URL may lead to this machine or a private network.
        :param filters: `store`, `category`, `colour`, `brand`, `size`, `min_price`, `max_price`, `currency`,
            `rates`, `in_stock`, `new_since`; see `lookalike.FilterArguments`.
        :raises InputError: a query that cannot be read, or a filter no product can pass; the sentence says
            what.
        :raises LookalikeError: a URL that does not answer.
        """
        return find_similar(
            self._published,
            query,
            require_count(k, "k"),
            filters,
            like=like,
            unlike=unlike,
            words=words,
            same_category=same_category,
            allow_private=allow_private,
        )

    def similar_many(
        self,
        photos: Iterable[QueryLike],
        k: int = 5,
        *,
        same_category: bool = False,
        allow_private: bool = False,
        **filters: Unpack[FilterArguments],
    ) -> list[Matches]:
        """The same as `similar` for each of many photos or products, several times faster than one by one.

        Photos are encoded together and compared with all products in products of matrices, so that answers
        are exact; those of `similar` are where a generation has few photos, else its recall is measured.

        :param photos: any number of what `similar` takes as `query`, but no lists of photos.
        :return: matches for each, in order.
        :raises InputError: a photo that cannot be read, which the sentence numbers; or as `similar` does.
        :raises LookalikeError: a URL that does not answer.
        """
        return find_many(
            self._published,
            photos,
            require_count(k, "k"),
            filters,
            same_category=same_category,
            allow_private=allow_private,
        )

    def evaluate(self, labelled: pd.DataFrame | Mapping[str, Any] | Sequence[Any], k: int = 5) -> Evaluation:
        """Measures the answers by your own labelled photos: precision@k a label.

        :param labelled: a DataFrame, or what makes one, with the column `photo`, what `similar` takes as
            `query`, and at least one of `category`, `colour`, `brand` and `store`, which the products found
            should have as the filter of that name understands it, and `product`, `"store:product_id"`, which
            should be found.
        :raises InputError: no such columns, a label that no product has, or a photo that cannot be read.
        """
        from lookalike.evaluation import evaluate

        return evaluate(self._published, labelled, require_count(k, "k"))

    def search(self, words: str, k: int = 5, **filters: Unpack[FilterArguments]) -> Matches:
        """Finds products by words, such as "red linen dress", the best first.

        Words are looked for in titles, brands, categories and colours as the stores state them, and in what
        the encoder's heads see in the photos. Case, accents and endings do not matter, and common words of
        several languages find each other: `rot` finds `red`. A product needs one of the words; the more and
        the rarer ones it has, the higher is its `score`, from 0 to 1. `Match.why` says where they were found.

        :param words: at most 200 characters. Those that no product has are named in `warning`.
        :param filters: as for `similar`.
        :raises InputError: words that say nothing or that no product has, or a filter no product can pass.
        """
        if not require_words(words).strip():
            raise InputError("The words are an empty text. Give some such as 'red dress'.")
        return find_similar(self._published, None, require_count(k, "k"), filters, words=words)

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
            0.01 if not given.
        :param purchases: other customers' purchases, a DataFrame or a file, see `lookalike recommend`; what
            they say is kept for the next call with the same.
        :param purchases_store: the store of all purchases, where they name none.
        :param filters: as for `similar`.
        :raises InputError: a history of nothing known, more than 1,000 products, or a filter no product can
            pass.
        """
        from embedding.recommend.recommender import DIVERSITY

        return self._published.shopper.recommend(
            history,
            require_count(k, "k"),
            parse_filters(**filters),
            include_owned=yes_or_no(include_owned, "include_owned"),
            diversity=DIVERSITY if diversity is None else require_share(diversity, "diversity"),
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
            require_count(k, "k"),
            require_count(per_category, "per_category"),
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
        return describe(published, query_input)

    def garments(self, photo: QueryLike, *, allow_private: bool = False) -> Garments:
        """Finds the garments in a photo, to choose one: `similar(garments[0].photo)` searches with it.

        :param photo: as for `similar`, but a single one; of a product its main photo's thumbnail.
        :param allow_private: whether a URL may lead to this machine or a private network.
        :return: boxes in the photo's pixels with kinds and scores, those that fill most of it first; empty
            where it shows none.
        :raises InputError: a photo that cannot be read; the sentence says why.
        :raises LookalikeError: the encoder finds no garments, or a URL does not answer.
        """
        return find_garments(self._published, photo, allow_private=allow_private)

    def widget(
        self,
        photo: QueryLike,
        k: int = 5,
        *,
        allow_private: bool = False,
        **filters: Unpack[FilterArguments],
    ) -> SearchWidget:
        """Makes a widget for a notebook: draw a frame on the photo, and see what looks like that part.

        Needs the extra `notebook`.

        :param photo: as for `similar`, but a single one.
        :param k: as for `similar`, as are `allow_private` and `filters`.
        :raises InputError: a photo that cannot be read, or a filter no product can pass.
        :raises ModuleNotFoundError: the extra is not installed.
        """
        from lookalike.widget import SearchWidget

        search = functools.partial(self.similar, k=require_count(k, "k"), **filters)
        _, image = read_whole_photo(self._published, photo, allow_private=allow_private)
        return SearchWidget(image, search)

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
        return find_elsewhere(self._published, product, currency=currency, rates=rates, in_stock=in_stock)
