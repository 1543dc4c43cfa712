"""Maintenance of the tables: retention, compaction and vacuum."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flows import alerts
from flows.config import Config
from flows.maintain_settings import MaintainSettings
from flows.purge import no_writer
from flows.retention import drop_expired
from storage import audit, table_audit, tables
from storage.errors import BusyError
from storage.root import Root

_log = logging.getLogger(__name__)

DEFAULTS = MaintainSettings()

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
    :ivar expired: rows that were deleted because their time had passed.
    """

    joined: int
    deleted: int
    expired: int = 0


def maintain(
    root: Root,
    settings: MaintainSettings = DEFAULTS,
    *,
    keep: timedelta | None = None,
    now: datetime | None = None,
) -> dict[str, Upkeep]:
    """Deletes expired rows, joins small files, and deletes files that no recent version needs.

    :param keep: files that a version younger than this needs stay; `versions_days` of the settings if None.
    :param now: the time to reckon from; the present if None.
    :return: an entry for each table that has been written.
    :raises BusyError: where a night, a crawl or embedding is running.
    """
    keep = timedelta(days=settings.versions_days) if keep is None else keep
    with no_writer(root), root.lock("maintain"):
        expired = drop_expired(root, settings, now or datetime.now(UTC))
        joined = tables.compact(root)
        deleted = tables.vacuum(root, keep=keep)
        tables.shorten_logs(root)
        table_audit.note_checksums(root)
        return {
            table: Upkeep(joined.get(table, 0), deleted.get(table, 0), expired.get(table, 0))
            for table in tables.versions(root)
        }


def check_and_maintain(
    root: Root, settings: MaintainSettings = DEFAULTS, *, keep: timedelta | None = None
) -> tuple[dict[str, Upkeep], list[str]]:
    """Reads all stored data to the last byte, and maintains the tables if none of them is damaged.

    :return: what was done to each table, and a sentence for each damaged file.
    :raises BusyError: see `maintain`.
    """
    damaged = audit.tables_damage(root)
    # Joining files would write what is damaged once more, as if it were in order.
    done = {} if damaged else maintain(root, settings, keep=keep)
    return done, damaged + audit.published_damage(root)


def alert_about_damage(config: Config, damaged: Sequence[str]) -> list[str]:
    """Sends an alert about what a scheduled upkeep found damaged.

    :return: a sentence for each receiver that could not be reached.
    """
    alert = alerts.Alert.of(config.name, "stored data is damaged", (*damaged, "Run `lookalike repair`."))
    return alerts.send(config.alerts, alert, os.environ)


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
