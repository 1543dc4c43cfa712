"""Generations of the index on disk: built beside, verified, published by one atomic replace, rolled back.

`index/<generation>/` never changes once published; `index/CURRENT` names the published one. A generation's
name is its UTC time and the beginning of its manifest's sha256, and the manifest holds the sha256 of every
other file: whoever trusts the name can check every byte.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from storage import manifest as manifests
from storage.errors import BusyError, InputError, LookalikeError, NotPublishedError
from storage.manifest import WAY_OUT, GenerationError, Manifest, StoredFile
from storage.root import Root

KEEP = 3
"""Generations kept: the published one and the newest others."""

LOCK = "index"
_CURRENT = "CURRENT"
_UNFINISHED = ".building-"
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")


def names(root: Root) -> list[str]:
    """Names of the generations that are there, oldest first."""
    return sorted(path.name for path in root.index.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))


def current_name(root: Root) -> str | None:
    """Name of the published generation, None where nothing was published yet.

    :raises GenerationError: `index/CURRENT` is damaged.
    """
    try:
        name = (root.index / _CURRENT).read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        name = ""
    if not _NAME.fullmatch(name):
        raise GenerationError(f"{root.index / _CURRENT} is damaged: it names no generation. {WAY_OUT}")
    return name


def current(root: Root) -> Path | None:
    """Folder of the published generation, None where nothing was published yet.

    :raises GenerationError: `index/CURRENT` is damaged.
    """
    name = current_name(root)
    return None if name is None else root.index / name


def require_current(root: Root) -> Path:
    """Folder of the published generation.

    :raises NotPublishedError: nothing was published yet.
    """
    folder = current(root)
    if folder is None:
        raise NotPublishedError(
            f"{root.path} holds no published index yet. Run `lookalike nightly`, or `lookalike index` "
            "after a crawl."
        )
    return folder


@contextmanager
def begin(root: Root) -> Iterator[Path]:
    """A folder beside the generations to build one in; gone at the end unless it was published.

    The caller holds the root's `index` lock, so what a killed build left behind can be cleared here.
    """
    for left_behind in root.index.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left_behind, ignore_errors=True)
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
    """
    manifest = verify(folder)
    name = f"{manifest.built_at:%Y%m%dT%H%M%SZ}-{manifests.checksum(folder)[:12]}"
    for file in (*sorted(folder.iterdir()), folder):
        _sync(file)
    folder.chmod(0o755)  # mkdtemp made it private; other users may read the rest of the root
    folder.rename(root.index / name)
    _point(root, name)
    prune(root)
    return name


def rollback(root: Root, name: str | None = None) -> str:
    """Publishes an earlier generation again.

    :param name: None takes the one before the published.
    :return: the name of the generation that is published now.
    :raises InputError: there is no such generation.
    :raises GenerationError: it is damaged; the published generation stays.
    """
    with root.lock(LOCK):
        there = names(root)
        if name is None:
            try:
                now = current_name(root)
            except GenerationError:
                now = None  # a damaged CURRENT is what a rollback repairs
            earlier = [other for other in there if now is None or other < now]
            if not earlier:
                raise InputError(
                    f"{root.path} holds no generation before the published one. Nothing was changed."
                )
            name = earlier[-1]
        elif name not in there:
            listed = ", ".join(there) or "none"
            raise InputError(f"There is no generation '{name}' in {root.path}. Those kept are: {listed}.")
        verify(root.index / name)
        _point(root, name)
        return name


def verify(folder: Path) -> Manifest:
    """Checks every file of a generation against its manifest: the sizes, then every byte.

    :raises GenerationError: a file is missing or differs, the manifest does not belong to the folder's name,
        or a newer release wrote it.
    """
    manifest = manifests.read(folder)
    if _NAME.fullmatch(folder.name) and not folder.name.endswith(manifests.checksum(folder)[:12]):
        raise GenerationError(f"Generation {folder.name} is damaged (its {manifests.FILE}). {WAY_OUT}")
    check_sizes(folder, manifest)
    # hashlib lets other threads run: the large files are read side by side.
    with ThreadPoolExecutor(max_workers=4) as pool:
        sums = pool.map(lambda file: _sha256(folder / file), manifest.files)
        for (file, stored), found in zip(manifest.files.items(), sums, strict=True):
            if found != stored.sha256:
                raise GenerationError(f"Generation {folder.name} is damaged (its {file} changed). {WAY_OUT}")
    return manifest


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Checks that every file of a generation is there and has the size it was built with.

    :raises GenerationError: one is missing or was cut.
    """
    for file, stored in manifest.files.items():
        try:
            size = (folder / file).stat().st_size
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
        file.name: StoredFile(size_bytes=file.stat().st_size, sha256=_sha256(file))
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
    shards, encoders = _references(root, gone)
    kept_shards, kept_encoders = _references(root, [name for name in names(root) if name not in gone])
    for name in gone:
        shutil.rmtree(root.index / name, ignore_errors=True)
    for shard in shards - kept_shards:
        (root.thumbnails / f"{shard}.arrow").unlink(missing_ok=True)
    try:
        with root.lock("embed"):  # a running embedding may just be using an encoder that nothing names yet
            for model in encoders - kept_encoders:
                shutil.rmtree(root.encoders / model, ignore_errors=True)
    except BusyError:
        pass  # then it stays; an encoder too many harms nobody
    return gone


def export(root: Root, target: Path) -> str:
    """Writes the published generation, its encoder and thumbnails as a data root to be copied anywhere.

    :param target: a folder that does not exist yet, or is empty.
    :return: the generation's name.
    :raises InputError: the target holds something.
    :raises NotPublishedError: nothing was published yet.
    """
    folder = require_current(root)
    manifest = verify(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is not an empty folder. Give a new folder to export to.")
    exported = Root.open(target, create=True)
    try:
        shutil.copytree(folder, exported.index / folder.name)
        shutil.copytree(root.encoders / manifest.encoder.model, exported.encoders / manifest.encoder.model)
        for shard in manifest.thumbnails:
            shutil.copy2(root.thumbnails / f"{shard}.arrow", exported.thumbnails)
    except OSError as error:
        raise LookalikeError(
            f"The export to {target} failed ({error.strerror}: {error.filename}). Remove it and try again."
        ) from None
    verify(exported.index / folder.name)
    _point(exported, folder.name)
    return folder.name


def _references(root: Root, generations: list[str]) -> tuple[set[str], set[str]]:
    """Thumbnail shards and encoders named by generations; a damaged one names nothing."""
    shards: set[str] = set()
    encoders: set[str] = set()
    for name in generations:
        try:
            manifest = manifests.read(root.index / name)
        except GenerationError:
            continue
        shards.update(manifest.thumbnails)
        encoders.add(manifest.encoder.model)
    return shards, encoders


def _point(root: Root, name: str) -> None:
    unfinished = root.index / f"{_CURRENT}.new"
    unfinished.write_text(name + "\n", encoding="ascii")
    _sync(unfinished)
    unfinished.replace(root.index / _CURRENT)
    _sync(root.index)


def _sync(path: Path) -> None:
    """Waits until it is on the disk: a power cut must not leave CURRENT naming half a generation."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise GenerationError(f"{file} cannot be read ({error.strerror}). {WAY_OUT}") from None
