"""What on a page belongs to other products, to navigation or to the cart."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import lxml.html

from scrapers.extract.address import is_same_page, naming_pairs
from scrapers.extract.page import Page
from scrapers.extract.pictures import is_picture
from scrapers.extract.visible.layout import Layout, Spot, tokens
from scrapers.extract.visible.words import OTHER_PRODUCTS

_FURNITURE_TAGS = frozenset({"nav", "footer"})
_FURNITURE_ROLES = frozenset({"navigation", "contentinfo", "search"})
_OTHERS_TEXT = """
    navigation navbar megamenu topbar breadcrumb breadcrumbs crumbs footer minicart minibasket
    cartdrawer cookie cookies newsletter related recommend recommended recommendation
    recommendations recommender recommends upsell upsells upselling crosssell crosssells
    crossselling similar alternatives accessory accessories suggestion suggestions sponsored
    alsobought alsoviewed boughttogether recently reco recos recs review reviews
"""
_OTHERS = frozenset(_OTHERS_TEXT.split())
_TOGETHER = (
    frozenset({"cross", "sell"}),
    frozenset({"cross", "selling"}),
    frozenset({"up", "sell"}),
    frozenset({"mini", "cart"}),
    frozenset({"mini", "basket"}),
    frozenset({"cart", "drawer"}),
    frozenset({"also", "bought"}),
    frozenset({"also", "viewed"}),
    frozenset({"also", "like"}),
    frozenset({"bought", "together"}),
    frozenset({"last", "viewed"}),
)
_HEADS = frozenset({"title", "heading", "headline", "header", "h2", "h3", "h4", "h5"})
MAX_CARD = 700
"""Characters of text on a product card, at most."""
MAX_TARGETS = 3
MAX_BEFORE = 40
"""Characters of text that may come before a heading in the box it heads."""
MAX_PRICES = 3
"""Amounts on a product card, at most: today's price, that of before, one a litre."""
MIN_ROWS = 3
"""Rows with a link and a price, without pictures, that make a list of products."""
MAX_TEASER = 500
MIN_WORDS = 5
_MAX_STEPS = 40
_MAX_CLIMB = 3


class Others:
    """Tells the page's own product from what else is on the page.

    :param anchor: the heading of the page's own product; whatever it stands in is its own, too.
    """

    def __init__(self, layout: Layout, anchor: Spot) -> None:
        self._page = layout.page
        self._extent = layout.extent
        self._own: set[lxml.html.HtmlElement] = {anchor.element, *anchor.element.iterancestors()}
        self._known: dict[lxml.html.HtmlElement, bool] = {}
        self._cards: set[lxml.html.HtmlElement] = set()
        self._mark_headed(layout, anchor)

    def mark_cards(self, priced: Iterable[lxml.html.HtmlElement]) -> None:
        """Finds the product cards among the elements that hold prices: two or more alike, side by side,
        each with a link that leads elsewhere."""
        siblings: dict[tuple[lxml.html.HtmlElement, str], dict[lxml.html.HtmlElement, int]] = {}
        for element in priced:
            current = element
            for _ in range(_MAX_STEPS):
                parent = current.getparent()
                if parent is None or current in self._own:
                    break
                prices = siblings.setdefault((parent, _kind(current)), {})
                prices[current] = prices.get(current, 0) + 1
                current = parent
        own = {(one.getparent(), _kind(one)) for one in self._own}
        for (parent, kind), alike in siblings.items():
            # What is built as the part with the heading is a part of the page, no card.
            if (parent, kind) in own:
                continue
            self._cards.update(element for element in alike if self._is_teaser(element))
            if len(alike) > 1:
                leading = {
                    element: self._targets(element)
                    for element, prices in alike.items()
                    if prices <= MAX_PRICES
                }
                cards = [element for element, targets in leading.items() if self._is_card(element, targets)]
                pictured = [card for card in cards if next(card.iter("img", "picture"), None) is not None]
                for some, enough in ((pictured, 2), (cards, MIN_ROWS)):
                    if len(set().union(*(leading[card] for card in some))) >= enough:
                        self._cards.update(some)

    def _is_card(self, element: lxml.html.HtmlElement, targets: set[str]) -> bool:
        """A card is small, and its links lead to one product: a few addresses at most."""
        return self._extent.get(element, (0, 0))[1] <= MAX_CARD and 0 < len(targets) <= MAX_TARGETS

    def _is_teaser(self, element: lxml.html.HtmlElement) -> bool:
        """Whether it is small, and a picture and words in it lead to the same other page."""
        if self._extent.get(element, (0, 0))[1] > MAX_TEASER:
            return False
        pictured: set[str] = set()
        worded: set[str] = set()
        links = [element] if element.tag == "a" else element.iter("a")
        for _, link in zip(range(8), links, strict=False):
            target = _elsewhere(link.get("href"), self._page)
            if target:
                if next(link.iter("img", "picture"), None) is not None:
                    pictured.add(target)
                if self._extent.get(link, (0, 0))[1] >= MIN_WORDS:
                    worded.add(target)
        return not pictured.isdisjoint(worded)

    def _leads_away(self, element: lxml.html.HtmlElement) -> bool:
        """Whether it is a link around more than a word or two: what is in it is of the page it leads to."""
        return (
            element.tag == "a"
            and len(element) > 0
            and _elsewhere(element.get("href"), self._page) is not None
            and next(element.iter("img"), None) is not None
        )

    def _targets(self, element: lxml.html.HtmlElement) -> set[str]:
        """The other pages that the links in an element lead to."""
        found: set[str] = set()
        links = [element] if element.tag == "a" else element.iter("a")
        for link in links:
            target = _elsewhere(link.get("href"), self._page)
            if target:
                found.add(target)
                if len(found) > MAX_TARGETS:
                    break
        return found

    def has(self, spot: Spot) -> bool:
        """Whether a spot belongs to something else than the page's product."""
        return self._within(spot.element)

    def _mark_headed(self, layout: Layout, anchor: Spot) -> None:
        """What stands under a heading such as `You may also like`: the box around it, and where it has no box
        of its own, what follows up to the next heading of its kind."""
        for spot in layout.spots:
            if spot.order <= anchor.order or not _heads(spot) or not OTHER_PRODUCTS.search(spot.text):
                continue
            box = spot.element
            for _ in range(_MAX_CLIMB):
                parent = box.getparent()
                begins = parent is not None and spot.read - layout.extent.get(parent, (0, 0))[0] <= MAX_BEFORE
                if parent is None or parent in self._own or not begins:
                    break
                box = parent
            self._cards.add(box)
            if box is spot.element or len(layout.by_element.get(box, spot).text) <= len(spot.text) + 10:
                for sibling in box.itersiblings():
                    if sibling.tag == spot.element.tag or sibling in self._own:
                        break
                    self._cards.add(sibling)

    def _within(self, element: lxml.html.HtmlElement) -> bool:
        path = []
        current: lxml.html.HtmlElement | None = element
        found = False
        while current is not None and current not in self._own:
            known = self._known.get(current)
            if known is not None:
                found = known
                break
            path.append(current)
            if current in self._cards or _is_of_others(current) or self._leads_away(current):
                found = True
                break
            current = current.getparent()
        for one in path:
            self._known[one] = found
        return found


def _kind(element: lxml.html.HtmlElement) -> str:
    """What elements that are built alike have in common."""
    return f"{element.tag} {' '.join(sorted((element.get('class') or '').split())[:2])}"


def _elsewhere(href: str | None, page: Page) -> str | None:
    """Where a link leads to, with what of its query names a page; None where it stays on the page or leads to
    a picture."""
    return _leads_to(href.strip(), page.base_url, page.url) if href and not is_picture(href) else None


@lru_cache(maxsize=4096)
def _leads_to(href: str, base_url: str, url: str) -> str | None:
    if not href or href.startswith("#") or href.lower().startswith(("javascript:", "mailto:", "tel:")):
        return None
    try:
        link = urljoin(base_url, href)
        there = urlsplit(link)
        named = "&".join(f"{name}={value}" for name, value in naming_pairs(link))
        return (
            None if is_same_page(link, url) else f"{there.netloc}{there.path.rstrip('/')}?{named}".rstrip("?")
        )
    except ValueError:
        return None


def _is_of_others(element: lxml.html.HtmlElement) -> bool:
    if element.tag in _FURNITURE_TAGS or (element.get("role") or "").lower() in _FURNITURE_ROLES:
        return True
    names = tokens(element)
    return not names.isdisjoint(_OTHERS) or any(pair <= names for pair in _TOGETHER)


def _heads(spot: Spot) -> bool:
    """Whether a text is set as the heading of something."""
    if spot.hidden or len(spot.text) > 80:
        return False
    if spot.element.tag in ("h2", "h3", "h4", "h5"):
        return True
    return spot.element.tag in ("div", "p", "strong", "span") and not tokens(spot.element).isdisjoint(_HEADS)
