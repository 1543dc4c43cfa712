"""Stores without validators: whose listings show each change, and whose do not."""

import pytest

from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from scrapers.extract.listed_offers import listed_offers
from scrapers.extract.page import parse_page
from storage import tables
from storage.root import Root
from tests.scrapers.webserver import Answer, product_page

PRICES = {1: 11, 2: 12, 3: 13, 4: 14}


@pytest.fixture
def root(tmp_path):
    return Root.open(tmp_path / "data", create=True)


def crawl(root, site):
    """Crawls the store; the products' pages that were asked for."""
    site.seen.clear()
    store = Store(name="shop.example", url=f"{site.url}/", strategy="listing")
    assert run_crawl(root, store, allow_private=True, throttle=False).status == "complete"
    return sorted(int(seen.target[3:]) for seen in site.seen if seen.target.startswith("/p/"))


def serve(site, prices, *, listed=None):
    """A front page that shows the products with prices, and their pages."""
    cards = "".join(
        f'<div class="card"><a href="/p/{number}"><img></a><a href="/p/{number}">Shirt {number}</a>'
        f"<span>€{price}.00</span></div>"
        for number, price in (listed or prices).items()
    )
    site.pages["/"] = Answer(f"<h1>All</h1>{cards}")
    for number, price in prices.items():
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}", price=f"{price}.00"))


def stored(root):
    return {
        int(row["title"].split()[1]): int(row["price"]) for row in tables.read(root, "products").to_pylist()
    }


def test_once_listings_have_shown_three_changes_only_changed_products_are_read(site, root):
    serve(site, PRICES)
    assert crawl(root, site) == [1, 2, 3, 4]
    assert crawl(root, site) == [1, 2, 3, 4]  # nothing is proven yet
    dearer = {1: 21, 2: 22, 3: 23, 4: 14}
    serve(site, dearer)
    assert crawl(root, site) == [1, 2, 3, 4]
    assert crawl(root, site) == []
    serve(site, dearer | {4: 24})
    assert crawl(root, site) == [4]
    assert stored(root) == {1: 21, 2: 22, 3: 23, 4: 24}


def test_listings_that_hid_a_change_are_never_relied_on(site, root):
    serve(site, PRICES)
    crawl(root, site)
    serve(site, PRICES | {1: 99}, listed=PRICES)
    crawl(root, site)
    for step in (20, 30):
        dearer = {number: price + step for number, price in PRICES.items()}
        serve(site, dearer)
        assert crawl(root, site) == [1, 2, 3, 4]
    assert crawl(root, site) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("card", "offer"),
    [
        ('<a href="/p/1"><img></a><b>$9.00</b>', ("9.00",)),
        ('<a href="/p/1">Shirt</a><del>€20.00</del> <b>€15.00</b>', ("15.00", "20.00")),
        ('<a href="/p/1">Shirt</a><b>€15.00</b><i>Sold out</i>', ("15.00", "out_of_stock")),
        ('<a href="/p/1">Shirt 3000</a>', None),
    ],
)
def test_what_a_card_shows(card, offer):
    other = '<li><a href="/p/2">Hat</a><b>€7.00</b></li>'
    page = parse_page(f"<ul><li>{card}</li>{other}</ul>", "https://shop.example/all")
    urls = [f"https://shop.example/p/{number}" for number in (1, 2)]
    assert listed_offers(page, urls).get(urls[0]) == offer
    assert listed_offers(page, urls)[urls[1]] == ("7.00",)
