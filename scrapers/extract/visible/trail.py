"""The breadcrumb trail that a page shows, where its markup describes none."""

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
"""Elements called a breadcrumb that are looked at: each step of a trail may be called one, too."""
MAX_STEPS = 10
MAX_ELEMENTS = 200
"""Elements of a trail; what holds more is a menu."""
MAX_STEP = 80
"""Characters of a step; what is longer is a sentence."""

_BOXES = " | ".join(
    f"//@{name}[contains(., 'rumb') or contains(., 'athway')]/.." for name in ("class", "id", "aria-label")
)
"""What may be called a breadcrumb; a search of attributes takes a tenth of one of elements."""
_CALLED = re.compile(r"bread[-_ ]?crumb|(?:^|[\s_-])crumbs?(?:$|[\s_-])|(?:^|[\s_-])pathway", re.I)
_EDGES = " \t\r\n\u00a0/\\|>›»→·•:;,–—-⟩❯▸►"
_UNSEEN = frozenset({"script", "style", "template", "svg", "button", "select", "noscript"})
_LISTS = frozenset({"ul", "ol"})
_PICTURED = ("title", "aria-label", "alt")


@dataclass(slots=True)
class _Step:
    """A link of the trail, or what stands between two.

    :ivar target: where it leads; None where it is no link.
    :ivar current: whether it is marked as the page itself.
    """

    target: str | None
    current: bool
    pieces: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return " ".join(" ".join(self.pieces).split()).strip(_EDGES)


def read_trail(page: Page) -> tuple[str, ...]:
    """The names of the longest trail on a page, outermost first, without the front page where it begins there
    and without the page itself where it ends in it."""
    boxes = (box for box in page.tree.xpath(_BOXES) if _is_called_so(box))
    trails = [_trail(page, box) for box in islice(boxes, MAX_BOXES)]
    return max(trails, key=len, default=())


def _is_called_so(box: lxml.html.HtmlElement) -> bool:
    return any(_CALLED.search((box.get(name) or "")[:400]) for name in ("class", "id", "aria-label"))


def _trail(page: Page, box: lxml.html.HtmlElement) -> tuple[str, ...]:
    if next(islice(box.iter(), MAX_ELEMENTS, None), None) is not None:
        return ()
    steps = [step for step in _steps(box) if step.name or step.target]
    linked = [step for step in steps if step.target is not None]
    if not linked or len(steps) > MAX_STEPS or any(len(step.name) > MAX_STEP for step in steps):
        return ()
    if len(steps) > 1 and (steps[-1].current or _is_here(page, steps[-1].target)):
        steps.pop()
    # What comes before the first link says `You are here`; the link after it is often a house without words.
    while steps and (steps[0].target is None or _leads_home(page, steps[0].target)):
        steps.pop(0)
    return tuple(name for name, _ in groupby(step.name for step in steps if step.name))


def _steps(box: lxml.html.HtmlElement) -> list[_Step]:
    """What is written in a trail, a step for each link and for each text between links or items of a list."""
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
    _write(element.text, step, current, steps)
    if tag == "a" and not element.text_content().strip():
        named = (value for one in element.iter() for name in _PICTURED if (value := _attribute(one, name)))
        _write(next(named, None), step, current, steps)
    for child in _children(element, step):
        if depth < MAX_STEPS * 2:
            _read(child, step, current, steps, depth + 1)
        if child.tag == "a" and step is not None and step.target is None:
            step = None  # what follows a link is another step
        _write(child.tail, step, current, steps)
    if tag == "li":
        steps.append(_Step(None, False))  # what follows an item does not belong to it


def _children(element: lxml.html.HtmlElement, step: _Step | None) -> Iterator[lxml.html.HtmlElement]:
    """The elements in one, but for menus that hang from a step."""
    for child in element:
        if isinstance(child.tag, str) and child.tag not in _UNSEEN and not (step and child.tag in _LISTS):
            yield child


def _write(text: str | None, step: _Step | None, current: bool, steps: list[_Step]) -> None:
    if text is None or not text.strip(_EDGES):
        return
    if step is None:
        if not steps or steps[-1].target is not None or steps[-1].current != current:
            steps.append(_Step(None, current))
        step = steps[-1]
    step.pieces.append(text)


def _attribute(element: lxml.html.HtmlElement, name: str) -> str | None:
    return element.get(name) if isinstance(element.tag, str) else None


def _is_here(page: Page, target: str | None) -> bool:
    """Whether a step is the page itself: no link, or one to it."""
    if target is None:
        return True
    link = _joined(page, target)
    return is_same_page(link, page.url) or is_same_page(link, page.canonical)


def _leads_home(page: Page, target: str) -> bool:
    return is_home(_joined(page, target))


def _joined(page: Page, target: str) -> str:
    try:
        return urljoin(page.base_url, target.strip())
    except ValueError:
        return page.base_url
