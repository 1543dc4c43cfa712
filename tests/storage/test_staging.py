"""Staged crawls: what they hold, what a kill leaves of them, and what damage is named."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from storage import audit
from storage.errors import LookalikeError
from storage.root import Root
from storage.staging import Finding, Staging, State, staged_stores

SEEN = datetime(2026, 11, 1, tzinfo=UTC)
CRAWL = {"crawl_id": "20261101T030000-ab12cd34", "started_at": SEEN, "ended_at": SEEN, "products": 2}
FINDINGS = (Finding("price", "All prices are a hundredfold.", ("https://shop.example/p/1",)),)


@pytest.fixture
def root(tmp_path) -> Root:
    return Root.open(tmp_path / "data", create=True)


@pytest.fixture
def staging(root) -> Staging:
    return Staging(root, "shop.example")


def product(product_id: str, title: str = "Shirt") -> dict:
    return {"store": "shop.example", "product_id": product_id, "title": title, "content_hash": title}


def ids(staging: Staging, table: str = "products") -> list[str]:
    return [one for rows in staging.rows(table, ["product_id"]) for one in rows["product_id"].to_pylist()]


def test_rows_come_back_in_the_order_they_were_written(root, staging):
    assert not staging
    assert staging.decision() is None
    staging.add("crawl-a", "products", [product("2"), product("1")])
    staging.add("crawl-a", "offers", [{"store": "shop.example", "product_id": "1"}])
    staging.add("crawl-a", "products", [])
    later = Staging(root, "shop.example")
    later.add("crawl-b", "products", [product("0")])
    assert ids(later) == ["2", "1", "0"]
    assert later.crawls == {"crawl-a", "crawl-b"}
    assert later.decision().state is State.UNFINISHED
    assert staged_stores(root) == ["shop.example"]
    later.discard()
    assert not later
    assert staged_stores(root) == []


def test_one_store_is_not_taken_for_another(root):
    Staging(root, "shop.example").add("crawl", "products", [product("1")])
    assert not Staging(root, "shop")
    Staging(root, "shop").discard()
    assert Staging(root, "shop.example")


def test_a_decision_is_read_as_it_was_written(staging):
    staging.add("crawl", "products", [product("1")])
    staging.decide(State.QUARANTINED, CRAWL, FINDINGS)
    decision = staging.decision()
    assert (decision.state, decision.crawl, decision.findings) == (State.QUARANTINED, CRAWL, FINDINGS)
    staging.add("later", "products", [product("2")])
    staging.drop_after(decision.last)
    assert ids(staging) == ["1"]


def test_what_is_read_of_a_product_that_moved_is_of_the_stored_one(staging):
    for table in ("products", "offers", "pages"):
        staging.add("crawl", table, [{"store": "shop.example", "product_id": one} for one in ("new", "2")])
    staging.add_moved("crawl", {"new": "old"}, SEEN)
    for table in ("products", "offers", "pages"):
        assert ids(staging, table) == ["old", "2"]
    assert staging.moved == {"new": "old"}
    [rows] = [rows.to_pylist() for rows in staging.rows("fetches")]
    assert [(row["url"], row["content_hash"]) for row in rows] == [("moved:new", "old")]


def test_a_kill_leaves_whole_files_only(root, staging):
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nimport pyarrow.parquet as pq\n"
        "from storage.root import Root\nfrom storage.staging import Staging\n"
        "staging = Staging(Root.open(sys.argv[1]), 'shop.example')\n"
        "row = {'store': 'shop.example', 'product_id': '1'}\n"
        "staging.add('crawl', 'products', [row])\n"
        "def killed(rows, file, **_):\n"
        "    Path(file).write_bytes(b'PAR1 half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "pq.write_table = killed\n"
        "staging.add('crawl', 'products', [row | {'product_id': '2'}])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], check=False)
    assert done.returncode == -9
    assert ids(staging) == ["1"]
    assert audit.tables_damage(root) == []
    staging.add("crawl", "products", [product("3")])
    assert ids(staging) == ["1", "3"]
    staging.discard()
    assert not (root.path / "staging" / "shop.example").exists()


@pytest.mark.parametrize("damage", [b"", b"PAR1 half"])
def test_a_damaged_file_is_named(root, staging, damage):
    staging.add("crawl", "products", [product("1")])
    [file] = (root.path / "staging/shop.example").glob("*.parquet")
    file.write_bytes(damage)
    with pytest.raises(LookalikeError, match=r"Run `lookalike reject shop\.example`"):
        ids(staging)
    [sentence] = audit.tables_damage(root)
    assert sentence.startswith(f"staging/shop.example/{file.name} is damaged (")


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b'{"state": "sold"}'])
def test_a_damaged_decision_is_named(root, staging, damage):
    staging.decide(State.QUARANTINED, CRAWL, FINDINGS)
    (root.path / "staging/shop.example/state.json").write_bytes(damage)
    with pytest.raises(LookalikeError, match=r"state\.json is damaged"):
        staging.decision()
    assert len(audit.tables_damage(root)) == 1
