"""Generations of the index: built beside, verified, published by one atomic replace, rolled back.

`index/<generation>/` never changes once published; `index/CURRENT` names the published one. A generation's
name is its UTC time and the beginning of its manifest's sha256, and the manifest holds the sha256 of every
other file: whoever trusts the name can check every byte.
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
_MOMENT = "%Y%m%dT%H%M%SZ"


def names(root: Root) -> list[str]:
    """Names of the generations that are there, oldest first; what lacks its manifest is none."""
    return sorted(folder for folder, whole in _folders(root).items() if whole)


def published_once(root: Root) -> bool:
    """Whether something was published here, though all that is left of it may be damaged."""
    return _stored_current(root) is not None or bool(_folders(root))


def current_name(root: Root) -> str | None:
    """Name of the published generation, None where nothing was published yet.

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
    """Folder of the published generation on this machine, None where nothing was published yet.

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
    """The published generation with every file verified: its folder on this machine and its manifest.

    :raises NotPublishedError: nothing was published yet.
    :raises GenerationError: it is damaged or incomplete, or a newer release wrote it.
    """
    name = require_current(root).name
    return root.index / name, _sound(root, name)


def read_manifest(root: Root, name: str) -> Manifest:
    """What a generation says about itself; nothing else of it is read.

    :raises GenerationError: there is none, it is damaged, or a newer release wrote it.
    """
    text = root.files.read(f"index/{name}/{manifests.FILE}")
    if text is None:
        raise GenerationError(f"Generation {name} has no {manifests.FILE}. {WAY_OUT}")
    return manifests.parse(text, name)


@contextmanager
def begin(root: Root) -> Iterator[Path]:
    """A folder of this machine to build a generation in; gone at the end unless it was published.

    The caller holds the root's `index` lock, so what a killed build left behind can be cleared here.
    """
    for left_behind in root.index.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
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
    point(root, name, before)
    try:
        prune(root)
    except LookalikeError as error:
        _log.warning("Generation %s is published, but an old one could not be removed: %s", name, error)
    return name


def _moment(root: Root, built_at: datetime) -> str:
    """When a generation was built, to the second, and later than those that are there: names sort by age."""
    newest = max((datetime.strptime(name[:16], _MOMENT) for name in names(root)), default=datetime.min)
    return max(built_at.replace(tzinfo=None), newest + timedelta(seconds=1)).strftime(_MOMENT)


def rollback(root: Root, name: str | None = None) -> str:
    """Publishes an earlier generation again.

    :param name: None takes the newest before the published that is in order; where `index/CURRENT` is damaged
        or gone, the newest of all.
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
            _sound(root, name)
            point(root, name, before)
            return name
        try:
            now = current_name(root)
        except GenerationError:
            now = None  # a damaged CURRENT is what a rollback repairs
        damaged: list[GenerationError] = []
        for earlier in reversed([other for other in there if now is None or other < now]):
            try:
                _sound(root, earlier)
            except GenerationError as error:
                damaged.append(error)
                continue
            point(root, earlier, before)
            for damage in damaged:
                _log.warning("Passed over: %s", damage)
            return earlier
        if damaged:
            raise damaged[0]
        raise InputError(f"{root} holds no generation before the published one. Nothing was changed.")


def verify(folder: Path, verified: Verified | None = None) -> Manifest:
    """Checks every file of a generation against its manifest: the sizes, then every byte.

    :param verified: what was verified before; where None, every byte is read.
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

    # hashlib lets other threads run: the large files are read side by side.
    with ThreadPoolExecutor(max_workers=4) as pool:
        for file, sound in zip(manifest.files, pool.map(holds, manifest.files), strict=True):
            if not sound:
                raise GenerationError(f"Generation {folder.name} is damaged (its {file} changed). {WAY_OUT}")
    return manifest


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Checks that every file of a generation is there and has the size it was built with.

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
    """Removes all but the published and the newest other generations, and what only they referred to.

    Thumbnails and encoders go with the last generation that names them; those no generation named yet stay,
    they belong to the next one. A reader that has a removed generation open keeps its memory-mapped files.

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
        pass  # then it stays; an encoder too many harms nobody
    return gone


def point(root: Root, name: str, before: bytes | None) -> None:
    """Makes a generation that is there and verified the published one.

    :param before: what `index/CURRENT` held, None where there was none.
    :raises BusyError: it holds something else by now.
    """
    root.files.replace(_CURRENT, name.encode("ascii") + b"\n", before)


def _stored_current(root: Root) -> bytes | None:
    """What `index/CURRENT` holds; nothing where it is damaged, None where it is not there."""
    try:
        return root.files.read(_CURRENT)
    except (OSError, ForeignFileError):
        return b""


def _folders(root: Root) -> dict[str, bool]:
    """The generations' folders, and whether each has its manifest, which comes last and goes first."""
    found: dict[str, bool] = {}
    for file in map(PurePosixPath, root.files.below("index")):
        if len(file.parts) == 3 and GENERATION.fullmatch(name := file.parts[1]):
            found[name] = found.get(name, False) or file.name == manifests.FILE
    return found


def _sound(root: Root, name: str) -> Manifest:
    """Fetches a generation and verifies it, each byte unless that was done before."""
    manifest = root.sound(f"index/{name}", lambda folder: verify(folder, root.verified))
    if len(list(root.index.iterdir())) > KEEP:
        root.files.tidy()
    return manifest


def _references(root: Root, generations: list[str]) -> tuple[set[str], set[str]]:
    """Thumbnail shards and encoders named by generations; a damaged one names nothing."""
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
