"""What a store's lies, sales, losses and a redesign leave in the tables, crawl after crawl."""

from dataclasses import replace
from decimal import Decimal

import pytest

from flows.quarantine import accept
from lookalike.demo.storefront import serve
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from storage import tables
from storage.errors import InputError
from storage.root import Root
from storage.staging import Staging, State
from tests.scrapers.shelves import gtin13, products
from tests.scrapers.webserver import Answer, product_page, sitemap

COUNT = 15
STORE = "shop.example"
TABLES = ("products", "offers", "pages", "fetches")


def priced(catalogue, times, numbers=range(COUNT)):
    return [
        replace(one, price=(one.price * times).quantize(Decimal("0.01")), was_price=None)
        if at in numbers
        else one
        for at, one in enumerate(catalogue)
    ]


def told_apart(catalogue):
    """A third of the products has a GTIN, a third a SKU, and a third nothing but its title and photo."""
    return [
        replace(one, gtin=one.gtin if at % 3 == 0 else "", sku="" if at % 3 == 2 else one.sku)
        for at, one in enumerate(catalogue)
    ]


def renumbered(catalogue):
    """The same products at new addresses, with new ids."""
    return [replace(one, product_id=str(5000 + at)) for at, one in enumerate(catalogue)]


class Shop:
    """A storefront, and what each crawl of it left in the tables."""

    def __init__(self, root, front, strategy):
        self.root, self.front = root, front
        self.store = Store(name=STORE, url=front.url, strategy=strategy)
        self.steps = {}

    def crawl(self, step, catalogue=None):
        if catalogue is not None:
            self.front.replace_products(catalogue)
        self.front.requests.clear()
        outcome = run_crawl(self.root, self.store, allow_private=True, throttle=False)
        answered = [asked.path for asked in self.front.requests if asked.status == 200]
        self.steps[step] = outcome, self.stored(), answered

    def stored(self):
        return {name: tables.read(self.root, name).to_pylist() for name in TABLES}

    def on_sale(self, step):
        return {row["title"]: row for row in self.steps[step][1]["products"] if row["removed_at"] is None}


@pytest.fixture(scope="module", params=["schema", pytest.param("shopify", marks=pytest.mark.slow)])
def shop(request, tmp_path_factory):
    root = Root.open(tmp_path_factory.mktemp("gates") / "data", create=True)
    catalogue = told_apart(products(COUNT, photos=1))
    with serve(catalogue, request.param) as front:
        shop = Shop(root, front, {"schema": "sitemap"}.get(request.param, request.param))
        shop.catalogue = catalogue
        shop.crawl("first")
        shop.crawl("hundredfold", priced(catalogue, 100))
        shop.found = Staging(root, STORE).decision()
        shop.crawl("hundredfold again")
        shop.sale = priced(catalogue, Decimal("0.8"), range(4))
        shop.crawl("sale", shop.sale)
        shop.crawl("a fifth is gone", shop.sale[:12])
        accept(root, STORE)
        shop.accepted = shop.stored()
        shop.crawl("redesign", renumbered(shop.sale[:12]))
        shop.crawl("the same")
        yield shop


def test_prices_that_are_a_hundredfold_are_quarantined(shop):
    outcome, stored, _ = shop.steps["hundredfold"]
    assert (outcome.status, outcome.failure) == ("quarantined", "quarantined")
    assert "15 of 15 prices read anew are more than 4 times what they were" in outcome.message
    assert f"`lookalike accept {STORE}`" in outcome.message
    assert stored == shop.steps["first"][1]
    assert shop.found.state is State.QUARANTINED
    assert [(one.gate, len(one.examples)) for one in shop.found.findings] == [("price", 3)]


def test_a_second_night_asks_for_nothing_that_the_staged_crawl_holds(shop):
    outcome, stored, answered = shop.steps["hundredfold again"]
    assert outcome.status == "quarantined"
    assert stored == shop.steps["first"][1]
    pages = [path for path in answered if path.startswith(("/p/", "/media/", "/cdn/"))]
    assert pages == []


def test_a_store_that_mends_itself_needs_no_decision_and_a_sale_passes(shop):
    outcome, stored, _ = shop.steps["sale"]
    assert (outcome.status, outcome.products_new, outcome.products_changed) == ("complete", 0, 4)
    assert {row["price"] for row in shop.on_sale("sale").values()} == {one.price for one in shop.sale}
    # No price of the crawl that was not believed is in the history, of no variant either.
    first = shop.steps["first"][1]["offers"]
    assert len(stored["offers"]) == len(first) + 4 * len(first) // COUNT
    assert max(row["price"] for row in stored["offers"]) == max(row["price"] for row in first)


def test_an_accepted_crawl_is_believed(shop):
    outcome, stored, _ = shop.steps["a fifth is gone"]
    assert outcome.status == "quarantined"
    assert "3 of 15 products are gone (20%)." in outcome.message
    assert stored == shop.steps["sale"][1]
    gone = [row["title"] for row in shop.accepted["products"] if row["removed_at"]]
    assert sorted(gone) == sorted(one.title for one in shop.catalogue[12:])
    with pytest.raises(InputError, match=r"`lookalike status` shows"):
        accept(shop.root, STORE)


def test_products_keep_their_identity_and_history_over_a_redesign(shop):
    outcome, stored, _ = shop.steps["redesign"]
    assert (outcome.status, outcome.products, outcome.products_new) == ("complete", 12, 0)
    assert outcome.products_removed == 0
    before, after = shop.on_sale("sale"), shop.on_sale("redesign")
    assert after.keys() < before.keys()
    for title, row in after.items():
        assert (row["product_id"], row["first_seen"]) == (
            before[title]["product_id"],
            before[title]["first_seen"],
        )
        assert row["url"] != before[title]["url"]
    assert {row["product_id"] for row in stored["offers"]} == {
        row["product_id"] for row in shop.steps["first"][1]["products"]
    }


def test_after_a_redesign_nothing_changes_again(shop):
    outcome, stored, _ = shop.steps["the same"]
    assert (outcome.status, outcome.products_new, outcome.products_changed) == ("complete", 0, 0)
    for table in ("products", "offers"):
        assert stored[table] == shop.steps["redesign"][1][table]


def test_every_crawl_has_one_row(shop):
    rows = tables.read(shop.root, "crawls").sort_by("ended_at").to_pylist()
    assert [row["status"] for row in rows] == [
        *("complete", "quarantined", "quarantined", "complete", "complete", "complete", "complete")
    ]


def test_products_that_are_redirected_keep_their_identity(site, root):
    """A part of the addresses moves, as in a redesign that goes on for weeks."""
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{number}" for number in range(12))))
    for number in range(12):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}", gtin13=gtin13(number)))
    store = Store(name=STORE, url=site.url)
    assert run_crawl(root, store, allow_private=True, throttle=False).status == "complete"
    before = {row["title"]: row for row in tables.read(root, "products").to_pylist()}
    for number in range(4):
        site.pages[f"/products/{number}"] = site.pages[f"/p/{number}"]
        site.pages[f"/p/{number}"] = Answer("", 301, headers={"Location": f"/products/{number}"})
    paths = [f"/{'products' if number < 4 else 'p'}/{number}" for number in range(12)]
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}{path}" for path in paths)))
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products_new, outcome.products_changed) == ("complete", 0, 4)
    after = {row["title"]: row for row in tables.read(root, "products").to_pylist()}
    assert {title: row["product_id"] for title, row in after.items()} == {
        title: row["product_id"] for title, row in before.items()
    }
    assert sum("/products/" in row["url"] for row in after.values()) == 4
