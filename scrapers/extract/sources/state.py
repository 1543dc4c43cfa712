"""Finds the page's product in its scripts' data: framework state, data layers, platform objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from scrapers.extract.address import without_tracking
from scrapers.extract.candidates import Candidate
from scrapers.extract.page import Page
from scrapers.extract.sources.gallery import Gallery, galleries_in
from scrapers.extract.sources.scripts import Data, read_scripts
from scrapers.extract.sources.state_fields import (
    BRANDS,
    CURRENCIES,
    FALSE_STOCK,
    NAMES,
    PRICES,
    SKUS,
    TRUE_STOCK,
    URLS,
    normal,
    text_at,
    to_candidate,
)
from scrapers.extract.text import plain

MAX_NODES = 150_000
"""Objects and lists of a page's data that are visited."""
MAX_DEPTH = 60
MAX_FOUND = 400
MAX_GALLERIES = 20
MAX_CANDIDATES = 6
MIN_FIT = 2.0
"""Minimum fit of an object that counts as the page's own product: its name or its address agrees."""

_PAGE_EVENTS = re.compile(
    r"detail|view_item|viewcontent|productview|product_view|utag_data|digitaldata|dataproduct|shopifyanalytics|x-magento|data-product",
    re.I,
)
_LIST_KEYS_TEXT = """
    impressions recommendations recommended related similar crosssell crosssells upsell upsells
    recentlyviewed cart basket minicart wishlist searchresults products results hits suggestions
    menu navigation navigationmenu promotions accessories alternatives bundles lineitems
"""
_LIST_KEYS = frozenset(_LIST_KEYS_TEXT.split())


_PRODUCT_KEYS_TEXT = """
    price sku brand avail stock vendor manufact sold currency amount salable buyable order
"""
_PRODUCT_KEYS = re.compile("|".join(_PRODUCT_KEYS_TEXT.split()))
"""Every product object has at least one key like these."""
_PRICE_KEYS = frozenset(PRICES)
_STOCK_KEYS = frozenset(TRUE_STOCK + FALSE_STOCK)


@dataclass(slots=True)
class _Found:
    """A product-like object, where it was found, and how well it fits the page."""

    node: dict[str, Any]
    path: tuple[str, ...]
    data: str
    fit: float = 0.0
    fields: int = 0


@dataclass(slots=True)
class _Evidence:
    """What the page says about itself, to compare objects with."""

    titles: list[str]
    paths: set[str]
    address: str
    words: list[set[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class State:
    """The product data in a page's scripts.

    :ivar candidates: the page's own product, best fit first.
    :ivar ids: all its ids.
    :ivar galleries: photo galleries of any product.
    """

    candidates: tuple[Candidate, ...]
    ids: frozenset[str]
    galleries: tuple[Gallery, ...]


def read_state(page: Page, titles: list[str]) -> State:
    """Reads the data in a page's scripts.

    :param titles: what the page calls its product, most trusted first.
    """
    evidence = _evidence(page, titles)
    walk = _Walk(page.base_url, evidence)
    for data in read_scripts(page):
        walk.read(data)
        if walk.budget <= 0 or len(walk.found) > MAX_FOUND:
            break
    ranked = sorted(walk.found, key=lambda one: (-one.fit, -one.fields))
    fitting = [one for one in ranked if one.fit >= MIN_FIT][:MAX_CANDIDATES]
    candidates = (to_candidate(one.node, page.base_url, walk.currency) for one in fitting)
    texts = (text_at(one.node.get(key)) for one in fitting for key in (*SKUS, "productid", "pid"))
    return State(
        candidates=tuple(one for one in candidates if one.title or one.offers or one.sku),
        ids=frozenset(filter(None, texts)),
        galleries=tuple(walk.galleries),
    )


def _evidence(page: Page, titles: list[str]) -> _Evidence:
    paths = {_path(page.url), _path(page.canonical)} - {""}
    address = unquote(
        f"{urlsplit(page.canonical).path} {urlsplit(page.url).path}?{urlsplit(page.url).query}"
    ).lower()
    folded = [folded for title in titles if (folded := _folded(title))]
    return _Evidence(folded, paths, address, [set(title.split()) for title in folded])


class _Walk:
    """A walk through all objects and lists of a page's data, up to `MAX_NODES`.

    :ivar found: product-like objects.
    :ivar currency: the first currency found.
    """

    def __init__(self, base_url: str, evidence: _Evidence) -> None:
        self.budget = MAX_NODES
        self.found: list[_Found] = []
        self.galleries: list[Gallery] = []
        self.currency: str | None = None
        self._base_url = base_url
        self._evidence = evidence

    def read(self, data: Data) -> None:
        """Walks through the data of one script."""
        stack: list[tuple[Any, tuple[str, ...]]] = [(data.value, ())]
        while stack and self.budget > 0:
            value, path = stack.pop()
            self.budget -= 1
            if isinstance(value, list):
                if len(self.galleries) < MAX_GALLERIES:
                    self.galleries += galleries_in(value, self._base_url)
                stack += [(one, path) for one in reversed(value[:2000]) if isinstance(one, dict | list)]
            elif isinstance(value, dict):
                self._note(value, path, data.name)
                if len(path) < MAX_DEPTH:
                    stack += [
                        (inner, (*path, str(key)[:60]))
                        for key, inner in reversed(value.items())
                        if isinstance(inner, dict | list)
                    ]

    def _note(self, value: dict[str, Any], path: tuple[str, ...], name: str) -> None:
        keys = " ".join(map(str, value)).lower()
        if not _PRODUCT_KEYS.search(keys):
            return
        node = normal(value)
        if self.currency is None:
            texts = (text_at(node.get(key)) for key in CURRENCIES)
            self.currency = next((text for text in texts if text and len(text) == 3), None)
        if _looks_like_product(node):
            one = _Found(node, path, name)
            one.fit = _fit_score(one, self._evidence)
            one.fields = sum(key in node for key in (*PRICES[:12], *BRANDS[:4], *SKUS[:3], *TRUE_STOCK[:6]))
            self.found.append(one)


def _looks_like_product(node: Mapping[str, Any]) -> bool:
    keys = node.keys()
    priced = not _PRICE_KEYS.isdisjoint(keys)
    named = any(isinstance(node.get(key), str) and node[key] for key in NAMES)
    numbered = any(isinstance(node.get(key), str | int) and node[key] for key in SKUS)
    stocked = not _STOCK_KEYS.isdisjoint(keys)
    branded = any(node.get(key) for key in BRANDS)
    return (named and (priced or branded or (numbered and stocked))) or (
        numbered and priced and (stocked or branded)
    )


def _fit_score(found: _Found, evidence: _Evidence) -> float:
    """How well an object fits the page, by its address, name and number."""
    fit = 0.0
    keys = normal(dict.fromkeys(found.path)).keys()
    name = _folded(next((text for key in NAMES if (text := text_at(found.node.get(key)))), "") or "")
    if name:
        fit += max(
            (
                _name_similarity(name, title, words)
                for title, words in zip(evidence.titles, evidence.words, strict=True)
            ),
            default=0.0,
        )
    for key in URLS:
        url = text_at(found.node.get(key))
        if url and len(url) > 3:
            path = _path(url) or f"/{url}"
            if path in evidence.paths or any(
                own.endswith(f"/{url.strip('/').lower()}") for own in evidence.paths
            ):
                fit += 2.5
                break
    number = next((text for key in SKUS if (text := text_at(found.node.get(key)))), None)
    if number and len(number) >= 4 and _in_address(number.lower(), evidence.address):
        fit += 1.5
    if _PAGE_EVENTS.search(f"{found.data} {' '.join(found.path)}"):
        fit += 0.7
    if not keys.isdisjoint(_LIST_KEYS):
        fit -= 0.8
    return fit


def _name_similarity(name: str, title: str, words: set[str]) -> float:
    if name == title:
        return 2.5
    if len(name) > 5 and (title.startswith(name) or name.startswith(title)):
        return 2.0
    if len(name) > 8 and (name in title or title in name):
        return 1.7
    own = set(name.split())
    share = len(own & words) / max(1, min(len(own), len(words)))
    return 1.5 if len(own) >= 3 and share >= 0.8 else 0.0


def _in_address(number: str, address: str) -> bool:
    position = address.find(number)
    while position >= 0:
        before = address[position - 1 : position]
        after = address[position + len(number) : position + len(number) + 1]
        if not after.isalnum() and not before.isdigit():
            return True
        position = address.find(number, position + 1)
    return False


def _folded(text: str) -> str:
    return " ".join((plain(text, 400) or "").casefold().split())


def _path(url: str) -> str:
    try:
        parts = urlsplit(without_tracking(url))
    except ValueError:
        return ""
    return unquote(parts.path).rstrip("/").lower()
