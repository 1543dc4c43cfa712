"""The button that buys the page's product, and whether it works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import lxml.html

from scrapers.extract.text import clean
from scrapers.extract.visible.heading import Heading
from scrapers.extract.visible.layout import REACH_AFTER, REACH_BEFORE, Layout, above, tokens
from scrapers.extract.visible.other_content import OtherContent
from scrapers.extract.visible.weights import BUTTON
from scrapers.extract.vocabulary import phrases

_BUY = phrases("buy")
_OTHER_BUTTON = phrases("other_button")
_NOTIFY = phrases("notify_me")
_PREORDER = phrases("preorder")
_SOLD_OUT = phrases("sold_out", "coming_soon")
_BUY_NAME_PAIRS = (
    frozenset({"add", "cart"}),
    frozenset({"add", "basket"}),
    frozenset({"add", "bag"}),
    frozenset({"add", "trolley"}),
    frozenset({"to", "cart"}),
    frozenset({"to", "basket"}),
    frozenset({"buy", "now"}),
    frozenset({"buy", "button"}),
    frozenset({"buy", "btn"}),
    frozenset({"btn", "cart"}),
    frozenset({"button", "cart"}),
    frozenset({"single", "cart", "button"}),
)
_BUY_NAMES_TEXT = """
    addtocart addtobag addtobasket addcart add2cart buynow tocart tobasket addtocartbutton
    btnaddtocart btnbuy addbasket buybutton btncart buybtn addtocartbtn productaddtocart addbag atc
"""
_BUY_NAMES = frozenset(_BUY_NAMES_TEXT.split())
_DISABLED = frozenset({"disabled", "inactive", "unavailable", "soldout", "nostock", "outofstock"})
_BUTTON = frozenset({"btn", "button", "cta", "buy"})
_INPUTS = frozenset({"submit", "button", "image"})
_BUTTON_NAMES = frozenset({"btn", "button", "cta", "buy", "order", "action", "purchase"})
_BUYING_ADDRESS = re.compile("cart|basket|buy|order|korb|panier|carrello|checkout|kosik|add")
_PRODUCT_LINK = re.compile(
    r"(?:https?://[^/]+)?/(?:[\w-]+/)*?(?:p|products?|c|category|categories|collections?|shop|catalogue|item)/[\w-]+"
)
"""Links of articles and campaigns lead to products and categories, however they are styled."""
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(slots=True)
class Buying:
    """What the page's buttons say.

    :ivar working: a button that buys.
    :ivar disabled: a disabled button that would buy.
    :ivar sold_out: a button's label says that the product is sold out.
    :ivar preorder: the working button orders a future product.
    :ivar notify: a button that requests a notification once it is back in stock.
    :ivar order: the position of the button nearest to the heading.
    :ivar words: the label of the deciding button.
    """

    working: bool = False
    disabled: bool = False
    sold_out: bool = False
    preorder: bool = False
    notify: bool = False
    order: int | None = None
    words: str | None = None


def find_buttons(layout: Layout, heading: Heading) -> list[tuple[int, lxml.html.HtmlElement, str]]:
    """Everything clickable that mentions buying or stock: position, element, label."""
    found = []
    for element, order in _pressable(layout):
        if not -REACH_BEFORE <= order - heading.spot.order <= REACH_AFTER:
            continue
        label = _label(layout, element)
        if _is_buy_button(element, label) or (
            label and len(label) <= BUTTON.max_label and _mentions_stock(label)
        ):
            found.append((order, element, label))
    return sorted(found, key=lambda one: one[0])


def _pressable(layout: Layout) -> Iterator[tuple[lxml.html.HtmlElement, int]]:
    """The elements that can be pressed, one tag after the other, and their positions."""
    yield from layout.tagged("button")
    for element, order in layout.tagged("a"):
        if _looks_like_button(element):
            yield element, order
    for element, order in layout.tagged("input"):
        if (element.get("type") or "").lower() in _INPUTS:
            yield element, order
    has_roles = layout.page.mentions_attribute("role")
    has_handlers = layout.page.mentions_attribute("onclick")
    for tag in layout.by_tag.keys() - {"a", "button", "input"}:
        styled = tag in ("div", "span", "p")
        if not styled and not has_roles:
            continue
        for element in layout.by_tag[tag]:
            if (
                (styled and not tokens(element).isdisjoint(_BUTTON))
                or (has_roles and element.get("role") == "button")
                or (styled and has_handlers and element.get("onclick") is not None)
            ):
                yield element, layout.order[element]


def read_buying(
    layout: Layout,
    heading: Heading,
    others: OtherContent,
    buttons: list[tuple[int, lxml.html.HtmlElement, str]],
) -> Buying:
    """What the buttons of the page's own product say."""
    buying = Buying()
    for order, element, label in buttons:
        spot = layout.by_element.get(element)
        hidden = spot.hidden if spot else _in_hidden(layout, element)
        if hidden or others.contains(element):
            continue
        if label and _SOLD_OUT.search(label) and not _is_option(element):
            buying.sold_out = True
            buying.words = buying.words or label
        elif label and _NOTIFY.search(label):
            buying.notify = True
        elif _disabled(element):
            buying.disabled = True
            buying.words = buying.words or label
        elif _is_buy_button(element, label):
            buying.preorder = (buying.preorder or not buying.working) and bool(_PREORDER.search(label))
            if not buying.working:
                buying.words = label
            buying.working = True
        else:
            continue
        if buying.order is None or abs(order - heading.spot.order) < abs(buying.order - heading.spot.order):
            buying.order = order
    return buying


@lru_cache(maxsize=4096)
def _mentions_stock(label: str) -> bool:
    return bool(_NOTIFY.search(label) or _SOLD_OUT.search(label))


def _label(layout: Layout, element: lxml.html.HtmlElement) -> str:
    spot = layout.by_element.get(element)
    words = spot.text if spot else ""
    if not _LETTERS.search(words):
        for name in ("value", "aria-label", "title", "alt", "data-label"):
            words = element.get(name) or ""
            if _LETTERS.search(words):
                break
        else:
            image = next(element.iter("img"), None) if element.tag in ("a", "button", "div") else None
            words = (image.get("alt") or "") if image is not None else ""
    return (clean(words, 200) or "") if words else ""


def _is_buy_button(element: lxml.html.HtmlElement, label: str) -> bool:
    if label:
        if len(label) > BUTTON.max_label:
            return False
        says_buy = _says_buy(label)
        if says_buy is not None:
            return says_buy
        if element.tag == "a":
            return False
    if element.get("name") in ("add-to-cart", "add", "addToCart", "submit.add-to-cart", "submit.buy-now"):
        return True
    names = tokens(element)
    return not names.isdisjoint(_BUY_NAMES) or any(pair <= names for pair in _BUY_NAME_PAIRS)


@lru_cache(maxsize=4096)
def _says_buy(label: str) -> bool | None:
    """Whether a label says that its button buys; None if it says neither that nor another purpose."""
    match = _BUY.search(label)
    if match and match[0] == label:
        return True
    if _OTHER_BUTTON.search(label):
        return False
    return True if match and (match.end() - match.start()) >= BUTTON.buy_share * len(label) else None


def _looks_like_button(element: lxml.html.HtmlElement) -> bool:
    """Whether a link acts as a button: by its address or style. A link `Order` in a menu leads to a page."""
    href = (element.get("href") or "").strip().lower()
    if not href or href.startswith(("#", "javascript:")):
        return True
    if _BUYING_ADDRESS.search(href):
        return True
    if _PRODUCT_LINK.match(href):
        return False
    return _are_of_button(tokens(element)) or _are_of_button(tokens(element.getparent()))


@lru_cache(maxsize=8192)
def _are_of_button(names: frozenset[str]) -> bool:
    return not names.isdisjoint(_BUTTON_NAMES) or any(
        name.startswith(("btn", "button", "buy")) for name in names
    )


def _disabled(element: lxml.html.HtmlElement) -> bool:
    if element.get("disabled") is not None or (element.get("aria-disabled") or "").lower() == "true":
        return True
    inner = next(element.iter("button", "input"), None) if element.tag in ("div", "span", "a") else None
    if inner is not None and inner.get("disabled") is not None:
        return True
    return not tokens(element).isdisjoint(_DISABLED)


def _is_option(element: lxml.html.HtmlElement) -> bool:
    """Whether it is one of several sizes or colours, some of which may be sold out."""
    return any(
        one.tag in ("li", "option", "label", "fieldset") or not tokens(one).isdisjoint(_OPTIONS)
        for one in above(element, BUTTON.option_steps)
    )


_OPTIONS_TEXT = """
    size sizes swatch swatches variant variants option options variation variations colour color
"""
_OPTIONS = frozenset(_OPTIONS_TEXT.split())


def _in_hidden(layout: Layout, element: lxml.html.HtmlElement) -> bool:
    return any(
        "display:none" in (one.get("style") or "").replace(" ", "").lower() or one.get("hidden") is not None
        for one in above(element, BUTTON.hidden_steps)
    )
