"""What a store's changes leave in the tables, crawl after crawl."""

from dataclasses import replace
from decimal import Decimal

import pytest

from lookalike.demo.storefront import serve
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from storage import tables
from storage.root import Root
from tests.scrapers.shelves import products

COUNT = 12


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Outcomes, products and table versions after each of a row of crawls."""
    root = Root.open(tmp_path_factory.mktemp("changes") / "data", create=True)
    catalogue = products(COUNT, photos=1)
    steps = {}
    with serve(catalogue, "woocommerce") as front:
        store = Store(name="shop.example", url=front.url, strategy="woocommerce")

        def crawl(step):
            outcome = run_crawl(root, store, allow_private=True, throttle=False)
            rows = {row["title"]: row for row in tables.read(root, "products").to_pylist()}
            steps[step] = outcome, rows, tables.versions(root)

        crawl("first")
        crawl("nothing new")
        dearer = replace(catalogue[1], price=Decimal("99.90"))
        gone = replace(catalogue[2], availability="out_of_stock")
        front.replace_products([catalogue[0], dearer, gone, *catalogue[3:10]])
        crawl("changed")
        front.replace_products([catalogue[0], dearer, gone, *catalogue[3:11]])
        crawl("one is back")
        front.replace_products(catalogue[:3])
        crawl("few are left")
        front.down = True
        crawl("down")
        front.stop()
        crawl("closed")
    return catalogue, steps, root


def test_a_crawl_of_an_unchanged_store_commits_to_no_table_but_crawls(history):
    _, steps, _ = history
    outcome, rows, versions = steps["nothing new"]
    _, rows_before, before = steps["first"]
    assert (outcome.status, outcome.products, outcome.images_new) == ("complete", COUNT, 0)
    assert rows == rows_before
    assert versions == {**before, "crawls": before["crawls"] + 1}


def test_changed_products_are_updated(history):
    catalogue, steps, _ = history
    outcome, rows, _ = steps["changed"]
    assert (outcome.status, outcome.products, outcome.products_changed) == ("complete", 10, 2)
    dearer = rows[catalogue[1].title]
    assert (dearer["price"], dearer["crawl_id"]) == (Decimal("99.90"), outcome.crawl_id)
    assert dearer["first_seen"] == steps["first"][1][catalogue[1].title]["first_seen"]
    assert dearer["changed_at"] > dearer["first_seen"]
    assert rows[catalogue[0].title] == steps["first"][1][catalogue[0].title]


def test_an_offer_is_written_when_price_or_availability_changed(history):
    catalogue, steps, root = history
    crawl_ids = {outcome.crawl_id: step for step, (outcome, _, _) in steps.items()}
    titles = {row["product_id"]: title for title, row in steps["first"][1].items()}
    offers = tables.read(root, "offers").to_pylist()
    written = sorted((crawl_ids[one["crawl_id"]], titles[one["product_id"]]) for one in offers)
    changed = [(step, title) for step, title in written if step != "first"]
    assert changed == [
        ("changed", catalogue[1].title),
        ("changed", catalogue[2].title),
    ]
    assert len([title for step, title in written if step == "first"]) == COUNT


def test_products_that_are_gone_are_marked(history):
    catalogue, steps, _ = history
    outcome, rows, _ = steps["changed"]
    assert outcome.products_removed == 2
    removed = {title for title, row in rows.items() if row["removed_at"]}
    assert removed == {catalogue[10].title, catalogue[11].title}
    assert rows[catalogue[10].title]["price"] == catalogue[10].price


def test_a_product_that_comes_back_is_no_longer_gone(history):
    catalogue, steps, _ = history
    outcome, rows, _ = steps["one is back"]
    assert (outcome.status, outcome.products_new, outcome.products_changed) == ("complete", 0, 1)
    back = rows[catalogue[10].title]
    assert back["removed_at"] is None
    assert back["first_seen"] == steps["first"][1][catalogue[10].title]["first_seen"]
    assert rows[catalogue[11].title]["removed_at"] == steps["changed"][1][catalogue[11].title]["removed_at"]


def test_a_crawl_that_finds_far_less_changes_nothing(history):
    _, steps, _ = history
    outcome, rows, versions = steps["few are left"]
    assert (outcome.status, outcome.products, outcome.products_removed) == ("quarantined", 3, 0)
    assert "8 of 11 products are gone (73%)." in outcome.message
    _, before, versions_before = steps["one is back"]
    assert rows == before
    unchanged = set(versions) - {"crawls", "rejects"}
    assert {name: versions[name] for name in unchanged} == {name: versions_before[name] for name in unchanged}


@pytest.mark.parametrize(
    ("step", "why"), [("down", "its host answers nothing but 503"), ("closed", "the connection was refused")]
)
def test_a_store_that_is_down_changes_nothing(history, step, why):
    _, steps, _ = history
    outcome, rows, versions = steps[step]
    assert outcome.status == "failed"
    assert outcome.message.startswith("'shop.example' could not be read: http://127.0.0.1:")
    assert outcome.message.endswith(f": {why}. Nothing stored was changed.")
    _, before, versions_before = steps["few are left"]
    assert rows == before
    unchanged = set(versions) - {"crawls", "rejects"}
    assert {name: versions[name] for name in unchanged} == {name: versions_before[name] for name in unchanged}


def test_every_crawl_has_its_row(history):
    _, steps, root = history
    rows = tables.read(root, "crawls").sort_by("ended_at").to_pylist()
    assert [row["status"] for row in rows] == [outcome.status for outcome, _, _ in steps.values()]
    assert [row["crawl_id"] for row in rows] == sorted(row["crawl_id"] for row in rows)
    assert dict(rows[0]["coverage"])["price"] == 1.0
