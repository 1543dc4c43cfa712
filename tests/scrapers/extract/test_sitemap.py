"""Sitemaps of all kinds."""

import gzip

import pytest

from scrapers.extract.sitemap import Entry, UnreadableSitemap, of_products, read_sitemap, sitemaps_in_robots

NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
HERE = "https://shop.example/sitemap.xml"


def read(body, max_bytes=10**6):
    return read_sitemap(body if isinstance(body, bytes) else body.encode(), HERE, max_bytes=max_bytes)


def urls(entries) -> list[str]:
    return [entry.url for entry in entries]


def test_pages_with_photos():
    found = read(
        f'<?xml version="1.0"?><urlset {NS} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
        "<url><loc> https://shop.example/p/1 </loc><lastmod>2026-01-02</lastmod><image:image>"
        "<image:loc>https://cdn.example/1.jpg</image:loc><image:title>One</image:title></image:image>"
        "<image:image><image:loc>/2.jpg</image:loc></image:image></url></urlset>"
    )
    photos = ("https://cdn.example/1.jpg", "https://shop.example/2.jpg")
    assert found.pages == (Entry("https://shop.example/p/1", "2026-01-02", photos),)


def test_an_index():
    found = read(f"<sitemapindex {NS}><sitemap><loc>/a.xml</loc></sitemap></sitemapindex>")
    assert (urls(found.sitemaps), found.pages) == (["https://shop.example/a.xml"], ())


def test_a_list_of_pages_that_lists_sitemaps():
    found = read(f"<urlset {NS}><url><loc>/a.xml.gz</loc></url><url><loc>/p/1</loc></url></urlset>")
    assert urls(found.sitemaps) == ["https://shop.example/a.xml.gz"]
    assert urls(found.pages) == ["https://shop.example/p/1"]


@pytest.mark.parametrize("times", [1, 2])
def test_gzip(times):
    body = f"<urlset {NS}><url><loc>/p/1</loc></url></urlset>".encode()
    for _ in range(times):
        body = gzip.compress(body, mtime=0)
    assert urls(read(body).pages) == ["https://shop.example/p/1"]


def test_without_namespace_and_with_a_byte_order_mark():
    assert urls(read("\ufeff\n<urlset><url><loc>/p/1</loc></url></urlset>").pages) == [
        "https://shop.example/p/1"
    ]


def test_plain_text():
    assert urls(read("https://shop.example/p/1\r\n\nnonsense\nhttps://shop.example/p/2\n").pages) == [
        "https://shop.example/p/1",
        "https://shop.example/p/2",
    ]


def test_broken_xml_gives_what_can_be_read():
    found = read(f"<urlset {NS}><url><loc>/p/1?a=1&b=2</loc></url><url><loc>/p/2</loc></url><url><lo")
    assert urls(found.pages)[-1] == "https://shop.example/p/2"


def test_each_address_once_and_only_of_the_web():
    found = read(
        f"<urlset {NS}><url><loc>/p/2</loc></url><url><loc>/p/1</loc></url><url><loc>/p/2</loc></url>"
        "<url><loc>javascript:x</loc></url><url><loc>http://[bad</loc></url><url><loc/></url></urlset>"
    )
    assert urls(found.pages) == ["https://shop.example/p/2", "https://shop.example/p/1"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "it is no sitemap"),
        (b"Not found", "it is no sitemap"),
        (b"<html><body>Not found</body></html>", "but <html>"),
        (b"\x1f\x8bnonsense", "its gzip is damaged"),
        (gzip.compress(bytes(10**7), mtime=0), "larger than 1000000 bytes"),
        (b"<urlset>" + b" " * 10**6, "larger than 1000000 bytes"),
        (b"<", "it is no"),
    ],
)
def test_what_is_no_sitemap_says_why(body, reason):
    with pytest.raises(UnreadableSitemap, match=reason):
        read(body)


def test_entities_are_not_expanded():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    found = read(f"{bomb}<urlset {NS}><url><loc>/p/&b;</loc></url><url><loc>/p/1</loc></url></urlset>")
    assert urls(found.pages)[-1] == "https://shop.example/p/1"
    assert "aaaa" not in "".join(urls(found.pages))


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["sitemap_products_1.xml", "sitemap_pages_1.xml"], ["sitemap_products_1.xml"]),
        (["product-sitemap.xml", "product_cat-sitemap.xml", "post-sitemap.xml"], ["product-sitemap.xml"]),
        (["produkte.xml", "blog.xml"], ["produkte.xml"]),
        (["1.xml", "2.xml"], ["1.xml", "2.xml"]),
        (["product-categories.xml", "post.xml"], ["product-categories.xml"]),
    ],
)
def test_sitemaps_of_products(names, chosen):
    entries = tuple(Entry(f"https://shop.example/products/{name}") for name in names)
    assert [entry.url.rsplit("/", 1)[-1] for entry in of_products(entries)] == chosen


def test_sitemaps_in_robots_txt():
    named = ["  sitemap : /a.xml", "SITEMAP:https://cdn.example/b.xml", "Sitemap: /a.xml"]
    robots = "\n".join(["User-agent: *", "Disallow: /x", *named])
    assert sitemaps_in_robots(robots, "https://shop.example/robots.txt") == [
        "https://shop.example/a.xml",
        "https://cdn.example/b.xml",
    ]


@pytest.mark.parametrize(
    "odd",
    [
        "<n>d&eacute;t&eacute;</n>",
        "<n>a & b &c; &#xZZ; &nosuch;</n>",
        "<n>&#0; \x01 </n>",
        "<n>caf\udce9</n>",
        "<image:image><image:loc>https://shop.example/1.jpg</image:loc></image:image>",
    ],
)
def test_addresses_after_what_is_no_xml_keep_their_ampersands(odd):
    body = (
        f"<urlset {NS}><url><loc>/p?a=1&amp;b=2</loc>{odd}</url><url><loc>/p?a=3&amp;b=4</loc></url></urlset>"
    )
    found = read(body.encode("utf-8", "surrogateescape"))
    assert urls(found.pages) == ["https://shop.example/p?a=1&b=2", "https://shop.example/p?a=3&b=4"]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("/p?a=1&b=2", "/p?a=1&b=2"),
        ("/p?a=1&copy=2", "/p?a=1&copy=2"),
        ("/p/caf&eacute;", "/p/caf\u00e9"),
        ("/p?a=&LT;b", "/p?a=<b"),
        ("/p?a=1&#38;b=2", "/p?a=1&b=2"),
        ("<![CDATA[/p?a=1&b=2]]>", "/p?a=1&b=2"),
    ],
)
def test_an_address_as_it_was_meant(written, address):
    found = read(f"<urlset {NS}><url><loc>{written}</loc></url></urlset>")
    assert urls(found.pages) == [f"https://shop.example{address}"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_other_encodings(encoding):
    body = (
        f'<?xml version="1.0" encoding="{encoding}"?><urlset {NS}><url><loc>/p/caf\u00e9</loc></url></urlset>'
    )
    assert urls(read(body.encode(encoding)).pages) == ["https://shop.example/p/caf\u00e9"]


def test_a_plain_list_in_utf_16():
    assert urls(read("https://shop.example/p/1\n".encode("utf-16")).pages) == ["https://shop.example/p/1"]


def test_a_line_of_a_robots_txt_is_read_by_itself():
    robots = (
        "\n" * 200_000 + "Sitemap\n: /no.xml\nSITEMAP : /a.xml # ours\nsitemap: http://[\nSitemaps: /b.xml\n"
    )
    assert sitemaps_in_robots(robots, HERE) == ["https://shop.example/a.xml", "http://["]
