"""A night on which the clock was wrong by more than a year is forgotten by the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from deltalake import DeltaTable

from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import Storefront, serve
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from scrapers.reextract import reextract_store
from scrapers.session import snapshot
from scrapers.session.snapshot import load_snapshot
from storage import tables
from storage.clock import CLOCK_SKEW
from storage.root import Root
from tests.scrapers.shelves import products

TIMES = {
    "products": ("first_seen", "changed_at"),
    "offers": ("observed_at",),
    "pages": ("fetched_at",),
    "images": ("first_seen",),
    "fetches": ("fetched_at", "due_at"),
    "crawls": ("started_at", "ended_at"),
}
"""When a crawl says that it was."""


def clock_was_wrong(root: Root, days: int) -> None:
    """All that was stored so far was stored by a clock that many days ahead."""
    for table, columns in TIMES.items():
        shifted = {column: f"{column} + interval '{days} days'" for column in columns}
        DeltaTable(root.table_path(table)).update(updates=shifted)


def store_of(front: Storefront) -> Store:
    return Store(name="shop.example", url=front.url)


def crawl(root: Root, front: Storefront):
    return run_crawl(root, store_of(front), allow_private=True, throttle=False)


def dearer(product: DemoProduct) -> DemoProduct:
    return replace(product, price=product.price + 1)


def offers_of(root: Root, product: DemoProduct) -> list[Decimal]:
    """What each crawl found, in the order of its stored times."""
    rows = {row["title"]: row["product_id"] for row in tables.read(root, "products").to_pylist()}
    offers = tables.read(root, "offers").sort_by("observed_at").to_pylist()
    return [
        row["price"] for row in offers if row["product_id"] == rows[product.title] and not row["variant_id"]
    ]


@pytest.mark.parametrize("lastmod", [True, False])
def test_a_change_is_read_though_everything_seems_read_in_a_year(root: Root, lastmod: bool) -> None:
    catalogue: Sequence[DemoProduct] = products(12, photos=1)
    with serve(catalogue, "schema", lastmod=lastmod) as front:
        assert crawl(root, front).status == "complete"
        clock_was_wrong(root, 400)
        front.replace_products([dearer(catalogue[0]), *catalogue[1:11]])
        changed = crawl(root, front)
        assert (changed.status, changed.products_changed, changed.products_removed) == ("complete", 1, 1)
        assert (changed.products_new, changed.images_new) == (0, 0)
        assert offers_of(root, catalogue[0]) == [catalogue[0].price + 1, catalogue[0].price]
        # From then on it is a store like any other: what is known is not asked for, nor written, again.
        before, requests = tables.versions(root), changed.requests
        again = crawl(root, front)
        assert (again.status, again.products_changed) == ("complete", 0)
        assert again.requests <= requests
        if lastmod:
            assert Counter(tables.versions(root)) - Counter(before) == {"crawls": 1}


def test_what_was_read_with_the_right_clock_goes_before_what_was_not(root: Root) -> None:
    catalogue = products(12, photos=1)
    with serve(catalogue, "schema") as front:
        crawl(root, front)
        clock_was_wrong(root, 400)
        front.replace_products([dearer(one) for one in catalogue])
        crawl(root, front)
        known = load_snapshot(root, "shop.example")
        own = sorted(state[0] for (_, variant), state in known.offers.items() if variant is None)
        assert own == sorted(one.price + 1 for one in catalogue)
        assert known.last_complete is not None
        assert known.last_complete < datetime.now(UTC) + CLOCK_SKEW
        # A source that seems to be of next year is not the last one.
        assert reextract_store(root, store_of(front), allow_private=True).changed == 0


def test_clocks_that_differ_a_little_are_both_right(root: Root) -> None:
    soon = datetime.now(UTC) + CLOCK_SKEW / 2
    row = {"store": "shop.example", "url": "u", "fetched_at": soon, "due_at": soon + timedelta(days=1)}
    tables.merge(root, "fetches", [row])
    assert load_snapshot(root, "shop.example").fetches["u"].fetched_at == soon


def test_a_history_of_offers_is_not_held_as_a_whole(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sorted at a time are the last offers found so far and about as many again."""
    nights, variants, portion = 60, 20, 25
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for night in range(nights):
        offer = {"store": "shop.example", "product_id": "1", "price": Decimal(night)}
        offer |= {"observed_at": start + timedelta(days=night)}
        rows = [offer | {"variant_id": str(one)} for one in range(variants)]
        tables.append(root, "offers", [*rows, offer | {"variant_id": None}])
    held = []
    last_of = snapshot._last_of

    def counted(found, more, *rest):
        held.append(len(found) + sum(map(len, more)))
        return last_of(found, more, *rest)

    monkeypatch.setattr(snapshot, "_ROWS", portion)
    monkeypatch.setattr(snapshot, "_last_of", counted)
    known = load_snapshot(root, "shop.example").offers
    assert known == {
        ("1", one): (Decimal(nights - 1), None, None, None) for one in [None, *map(str, range(variants))]
    }
    assert max(held) <= 3 * max(portion, variants + 1)
    assert sum(held) <= 3 * nights * (variants + 1)
