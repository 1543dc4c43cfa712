from datetime import UTC, datetime, timedelta

from lookalike.status import read_status, stale
from scrapers.config.store import Store
from storage import tables
from storage.root import Root
from storage.schemas import TABLES

SHOP = Store(name="shop.example", url="https://shop.example", strategy="shopify")
EARLY, LATE = datetime(2026, 11, 1, 3, tzinfo=UTC), datetime(2026, 11, 2, 3, tzinfo=UTC)


def test_an_empty_root_has_a_status(tmp_path):
    status = read_status(Root.open(tmp_path / "data", create=True), [SHOP])
    assert set(status.tables) == set(TABLES)
    assert all(table.version is None and table.rows == 0 for table in status.tables.values())
    (store,) = status.stores
    assert (store.name, store.products, store.last_crawl, store.fresh_at) == ("shop.example", 0, None, None)
    assert (status.current, status.generations, status.embeddings) == (None, (), {})


def test_freshness_is_the_end_of_the_last_complete_crawl(tmp_path):
    root = Root.open(tmp_path / "data", create=True)
    tables.merge(
        root,
        "products",
        [
            {"store": "shop.example", "product_id": "1", "content_hash": "a"},
            {"store": "shop.example", "product_id": "2", "content_hash": "b", "removed_at": LATE},
            {"store": "gone.example", "product_id": "1", "content_hash": "c"},
        ],
    )
    tables.append(root, "crawls", [{"store": "shop.example", "ended_at": LATE, "status": "failed"}])
    tables.append(root, "crawls", [{"store": "shop.example", "ended_at": EARLY, "status": "complete"}])
    status = read_status(root, [SHOP])
    gone, shop = status.stores
    assert (shop.products, shop.removed, shop.fresh_at) == (1, 1, EARLY)
    assert shop.last_crawl["status"] == "failed"
    assert (gone.name, gone.configured, gone.products) == ("gone.example", False, 1)
    assert (status.tables["crawls"].rows, status.tables["products"].version) == (2, 1)


def test_a_crawl_of_a_clock_that_was_ahead_hides_no_later_one(tmp_path):
    """The clock was once 400 days ahead: what that crawl says of its time counts as the oldest."""
    root = Root.open(tmp_path / "data", create=True)
    now = datetime.now(UTC)
    ahead = {"store": "shop.example", "ended_at": now + timedelta(days=400), "status": "complete"}
    tables.append(root, "crawls", [ahead])
    status = read_status(root, [SHOP])
    (shop,) = status.stores
    assert (shop.last_crawl["status"], shop.fresh_at) == ("complete", None)
    assert "'shop.example' has no complete crawl yet." in stale(status, timedelta(hours=36))
    ended_at = now - timedelta(hours=40)
    tables.append(
        root, "crawls", [ahead | {"ended_at": ended_at}, ahead | {"ended_at": now, "status": "failed"}]
    )
    status = read_status(root, [SHOP])
    (shop,) = status.stores
    assert (shop.last_crawl["status"], shop.fresh_at) == ("failed", ended_at)
    assert "'shop.example' was last crawled completely 40 hours ago." in stale(status, timedelta(hours=36))


def test_a_failed_store_has_its_class_and_what_to_do(tmp_path):
    root = Root.open(tmp_path / "data", create=True)
    crawl = {"store": "shop.example", "status": "failed", "failure": "dns", "message": "It is down."}
    rows = [crawl | {"started_at": at, "ended_at": at} for at in (EARLY, LATE)]
    tables.append(root, "crawls", rows)
    (shop,) = read_status(root, [SHOP]).stores
    assert (shop.failure, shop.failed_nights) == ("dns", 2)
    assert shop.problem == (
        "'shop.example' (dns): It is down. For 2 nights in a row. Check the store's `url`, and this "
        "machine's name server."
    )
    tables.append(
        root, "crawls", [crawl | {"ended_at": datetime.now(UTC), "status": "complete", "failure": None}]
    )
    (shop,) = read_status(root, [SHOP]).stores
    assert (shop.failure, shop.problem, shop.failed_nights) == (None, "", 0)


def test_a_stale_store_says_why(tmp_path):
    root = Root.open(tmp_path / "data", create=True)
    now = datetime.now(UTC)
    complete = {"store": "shop.example", "status": "complete", "ended_at": now - timedelta(hours=40)}
    failed = {"status": "failed", "failure": "tls", "message": "It is down.", "ended_at": now}
    tables.append(root, "crawls", [complete, complete | failed])
    stale_first, unpublished = stale(read_status(root, [SHOP]), timedelta(hours=36))
    assert stale_first.startswith(
        "'shop.example' was last crawled completely 40 hours ago. 'shop.example' (tls)"
    )
    assert stale_first.endswith("if its certificate is bad there too, tell its owner.")
    assert unpublished.startswith("Nothing is published yet.")
