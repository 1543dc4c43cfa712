"""Staged crawls: what a crawl read of a store, kept beside the tables until it is judged.

A staged crawl is a folder `staging/<store>/` of numbered Parquet files, each with rows of one table in the
order of reading. Files are added atomically, so that a killed crawl loses only rows that it had not written,
and the next crawl of the store continues from there. `state.json` holds the decision about it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.errors import InputError, LookalikeError
from storage.names import STORE
from storage.root import Root
from storage.rows import Rows, fit_to_schema
from storage.schemas import TABLES

FOLDER = "staging"

MOVED = "moved:"
"""Prefix of a product's id in `fetches`, where `content_hash` is the id that the product is stored under: the
id it had before its store gave it another address."""

_MOVED_KIND = "moved"
"""The kind of the files with such rows, so that they are found without reading all others."""

_STATE = "state.json"
_ENDING = ".parquet"
_OF_A_PRODUCT = ("products", "offers", "pages")


class State(StrEnum):
    """The decision about a staged crawl."""

    UNFINISHED = "unfinished"
    """None yet: it was killed, or is running."""
    QUARANTINED = "quarantined"
    """It failed a gate, and waits for `lookalike accept` or `lookalike reject`."""
    ACCEPTED = "accepted"
    """It is being merged into the tables."""


@dataclass(frozen=True)
class Finding:
    """Why a crawl failed a gate.

    :ivar gate: which one, a value of `storage.verdicts.Gate`.
    :ivar sentence: what is wrong, with figures.
    :ivar examples: a few affected products.
    """

    gate: str
    sentence: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The decision about a staged crawl.

    :ivar crawl: its row of `crawls`; empty if it is unfinished.
    :ivar findings: why it is quarantined.
    :ivar last: the number of the last file that was judged.
    """

    state: State
    crawl: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    last: int = 0


def quarantine_sentence(store: str, findings: Sequence[Finding]) -> str:
    """What the operator has to know and do about a quarantined crawl."""
    return (
        f"The crawl of '{store}' is quarantined: {' '.join(map(_with_examples, findings))} What was "
        f"published before stays. Run `lookalike accept {store}` if the store has really changed so, or "
        f"`lookalike reject {store}`."
    )


def _with_examples(finding: Finding) -> str:
    shown = f" For example {'; '.join(finding.examples)}." if finding.examples else ""
    return f"{finding.sentence}{shown}"


def staged_stores(root: Root) -> list[str]:
    """The stores that have a staged crawl, sorted."""
    folders = {PurePosixPath(name).parts[1] for name in root.files.below(FOLDER)}
    return sorted(name for name in folders if STORE.fullmatch(name))


class Staging:
    """The staged crawl of a store, if there is one. Writers hold the lock of the store's crawl.

    :ivar store: the store's name.
    :raises InputError: no store can have this name, such as `.`, which would be the crawls of all stores.
    """

    def __init__(self, root: Root, store: str) -> None:
        if not STORE.fullmatch(store):
            raise InputError(f"'{store[:60]}' is no store's name. `lookalike stores list` shows them.")
        self.root, self.store = root, store
        self._folder = f"{FOLDER}/{store}"
        self._next: int | None = None

    def __bool__(self) -> bool:
        """Whether there is a staged crawl."""
        return bool(self.root.files.below(self._folder))

    @property
    def crawls(self) -> set[str]:
        """The ids of the crawls that wrote to it: several after a kill or in quarantine."""
        return {_crawl_of(name) for name in self._parts()}

    @property
    def moved(self) -> dict[str, str]:
        """For each id that was read, the id that the product is stored under, if that is another one."""
        parts = [self._read(name, "fetches", ["url", "content_hash"]) for name in self._parts(_MOVED_KIND)]
        rows = [row for part in parts for row in part.to_pylist()]
        return {row["url"].removeprefix(MOVED): row["content_hash"] for row in rows}

    def add(self, crawl_id: str, table: str, rows: Rows) -> None:
        """Writes rows, which survive a kill.

        :raises ValueError: a row does not fit the table's columns.
        :raises OSError: they cannot be written, for example because the disk is full.
        """
        if len(rows):
            self._add(crawl_id, table, fit_to_schema(table, rows))

    def add_moved(self, crawl_id: str, ids: Mapping[str, str], at: datetime) -> None:
        """Notes that products keep their stored ids: from now on their rows are renamed.

        :param ids: for each id that was read, the stored id.
        """
        rows = [
            {"store": self.store, "url": f"{MOVED}{read}", "content_hash": stored, "fetched_at": at}
            for read, stored in ids.items()
        ]
        if rows:
            self._add(crawl_id, _MOVED_KIND, fit_to_schema("fetches", rows))

    def rows(self, table: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The staged rows of a table in the order of reading, a few thousand at a time.

        :raises LookalikeError: a file is damaged.
        """
        moved = self.moved if table in _OF_A_PRODUCT else {}
        for name in self._parts(table, *((_MOVED_KIND,) if table == "fetches" else ())):
            rows = self._read(name, table, columns)
            yield _renamed(rows, moved) if moved and "product_id" in rows.column_names else rows

    def image_ids(self) -> set[str]:
        """The photos that it refers to."""
        found: set[str] = set()
        for rows in self.rows("fetches", ["image_id"]):
            found.update(rows["image_id"].drop_null().to_pylist())
        for rows in self.rows("products", ["images"]):
            images = pc.list_flatten(rows["images"].combine_chunks())
            found.update(pc.struct_field(images, "image_id").drop_null().to_pylist())
        return found

    def decision(self) -> Decision | None:
        """The decision about it; None if there is no staged crawl.

        :raises LookalikeError: `state.json` is damaged.
        """
        stored = self.root.files.read(f"{self._folder}/{_STATE}")
        if stored is None:
            return Decision(State.UNFINISHED, {}) if self else None
        try:
            data = json.loads(stored)
            findings = tuple(
                Finding(finding["gate"], finding["sentence"], tuple(finding["examples"]))
                for finding in data["findings"]
            )
            return Decision(State(data["state"]), _with_times(data["crawl"]), findings, int(data["last"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(_STATE, error) from None

    def decide(self, state: State, crawl: Mapping[str, Any], findings: Sequence[Finding] = ()) -> None:
        """Writes the decision, atomically.

        :param crawl: a row of `crawls`.
        """
        name = f"{self._folder}/{_STATE}"
        reasons = [asdict(finding) for finding in findings]
        data = {"state": state, "crawl": dict(crawl), "findings": reasons, "last": self._last()}
        before = self.root.files.read(name)
        self._local().mkdir(parents=True, exist_ok=True)
        self.root.files.replace(name, json.dumps(data, default=datetime.isoformat).encode() + b"\n", before)

    def drop_after(self, last: int) -> None:
        """Removes the files after the last judged one: those of a later crawl that was not judged.

        :param last: see `Decision.last`.
        """
        for name in self._parts():
            if _number_of(name) > last:
                self.root.files.remove(name)
        self._next = None

    def discard(self) -> None:
        """Removes it. The state is removed last, so that it can be discarded again after a kill."""
        files = self.root.files
        for name in self._parts():
            files.remove(name)
        files.remove(f"{self._folder}/{_STATE}")
        files.remove(self._folder)
        shutil.rmtree(self._local(), ignore_errors=True)
        self._next = None

    def damage(self) -> list[str]:
        """A sentence for each damaged file."""
        found = []
        checks: list[Any] = [self.decision]
        checks += [lambda name=name: self._read(name, _table_of(name), None) for name in self._parts()]
        for check in checks:
            try:
                check()
            except LookalikeError as error:
                found.append(str(error))
        return found

    def _parts(self, *kinds: str) -> list[str]:
        names = [name for name in self.root.files.below(self._folder) if name.endswith(_ENDING)]
        return [name for name in names if not kinds or _kind_of(name) in kinds]

    def _last(self) -> int:
        return max(map(_number_of, self._parts()), default=0)

    def _add(self, crawl_id: str, kind: str, rows: pa.Table) -> None:
        number = self._last() + 1 if self._next is None else self._next
        self._next = number + 1
        self._local().mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".part-", dir=self._local()))
        try:
            file = unfinished / "part"
            # No dictionaries: bodies of pages are compressed already, and most other values are distinct.
            pq.write_table(rows, file, compression="zstd", use_dictionary=False, write_statistics=False)
            self.root.files.add(f"{self._folder}/{number:08d}-{crawl_id}-{kind}{_ENDING}", file)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _read(self, name: str, table: str, columns: Sequence[str] | None) -> pa.Table:
        schema = TABLES[table].columns
        wanted = list(columns or schema.names)
        try:
            with pq.ParquetFile(self.root.files.fetch(name)) as file:
                return file.read(columns=wanted).select(wanted).cast(pa.schema(map(schema.field, wanted)))
        except (OSError, pa.ArrowException, ValueError, KeyError) as error:
            raise self._damaged(PurePosixPath(name).name, error) from error

    def _damaged(self, name: str, error: Exception) -> LookalikeError:
        return LookalikeError(
            f"{self._folder}/{name} is damaged ({str(error).splitlines()[0].rstrip('.')}). Run `lookalike "
            f"reject {self.store}`: what it held was not published, and the next crawl reads it again."
        )

    def _local(self) -> Path:
        """Its folder on this machine; for a root in a bucket, the folder of the copies."""
        return self.root.path / FOLDER / self.store


def _number_of(name: str) -> int:
    return int(PurePosixPath(name).name.partition("-")[0])


def _kind_of(name: str) -> str:
    return PurePosixPath(name).stem.rpartition("-")[2]


def _table_of(name: str) -> str:
    kind = _kind_of(name)
    return "fetches" if kind == _MOVED_KIND else kind


def _crawl_of(name: str) -> str:
    return PurePosixPath(name).stem.rpartition("-")[0].partition("-")[2]


def _renamed(rows: pa.Table, moved: Mapping[str, str]) -> pa.Table:
    ids = [moved.get(product_id, product_id) for product_id in rows["product_id"].to_pylist()]
    column = rows.column_names.index("product_id")
    return rows.set_column(column, rows.schema.field(column), pa.array(ids, pa.string()))


def _with_times(crawl: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `crawls` from JSON, with its times parsed."""
    times = {name: datetime.fromisoformat(crawl[name]) for name in ("started_at", "ended_at")}
    return {**crawl, **times}
