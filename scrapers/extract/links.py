"""What a listing page leads to: the products it shows, its next page, and the store's categories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urljoin, urlsplit

from lxml.html import HtmlElement

from scrapers.extract.markup import Markup
from scrapers.extract.address import without_tracking
from scrapers.extract.page import Page, same_site

_CARD = re.compile(r"(?:^|[\s_-])(?:product|item|card|tile|article|grid-?item)", re.IGNORECASE)
_NOT_PRODUCTS = re.compile(
    r"/(?:cart|basket|bag|checkout|account|login|signin|register|wishlist|search|contact|about|help|faq|"
    r"privacy|terms|imprint|impressum|warenkorb|panier|blogs?|pages|policies)(?:[/.?]|$)",
    re.IGNORECASE,
)
_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|svg|avif|css|js|pdf|xml|zip|ico)$", re.IGNORECASE)
_NEXT = re.compile(
    r"^\s*(?:next(?: page)?|weiter|nächste(?: seite)?|suivante?|page suivante|siguiente|successiva|avanti|"
    r"volgende|næste|nästa|neste|dalej|další|próxima|seguinte|次へ|下一页|[›»→>]+)\s*[›»→>]*\s*$",
    re.IGNORECASE,
)
_PAGE_PARAMETERS = ("page", "p", "paged", "pg", "pagina", "seite")
_CARD_DEPTH = 4


def product_links(page: Page, markup: Markup) -> list[str]:
    """The addresses of the products that a listing shows, in their order.

    Those its markup lists; without such markup, links that show a picture or stand in a product's card.
    """
    listed = [without_tracking(url) for url in markup.listed if same_site(url, page.url)]
    if listed:
        return list(dict.fromkeys(listed))
    here = without_tracking(page.url)
    found: dict[str, None] = {}
    for anchor, url in _anchors(page, within="not(ancestor::nav or ancestor::header or ancestor::footer)"):
        if url != here and not _NOT_PRODUCTS.search(urlsplit(url).path) and _is_card(anchor):
            found[url] = None
    not_products = {*next_pages(page), here}
    paths = ("", "/", urlsplit(here).path)
    return [url for url in found if url not in not_products and urlsplit(url).path not in paths]


def next_pages(page: Page) -> list[str]:
    """The address of the listing's next page; none on its last."""
    marked = "//link[@rel='next']/@href | //a[contains(concat(' ', @rel, ' '), ' next ')]/@href"
    for href in page.tree.xpath(marked):
        url = fetchable(page, str(href))
        if url:
            return [url]
    path, number = _listing_path(page.url), _page_number(page.url)
    for anchor, url in _anchors(page):
        label = anchor.get("aria-label") or anchor.get("title") or anchor.text_content()
        follows = _listing_path(url) == path and _page_number(url) == number + 1
        if follows or (_NEXT.match(label[:60]) and _page_number(url) > number):
            return [url]
    return []


def category_links(page: Page) -> list[str]:
    """The addresses in the store's navigation."""
    here = without_tracking(page.url)
    links = (url for _, url in _anchors(page, within="(ancestor::nav or ancestor::header)"))
    wanted = (url for url in links if url != here and not _NOT_PRODUCTS.search(urlsplit(url).path))
    return [url for url in dict.fromkeys(wanted) if urlsplit(url).path not in ("", "/")]


def _anchors(page: Page, within: str = "true()") -> Iterator[tuple[HtmlElement, str]]:
    for anchor in page.tree.xpath(f"//a[@href][{within}]"):
        url = fetchable(page, anchor.get("href"))
        if url:
            yield anchor, url


def fetchable(page: Page, href: str) -> str | None:
    """The address that a link on a page leads to; None where it is no page of the same site."""
    if href.startswith(("#", "javascript:", "mailto:", "tel:", "data:")):
        return None
    try:
        url = without_tracking(urljoin(page.base_url, href.strip()))
    except ValueError:
        return None
    parts = urlsplit(url)
    is_page = parts.scheme in ("http", "https") and not _FILE.search(parts.path)
    return url if is_page and same_site(url, page.url) else None


def _is_card(anchor: HtmlElement) -> bool:
    if anchor.find(".//img") is not None:
        return True
    element: HtmlElement | None = anchor
    for _ in range(_CARD_DEPTH):
        if element is None:
            return False
        if _CARD.search(element.get("class") or "") or "Product" in (element.get("itemtype") or ""):
            return True
        element = element.getparent()
    return False


def _page_number(url: str) -> int:
    """The number of a listing's page, as its address tells; 1 where it does not."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    for name in _PAGE_PARAMETERS:
        value = (query.get(name) or [""])[-1]
        if value.isascii() and value.isdigit() and len(value) < 7:
            return int(value)
    found = re.search(r"/page/(\d{1,6})/?$", parts.path)
    return int(found[1]) if found else 1


def _listing_path(url: str) -> str:
    return re.sub(r"/page/\d{1,6}/?$", "", urlsplit(url).path).rstrip("/")
