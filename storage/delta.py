"""Opens, creates and lays out one Delta table of a data root, and retries commits."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import ColumnProperties, CommitProperties, DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError, DeltaError
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem
from tenacity import (
    RetryCallState,
    before_sleep_log,
    retry,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from storage.errors import BusyError, LookalikeError
from storage.schemas import TABLES


class TableRoot(Protocol):
    """What tables need of a data root; see `storage.root.Root`."""

    @property
    def bucket(self) -> object | None:
        """The bucket that holds the root; None for a folder."""

    def table_uri(self, table: str) -> str:
        """The address of a table."""

    def table_path(self, table: str) -> Path:
        """The folder of a table in a local root."""


ROW_GROUP_BYTES = 8 * 2**20
"""Size of a row group before compression. Readers hold a few row groups, and a filter on sorted keys reads
only the groups it needs: ten of 1,500 photos took 4 MB from the disk, and 118 MB with one large group."""

ATTEMPTS = 12
"""Attempts at a commit while other processes commit to the same table."""

NO_RETRY = CommitProperties(max_commit_retries=0)
"""Commits only on top of the version that was read; by default delta-rs appends on top of any version."""

_log = logging.getLogger(__name__)


def _give_up(state: RetryCallState) -> None:
    root, table = state.args[:2]
    cause = state.outcome.exception() if state.outcome else None
    raise BusyError(
        f"The table '{table}' in {root} is being written by too many processes at once. Try again later."
    ) from cause


# Two crawls may commit to one table at once: the later one reads the table again and writes on top.
retry_conflicts = retry(
    retry=retry_if_exception_type(CommitFailedError),
    wait=wait_random_exponential(multiplier=0.1, max=5),
    stop=stop_after_attempt(ATTEMPTS),
    before_sleep=before_sleep_log(_log, logging.INFO),
    retry_error_callback=_give_up,
)


def load(root: TableRoot, table: str) -> DeltaTable | None:
    """The table at its latest version; None if it has not been written yet."""
    uri, options = root.table_uri(table), _options(root)
    return DeltaTable(uri, storage_options=options) if DeltaTable.is_deltatable(uri, options) else None


def load_or_create(root: TableRoot, table: str) -> DeltaTable:
    """The table at its latest version; created if it has not been written yet."""
    if (found := load(root, table)) is not None:
        return found
    spec, uri, options = TABLES[table], root.table_uri(table), _options(root)
    if root.bucket is None:
        root.table_path(table).mkdir(parents=True, exist_ok=True)
    DeltaTable.create(
        uri,
        spec.columns,
        mode="ignore",
        partition_by=list(spec.partition_by),
        name=table,
        storage_options=options,
    )
    return DeltaTable(uri, storage_options=options)


def dataset(root: TableRoot, table: str, delta: DeltaTable) -> ds.FileSystemDataset:
    """The table's files as an Arrow dataset whose filters skip partitions, files and row groups."""
    if root.bucket is not None:
        return delta.to_pyarrow_dataset()
    # Arrow's own file system: reading through delta-rs' takes twice as long.
    local = SubTreeFileSystem(str(root.table_path(table)), LocalFileSystem())
    return delta.to_pyarrow_dataset(filesystem=local)


def layout(table: str, row_bytes: float) -> WriterProperties:
    """How a table's Parquet files are written.

    :param row_bytes: size of an average row before compression.
    """
    # Binary columns are compressed already. Their statistics would put two whole photos of every row group
    # into the file's footer, and a dictionary of photos saves nothing.
    plain = ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")
    binary = [field.name for field in TABLES[table].columns if pa.types.is_binary(field.type)]
    return WriterProperties(
        compression="ZSTD",
        max_row_group_size=max(1, min(2**20, int(ROW_GROUP_BYTES / max(row_bytes, 1)))),
        column_properties=dict.fromkeys(binary, plain),
    )


@contextmanager
def damage_named(root: TableRoot, table: str) -> Iterator[None]:
    """Turns errors of Delta and Parquet about damaged or missing files into a sentence.

    :raises LookalikeError: the table cannot be read or written.
    """
    try:
        yield
    except CommitFailedError:
        raise
    except (DeltaError, OSError, pa.ArrowInvalid) as error:
        if "No space left" in str(error):
            raise LookalikeError(
                f"The disk is full: the table '{table}' in {root} cannot be written. What was stored before "
                "is as it was; free some space and try again."
            ) from error
        remedy = (
            f"Check the disk, restore the folder {root.table_path(table)} from a backup, or remove it and "
            "crawl again."
            if root.bucket is None
            else "Check the network and the AWS_* variables; restore it from a backup where it is damaged."
        )
        raise LookalikeError(
            f"The table '{table}' in {root} cannot be read or written ({_cause(error)}). {remedy}"
        ) from error


def _cause(error: Exception) -> str:
    """The first line of an error; for object stores also the last, which names the reason."""
    lines = [re.sub(r"\x1b\[\d*m|↳", "", line).strip(" .") for line in str(error).strip().splitlines()]
    return lines[0] if len(lines) == 1 or "↳" not in str(error) else f"{lines[0]}: {lines[-1]}"


def _options(root: TableRoot) -> dict[str, str] | None:
    if root.bucket is None:
        return None
    from storage.bucket import TABLE_OPTIONS

    return TABLE_OPTIONS
