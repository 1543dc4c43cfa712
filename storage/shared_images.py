"""Photos that show no product: the same bytes on many of a store, as "no photo yet" or a size chart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, groupby
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

MIN_PRODUCTS = 10
"""A photo on fewer products of a store is taken for theirs."""

_COMMON = 0.8
"""Share of titles that a word must be in to be common to them."""
_ALIKE = 0.5
"""Share of their words that titles of one article have in common."""
_BOILERPLATE = 0.5
"""Share of a store's other titles beyond which a word, such as the store's name, says nothing."""

# A character of a language that is written without spaces counts as a word.
_WORD = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]|[^\W\u3040-\u9fff\uac00-\ud7af]+")


def find_shared_images(products: pa.Table) -> dict[tuple[str, str], int]:
    """The photos that stand for no product.

    A photo may be on many products because each colour and size of one article is listed as a product of its
    own; most words of their titles are then the same, and the photo is kept. On products whose titles have
    little in common it is a placeholder, a size chart or a banner, be it their main photo or a further one.

    :param products: columns `store`, `title`, `brand` and `images`, without products that are gone.
    :return: by store and image id, on how many products the photo is.
    """
    products = products.select(["store", "title", "brand", "images"]).combine_chunks()
    found = {}
    for store, photos in groupby(_repeated(products), key=itemgetter(0)):
        mine = pc.indices_nonzero(pc.equal(products["store"], store))
        titles = dict(zip(mine.to_pylist(), _words(products.take(mine)), strict=True))
        counts = Counter(chain.from_iterable(titles.values()))
        for _, image_id, rows in photos:
            if not _one_article([titles[row] for row in rows], counts, len(titles)):
                found[store, image_id] = len(rows)
    return found


def _repeated(products: pa.Table) -> list[tuple[str, str, list[int]]]:
    """Store, image id and rows of the photos that are on many products, sorted by store."""
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


def _words(products: pa.Table) -> list[set[str]]:
    """The words of each title, without those of the brand."""
    titles, brands = (products[name].to_pylist() for name in ("title", "brand"))
    return [_split(title) - _split(brand) for title, brand in zip(titles, brands, strict=True)]


def _split(text: str | None) -> set[str]:
    return set(_WORD.findall((text or "").casefold()))


def _one_article(titles: Sequence[set[str]], in_store: Counter[str], size: int) -> bool:
    """Whether titles are those of one article in its colours and sizes.

    :param in_store: in how many titles of the store each word is, these among them: in most of the others
        is what all of them have.
    :param size: titles of the store.
    """
    counts = Counter(chain.from_iterable(titles))
    others = size - len(titles)
    idle = {word for word, count in counts.items() if in_store[word] - count >= _BOILERPLATE * others}
    if others < MIN_PRODUCTS:
        idle = set()
    titles = [title - idle for title in titles]
    common = {word for word, count in counts.items() if count >= _COMMON * len(titles)}
    alike = [len(title & common) / len(title) if title else 1.0 for title in titles]
    return sum(alike) / len(alike) >= _ALIKE
