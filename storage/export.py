"""Exports the published generation with everything it needs, as a folder that can be copied and searched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage import encoders, generations, signature, thumbnails
from storage.errors import InputError, LookalikeError
from storage.regular import open_regular, size_of
from storage.root import Root

_BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class Exported:
    """What was exported.

    :ivar size_bytes: size of all files together.
    """

    generation: str
    products: int
    items: int
    size_bytes: int


def export(
    root: Root,
    target: Path,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    sign_key: Path | None = None,
) -> Exported:
    """Writes the published generation, its encoder and thumbnails as a data root to be copied anywhere.

    :param target: a folder that does not exist yet, or is empty.
    :param on_progress: called with the bytes written and the bytes in total.
    :param sign_key: a private key, see `storage.signature`, to sign it with.
    :raises InputError: the target is not empty, or the key file holds no key.
    :raises NotPublishedError: nothing was published yet.
    :raises LookalikeError: it cannot be written, or something is damaged; nothing is left in the target.
    """
    key = None if sign_key is None else signature.private_key(sign_key)
    folder, manifest = generations.open_current(root)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target} is not an empty folder. Give a new folder to export to.")
    there = target.exists()
    model = manifest.encoder.model
    heads = [
        name
        for part in (encoders.HEADS, encoders.OUTFITS)
        if (name := encoders.heads_name(root, model, part)) is not None
    ]
    parts = [
        f"index/{folder.name}",
        encoders.folder_name(model),
        *heads,
        *map(thumbnails.file_name, manifest.thumbnails),
    ]
    try:
        exported = Root.open(target, create=True, cache=root.cache)
        size_bytes = _copy([(root.files.fetch(part), exported.path / part) for part in parts], on_progress)
        generations.verify(exported.index / folder.name)
        encoders.verify(exported.encoders / model)
        for name in heads:
            encoders.verify_heads(exported.path / name)
        thumbnails.verify(exported, manifest.thumbnails)
        if key is not None:
            names = [
                name for part in ("index", "encoders", "thumbnails") for name in exported.files.below(part)
            ]
            signature.sign(exported, folder.name, names, key)
        generations.set_current(exported, folder.name, None)
    except (OSError, LookalikeError) as error:
        _clear(target, itself=not there)
        if isinstance(error, LookalikeError):
            raise
        raise LookalikeError(
            f"The export to {target} failed ({error.strerror}: {error.filename}). Nothing is left of it."
        ) from None
    return Exported(folder.name, manifest.counts.products, manifest.counts.items, size_bytes)


def _copy(pairs: list[tuple[Path, Path]], on_progress: Callable[[int, int], None] | None) -> int:
    """Copies files and folders, and returns their size in bytes.

    :raises OSError: a file cannot be read, or is no regular file: links must not be followed.
    """
    files = [
        (path, target / path.relative_to(source), size_of(path))
        for source, target in pairs
        for path in ([source] if not source.is_dir() else sorted(source.rglob("*")))
        if path.is_symlink() or not path.is_dir()
    ]
    total, done = sum(size for _, _, size in files), 0
    for path, target, size in files:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open_regular(path) as read, target.open("wb") as written:
            shutil.copyfileobj(read, written, _BLOCK_BYTES)
        done += size
        if on_progress is not None:
            on_progress(done, total)
    return total


def _clear(target: Path, *, itself: bool) -> None:
    """Removes a folder that was made here, or the content of one that was empty."""
    if itself:
        shutil.rmtree(target, ignore_errors=True)
    elif target.is_dir():
        for path in target.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
