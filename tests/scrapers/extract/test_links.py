"""What a listing leads to."""

from urllib.parse import urlsplit

import pytest

from scrapers.extract import links
from scrapers.extract.address import without_tracking
from scrapers.extract.links import (
    MAX_LINKS,
    category_links,
    further_listings,
    listing_shape,
    next_pages,
    product_cards,
    product_links,
)
from scrapers.extract.page import parse_page, same_site
from scrapers.extract.sources.markup import read_markup

HERE = "https://shop.example/women/dresses"


def page_of(html: str, url: str = HERE):
    return parse_page(html, url)


def products_on(html: str, url: str = HERE) -> list[str]:
    page = page_of(html, url)
    return product_links(page, read_markup(page))


def test_cards_and_pictures_are_products():
    html = """
    <header><a href="/"><img src="logo.png"></a><a href="/sale"><img src="sale.png"></a></header>
    <nav><a href="/women">Women</a></nav>
    <ul><li class="product-card"><a href="/p/1?utm_source=x">One</a></li>
        <li><a href="/p/2#reviews"><img src="2.jpg"></a></li>
        <li><a href="/p/2"><img src="2b.jpg"></a></li>
        <li><a href="/size-guide">Size guide</a></li>
        <li class="tile"><a href="/cart">Bag</a><a href="javascript:buy()"><img></a></li>
        <li class="tile"><a href="https://elsewhere.example/p/3">Three</a></li>
        <li class="tile"><a href="/photos/3.jpg"><img></a></li></ul>
    <footer><a href="/imprint"><img src="x.png"></a></footer>"""
    assert products_on(html) == ["https://shop.example/p/1?utm_source=x", "https://shop.example/p/2"]


def test_what_the_markup_lists_goes_before_links():
    html = """<script type="application/ld+json">{"@type": "ItemList", "itemListElement": [
      {"@type": "ListItem", "position": 1, "url": "/p/1"},
      {"@type": "ListItem", "position": 2, "item": {"@type": "Product", "name": "Two", "url": "/p/2"}},
      {"@type": "ListItem", "position": 3, "url": "https://elsewhere.example/p/3"}]}</script>
    <div class="card"><a href="/p/advert"><img></a></div>"""
    assert products_on(html) == ["https://shop.example/p/1", "https://shop.example/p/2"]


def test_products_in_microdata_of_a_listing():
    card = (
        '<div itemscope itemtype="https://schema.org/Product"><a itemprop="url" href="/p/{0}">'
        '<span itemprop="name">Dress {0}</span></a></div>'
    )
    assert products_on("<h1>Dresses</h1>" + card.format(1) + card.format(2)) == [
        "https://shop.example/p/1",
        "https://shop.example/p/2",
    ]


@pytest.mark.parametrize(
    ("html", "url", "following"),
    [
        ('<link rel="next" href="?page=2">', HERE, ["https://shop.example/women/dresses?page=2"]),
        ('<a rel="nofollow next" href="?page=3">3</a>', f"{HERE}?page=2", [f"{HERE}?page=3"]),
        ('<a href="?page=1">1</a><a href="?page=2">2</a><a href="?page=3">3</a>', HERE, [f"{HERE}?page=2"]),
        ('<a href="/women/dresses/page/2/">Next page</a>', HERE, [f"{HERE}/page/2/"]),
        ('<a href="/women/dresses/page/3/">Weiter ›</a>', f"{HERE}/page/2/", [f"{HERE}/page/3/"]),
        ('<a href="?page=1">Next</a>', f"{HERE}?page=2", []),
        ('<a href="/p/1?page=2">A shirt</a>', HERE, []),
        ('<a href="?page=1">1</a>', f"{HERE}?page=2", []),
        ("<p>All on one page</p>", HERE, []),
    ],
)
def test_the_next_page(html, url, following):
    assert next_pages(page_of(html, url)) == following


def test_the_links_to_pages_are_no_products():
    pager = '<div class="product-pager"><a href="?page=2">2</a></div>'
    html = f'{pager}<div class="card"><a href="/p/1"><img></a></div>'
    assert products_on(html) == ["https://shop.example/p/1"]


def test_categories_are_in_the_navigation():
    html = (
        '<nav><a href="/">Home</a><a href="/women">Women</a><a href="/men">Men</a><a href="/men">Men</a>'
        '<a href="/account/login">Log in</a></nav><a href="/p/1">One</a>'
    )
    assert category_links(page_of(html)) == ["https://shop.example/women", "https://shop.example/men"]


def test_addresses_that_are_none_are_passed_over():
    html = '<a href="http://[bad"><img></a><a href="mailto:x@y"><img></a><a href=""><img></a><a><img></a>'
    assert products_on(html) == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://shop.example/a", "http://www.shop.example/", True),
        ("https://de.shop.example/", "https://shop.example/", True),
        ("https://shop.example/", "https://shop.example.evil.example/", False),
        ("https://myshop.example/", "https://shop.example/", False),
        ("https://shop.example:8443/", "https://shop.example/", False),
        ("http://[bad", "https://shop.example/", False),
    ],
)
def test_same_site(one, other, same):
    assert same_site(one, other) is same


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://Shop.Example/P?utm_campaign=x&b=2&fbclid=1&a=#top", "https://shop.example/P?b=2&a="),
        ("https://shop.example/p?id=%C3%BC", "https://shop.example/p?id=%C3%BC"),
    ],
)
def test_without_tracking(url, clean):
    assert without_tracking(url) == clean


@pytest.mark.parametrize(
    "path", ["/catalogue/feed_43/", "/women/information-shirt", "/en/reviews_and_cookies.html"]
)
def test_a_products_name_may_hold_a_word_of_the_shops(path):
    assert products_on(f'<div class="card"><a href="{path}"><img></a></div>') == [
        f"https://shop.example{path}"
    ]


def test_categories_and_makers_that_the_query_names_are_listings():
    urls = ["/index.php?rt=product/manufacturer&manufacturer_id=14", "/index.php?cPath=1_4"]
    others = [
        "/index.php?rt=product/product&manufacturer_id=14&product_id=3",
        "/index.php?rt=account/login&cPath=1",
    ]
    page = page_of("".join(f'<a href="{url}">x</a>' for url in urls + others))
    assert further_listings(page, set()) == [f"https://shop.example{url}" for url in urls]


@pytest.mark.parametrize(
    ("url", "other", "same"),
    [
        ("https://www.shop.example/p", "https://shop.example/", True),
        ("https://en.shop.example/p", "https://shop.example/", True),
        ("http://127.0.0.1:8000/p", "http://127.0.0.1:8000/", True),
        ("https://myshopify.com/p", "https://alice.myshopify.com/", False),
        ("https://bob.myshopify.com/p", "https://alice.myshopify.com/", False),
        ("https://alice.github.io/p", "https://github.io/", False),
        ("https://shop.co.uk/p", "https://co.uk/", False),
        ("https://shop.com/p", "https://com/", False),
    ],
)
def test_what_many_sites_are_below_is_none_of_them(url, other, same):
    assert same_site(url, other) is same


def test_a_page_of_endless_links_is_read_up_to_a_bound():
    html = "".join(f"<a href=/p/{number}><img src=/{number}.jpg></a>" for number in range(MAX_LINKS + 50))
    found = products_on(html)
    assert (len(found), found[-1]) == (MAX_LINKS, f"https://shop.example/p/{MAX_LINKS - 1}")


@pytest.mark.parametrize("folder", ["bag", "pages", "blogs", "search", "basket"])
def test_a_card_with_a_price_is_a_product_below_any_folder(folder):
    html = f"""
    <ul><li><a href="/{folder}/leather-tote"><img src="1.jpg"><span>Leather tote</span></a><p>€49.00</p></li>
        <li><a href="/{folder}/canvas-tote"><img src="2.jpg">Canvas tote <b>$35</b></a></li>
        <li><a href="/{folder}/our-story"><img src="3.jpg">Since 1965</a></li>
        <li><a href="/{folder}/size-guide">Sizes from €10.00</a></li>
        <li><a href="/{folder}"><img src="4.jpg"> €84.00</a></li>
        <li><a href="/{folder}/checkout"><img src="5.jpg"> €84.00</a></li></ul>"""
    found = [f"https://shop.example/{folder}/{name}" for name in ("leather-tote", "canvas-tote")]
    assert products_on(html) == found


@pytest.mark.parametrize(
    "href",
    [
        "index.php?main_page=index&cPath=1_5",
        "index.php?main_page=index&manufacturers_id=3",
        "index.php?cPath=22",
        "/?product_cat=dresses",
    ],
)
def test_an_index_that_names_a_category_is_no_front_page(href):
    page = page_of(f'<nav><a href="{href}">Dresses</a></nav>', "https://shop.example/index.php")
    assert [urlsplit(url).query for url in category_links(page)] == [urlsplit(href).query]


@pytest.mark.parametrize(
    "href",
    [
        "index.php?main_page=index&cPath=1&action=buy_now&products_id=27",
        "/shop/?add-to-cart=27",
        "product_info.php?products_id=27&action=notify",
        "/dresses?add_to_wishlist=27",
        "/shop.php?do=add&id=27",
        "/shop.php?do=cartAdd&id=27",
        "/shop.php?act=ADD_PRODUCT&id=27",
        "/shop.php?action=ajax_add_to_cart&id=27",
    ],
)
def test_a_link_that_acts_is_never_followed(href):
    card = f'<div class="product-card"><a href="{href}"><img src="b.gif" alt="Buy now"></a> $9.00</div>'
    assert products_on(card) == []
    assert further_listings(page_of(card), {listing_shape(f"https://shop.example/{href}")}) == []
    assert category_links(page_of(f'<nav><a href="{href}">Buy now</a></nav>')) == []


@pytest.mark.parametrize(
    ("control", "following"),
    [
        ('<input type="radio" name="p" value="3"><label>›</label>', [f"{HERE}?p=3"]),
        ('<button name="page" value="3">Next</button>', [f"{HERE}?p=2&page=3"]),
        ('<input type="radio" name="p" value="1">', []),
        ('<input type="number" name="p" value="3">', []),
        ('<input type="radio" name="size" value="3">', []),
    ],
)
def test_the_next_page_of_a_form(control, following):
    assert next_pages(page_of(f"<form>{control}</form>", f"{HERE}?p=2")) == following


@pytest.mark.parametrize(
    "name", ["clearance", "saddle-bags", "padded-vests", "ladder-tops", "address-labels"]
)
def test_a_category_whose_name_holds_the_word_of_an_action_is_followed(name):
    page = page_of(f'<nav><a href="/shop.php?do={name}">Sale</a></nav>')
    assert category_links(page) == [f"https://shop.example/shop.php?do={name}"]


def test_a_feed_is_no_listing():
    page = page_of('<nav><a href="/index.rss?category=all">Feed</a><a href="/all">All</a></nav>')
    assert category_links(page) == ["https://shop.example/all"]


def test_the_names_around_many_links_are_searched_in_linear_time(monkeypatch):
    class Counting:
        looked_at = 0

        def search(self, text):
            self.looked_at += len(text)

    counts = []
    for count in (250, 500, 1000):
        counting = Counting()
        monkeypatch.setattr(links, "_CARD", counting)
        inside = "".join(f"<a href=/p/{number}>x</a>" for number in range(count))
        page = parse_page(f'<p class="{"price " * 20 * count}">{inside}', "https://shop.example/p/cap")
        product_cards(page, read_markup(page))
        counts.append(counting.looked_at)
    assert counts[0] > 0
    assert counts[2] <= 2.2 * counts[1] <= 2.2 * 2.2 * counts[0], counts
