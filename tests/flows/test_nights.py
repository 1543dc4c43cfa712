"""Nights on real stores, with upkeep, changes and a purge between them."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import lookalike
from embedding.encoder.convert import specify
from embedding.encoder.weights import Weights, load_weights, write_weights
from flows.config import Config
from flows.maintain import maintain
from flows.night import run_nightly
from flows.purge import purge_store
from lookalike.demo.catalogue import catalogue
from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import serve
from scrapers.config.store import Limits, Store
from storage import generations, tables
from storage.root import Root
from tests import catalogues

pytestmark = pytest.mark.slow


def sold(products: list[DemoProduct]) -> dict[str, Decimal]:
    return {product.title: product.price for product in products}


def photos_of(products: list[DemoProduct]) -> set[str]:
    return {hashlib.sha256(photo()).hexdigest() for product in products for photo in product.photos}


class Installation:
    """A data root with a small encoder, its settings, and what its stores sell."""

    def __init__(self, root: Root, stores: dict[str, Store]) -> None:
        file = root.path.parent / "small.npz"
        write_weights(file, Weights("small", {"layer/kernel": np.ones(3, np.float32)}, 16), int8=False)
        catalogues.write_encoder(root, specify(load_weights(str(file))).model)
        self.root, self.stores, self.weights = root, stores, str(file)

    def night(self, expected: dict[str, list[DemoProduct]], *, downloads: set[str]) -> None:
        """A night that ends well and leaves the stores' products, their photos and vectors, each once.

        :param expected: what each store sells.
        :param downloads: photos that are new.
        """
        crawl = {"allow_private": True, "throttle": False, "at_once": 2}
        config = Config(
            file=None,
            data=self.root.path,
            stores=tuple(self.stores.values()),
            crawl=crawl,
            embed={"weights": self.weights},
        )
        night = run_nightly(config)
        assert night.failures == ()
        assert {crawl.store: crawl.status for crawl in night.crawls} == dict.fromkeys(expected, "complete")
        assert night.embed is not None
        assert night.embed.embedded == len(downloads)
        rows = tables.read(self.root, "products").to_pylist()
        assert len({(row["store"], row["product_id"]) for row in rows}) == len(rows)
        for store, products in expected.items():
            on_sale = [row for row in rows if row["store"] == store and row["removed_at"] is None]
            assert {row["title"]: row["price"] for row in on_sale} == sold(products)
            assert {image["image_id"] for row in on_sale for image in row["images"]} == photos_of(products)
        images = tables.read(self.root, "images", columns=["image_id"])["image_id"].to_pylist()
        vectors = tables.read(self.root, "embeddings", columns=["image_id"])["image_id"].to_pylist()
        fetched = tables.read(self.root, "fetches", columns=["image_id"])["image_id"].drop_null().to_pylist()
        assert sorted(vectors) == sorted(images)
        assert len(set(images)) == len(images)
        assert set(fetched) <= set(images)
        published = generations.read_manifest(self.root, generations.current_name(self.root))
        assert published.counts.stores == {store: len(products) for store, products in expected.items()}
        for products in expected.values():
            first = products[0]
            [match] = lookalike.open(self.root.path).similar(first.photos[0](), k=1)
            assert match.score == pytest.approx(1, abs=0.01)


def test_nights_with_upkeep_changes_and_a_purge_between_them(root: Root, tmp_path: Path) -> None:
    garments = catalogue(24)
    own = {"shopify": garments[:8], "woocommerce": garments[8:16], "schema": garments[16:]}
    limits = Limits(retries=0, suspicious_below=0)
    with ExitStack() as stack:
        fronts = {dialect: stack.enter_context(serve(part, dialect)) for dialect, part in own.items()}
        strategies = {"shopify": "shopify", "woocommerce": "woocommerce", "schema": "sitemap"}
        stores = {
            f"{dialect}.example": Store(
                name=f"{dialect}.example", url=front.url, strategy=strategies[dialect], limits=limits
            )
            for dialect, front in fronts.items()
        }
        # The same shop under a second name: it shares every address and every photo.
        stores["twin.example"] = stores["schema.example"].model_copy(update={"name": "twin.example"})
        it = Installation(root, stores)

        def expected() -> dict[str, list[DemoProduct]]:
            return {
                name: fronts[{"twin": "schema"}.get(d := name.split(".")[0], d)].products
                for name in it.stores
            }

        it.night(expected(), downloads=photos_of(garments))
        maintain(root, keep=timedelta(0))

        for dialect, part in own.items():
            dearer = replace(part[1], price=part[1].price + 1)
            fronts[dialect].replace_products([part[0], dearer, *part[2:7]])
        it.night(expected(), downloads=set())
        for front in fronts.values():
            front.requests.clear()
        it.night(expected(), downloads=set())
        for front in fronts.values():
            assert front.requests.count("/media/", status=200) == 0
        maintain(root, keep=timedelta(0))

        purge_store(root, "woocommerce.example")
        it.stores.pop("woocommerce.example")
        it.night(expected(), downloads=set())
        gone = photos_of(own["woocommerce"])
        assert not gone & set(tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist())

        purge_store(root, "schema.example")
        it.stores.pop("schema.example")
        maintain(root, keep=timedelta(0))
        it.night(expected(), downloads=set())

        # It comes back, under the addresses that its twin has kept.
        it.stores["schema.example"] = stores_schema = it.stores["twin.example"].model_copy(
            update={"name": "schema.example"}
        )
        assert stores_schema.url == fronts["schema"].url
        it.night(expected(), downloads=set())
