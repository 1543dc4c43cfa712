"""Whole crawls of demo storefronts: every product and photo once, and nothing twice."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow.compute as pc
import pytest

from lookalike.demo.storefront import serve
from scrapers.config.store import Store
from scrapers.crawl import CrawlProgress, run_crawl
from scrapers.session.rows import decompress
from storage import tables
from storage.root import Root
from tests.scrapers.shelves import image_ids, products

COUNT = 12
STRATEGIES = {"shopify": "shopify", "woocommerce": "woocommerce", "sitemap": "schema", "listing": "schema"}


class Crawled:
    """A store that was crawled twice."""

    def __init__(self, root: Root, strategy: str) -> None:
        self.strategy = strategy
        self.catalogue = products(COUNT)
        self.progress: list[CrawlProgress] = []
        with serve(self.catalogue, STRATEGIES[strategy]) as front:
            self.url = front.url
            self.store = Store(name=f"{strategy}.example", url=front.url, strategy=strategy)
            self.first = self.crawl(root)
            self.asked_first = front.requests.paths()
            front.requests.clear()
            self.second = self.crawl(root)
            self.asked_second = list(front.requests)

    def load(self, root: Root) -> None:
        mine = pc.field("store") == self.store.name
        rows = tables.read(root, "products", where=mine).to_pylist()
        self.rows = {row["title"]: row for row in rows}
        self.duplicates = len(rows) - len(self.rows)
        self.offers = tables.read(root, "offers", where=mine).to_pylist()
        self.pages = tables.read(root, "pages", where=mine).to_pylist()
        self.rejects = tables.read(root, "rejects", where=mine).to_pylist()
        self.images = {row["image_id"]: row for row in tables.read(root, "images").to_pylist()}

    def crawl(self, root):
        return run_crawl(
            root, self.store, allow_private=True, throttle=False, on_progress=self.progress.append
        )


@pytest.fixture(scope="module")
def all_crawled(tmp_path_factory) -> dict[str, Crawled]:
    """All four at once into one root, as a night does."""
    root = Root.open(tmp_path_factory.mktemp("crawl") / "data", create=True)
    with ThreadPoolExecutor() as pool:
        stores = {name: pool.submit(Crawled, root, name) for name in STRATEGIES}
        crawled = {name: store.result() for name, store in stores.items()}
    for store in crawled.values():
        store.load(root)
    return crawled


@pytest.fixture(params=list(STRATEGIES))
def crawled(request, all_crawled) -> Crawled:
    return all_crawled[request.param]


def test_every_product_is_stored_once_and_right(crawled):
    assert crawled.first.status == "complete", crawled.first
    assert (len(crawled.rows), crawled.duplicates) == (COUNT, 0)
    for product in crawled.catalogue:
        row = crawled.rows[product.title]
        assert (row["price"], row["currency"], row["was_price"]) == (
            product.price,
            product.currency,
            product.was_price,
        )
        assert (row["brand"], row["availability"]) == (product.brand, product.availability)
        assert row["category"].endswith("Shirts")
        assert row["description"].startswith(product.description[:20])
        assert row["url"].startswith(f"{crawled.url}/")
        assert row["colours"] == [product.colour]
        assert row["sizes"] == list(product.sizes)
        assert (row["removed_at"], row["crawl_id"]) == (None, crawled.first.crawl_id)
        assert row["first_seen"] == row["changed_at"]


def test_every_photo_is_stored_once_byte_by_byte(crawled):
    for product in crawled.catalogue:
        images = crawled.rows[product.title]["images"]
        assert [image["image_id"] for image in images] == image_ids(product)
        assert [image["position"] for image in images] == [0, 1]
        for draw, image_id in zip(product.photos, image_ids(product), strict=True):
            stored = crawled.images[image_id]
            assert stored["bytes"] == draw()
            assert (stored["width"], stored["height"], stored["format"]) == (60, 80, "JPEG")
            assert len(stored["perceptual_hash"]) == 16
            assert stored["month"] == f"{stored['first_seen']:%Y-%m}"
    assert len(crawled.images) == 2 * COUNT


def test_every_offer_is_stored(crawled):
    ids = {row["product_id"]: title for title, row in crawled.rows.items()}
    own = {ids[offer["product_id"]]: offer for offer in crawled.offers if offer["variant_id"] is None}
    assert {title: (offer["price"], offer["availability"]) for title, offer in own.items()} == {
        product.title: (product.price, product.availability) for product in crawled.catalogue
    }
    keys = [(offer["product_id"], offer["variant_id"]) for offer in crawled.offers]
    assert len(keys) == len(set(keys))
    assert len(keys) == COUNT * (4 if crawled.strategy == "shopify" else 1)


def test_the_source_of_every_product_is_kept(crawled):
    assert len(crawled.pages) == COUNT
    by_id = {row["product_id"]: row for row in crawled.rows.values()}
    for page in crawled.pages:
        body = decompress(page["body_zstd"]).decode()
        assert by_id[page["product_id"]]["brand"] in body
        kind = "text/html" if crawled.strategy in ("sitemap", "listing") else "application/json"
        assert page["content_type"] == kind


def test_the_outcome_says_what_was_done(crawled):
    first = crawled.first
    assert (first.store, first.spider) == (crawled.store.name, crawled.strategy)
    assert (first.products, first.products_new, first.products_changed, first.products_removed) == (
        COUNT,
        COUNT,
        0,
        0,
    )
    assert first.images == 2 * COUNT
    assert first.requests == len(crawled.asked_first)
    assert first.size_bytes > 0
    assert (first.errors, first.rejects) == (0, 0), crawled.rejects
    assert first.coverage["price"] == first.coverage["title"] == first.coverage["images"] == 1.0
    assert first.seconds > 0
    assert crawled.progress[-1].products == COUNT
    assert crawled.progress[-1].store == crawled.store.name


def test_a_second_crawl_changes_nothing_and_downloads_no_photo(crawled):
    second = crawled.second
    assert second.status == "complete"
    assert (second.products, second.products_new, second.products_changed) == (COUNT, 0, 0)
    assert (second.images, second.images_new) == (2 * COUNT, 0)
    assert second.coverage == crawled.first.coverage
    written = [row for rows in (crawled.offers, crawled.pages, crawled.rows.values()) for row in rows]
    assert {row["crawl_id"] for row in written} == {crawled.first.crawl_id}
    assert not [asked.path for asked in crawled.asked_second if asked.path.endswith(".jpg")]


def test_unchanged_pages_are_not_asked_for_or_with_their_etag(crawled):
    pages = [asked for asked in crawled.asked_second if asked.path.startswith("/p/")]
    if crawled.strategy == "listing":
        assert len(pages) == COUNT
        assert {asked.status for asked in pages} == {304}
    else:  # the sitemap says when each page changed
        assert pages == []
        assert len(crawled.asked_second) <= 4
