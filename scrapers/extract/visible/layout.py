"""A page in reading order: its short texts, and what is around each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import lxml.etree
import lxml.html

from scrapers.extract.fields.currency import country_of
from scrapers.extract.fields.symbols import local_symbols
from scrapers.extract.page import Page

MAX_ELEMENTS = 60_000
"""Elements that are visited; the largest real product pages have about 20,000."""
MAX_TEXT = 320
"""Longest text, in characters, that is kept for an element: a long product name."""
TOO_LONG = -1
MAX_DEPTH = 250
REACH_BEFORE = 3000
REACH_AFTER = 8000
"""Elements before (`REACH_BEFORE`) and after the heading among which price and button are searched."""

_WITHOUT_TEXT_NAMES = """
    script style noscript template head iframe svg object datalist option nav footer
"""
WITHOUT_TEXT = frozenset(_WITHOUT_TEXT_NAMES.split())
"""Tags without visible text, and tags that never hold the page's product."""
_BLOCKS_TEXT = """
    address article aside blockquote br center dd details div dl dt fieldset figure footer form h1
    h2 h3 h4 h5 h6 header hr label legend li main nav ol option p pre section select table tbody td
    tfoot th thead tr ul
"""
BLOCKS = frozenset(_BLOCKS_TEXT.split())
_WHOLE = frozenset({"html", "body"})
_STRUCK_TAGS = frozenset({"del", "s", "strike"})
_HIDDEN_STYLE = re.compile(r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.I)
_STRUCK_STYLE = re.compile(r"text-decoration[^;]{0,40}line-through", re.I)
_HIDDEN_CLASSES_TEXT = """
    hide hidden d-none is-hidden ng-hide invisible u-hidden js-hidden aok-hidden display-none dn
    none
"""
_HIDDEN_CLASSES = frozenset(_HIDDEN_CLASSES_TEXT.split())
_WORDS = re.compile(r"[a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CENTS_TEXT = """
    cents cent decimal decimals fraction centimes centavos superscript sup
"""
_CENTS = frozenset(_CENTS_TEXT.split())
_ENDS_IN_WORD = re.compile(r"[^\W\d_]{3}$")
_BEGINS_WITH_WORD = re.compile(r"[^\W\d_]{2}")
_BEGINS_WITH_AMOUNT = re.compile(r"[$€£¥₹₽]?\d")
_ENDS_IN_DIGIT = re.compile(r"\d\s*$")
_HAS_CENTS = re.compile(r"[.,]\d{0,2}\s*$")


@dataclass(slots=True, eq=False)
class Spot:
    """An element with a short text of its own or below it.

    :ivar order: its position among the elements of the page.
    :ivar hidden: whether it, or an element around it, is not displayed.
    :ivar struck: whether its text is struck out.
    :ivar read: characters of visible text before it.
    :ivar text: all its visible text, one line; empty if longer than `MAX_TEXT`.
    :ivar own: whether some of the text is directly in it.
    :ivar pieces: the text so far, until the element's end is reached; None if there is none or too much.
    :ivar size: characters of the pieces, `TOO_LONG` if too many.
    """

    order: int
    element: lxml.html.HtmlElement
    hidden: bool
    struck: bool
    read: int
    text: str = ""
    own: bool = False
    pieces: list[str] | None = field(default=None, repr=False)
    size: int = field(default=0, repr=False)


@dataclass(slots=True)
class Layout:
    """A page's spots in document order.

    :ivar order: the position of every visited element, and of every `noscript`.
    :ivar by_tag: the visited elements of each tag, in document order.
    :ivar extent: for every visited element with visible text, the characters before it and in it.
    :ivar read: characters of visible text on the page.
    :ivar local: currency symbols of the page's country only.
    """

    page: Page
    local: tuple[str, ...] = ()
    spots: list[Spot] = field(default_factory=list)
    order: dict[lxml.html.HtmlElement, int] = field(default_factory=dict)
    by_tag: dict[str, list[lxml.html.HtmlElement]] = field(default_factory=lambda: defaultdict(list))
    extent: dict[lxml.html.HtmlElement, tuple[int, int]] = field(default_factory=dict)
    by_element: dict[lxml.html.HtmlElement, Spot] = field(default_factory=dict)
    read: int = 0

    def near(self, order: int) -> list[Spot]:
        """The spots in reach of an element: on an endless page, the product's part."""
        return [spot for spot in self.spots if order - REACH_BEFORE <= spot.order <= order + REACH_AFTER]

    def tagged(self, *tags: str) -> Iterator[tuple[lxml.html.HtmlElement, int]]:
        """The visited elements with some tags, one tag after the other, and their positions."""
        for tag in tags:
            for element in self.by_tag.get(tag, ()):
                yield element, self.order[element]


def read_layout(page: Page) -> Layout:
    """Reads a page in one walk. Elements beyond `MAX_ELEMENTS` or deeper than `MAX_DEPTH` are left out."""
    layout = Layout(page, local_symbols(country_of(page)))
    order, by_tag = layout.order, layout.by_tag
    opened: list[Spot] = []
    stack: list[Spot] = []
    outer: Spot | None = None
    skipped: lxml.html.HtmlElement | None = None
    walked = 0
    walk = lxml.etree.iterwalk(page.tree, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        if event == "start":
            walked += 1
            tag = element.tag
            if tag in WITHOUT_TEXT or walked > MAX_ELEMENTS or len(stack) >= MAX_DEPTH:
                skipped = element
                walk.skip_subtree()
                if tag == "noscript":
                    order[element] = walked
                    by_tag[tag].append(element)
                continue
            order[element] = walked
            by_tag[tag].append(element)
            outer = _opened(element, tag, outer, walked, layout.read)
            opened.append(outer)
            stack.append(outer)
            if text := element.text:
                if not text.isspace():
                    _add(layout, outer, text)
                elif outer.pieces:
                    outer.pieces.append(" ")
            continue
        if event == "end":
            if element is not skipped:
                closed = stack.pop()
                outer = stack[-1] if stack else None
                _close(layout, closed, outer)
            elif walked > MAX_ELEMENTS:
                break
        if outer is not None and (tail := element.tail):
            if not tail.isspace():
                _add(layout, outer, tail)
            elif outer.pieces:
                outer.pieces.append(" ")
    while stack:
        closed = stack.pop()
        _close(layout, closed, stack[-1] if stack else None)
    layout.spots = [spot for spot in opened if spot.text]
    layout.by_element = {spot.element: spot for spot in layout.spots}
    return layout


def tokens(element: lxml.html.HtmlElement) -> frozenset[str]:
    """The words in an element's id, classes and test ids, in lower case: `productPrice-now` gives product,
    price and now."""
    try:
        known: frozenset[str] = element.tokens
    except AttributeError:
        known = element.tokens = _tokens(element.get("class"), element.get("id"), element.get("data-testid"))
    return known


@lru_cache(maxsize=8192)
def _tokens(*names: str | None) -> frozenset[str]:
    return frozenset(_WORDS.findall(_CAMEL.sub(" ", " ".join(name for name in names if name)[:400]).lower()))


def above(element: lxml.html.HtmlElement, steps: int) -> Iterator[lxml.html.HtmlElement]:
    """The element and its ancestors, innermost first."""
    current: lxml.html.HtmlElement | None = element
    for _ in range(steps + 1):
        if current is None:
            return
        yield current
        current = current.getparent()


def _opened(element: lxml.html.HtmlElement, tag: str, outer: Spot | None, order: int, read: int) -> Spot:
    style = element.get("style")
    struck = tag in _STRUCK_TAGS or bool(style and _STRUCK_STYLE.search(style))
    if outer is None:
        return Spot(order, element, False, struck, read)
    # Scripts display a wholly hidden page once it is loaded.
    hidden = outer.hidden or (tag not in _WHOLE and _hidden(element, style))
    return Spot(order, element, hidden, outer.struck or struck, read)


def _add(layout: Layout, to: Spot, text: str) -> None:
    to.own = True
    if not to.hidden:
        layout.read += len(text)
    _append(to, text)


def _append(to: Spot, text: str) -> None:
    if to.size == TOO_LONG:
        return
    to.size += len(text.strip())
    pieces = to.pieces
    if to.size > 2 * MAX_TEXT:
        to.pieces, to.size = None, TOO_LONG
    elif pieces is None:
        to.pieces = [text]
    else:
        if not text[0].isspace() and _need_space(pieces[-1], text):
            pieces.append(" ")
        pieces.append(text)


def _need_space(before: str, text: str) -> bool:
    """Whether a word and an amount meet at an element border, as in `from<b>$9</b>to`: styles separate
    them."""
    return bool(
        (_BEGINS_WITH_AMOUNT.match(text) and _ENDS_IN_WORD.search(before, max(0, len(before) - 4)))
        or (before[-1:].isdigit() and _BEGINS_WITH_WORD.match(text))
    )


def _close(layout: Layout, closed: Spot, outer: Spot | None) -> None:
    if layout.read > closed.read:
        layout.extent[closed.element] = (closed.read, layout.read - closed.read)
    pieces, closed.pieces = closed.pieces, None
    if not pieces:
        if outer is None:
            return
        if closed.hidden and not outer.hidden:
            _append(outer, " ")
        elif closed.size == TOO_LONG:
            outer.pieces, outer.size = None, TOO_LONG
        elif closed.element.tag in BLOCKS:
            _append(outer, "  ")
        return
    text = pieces[0] if len(pieces) == 1 else "".join(pieces)
    flat = " ".join(text.split())
    if len(flat) <= MAX_TEXT:
        closed.text = flat
    if outer is None:
        return
    if closed.hidden and not outer.hidden:
        _append(outer, " ")
    elif closed.element.tag in BLOCKS:
        _append(outer, f" {text} ")
    elif flat:
        _append(outer, _with_cents(outer, closed, text))


def _with_cents(outer: Spot, closed: Spot, text: str) -> str:
    """Text with small digits after a price as its cents: `12<sup>99</sup>`."""
    digits = text.strip()
    if len(digits) != 2 or not digits.isdigit():
        return text
    before = "".join(outer.pieces or ())[-12:]
    if not _ENDS_IN_DIGIT.search(before):
        return text
    small = closed.element.tag == "sup" or not tokens(closed.element).isdisjoint(_CENTS)
    if not small or _HAS_CENTS.search(before):
        return text
    return f",{digits}" if "." in before else f".{digits}"


def _hidden(element: lxml.html.HtmlElement, style: str | None) -> bool:
    if (style and _HIDDEN_STYLE.search(style)) or element.get("hidden") is not None:
        return True
    classes = element.get("class")
    return classes is not None and _has_hidden_class(classes)


@lru_cache(maxsize=8192)
def _has_hidden_class(classes: str) -> bool:
    return not _HIDDEN_CLASSES.isdisjoint(classes.split())
