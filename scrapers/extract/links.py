"""What a listing page leads to: the products it shows, its next page, and the store's categories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

from lxml.html import HtmlElement

from scrapers.extract.address import (
    LISTING_NAMES,
    SWITCHES,
    escaped,
    is_context,
    is_home,
    is_id_like,
    is_noise,
    is_told_by_query,
    naming_pairs,
    pairs_of,
    spelling,
    without,
    without_tracking,
)
from scrapers.extract.page import Page, same_site
from scrapers.extract.sources.markup import Markup

_CARD = re.compile(r"(?:^|[\s_-])(?:product|item|card|tile|article|grid-?item)", re.IGNORECASE)
_NOT_PRODUCTS = re.compile(
    r"/(?:cart|basket|bag|checkout|account|login|signin|register|wishlist|search|contact|about|help|faq|"
    r"privacy|terms|imprint|impressum|warenkorb|panier|blogs?|pages|policies)(?:[/.?]|$)",
    re.IGNORECASE,
)
_NO_PRODUCTS_ROUTE = re.compile(
    r"(?:^|[/_])(?:cart|basket|bag|checkout|account|login|logoff|logout|signin|signup|register|wishlist|wish-?list|"
    r"search|contact|contact-?us|about|about-?us|help|faqs?|privacy|terms|conditions|imprint|impressum|warenkorb|"
    r"panier|blogs?|pages|policies|compare|newsletter|sitemap|site-?map|reviews?|password|affiliate|voucher|"
    r"shipping|returns|addresses|downloads?|order-?(?:history|status|details?)|my-?account|create-?account|"
    r"information|information-?page|cookies?|unsubscribe|subscribe|currency|language|feeds?|rss)"
    r"(?:[/.?_]|$)",
    re.IGNORECASE,
)
"""What a query says that names no product: `route=account/login`, `main_page=shopping_cart`."""
_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|svg|avif|css|js|pdf|xml|zip|ico)$", re.IGNORECASE)
_NEXT = re.compile(
    r"^\s*(?:next(?: page)?|weiter|nächste(?: seite)?|suivante?|page suivante|siguiente|successiva|avanti|"
    r"volgende|næste|nästa|neste|dalej|další|próxima|seguinte|次へ|下一页|[›»→>]+)\s*[›»→>]*\s*$",
    re.IGNORECASE,
)
_PAGE_PARAMETERS = (
    "page", "p", "paged", "pg", "pagina", "seite", "page_no", "pageno", "pagenumber", "page_number",
    "product-page", "pagenum", "start", "offset", "currentpage", "pageindex",
)  # fmt: skip
_NUMBER_IN_PATH = re.compile(
    r"(?:/page[/-]?|[-_]page[-_]|/p(?=\d+/?$))(\d{1,6})(?=/?$|\.html?$)", re.IGNORECASE
)
_NAVIGATION = re.compile(
    r"(?:^|[ _-])(?:nav|menu|navbar|navigation|categor(?:y|ies)|departments?)", re.IGNORECASE
)
_NAVIGATION_TAGS = ("nav", "header", "aside")
_CARD_DEPTH = 4


def product_cards(page: Page, markup: Markup) -> list[tuple[str, str]]:
    """The products that a listing shows, in their order: address and name, which may be empty.

    Those its markup lists; without such markup, links that show a picture or stand in a product's card.
    """
    found: dict[str, tuple[str, str]] = {}
    listed = [url for url in (fetchable(page, url) for url in markup.listed) if url]
    for url in listed:
        found.setdefault(spelling(without_tracking(url)), (url, ""))
    if found:
        return list(found.values())
    pages = {spelling(listing_key(url)) for url in next_pages(page)}
    for anchor, url in _anchors(page, within="not(ancestor::nav or ancestor::header or ancestor::footer)"):
        if not _is_of_shop(url) and _is_card(anchor) and _leads_on(url, page.url):
            key = spelling(without_tracking(url))
            if spelling(listing_key(url)) not in pages:
                name = " ".join(anchor.text_content().split())[:300]
                first, known = found.get(key, (url, ""))
                found[key] = (first, known if len(known) >= 3 else name)
    return list(found.values())


def product_links(page: Page, markup: Markup) -> list[str]:
    """The addresses of the products that a listing shows, in their order, as the page gives them."""
    return [url for url, _ in product_cards(page, markup)]


def next_pages(page: Page) -> list[str]:
    """The address of the listing's next page; none on its last."""
    marked = "//link[@rel='next']/@href | //a[contains(concat(' ', @rel, ' '), ' next ')]/@href"
    for href in page.tree.xpath(marked):
        url = fetchable(page, str(href))
        if url:
            return [url]
    listing, number = _unpaged(page.url), page_number(page.url)
    for anchor, url in _anchors(page):
        theirs = page_number(url)
        if theirs <= number:
            continue
        label = anchor.get("aria-label") or anchor.get("title") or anchor.text_content()
        follows = theirs == number + 1 and _unpaged(url) == listing
        if follows or _NEXT.match(label[:60]):
            return [url]
    return []


def category_links(page: Page) -> list[str]:
    """The addresses in the store's navigation; on a page that has none, those of all its links."""
    found: dict[str, str] = {}
    others: dict[str, str] = {}
    known: dict[HtmlElement, bool] = {}
    for anchor, url in _anchors(page, within="not(ancestor::footer)"):
        if not _is_of_shop(url) and _leads_on(url, page.url) and not _is_product_card(anchor):
            kind = found if _is_in_navigation(anchor, known) else others
            kind.setdefault(spelling(listing_key(url)), url)
    return list((found or others).values())


def further_listings(page: Page, shapes: set[tuple[object, ...]]) -> list[str]:
    """The addresses on a page that are built as those of listings that showed products, or that name a
    category or maker and nothing else."""
    found: dict[str, str] = {}
    for anchor, url in _anchors(page, within="not(ancestor::footer)"):
        is_listing = listing_shape(url) in shapes or _names_a_listing(url)
        if is_listing and not _is_of_shop(url) and not _is_product_card(anchor):
            found.setdefault(spelling(listing_key(url)), url)
    return list(found.values())


def _names_a_listing(url: str) -> bool:
    """Whether an address that its query completes names a category or maker, and nothing by number."""
    if not is_told_by_query(urlsplit(url).path):
        return False
    listed = any(name.lower() in LISTING_NAMES and value for name, value in pairs_of(url))
    return listed and not any(re.search(r"\d", value) for _, value in naming_pairs(url))


def listing_key(url: str) -> str:
    """A listing's address without what only shows it otherwise: sorted, as a grid, more a page."""
    bare = without_tracking(url)
    return without(bare, lambda name, value: is_context(name, value) and name.lower() in _VIEWS)


_VIEWS_TEXT = """
    sort sortby sort_by sort_order sortorder order orderby order_by dir direction limit per_page
    perpage page_size pagesize items_per_page view mode display layout disp_order
    product_list_order product_list_dir product_list_mode product_list_limit
"""
_VIEWS = frozenset(_VIEWS_TEXT.split())


def listing_shape(url: str) -> tuple[object, ...]:
    """How a listing's address is built: its path's folder where a path names it, else what is no number."""
    parts = urlsplit(listing_key(url))
    names = tuple(
        sorted(name for name, _ in pairs_of(url) if name.lower() not in (*_VIEWS, *_PAGE_PARAMETERS))
    )
    if is_told_by_query(parts.path):
        words = tuple(sorted(pair for pair in naming_pairs(url) if not re.search(r"\d", pair[1])))
        return (parts.path, names, words)
    folder = parts.path.rstrip("/").rpartition("/")[0]
    return (folder, names, bool(folder))


def _anchors(page: Page, within: str = "true()") -> Iterator[tuple[HtmlElement, str]]:
    for anchor in page.tree.xpath(f"//a[@href][{within}]"):
        url = fetchable(page, anchor.get("href"))
        if url:
            yield anchor, url


def fetchable(page: Page, href: str) -> str | None:
    """The address that a link on a page leads to, as a browser asks for it; None where it is no page of the
    same site, or one that shows the store otherwise: in another currency, say."""
    if href.startswith(("#", "javascript:", "mailto:", "tel:", "data:")):
        return None
    try:
        url = escaped(urljoin(page.base_url, href.strip()), page.encoding)
    except ValueError:
        return None
    parts = urlsplit(url)
    is_page = parts.scheme in ("http", "https") and not _FILE.search(parts.path)
    if not is_page or not same_site(url, page.url):
        return None
    switched = {pair for pair in pairs_of(url) if pair[0].lower() in SWITCHES}
    return url if switched <= set(pairs_of(page.url)) else None


def _is_of_shop(url: str) -> bool:
    """Whether an address is, by its words, of the shop as such: its cart, its terms, an account."""
    path = urlsplit(url).path
    if _NOT_PRODUCTS.search(unquote(path)):
        return True
    values = [value for _, value in naming_pairs(url) if not value.isdigit()]
    return is_told_by_query(path) and any(_NO_PRODUCTS_ROUTE.search(value) for value in values)


def _leads_on(url: str, here: str) -> bool:
    """Whether an address is neither the front page nor the page itself, shown otherwise."""
    if is_home(url):
        return False
    there, own = urlsplit(url), urlsplit(here)
    if there.path.rstrip("/") != own.path.rstrip("/"):
        return True
    new = set(naming_pairs(url)) - set(naming_pairs(here))
    if is_told_by_query(own.path):
        changed = {pair for pair in set(pairs_of(url)) - set(pairs_of(here)) if pair[0].lower() not in _VIEWS}
        return bool(new) or any(not is_noise(*pair) for pair in changed)
    return any(is_id_like(name) for name, _ in new)


def _is_in_navigation(element: HtmlElement, known: dict[HtmlElement, bool]) -> bool:
    """Whether an element stands in navigation, by tag, role or name; `known` saves looking twice."""
    if element not in known:
        parent = element.getparent()
        named = f"{element.get('id') or ''} {element.get('class') or ''}"
        own = element.tag not in ("html", "body", "a") and (
            element.tag in _NAVIGATION_TAGS
            or element.get("role") == "navigation"
            or bool(_NAVIGATION.search(named))
        )
        known[element] = own or (parent is not None and _is_in_navigation(parent, known))
    return known[element]


def _is_product_card(anchor: HtmlElement) -> bool:
    """Whether a link shows a picture in a product's card: some shops show a few products in their menus."""
    return _has_card(anchor) and any(
        next(one.iter("img", "picture"), None) is not None
        for one in (anchor, anchor.getparent(), *_grand(anchor))
    )


def _grand(anchor: HtmlElement) -> list[HtmlElement]:
    parent = anchor.getparent()
    return [parent.getparent()] if parent is not None and parent.getparent() is not None else []


def _is_card(anchor: HtmlElement) -> bool:
    return anchor.find(".//img") is not None or _has_card(anchor)


def _has_card(anchor: HtmlElement) -> bool:
    element: HtmlElement | None = anchor
    for _ in range(_CARD_DEPTH):
        if element is None:
            return False
        if _CARD.search(element.get("class") or "") or "Product" in (element.get("itemtype") or ""):
            return True
        element = element.getparent()
    return False


def page_number(url: str) -> int:
    """The number of a listing's page, as its address tells; 1 where it does not."""
    parts = urlsplit(url)
    query = {name.lower(): values for name, values in parse_qs(parts.query).items()}
    for name in _PAGE_PARAMETERS:
        value = (query.get(name) or [""])[-1]
        if value.isascii() and value.isdigit() and len(value) < 7:
            return int(value)
    found = _NUMBER_IN_PATH.search(parts.path)
    return int(found[1]) if found else 1


def _unpaged(url: str) -> str:
    """A listing's address without the number of its page."""
    bare = without(listing_key(url), lambda name, _: name.lower() in _PAGE_PARAMETERS)
    parts = urlsplit(bare)
    return spelling(parts._replace(path=_NUMBER_IN_PATH.sub("", parts.path).rstrip("/")).geturl())
