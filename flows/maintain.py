"""Maintenance of the tables: compaction and vacuum."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from storage import table_audit, tables
from storage.errors import BusyError
from storage.root import Root

_log = logging.getLogger(__name__)

APPENDED_BY_CRAWLS = ("crawls", "offers", "pages")
"""Tables to which every crawl appends a file."""

MAX_FILES = 100
"""Number of a table's small files from which a night joins them. To read when a store was last crawled
completely took 3.2 s of processor time with 2,000 files of `crawls`, 0.15 s with 100 and 0.04 s with one."""


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


def join_appended_files(root: Root) -> list[str]:
    """Joins the small files of tables that crawls append to, once there are many: crawls read all of them.

    A damaged table is left as it is, since joining would copy the damage into a file that looks sound. The
    caller holds the lock of the night. A table that another process is writing waits for the next night.

    :return: a sentence for each damaged file.
    """
    many = [table for table in APPENDED_BY_CRAWLS if tables.small_file_count(root, table) > MAX_FILES]
    damaged = table_audit.table_damage(root, many)
    for table in {*many} - {damage.table for damage in damaged}:
        try:
            tables.compact(root, only=table)
        except BusyError as error:
            _log.info("The files of %s are joined another night: %s", table, error)
    return [sentence for damage in damaged for sentence in damage.sentences]
