"""Headers that make no sense are a sentence or make no difference, and never a traceback."""

import pytest

from scrapers.extract.encoding import to_unicode
from scrapers.extract.page import parse_page
from scrapers.extract.sitemap import Entry, of_products, read_sitemap, sitemaps_in_robots
from scrapers.http.fetch import Fetched, FetchError, fetch
from storage.errors import LookalikeError
from tests.scrapers.webserver import Answer

URL = "https://shop.example/p/1"
NO_CHARSETS = [
    "idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7", "hex", "base64",
    "rot13", "zlib", "mbcs", "\0", "utf\0", " ", "x" * 5000, "../etc/passwd", "os", "aliases", "größe", "'\"",
]  # fmt: skip


@pytest.mark.parametrize("charset", NO_CHARSETS)
def test_a_character_set_that_is_none_is_read_as_utf_8(charset):
    body = "<html><title>Größe +ADw-b \\x3cb xn--a-</title>".encode()
    header = f"text/html; charset={charset}"
    fetched = Fetched(URL, 200, {"content-type": header}, "text/html", body)
    assert fetched.text == to_unicode(body, header)[1] == body.decode()
    declared = f"<meta charset='{charset}'>".encode() + body
    assert to_unicode(declared)[1] == declared.decode()
    page = parse_page(declared, URL)
    assert page is not None
    assert "Größe" in page.tree.text_content()
    sitemap = f"<?xml version='1.0' encoding='{charset}'?><urlset><url><loc>/größe</loc></url></urlset>"
    if charset.isprintable():
        pages = read_sitemap(sitemap.encode(), "https://shop.example/", max_bytes=10_000).pages
        assert [entry.url for entry in pages] == ["https://shop.example/größe"]


@pytest.mark.parametrize(
    ("charset", "text"),
    [("latin-1", "Größe"), ("windows-1251", "Кепка"), ("shift_jis", "帽子"), ("utf-16", "Größe")],
)
def test_a_character_set_that_is_one_is_used(charset, text):
    body = text.encode(charset)
    assert (
        Fetched(URL, 200, {"content-type": f"text/html; charset={charset}"}, "text/html", body).text == text
    )


@pytest.mark.parametrize(
    "location",
    ["http://[bad", "//[bad", "http://[::1", "http://x:99999999/", "http://a b/",
     "javascript:x", "\\\\evil.example", "http://%zz/", "http://user:pw@x.example/", "http://.../", "http://\x80/"],
)  # fmt: skip
def test_a_redirect_to_what_is_no_address_is_a_sentence(site, location):
    site.pages["/moved"] = Answer("", 302, headers={"Location": location})
    with pytest.raises(LookalikeError) as refused:
        fetch(f"{site.url}/moved", max_bytes=1000, timeout_s=10, allow_private=True)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("location", ["", "?", "#", "/moved", "//"])
def test_a_redirect_to_itself_ends(site, location):
    site.pages["/moved"] = Answer("", 302, headers={"Location": location})
    with pytest.raises(
        (FetchError, LookalikeError), match=r"more than 10 times|names no host|not a web address"
    ):
        fetch(f"{site.url}/moved", max_bytes=1000, timeout_s=10, allow_private=True)


@pytest.mark.parametrize(
    "odd", ["http://[bad", "//[bad", "http://[::1", "http://\u202e/", ":", "[", "\0", "http://"]
)
def test_a_sitemap_line_of_robots_txt_that_names_no_address(odd):
    named = sitemaps_in_robots(f"Sitemap: {odd}\nSitemap: /products.xml", "https://shop.example/robots.txt")
    assert of_products(tuple(map(Entry, named)))[0].url == "https://shop.example/products.xml"
