"""schema.org nodes from JSON-LD and microdata in one shape."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from scrapers.extract.text import plain

Node = dict[str, Any]
"""A schema.org node with lower-case keys without prefixes; `@type` is a list of lower-case names."""

PRODUCT_TYPES = frozenset({"product", "productgroup", "individualproduct", "productmodel", "someproducts"})
_OFFERS = ("offer", "aggregateoffer")
_AROUND_PRODUCTS = ("mainentity", "mainentityofpage", "about", "itemoffered", "haspart")
"""Properties that lead from a page, an offer or a site to its product."""
MAX_AROUND = 4
MAX_NODES = 20_000
MAX_DEPTH = 30
MAX_HOPS = 6
"""Consecutive references that are followed: page, product, variants, offers, prices."""
MAX_REFERRED = 20_000
"""Values that a document's references may add (a text counts by its length). Each reference is copied, so
that doubling references would add any number."""
_CHARACTERS_A_VALUE = 100


def normalise(data: Any) -> list[Node]:
    """The top-level nodes of a document, with lists and `@graph` opened and `@id` references resolved."""
    by_id: dict[str, Node] = {}
    top = _normalise(data, by_id, 0)
    nodes = [node for node in flat(top) if isinstance(node, dict)]
    graph = [inner for node in nodes for inner in flat(node.get("@graph")) if isinstance(inner, dict)]
    if not by_id:
        return [*nodes, *graph]
    # Nodes of the graph count as top-level nodes.
    return _Resolver(by_id).resolve([*({**node, "@graph": None} for node in nodes), *graph])


def from_microdata(items: Iterable[Any]) -> list[Node]:
    """Microdata items in JSON-LD's shape."""
    return [node for item in items for node in normalise(_as_jsonld(item))]


def products_in(nodes: Iterable[Node]) -> Iterator[Node]:
    """The product nodes, including those below the page's main entity, excluding those of lists.

    Variants beside their group are added to it. A lone offer beside the only product becomes its offer.
    """
    nodes = list(nodes)
    products = _grouped([product for node in nodes for product in _products_of(node, 0)])
    offers = [node for node in nodes if is_a(node, _OFFERS) and not node.get("itemoffered")]
    if len(products) == 1 and offers and not products[0].get("offers") and not products[0].get("hasvariant"):
        return iter([{**products[0], "offers": offers}])
    return iter(products)


def _products_of(node: Node, depth: int) -> Iterator[Node]:
    if is_a(node, PRODUCT_TYPES):
        yield node
        return
    for key in _AROUND_PRODUCTS if depth < MAX_AROUND else ():
        for inner in flat(node.get(key)):
            if not isinstance(inner, dict):
                continue
            for product in _products_of(inner, depth + 1):
                # An offer at the top, with the product below it.
                yield (
                    product if key != "itemoffered" or product.get("offers") else {**product, "offers": node}
                )


def _grouped(products: list[Node]) -> list[Node]:
    """The products; variants of a listed group become its variants."""
    groups = {
        node["@id"]: {**node, "hasvariant": flat(node.get("hasvariant"))}
        for node in products
        if isinstance(node.get("@id"), str) and is_a(node, ("productgroup",))
    }
    kept: list[Node] = []
    for node in products:
        above = [one.get("@id") for one in flat(node.get("isvariantof")) if isinstance(one, dict)]
        group = next((groups[one] for one in above if isinstance(one, str) and one in groups), None)
        if group is not None and node.get("@id") not in groups:
            group["hasvariant"].append(node)
        else:
            kept.append(groups.get(node.get("@id"), node) if isinstance(node.get("@id"), str) else node)
    return kept


def is_a(node: Node, types: Iterable[str]) -> bool:
    """Whether a node is of one of these types, in lower case."""
    return not set(node.get("@type", ())).isdisjoint(types)


def breadcrumbs(nodes: Iterable[Node]) -> tuple[str, ...]:
    """The names of the longest breadcrumb trail, outermost first."""
    trails: list[tuple[str, ...]] = []
    for node in nodes:
        lists = [node] if is_a(node, ("breadcrumblist",)) else flat(node.get("breadcrumb"))
        for trail in lists:
            if isinstance(trail, dict):
                entries = [e for e in flat(trail.get("itemlistelement")) if isinstance(e, dict)]
                entries.sort(key=_position)
                names = (name_of(entry) or name_of(entry.get("item")) for entry in entries)
                trails.append(tuple(name for name in names if name))
    return max(trails, key=len, default=())


def text_of(value: Any) -> str | None:
    """A text value: of a list the first, of a node its `@value`; entities resolved."""
    for one in flat(value):
        if isinstance(one, dict):
            one = one.get("@value")
        found = plain(one) if not isinstance(one, Decimal) else str(one)
        if found:
            return found
    return None


def _normalise(data: Any, by_id: dict[str, Node], depth: int) -> Any:
    if depth > MAX_DEPTH or len(by_id) > MAX_NODES:
        return None
    if isinstance(data, list):
        return [_normalise(value, by_id, depth + 1) for value in data[:MAX_NODES]]
    if not isinstance(data, dict):
        return data
    if data and all(str(key).isdigit() for key in data):
        # PHP writes an array with a gap as an object with numbers for keys.
        return _normalise(list(data.values()), by_id, depth)
    node: Node = {}
    for key, value in data.items():
        node.setdefault(_bare(str(key)), _normalise(value, by_id, depth + 1))
    node["@type"] = [_bare(str(kind)) for kind in flat(node.get("@type"))]
    identity = node.get("@id")
    if isinstance(identity, str) and len(node) > 2:
        by_id.setdefault(identity, node)
    return node


def _bare(name: str) -> str:
    """A key or type in lower case, without the address or prefix of its vocabulary."""
    return name.rstrip("/#").rsplit("/", 1)[-1].rsplit("#", 1)[-1].rsplit(":", 1)[-1].lower()


class _Resolver:
    """Replaces references by the nodes that they refer to, level by level, within the budget.

    Every place gets its own copy, so that the result is a tree no larger than the document plus the budget.
    """

    def __init__(self, by_id: dict[str, Node]) -> None:
        self.by_id = by_id
        self.budget = MAX_REFERRED
        self.sizes: dict[str, int] = {}
        self.waiting: deque[tuple[Node, tuple[str, ...]]] = deque()

    def resolve(self, nodes: list[Node]) -> list[Node]:
        """The nodes with their references resolved; circular references stay."""
        resolved = [self._copy(node, ()) for node in nodes]
        while self.waiting:
            node, path = self.waiting.popleft()
            for key, value in node.items():
                node[key] = self._resolved(value, path)
        return resolved

    def _copy(self, node: Node, path: tuple[str, ...]) -> Node:
        identity = node.get("@id")
        copy = dict(node)
        self.waiting.append((copy, (*path, identity) if isinstance(identity, str) else path))
        return copy

    def _resolved(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [self._resolved(one, path) for one in value]
        if not isinstance(value, dict):
            return value
        identity = value.get("@id")
        if not isinstance(identity, str) or not value.keys() <= {"@id", "@type"}:
            return self._copy(value, path)
        found = self.by_id.get(identity)
        if found is None or identity in path or len(path) > MAX_HOPS:
            return value
        if identity not in self.sizes:
            self.sizes[identity] = _size(found)
        if self.sizes[identity] > self.budget:
            return value
        self.budget -= self.sizes[identity]
        return self._copy(found, path)


def _size(value: Any) -> int:
    """The number of values in a value, including itself."""
    if isinstance(value, str):
        return 1 + len(value) // _CHARACTERS_A_VALUE
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inner))


def _as_jsonld(item: Any, depth: int = 0) -> Any:
    if isinstance(item, list):
        return [_as_jsonld(one, depth) for one in item]
    if not isinstance(item, dict) or depth > MAX_DEPTH:
        return item
    node: Node = {"@type": item.get("type", [])}
    if item.get("id"):
        node["@id"] = item["id"]
    if "value" in item and not item.get("properties"):
        node["@value"] = item["value"]
    for key, value in (item.get("properties") or {}).items():
        node[key] = _as_jsonld(value, depth + 1)
    return node


def flat(value: Any) -> list[Any]:
    """The value, or all values of nested lists, as one list; empty for None."""
    if value is None:
        return []
    if not isinstance(value, list):
        return [value]
    return [inner for one in value for inner in flat(one)]


def name_of(value: Any) -> str | None:
    """The name of a node, or the text in its place."""
    for one in flat(value):
        found = text_of(one.get("name")) or text_of(one) if isinstance(one, dict) else text_of(one)
        if found:
            return found
    return None


def _position(entry: Node) -> float:
    try:
        return float(str(entry.get("position")))
    except ValueError:
        return 0.0
