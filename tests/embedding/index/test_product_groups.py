from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from embedding.index import items, near_duplicates
from embedding.index.build import build_index
from embedding.index.near_duplicates import find_near_duplicates
from embedding.index.product_groups import group_products
from embedding.index.search import Index
from lookalike.demo.catalogue import catalogue
from storage import generations, images, manifest
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL, product


def folded(shown: Sequence[Sequence[int]], same: Sequence[tuple[int, int]] = ()) -> list[int]:
    """The article of each product.

    :param shown: the photos of each product, the main one first.
    """
    rows = sorted(
        (photo, number, place) for number, mine in enumerate(shown) for place, photo in enumerate(mine)
    )
    photo, products, positions = np.array(rows).T
    articles = group_products(products, positions, photo, np.array(same, np.int64).reshape(-1, 2))
    by_product = dict(zip(products.tolist(), articles.tolist(), strict=True))
    assert all(by_product[number] == article for number, article in zip(products, articles, strict=True))
    return [by_product[number] for number in range(len(shown))]


@pytest.mark.parametrize(
    ("shown", "same", "articles"),
    [
        pytest.param([[0], [1], [2]], [], [0, 1, 2], id="three photos"),
        pytest.param([[0], [0], [0]], [], [0, 0, 0], id="the same bytes"),
        pytest.param([[0], [1], [2]], [(0, 2)], [0, 1, 0], id="saved again"),
        pytest.param([[0, 1], [1, 0]], [], [0, 0], id="in another order"),
        pytest.param([[0, 1], [2, 3]], [(0, 3), (1, 2)], [0, 0], id="in another order and saved again"),
        pytest.param([[0, 1], [1, 2]], [], [0, 1], id="the whole model with the trousers and the shirt"),
        pytest.param([[0, 2], [1, 2]], [], [0, 1], id="a chart of sizes"),
        pytest.param([[0], [1], [2]], [(0, 1), (1, 2)], [0, 0, 2], id="no chain"),
        pytest.param(
            [[0], [1], [2], [3], [4]],
            [(0, 1), (1, 2), (2, 3), (3, 4)],
            [0, 0, 2, 2, 4],
            id="a long row of photos, each a little unlike the one before",
        ),
        pytest.param([[0], [1], [2]], [(0, 1), (0, 2), (1, 2)], [0, 0, 0], id="all alike"),
    ],
)
def test_which_products_are_one_article(
    shown: list[list[int]], same: list[tuple[int, int]], articles: list[int]
) -> None:
    assert folded(shown, same) == articles


def test_a_photo_that_very_many_products_show_costs_little() -> None:
    everywhere = 20_000
    shown = [[at, everywhere] for at in range(everywhere)] + [[everywhere]] * 5000
    assert folded(shown) == [*range(everywhere), *[everywhere] * 5000]


def saved(image: Image.Image, form: str = "JPEG", **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def again(photo: bytes) -> list[bytes]:
    """A photo as other stores save it."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    half = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    return [
        saved(image, quality=60),
        saved(image, "WEBP", quality=75),
        saved(image, "PNG"),
        saved(half, quality=85),
    ]


def test_the_same_picture_is_known_however_it_was_saved(fashion_encoder: Path) -> None:
    """And no two of thirty garments are, some of which differ in their colour or their pattern alone."""
    from embedding.encoder.preprocess import pixels_of
    from embedding.encoder.runtime import load_encoder

    data = [garment.photos[0]() for garment in catalogue(30)]
    copies = again(data[3])
    everything = data + copies
    encoder = load_encoder(fashion_encoder, threads=1)
    vectors = encoder.encode(np.stack([pixels_of(one, encoder.spec.size) for one in everything]))
    vectors = vectors - vectors[:30].mean(axis=0)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    hashes = np.array([int(images.inspect(one).perceptual_hash, 16) for one in everything], np.uint64)
    thumbnails = [images.thumbnail(images.decode(one)) for one in everything]
    pairs = find_near_duplicates(hashes, vectors, np.arange(len(everything)), thumbnails.__getitem__)
    among = [3, *range(30, 34)]
    assert pairs.tolist() == [[a, b] for a in among for b in among if a < b]


def test_near_hashes_are_all_found() -> None:
    """Against every pair compared."""
    random = np.random.default_rng(0)
    hashes = random.integers(1, 2**64, 400, dtype=np.uint64)
    for at in range(100):
        flips = random.choice(64, at % 5, replace=False)
        hashes[300 + at] = hashes[at] ^ np.bitwise_or.reduce(
            np.uint64(1) << flips.astype(np.uint64), initial=0
        )
    hashes[50] = 0  # a photo without a hash
    bits = np.bitwise_count(hashes[:, None] ^ hashes[None, :])
    near = (bits <= near_duplicates.MOST_BITS) & (hashes != 0)[:, None] & (hashes != 0)[None, :]
    assert near_duplicates._near_hashes(hashes).tolist() == np.argwhere(np.triu(near, 1)).tolist()


def test_the_work_is_in_proportion_to_the_photos_however_many_hashes_are_equal() -> None:
    pairs = near_duplicates._near_hashes(np.full(2000, 7, np.uint64))
    assert len(pairs) < 64 * 2000
    assert {(at, at + 1) for at in range(1999)} <= set(map(tuple, pairs.tolist()))


def opened(root: Root) -> Index:
    folder = generations.require_current(root)
    return Index.open(folder, generations.verify(folder))


def test_a_built_index_finds_an_article_once(root: Root) -> None:
    catalogues.write_spec(root)
    vectors = catalogues.clustered(20)
    ids = [f"{at:02d}" for at in range(20)]
    rows = [product("a.example", f"p{at:02d}", [ids[at]]) for at in range(20)]
    rows += [product(f"{store}.example", "twin", [ids[4]]) for store in "bc"]
    data = {image_id: catalogues.jpeg((200, 12 * at, 90)) for at, image_id in enumerate(ids)}
    catalogues.write(root, rows, data, dict(zip(ids, vectors, strict=True)))
    assert build_index(root, MODEL).products == 22
    index = opened(root)
    assert len(index.groups) == 22
    assert len(np.unique(index.groups)) == 20
    hits = index.scan(index.vectors[4].astype(np.float32), 30)
    assert len(hits) == 20
    only_c = np.asarray(index.items["store"].chunk(0).dictionary_decode()) == "c.example"
    assert index.scan(index.vectors[4].astype(np.float32), 30, mask=only_c).rows.tolist() == [
        np.flatnonzero(only_c)[0]
    ]


def test_rows_are_compared_in_the_order_in_which_they_are_given(root: Root) -> None:
    catalogues.simple(root, 20)
    build_index(root, MODEL)
    index = opened(root)
    query = index.vectors[3].astype(np.float32)
    ascending = np.arange(20)
    scores = index.compare(ascending, query)
    assert np.argmax(scores) == 3
    for rows in (ascending[::-1], np.roll(ascending, 7), ascending[::2], ascending[10:3:-1]):
        assert np.allclose(index.compare(rows, query), scores[rows])


def test_a_generation_of_an_earlier_release_still_opens(root: Root) -> None:
    catalogues.simple(root, 20)
    build_index(root, MODEL)
    file = generations.require_current(root) / items.FILE
    rows = items.read(file)
    older = pa.table(
        {name: rows[name] for name in rows.schema.names if name not in ("article", "gtin", "sku")}
    )
    with pa.OSFile(f"{file}.new", "wb") as sink, pa.ipc.new_file(sink, older.schema) as writer:
        writer.write_table(older)
    Path(f"{file}.new").replace(file)
    index = Index.open(file.parent, manifest.read(file.parent))
    assert index.groups is index.products
    assert len(index.scan(index.vectors[0].astype(np.float32), 5)) == 5
