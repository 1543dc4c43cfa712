"""Generations of the index: built beside, verified, published by one atomic replace, rolled back.

`index/<generation>/` never changes once published; `index/CURRENT` names the published one. A generation's
name is its UTC time and the beginning of its manifest's sha256, and the manifest holds the sha256 of every
other file, so the name suffices to verify every byte.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

from storage import encoders, thumbnails
from storage import manifest as manifests
from storage.errors import BusyError, ForeignFileError, InputError, LookalikeError, NotPublishedError
from storage.manifest import WAY_OUT, GenerationError, Manifest, StoredFile
from storage.names import GENERATION
from storage.regular import size_of
from storage.root import Root
from storage.verification_cache import Unremembered, Verified, sha256_of

_log = logging.getLogger(__name__)

KEEP = 3
"""Generations kept: the published one and the newest others."""

LOCK = "index"
_CURRENT = "index/CURRENT"
_UNFINISHED = ".building-"
SCRATCH = "index/shards-"
"""How the names of folders begin in which other machines build parts of an index."""

_MOMENT = "%Y%m%dT%H%M%SZ"


def names(root: Root) -> list[str]:
    """Names of the generations, oldest first; a folder without a manifest is none."""
    return sorted(folder for folder, whole in _folders(root).items() if whole)


def was_ever_published(root: Root) -> bool:
    """Whether a generation was ever published here, even if what is left of it is damaged."""
    return _stored_current(root) is not None or bool(_folders(root))


def current_name(root: Root) -> str | None:
    """Name of the published generation; None if nothing was published yet.

    :raises GenerationError: `index/CURRENT` is damaged.
    """
    try:
        stored = root.files.read(_CURRENT)
    except ForeignFileError as error:
        raise GenerationError(f"{error} {WAY_OUT}") from None
    except OSError:
        stored = b""
    if stored is None:
        return None
    name = stored.decode("ascii", "replace").strip()
    if not GENERATION.fullmatch(name):
        raise GenerationError(f"{root}/{_CURRENT} is damaged: it names no generation. {WAY_OUT}")
    return name


def current(root: Root) -> Path | None:
    """Folder of the published generation on this machine; None if nothing was published yet.

    :raises GenerationError: `index/CURRENT` is damaged.
    """
    name = current_name(root)
    return None if name is None else root.files.fetch(f"index/{name}")


def require_current(root: Root) -> Path:
    """Folder of the published generation on this machine.

    :raises NotPublishedError: nothing was published yet.
    """
    folder = current(root)
    if folder is None:
        raise NotPublishedError(
            f"{root} holds no published index yet. Run `lookalike nightly`, or `lookalike index` "
            "after a crawl."
        )
    return folder


def open_current(root: Root) -> tuple[Path, Manifest]:
    """The local folder and the manifest of the published generation, with every file verified.

    :raises NotPublishedError: nothing was published yet.
    :raises GenerationError: it is damaged or incomplete, or a newer release wrote it.
    """
    name = require_current(root).name
    return root.index / name, _verified_manifest(root, name)


def read_manifest(root: Root, name: str) -> Manifest:
    """The manifest of a generation; nothing else of it is read.

    :raises GenerationError: there is none, it is damaged, or a newer release wrote it.
    """
    text = root.files.read(f"index/{name}/{manifests.FILE}")
    if text is None:
        raise GenerationError(f"Generation {name} has no {manifests.FILE}. {WAY_OUT}")
    return manifests.parse(text, name)


@contextmanager
def begin(root: Root) -> Iterator[Path]:
    """Yields a local folder to build a generation in, which is removed at the end unless it was published.

    The caller holds the root's `index` lock, so the remains of killed builds can be removed here.
    """
    for left_behind in root.index.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    for part in {"/".join(PurePosixPath(name).parts[:2]) for name in root.files.below("index")}:
        if part.startswith(SCRATCH):
            root.files.remove(part)
            root.files.forget(part)
    published = _stored_current(root) or b""
    for name, whole in _folders(root).items():
        if not whole and name.encode() not in published:
            root.files.remove(f"index/{name}")
    folder = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=root.index))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(root: Root, folder: Path) -> str:
    """Verifies a finished build and makes it the published generation; keeps the last three.

    :param folder: from `begin`, holding its manifest.
    :return: the generation's name.
    :raises GenerationError: a file differs from the manifest; the published generation stays.
    :raises BusyError: another process published meanwhile, whose generation stays.
    """
    manifest = verify(folder, root.verified)
    before = _stored_current(root)
    name = f"{_moment(root, manifest.built_at)}-{manifests.checksum(folder)[:12]}"
    root.files.add(f"index/{name}", folder)
    set_current(root, name, before)
    try:
        prune(root)
    except LookalikeError as error:
        _log.warning("Generation %s is published, but an old one could not be removed: %s", name, error)
    return name


def _moment(root: Root, built_at: datetime) -> str:
    """The time in a generation's name: later than that of all others, so that names sort by age."""
    newest = max((datetime.strptime(name[:16], _MOMENT) for name in names(root)), default=datetime.min)
    return max(built_at.replace(tzinfo=None), newest + timedelta(seconds=1)).strftime(_MOMENT)


def rollback(root: Root, name: str | None = None) -> str:
    """Publishes an earlier generation again.

    :param name: its name; None takes the newest sound one before the published, or the newest of all if
        `index/CURRENT` is damaged or missing.
    :return: the name of the generation that is published now.
    :raises InputError: there is no such generation.
    :raises GenerationError: it is damaged; the published generation stays.
    """
    with root.lock(LOCK):
        there = names(root)
        before = _stored_current(root)
        if name is not None:
            if name not in there:
                listed = ", ".join(there) or "none"
                raise InputError(f"There is no generation '{name}' in {root}. Those kept are: {listed}.")
            _verified_manifest(root, name)
            set_current(root, name, before)
            return name
        try:
            now = current_name(root)
        except GenerationError:
            now = None  # a rollback repairs a damaged CURRENT
        damaged: list[GenerationError] = []
        for earlier in reversed([other for other in there if now is None or other < now]):
            try:
                _verified_manifest(root, earlier)
            except GenerationError as error:
                damaged.append(error)
                continue
            set_current(root, earlier, before)
            for damage in damaged:
                _log.warning("Skipped: %s", damage)
            return earlier
        if damaged:
            raise damaged[0]
        raise InputError(f"{root} holds no generation before the published one. Nothing was changed.")


def verify(folder: Path, verified: Verified | None = None) -> Manifest:
    """Checks every file of a generation against its manifest: the sizes, then every byte.

    :param verified: the cache of verified files; every byte is read if None.
    :raises GenerationError: a file is missing or differs, the manifest does not belong to the folder's name,
        or a newer release wrote it.
    """
    verified = verified or Unremembered()
    manifest = manifests.read(folder)
    if GENERATION.fullmatch(folder.name) and not folder.name.endswith(manifests.checksum(folder)[:12]):
        raise GenerationError(f"Generation {folder.name} is damaged (its {manifests.FILE}). {WAY_OUT}")
    check_sizes(folder, manifest)

    def holds(file: str) -> bool:
        try:
            return verified.holds(folder / file, manifest.files[file].sha256)
        except OSError as error:
            raise GenerationError(f"{folder / file} cannot be read ({error.strerror}). {WAY_OUT}") from None

    # hashlib releases the GIL, so large files are read in parallel.
    with ThreadPoolExecutor(max_workers=4) as pool:
        for file, sound in zip(manifest.files, pool.map(holds, manifest.files), strict=True):
            if not sound:
                raise GenerationError(f"Generation {folder.name} is damaged (its {file} changed). {WAY_OUT}")
    return manifest


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Checks that every file of a generation exists and has its original size.

    :raises GenerationError: one is missing or was cut.
    """
    for file, stored in manifest.files.items():
        try:
            size = size_of(folder / file)
        except OSError as error:
            raise GenerationError(
                f"Generation {folder.name} is incomplete ({file}: {error.strerror}). {WAY_OUT}"
            ) from None
        if size != stored.size_bytes:
            raise GenerationError(
                f"Generation {folder.name} is damaged (its {file} has {size} bytes, not "
                f"{stored.size_bytes}). {WAY_OUT}"
            )


def describe_files(folder: Path) -> dict[str, StoredFile]:
    """Size and sha256 of the files of a build, for its manifest."""
    return {
        file.name: StoredFile(size_bytes=file.stat().st_size, sha256=sha256_of(file))
        for file in sorted(folder.iterdir())
        if file.name != manifests.FILE
    }


def prune(root: Root) -> list[str]:
    """Removes all but the published and the newest other generations, and files that only they refer to.

    Thumbnails and encoders are removed with the last generation that refers to them; those that no generation
    refers to yet stay for the next one. A reader that has a removed generation open keeps its mapped files.

    :return: names of the generations removed.
    """
    published = current_name(root)
    others = [name for name in names(root) if name != published]
    gone = others[: max(0, len(others) - (KEEP - 1))]
    if not gone:
        return []
    shards, models = _references(root, gone)
    kept_shards, kept_models = _references(root, [name for name in names(root) if name not in gone])
    for name in gone:
        root.files.remove(f"index/{name}")
    for shard in shards - kept_shards:
        root.files.remove(thumbnails.file_name(shard))
    try:
        with root.lock("embed"):  # a running embedding may just be using an encoder that nothing names yet
            for model in models - kept_models:
                encoders.remove(root, model)
    except BusyError:
        pass  # then it stays, which does no harm
    return gone


def set_current(root: Root, name: str, before: bytes | None) -> None:
    """Makes a verified generation the published one.

    :param before: the earlier content of `index/CURRENT`; None if there was none.
    :raises BusyError: the content has changed meanwhile.
    """
    root.files.replace(_CURRENT, name.encode("ascii") + b"\n", before)


def _stored_current(root: Root) -> bytes | None:
    """The content of `index/CURRENT`; empty if it is damaged, None if it does not exist."""
    try:
        return root.files.read(_CURRENT)
    except (OSError, ForeignFileError):
        return b""


def _folders(root: Root) -> dict[str, bool]:
    """Whether each folder of a generation has its manifest, which is written last and removed first."""
    found: dict[str, bool] = {}
    for file in map(PurePosixPath, root.files.below("index")):
        if len(file.parts) == 3 and GENERATION.fullmatch(name := file.parts[1]):
            found[name] = found.get(name, False) or file.name == manifests.FILE
    return found


def _verified_manifest(root: Root, name: str) -> Manifest:
    """Fetches a generation and verifies every file that was not verified before."""
    manifest = root.check_or_refetch(f"index/{name}", lambda folder: verify(folder, root.verified))
    if len(list(root.index.iterdir())) > KEEP:
        root.files.tidy()
    return manifest


def _references(root: Root, generations: list[str]) -> tuple[set[str], set[str]]:
    """Thumbnail shards and encoders that generations refer to; a damaged generation refers to none."""
    shards: set[str] = set()
    models: set[str] = set()
    for name in generations:
        try:
            manifest = read_manifest(root, name)
        except GenerationError:
            continue
        shards.update(manifest.thumbnails)
        models.add(manifest.encoder.model)
    return shards, models
