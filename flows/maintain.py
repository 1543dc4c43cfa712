"""Upkeep of the tables, by hand or on a schedule of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from storage import table_audit, tables
from storage.root import Root


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table: small files joined into larger ones, and files deleted."""

    joined: int
    deleted: int


def maintain(root: Root, *, keep: timedelta) -> dict[str, Upkeep]:
    """Joins small files and deletes those that no version younger than `keep` needs.

    :return: one entry a table; those that have not been written yet have none.
    :raises BusyError: where a night runs; a crawl by itself is no obstacle.
    """
    with root.lock("nightly"), root.lock("maintain"):
        joined = tables.compact(root)
        deleted = tables.vacuum(root, keep=keep)
        table_audit.note(root)
        return {table: Upkeep(joined.get(table, 0), deleted.get(table, 0)) for table in tables.versions(root)}
