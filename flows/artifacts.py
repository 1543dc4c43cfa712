"""What a night shows in Prefect beside its summary: tables of plain values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow.compute as pc

from scrapers.session.crawl_log import log_file
from storage import generations, tables
from storage.clock import credible
from storage.errors import LookalikeError
from storage.manifest import GenerationError
from storage.root import Root
from storage.staging import Staging, staged_stores

Rows = list[dict[str, Any]]

_COMPARED = ("products", "products_new", "products_changed", "products_removed", "images_new", "rejects")


def night_tables(root: Root, stores: Iterable[str]) -> dict[str, Rows]:
    """The tables of a night by the key of their artifact: stores, coverage, quarantine, index.

    :param stores: the names of the stores that were crawled.
    """
    crawls = _last_two(root, stores)
    return {
        "stores": [_compared(root, *pair) for pair in crawls],
        "coverage": [_coverage(last) for last, _ in crawls],
        "quarantine": [*_quarantined(root)],
        "index": [*_generations(root)],
    }


def _last_two(root: Root, stores: Iterable[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each store's last crawl, and the one before; that is empty for a first crawl."""
    pairs = []
    for store in stores:
        rows = tables.read(root, "crawls", where=pc.field("store") == store).to_pylist()
        rows.sort(key=lambda crawl: credible(crawl["ended_at"]))
        if rows:
            pairs.append((rows[-1], rows[-2] if len(rows) > 1 else {}))
    return pairs


def _compared(root: Root, last: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    row = {"store": last["store"], "status": last["status"], "failure": last["failure"] or ""}
    for name in _COMPARED:
        row[name], row[f"{name} before"] = last[name], before.get(name)
    return row | {"message": last["message"], "log": str(log_file(root, last["store"], last["crawl_id"]))}


def _coverage(last: dict[str, Any]) -> dict[str, Any]:
    shares = sorted((last["coverage"] or ()), key=lambda field: field[0])
    return {"store": last["store"], **{name: round(share, 3) for name, share in shares}}


def _quarantined(root: Root) -> Iterable[dict[str, Any]]:
    for store in staged_stores(root):
        try:
            decision = Staging(root, store).decision()
        except LookalikeError as error:
            yield {"store": store, "gate": "damaged", "finding": str(error), "examples": ""}
            continue
        for finding in decision.findings if decision else ():
            examples = "; ".join(finding.examples)
            yield {"store": store, "gate": finding.gate, "finding": finding.sentence, "examples": examples}


def _generations(root: Root) -> Iterable[dict[str, Any]]:
    for name in generations.names(root):
        try:
            facts = generations.read_manifest(root, name)
        except GenerationError:
            continue
        yield {
            "generation": name,
            "published": name == generations.current_name(root),
            "products": facts.counts.products,
            "items": facts.counts.items,
            "recall@5": facts.recall.at_5,
            "MB": round(sum(file.size_bytes for file in facts.files.values()) / 1e6, 1),
        }
