from datetime import UTC, datetime

import pytest

from flows.purge import Purged, purge_store
from storage import tables
from storage.errors import BusyError
from storage.root import Root

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def product(store, product_id, *image_ids):
    images = [{"url": f"https://{store}/{image}.jpg", "image_id": image} for image in image_ids]
    return {"store": store, "product_id": product_id, "content_hash": "x", "images": images}


@pytest.fixture
def root(tmp_path):
    root = Root.open(tmp_path / "data", create=True)
    tables.merge(
        root,
        "products",
        [
            product("going.example", "1", "both", "only"),
            product("going.example", "2"),
            product("staying.example", "1", "both", "its"),
        ],
    )
    tables.merge(root, "images", [{"image_id": name, "month": "2026-11"} for name in ("both", "only", "its")])
    tables.merge(
        root,
        "embeddings",
        [{"image_id": name, "model": "m", "vector": [1.0]} for name in ("both", "only", "its")],
    )
    for store in ("going.example", "staying.example"):
        tables.append(root, "offers", [{"store": store, "product_id": "1", "observed_at": NOW}])
        tables.append(root, "crawls", [{"store": store, "crawl_id": store}])
    return root


def column(root, table, name):
    return sorted(tables.read(root, table, columns=[name])[name].to_pylist())


def test_everything_of_the_store_goes_and_nothing_else(root):
    assert purge_store(root, "going.example") == Purged(products=2, images=1)
    for table in ("products", "offers", "crawls"):
        assert column(root, table, "store") == ["staying.example"]
    for table in ("images", "embeddings"):
        assert column(root, table, "image_id") == ["both", "its"]


def test_no_other_store_takes_a_photo_for_stored_that_is_gone(root):
    """A store may have read a photo that none of its products shows any more, and may show it again."""
    fetches = [("going.example", "only"), ("staying.example", "only"), ("staying.example", "both")]
    rows = [{"store": store, "url": f"https://{image}.jpg", "image_id": image} for store, image in fetches]
    tables.merge(root, "fetches", rows)
    purge_store(root, "going.example")
    assert column(root, "fetches", "image_id") == ["both"]
    assert column(root, "fetches", "store") == ["staying.example"]


def test_a_store_that_was_never_crawled_has_nothing_to_purge(root):
    assert purge_store(root, "new.example") == Purged(products=0, images=0)
    assert column(root, "products", "store") == ["going.example", "going.example", "staying.example"]


def test_a_store_being_crawled_is_not_purged(root):
    with root.lock("crawl-going.example"), pytest.raises(BusyError):
        purge_store(root, "going.example")
    assert column(root, "products", "store") == ["going.example", "going.example", "staying.example"]
