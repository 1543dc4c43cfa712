"""What becomes of quarantined crawls: decisions, upkeep and a purge around them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from flows.config import Config
from flows.night import crawl_stores
from flows.purge import purge_store
from flows.quarantine import accept, reject
from flows.repair import repair
from lookalike.cli import main
from scrapers.config.store import Store
from scrapers.crawl import CrawlOutcome
from storage import audit, tables
from storage.errors import BusyError, InputError
from storage.root import Root
from storage.staging import Finding, Staging, State

STORE = "shop.example"
SEEN = datetime(2026, 11, 1, tzinfo=UTC)
CRAWL = {
    "crawl_id": "20261101T030000-ab12cd34",
    "store": STORE,
    "started_at": SEEN,
    "ended_at": SEEN,
    "status": "complete",
    "products": 1,
    "message": "",
    "coverage": {"price": 1.0},
}
FINDING = Finding(
    "price", "1 of 1 prices is a hundredfold.", ("https://shop.example/1: 10 EUR, now 1000 EUR",)
)


def product(price: int, *photos: str, store: str = STORE, product_id: str = "1") -> dict:
    images = [{"url": f"https://{store}/{photo}", "image_id": photo} for photo in photos]
    row = {"store": store, "product_id": product_id, "price": Decimal(price), "images": images}
    return row | {"content_hash": str(price), "first_seen": SEEN, "crawl_id": CRAWL["crawl_id"]}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A store whose last crawl is quarantined: it says that its product costs 1,000, not 10."""
    root = Root.open(tmp_path / "data", create=True)
    tables.merge(root, "products", [product(10)])
    staging = Staging(root, STORE)
    staging.add(CRAWL["crawl_id"], "products", [product(1000)])
    tables.append(root, "crawls", [CRAWL | {"status": "quarantined"}])
    staging.decide(State.QUARANTINED, CRAWL, [FINDING])
    return root


def prices(root: Root) -> list[int]:
    return tables.read(root, "products")["price"].to_pylist()


def crawls(root: Root) -> list[tuple[str, str]]:
    return [(row["status"], row["message"]) for row in tables.read(root, "crawls").to_pylist()]


def test_accepted_it_is_in_the_tables(root, capsys):
    assert main(["accept", STORE, "--data", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "complete"
    assert prices(root) == [1000]
    [(status, message)] = crawls(root)
    assert status == "complete"
    assert message.startswith("Accepted on ")
    assert not Staging(root, STORE)
    assert main(["accept", STORE, "--data", str(root)]) == 2
    assert "No crawl of 'shop.example' is quarantined." in capsys.readouterr().err


@pytest.mark.parametrize("decide", [accept, reject])
def test_a_crawl_that_nobody_saw_is_not_decided_about(root, decide):
    shown = Staging(root, STORE).decision().findings
    newer = replace(FINDING, sentence="1 of 1 prices is a tenth.")
    Staging(root, STORE).decide(State.QUARANTINED, CRAWL, [newer])
    with pytest.raises(InputError, match="is another one now"):
        decide(root, STORE, shown)
    assert prices(root) == [10]
    assert Staging(root, STORE).decision().findings == (newer,)
    decide(root, STORE, [newer])
    assert not Staging(root, STORE)


@pytest.mark.parametrize(
    ("decide", "other", "price", "what"),
    [(accept, reject, 1000, "accepted"), (reject, accept, 10, "rejected")],
)
def test_a_second_press_of_a_button_says_what_was_decided(root, decide, other, price, what):
    first = decide(root, STORE, [FINDING])
    before = tables.versions(root)
    again = decide(root, STORE, [FINDING])
    assert {name: again[name] for name in CRAWL} == {name: first[name] for name in CRAWL}
    with pytest.raises(InputError, match=f"was {what} on"):
        other(root, STORE, [FINDING])
    with pytest.raises(InputError, match="No crawl of"):
        accept(root, STORE, [replace(FINDING, sentence="Another.")])
    assert tables.versions(root) == before
    assert prices(root) == [price]
    newer = replace(FINDING, sentence="1 of 1 prices is a tenth.")
    Staging(root, STORE).add("20261102T030000-ab12cd34", "products", [product(1)])
    Staging(root, STORE).decide(State.QUARANTINED, CRAWL | {"crawl_id": "20261102T030000-ab12cd34"}, [newer])
    with pytest.raises(InputError, match="is another one now"):
        decide(root, STORE, [FINDING])


def test_of_a_rejected_crawl_nothing_is_left_to_decide(root):
    crawl = reject(root, STORE)
    outcome = CrawlOutcome(spider="sitemap", **crawl)
    assert outcome.failure == "quarantined"
    assert "accept" not in outcome.sentence.lower()


def test_what_a_later_crawl_read_before_it_was_killed_is_not_accepted(root):
    Staging(root, STORE).add("20261102T030000-ab12cd34", "products", [product(1)])
    accept(root, STORE)
    assert prices(root) == [1000]


def test_rejected_nothing_of_it_is_left(root, capsys):
    assert main(["reject", STORE, "--data", str(root)]) == 0
    assert "The next crawl reads the store again." in capsys.readouterr().out
    assert prices(root) == [10]
    [(status, message)] = crawls(root)
    assert (status, message.endswith(FINDING.sentence)) == ("rejected", True)
    assert not Staging(root, STORE)
    with pytest.raises(InputError):
        reject(root, STORE)


@pytest.mark.parametrize("damaged", ["state.json", "*.parquet"])
def test_a_damaged_one_can_be_rejected_or_repaired(root, damaged):
    [file] = (root.path / "staging" / STORE).glob(damaged)
    file.write_bytes(b"half")
    [sentence] = audit.tables_damage(root)
    assert f"staging/{STORE}/{file.name} is damaged" in sentence
    done = repair(root, Config(file=None, data=root.path))
    assert f"The staged crawl of '{STORE}' is dropped" in done.mended[0]
    assert (audit.tables_damage(root), prices(root)) == ([], [10])
    Staging(root, STORE).add("crawl", "products", [product(1000)])
    [file] = (root.path / "staging" / STORE).glob("*.parquet")
    file.write_bytes(b"half")
    assert reject(root, STORE) is None
    assert audit.tables_damage(root) == []


@pytest.mark.parametrize("decide", [accept, reject])
def test_nothing_is_decided_while_the_store_is_crawled(root, decide):
    with root.lock(f"crawl-{STORE}"), pytest.raises(BusyError):
        decide(root, STORE)


@pytest.mark.parametrize("decide", [accept, reject])
def test_of_another_store_nothing_can_be_decided(root, decide):
    with pytest.raises(InputError, match=r"No crawl of 'other\.example' is quarantined"):
        decide(root, "other.example")
    assert Staging(root, STORE)


@pytest.mark.parametrize("decide", ["accept", "reject"])
def test_what_is_no_store_s_name_decides_about_no_store(root, decide, capsys):
    before = sorted(root.path.rglob("*"))
    for name in (".", "", "./", "..", "../staging", "/", "x" * 300, "a/b", "\udcff"):
        assert main([decide, name, "--data", str(root.path)]) == 2, name
        assert "is no store's name" in capsys.readouterr().err
    assert sorted(root.path.rglob("*")) == before


def test_status_tells_why(root, capsys):
    assert main(["status", "--data", str(root), "--json"]) == 0
    [store] = json.loads(capsys.readouterr().out)["stores"]
    assert (store["staged"], store["findings"][0]["sentence"]) == ("quarantined", FINDING.sentence)
    assert main(["status", "--data", str(root)]) == 0
    told = capsys.readouterr().out
    assert FINDING.sentence in told
    assert FINDING.examples[0] in told
    assert f"`lookalike accept {STORE}`" in told


def test_a_night_with_a_quarantined_store_is_not_ok():
    store = Store(name=STORE, url="https://shop.example")
    outcome = CrawlOutcome(STORE, "crawl", "sitemap", "quarantined", SEEN, SEEN, message="It is quarantined.")
    assert crawl_stores([store], lambda _: outcome, at_once=1) == ([outcome], ["It is quarantined."])


def test_a_purge_takes_the_staged_crawl_with_it(root):
    tables.merge(root, "images", [{"image_id": "its", "month": "2026-11"}])
    Staging(root, STORE).add("crawl", "products", [product(1000, "its")])
    assert purge_store(root, STORE).images == 1
    assert not Staging(root, STORE)
    assert tables.read(root, "images").num_rows == 0


def test_a_purge_leaves_the_photos_that_another_store_has_staged(root):
    other = "other.example"
    tables.merge(root, "products", [product(5, "both", "only", store=other)])
    tables.merge(root, "images", [{"image_id": one, "month": "2026-11"} for one in ("both", "only")])
    Staging(root, STORE).add("crawl", "products", [product(1000, "both")])
    assert purge_store(root, other).images == 1
    assert tables.read(root, "images")["image_id"].to_pylist() == ["both"]


def test_a_store_that_is_removed_leaves_nothing_staged(root, tmp_path):
    file = tmp_path / "lookalike.toml"
    file.write_text(f'data = "{root}"\n[[stores]]\nname = "{STORE}"\nurl = "https://shop.example"\n')
    assert main(["stores", "remove", STORE, "--config", str(file)]) == 0
    assert not Staging(root, STORE)
    assert prices(root) == [10]
