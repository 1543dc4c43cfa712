"""Finds shared images: images on many products of a store that show none, as "no photo yet"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, groupby
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

MIN_PRODUCTS = 10
"""An image on fewer products of a store is no shared image."""

_COMMON = 0.8
"""A word is common to titles if at least this share of them contains it."""
_COMMON_WORDS = 0.5
"""Titles belong to one product group if on average this share of their words is common."""
_BOILERPLATE = 0.5
"""A word in at least this share of a store's other titles, such as the store's name, is ignored."""

# A character of a language that is written without spaces counts as a word.
_WORD = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]|[^\W\u3040-\u9fff\uac00-\ud7af]+")


def find_shared_images(products: pa.Table) -> dict[tuple[str, str], int]:
    """Finds the images that show none of the products they are on.

    A store may list each colour and size as a product of its own. Then one image is on many products, but
    most words of their titles are equal, and the image is kept. If the titles have little in common, the
    image is a placeholder, a size chart or a banner.

    :param products: columns `store`, `title`, `brand` and `images`, without removed products.
    :return: the number of products with the image, by store and image id.
    """
    products = products.select(["store", "title", "brand", "images"]).combine_chunks()
    found = {}
    for store, photos in groupby(_repeated(products), key=itemgetter(0)):
        own = pc.indices_nonzero(pc.equal(products["store"], store))
        titles = dict(zip(own.to_pylist(), _title_words(products.take(own)), strict=True))
        counts = Counter(chain.from_iterable(titles.values()))
        for _, image_id, rows in photos:
            if not _is_one_product_group([titles[row] for row in rows], counts, len(titles)):
                found[store, image_id] = len(rows)
    return found


def _repeated(products: pa.Table) -> list[tuple[str, str, list[int]]]:
    """Store, image id and row numbers of the images on many products, sorted by store."""
    if not products.num_rows:
        return []
    lists = products["images"].chunk(0)
    parents = pc.list_parent_indices(lists)
    shown = pa.table(
        {
            "store": products["store"].take(parents),
            "image_id": pc.struct_field(pc.list_flatten(lists), "image_id"),
            "row": pc.cast(parents, pa.uint64()),
        }
    ).drop_null()
    photos = shown.group_by(["store", "image_id"]).aggregate([("row", "count_distinct"), ("row", "distinct")])
    many = photos.filter(pc.greater_equal(photos["row_count_distinct"], MIN_PRODUCTS))
    many = many.sort_by([("store", "ascending"), ("image_id", "ascending")])
    columns = (many[name].to_pylist() for name in ("store", "image_id", "row_distinct"))
    return list(zip(*columns, strict=True))


def _title_words(products: pa.Table) -> list[set[str]]:
    """The words of each title, without words of the brand."""
    titles, brands = (products[name].to_pylist() for name in ("title", "brand"))
    return [_split(title) - _split(brand) for title, brand in zip(titles, brands, strict=True)]


def _split(text: str | None) -> set[str]:
    return set(_WORD.findall((text or "").casefold()))


def _is_one_product_group(titles: Sequence[set[str]], in_store: Counter[str], size: int) -> bool:
    """Whether titles belong to one product group: the same product in several colours and sizes.

    :param in_store: how many titles of the store contain each word, these included.
    :param size: number of the store's titles.
    """
    counts = Counter(chain.from_iterable(titles))
    others = size - len(titles)
    ignored = {word for word, count in counts.items() if in_store[word] - count >= _BOILERPLATE * others}
    if others < MIN_PRODUCTS:
        ignored = set()
    titles = [title - ignored for title in titles]
    common = {word for word, count in counts.items() if count >= _COMMON * len(titles)}
    shares = [len(title & common) / len(title) if title else 1.0 for title in titles]
    return sum(shares) / len(shares) >= _COMMON_WORDS
