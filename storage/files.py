"""The files of a data root beside its tables: in a folder, or in a bucket (`storage.bucket`).

There are two kinds. A few small files change (`root.json`, `index/CURRENT`); they are read and replaced as a
whole. All others (generations, encoders, thumbnails) are written once and never change, so that copies of
them are valid for ever. Names are relative to the root, with slashes, such as `index/CURRENT`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from filelock import FileLock, Timeout

from storage.atomic import replacing, sync
from storage.errors import BusyError, ForeignFileError, InputError, LookalikeError
from storage.regular import read_small

LOCK_ENDING = ".lock"


class Files(Protocol):
    """The interface to a data root's files.

    :ivar address: the address that opens the root.
    :ivar path: the folder on this machine with the files, or with copies of them.
    """

    address: str
    path: Path

    def prepare(self) -> None:
        """Prepares an empty place for a new data root.

        :raises InputError: it holds something else already, or cannot be written.
        """

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None if there is none.

        :raises ForeignFileError: a link, a folder, a pipe or a device has its name.
        :raises OSError: it cannot be read.
        """

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        """Replaces a small file atomically.

        :param before: its content when it was read; None if it did not exist.
        :raises BusyError: another process has written it since.
        :raises LookalikeError: it cannot be written; its content is unchanged.
        """

    def below(self, folder: str) -> list[str]:
        """Names of the files below a folder, at any depth, sorted; without unfinished ones."""

    def fetch(self, name: str) -> Path:
        """The local path of a file or folder that never changes; the path may not exist."""

    def forget(self, name: str) -> bool:
        """Drops the copy of a file or folder, so that it is fetched again; False if there are no copies."""

    def add(self, name: str, source: Path) -> None:
        """Adds a finished file or folder under a name, atomically.

        :param source: a path on the file system of `path`; it is moved.
        """

    def remove(self, name: str) -> None:
        """Deletes a file, or a folder and everything below it, if it exists."""

    def tidy(self) -> None:
        """Drops copies of files that the root no longer has."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """See `storage.root.Root.lock`."""

    def locks(self) -> list[str]:
        """Names of the locks that may be held."""


class Folder:
    """A data root in a folder of this machine; see `Files`.

    :param path: the folder, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.address = str(path)

    def prepare(self) -> None:
        """See `Files.prepare`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            others = [path for path in self.path.iterdir() if not path.name.startswith(".root.json-")]
            # Another process may have made the data root a moment ago.
            if others and not (self.path / "root.json").is_file():
                raise InputError(
                    f"{self.path} holds other files and is no data folder. Give an empty or a new folder."
                )
        except OSError as error:
            raise InputError(
                f"The data folder {self.path} cannot be made ({error.strerror}). "
                "Give a folder you may write to."
            ) from error

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        file = self._at(name)
        try:
            return read_small(file)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if file.is_file():
                raise
            raise ForeignFileError(f"{file} cannot be read: {error.strerror}. Remove it.") from None

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        """See `Files.replace`. Writers hold a lock, so the file does not change between check and write."""
        target = self.path / name
        try:
            now = self.read(name)
        except ForeignFileError:
            # No process of ours has written it, so remove it: a link itself, not its target.
            self.remove(name)
            now = before
        except OSError:
            now = b""
        if now != before:
            raise BusyError(f"Another process has just written {target}. Try again.")
        try:
            with replacing(target) as unfinished:
                unfinished.write_bytes(data)
        except OSError as error:
            raise LookalikeError(
                f"{target} cannot be written ({error.strerror}). It holds what it held before; free some "
                "space, or make the folder writable, and try again."
            ) from error

    def below(self, folder: str) -> list[str]:
        """See `Files.below`."""
        # Links are left out, to files and to folders.
        files = (
            path.relative_to(self.path)
            for path in self._at(folder).rglob("*")
            if path.is_file() and not path.is_symlink()
        )
        return sorted(file.as_posix() for file in files if not any(part[0] == "." for part in file.parts))

    def fetch(self, name: str) -> Path:
        """See `Files.fetch`."""
        return self._at(name)

    def forget(self, name: str) -> bool:
        """See `Files.forget`."""
        return False

    def add(self, name: str, source: Path) -> None:
        """See `Files.add`."""
        if source.is_dir():
            source.chmod(0o755)  # a temporary folder is private, but other users may read the root
        for path in (*sorted(source.rglob("*")), source):
            sync(path)
        target = self._at(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():  # the rest of a damaged one
            shutil.rmtree(target)
        source.replace(target)
        sync(target.parent)

    def remove(self, name: str) -> None:
        """See `Files.remove`."""
        path = self._at(name, link=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def tidy(self) -> None:
        """See `Files.tidy`."""

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """See `storage.root.Root.lock`; the system releases it when the process dies."""
        file = self._at(f"locks/{name}{LOCK_ENDING}")
        folder, lock = file.parent, FileLock(file)
        try:
            folder.mkdir(exist_ok=True)
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

    def locks(self) -> list[str]:
        """See `Files.locks`."""
        return sorted(path.stem for path in (self.path / "locks").glob(f"*{LOCK_ENDING}"))

    def _at(self, name: str, *, link: bool = False) -> Path:
        """The path of a name below the root; neither it nor a folder on the way may be a link.

        :param link: whether it may be a link itself.
        :raises ForeignFileError: it leads out of the root, or there is a link.
        """
        parts = PurePosixPath(name).parts
        if {"..", "/"} & {*parts}:
            raise ForeignFileError(f"'{name}' leads out of the data folder {self.path}, so it is not opened.")
        path = self.path
        for number, part in enumerate(parts, 1):
            path = path / part
            if path.is_symlink() and not (link and number == len(parts)):
                raise ForeignFileError(
                    f"{path} is a symbolic link, which is not followed below a data folder. Put what it "
                    "leads to in its place, or link the whole data folder."
                )
        return path
