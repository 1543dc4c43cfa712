"""The data root: where everything stored lives, its locks and its schema version."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from storage.errors import BusyError, InputError, LookalikeError, NewerSchemaError
from storage.schemas import SCHEMA_VERSION

_VERSION_FILE = "root.json"
_UNFINISHED = ".root.json-"

MIGRATIONS: dict[int, Callable[[Root], None]] = {}
"""Schema version to the function that turns a root of that version into one of the next.

A migration that was killed runs again from its beginning, so it must bear that. Nobody else writes meanwhile.
"""


@dataclass(frozen=True)
class Root:
    """An opened data root on a local disk.

    :param path: its folder, absolute.
    """

    path: Path

    @classmethod
    def open(cls, path: str | Path, *, create: bool = False) -> Root:
        """Opens a data root, migrating one of an older release.

        :param create: make it where it is missing.
        :raises InputError: it does not exist, is no data root, or is not on a local disk.
        :raises NewerSchemaError: a newer release wrote it.
        """
        if re.match(r"[a-z0-9]+://", str(path)):
            raise InputError(f"{path}: a data root in a bucket is not supported yet. Give a local folder.")
        folder = Path(path).expanduser().absolute()
        version_file = folder / _VERSION_FILE
        if not version_file.is_file():
            _create(folder, path, allowed=create)
        version = _read_version(version_file)
        if version > SCHEMA_VERSION:
            raise NewerSchemaError(
                f"{path} was written by a newer Lookalike (schema {version}, this one reads up to "
                f"{SCHEMA_VERSION}). Update Lookalike."
            )
        root = cls(folder)
        if version < SCHEMA_VERSION:
            root._migrate()
        return root

    def table_path(self, table: str) -> Path:
        """Folder of a Delta table, which may not exist yet."""
        return self.path / "tables" / table

    @property
    def encoders(self) -> Path:
        """Folder of the encoders."""
        return self._folder("encoders")

    @property
    def thumbnails(self) -> Path:
        """Folder of the thumbnail shards."""
        return self._folder("thumbnails")

    @property
    def index(self) -> Path:
        """Folder of the index generations."""
        return self._folder("index")

    @property
    def locks(self) -> Path:
        """Folder of the locks."""
        return self._folder("locks")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Holds a lock; the system releases it when the process dies.

        :param name: what is being written, for example `embed` or `crawl-shop.example`.
        :raises BusyError: another process holds it.
        :raises LookalikeError: nothing may be written in the data root.
        """
        lock = FileLock(self.locks / f"{name}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise BusyError(
                f"Another process holds '{name}' in {self.path}. Wait until it is done, or stop it."
            ) from error
        except OSError as error:
            raise LookalikeError(
                f"'{name}' cannot be locked in {self.path} ({error.strerror}). Make the folder writable."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def _migrate(self) -> None:
        version_file = self.path / _VERSION_FILE
        with ExitStack() as held:
            # A process of the older release may still be writing: it holds one of these.
            for name in sorted({"migrate", *(path.stem for path in self.locks.glob("*.lock"))}):
                held.enter_context(self.lock(name))
            steps = range(_read_version(version_file), SCHEMA_VERSION)
            if not all(step in MIGRATIONS for step in steps):
                raise LookalikeError(
                    f"{self.path} has schema {steps.start}, which is too old for this Lookalike. "
                    "Open it with an earlier release first, or crawl into a new folder."
                )
            for step in steps:
                MIGRATIONS[step](self)
                _write_version(version_file, step + 1)


def _create(folder: Path, given: str | Path, *, allowed: bool) -> None:
    if folder.is_file():
        raise InputError(f"{given} is a file, not a data folder. Give a folder.")
    if not allowed:
        state = "is not a Lookalike data folder" if folder.exists() else "does not exist"
        raise InputError(f"The data folder {given} {state}. Run `lookalike crawl` first, or give --data.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = any(not path.name.startswith(_UNFINISHED) for path in folder.iterdir())
        # Another process may have made the data root a moment ago.
        if (folder / _VERSION_FILE).is_file():
            return
        if others:
            raise InputError(
                f"{given} holds other files and is no data folder. Give an empty or a new folder."
            )
        _write_version(folder / _VERSION_FILE, SCHEMA_VERSION)
    except OSError as error:
        raise InputError(
            f"The data folder {given} cannot be made ({error.strerror}). Give a folder you may write to."
        ) from error


def _read_version(file: Path) -> int:
    try:
        return int(json.loads(file.read_text())["schema_version"])
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}). Check its permissions.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LookalikeError(f"{file} is damaged ({error}). Restore it from a backup.") from error


def _write_version(file: Path, version: int) -> None:
    unfinished = file.with_name(f"{_UNFINISHED}{os.getpid()}")
    unfinished.write_text(json.dumps({"schema_version": version}) + "\n")
    unfinished.replace(file)
