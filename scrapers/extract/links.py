"""Links of a listing page: the products it shows, its next page, and the store's categories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import parse_qs, urljoin, urlsplit

from lxml.html import HtmlElement
from w3lib.url import add_or_replace_parameter

from scrapers.extract.address import (
    LISTING_NAMES,
    SWITCHES,
    escaped,
    is_below_section,
    is_context,
    is_home,
    is_id_like,
    is_named_by_query,
    is_noise,
    is_shop_page,
    names_only_a_listing,
    naming_pairs,
    pairs_of,
    spelling,
    without,
    without_tracking,
)
from scrapers.extract.fields.money import find_money
from scrapers.extract.page import Page, same_site
from scrapers.extract.sources.markup import Markup
from scrapers.extract.visible.layout import above
from scrapers.extract.vocabulary import phrases

MAX_LINKS = 5000
"""Links of a page that are looked at, each by several readers. The most on 1,840 real pages are 2,344."""

MAX_CARD_ELEMENTS = 60
MAX_CARD_TEXT = 500
"""Elements and characters of a card; larger boxes hold several."""

_CARD = re.compile(r"(?:^|[\s_-])(?:product|item|card|tile|article|grid-?item)", re.IGNORECASE)
_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|svg|avif|css|js|pdf|xml|rss|atom|json|zip|ico)$", re.IGNORECASE)
_NEXT_PAGE = phrases("next_page")
_ARROWS = "›»→>"
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
    """Address and name (possibly empty) of each product that a listing shows, in order.

    Those that its markup lists; without such markup, links that show an image or are in a product card.
    """
    found: dict[str, tuple[str, str]] = {}
    listed = [url for url in (fetchable(page, url) for url in markup.listed) if url]
    for url in listed:
        found.setdefault(spelling(without_tracking(url)), (url, ""))
    if found:
        return list(found.values())
    pages = {spelling(listing_key(url)) for url in next_pages(page)}
    cards = _Cards()
    for anchor, url in _anchors(page, within="not(ancestor::nav or ancestor::header or ancestor::footer)"):
        is_product = cards.hold(anchor) and (
            not is_shop_page(url) or (is_below_section(url) and _is_priced_card(anchor))
        )
        if is_product and _leads_to_another_page(url, page.url):
            key = spelling(without_tracking(url))
            if spelling(listing_key(url)) not in pages:
                name = " ".join(anchor.text_content().split())[:300]
                first, known = found.get(key, (url, ""))
                found[key] = (first, known if len(known) >= 3 else name)
    return list(found.values())


def product_links(page: Page, markup: Markup) -> list[str]:
    """The addresses of the products that a listing shows, in order, as the page gives them."""
    return [url for url, _ in product_cards(page, markup)]


def next_pages(page: Page) -> list[str]:
    """The address of the listing's next page; empty on the last page."""
    marked = "//link[@rel='next']/@href | //a[contains(concat(' ', @rel, ' '), ' next ')]/@href"
    for href in page.tree.xpath(marked):
        url = fetchable(page, str(href))
        if url:
            return [url]
    listing, number = _unpaged(page.url), page_number(page.url)
    for anchor, url in _anchors(page):
        linked_number = page_number(url)
        if linked_number <= number:
            continue
        label = anchor.get("aria-label") or anchor.get("title") or anchor.text_content()
        follows = linked_number == number + 1 and _unpaged(url) == listing
        if follows or _says_next(label[:60]):
            return [url]
    for control in (*page.tagged["input"], *page.tagged["button"]):
        name = control.get("name") or ""
        chosen = control.tag == "button" or (control.get("type") or "").lower() in ("radio", "submit")
        if chosen and name.lower() in _PAGE_PARAMETERS and control.get("value") == str(number + 1):
            return [add_or_replace_parameter(page.url, name, str(number + 1))]  # Shopware's pages
    return []


def _says_next(label: str) -> bool:
    """Whether a label is `Next page` in some language, with or without arrows, or an arrow alone."""
    text = label.strip()
    name = text.rstrip(_ARROWS).rstrip()
    return bool(_NEXT_PAGE.fullmatch(name)) if name else bool(text)


def category_links(page: Page) -> list[str]:
    """The addresses in the store's navigation; all links of a page that has no navigation."""
    found: dict[str, str] = {}
    others: dict[str, str] = {}
    known: dict[HtmlElement, bool] = {}
    cards = _Cards()
    for anchor, url in _anchors(page, within="not(ancestor::footer)"):
        if not is_shop_page(url) and _leads_to_another_page(url, page.url) and not cards.show(anchor):
            kind = found if _is_in_navigation(anchor, known) else others
            kind.setdefault(spelling(listing_key(url)), url)
    return list((found or others).values())


def further_listings(page: Page, shapes: set[tuple[object, ...]]) -> list[str]:
    """Addresses built like those of known listings, or that name only a category or brand."""
    found: dict[str, str] = {}
    cards = _Cards()
    for anchor, url in _anchors(page, within="not(ancestor::footer)"):
        is_listing = listing_shape(url) in shapes or _names_a_listing(url)
        if not is_listing or is_shop_page(url):
            continue
        # The logo of a brand looks like a product card; its address tells them apart.
        if names_only_a_listing(url) or not cards.show(anchor):
            found.setdefault(spelling(listing_key(url)), url)
    return list(found.values())


def _names_a_listing(url: str) -> bool:
    """Whether a query-based address names a category or brand, and nothing by number."""
    if not is_named_by_query(urlsplit(url).path):
        return False
    listed = any(name.lower() in LISTING_NAMES and value for name, value in pairs_of(url))
    return listed and not any(re.search(r"\d", value) for _, value in naming_pairs(url))


def listing_key(url: str) -> str:
    """A listing's address without parameters that only change its display: sorting, grid, page size."""
    bare = without_tracking(url)
    return without(bare, lambda name, value: is_context(name, value) and name.lower() in _VIEW_PARAMETERS)


_VIEWS_TEXT = """
    sort sortby sort_by sort_order sortorder order orderby order_by dir direction limit per_page
    perpage page_size pagesize items_per_page view mode display layout disp_order
    product_list_order product_list_dir product_list_mode product_list_limit
"""
_VIEW_PARAMETERS = frozenset(_VIEWS_TEXT.split())


def listing_shape(url: str) -> tuple[object, ...]:
    """How a listing's address is built: its folder if the path identifies it, else its non-numeric
    parameters."""
    parts = urlsplit(listing_key(url))
    names = tuple(
        sorted(
            name for name, _ in pairs_of(url) if name.lower() not in (*_VIEW_PARAMETERS, *_PAGE_PARAMETERS)
        )
    )
    if is_named_by_query(parts.path):
        words = tuple(sorted(pair for pair in naming_pairs(url) if not re.search(r"\d", pair[1])))
        return (parts.path, names, words)
    folder = parts.path.rstrip("/").rpartition("/")[0]
    return (folder, names, bool(folder))


def _anchors(page: Page, within: str = "true()") -> Iterator[tuple[HtmlElement, str]]:
    for anchor in page.tree.xpath(f"//a[@href][{within}]")[:MAX_LINKS]:
        url = fetchable(page, anchor.get("href"))
        if url:
            yield anchor, url


def fetchable(page: Page, href: str) -> str | None:
    """The address to request for a link; None if it is no page of this site, or shows the store in another
    currency or language."""
    if href not in page.link_targets:
        page.link_targets[href] = _fetchable(page, href)
    return page.link_targets[href]


def _fetchable(page: Page, href: str) -> str | None:
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


def _leads_to_another_page(url: str, here: str) -> bool:
    """Whether an address leads to another page than the front page and the page itself."""
    if is_home(url):
        return False
    target, own = urlsplit(url), urlsplit(here)
    if target.path.rstrip("/") != own.path.rstrip("/"):
        return True
    new = set(naming_pairs(url)) - set(naming_pairs(here))
    if is_named_by_query(own.path):
        changed = {
            pair
            for pair in set(pairs_of(url)) - set(pairs_of(here))
            if pair[0].lower() not in _VIEW_PARAMETERS
        }
        return bool(new) or any(not is_noise(*pair) for pair in changed)
    return any(is_id_like(name) for name, _ in new)


def _is_in_navigation(element: HtmlElement, known: dict[HtmlElement, bool]) -> bool:
    """Whether an element is in navigation, by tag, role or name; `known` caches answers."""
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


class _Cards:
    """Finds links in product cards; looks at each element once, however many links are inside it."""

    def __init__(self) -> None:
        self._named: dict[HtmlElement, bool] = {}
        self._pictured: dict[HtmlElement, bool] = {}

    def hold(self, anchor: HtmlElement) -> bool:
        """Whether a link shows an image or is in a product card."""
        return anchor.find(".//img") is not None or self._are_around(anchor)

    def show(self, anchor: HtmlElement) -> bool:
        """Whether a link shows an image in a product card: some shops show a few products in their menus."""
        around = (anchor, *islice(anchor.iterancestors(), 2))
        return self._are_around(anchor) and any(map(self._is_pictured, around))

    def _are_around(self, anchor: HtmlElement) -> bool:
        return any(map(self._is_named, (anchor, *islice(anchor.iterancestors(), _CARD_DEPTH - 1))))

    def _is_named(self, element: HtmlElement) -> bool:
        if element not in self._named:
            names, types = element.get("class") or "", element.get("itemtype") or ""
            self._named[element] = bool(_CARD.search(names)) or "Product" in types
        return self._named[element]

    def _is_pictured(self, element: HtmlElement) -> bool:
        if element not in self._pictured:
            self._pictured[element] = next(element.iter("img", "picture"), None) is not None
        return self._pictured[element]


def _is_priced_card(anchor: HtmlElement) -> bool:
    """Whether a link, or the box around it without other links, shows an image and a price: an article's
    shows no price."""
    target = anchor.get("href")
    for one in above(anchor, _CARD_DEPTH):
        if next(islice(one.iter(), MAX_CARD_ELEMENTS, None), None) is not None:
            return False
        if any(link.get("href") != target for link in one.iter("a")):
            return False
        amounts = find_money(" ".join(" ".join(one.itertext())[:MAX_CARD_TEXT].split()))
        if any(money.symbol for money in amounts) and next(one.iter("img", "picture"), None) is not None:
            return True
    return False


def page_number(url: str) -> int:
    """The page number in a listing's address; 1 if it has none."""
    parts = urlsplit(url)
    query = {name.lower(): values for name, values in parse_qs(parts.query).items()}
    for name in _PAGE_PARAMETERS:
        value = (query.get(name) or [""])[-1]
        if value.isascii() and value.isdigit() and len(value) < 7:
            return int(value)
    found = _NUMBER_IN_PATH.search(parts.path)
    return int(found[1]) if found else 1


def _unpaged(url: str) -> str:
    """A listing's address without its page number."""
    bare = without(listing_key(url), lambda name, _: name.lower() in _PAGE_PARAMETERS)
    parts = urlsplit(bare)
    return spelling(parts._replace(path=_NUMBER_IN_PATH.sub("", parts.path).rstrip("/")).geturl())
