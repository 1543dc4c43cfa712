"""A data root that an earlier release crawled into is crawled on with nothing read twice."""

from __future__ import annotations

import shutil
from pathlib import Path

from scrapers.crawl import run_crawl
from storage import tables
from storage.root import Root
from tests.golden.write_crawled_root import open_stores
from tests.scrapers.webserver import Site

GOLDEN = Path(__file__).parent.parent / "golden"


def test_no_photo_of_a_migrated_root_is_downloaded_again(site: Site, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "crawled-v1", tmp_path / "data")
    root = Root.open(tmp_path / "data")
    images = tables.read(root, "images")
    products = tables.read(root, "products").sort_by("store")
    stores = open_stores(site)
    site.etags = False  # every page is read as if it had changed, and its photos are looked up
    for store in [*stores, *stores]:
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        assert (outcome.status, outcome.products, outcome.products_new) == ("complete", 1, 0), outcome
        assert (outcome.products_changed, outcome.images, outcome.images_new) == (0, 2, 0)
    assert [seen.target for seen in site.seen if ".jpg" in seen.target] == []
    assert tables.read(root, "images").sort_by("image_id") == images.sort_by("image_id")
    assert tables.read(root, "products").sort_by("store") == products


def test_stores_that_share_photos_do_not_download_them_in_turn(site: Site, tmp_path: Path) -> None:
    root = Root.open(tmp_path / "data", create=True)
    stores = open_stores(site)
    site.etags = False
    for store in stores:
        assert run_crawl(root, store, allow_private=True, throttle=False).images == 2
    site.seen.clear()
    for store in [*stores, *stores]:
        assert run_crawl(root, store, allow_private=True, throttle=False).images == 2
    assert [seen.target for seen in site.seen if ".jpg" in seen.target] == []
