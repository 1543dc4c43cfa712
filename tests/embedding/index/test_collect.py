from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from embedding.index import collect, items
from storage import tables
from storage.root import Root
from storage.schemas import TABLES
from tests import catalogues
from tests.catalogues import SEEN, product


def collected(root: Root, *image_ids: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = collect.collect(root, pa.array(image_ids, pa.string())).to_pylist()
    return rows


def crawl(root: Root, store: str, status: str, days: int) -> None:
    row = dict.fromkeys(TABLES["crawls"].columns.names)
    ended = SEEN + timedelta(days=days)
    tables.append(root, "crawls", [row | {"store": store, "status": status, "ended_at": ended}])


def test_an_empty_root_has_no_rows(root: Root) -> None:
    rows = collect.collect(root, pa.array([], pa.string()))
    assert rows.num_rows == 0
    assert rows.schema == items.SCHEMA


def test_there_is_one_row_a_photo_of_a_product_sorted(root: Root) -> None:
    tables.merge(
        root,
        "products",
        [
            product("b.example", "1", ["shared", "y"]),
            product("a.example", "2", ["shared"]),
            product("a.example", "10", ["z", "not embedded"]),
            product("a.example", "3", []),
        ],
    )
    rows = collected(root, "shared", "y", "z")
    assert [(row["image_id"], row["store"], row["product_id"], row["product"]) for row in rows] == [
        ("shared", "a.example", "2", 1),
        ("shared", "b.example", "1", 2),
        ("y", "b.example", "1", 2),
        ("z", "a.example", "10", 0),
    ]
    assert rows[2]["image_url"] == "https://b.example/i/y.jpg"
    assert rows[2]["position"] == 1


def test_removed_products_and_photos_without_bytes_have_no_row(root: Root) -> None:
    broken = product("a.example", "2", ["x"])
    broken["images"].append(
        {"url": "https://a.example/broken.jpg", "image_id": None, "position": 1, "colour": None}
    )
    tables.merge(root, "products", [product("a.example", "1", ["x"], removed_at=SEEN), broken])
    assert [(row["product_id"], row["image_id"]) for row in collected(root, "x")] == [("2", "x")]


def test_a_photo_shown_twice_by_a_product_counts_once_at_its_first_place(root: Root) -> None:
    row = product("a.example", "1", ["x", "y", "x"])
    tables.merge(root, "products", [row])
    assert [(row["image_id"], row["position"]) for row in collected(root, "x", "y")] == [("x", 0), ("y", 1)]


def test_a_photo_has_its_own_colour_where_the_store_says_it(root: Root) -> None:
    row = product("a.example", "1", ["x", "y"], colours=["red", "blue"])
    row["images"][0]["colour"] = "red"
    tables.merge(root, "products", [row, product("a.example", "2", ["z"], colours=None)])
    colours = {row["image_id"]: row["colours"] for row in collected(root, "x", "y", "z")}
    assert colours == {"x": ["red"], "y": ["red", "blue"], "z": None}


def test_a_product_was_seen_when_its_stores_last_complete_crawl_ended(root: Root) -> None:
    tables.merge(root, "products", [product(f"{store}.example", "1", [store]) for store in "abc"])
    for days, status in enumerate(["complete", "complete", "partial", "quarantined", "failed"]):
        crawl(root, "a.example", status, days)
    crawl(root, "b.example", "partial", 0)
    seen = {row["store"]: row["seen"] for row in collected(root, *"abc")}
    assert seen == {"a.example": SEEN + timedelta(days=1), "b.example": None, "c.example": None}


def test_a_digest_tells_catalogues_apart_but_not_nights(root: Root) -> None:
    catalogues.simple(root, 20)
    ids = pa.array(tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist())
    first = items.digest(collect.collect(root, ids))
    crawl(root, "a.example", "complete", 1)
    assert items.digest(collect.collect(root, ids)) == first
    assert items.digest(collect.collect(root, ids.slice(1))) != first
    changed = product("a.example", "p00000", [ids[0].as_py()], title="New title", content_hash="1")
    tables.merge(root, "products", [changed])
    assert items.digest(collect.collect(root, ids)) != first


def test_a_placeholder_is_in_no_row(root: Root) -> None:
    kinds = ["Linen shirt", "Wool coat", "Denim jacket", "Silk scarf", "Leather belt", "Running shoes"]
    kinds += ["Cotton socks", "Rain hat", "Swim shorts", "Pleated skirt", "Evening dress", "Knit cardigan"]
    own = [f"own-{number}" for number in range(len(kinds))]
    rows = [product("a.example", f"p{n:02d}", [own[n], "none"], title=kind) for n, kind in enumerate(kinds)]
    tables.merge(root, "products", rows)
    assert sorted(row["image_id"] for row in collected(root, *own, "none")) == sorted(own)

    # A store that puts another's photo on all its products does not take it from the other.
    tables.merge(root, "products", [product("b.example", "q", ["none"], title="Straw bag")])
    found = {(row["store"], row["image_id"]) for row in collected(root, *own, "none")}
    assert found == {*(("a.example", image_id) for image_id in own), ("b.example", "none")}


def use_memory() -> None:
    """Leaves blocks behind that are not zero, as a long build does."""
    blocks = [pa.allocate_buffer(64) for _ in range(200)]
    for block in blocks:
        memoryview(block).cast("B")[:] = b"\xff" * 64


def test_what_is_written_holds_no_leftover_of_memory() -> None:
    """Arrow's bitmaps end within a byte; the bits after their end have to be the same in every build."""
    for count in range(65, 200):
        brands = pa.array([None, *(f"Brand {at}" for at in range(1, count))])
        use_memory()
        known = items._coded(brands).dictionary
        bits = np.unpackbits(np.frombuffer(known.buffers()[0], np.uint8), bitorder="little")
        assert bits[: -(-count // 8) * 8].tolist() == [0] + [1] * (count - 1) + [0] * (-count % 8)
