"""How a store can be read is found out from a few of its pages."""

import json

import pytest

from lookalike.demo.storefront import serve
from scrapers.crawl import run_crawl
from scrapers.detect.platforms import is_empty_without_scripts, likely_platform, locale_of, search_url
from scrapers.detect.session import UnreadableStoreError
from scrapers.detect.store import detect
from scrapers.http.addresses import RefusedURLError
from scrapers.http.credentials import fill_credentials
from scrapers.http.fetch import FetchError
from scrapers.session.workers import Worker
from storage.errors import LookalikeError
from storage.root import Root
from tests.scrapers.shelves import products
from tests.scrapers.webserver import Answer, product_page, sitemap


@pytest.mark.parametrize(
    ("dialect", "strategy", "why"),
    [
        ("shopify", "shopify", "it publishes Shopify's product list, with prices in EUR."),
        ("woocommerce", "woocommerce", "it publishes WooCommerce's product list."),
        ("schema", "sitemap", "its sitemap lists 6 pages, which describe products in json-ld and microdata."),
    ],
)
def test_a_demo_store(dialect, strategy, why):
    catalogue = products(6)
    with serve(catalogue, dialect) as front:
        found = detect(front.url, allow_private=True)
        assert (found.store.strategy, found.why) == (strategy, why)
        assert found.store.url == f"{front.url}/"
        assert found.store.name == front.url.removeprefix("http://").replace(":", "-")
        assert found.store.locale == "en"
        assert len(front.requests) < 20
    by_title = {product.title: product for product in catalogue}
    assert len(found.preview) == 3
    for preview in found.preview:
        product = by_title[preview.title]
        assert (preview.price, preview.currency, preview.availability) == (
            product.price,
            product.currency,
            product.availability,
        )
        words = product.availability.replace("_", " ")
        assert str(preview) == f"{product.title}, €{product.price:.2f}, {words}, {preview.url}"


def shelve(site) -> None:
    for number in range(4):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}"))


def cards() -> str:
    return "".join(f'<div class="card"><a href="/p/{n}"><img src="{n}.jpg"></a></div>' for n in range(4))


def test_a_store_without_a_sitemap(site):
    shelve(site)
    site.pages["/"] = Answer(f'<html lang="de-AT"><nav><a href="/all">All</a></nav>{cards()}')
    found = detect(site.url, allow_private=True)
    assert (found.store.strategy, found.store.locale, len(found.preview)) == ("listing", "de-AT", 3)


def test_a_store_whose_front_page_shows_no_product(site):
    shelve(site)
    site.pages["/"] = Answer('<nav><a href="/about">About</a><a href="/all">All</a></nav>')
    site.pages["/all"] = Answer(cards())
    found = detect(site.url, allow_private=True)
    assert (found.store.strategy, found.store.url) == ("listing", f"{site.url}/")


def test_a_sitemap_without_products_is_passed_over(site):
    shelve(site)
    site.pages["/"] = Answer(cards())
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/blog/{number}" for number in range(50))))
    found = detect(site.url, allow_private=True)
    assert found.store.strategy == "listing"
    assert sum(path.startswith("/blog") for path in site.asked()) <= 12


def test_the_folder_of_a_country_is_kept(site):
    site.pages["/at/"] = Answer('<link href="https://cdn.shopify.com/x.css">')
    listed = {"products": [{"id": 1, "handle": "a", "title": "A", "variants": [{"id": 1, "price": "5.00"}]}]}
    site.pages["/at/products.json"] = Answer(json.dumps(listed))
    site.pages["/at/products/a"] = Answer(
        '<meta property="og:type" content="product"><meta property="og:title" content="A">'
        '<meta property="og:price:amount" content="5"><meta property="og:price:currency" content="CHF">'
    )
    found = detect(f"{site.url}/at/?ref=x", allow_private=True)
    assert (found.store.strategy, found.store.currency) == ("shopify", "CHF")
    assert found.store.url == f"{site.url}/at/"


@pytest.mark.parametrize(
    ("pages", "error", "said"),
    [
        ({}, UnreadableStoreError, "answers with status 404"),
        ({"/": Answer("<h1>A blog</h1>")}, UnreadableStoreError, "cannot be read as a store"),
        (
            {"/": Answer("x"), "/robots.txt": Answer("User-agent: *\nDisallow: /")},
            UnreadableStoreError,
            "robots.txt forbids reading",
        ),
        ({"/": Answer(status=302, headers={"Location": "file:///etc/passwd"})}, RefusedURLError, "only http"),
        ({"/": Answer("x" * 20_000_000)}, FetchError, "larger than the limit"),
    ],
)
def test_what_cannot_be_read_says_why(site, pages, error, said):
    site.pages |= pages
    with pytest.raises(error, match=said):
        detect(f"{site.url}/", allow_private=True)


def test_pages_that_robots_txt_forbids_are_not_asked_for(site):
    site.pages["/robots.txt"] = Answer("User-agent: *\nDisallow: /products.json\nDisallow: /p/1")
    shelve(site)
    site.pages["/"] = Answer(cards())
    detect(site.url, allow_private=True)
    assert (site.asked()["/products.json"], site.asked()["/p/1"]) == (0, 0)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "localhost", "ftp://shop.example", "https://", "x y"])
def test_addresses_that_are_refused(url):
    with pytest.raises(LookalikeError):
        detect(url)


@pytest.mark.parametrize(
    ("html", "platform"),
    [
        ('<script src="//cdn.shopify.com/s/x.js"></script>', "shopify"),
        ("<script>Shopify.theme = {}</script>", "shopify"),
        ('<meta name="generator" content="WooCommerce 9.1">', "woocommerce"),
        ('<body class="woocommerce-page"><link href="/wp-content/x.css">', "woocommerce"),
        ("<h1>Shop</h1>", None),
        ("", None),
        ("<body>" + "<div>" * 3000 + "woocommerce", None),
    ],
)
def test_marks_of_a_platform(html, platform):
    assert likely_platform(html) == platform


@pytest.mark.parametrize(
    ("html", "locale"),
    [('<html lang="en-GB">', "en-GB"), ('<html lang="x y">', None), ("<p>", None), ("", None)],
)
def test_the_language_of_a_page(html, locale):
    assert locale_of(html) == locale


SHELL = '<body><div id="root">Loading…</div><script src="/app.js"></script><noscript>Enable it.</noscript>'


def test_a_store_that_shows_nothing_without_javascript_is_noticed(site):
    site.pages["/"] = Answer(SHELL)
    with pytest.raises(UnreadableStoreError, match=r"nothing without JavaScript.*--render"):
        detect(site.url, allow_private=True)
    site.pages["/"] = Answer(f"<h1>Shop</h1><a href='/about'>About us</a>{cards()}")
    for number in range(4):
        site.pages[f"/p/{number}"] = Answer(SHELL)
    with pytest.raises(UnreadableStoreError, match=r"nothing without JavaScript.*--render"):
        detect(site.url, allow_private=True)


def test_a_store_is_previewed_with_a_browser():
    catalogue = products(5, photos=1)
    with serve(catalogue, "script") as front:
        with pytest.raises(UnreadableStoreError, match="nothing without JavaScript"):
            detect(front.url, allow_private=True)
        found = detect(front.url, allow_private=True, render=True)
    assert (found.store.strategy, found.store.render, found.store.currency) == ("sitemap", True, "EUR")
    assert {one.title for one in found.preview} <= {product.title for product in catalogue}
    assert len(found.preview) == 3


def test_a_hidden_product_list_is_found_below_myshopify(site, monkeypatch):
    from scrapers.http import addresses

    real = addresses.socket.getaddrinfo
    monkeypatch.setattr(
        addresses.socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("127.0.0.1" if "myshopify" in host else host, *rest, **more),
    )
    home = f"linen.myshopify.com:{site.server.server_port}"
    listed = {"products": [{"id": 1, "handle": "a", "title": "A", "variants": [{"id": 1, "price": "5.00"}]}]}
    site.pages["/"] = Answer(f'<script>Shopify.shop = "{home}";</script><h1>Headless</h1>')
    site.pages["/products.json"] = lambda seen: (
        Answer(json.dumps(listed)) if seen.headers["host"] == home else Answer("", 404)
    )
    site.pages["/meta.json"] = Answer('{"currency": "DKK"}')
    found = detect(site.url, allow_private=True)
    assert (found.store.url, found.store.currency) == (f"http://{home}/", "DKK")
    assert found.why == f"it publishes Shopify's product list below {home}, with prices in DKK."


def test_the_search_of_a_store_of_pages_becomes_part_of_its_recipe():
    with serve(products(6), "schema", open_search=True) as front:
        found = detect(front.url, allow_private=True)
        assert found.store.recipe.search_url == f"{front.url}/search?q={{query}}"
    with serve(products(6), "schema") as front:  # its robots.txt forbids the search
        assert detect(front.url, allow_private=True).store.recipe is None


@pytest.mark.parametrize(
    ("html", "address"),
    [
        ('<form action="/find"><input name="q" type="search"></form>', "https://a.example/find?q={query}"),
        (
            '<form action="/s?x=1"><input type="hidden" name="type" value="p"><input name="text"></form>',
            "https://a.example/s?type=p&text={query}",
        ),
        ('<form action="/find" method="post"><input name="q"></form>', None),
        ('<form action="/login"><input name="email"></form>', None),
        ("<p>", None),
    ],
)
def test_the_search_form_of_a_page(html, address):
    assert search_url(html, "https://a.example/x") == address


@pytest.mark.parametrize(
    ("html", "empty"),
    [
        (SHELL, True),
        ("<body><script>1</script>", True),
        ("<body><h1>Closed</h1>", False),
        (f"<body><p>{'word ' * 40}</p><script>1</script>", False),
        ('<body><a href="/all">All</a><script>1</script>', False),
    ],
)
def test_pages_that_are_empty_without_scripts(html, empty):
    assert is_empty_without_scripts(html) is empty


@pytest.mark.parametrize(
    ("asked", "says"), [("120", "at most 181 requests fit"), ("900", "300 s were kept"), ("2", None)]
)
def test_a_store_that_no_night_can_read_is_told(site, asked, says):
    site.pages["/"] = Answer(cards())
    site.pages["/robots.txt"] = Answer(f"User-agent: *\nCrawl-delay: {asked}", content_type="text/plain")
    for number in range(4):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}"))
    notice = detect(site.url, allow_private=True).notice
    assert (says in notice) if says else (notice is None)


def test_headers_and_proxy_are_used(site):
    home = "http://shop.invalid"
    site.pages[f"{home}/"] = Answer(cards())
    for number in range(4):
        site.pages[f"{home}/p/{number}"] = Answer(product_page(f"Shirt {number}"))
    proxy = f"http://me:${{PASSWORD}}@127.0.0.1:{site.server.server_port}"
    credentials = fill_credentials({"X-Country": "DE"}, proxy, [home], {"PASSWORD": "secret"}, store="shop")
    found = detect(home, credentials=credentials)
    assert (found.store.strategy, len(found.preview)) == ("listing", 3)
    assert {seen.headers.get("x-country") for seen in site.seen} == {"DE"}
    assert "secret" not in found.store.model_dump_json() + found.why


def woocommerce_list(url: str) -> str:
    prices = {"price": "500", "currency_code": "EUR", "currency_minor_unit": 2}
    return json.dumps([{"id": 1, "name": "Cap", "permalink": f"{url}/p/1", "prices": prices}])


@pytest.mark.parametrize("address", ["/shop/", "/shop", "/shop/en/index.php"])
def test_an_interface_below_a_folder(site, address):
    site.pages[address] = Answer("<h1>Shop</h1>")
    site.pages["/shop/wp-json/wc/store/v1/products"] = Answer(woocommerce_list(site.url))
    found = detect(f"{site.url}{address}", allow_private=True)
    assert (found.store.strategy, found.store.url) == ("woocommerce", f"{site.url}/shop/")


def rest_route(answer: str):
    def answered(seen):
        wanted = "rest_route=/wc/store/v1/products&" in seen.target
        return (
            Answer(answer) if wanted else Answer("<h1>Shop</h1>" if "rest_route" not in seen.target else "[]")
        )

    return answered


@pytest.mark.parametrize("named", [True, False])
def test_wordpress_without_permalinks(site, tmp_path, named):
    api = '<link rel="https://api.w.org/" href="/index.php?rest_route=/">' if named else ""
    front = f'{api}<link rel="stylesheet" href="/wp-content/plugins/woocommerce/a.css">'
    place = "/index.php" if named else "/"
    site.pages["/"] = lambda seen: (
        rest_route(woocommerce_list(site.url))(seen) if "?" in seen.target else Answer(front)
    )
    site.pages["/index.php"] = rest_route(woocommerce_list(site.url))
    found = detect(f"{site.url}/", allow_private=True)
    assert (found.store.strategy, found.store.url) == ("woocommerce", f"{site.url}{place}?rest_route=/")
    root = Root.open(tmp_path / "data", create=True)
    outcome = run_crawl(root, found.store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("complete", 1)


@pytest.mark.parametrize("robots", ["", "Sitemap: /blog.xml"])
def test_a_sitemap_below_a_folder(site, tmp_path, robots):
    shelve(site)
    site.pages["/shop/"] = Answer("<h1>Shop</h1>")
    site.pages["/robots.txt"] = Answer(robots)
    site.pages["/blog.xml"] = Answer(sitemap(f"{site.url}/blog/1"))
    site.pages["/shop/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{number}" for number in range(4))))
    found = detect(f"{site.url}/shop/", allow_private=True)
    assert found.store.strategy == "sitemap"
    root = Root.open(tmp_path / "data", create=True)
    assert run_crawl(root, found.store, allow_private=True, throttle=False).products == 4


def test_a_sitemaps_own_address(site):
    shelve(site)
    site.pages["/lists/products.xml"] = Answer(sitemap(*(f"{site.url}/p/{number}" for number in range(4))))
    found = detect(f"{site.url}/lists/products.xml", allow_private=True)
    assert (found.store.strategy, found.store.url) == ("sitemap", f"{site.url}/lists/products.xml")


def test_the_shop_is_the_last_link_of_the_navigation(site):
    shelve(site)
    others = "".join(f'<a href="/story/{number}">Story</a>' for number in range(9))
    site.pages["/"] = Answer(f'<nav>{others}<a href="/all">All</a></nav>')
    site.pages["/all"] = Answer(cards())
    assert detect(site.url, allow_private=True).store.strategy == "listing"


def test_products_without_a_price_are_no_success(site):
    for number in range(4):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}", price="", sku="1"))
    site.pages["/"] = Answer(cards())
    with pytest.raises(UnreadableStoreError, match=r"give no price.*lookalike extract .*recipe"):
        detect(site.url, allow_private=True)


def test_prices_without_a_currency_need_one(site):
    listed = {"products": [{"id": 1, "handle": "a", "title": "A", "variants": [{"id": 1, "price": "5.00"}]}]}
    site.pages["/"] = Answer("<h1>Shop</h1>")
    site.pages["/products.json"] = Answer(json.dumps(listed))
    with pytest.raises(UnreadableStoreError, match=r"name no currency.*--currency EUR"):
        detect(site.url, allow_private=True)
    assert detect(site.url, allow_private=True, currency="EUR").store.strategy == "shopify"


def test_a_front_page_without_end_is_a_sentence(site, monkeypatch):
    monkeypatch.setattr(Worker.__init__, "__defaults__", (0.3,))
    site.pages["/"] = Answer("<b><a href=x>" * 70_000)
    with pytest.raises(UnreadableStoreError, match="front page is broken"):
        detect(site.url, allow_private=True)
