"""Microdata as items with properties, in extruct's output format.

extruct itself reads everything below an item once for each item above it, and copies each property to read
its text, which takes cubic time on nested items.
"""

from __future__ import annotations

import functools
from itertools import islice
from typing import Any
from urllib.parse import urljoin

import html_text
from lxml.html import HtmlElement
from lxml_html_clean import Cleaner

from scrapers.extract.image_addresses import addresses_of, largest
from scrapers.extract.page import Page

Item = dict[str, Any]

MAX_REFERENCES = 200
"""Element ids that items may name in `itemref`."""
MAX_REFERRED = 2000
"""Properties that items may get by `itemref`: many items may refer to the same ones."""
MAX_TIMES_READ = 8
"""How often an element may be read, on average: its text for each property around it, and for `itemref`."""

_SOURCES = {
    **dict.fromkeys(("audio", "embed", "iframe", "img", "source", "track", "video"), "src"),
    **dict.fromkeys(("a", "area", "link"), "href"),
    "object": "data",
}
_VALUES = {"meta": "content", "data": "value", "meter": "value", "time": "datetime"}
_SHOWN_TEXT = ".//text()[not(parent::script or parent::style)]"
_CLEANER = Cleaner(
    scripts=True,
    javascript=False,
    comments=True,
    style=True,
    links=True,
    meta=True,
    page_structure=False,
    processing_instructions=True,
    embedded=False,
    frames=False,
    forms=False,
    annoying_tags=False,
    remove_unknown_tags=False,
    safe_attrs_only=False,
)


def read_microdata(page: Page) -> list[Item]:
    """The items of a page that are no property of another item, in order.

    Each is `{"type", "id", "properties": {name: value or list of values}}`; one without properties has a
    `"value"` instead.
    """
    return _Reader(page).read()


class _Reader:
    """Reads each element once, and looks up the item that it belongs to."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.elements = page.tree.xpath("//*[@itemscope or @itemprop]")
        self.items = {one: _item(one) for one in self.elements if "itemscope" in one.attrib}
        self.scopes: dict[HtmlElement, HtmlElement | None] = {}
        self.taken: set[HtmlElement] = set()
        self.budget = MAX_TIMES_READ * int(page.tree.xpath("count(//*)"))

    def read(self) -> list[Item]:
        """Assigns each property to the item around it, then to items that refer to it."""
        for element in self.elements:
            owner = self._scope_of(element.getparent())
            if owner is not None and "itemprop" in element.attrib:
                self._add(owner, element)
        references = [(one, name) for one in self.items for name in one.get("itemref", "").split()]
        referred = ((item, one) for item, name in references[:MAX_REFERENCES] for one in self._referred(name))
        for item, element in islice(referred, MAX_REFERRED):
            if element is not item and element not in self.taken:
                self._add(item, element)
        for element, item in self.items.items():
            if item["properties"]:
                item["properties"] = {
                    name: values[0] if len(values) == 1 else values
                    for name, values in item["properties"].items()
                }
            else:
                del item["properties"]
                item["value"] = self._value(element)
        return [item for element, item in self.items.items() if element not in self.taken]

    def _add(self, owner: HtmlElement, element: HtmlElement) -> None:
        if element in self.items:
            self.taken.add(element)
            value: Any = self.items[element]
        else:
            value = self._value(element)
        for name in element.get("itemprop").split():
            self.items[owner]["properties"].setdefault(name, []).append(value)

    def _scope_of(self, element: HtmlElement | None) -> HtmlElement | None:
        """The item that an element is or is inside of; None if there is none."""
        passed = []
        while element is not None and element not in self.scopes and element not in self.items:
            passed.append(element)
            element = element.getparent()
        scope = element if element is None or element in self.items else self.scopes[element]
        self.scopes.update(dict.fromkeys(passed, scope))
        return scope

    def _referred(self, name: str) -> list[HtmlElement]:
        """The properties at the element with this id, without those of items inside it."""
        found = self._named.get(name)
        if found is None:
            return []
        if found in self.items and "itemprop" in found.attrib:
            return [found]
        if not self._may_read(found):
            return []
        scope = self._scope_of(found)
        below = found.xpath("descendant-or-self::*[@itemprop]")[:MAX_REFERRED]
        return [one for one in below if self._scope_of(one.getparent()) is scope]

    @functools.cached_property
    def _named(self) -> dict[str, HtmlElement]:
        """The first element of each id."""
        return {one.get("id"): one for one in reversed(self.page.tree.xpath("//*[@id]"))}

    def _may_read(self, element: HtmlElement) -> bool:
        """Whether all below an element may be read once more; False once the budget is used up."""
        self.budget -= int(element.xpath("count(descendant-or-self::*)")) if self.budget > 0 else 0
        return self.budget > 0

    def _value(self, element: HtmlElement) -> Any:
        if element.tag in _VALUES:
            return element.get(_VALUES[element.tag], "")
        if element.tag == "img" and (addresses := addresses_of(element)):
            return self._joined(largest(addresses).url)
        if element.tag in _SOURCES:
            return self._joined(element.get(_SOURCES[element.tag], "").strip())
        return element.get("content") or self._text(element)

    def _joined(self, address: str) -> str:
        try:
            return urljoin(self.page.base_url, address)
        except ValueError:
            return address

    def _text(self, element: HtmlElement) -> str:
        """Its text as displayed; empty once the budget for repeated reading is used up."""
        if len(element) == 0:
            return " ".join((element.text or "").split())
        if not self._may_read(element):
            return ""
        try:
            return str(html_text.etree_to_text(_CLEANER.clean_html(element)))
        except (RecursionError, ValueError):  # lxml sets no text that holds a control character
            return "".join(element.xpath(_SHOWN_TEXT))


def _item(element: HtmlElement) -> Item:
    types = element.get("itemtype", "").split()
    item: Item = {"properties": {}}
    if types:
        item["type"] = types[0] if len(types) == 1 else types
        if element.get("itemid"):
            item["id"] = element.get("itemid").strip()
    return item
