"""Maintenance of the tables: compaction and vacuum."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from storage import table_audit, tables
from storage.root import Root


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table.

    :ivar joined: small files that were joined into larger ones.
    :ivar deleted: files that were deleted.
    """

    joined: int
    deleted: int


def maintain(root: Root, *, keep: timedelta) -> dict[str, Upkeep]:
    """Joins small files and deletes those that no version younger than `keep` needs.

    :return: an entry for each table that has been written.
    :raises BusyError: where a night is running; a single crawl may run.
    """
    with root.lock("nightly"), root.lock("maintain"):
        joined = tables.compact(root)
        deleted = tables.vacuum(root, keep=keep)
        table_audit.note_checksums(root)
        return {table: Upkeep(joined.get(table, 0), deleted.get(table, 0)) for table in tables.versions(root)}
