"""The data root: where everything stored lives, its locks and its schema version."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from platformdirs import user_cache_path

from storage.errors import BusyError, InputError, LookalikeError, NewerSchemaError
from storage.files import Files, Folder
from storage.schemas import SCHEMA_VERSION
from storage.verification_cache import Verified

if TYPE_CHECKING:
    from storage.bucket import Bucket

_VERSION_FILE = "root.json"
_T = TypeVar("_T")


def _fetches_by_store(root: Root) -> None:
    from storage import migrations  # here, because opening a current root needs no tables

    migrations.fetches_by_store(root)


def _failure_of_crawls(root: Root) -> None:
    from storage import migrations

    migrations.failure_of_crawls(root)


MIGRATIONS: dict[int, Callable[[Root], None]] = {1: _fetches_by_store, 2: _failure_of_crawls}
"""The migration from each schema version to the next.

A killed migration runs again from its beginning, so it must be idempotent. Nobody else writes meanwhile.
"""


def default_cache() -> Path:
    """The default folder for copies of a bucket's files and the verification cache."""
    return user_cache_path("lookalike")


@dataclass(frozen=True)
class Root:
    """An opened data root; `str` gives the address that opens it.

    :param path: its folder, absolute; of a root in a bucket, the folder with copies of its files.
    :param cache: the folder for what processes of this user keep from run to run; see `default_cache`.
    :param bucket: the bucket that holds its files; None for a folder.
    """

    path: Path
    cache: Path = field(default_factory=default_cache, compare=False, repr=False)
    bucket: Bucket | None = field(default=None, compare=False, repr=False)

    @classmethod
    def open(cls, path: str | Path, *, create: bool = False, cache: Path | None = None) -> Root:
        """Opens a data root, migrating one of an older release.

        :param path: a local folder, or `s3://bucket/prefix`.
        :param create: whether to create it if it is missing.
        :param cache: see `Root`; `default_cache` if None.
        :raises InputError: it does not exist, or is no data root.
        :raises NewerSchemaError: a newer release wrote it.
        :raises LookalikeError: the bucket cannot be reached.
        """
        root = _at(path, cache or default_cache())
        version = root._read_version()
        if version is None:
            root._create(path, allowed=create)
            version = root._read_version() or SCHEMA_VERSION
        if version > SCHEMA_VERSION:
            raise NewerSchemaError(
                f"{path} was written by a newer Lookalike (schema {version}, this one reads up to "
                f"{SCHEMA_VERSION}). Update Lookalike."
            )
        if version < SCHEMA_VERSION:
            root._migrate()
        return root

    def __str__(self) -> str:
        return self.files.address

    @functools.cached_property
    def files(self) -> Files:
        """The files beside the tables."""
        return self.bucket or Folder(self.path)

    @functools.cached_property
    def verified(self) -> Verified:
        """The verification cache."""
        return Verified(self.cache / "verified")

    def table_uri(self, table: str) -> str:
        """The address of a Delta table, which may not exist yet."""
        return f"{self}/tables/{table}"

    def table_path(self, table: str) -> Path:
        """Folder of a Delta table of a local root, which may not exist yet."""
        return self.path / "tables" / table

    @property
    def encoders(self) -> Path:
        """Folder of the encoders, or of their copies."""
        return self._folder("encoders")

    @property
    def thumbnails(self) -> Path:
        """Folder of the thumbnail shards, or of their copies."""
        return self._folder("thumbnails")

    @property
    def index(self) -> Path:
        """Folder of the index generations, or of their copies."""
        return self._folder("index")

    @property
    def locks(self) -> Path:
        """Folder of the locks of a local root."""
        return self._folder("locks")

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Holds a lock during a block; a process that dies loses it, in a bucket after two minutes.

        :param name: what is being written, for example `embed` or `crawl-shop.example`.
        :raises BusyError: another process holds it.
        :raises LookalikeError: nothing may be written in the data root.
        """
        return self.files.lock(name)

    def check_or_refetch(self, name: str, check: Callable[[Path], _T]) -> _T:
        """Runs a check of a file or folder that never changes; fetches a damaged copy again.

        :param check: returns the result, or raises a `LookalikeError` if the file is damaged.
        """
        try:
            return check(self.files.fetch(name))
        except LookalikeError:
            if not self.files.forget(name):
                raise
        return check(self.files.fetch(name))

    def _folder(self, name: str) -> Path:
        folder = self.path / name if self.bucket is not None else self.files.fetch(name)
        try:
            folder.mkdir(parents=self.bucket is not None, exist_ok=True)
        except OSError as error:
            raise LookalikeError(f"The folder {folder} cannot be made ({error.strerror}).") from error
        return folder

    def _create(self, given: str | Path, *, allowed: bool) -> None:
        if self.bucket is None and self.path.is_file():
            raise InputError(f"{given} is a file, not a data folder. Give a folder.")
        if not allowed:
            there = self.bucket is None and self.path.exists()
            state = "is not a Lookalike data folder" if there else "does not exist"
            raise InputError(f"The data folder {given} {state}. Run `lookalike crawl` first, or give --data.")
        self.files.prepare()
        try:
            self._write_version(SCHEMA_VERSION, None)
        except BusyError:
            pass  # another process has just created it
        except LookalikeError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            raise InputError(
                f"The data folder {given} cannot be made ({error.__cause__.strerror}). "
                "Give a folder you may write to."
            ) from error

    def _read_version(self) -> int | None:
        where = f"{self}/{_VERSION_FILE}"
        try:
            stored = self.files.read(_VERSION_FILE)
            return None if stored is None else int(json.loads(stored)["schema_version"])
        except OSError as error:
            raise InputError(f"{where} cannot be read ({error.strerror}). Check its permissions.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise LookalikeError(f"{where} is damaged ({error}). Restore it from a backup.") from error

    def _write_version(self, version: int, before: bytes | None) -> None:
        self.files.replace(_VERSION_FILE, json.dumps({"schema_version": version}).encode() + b"\n", before)

    def _migrate(self) -> None:
        with ExitStack() as held:
            # A process of the older release may still be writing; it holds one of these.
            for name in sorted({"migrate", *self.files.locks()}):
                held.enter_context(self.lock(name))
            steps = range(self._read_version() or SCHEMA_VERSION, SCHEMA_VERSION)
            if not all(step in MIGRATIONS for step in steps):
                raise LookalikeError(
                    f"{self} has schema {steps.start}, which is too old for this Lookalike. "
                    "Open it with an earlier release first, or crawl into a new folder."
                )
            for step in steps:
                MIGRATIONS[step](self)
                self._write_version(step + 1, self.files.read(_VERSION_FILE))


def _at(path: str | Path, cache: Path) -> Root:
    """The root at an address, which may not exist yet."""
    address = str(path)
    if not (scheme := re.match(r"([a-z0-9]+)://", address)):
        return Root(Path(path).expanduser().absolute(), cache)
    if scheme[1] != "s3":
        raise InputError(f"{path} cannot be opened. Give a local folder or s3://bucket/prefix.")
    if importlib.util.find_spec("obstore") is None:
        raise InputError(f"{path} needs the package obstore. Run `pip install 'lookalike[s3]'`.")
    from storage.bucket import Bucket

    place = address.removeprefix("s3://").rstrip("/")
    if not re.fullmatch(r"[^/]+(/[^/]+)*", place):
        raise InputError(f"{path} names no bucket. Give s3://bucket or s3://bucket/prefix.")
    address, name = f"s3://{place}", re.sub(r"[^a-zA-Z0-9.]+", "-", place)
    copies = cache / "buckets" / f"{name[:80]}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    return Root(copies, cache, Bucket(address, copies))
