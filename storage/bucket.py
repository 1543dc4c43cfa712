"""A data root in a bucket (`s3://bucket/prefix`); see `storage.files.Files`.

Files that never change are fetched into a local folder with the layout of a data root, and memory-mapped
there. New files are uploaded, read back and compared before anything refers to them. Credentials, region and
endpoint come from the usual AWS_* variables, which obstore reads itself.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import obstore
from filelock import FileLock
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from storage import leases
from storage.errors import BusyError, InputError, LookalikeError
from storage.files import LOCK_ENDING, Folder
from storage.verification_cache import sha256_of

_BLOCK_BYTES = 8 * 2**20
"""Bytes fetched by one request, so that each ends within its time."""

_AT_ONCE = 8

_CONNECT_S, _REQUEST_S, _RETRIES, _RETRY_S = 5, 30, 3, 30

TABLE_OPTIONS = {
    "allow_http": "true",
    "connect_timeout": f"{_CONNECT_S}s",
    "timeout": f"{_REQUEST_S}s",
    "max_retries": str(_RETRIES),
    "retry_timeout": f"{_RETRY_S}s",
}
"""The options with which delta-rs reaches the bucket. Without TLS only if AWS_ENDPOINT_URL says http://."""


class Bucket:
    """A data root in a bucket; see `storage.files.Files`.

    :param address: `s3://bucket/prefix`, the prefix optional.
    :param copies: the folder for copies.
    :raises InputError: an AWS_* variable is malformed.
    """

    def __init__(self, address: str, copies: Path) -> None:
        self.address = address
        self.path = copies
        self._held: set[leases.Lease] = set()
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        try:
            self._store = S3Store(
                bucket,
                prefix=prefix or None,
                client_options={
                    "allow_http": True,
                    "connect_timeout": timedelta(seconds=_CONNECT_S),
                    "timeout": timedelta(seconds=_REQUEST_S),
                },
                retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
            )
        except (BaseError, ValueError) as error:
            raise InputError(f"{address} cannot be opened ({_first_line(error)}). Check AWS_*.") from None

    def prepare(self) -> None:
        """See `Files.prepare`."""
        if (others := self.below("")) and "root.json" not in others:
            raise InputError(
                f"{self.address} holds other files and is no data root. Give an empty or a new prefix."
            )

    def read(self, name: str) -> bytes | None:
        """See `Files.read`."""
        found = self._read_with_etag(name)
        return None if found is None else found[0]

    def replace(self, name: str, data: bytes, before: bytes | None) -> None:
        """See `Files.replace`."""
        for held in tuple(self._held):
            held.check()
        found = self._read_with_etag(name)
        mode: Any = "create" if found is None else {"e_tag": found[1]}
        try:
            if (None if found is None else found[0]) != before:
                raise PreconditionError
            with self._errors_as_sentences():
                obstore.put(self._store, name, data, mode=mode)
        except (AlreadyExistsError, PreconditionError):
            if self.read(name) != data:  # else the response to our own first try was lost
                raise BusyError(
                    f"Another process has just written {self.address}/{name}. Try again."
                ) from None

    def below(self, folder: str) -> list[str]:
        """See `Files.below`."""
        with self._errors_as_sentences():
            pages = obstore.list(self._store, prefix=folder or None)
            return sorted(str(entry["path"]) for page in pages for entry in page)

    def fetch(self, name: str) -> Path:
        """See `Files.fetch`. Processes that fetch the same file at the same time fetch it once."""
        target = self.path / name
        if target.exists():
            return target
        with self._fetch_lock(name):
            if target.exists():
                return target
            scratch = Path(tempfile.mkdtemp(prefix=".fetching-", dir=self.path))
            try:
                _run_all(lambda file: self._download(file, scratch / file), self._parts_of(name))
                target.parent.mkdir(parents=True, exist_ok=True)
                (scratch / name).replace(target)
            except FileNotFoundError:
                pass  # it does not exist, or is being removed
            except OSError as error:
                raise LookalikeError(
                    f"{self.address}/{name} cannot be copied to {self.path} ({error.strerror or error}). "
                    "Free some space there, or name another folder in LOOKALIKE_CACHE."
                ) from None
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        return target

    def forget(self, name: str) -> bool:
        """See `Files.forget`. Processes that have mapped the copy keep it."""
        Folder(self.path).remove(name)
        return True

    def add(self, name: str, source: Path) -> None:
        """See `Files.add`: uploaded, read back and compared, then moved among the copies."""
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        names = {path: str(PurePosixPath(name, path.relative_to(source))) for path in files}
        # A folder's description is uploaded last: it says that the other files are there.
        described = [path for path in files if path.suffix == ".json"]
        try:
            _run_all(lambda path: self._upload(path, names[path]), [p for p in files if p not in described])
            _run_all(lambda path: self._upload(path, names[path]), described)
        except LookalikeError:
            self._try_to_remove(names.values())
            raise
        Folder(self.path).add(name, source)

    def remove(self, name: str) -> None:
        """See `Files.remove`."""
        names = self._parts_of(name)
        described = [file for file in names if file.endswith(".json")]
        with self._errors_as_sentences():
            # The description first, so that a partly removed folder does not look complete.
            for part in (described, [file for file in names if file not in described]):
                if part:
                    obstore.delete(self._store, part)

    def tidy(self) -> None:
        """See `Files.tidy`."""
        copies = Folder(self.path)
        for folder in ("index", "thumbnails", "encoders"):
            kept = {PurePosixPath(name).parts[1] for name in self.below(folder)}
            for copy in {PurePosixPath(name).parts[1] for name in copies.below(folder)} - kept:
                copies.remove(f"{folder}/{copy}")

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """See `storage.root.Root.lock`; a lock whose process died expires, see `storage.leases`."""
        with self._errors_as_sentences():
            held = leases.Lease(
                self._store, f"locks/{name}{LOCK_ENDING}", f"The lock '{name}' of {self.address}"
            )
        self._held.add(held)
        try:
            yield
        except BaseException:
            # An error of the block takes precedence over an error of the release.
            with suppress(LookalikeError, BaseError, OSError):
                held.release()
            raise
        finally:
            self._held.discard(held)
        with self._errors_as_sentences():
            held.release()

    def locks(self) -> list[str]:
        """See `Files.locks`."""
        return [PurePosixPath(name).stem for name in self.below("locks")]

    def _parts_of(self, name: str) -> list[str]:
        """Names of the files of a folder, or of the file itself."""
        return self.below(name) or [name]

    def _read_with_etag(self, name: str) -> tuple[bytes, str] | None:
        try:
            with self._errors_as_sentences():
                found = obstore.get(self._store, name)
                return bytes(found.bytes()), str(found.meta["e_tag"])
        except FileNotFoundError:
            return None

    def _blocks(self, name: str) -> Iterator[bytes]:
        with self._errors_as_sentences():
            size = obstore.head(self._store, name)["size"]
        for start in range(0, size, _BLOCK_BYTES):
            with self._errors_as_sentences():
                yield bytes(
                    obstore.get_range(self._store, name, start=start, end=min(start + _BLOCK_BYTES, size))
                )

    def _download(self, name: str, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            for block in self._blocks(name):
                stream.write(block)

    def _upload(self, file: Path, name: str) -> None:
        with self._errors_as_sentences():
            obstore.put(self._store, name, file, max_concurrency=4)
        stored = hashlib.sha256()
        for block in self._blocks(name):
            stored.update(block)
        if stored.hexdigest() != sha256_of(file):
            raise LookalikeError(
                f"{self.address}/{name} came back otherwise than it was written. Nothing was published; run "
                "it again."
            )

    def _try_to_remove(self, names: Iterable[str]) -> None:
        # Unreachable: nothing refers to them, and the next build removes them.
        with suppress(BaseError, OSError):
            obstore.delete(self._store, list(names))

    @contextmanager
    def _fetch_lock(self, name: str) -> Iterator[None]:
        folder = self.path / ".locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LookalikeError(
                f"The folder {folder} cannot be made ({error.strerror}). Name another one in LOOKALIKE_CACHE."
            ) from None
        with FileLock(folder / f"{name.replace('/', '-')}{LOCK_ENDING}"):
            yield

    @contextmanager
    def _errors_as_sentences(self) -> Iterator[None]:
        """Turns errors of the bucket into a sentence.

        :raises FileNotFoundError: there is no such object.
        :raises LookalikeError: the bucket cannot be reached, or does not exist.
        """
        try:
            yield
        except (AlreadyExistsError, PreconditionError):
            raise
        except (BaseError, FileNotFoundError) as error:
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                raise
            raise LookalikeError(_sentence(self.address, error)) from None


def _run_all(work: Callable[[Any], None], things: Iterable[Any]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(work, things):
            pass


def _sentence(address: str, error: Exception) -> str:
    text = str(error)
    if "NoSuchBucket" in text:
        return f"The bucket of {address} does not exist. Make it, or correct the name."
    if "169.254.169.254" in text or "latest/api/token" in text:
        return (
            f"There are no credentials for {address}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "run where a role gives them."
        )
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return f"Access to {address} is denied. Check the AWS_* variables and the bucket's policy."
    return (
        f"{address} cannot be reached ({_first_line(error)}). Check the network, AWS_REGION and "
        "AWS_ENDPOINT_URL."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(". ")
