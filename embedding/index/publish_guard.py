"""Refuses to publish a build that loses too many products.

Otherwise a store that was down, a table that lost files, or a bug in extraction would publish a nearly empty
index night after night.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow.compute as pc

from embedding.index.items import whole
from storage import generations, tables
from storage.errors import LookalikeError
from storage.manifest import Counts, GenerationError
from storage.root import Root

_log = logging.getLogger(__name__)


class LossError(LookalikeError):
    """A build has far fewer products than the published generation, which stays."""


@dataclass(frozen=True)
class _Baseline:
    """What a build is compared with.

    :ivar stores: products of each store.
    :ivar instead: what it is compared with in place of the published generation, which cannot be read.
    """

    stores: dict[str, int]
    instead: str | None = None


def check(root: Root, counts: Counts, most: float, withheld: Collection[str] = ()) -> None:
    """Compares what a build holds with what is published.

    Where the published generation cannot be read, the newest other one that can is its measure; where there
    is none, the products on sale that have a photo, as the tables hold them.

    A purged store is not missed: it has no row left in `crawls`. Nor is one that is withheld on purpose.

    :param counts: of the build.
    :param most: share of the products that may be lost, in [0, 1]; 1 allows everything.
    :param withheld: stores that are not published.
    :raises LossError: more are lost, of all together, or a store has none any more.
    """
    baseline = _baseline(root)
    crawled = set(pc.unique(tables.read(root, "crawls", columns=["store"])["store"]).to_pylist())
    expected = crawled.difference(withheld)
    before = {store: products for store, products in baseline.stores.items() if store in expected}
    after = {store: counts.stores.get(store, 0) for store in before}
    had, has = sum(before.values()), counts.products
    vanished = [store for store in before if before[store] and not after[store]]
    if most >= 1 or (has >= (1 - most) * had and not vanished):
        return
    fewer = [store for store in sorted(before) if after[store] < before[store]]
    changes = ", ".join(f"{store} {before[store]:,} → {after[store]:,}" for store in fewer)
    what = f"only {has:,} of {had:,} products" if has < (1 - most) * had else "no product of a store"
    compared = f", compared with {baseline.instead}" if baseline.instead else ""
    raise LossError(
        f"The new index would hold {what} ({changes}){compared}; the published one stays. "
        "Run `lookalike index --allow-loss` once if that is right."
    )


def _baseline(root: Root) -> _Baseline:
    try:
        published = generations.current_name(root)
        if published is not None:
            return _Baseline(generations.read_manifest(root, published).counts.stores)
        damage = f"{root} has generations, but none is published"
    except GenerationError as error:
        damage = str(error)
    for name in reversed(generations.names(root)):
        try:
            baseline = _Baseline(generations.read_manifest(root, name).counts.stores, f"generation {name}")
            break
        except GenerationError:
            continue
    else:
        if not generations.was_ever_published(root):
            return _Baseline({})  # nothing was published yet
        baseline = _Baseline(_on_sale(root), "the tables")
    _log.warning("The new index is compared with %s: %s", baseline.instead, damage)
    return baseline


def _on_sale(root: Root) -> dict[str, int]:
    """Products on sale of each store that have a photo."""
    products = tables.read(
        root, "products", columns=["store", "images"], where=pc.field("removed_at").is_null()
    )
    lists = whole(products["images"])
    stored = pc.is_valid(pc.struct_field(pc.list_flatten(lists), "image_id"))
    shown = pc.unique(pc.list_parent_indices(lists).filter(stored))
    counts = pc.value_counts(whole(products["store"].take(shown))).to_pylist()
    return {store["values"]: store["counts"] for store in counts}
