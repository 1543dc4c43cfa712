"""The visible breadcrumb trail of a page whose markup has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from urllib.parse import urljoin

import lxml.html

from scrapers.extract.address import is_home, is_same_page
from scrapers.extract.page import Page

MAX_BOXES = 40
"""Elements named breadcrumb that are read: each step of a trail may have that name, too."""
MAX_STEPS = 10
MAX_ELEMENTS = 200
"""Elements of a trail; a menu has more."""
MAX_STEP = 80
"""Characters of a step; a sentence has more."""

_NAMES = ("class", "id", "aria-label")
_WORDS = ("rumb", "athway")
_BOXES = "//@{name}[contains(., 'rumb') or contains(., 'athway')]/.."
"""Elements that may be breadcrumbs; searching attributes takes a tenth of the time of searching elements."""
_BREADCRUMB_NAME = re.compile(r"bread[-_ ]?crumb|(?:^|[\s_-])crumbs?(?:$|[\s_-])|(?:^|[\s_-])pathway", re.I)
_EDGES = " \t\r\n\u00a0/\\|>›»→·•:;,–—-⟩❯▸►"
_UNSEEN = frozenset({"script", "style", "template", "svg", "button", "select", "noscript"})
_LISTS = frozenset({"ul", "ol"})
_TRAILS = _LISTS | {"nav", "div"}
_PICTURED = ("title", "aria-label", "alt")


@dataclass(slots=True)
class _Step:
    """A link of the trail, or the text between two links.

    :ivar target: the link's address; None if it is no link.
    :ivar current: whether it is marked as the current page.
    """

    target: str | None
    current: bool
    pieces: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return " ".join(" ".join(self.pieces).split()).strip(_EDGES)


def read_trail(page: Page, title: str | None = None) -> tuple[str, ...]:
    """The names of the longest trail on a page, outermost first, without the front page and the page
    itself.

    :param title: the product's.
    """
    boxes = (box for box in _boxes(page) if _is_named_breadcrumb(box))
    trails = [_trail(page, box, title or "") for box in islice(boxes, MAX_BOXES)]
    return max(trails, key=len, default=())


def trail_end(page: Page) -> str | None:
    """The last step of the last trail, which names the page itself."""
    lists = [box for box in _boxes(page) if box.tag in _TRAILS and "breadcrumb" in (box.get("class") or "")]
    ends = {items[-1] for box in lists[-MAX_BOXES:] if (items := list(box.iter("li")))}
    if not ends:
        return None
    if len(ends) > 1:  # lists within lists
        ends = {next(item for item in reversed(list(page.tree.iter("li"))) if item in ends)}
    return ends.pop().text_content().strip() or None


def _boxes(page: Page) -> list[lxml.html.HtmlElement]:
    """The elements whose names may be about breadcrumbs, in order."""
    if "breadcrumbs" not in page.found:
        holding = set().union(*(page.attributes_holding(word.encode()) for word in _WORDS))
        names = [name for name in _NAMES if name in holding]
        found = page.tree.xpath(" | ".join(_BOXES.format(name=name) for name in names)) if names else []
        page.found["breadcrumbs"] = found
    return page.found["breadcrumbs"]


def _is_named_breadcrumb(box: lxml.html.HtmlElement) -> bool:
    return any(_BREADCRUMB_NAME.search((box.get(name) or "")[:400]) for name in _NAMES)


def _trail(page: Page, box: lxml.html.HtmlElement, title: str) -> tuple[str, ...]:
    if next(islice(box.iter(), MAX_ELEMENTS, None), None) is not None:
        return ()
    steps = [step for step in _steps(box) if step.name or step.target]
    linked = [step for step in steps if step.target is not None]
    if not linked or len(steps) > MAX_STEPS or any(len(step.name) > MAX_STEP for step in steps):
        return ()
    # A last step that leads to another page is a category, even one marked as current, unless it is named so.
    last = steps[-1]
    if len(steps) > 1 and (
        _is_this_page(page, last.target) or (last.current and _names_page(page, last.name, title))
    ):
        steps.pop()
    # Text before the first link says `You are here`; the first link is often an icon without words.
    while steps and (steps[0].target is None or _leads_home(page, steps[0].target)):
        steps.pop(0)
    return tuple(name for name, _ in groupby(step.name for step in steps if step.name))


def _steps(box: lxml.html.HtmlElement) -> list[_Step]:
    """The steps of a trail: each link, and each text between links or list items."""
    steps: list[_Step] = []
    _read(box, None, False, steps, 0)
    return steps


def _read(
    element: lxml.html.HtmlElement, step: _Step | None, current: bool, steps: list[_Step], depth: int
) -> None:
    tag = element.tag
    current = current or element.get("aria-current") is not None
    if tag == "a" or (tag == "li" and step is None):
        step = _Step(element.get("href") if tag == "a" else None, current)
        steps.append(step)
    _add_text(element.text, step, current, steps)
    if tag == "a" and not element.text_content().strip():
        named = (value for one in element.iter() for name in _PICTURED if (value := _attribute(one, name)))
        _add_text(next(named, None), step, current, steps)
    for child in _children(element, step):
        if depth < MAX_STEPS * 2:
            _read(child, step, current, steps, depth + 1)
        if child.tag == "a" and step is not None and step.target is None:
            step = None  # text after a link is another step
        _add_text(child.tail, step, current, steps)
    if tag == "li":
        steps.append(_Step(None, False))  # text after a list item does not belong to it


def _children(element: lxml.html.HtmlElement, step: _Step | None) -> Iterator[lxml.html.HtmlElement]:
    """The child elements, without menus of a step."""
    for child in element:
        if isinstance(child.tag, str) and child.tag not in _UNSEEN and not (step and child.tag in _LISTS):
            yield child


def _add_text(text: str | None, step: _Step | None, current: bool, steps: list[_Step]) -> None:
    if text is None or not text.strip(_EDGES):
        return
    if step is None:
        if not steps or steps[-1].target is not None or steps[-1].current != current:
            steps.append(_Step(None, current))
        step = steps[-1]
    step.pieces.append(text)


def _attribute(element: lxml.html.HtmlElement, name: str) -> str | None:
    return element.get(name) if isinstance(element.tag, str) else None


def _is_this_page(page: Page, target: str | None) -> bool:
    """Whether a step is the page itself: no link, or a link to it."""
    if target is None:
        return True
    link = _joined(page, target)
    return is_same_page(link, page.url) or is_same_page(link, page.canonical)


def _names_page(page: Page, name: str, title: str) -> bool:
    """Whether a step has the page's title or heading, or most of it: a title may name the category, too."""
    own = (title, page.title, *(heading.text_content() for heading in page.tagged["h1"][:2]))
    folded = (" ".join(text.casefold().split()) for text in own)
    step = name.casefold()
    return any(text and (text in step or (step in text and 2 * len(step) >= len(text))) for text in folded)


def _leads_home(page: Page, target: str) -> bool:
    return is_home(_joined(page, target))


def _joined(page: Page, target: str) -> str:
    try:
        return urljoin(page.base_url, target.strip())
    except ValueError:
        return page.base_url
