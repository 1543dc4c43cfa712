"""A store that fails now and then: error pages, pleas to slow down, cut and late answers."""

import pytest

from lookalike.demo.faults import Faults
from lookalike.demo.storefront import serve
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from storage import tables
from tests.scrapers.shelves import image_ids, products


@pytest.mark.slow
def test_every_product_and_photo_is_read_though_one_answer_in_ten_fails(root):
    catalogue = products(25)
    faults = Faults(rate=0.1, seed=3, hang_s=3, retry_after_s=1)
    with serve(catalogue, "schema", faults=faults) as front:
        store = Store(name="shop.example", url=front.url, limits=Limits(timeout_s=1.5, retries=4))
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        failed = sum(asked.status != 200 for asked in front.requests)
    assert failed >= 5
    assert (outcome.status, outcome.products, outcome.images) == ("complete", 25, 50), outcome
    rows = {row["title"]: row for row in tables.read(root, "products").to_pylist()}
    for product in catalogue:
        assert [image["image_id"] for image in rows[product.title]["images"]] == image_ids(product)
