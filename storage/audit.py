"""The audit: reads every stored byte again, and reports what is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow.compute as pc

from storage import encoders, generations, table_audit, tables, thumbnails
from storage.errors import LookalikeError
from storage.manifest import GenerationError
from storage.root import Root
from storage.staging import Staging, staged_stores


def damage(root: Root) -> list[str]:
    """Reads every byte of the tables, the kept generations, their thumbnails and encoders, whatever was
    verified before.

    This finds bit rot, which leaves a file's times unchanged. Of a root in a bucket the copies on this
    machine are read; damaged ones are fetched again.

    :return: a sentence for each damaged file.
    """
    return tables_damage(root) + published_damage(root)


def tables_damage(root: Root) -> list[str]:
    """A sentence for each damaged file of the tables and of staged crawls, and one for missing photos."""
    damaged = table_audit.table_damage(root)
    found = [sentence for damage in damaged for sentence in damage.sentences]
    found += [sentence for store in staged_stores(root) for sentence in Staging(root, store).damage()]
    if not damaged and (photos := table_audit.missing_photos(root)):
        found.append(
            f"{len(photos):,} photos that the tables say are stored are not. Run `lookalike repair`, and "
            "the next `lookalike nightly` downloads them again."
        )
    return found


def published_damage(root: Root) -> list[str]:
    """A sentence for each generation, thumbnail shard and encoder that is damaged."""
    return list(dict.fromkeys(sentence for sentence, _ in _damaged(root)))


def remove_damaged(root: Root) -> list[str]:
    """Removes damaged generations, thumbnails and encoders, so that they are made again.

    :return: a sentence for each.
    """
    found = list(_damaged(root))
    for _, name in found:
        if name is not None and name.startswith("encoders/"):
            _remove_part(root, name)
        elif name is not None:
            root.files.remove(name)
    return list(dict.fromkeys(f"Removed, to be made again: {name}" for _, name in found if name is not None))


def _remove_part(root: Root, name: str) -> None:
    """Removes a damaged style head alone, or the whole encoder if another part is damaged."""
    if encoders.OUTFITS in name:
        root.files.remove(name)
    else:
        encoders.remove(root, name.removeprefix("encoders/").partition(encoders.HEADS)[0])


def _damaged(root: Root) -> Iterator[tuple[str, str | None]]:
    """For each damage a sentence, and the name of the file or folder if it may be removed."""
    for name, check in _checks(root):
        try:
            check()
        except LookalikeError as error:
            yield str(error), name


def _check_current(root: Root) -> None:
    name = generations.current_name(root)
    if name is None and generations.was_ever_published(root):
        raise GenerationError(
            f"{root} has generations, but index/CURRENT is missing. Run `lookalike repair`, or "
            "`lookalike rollback`."
        )
    if name is not None and name not in generations.names(root):
        raise GenerationError(
            f"The published generation {name} is not there. Run `lookalike repair`, or `lookalike rollback`."
        )


def _check_encoder(root: Root, model: str) -> None:
    spec = root.check_or_refetch(encoders.folder_name(model), encoders.verify)
    try:
        name = generations.current_name(root)
        made = None if name is None else generations.read_manifest(root, name).encoder
    except GenerationError:
        return  # reported already
    # The encoder's specification has no sha256, so compare it with the manifest.
    if made is not None and made.model == model and not made.is_made_by(spec):
        raise LookalikeError(
            f"{encoders.folder(root, model)} is damaged: it is not the encoder that the published generation "
            "was made with. Run `lookalike repair`, which makes it again."
        )


def _check_heads_not_needed(root: Root, model: str) -> None:
    if len(tables.read(root, "predictions", columns=["model"], where=pc.field("model") == model)):
        raise LookalikeError(
            f"The heads of the encoder {model}, which predicted what photos show, are missing. Run "
            "`lookalike repair`, which makes them again."
        )


def _checks(root: Root) -> Iterator[tuple[str | None, Callable[[], Any]]]:
    shards: set[str] = set()
    models: set[str] = {*encoders.available(root)}
    yield None, lambda: _check_current(root)
    for name in generations.names(root):
        folder = f"index/{name}"
        yield folder, lambda folder=folder: root.check_or_refetch(folder, generations.verify)  # type: ignore[misc]
        try:
            manifest = generations.read_manifest(root, name)
        except LookalikeError:
            continue  # reported already
        shards.update(manifest.thumbnails)
        models.add(manifest.encoder.model)
    for shard in sorted(shards):
        file = thumbnails.file_name(shard)
        yield file, lambda shard=shard: thumbnails.verify(root, [shard])  # type: ignore[misc]
    for model in sorted(models):
        folder = encoders.folder_name(model)
        yield folder, lambda model=model: _check_encoder(root, model)  # type: ignore[misc]
        if (heads := encoders.heads_name(root, model)) is not None:
            yield heads, lambda heads=heads: root.check_or_refetch(heads, encoders.verify_heads)  # type: ignore[misc]
        else:
            yield None, lambda model=model: _check_heads_not_needed(root, model)  # type: ignore[misc]
        if (outfits := encoders.heads_name(root, model, encoders.OUTFITS)) is not None:
            yield outfits, lambda file=outfits: root.check_or_refetch(file, encoders.verify_heads)  # type: ignore[misc]
