"""Recipes: fields read by CSS selectors, which win over what the markup says."""

from decimal import Decimal

import pytest

from scrapers.config.selectors import Selectors
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from scrapers.extract.page import parse_page
from scrapers.extract.sources.markup import read_markup
from scrapers.extract.sources.selectors import examine_with_selectors, links_by_selectors
from storage import tables
from tests.scrapers.webserver import Answer, photo, product_page, sitemap

BARE = """<html lang="de"><body><div class="x1">Leinenkleid  Ella</div><div class="x2">Ab
<b>1.299,00</b> €</div><s>1.499,00 €</s><u>Ausverkauft? Nein.</u><i>InStock</i>
<ol><li>Damen</li><li>Kleider</li></ol><em>Rot</em><em>Blau</em>
<img class="zoom" data-src="/a.jpg"><img class="zoom" src="/b.jpg"><img src="/logo.png"></body></html>"""

RECIPE = Selectors(
    title=".x1",
    price=".x2",
    was_price="s::text",
    availability="i",
    category="li",
    colours="em::text",
    images="img.zoom",
)
URL = "https://shop.example/kleid"


def read(html, recipe, url=URL):
    page = parse_page(html, url)
    return examine_with_selectors(page, read_markup(page), recipe).product


def test_a_page_without_structured_data():
    product = read(BARE, RECIPE)
    assert (product.title, product.availability) == ("Leinenkleid Ella", "in_stock")
    assert (product.price, product.was_price, product.currency) == (Decimal(1299), Decimal(1499), "EUR")
    assert product.category == "Damen > Kleider"
    assert product.colours == ("Rot", "Blau")
    assert product.images == ("https://shop.example/a.jpg", "https://shop.example/b.jpg")
    assert [shown.url for shown in product.photos] == list(product.images)
    named = ("title", "price", "was_price", "currency", "availability", "category", "images")
    assert {product.source[name] for name in named} == {"recipe"}


def test_a_recipe_wins_for_what_it_names_and_leaves_the_rest():
    html = product_page("Dress", price="80.00", image="/x.jpg", brand="Acme") + "<b>49,90</b><h2>Ella</h2>"
    plain = read(html, None)
    product = read(html, Selectors(price="b"))
    assert (product.title, product.brand, product.price) == ("Dress", "Acme", Decimal("49.90"))
    assert (product.currency, product.images) == ("EUR", plain.images)
    assert product.source == plain.source | {"price": "recipe"}
    assert product.source["currency"] == "json-ld"
    assert read(html, Selectors(title="h2")).title == "Ella"


def test_what_a_recipe_does_not_find_is_read_as_without_it():
    html = product_page("Dress", price="80.00", image="/x.jpg")
    assert read(html, Selectors(price=".none", title=".none")) == read(html, None)
    assert read("<p>About us</p>", RECIPE) is None


def test_another_price_has_no_part_of_the_old_one():
    offer = {"@type": "AggregateOffer", "lowPrice": "80", "highPrice": "120", "priceCurrency": "EUR"}
    html = product_page("Dress", offers=offer) + "<b>90 €</b>"
    assert read(html, None).price_max == 120
    product = read(html, Selectors(price="b"))
    assert (product.price, product.price_max, product.was_price) == (90, None, None)


@pytest.mark.parametrize(
    ("selector", "html", "links"),
    [
        ("a", '<a href="/p/1">x</a><a href="javascript:x">y</a><a href="/p/1">z</a>', ["/p/1"]),
        ("a::attr(data-to)", '<a href="/p/1" data-to="/p/2">x</a>', ["/p/2"]),
        (".t", '<b class="t">/p/1</b><b class="t" data-href="/p/3"></b>', ["/p/3"]),
        ("a", '<a href="https://other.example/">x</a>', []),
    ],
)
def test_links_of_a_listing(selector, html, links):
    page = parse_page(html, "https://shop.example/all")
    found = links_by_selectors(page, Selectors(product_links=selector), "product_links")
    assert found == [f"https://shop.example{link}" for link in links]


def test_a_selector_that_finds_everything_is_bounded():
    html = "<div>" * 200 + "<p>x</p>" * 20_000
    product = read(html + "<b>5 €</b>", Selectors(title="p", price="b", colours="*", images="*"))
    assert product.title == "x"


def shelve(site) -> None:
    for number in range(3):
        page = BARE.replace("Ella", f"Ella {number}").replace("/a.jpg", f"/{number}.jpg")
        site.pages[f"/p/{number}"] = Answer(page)
        site.pages[f"/{number}.jpg"] = Answer(photo(number), content_type="image/jpeg")
    site.pages["/b.jpg"] = Answer(photo(9), content_type="image/jpeg")


def check(site, root, store) -> None:
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("complete", 3), outcome
    rows = tables.read(root, "products").to_pylist()
    assert {row["title"] for row in rows} == {f"Leinenkleid Ella {number}" for number in range(3)}
    assert {(row["price"], row["currency"]) for row in rows} == {(Decimal(1299), "EUR")}
    assert all(image["image_id"] for row in rows for image in row["images"])


def test_a_crawl_of_a_sitemap_by_recipe(site, root):
    shelve(site)
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{number}" for number in range(3))))
    check(site, root, Store(name="shop.example", url=site.url, recipe=RECIPE))


def test_a_crawl_of_listings_by_recipe(site, root):
    shelve(site)
    site.pages["/all"] = Answer("<u to='/p/0'>x</u><u to='/p/1'>x</u><s to='/all/2'>more</s>")
    site.pages["/all/2"] = Answer("<u to='/p/2'>x</u>")
    recipe = RECIPE.model_copy(update={"product_links": "u::attr(to)", "next_page": "s::attr(to)"})
    store = Store(
        name="shop.example",
        url=site.url,
        strategy="listing",
        listing_urls=[f"{site.url}/all"],
        recipe=recipe,
    )
    check(site, root, store)
