"""What an operator looks at: crawls, rejects, sizes and a map of the embeddings; and what they decide."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from embedding.index.vectors import widen
from embedding.outfits.kinds import KINDS
from embedding.recommend.products import Products
from storage import delta, generations, tables
from storage.root import Root
from storage.schemas import TABLES

if TYPE_CHECKING:
    from lookalike.query import Shop
    from storage.staging import Finding

EXAMPLES = 3
"""Addresses that stand for all rejects of a reason."""

MAPPED = 600
"""Products of the map: more hide one another, and each brings its photo along."""

_UNKNOWN_KIND = "unknown"
_MAP_SEED = 0


@dataclass
class Rejects:
    """What was not kept of one store for one reason.

    :ivar stage: where it was dropped, see `storage.verdicts.RejectStage`.
    :ivar examples: some addresses; they come from stores.
    """

    store: str
    stage: str
    reason: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


def rejects(root: Root) -> list[Rejects]:
    """What was not kept, by store, stage and reason, the most frequent first.

    :raises LookalikeError: the table is damaged.
    """
    found: dict[tuple[str, str, str], Rejects] = {}
    for batch in tables.scan(root, "rejects", columns=["store", "stage", "reason", "url"]):
        for row in batch.to_pylist():
            key = (row["store"] or "", row["stage"] or "", row["reason"] or "")
            of_reason = found.setdefault(key, Rejects(*key))
            of_reason.count += 1
            if len(of_reason.examples) < EXAMPLES:
                of_reason.examples.append(row["url"] or "")
    return sorted(found.values(), key=lambda one: (-one.count, one.store, one.stage, one.reason))


def latest_crawls(root: Root, most: int) -> list[dict[str, Any]]:
    """The rows of `crawls`, the latest first.

    :raises LookalikeError: the table is damaged.
    """
    rows = tables.read(root, "crawls").sort_by([("ended_at", "descending")])
    return rows.slice(0, most).to_pylist()


def nights(crawls: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """For each day on which crawls began, how many ended in which status; the latest day first.

    :param crawls: rows of `crawls`.
    """
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for crawl in crawls:
        if crawl["started_at"] is not None:
            found[f"{crawl['started_at']:%Y-%m-%d}"][crawl["status"]] += 1
    return {day: dict(found[day]) for day in sorted(found, reverse=True)}


def sizes(root: Root) -> dict[str, int]:
    """Bytes of each table as it is now, and of everything below each folder of a local root.

    :raises LookalikeError: a table is damaged.
    """
    found = {}
    for table in TABLES:
        with delta.damage_named(root, table):
            opened = delta.load(root, table)
            if opened is not None:
                files = opened.get_add_actions(flatten=True)["size_bytes"].to_pylist()
                found[f"tables/{table}"] = sum(files)
    if root.bucket is None:
        found |= {name: _folder_bytes(root.path / name) for name in ("index", "thumbnails", "encoders")}
    return found


def embedding_map(shop: Shop, most: int = MAPPED) -> pd.DataFrame:
    """A sample of the products on a plane: the two principal components of their main photos' vectors.

    :return: a row a product: `x`, `y`, `kind`, `product` (`store:product_id`), `title`.
    """
    published = shop._published
    products = Products.of(published.index)
    count = len(products)
    numbers = np.arange(count)
    if count > most:
        numbers = np.sort(np.random.default_rng(_MAP_SEED).choice(count, most, replace=False))
    rows = products.rows[numbers]
    vectors = widen(published.index.vectors[rows])
    centred = vectors - vectors.mean(axis=0)
    # Principal components by the covariance: a few hundred dimensions, however many products.
    axes = np.linalg.eigh(centred.T @ centred)[1][:, -2:][:, ::-1]
    places = centred @ axes
    shown = published.index.items.select(["store", "product_id", "title"]).take(rows).to_pylist()
    kinds = published.completer.kinds[numbers].tolist()
    return pd.DataFrame(
        {
            "x": places[:, 0],
            "y": places[:, 1],
            "kind": [KINDS[kind] if kind >= 0 else _UNKNOWN_KIND for kind in kinds],
            "product": [f"{row['store']}:{row['product_id']}" for row in shown],
            "title": [row["title"] or row["product_id"] for row in shown],
        }
    )


def accept(root: Root, store: str, seen: Sequence[Finding]) -> str:
    """Merges a quarantined crawl into the tables; says so in a sentence.

    :param seen: the findings that the operator saw.
    :raises LookalikeError: there is none, or another one by now, or the store is being crawled.
    """
    from flows import quarantine

    crawl = quarantine.accept(root, store, seen)
    products = f"{crawl['products']:,} products"
    return f"The crawl of '{store}' is in the tables: {products}. The next night publishes it."


def reject(root: Root, store: str, seen: Sequence[Finding]) -> str:
    """Drops a quarantined crawl; says so in a sentence.

    :param seen: the findings that the operator saw.
    :raises LookalikeError: there is none, or another one by now, or the store is being crawled.
    """
    from flows import quarantine

    quarantine.reject(root, store, seen)
    return f"The crawl of '{store}' is dropped. The next night reads the store again."


def publish(root: Root, generation: str) -> str:
    """Publishes an earlier generation again; says so in a sentence.

    :raises LookalikeError: there is no such generation, or it is damaged.
    """
    return f"Generation {generations.rollback(root, generation)} is published."


def _folder_bytes(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # the night removes old generations meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total
