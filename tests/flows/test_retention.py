"""Upkeep deletes what is neither served nor recent, and nothing else, in any sequence of nights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from flows import retention
from flows.maintain import maintain
from flows.maintain_settings import MaintainSettings
from flows.retention import drop_expired
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from storage import delta, table_audit, tables
from storage.errors import BusyError
from storage.root import Root
from storage.schemas import TABLES
from tests import catalogues
from tests.scrapers.conftest import site as site
from tests.scrapers.webserver import Answer, Site, photo, product_page, sitemap

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SETTINGS = MaintainSettings(pages_days=10, photos_days=20, offers_days=30, crawls_days=40, rejects_days=5)
STORE = "a.example"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def product(product_id: str, photos: list[str], removed_days_ago: float | None = None) -> dict[str, Any]:
    removed_at = None if removed_days_ago is None else ago(removed_days_ago)
    return catalogues.product(STORE, product_id, photos, removed_at=removed_at)


def upkeep(root: Root, now: datetime = NOW) -> dict[str, int]:
    """The rows that an upkeep of that time deletes, by table."""
    done = maintain(root, SETTINGS, keep=timedelta(0), now=now)
    return {table: upkeep.expired for table, upkeep in done.items() if upkeep.expired}


def test_a_page_stays_while_it_is_recent_or_the_newest_of_a_product(root: Root) -> None:
    tables.merge(root, "products", [product("sold", []), product("gone", [], 11), product("left", [], 9)])
    pages = {"sold": [100, 50, 11], "left": [30, 12], "gone": [30], "recent": [9, 8]}
    rows = [
        {"store": STORE, "product_id": name, "url": name, "fetched_at": ago(days), "body_zstd": b"x" * days}
        for name, ages in pages.items()
        for days in ages
    ]
    tables.append(root, "pages", rows)
    assert upkeep(root) == {"pages": 4}
    kept = {(row["product_id"], len(row["body_zstd"])) for row in tables.read(root, "pages").to_pylist()}
    assert kept == {("sold", 11), ("left", 12), ("recent", 9), ("recent", 8)}
    assert upkeep(root) == {}


def test_only_files_with_expired_pages_are_written_again(root: Root) -> None:
    """However many of their rows expire: none, some, all."""

    def page(product_id: str, days: float) -> dict[str, Any]:
        return {"store": STORE, "product_id": product_id, "fetched_at": ago(days), "body_zstd": b"x"}

    written: list[set[str]] = []
    for pages in ([page("it's", 50), page("b|1", 50)], [page("it's", 40), page("c", 40)], [page("b|1", 3)]):
        before = page_files(root) if written else set()
        tables.append(root, "pages", pages)
        written.append(page_files(root) - before)
    assert upkeep_without_joining(root) == 2
    assert written[0].isdisjoint(page_files(root))
    assert page_files(root) >= written[1] | written[2]
    kept = {(row["product_id"], row["fetched_at"]) for row in tables.read(root, "pages").to_pylist()}
    assert kept == {("it's", ago(40)), ("c", ago(40)), ("b|1", ago(3))}


def test_a_file_is_written_again_once_however_many_stores_it_has(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 3)
    names = [f"p{at}" for at in range(3)]
    for days in (70, 60, 50, 3):
        pages = [
            {"store": f"{name}.example", "product_id": name, "fetched_at": ago(days + at / 100)}
            for at, name in enumerate(names)
        ]
        tables.append(root, "pages", pages)
    assert upkeep_without_joining(root) == 9
    deletions = [one for one in delta.load(root, "pages").history() if one["operation"] == "DELETE"]
    assert sum(int(one["operationMetrics"]["num_removed_files"]) for one in deletions) == 3


def page_files(root: Root) -> set[str]:
    return set(tables._dataset(root, "pages").files)


def upkeep_without_joining(root: Root) -> int:
    return drop_expired(root, SETTINGS, NOW)["pages"]


def test_rows_without_a_time_stay(root: Root) -> None:
    page = {"store": STORE, "product_id": "sold", "url": "sold", "body_zstd": b"x"}
    tables.append(root, "pages", [page, page | {"fetched_at": ago(100)}, page | {"fetched_at": ago(200)}])
    tables.append(root, "rejects", [{"store": STORE, "url": "u", "stage": "fetch", "reason": "r"}])
    assert upkeep(root) == {"pages": 1}
    times = [row["fetched_at"] for row in tables.read(root, "pages").to_pylist()]
    assert set(times) == {None, ago(100)}


def test_offers_keep_every_change_and_lose_repetitions(root: Root) -> None:
    tables.merge(root, "products", [product("sold", []), product("gone", [], 31), product("left", [], 29)])
    prices = [(90, 5), (80, 5), (70, 6), (60, 6), (50, 5), (40, None), (35, None)]

    def offers(product_id: str, variant: str | None) -> Iterator[dict[str, Any]]:
        for days, price in prices:
            row = {"store": STORE, "product_id": product_id, "variant_id": variant, "currency": "EUR"}
            amount = None if price is None else Decimal(price)
            yield row | {"price": amount, "availability": "in_stock", "observed_at": ago(days)}

    tables.append(root, "offers", [*offers("sold", None), *offers("sold", "S"), *offers("left", None)])
    tables.append(root, "offers", [*offers("gone", None)])
    assert upkeep(root) == {"offers": 3 * 3 + 7}
    rows = tables.read(root, "offers").sort_by("observed_at").to_pylist()
    for product_id, variant in (("sold", None), ("sold", "S"), ("left", None)):
        own = [row for row in rows if (row["product_id"], row["variant_id"]) == (product_id, variant)]
        assert [(NOW - row["observed_at"]).days for row in own] == [90, 70, 50, 40]
        assert [row["price"] for row in own] == [5, 6, 5, None]
    assert upkeep(root) == {}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_store_with_few_offers_keeps_them(root: Root, count: int) -> None:
    row = {"store": STORE, "product_id": "1"}
    tables.append(root, "offers", [row | {"price": Decimal(n), "observed_at": ago(n)} for n in range(count)])
    tables.append(root, "crawls", [{"store": STORE, "crawl_id": "1", "ended_at": NOW}])
    assert upkeep(root) == {}
    assert tables.count(root, "offers") == count


def test_photos_of_removed_products_go_unless_another_product_shows_them(root: Root) -> None:
    rows = [product("sold", ["a", "b"]), product("gone", ["b", "c"], 21), product("left", ["d"], 19)]
    tables.merge(root, "products", rows)
    catalogues.write_photos(root, {name: name.encode() for name in "abcde"})
    vectors = [{"image_id": name, "model": "m"} for name in "abcd"]
    tables.merge(root, "embeddings", vectors)
    tables.merge(root, "predictions", [row | {"attribute": "colour"} for row in vectors])
    fetches = [{"store": STORE, "url": name, "image_id": name} for name in "abcd"]
    tables.merge(root, "fetches", fetches)
    assert upkeep(root) == {"images": 1}
    for table, left in {
        "images": "abde",
        "fetches": "abd",
        "embeddings": "abd",
        "predictions": "abd",
    }.items():
        assert set(tables.read(root, table)["image_id"].to_pylist()) == {*left}, table
    assert table_audit.missing_photos(root) == []  # nothing for `repair` to crawl again


def test_photos_that_were_replaced_go_once_nobody_asks_for_them(root: Root) -> None:
    tables.merge(root, "products", [product("sold", ["new"]), product("left", ["shown"], 1)])
    catalogues.write_photos(root, {name: name.encode() for name in ("new", "shown")})
    old = {"old": 21, "asked": 21, "lately": 19}
    images = [
        {"image_id": name, "first_seen": ago(days), "bytes": b"x", "month": "m"} for name, days in old.items()
    ]
    tables.merge(root, "images", images)
    times = {"new": 30, "old": 20.5, "asked": 3}
    fetches = [
        {"store": STORE, "url": name, "image_id": name, "fetched_at": ago(at)} for name, at in times.items()
    ]
    tables.merge(root, "fetches", fetches)
    assert upkeep(root) == {"images": 1}
    assert set(tables.read(root, "images")["image_id"].to_pylist()) == {"new", "shown", "asked", "lately"}
    assert set(tables.read(root, "fetches")["url"].to_pylist()) == {"new", "asked"}


def test_what_listings_showed_goes_with_the_product(root: Root) -> None:
    tables.merge(root, "products", [product("sold", []), product("gone", [], 11)])
    sold, gone = (f"https://{STORE}/p/{name}" for name in ("sold", "gone"))
    listed = {"": 90, sold: 90, gone: 90, f"{gone}-lately": 9, f"{gone}'s": 11}
    rows = [{"store": STORE, "url": f"listed:{url}", "fetched_at": ago(days)} for url, days in listed.items()]
    rows += [{"store": STORE, "url": f"moved:{gone}", "fetched_at": ago(90)}]
    tables.merge(root, "fetches", rows)
    assert upkeep(root) == {"fetches": 2}
    kept = {row["url"] for row in tables.read(root, "fetches").to_pylist()}
    assert kept == {"listed:", f"listed:{sold}", f"listed:{gone}-lately", f"moved:{gone}"}


def test_crawls_and_rejects_go_with_time_but_a_stores_freshness_stays(root: Root) -> None:
    crawls = [
        (100, "complete"),
        (90, "failed"),
        (60, "complete"),
        (50, "failed"),
        (45, "failed"),
        (1, "failed"),
    ]
    rows = [
        {
            "store": STORE,
            "crawl_id": f"{days}",
            "status": status,
            "started_at": ago(days),
            "ended_at": ago(days),
        }
        for days, status in crawls
    ]
    tables.append(root, "crawls", rows)
    quiet = {"store": "quiet.example", "crawl_id": "q", "status": "complete"}
    tables.append(root, "crawls", [quiet | {"started_at": ago(300), "ended_at": ago(300)}])
    rejects = [
        {"url": f"/{days}", "stage": "fetch", "reason": "r", "rejected_at": ago(days)} for days in (6, 4)
    ]
    tables.merge(root, "rejects", rejects)
    assert upkeep(root) == {"crawls": 3, "rejects": 1}
    kept = set(tables.read(root, "crawls")["crawl_id"].to_pylist())
    assert kept == {"100", "60", "1", "q"}  # the first, the last complete one and the last one
    assert tables.read(root, "rejects")["url"].to_pylist() == ["/4"]


@pytest.mark.parametrize("lock", ["nightly", "crawl-a.example", "embed", "maintain"])
def test_upkeep_does_not_run_beside_a_writer(root: Root, lock: str) -> None:
    tables.append(root, "crawls", [{"store": STORE, "crawl_id": "1", "ended_at": ago(400)}] * 2)
    with root.lock("crawl-a.example"):
        pass  # it was crawled once
    with root.lock(lock), pytest.raises(BusyError):
        upkeep(root)
    assert tables.count(root, "crawls") == 2


class Shop:
    """A store whose products come and go, and its nights."""

    def __init__(self, site: Site, root: Root) -> None:
        self.site, self.root = site, root
        site.etags = True
        self.store = Store(name=STORE, url=site.url, limits={"absent_nights": 1})

    def night(self, *numbers: int, price: str = "19.90") -> Counter[str]:
        """Crawls while these products are sold; the bodies that the store had to send, by path."""
        pages = [f"/p/{number}" for number in numbers]
        self.site.pages = {"/sitemap.xml": Answer(sitemap(*(self.site.url + page for page in pages)))}
        for number, page in zip(numbers, pages, strict=True):
            self.site.pages[page] = Answer(
                product_page(f"Shirt {number}", image=f"/{number}.jpg", price=price)
            )
            self.site.pages[f"/{number}.jpg"] = Answer(photo(number), content_type="image/jpeg")
        self.site.seen.clear()
        outcome = run_crawl(self.root, self.store, allow_private=True, throttle=False)
        assert outcome.status == "complete", outcome
        return Counter(self.site.bodies())

    def served(self) -> dict[str, Any]:
        """Each product on sale, with its photos, its prices and its newest page."""
        rows = [row for row in tables.read(self.root, "products").to_pylist() if row["removed_at"] is None]
        stored = {row["image_id"]: row["bytes"] for row in tables.read(self.root, "images").to_pylist()}
        offers = tables.read(self.root, "offers").sort_by("observed_at").to_pylist()
        pages = tables.read(self.root, "pages").sort_by("fetched_at").to_pylist()
        newest = {page["product_id"]: page["body_zstd"] for page in pages}
        return {
            row["product_id"]: (
                row,
                [stored[image["image_id"]] for image in row["images"]],
                [offer["price"] for offer in offers if offer["product_id"] == row["product_id"]],
                newest[row["product_id"]],
            )
            for row in rows
        }


def test_nights_and_upkeep_lose_nothing_that_is_served(site: Site, root: Root) -> None:
    shop, years_later = Shop(site, root), datetime.now(UTC) + timedelta(days=2000)
    shop.night(1, 2, 3)
    shop.night(1, 2, price="24.90")
    shop.night(1, 2)
    before = shop.served()
    dropped = upkeep(root, years_later)
    # Three products had a page, two another two; three crawls, of which the first and the last stay.
    assert dropped == {"pages": 5, "images": 1, "offers": 1, "crawls": 1, "rejects": 1}
    assert shop.served() == before
    assert table_audit.missing_photos(root) == []
    # Nothing is read again, and the product that was gone comes back whole.
    bodies = shop.night(1, 2, 3)
    assert set(bodies) == {"/sitemap.xml", "/p/3", "/3.jpg"}
    after = shop.served()
    assert set(after) >= set(before)
    assert len(after) == 3
    assert all(len(photos) == 1 for _, photos, _, _ in after.values())
    assert upkeep(root, datetime.now(UTC)) == {}
    assert set(shop.night(1, 2, 3)) == {"/sitemap.xml"}


def test_the_tables_do_not_grow_but_for_what_is_new(root: Root) -> None:
    """Each night the only product is replaced by another one."""
    sizes, start = [], datetime(2026, 1, 1, 3, tzinfo=UTC)
    settings = MaintainSettings(
        pages_days=7, photos_days=7, offers_days=7, crawls_days=7, rejects_days=7, versions_days=1
    )
    for night in range(15):
        now = start + timedelta(days=3 * night)
        row = {"store": STORE, "product_id": f"{night}", "crawl_id": f"{night:03}"}
        if night:
            gone = catalogues.product(STORE, f"{night - 1}", [f"{night - 1:064}"], removed_at=now)
            tables.merge(root, "products", [gone | {"content_hash": "gone"}])
        tables.merge(root, "products", [catalogues.product(STORE, f"{night}", [f"{night:064}"])])
        image = {"image_id": f"{night:064}", "bytes": night.to_bytes(2, "big") * 2000, "month": "2026-01"}
        tables.merge(root, "images", [image])
        tables.append(
            root, "pages", [row | {"fetched_at": now, "body_zstd": night.to_bytes(2, "big") * 2000}]
        )
        tables.append(root, "offers", [row | {"price": Decimal(night), "observed_at": now}])
        crawl = {"store": STORE, "crawl_id": f"{night:03}", "status": "complete"}
        tables.append(root, "crawls", [crawl | {"started_at": now, "ended_at": now}])
        if night % 3 == 2:
            maintain(root, settings, keep=timedelta(0), now=now)
            sizes.append({table: tables.count(root, table) for table in TABLES})
    for table in ("images", "pages", "offers", "crawls"):
        counts = [each[table] for each in sizes]
        assert max(counts[2:]) <= counts[1] + 1, (table, counts)  # after two weeks it is flat
