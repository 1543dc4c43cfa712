"""Repairs what an audit finds damaged: removes it, and makes it again or has it crawled again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from flows.config import Config
from flows.night import Advance, embed_images, index_and_publish
from storage import audit, rebuild, table_audit, tables
from storage.errors import InputError, LookalikeError
from storage.root import Root
from storage.staging import Staging, staged_stores

_CHUNK = 2000
"""Ids in one delete statement, which is parsed as a whole."""

_READ_AGAIN = ("products", "offers", "pages")
"""Tables whose lost rows are read again from the products' pages."""

_LOST = {
    "products": "When its products were first seen is lost; the next crawl counts them as new.",
    "offers": "Prices before today are lost, as far as they stood in it; the next crawl notes today's.",
    "crawls": "The history of crawls is lost, as far as it stood in it; the next crawl counts as the first.",
    "recommendations": "Run `lookalike recommend` again for the customers whose recommendations stood in it.",
}
"""What cannot be restored, by table."""


@dataclass
class Repaired:
    """What a repair did.

    :ivar mended: a sentence for each repair.
    :ivar lost: a sentence for each loss that cannot be repaired, and what to do.
    """

    mended: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def repair(root: Root, config: Config, advance: Advance | None = None) -> Repaired:
    """Repairs the tables, then encoders, thumbnails and generations, and builds an index if one is missing.

    Damaged files of tables are moved to `damaged/` below the root. Idempotent.

    :raises BusyError: a night, a crawl or another writer is running.
    :raises InputError: the root is in a bucket, whose object versions can be restored instead.
    """
    if root.bucket is not None:
        raise InputError(f"{root} is in a bucket. Restore the damaged objects from their earlier versions.")
    done = Repaired()
    with _without_other_writers(root):
        _repair_tables(root, done)
        damaged = audit.published_damage(root)
        for sentence in audit.remove_damaged(root):
            done.mended.append(sentence)
    if tables.version(root, "images") is None or not (damaged or done.mended):
        return done
    for stage in (embed_images, index_and_publish):
        try:
            stage(root, config, advance=advance)
        except LookalikeError as error:
            done.lost.append(str(error))
            break
    else:
        done.mended.append("What was missing is embedded, and the index is published and answers.")
    return done


@contextmanager
def _without_other_writers(root: Root) -> Iterator[None]:
    """Holds the locks of all other writers."""
    with ExitStack() as locks:
        crawls = sorted(lock for lock in root.files.locks() if lock.startswith("crawl-"))
        for name in ("nightly", "maintain", *crawls, "embed", "index", "recommend"):
            locks.enter_context(root.lock(name))
        yield


def _repair_tables(root: Root, done: Repaired) -> None:
    damaged = table_audit.table_damage(root)
    for damage in damaged:
        rebuild.repair_table(root, damage)
        files = len(damage.log) + len(damage.data)
        done.mended.append(
            f"{files or 'All'} damaged files of the table '{damage.table}' are in "
            f"{root.path / rebuild.FOLDER}; the table holds what could be read."
        )
        if damage.table in _LOST:
            done.lost.append(f"A file of the table '{damage.table}' was damaged. {_LOST[damage.table]}")
    damaged_tables = {damage.table for damage in damaged}
    if "pages" in damaged_tables:
        _forget_sources(root)
    if damaged_tables & {*_READ_AGAIN}:
        _forget_pages(root)
        done.mended.append("The next `lookalike nightly` reads the products' pages again.")
    photos = table_audit.missing_photos(root)
    _drop_staged(root, done, all_of_them=bool(damaged_tables), missing={*photos})
    if photos:
        _forget_photos(root, photos)
        done.mended.append(
            f"{len(photos):,} photos are no longer noted as stored; the next `lookalike nightly` downloads "
            "them."
        )
    table_audit.note_checksums(root)


def _drop_staged(root: Root, done: Repaired, *, all_of_them: bool, missing: set[str]) -> None:
    """Drops staged crawls that are damaged, build on lost rows, or refer to a lost photo."""
    for store in staged_stores(root):
        staging = Staging(root, store)
        if all_of_them or staging.damage() or staging.image_ids() & missing:
            staging.discard()
            done.mended.append(
                f"The staged crawl of '{store}' is dropped because it, or the data it continues from, is "
                "damaged. The next `lookalike nightly` reads the store again."
            )


def _forget_photos(root: Root, photos: list[str]) -> None:
    """Has photos downloaded again, by deleting all rows that say they are stored.

    Products that show them are read and stored again as if they had changed.
    """
    for start in range(0, len(photos), _CHUNK):
        ids = ", ".join(f"'{photo}'" for photo in photos[start : start + _CHUNK])
        for table in ("fetches", "embeddings", "predictions"):
            tables.delete(root, table, f"image_id IN ({ids})")
    lost = {*photos}
    for batch in tables.scan(root, "products"):
        rows = [
            row
            for row in batch.to_pylist()
            if any(image["image_id"] in lost for image in row["images"] or ())
        ]
        for row in rows:
            # A row counts as changed where its hash does, and this one may have been emptied before.
            row["content_hash"] = f"{row['content_hash'] or ''} without a photo"
            for photo in row["images"]:
                photo["image_id"] = None if photo["image_id"] in lost else photo["image_id"]
        tables.merge(root, "products", rows)


def _forget_pages(root: Root) -> None:
    """Has the pages of all products read again."""
    tables.delete(root, "fetches", "image_id IS NULL")


def _forget_sources(root: Root) -> None:
    """Has products whose source is lost stored again with a new one, as if they had changed."""
    sources = tables.read(root, "pages", columns=["store", "product_id"])
    known = {tuple(row.values()) for row in sources.to_pylist()}
    for batch in tables.scan(root, "products"):
        rows = [row for row in batch.to_pylist() if (row["store"], row["product_id"]) not in known]
        tables.merge(root, "products", [row | {"content_hash": ""} for row in rows])
