"""Page content about other products, navigation and the cart."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import lxml.html

from scrapers.extract.address import is_same_page, naming_pairs
from scrapers.extract.image_addresses import is_image
from scrapers.extract.visible.layout import Layout, Spot, above, tokens
from scrapers.extract.visible.weights import CARD
from scrapers.extract.vocabulary import phrases

_OTHER_PRODUCTS = phrases("other_products")
_NAVIGATION_TAGS = frozenset({"nav", "footer"})
_NAVIGATION_ROLES = frozenset({"navigation", "contentinfo", "search"})
_OTHERS_TEXT = """
    navigation navbar megamenu topbar breadcrumb breadcrumbs crumbs footer minicart minibasket
    cartdrawer cookie cookies newsletter related recommend recommended recommendation
    recommendations recommender recommends upsell upsells upselling crosssell crosssells
    crossselling similar alternatives accessory accessories suggestion suggestions sponsored
    alsobought alsoviewed boughttogether recently reco recos recs review reviews
"""
_OTHER_NAMES = frozenset(_OTHERS_TEXT.split())
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
_ENLARGES = re.compile(
    r"(?:^|[/?&=])(?:view[-_]?)?(?:pop[-_]?up|zoom|enlarged?|larger|lightbox)(?:[-_]?(?:image|photo|picture))?"
    r"(?:\.\w{2,5})?(?:[?&#=]|$)",
    re.I,
)
"""Addresses of pages that show an image larger, by a whole part: Zen Cart's `popup_image`, not `zoom-fly`."""
_HEADING_NAMES = frozenset({"title", "heading", "headline", "header", "h2", "h3", "h4", "h5"})


class OtherContent:
    """Tells the page's own product from other content.

    :param anchor: the heading of the page's own product; elements around it are its own, too.
    """

    def __init__(self, layout: Layout, anchor: Spot) -> None:
        self._page = layout.page
        self._extent = layout.extent
        self._spots = layout.by_element
        self._own: set[lxml.html.HtmlElement] = {anchor.element, *anchor.element.iterancestors()}
        self._leading: dict[str, str | None] = {}
        self._known: dict[lxml.html.HtmlElement, bool] = {}
        self._cards: set[lxml.html.HtmlElement] = set()
        self._add_headed(layout, anchor)

    def add_cards(self, priced: Iterable[lxml.html.HtmlElement]) -> None:
        """Finds product cards among the elements with prices: similar siblings that each link to another
        page."""
        prices: Counter[lxml.html.HtmlElement] = Counter()
        for element in priced:
            for current in above(element, CARD.price_steps - 1):
                if current in self._own:
                    break
                prices[current] += 1
        siblings = defaultdict(list)
        for element in prices:
            siblings[element.getparent(), _shape(element)].append(element)
        own = {(one.getparent(), _shape(one)) for one in self._own}
        for (parent, shape), group in siblings.items():
            # An element shaped like the part with the heading is a part of the page and no card.
            if (parent, shape) in own:
                continue
            self._cards.update(element for element in group if self._is_teaser(element))
            if len(group) > 1:
                leading = {
                    element: self._targets(element) for element in group if prices[element] <= CARD.max_prices
                }
                cards = [element for element, targets in leading.items() if self._is_card(element, targets)]
                pictured = [card for card in cards if next(card.iter("img", "picture"), None) is not None]
                for some, enough in ((pictured, CARD.min_pictured), (cards, CARD.min_rows)):
                    if len(set().union(*(leading[card] for card in some))) >= enough:
                        self._cards.update(some)

    def _is_card(self, element: lxml.html.HtmlElement, targets: set[str]) -> bool:
        """Whether an element is small and links to a few addresses at most, as a product card does."""
        return self._extent.get(element, (0, 0))[1] <= CARD.max_card and 0 < len(targets) <= CARD.max_targets

    def _is_teaser(self, element: lxml.html.HtmlElement) -> bool:
        """Whether an element is small, and an image and a text in it link to the same other page."""
        if self._extent.get(element, (0, 0))[1] > CARD.max_teaser:
            return False
        pictured: set[str] = set()
        worded: set[str] = set()
        links = [element] if element.tag == "a" else element.iter("a")
        for _, link in zip(range(CARD.max_links), links, strict=False):
            target = self._elsewhere(link.get("href"))
            if target:
                if next(link.iter("img", "picture"), None) is not None:
                    pictured.add(target)
                if self._length(link) >= CARD.min_link_words:
                    worded.add(target)
        return not pictured.isdisjoint(worded)

    def _length(self, element: lxml.html.HtmlElement) -> int:
        """The characters of an element's text; of a hidden one, such as a card of the other view, too."""
        shown = self._extent.get(element, (0, 0))[1]
        return shown or (len(self._spots[element].text) if element in self._spots else 0)

    def _leads_away(self, element: lxml.html.HtmlElement) -> bool:
        """Whether it is a link around an image: its content belongs to the linked page, unless that shows
        the image larger."""
        return (
            element.tag == "a"
            and len(element) > 0
            and not _ENLARGES.search(element.get("href") or "")
            and self._elsewhere(element.get("href")) is not None
            and next(element.iter("img"), None) is not None
        )

    def _elsewhere(self, href: str | None) -> str | None:
        """The address that a link leads to, with its identifying query; None if it stays on the page or
        leads to an image."""
        if not href:
            return None
        if href not in self._leading:
            leads = None if is_image(href) else _leads_to(href.strip(), self._page.base_url, self._page.url)
            self._leading[href] = leads
        return self._leading[href]

    def _targets(self, element: lxml.html.HtmlElement) -> set[str]:
        """The other pages that the links in an element lead to."""
        found: set[str] = set()
        links = [element] if element.tag == "a" else element.iter("a")
        for link in links:
            target = self._elsewhere(link.get("href"))
            if target:
                found.add(target)
                if len(found) > CARD.max_targets:
                    break
        return found

    def _add_headed(self, layout: Layout, anchor: Spot) -> None:
        """Adds what is under a heading such as `You may also like`: the box around the heading, or else
        what follows up to the next heading of its kind."""
        for spot in layout.spots:
            if spot.order <= anchor.order or not _is_heading(spot) or not _OTHER_PRODUCTS.search(spot.text):
                continue
            box = spot.element
            for _ in range(CARD.box_steps):
                parent = box.getparent()
                begins = (
                    parent is not None
                    and spot.read - layout.extent.get(parent, (0, 0))[0] <= CARD.before_heading
                )
                if parent is None or parent in self._own or not begins:
                    break
                box = parent
            self._cards.add(box)
            if (
                box is spot.element
                or len(layout.by_element.get(box, spot).text) <= len(spot.text) + CARD.beside_heading
            ):
                for sibling in box.itersiblings():
                    if sibling.tag == spot.element.tag or sibling in self._own:
                        break
                    self._cards.add(sibling)

    def contains(self, element: lxml.html.HtmlElement) -> bool:
        """Whether an element belongs to something else than the page's product."""
        path = []
        current: lxml.html.HtmlElement | None = element
        inside = False
        while current is not None and current not in self._own:
            known = self._known.get(current)
            if known is not None:
                inside = known
                break
            path.append(current)
            if current in self._cards or _is_of_others(current) or self._leads_away(current):
                inside = True
                break
            current = current.getparent()
        for one in path:
            self._known[one] = inside
        return inside


def _shape(element: lxml.html.HtmlElement) -> tuple[str, str]:
    """What similar elements have in common."""
    classes = element.get("class")
    return element.tag, _first_classes(classes) if classes else ""


@lru_cache(maxsize=8192)
def _first_classes(classes: str) -> str:
    return " ".join(sorted(classes.split())[:2])


@lru_cache(maxsize=4096)
def _leads_to(href: str, base_url: str, url: str) -> str | None:
    if not href or href.startswith("#") or href.lower().startswith(("javascript:", "mailto:", "tel:")):
        return None
    try:
        link = urljoin(base_url, href)
        target = urlsplit(link)
        named = "&".join(f"{name}={value}" for name, value in naming_pairs(link))
        return (
            None
            if is_same_page(link, url)
            else f"{target.netloc}{target.path.rstrip('/')}?{named}".rstrip("?")
        )
    except ValueError:
        return None


def _is_of_others(element: lxml.html.HtmlElement) -> bool:
    if element.tag in _NAVIGATION_TAGS or (element.get("role") or "").lower() in _NAVIGATION_ROLES:
        return True
    names = tokens(element)
    return not names.isdisjoint(_OTHER_NAMES) or any(pair <= names for pair in _TOGETHER)


def _is_heading(spot: Spot) -> bool:
    """Whether a text is formatted as a heading."""
    if spot.hidden or len(spot.text) > CARD.max_heading:
        return False
    if spot.element.tag in ("h2", "h3", "h4", "h5"):
        return True
    return spot.element.tag in ("div", "p", "strong", "span") and not tokens(spot.element).isdisjoint(
        _HEADING_NAMES
    )
