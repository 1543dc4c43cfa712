"""Crawls, changes, upkeep, purges and embedding in any order, on real tables, against plain dictionaries."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from embedding.encoder.stage import missing_images
from flows.maintain import maintain
from flows.purge import purge_store
from scrapers.session.rows import content_hash
from scrapers.session.snapshot import Snapshot, load_snapshot
from scrapers.session.write_buffer import WriteBuffer
from storage import row_groups, tables
from storage.root import Root

STORES = ("a.example", "b.example", "c.example")
MODEL = "model"

Listing = Mapping[str, tuple[int, tuple[int, ...]]]
"""What a store sells: by product, its price and the numbers of its photos."""


def photo_at(number: int) -> tuple[str, str, bytes]:
    """Address, id and bytes of a photo; every store shows the same ones at the same addresses."""
    return f"https://cdn.example/{number}.jpg", f"photo {number}", f"bytes of {number}".encode()


class World:
    """A data root, and what must be in it."""

    def __init__(self, folder: Path) -> None:
        self.root = Root.open(folder, create=True)
        self.now = datetime(2020, 1, 1, 3, tzinfo=UTC)
        self.products: dict[tuple[str, str], dict[str, object]] = {}
        self.offers: list[tuple[str, str, Decimal]] = []
        self.fetches: dict[tuple[str, str], str | None] = {}
        self.images: dict[str, bytes] = {}
        self.embedded: set[str] = set()
        self.crawls: list[tuple[str, datetime]] = []

    def night(self) -> None:
        """A day passes."""
        self.now += timedelta(days=1)

    def crawl(self, store: str, listing: Listing) -> None:
        """Stores what a store sells as a crawl does: what is known is neither fetched nor written again."""
        self.now += timedelta(minutes=1)
        known = load_snapshot(self.root, store)
        self.check_memory(store, known)
        write_buffer = WriteBuffer(self.root)
        for product_id, (price, numbers) in listing.items():
            shown = []
            for number in numbers:
                url, image_id, data = photo_at(number)
                if url not in known.fetches:
                    image = {"image_id": image_id, "bytes": data, "first_seen": self.now}
                    write_buffer.add_image(image | {"month": f"{self.now:%Y-%m}"})
                    write_buffer.add_photo_fetch(self._fetch(store, url, image_id))
                    self.images.setdefault(image_id, data)
                shown.append({"url": url, "image_id": image_id, "position": 0, "colour": None})
            self._store(write_buffer, known, store, product_id, Decimal(price), shown)
        asyncio.run(write_buffer.flush())
        self._remove(store, set(listing))
        crawl = {"store": store, "crawl_id": f"{store} {self.now}", "status": "complete"}
        tables.append(self.root, "crawls", [crawl | {"ended_at": self.now, "coverage": [("price", 1.0)]}])
        self.crawls.append((store, self.now))

    def embed(self) -> None:
        """Gives each photo without a vector its vector."""
        missing = missing_images(self.root, MODEL)
        assert set(missing.to_pylist()) == set(self.images) - self.embedded
        found = row_groups.scan(
            self.root, "images", missing, key="image_id", columns=["image_id", "bytes"], batch_size=2
        )
        photos = {one["image_id"]: one["bytes"] for batch in found for one in batch.to_pylist()}
        assert photos == {image_id: self.images[image_id] for image_id in missing.to_pylist()}
        rows = [{"image_id": one, "model": MODEL, "vector": [float(len(one))]} for one in photos]
        assert tables.merge(self.root, "embeddings", rows) == tables.Merged(len(photos), 0)
        self.embedded |= set(photos)

    def maintain(self) -> None:
        """Joins small files and deletes those that were replaced."""
        maintain(self.root, keep=timedelta(0), now=self.now)

    def purge(self, store: str) -> None:
        """Forgets a store, and the photos that no other shows."""
        own, others = set[str](), set[str]()
        for (owner, _), product in self.products.items():
            ids = {image["image_id"] for image in product["images"]}  # type: ignore[attr-defined]
            (own if owner == store else others).update(ids)
        gone = own - others
        purged = purge_store(self.root, store)
        self.products = {key: row for key, row in self.products.items() if key[0] != store}
        self.offers = [offer for offer in self.offers if offer[0] != store]
        self.crawls = [crawl for crawl in self.crawls if crawl[0] != store]
        self.images = {image_id: data for image_id, data in self.images.items() if image_id not in gone}
        self.embedded -= gone
        self.fetches = {
            key: image_id
            for key, image_id in self.fetches.items()
            if key[0] != store and image_id not in gone
        }
        assert purged.images == len(gone)

    def check(self) -> None:
        """Everything is there, once, and found by every kind of read."""
        columns = ["store", "product_id", "price", "images", "removed_at", "first_seen"]
        stored = tables.read(self.root, "products", columns=columns)
        self._check_products(stored.to_pylist(), self.products)
        for store in STORES:
            mine = pc.field("store") == store
            part = {key: row for key, row in self.products.items() if key[0] == store}
            self._check_products(tables.read(self.root, "products", where=mine).to_pylist(), part)
            scanned = tables.scan(self.root, "offers", where=mine, batch_size=2)
            offers = [
                (one["store"], one["product_id"], one["price"]) for b in scanned for one in b.to_pylist()
            ]
            assert sorted(offers) == sorted(offer for offer in self.offers if offer[0] == store)
        fetches = tables.read(self.root, "fetches").to_pylist()
        assert {(row["store"], row["url"]): row["image_id"] for row in fetches} == self.fetches
        assert len(fetches) == len(self.fetches)
        for image_id in filter(None, self.fetches.values()):
            assert image_id in self.images, "an address is said to be stored whose photo is not"
        images = tables.read(self.root, "images", columns=["image_id", "bytes"]).to_pylist()
        assert sorted((row["image_id"], row["bytes"]) for row in images) == sorted(self.images.items())
        where = (pc.field("model") == MODEL) & pc.field("image_id").isin([*self.images, "no such"])
        vectors = tables.read(self.root, "embeddings", where=where)
        assert sorted(vectors["image_id"].to_pylist()) == sorted(self.embedded)
        assert all(row["vector"] == [float(len(row["image_id"]))] for row in vectors.to_pylist())
        crawls = tables.read(self.root, "crawls", where=pc.field("status") == "complete").to_pylist()
        assert sorted((row["store"], row["ended_at"]) for row in crawls) == sorted(self.crawls)

    def check_memory(self, store: str, known: Snapshot) -> None:
        """A crawl begins with what is stored of its store and of no other."""
        mine = {key[1]: row for key, row in self.products.items() if key[0] == store}
        assert {one: product.removed for one, product in known.products.items()} == {
            one: row["removed_at"] is not None for one, row in mine.items()
        }
        fetches = {url: image_id for (owner, url), image_id in self.fetches.items() if owner == store}
        assert {url: fetch.image_id for url, fetch in known.fetches.items()} == fetches
        prices = {product_id: price for owner, product_id, price in self.offers if owner == store}
        assert {key[0]: state[0] for key, state in known.offers.items()} == prices
        assert known.last_complete == max((at for one, at in self.crawls if one == store), default=None)

    def _store(
        self,
        write_buffer: WriteBuffer,
        known: Snapshot,
        store: str,
        product_id: str,
        price: Decimal,
        images: list[dict[str, object]],
    ) -> None:
        key, before = (store, product_id), known.products.get(product_id)
        stated = {"store": store, "product_id": product_id, "price": price, "images": images}
        row = stated | {
            "first_seen": before.first_seen if before else self.now,
            "removed_at": None,
            "changed_at": self.now,
            "content_hash": content_hash(stated),
        }
        url = f"https://shared.example/{product_id}"
        if before is None or before.removed or before.content_hash != row["content_hash"]:
            write_buffer.add_product(row, stated_page(store, product_id, url, self.now))
            self.products[key] = row
        if known.offers.get((product_id, None), (None,))[0] != price:
            offer = {"store": store, "product_id": product_id, "price": price, "observed_at": self.now}
            write_buffer.add_offer(offer)
            self.offers.append((store, product_id, price))
        write_buffer.add_page_fetch(self._fetch(store, url, None))

    def _fetch(self, store: str, url: str, image_id: str | None) -> dict[str, object]:
        self.fetches[store, url] = image_id
        row = {"store": store, "url": url, "image_id": image_id, "status": 200}
        return row | {"fetched_at": self.now, "due_at": self.now + timedelta(days=30)}

    def _remove(self, store: str, listed: set[str]) -> None:
        gone = [
            row | {"removed_at": self.now}
            for (owner, product_id), row in self.products.items()
            if owner == store and product_id not in listed and row["removed_at"] is None
        ]
        assert tables.merge(self.root, "products", gone) == tables.Merged(0, len(gone))
        self.products |= {(store, str(row["product_id"])): row for row in gone}

    @staticmethod
    def _check_products(
        stored: list[dict[str, object]], expected: Mapping[tuple[str, str], dict[str, object]]
    ) -> None:
        names = ("price", "images", "removed_at", "first_seen")
        found = {(row["store"], row["product_id"]): [row[name] for name in names] for row in stored}
        assert found == {key: [row[name] for name in names] for key, row in expected.items()}
        assert len(stored) == len(expected)


def stated_page(store: str, product_id: str, url: str, now: datetime) -> dict[str, object]:
    page = {"store": store, "product_id": product_id, "url": url, "fetched_at": now}
    return page | {"content_type": "text/html", "body_zstd": b"page"}


LISTINGS = st.dictionaries(
    st.sampled_from("123"),
    st.tuples(st.integers(1, 2), st.lists(st.integers(1, 4), max_size=2, unique=True).map(tuple)),
    min_size=1,
    max_size=3,
)


class Nights(RuleBasedStateMachine):
    """Any sequence of what an operator and a night do."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp()
        self.world = World(Path(self.folder) / "data")

    @rule(store=st.sampled_from(STORES), listing=LISTINGS)
    def crawl(self, store: str, listing: Listing) -> None:
        self.world.crawl(store, listing)

    @rule(listing=LISTINGS)
    def night(self, listing: Listing) -> None:
        """Two stores that sell the same, then embedding."""
        self.world.night()
        for store in STORES[:2]:
            self.world.crawl(store, listing)
        self.world.embed()

    @rule()
    def maintain(self) -> None:
        self.world.maintain()

    @rule(store=st.sampled_from(STORES))
    def purge(self, store: str) -> None:
        self.world.purge(store)

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "folder", ""), ignore_errors=True)


def explore(examples: int, steps: int) -> None:
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        deadline=None,
        database=None,
        # The steps of a failure are printed as they are: on tables, shrinking them takes minutes.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Nights, settings=profile)


def test_any_sequence_leaves_what_it_should() -> None:
    explore(examples=4, steps=8)


@pytest.mark.slow
def test_any_long_sequence_leaves_what_it_should() -> None:
    explore(examples=12, steps=25)


FIRST: Listing = {"1": (1, (1, 2)), "2": (1, (2, 3)), "3": (1, ())}
THEN: Listing = {"1": (2, (1, 4)), "2": (1, (2, 3))}


ORDERS = list(itertools.permutations(["maintain", "purge", "change"]))
# Each step comes first once; the other orders take as long and are run by `make test-all`.
ORDERS = [
    pytest.param(one, marks=[pytest.mark.slow] * (at % 2), id="-".join(one)) for at, one in enumerate(ORDERS)
]


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_of_upkeep_purge_and_change_over_three_nights(order: tuple[str, ...], root: Root) -> None:
    world = World(root.path)

    def night(listing: Listing) -> None:
        world.night()
        for store in STORES:
            world.crawl(store, listing)
        world.embed()
        world.check()

    night(FIRST)
    for step in order:
        if step == "change":
            night(THEN)
        elif step == "maintain":
            world.maintain()
        else:
            world.purge(STORES[1])
        world.check()
    night(THEN)
    night(FIRST)


def test_a_view_is_cast_wherever_a_table_is_read(root: Root) -> None:
    """Whatever wrote a table last, what is read has the table's own types and can be computed with."""
    world = World(root.path)
    for listing in (FIRST, THEN):
        for store in STORES:
            world.crawl(store, listing)
    world.embed()
    world.purge(STORES[0])
    world.maintain()
    for table in tables.versions(root):
        rows = tables.read(root, table)
        assert "view" not in str(rows.schema)
        texts = [field.name for field in rows.schema if field.type == pa.string()]
        for name in texts:
            assert pc.is_in(rows[name], value_set=pa.array(["x"])).type == pa.bool_()
        assert len(rows.group_by(texts[0]).aggregate([])) <= len(rows)
