"""Which parts of an address are asked for, and which tell one page from another."""

import pytest

from scrapers.extract.address import escaped, is_home, is_same_page, spelling, without_tracking
from scrapers.extract.links import product_links
from scrapers.extract.page import parse_page
from scrapers.extract.sources.markup import read_markup

SHOP = "https://shop.example"


@pytest.mark.parametrize(
    "as_given",
    [
        "/p?name=%CF%EB%E0%F2%FC%E5",
        "/shop.php?12345",
        "/p2?a=1;b=2",
        "/p?a=&b",
        "/p?b=2&a=1&utm_source=x",
        "/p?q=[x]|{y}~!*()'".replace("'", ""),
        "/%7Euser/%e4?q=%7e",
        "/p;v=1?route=product/product&id=4%2F2",
    ],
)
def test_an_address_is_asked_for_as_it_is_written(as_given):
    assert escaped(SHOP + as_given) == SHOP + as_given


@pytest.mark.parametrize(
    ("written", "asked", "encoding"),
    [
        ('/a b?c d=<">', "/a%20b?c%20d=%3C%22%3E", "utf-8"),
        ("/é?x=é", "/%C3%A9?x=%C3%A9", "utf-8"),
        ("/é?x=ж", "/%C3%A9?x=%E6", "windows-1251"),
        ("/p?a=1#reviews", "/p?a=1", "utf-8"),
    ],
)
def test_what_may_not_stand_in_an_address_is_escaped_as_a_browser_does(written, asked, encoding):
    assert escaped(SHOP + written, encoding) == SHOP + asked


@pytest.mark.parametrize(
    ("link", "own", "same"),
    [
        (
            "/index.php?route=product/product&product_id=41",
            "/index.php?route=product/product&product_id=40",
            False,
        ),
        (
            "/index.php?route=product/product&path=20&product_id=40",
            "/index.php?route=product/product&product_id=40",
            True,
        ),
        ("/?product=shirt", "/?product=hat", False),
        ("/?product=shirt", "/", False),
        ("/index.php?main_page=product_info&products_id=2", "/index.php?main_page=index&cPath=1", False),
        ("/show.php?artikel=2", "/show.php?artikel=3", False),
        ("/shirt?color=red", "/shirt", True),
        ("/shirt?color=red", "/shirt?color=blue", True),
        ("/shirt?page=2", "/shirt", True),
        ("/hat", "/shirt", False),
    ],
)
def test_the_query_tells_pages_apart_where_the_path_does_not(link, own, same):
    assert is_same_page(SHOP + link, SHOP + own) is same


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("/", True),
        ("/index.php", True),
        ("/index.php?route=common/home", True),
        ("/?utm_source=x", True),
        ("/index.php?route=product/product&product_id=1", False),
        ("/?p=12", False),
        ("/women", False),
    ],
)
def test_a_front_page(url, home):
    assert is_home(SHOP + url) is home


def test_session_ids_are_no_part_of_an_address():
    for session in ("?osCsid=0a1b2c3d4e5f", "?PHPSESSID=abcdef123456", ";jsessionid=A1B2C3"):
        assert without_tracking(f"{SHOP}/shirt{session}") == f"{SHOP}/shirt"
    assert without_tracking(f"{SHOP}/p?sid=7&id=4") == f"{SHOP}/p?sid=7&id=4"


def test_spellings_of_one_address():
    one = spelling(f"{SHOP}/index.php?route=product/product&product_id=4")
    assert one == spelling(f"{SHOP}/index.php?product_id=4&route=product%2Fproduct")
    assert one != spelling(f"{SHOP}/index.php?route=product/product&product_id=5")
    upper = spelling(f"{SHOP}/p/sm%C3%B8rebr%C3%B8d")
    for written in ("sm%c3%b8rebr%c3%b8d", "sm%C3%b8rebr%c3%B8d", "smørebrød"):
        assert spelling(f"{SHOP}/p/{written}") == upper


@pytest.mark.parametrize(
    ("canonical", "believed"),
    [
        ("/index.php", False),
        ("/index.php?route=product/product", False),
        ("/", False),
        ("/index.php?route=product/product&product_id=40", True),
        ("/canon-eos-5d", True),
    ],
)
def test_a_canonical_address_that_lost_what_names_the_page_is_not_believed(canonical, believed):
    own = f"{SHOP}/index.php?route=product/product&product_id=40"
    page = parse_page(f'<link rel="canonical" href="{canonical}"><h1>Canon</h1>', f"{own}&path=20")
    assert page.canonical == (SHOP + canonical if believed else f"{own}&path=20")


@pytest.mark.parametrize(
    "href", ["/index.php?route=product/product&product_id={}", "/?product=p{}", "/shop.php?{}"]
)
def test_products_that_the_query_names_are_found_on_a_listing(href):
    cards = "".join(f'<div class="card"><a href="{href.format(n)}"><img></a></div>' for n in (11, 12, 13))
    for here in ("/", "/index.php?route=product/category&path=20", "/women"):
        page = parse_page(
            f'{cards}<div class="tile"><a href="/index.php?route=account/login">x</a></div>', SHOP + here
        )
        assert product_links(page, read_markup(page)) == [SHOP + href.format(n) for n in (11, 12, 13)]


def test_links_that_switch_the_whole_store_are_not_followed():
    html = '<div class="card"><a href="/p/1?currency=EUR"><img></a><a href="/p/1"><img></a></div>'
    page = parse_page(html, f"{SHOP}/women")
    assert product_links(page, read_markup(page)) == [f"{SHOP}/p/1"]
