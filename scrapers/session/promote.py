"""Merges a staged crawl into the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scrapers.session.snapshot import last_rows, of_store
from storage import tables
from storage.root import Root
from storage.schemas import TABLES
from storage.staging import Staging, State

_GROUP_BYTES = 32 * 2**20
"""Size of the rows merged in one commit: few commits a crawl, and small enough to hold in memory."""

_STATE = ("price", "was_price", "currency", "availability")


def promote(root: Root, staging: Staging, *, again: bool = False) -> None:
    """Merges products after their photos, and a page's ETag after its product; see `WriteBuffer`.

    Idempotent: a merge that was killed is done again.

    :param again: whether some of the rows may be in the tables already.
    """
    # An offer of a crawl that was not believed is no price that the store ever had.
    only_new_offers = again or len(staging.crawls) > 1 or bool(staging.moved)
    for table in ("pages", "offers", "products", "fetches"):
        staged = staging.rows(table)
        if only_new_offers and table == "offers":
            staged = _new_offers(root, staging)
        elif again and table == "pages":
            staged = _new_pages(root, staging)
        for rows in _grouped(staged):
            if TABLES[table].key:
                tables.merge(root, table, rows)
            else:
                tables.append(root, table, rows)


def finish(root: Root, staging: Staging, crawl: Mapping[str, Any]) -> None:
    """Finishes an accepted crawl: merges the rows that are not merged yet, and writes the crawl's row.

    :param crawl: its row of `crawls`, which replaces an earlier one of the same crawl.
    """
    promote(root, staging, again=True)
    write_crawl(root, crawl)
    staging.discard()


def resume(root: Root, staging: Staging) -> None:
    """Finishes a crawl that was accepted and then killed, if there is one.

    :raises LookalikeError: a file of the staged crawl is damaged.
    """
    decision = staging.decision()
    if decision is not None and decision.state is State.ACCEPTED:
        finish(root, staging, decision.crawl)


def write_crawl(root: Root, crawl: Mapping[str, Any]) -> None:
    """Writes a row of `crawls`; it replaces an earlier one of the same crawl.

    :param crawl: the row, its `crawl_id` made by `new_crawl_id` or checked as an argument.
    """
    own = pc.field("crawl_id") == crawl["crawl_id"]
    stored = tables.read(root, "crawls", columns=["crawl_id", "status"], where=own).to_pylist()
    if any(row["status"] == crawl["status"] for row in stored):
        return
    if stored:
        quoted = str(crawl["crawl_id"]).replace("'", "''")
        tables.delete(root, "crawls", f"crawl_id = '{quoted}'")
    tables.append(root, "crawls", [crawl])


def _grouped(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    group: list[pa.Table] = []
    for rows in parts:
        group.append(rows)
        if sum(part.nbytes for part in group) >= _GROUP_BYTES:
            yield pa.concat_tables(group)
            group = []
    if group:
        yield pa.concat_tables(group)


def _new_offers(root: Root, staging: Staging) -> Iterator[pa.Table]:
    """The last staged offer of each product and variant, if it differs from the stored one."""
    key = ("product_id", "variant_id")
    own = of_store(staging.store)
    stored = last_rows(root, "offers", [*key, *_STATE], key=[*key], at="observed_at", where=own)
    known = {_values(row, key): _values(row, _STATE) for row in stored.to_pylist()}
    last = {_values(row, key): row for rows in staging.rows("offers") for row in rows.to_pylist()}
    new = [row for offer, row in last.items() if known.get(offer) != _values(row, _STATE)]
    if new:
        yield pa.Table.from_pylist(new, TABLES["offers"].columns)


def _new_pages(root: Root, staging: Staging) -> Iterator[pa.Table]:
    """The staged pages that are not stored yet."""
    key = ("url", "product_id", "fetched_at")
    crawls = pa.array(sorted(staging.crawls), pa.string())
    own = of_store(staging.store) & pc.field("crawl_id").isin(crawls)
    known = {_values(row, key) for row in tables.read(root, "pages", columns=[*key], where=own).to_pylist()}
    for rows in staging.rows("pages"):
        keys = rows.select(key).to_pylist()
        new = [number for number, row in enumerate(keys) if _values(row, key) not in known]
        if new:
            yield rows.take(new)


def _values(row: Mapping[str, Any], names: Iterable[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)
