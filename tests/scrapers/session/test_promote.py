"""A staged crawl on its way into the tables, killed at each of its writes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from scrapers.session.promote import finish, promote, resume
from storage import tables
from storage.root import Root
from storage.staging import Staging, State

STORE = "shop.example"
SEEN = datetime(2026, 11, 1, tzinfo=UTC)
TABLES = ("products", "offers", "pages", "fetches", "crawls")
CRAWL = {"crawl_id": "later", "store": STORE, "started_at": SEEN, "ended_at": SEEN, "status": "complete"}


def rows_of(number: int, price: int, crawl_id: str, at: datetime) -> dict[str, dict]:
    of = {"store": STORE, "product_id": f"p{number}"}
    url = f"https://{STORE}/p{number}"
    cost = Decimal(price)
    return {
        "pages": of | {"url": url, "body_zstd": b"page", "fetched_at": at, "crawl_id": crawl_id},
        "offers": of | {"price": cost, "currency": "EUR", "observed_at": at, "crawl_id": crawl_id},
        "products": of | {"url": url, "price": cost, "content_hash": str(price), "crawl_id": crawl_id},
        "fetches": {"store": STORE, "url": url, "status": 200, "fetched_at": at},
    }


def stage(staging: Staging, crawl_id: str, prices: dict[int, int], at: datetime) -> None:
    for number, price in prices.items():
        for table, row in rows_of(number, price, crawl_id, at).items():
            staging.add(crawl_id, table, [row])


def stored(root: Root) -> dict[str, list[str]]:
    return {table: sorted(map(repr, tables.read(root, table).to_pylist())) for table in TABLES}


def prepared(tmp_path, name: str) -> tuple[Root, Staging]:
    """Three products are stored; a later crawl changed one and found another."""
    root = Root.open(tmp_path / name, create=True)
    staging = Staging(root, STORE)
    stage(staging, "earlier", {0: 10, 1: 11, 2: 12}, SEEN)
    promote(root, staging)
    staging.discard()
    stage(staging, "later", {1: 21, 3: 13}, SEEN + timedelta(days=1))
    staging.decide(State.ACCEPTED, CRAWL)
    return root, staging


KILLED = (
    "import os, signal, sys\nfrom scrapers.session.promote import finish, promote, write_crawl\n"
    "from storage import tables\nfrom storage.root import Root\nfrom storage.staging import Staging\n"
    "left = int(sys.argv[2])\n"
    "def killing(write):\n"
    "    def counted(*given):\n"
    "        global left\n"
    "        write(*given)\n"
    "        left -= 1\n"
    "        left or os.kill(os.getpid(), signal.SIGKILL)\n"
    "    return counted\n"
    "tables.merge, tables.append = killing(tables.merge), killing(tables.append)\n"
    "staging = Staging(Root.open(sys.argv[1]), 'shop.example')\n"
    "promote(staging.root, staging)\nwrite_crawl(staging.root, staging.decision().crawl)"
)


def test_who_is_killed_at_any_write_is_finished_by_the_next_crawl(tmp_path):
    root, staging = prepared(tmp_path, "whole")
    finish(root, staging, CRAWL)
    expected = stored(root)
    assert [len(rows) for rows in expected.values()] == [4, 5, 5, 4, 1]
    for write in range(1, 6):
        root, staging = prepared(tmp_path, f"killed {write}")
        done = subprocess.run([sys.executable, "-c", KILLED, str(root), str(write)], check=False)
        assert done.returncode == -9
        resume(root, Staging(root, STORE))
        assert stored(root) == expected
        assert not staging


def test_what_is_not_accepted_stays(tmp_path):
    root, staging = prepared(tmp_path, "data")
    before = stored(root)
    staging.decide(State.QUARANTINED, CRAWL)
    resume(root, staging)
    assert stored(root) == before
    assert staging


def test_no_price_of_a_crawl_that_was_not_believed_is_in_the_history(tmp_path):
    root, staging = prepared(tmp_path, "data")
    before = tables.read(root, "offers").num_rows
    stage(staging, "latest", {1: 11, 3: 14}, SEEN + timedelta(days=2))
    promote(root, staging)
    offers = tables.read(root, "offers").to_pylist()
    new = [(row["product_id"], row["price"]) for row in offers if row["crawl_id"] == "latest"]
    assert new == [("p3", 14)]
    assert len(offers) == before + 1


@pytest.mark.parametrize("status", ["failed", "quarantined"])
def test_a_crawl_has_one_row(tmp_path, status):
    root, staging = prepared(tmp_path, "data")
    tables.append(root, "crawls", [CRAWL | {"status": status}])
    finish(root, staging, CRAWL)
    finish(root, staging, CRAWL)
    assert [row["status"] for row in tables.read(root, "crawls").to_pylist()] == ["complete"]
