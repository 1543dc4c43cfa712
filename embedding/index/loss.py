"""Refuses a build that loses too many products against the published generation.

A store that was down, a table that lost files or a reader that took a wrong turn would otherwise publish an
index of little, night after night, and nobody would notice before the customers do.
"""

from __future__ import annotations

import pyarrow.compute as pc

from storage import generations, manifest, tables
from storage.errors import LookalikeError
from storage.manifest import Counts, GenerationError
from storage.root import Root


class LossError(LookalikeError):
    """A build that holds far fewer products than the published generation, which stays."""


def check(root: Root, counts: Counts, most: float) -> None:
    """Compares what a build holds with what is published.

    A purged store is not missed: it has no row left in `crawls`. One that is only gone from the settings
    keeps its products, so nothing is lost with it.

    :param counts: of the build.
    :param most: share of the products that may be lost, in [0, 1]; 1 allows everything.
    :raises LossError: more are lost, of all together, or a store has none any more.
    """
    before = _expected(root)
    after = {store: counts.stores.get(store, 0) for store in before}
    had, has = sum(before.values()), counts.products
    vanished = [store for store in before if before[store] and not after[store]]
    if most >= 1 or (has >= (1 - most) * had and not vanished):
        return
    fewer = [store for store in sorted(before) if after[store] < before[store]]
    changes = ", ".join(f"{store} {before[store]:,} → {after[store]:,}" for store in fewer)
    what = f"only {has:,} of {had:,} products" if has < (1 - most) * had else "no product of a store"
    raise LossError(
        f"The new index would hold {what} ({changes}); the published one stays. "
        "Run `lookalike index --allow-loss` once if that is right."
    )


def _expected(root: Root) -> dict[str, int]:
    """Products of the published generation by store, without the stores that were purged since."""
    try:
        folder = generations.current(root)
        published = {} if folder is None else manifest.read(folder).counts.stores
    except GenerationError:
        return {}  # damaged, and replaced for that reason
    crawled = set(pc.unique(tables.read(root, "crawls", columns=["store"])["store"]).to_pylist())
    return {store: products for store, products in published.items() if store in crawled}
