"""Whether everything published still holds what it was written to hold: every byte is read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from storage import encoders, generations, thumbnails
from storage.errors import LookalikeError
from storage.root import Root


def damage(root: Root) -> list[str]:
    """Reads every byte of the kept generations, their thumbnails and encoders, whatever was verified before.

    This finds what an unchanged time does not tell: disks that forget. Of a root in a bucket the copies on
    this machine are read; damaged ones are fetched again.

    :return: a sentence for each that is damaged.
    """
    found = []
    for check in _checks(root):
        try:
            check()
        except LookalikeError as error:
            found.append(str(error))
    return list(dict.fromkeys(found))


def _checks(root: Root) -> Iterator[Callable[[], Any]]:
    shards: set[str] = set()
    models: set[str] = set()
    for name in generations.names(root):
        yield lambda name=name: root.sound(f"index/{name}", generations.verify)  # type: ignore[misc]
        try:
            manifest = generations.read_manifest(root, name)
        except LookalikeError:
            continue  # said already
        shards.update(manifest.thumbnails)
        models.add(manifest.encoder.model)
    for shard in sorted(shards):
        yield lambda shard=shard: thumbnails.verify(root, [shard])  # type: ignore[misc]
    for model in sorted(models):
        yield lambda model=model: root.sound(encoders.folder_name(model), encoders.verify)  # type: ignore[misc]
        if (heads := encoders.heads_name(root, model)) is not None:
            yield lambda heads=heads: root.sound(heads, encoders.verify_heads)  # type: ignore[misc]
