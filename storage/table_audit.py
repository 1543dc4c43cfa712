"""The audit of the tables: reads every file to the last byte."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage import checksums, delta, table_log, tables
from storage.errors import LookalikeError
from storage.images import image_id
from storage.regular import size_of
from storage.root import Root
from storage.schemas import TABLES
from storage.verification_cache import sha256_of

_REMEDY = "Run `lookalike repair`."


@dataclass(frozen=True)
class TableDamage:
    """The damage of a table.

    :ivar log: what is wrong with files of its transaction log, in a few words, by file name.
    :ivar data: what is wrong with its data files, by path below the table's folder.
    :ivar reason: why the table cannot be opened, if no file is known to be damaged; else empty.
    """

    table: str
    log: dict[str, str]
    data: dict[str, str]
    reason: str = ""

    @property
    def sentences(self) -> list[str]:
        """A sentence for each damaged file."""
        files = {f"{table_log.FOLDER}/{name}": reason for name, reason in self.log.items()} | self.data
        found = [
            f"tables/{self.table}/{name} is damaged ({reason}). {_REMEDY}" for name, reason in files.items()
        ]
        if self.reason:
            found.append(f"The table '{self.table}' cannot be opened ({self.reason}). {_REMEDY}")
        return found


def table_damage(root: Root, tables: Iterable[str] = tuple(TABLES)) -> list[TableDamage]:
    """Reads every file of tables of a local root, or every row of those in a bucket.

    :param tables: names of tables; all by default.
    :return: the damaged tables.
    """
    if root.bucket is not None:
        return [damage for table in tables if (damage := _unreadable(root, table))]
    noted = checksums.read(root)
    return [damage for table in tables if (damage := _audit(root, table, noted))]


def note_checksums(root: Root) -> None:
    """Notes the checksums of the tables' new files, so that a later change is found."""
    if root.bucket is None:
        names = [name for table in TABLES for name in _file_names(root, table)]
        checksums.note(root, names)


def missing_photos(root: Root) -> list[str]:
    """Ids of photos that `fetches` or products on sale refer to and `images` lacks, sorted."""
    stored = set(tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist())
    fetched = tables.read(root, "fetches", columns=["image_id"])["image_id"].drop_null().to_pylist()
    on_sale = pc.field("removed_at").is_null()
    lists = tables.read(root, "products", columns=["images"], where=on_sale)["images"].combine_chunks()
    shown = pc.struct_field(pc.list_flatten(lists), "image_id").drop_null().to_pylist()
    return sorted({*fetched, *shown} - stored)


def _audit(root: Root, table: str, noted: dict[str, str]) -> TableDamage | None:
    folder = root.table_path(table)
    if not folder.is_dir():
        return None
    prefix = f"tables/{table}"
    changed = {
        file.name
        for file in table_log.files(folder)
        if not _is_unchanged(file, f"{prefix}/_delta_log", noted)
    }
    present = [file.name for file in table_log.files(folder)]
    names = (PurePosixPath(name) for name in noted if name.startswith(f"{prefix}/{table_log.FOLDER}/"))
    changed |= {name.name for name in names if name.name > max(present, default="")}
    log = table_log.read(folder, changed)
    data = {
        path: reason
        for path, size in log.active.items()
        if (reason := _file_damage(root, table, path, size, noted))
    }
    if log.damaged or data:
        return TableDamage(table, log.damaged, data)
    try:
        tables.version(root, table)
    except LookalikeError as error:
        return TableDamage(table, {}, {}, str(error))
    return None


def _is_unchanged(file: Path, folder: str, noted: dict[str, str]) -> bool:
    known = noted.get(f"{folder}/{file.name}")
    try:
        return known is None or sha256_of(file) == known
    except OSError:
        return False


def _file_damage(root: Root, table: str, path: str, size: int, noted: dict[str, str]) -> str:
    """What is wrong with a data file; empty if it is sound."""
    if {"..", "/"} & {*PurePosixPath(path).parts}:
        return "it is outside its table"
    file = root.table_path(table) / path
    try:
        found = size_of(file)
        if found != size:
            return f"it has {found} bytes, not {size}"
        known = noted.get(f"tables/{table}/{path}")
        if known is not None:
            return "" if sha256_of(file) == known else "its bytes changed"
        for batch in pq.ParquetFile(file).iter_batches(batch_size=256):
            batch.validate(full=True)
            if table == "images" and any(
                image_id(row["bytes"]) != row["image_id"]
                for row in batch.select(["bytes", "image_id"]).to_pylist()
            ):
                return "a photo in it is another than its name says"
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return error.strerror or str(error)
    except (pa.ArrowException, ValueError, MemoryError) as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
    return ""


def _file_names(root: Root, table: str) -> Iterator[str]:
    folder = root.table_path(table)
    for file in table_log.files(folder):
        yield f"tables/{table}/{table_log.FOLDER}/{file.name}"
    for path in table_log.read(folder).active:
        yield f"tables/{table}/{path}"


def _unreadable(root: Root, table: str) -> TableDamage | None:
    try:
        with delta.damage_named(root, table):
            for _ in tables.scan(root, table):
                pass
    except LookalikeError as error:
        return TableDamage(table, {}, {}, str(error))
    return None
