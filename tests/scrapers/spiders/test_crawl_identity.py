"""Stores whose queries name their products, and what a crawl has to show before it removes anything."""

import pytest

from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from storage import tables
from storage.root import Root
from tests.scrapers.webserver import Answer, Site, product_page

TITLES = {11: "Red shirt", 12: "Blue hat", 13: "Green coat"}


@pytest.fixture
def site():
    with Site().running() as site:
        yield site


@pytest.fixture
def root(tmp_path):
    return Root.open(tmp_path / "data", create=True)


def crawl(root, site):
    store = Store(name="shop.example", url=f"{site.url}/", strategy="listing")
    return run_crawl(root, store, allow_private=True, throttle=False)


def listing(*hrefs):
    return "<h1>All</h1>" + "".join(f'<div class="card"><a href="{href}"><img></a></div>' for href in hrefs)


def standing(root):
    return {row["title"] for row in tables.read(root, "products").to_pylist() if row["removed_at"] is None}


def serve(site, address, numbers, canonical=""):
    """A front page, and a page for each product at an address with its number in it."""
    site.pages["/"] = Answer(listing(*(address.format(number) for number in numbers)))
    for number in numbers:
        head = f'<link rel="canonical" href="{canonical}">' if canonical else ""
        site.pages[address.format(number)] = Answer(head + product_page(TITLES[number]))


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("/index.php?route=product/product&product_id={}", ""),
        ("/index.php?route=product/product&product_id={}", "/index.php"),
        ("/?product={}", "/"),
        ("/shop.php?{}", ""),
        ("/p?name=%CF%EB{}", ""),
        ("/p2?a=1;b={}", ""),
        ("/women/{}", "/item"),
    ],
)
def test_every_product_is_stored_once_and_asked_for_as_it_is_written(site, root, address, canonical):
    serve(site, address, TITLES, canonical)
    assert (crawl(root, site).status, standing(root)) == ("complete", set(TITLES.values()))
    assert {address.format(number) for number in TITLES} <= {seen.target for seen in site.seen}
    again = crawl(root, site)
    changes = (again.products_new, again.products_changed, again.products_removed)
    assert (again.status, *changes) == (
        "complete",
        0,
        0,
        0,
    )


def test_a_new_session_id_makes_no_new_product(site, root):
    for session in ("a1b2c3d4e5", "f6a7b8c9d0"):
        serve(site, f"/index.php?id={{}}&osCsid={session}", TITLES)
        assert crawl(root, site).status == "complete"
    assert tables.read(root, "products").num_rows == len(TITLES)


def test_a_product_whose_first_address_is_dead_is_read_at_another(site, root):
    serve(site, "/index.php?product_id={}", TITLES)
    others = (f"/index.php?product_id={number}" for number in TITLES)
    site.pages["/"] = Answer(listing("/index.php?path=9&product_id=11", *others))
    site.pages["/index.php?path=9&product_id=11"] = Answer("gone", 404)
    crawl(root, site)
    assert standing(root) == set(TITLES.values())


@pytest.mark.parametrize(
    ("plain", "shallow", "deep"),
    [
        (
            "/index.php?product_id=11",
            "/index.php?path=20&product_id=11",
            "/index.php?path=20_27&product_id=11",
        ),
        (
            "/index.php?products_id=11",
            "/index.php?products_id=11&cPath=1",
            "/index.php?cPath=1_4&products_id=11",
        ),
    ],
)
def test_a_product_is_read_at_the_address_that_shows_most_of_its_category(site, root, plain, shallow, deep):
    serve(site, "/index.php?id={}", TITLES)
    site.pages["/"] = Answer(listing(plain, "/index.php?id=12") + '<nav><a href="/women">Women</a></nav>')
    site.pages["/women"] = Answer(listing(shallow, "/index.php?id=13", deep))
    trails = {plain: (), shallow: ("Women",), deep: ("Women", "Shirts")}
    for address, trail in trails.items():
        steps = "".join(f'<a href="/women/{step}">{step}</a> / ' for step in trail)
        site.pages[address] = Answer(f'<div class="breadcrumb">{steps}</div>' + product_page("Red shirt"))
    crawl(root, site)
    rows = tables.read(root, "products").to_pylist()
    assert {row["title"]: row["category"] for row in rows}["Red shirt"] == "Women > Shirts"
    assert not {plain, shallow} & {seen.target for seen in site.seen}
    again = crawl(root, site)
    assert (again.products_new, again.products_changed, again.products_removed) == (0, 0, 0)


def test_a_brand_with_one_product_is_a_listing_though_its_link_is_a_logo(site, root):
    serve(site, "/index.php?id={}", (11, 12))
    brand = "/index.php?rt=product/manufacturer&manufacturer_id=14"
    logo = f'<div class="product-card"><a href="{brand}"><img alt="Acme"></a></div>'
    site.pages["/"] = Answer(listing("/index.php?id=11", "/index.php?id=12") + logo)
    site.pages[brand] = Answer(listing("/index.php?id=13"))
    site.pages["/index.php?id=13"] = Answer(product_page(TITLES[13]))
    assert crawl(root, site).status == "complete"
    assert standing(root) == set(TITLES.values())


def test_a_product_that_is_listed_no_more_but_still_sold_stays(site, root):
    serve(site, "/p?id={}", TITLES)
    crawl(root, site)
    site.pages["/"] = Answer(listing("/p?id=11", "/p?id=12"))
    for _ in range(4):
        outcome = crawl(root, site)
        assert (outcome.status, outcome.products_removed) == ("complete", 0)
    assert standing(root) == set(TITLES.values())


@pytest.mark.parametrize(
    "says", [Answer("gone", 404), Answer("gone", 410), Answer("", 302, headers={"Location": "/"})]
)
def test_a_product_whose_own_page_says_that_it_is_gone_is_removed_at_once(site, root, says):
    serve(site, "/p?id={}", TITLES)
    crawl(root, site)
    site.pages["/"] = Answer(listing("/p?id=11", "/p?id=12"))
    site.pages["/p?id=13"] = says
    assert crawl(root, site).products_removed == 1
    assert standing(root) == {"Red shirt", "Blue hat"}


def test_a_product_whose_page_is_no_products_any_more_is_removed_after_three_nights(site, root):
    serve(site, "/p?id={}", TITLES)
    crawl(root, site)
    site.pages["/"] = Answer(listing("/p?id=11", "/p?id=12"))
    site.pages["/p?id=13"] = Answer("<h1>Bear with us</h1>")
    assert [crawl(root, site).products_removed for _ in range(3)] == [0, 0, 1]


def test_a_listing_crawl_with_hardly_any_yield_is_not_complete(site, root):
    serve(site, "/p?id={}", TITLES)
    notes = [f"/note?id={number}" for number in range(40, 60)]
    site.pages["/"] = Answer(listing(*(f"/p?id={number}" for number in TITLES), *notes))
    site.pages.update({note: Answer("<h1>A note</h1>") for note in notes})
    outcome = crawl(root, site)
    assert (outcome.status, outcome.message) == (
        "partial",
        "Only 3 of the 23 pages that its listings lead to show a product.",
    )
