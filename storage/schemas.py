"""The tables' schemas: columns, keys and partitions, in one place.

Times are UTC timestamps, money is decimal, identifiers are strings. A table's key is what a merge matches
on; a table without a key is only appended to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

SCHEMA_VERSION = 3
"""Schema version of the data root. An older root is migrated, a newer one refused."""

EMBEDDING_DIM = 2048

MONEY = pa.decimal128(18, 4)
TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class TableSpec:
    """How a table is stored and written.

    :param columns: the Arrow schema, in column order.
    :param key: columns a merge matches on; empty for tables that are only appended to.
    :param partition_by: partition columns.
    :param on_match: what a merge does with a stored row: leave it (`keep`), replace it (`replace`), or
        replace it only if its `content_hash` changed or it had been removed (`if_changed`).
    """

    columns: pa.Schema
    key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    on_match: Literal["keep", "replace", "if_changed"] = "keep"


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, type_) for name, type_ in columns.items()])


PRODUCT_IMAGE = pa.struct(
    [
        pa.field("url", pa.string()),
        pa.field("image_id", pa.string()),
        pa.field("position", pa.int32()),
        pa.field("colour", pa.string()),
    ]
)

TABLES: dict[str, TableSpec] = {
    "products": TableSpec(
        _schema(
            store=pa.string(),
            product_id=pa.string(),
            url=pa.string(),
            title=pa.string(),
            brand=pa.string(),
            description=pa.string(),
            category=pa.string(),
            price=MONEY,
            price_max=MONEY,
            currency=pa.string(),
            was_price=MONEY,
            availability=pa.string(),
            gtin=pa.string(),
            sku=pa.string(),
            colours=pa.list_(pa.string()),
            sizes=pa.list_(pa.string()),
            images=pa.list_(PRODUCT_IMAGE),
            related=pa.list_(pa.string()),
            first_seen=TIME,
            changed_at=TIME,
            removed_at=TIME,
            content_hash=pa.string(),
            crawl_id=pa.string(),
        ),
        key=("store", "product_id"),
        partition_by=("store",),
        on_match="if_changed",
    ),
    "offers": TableSpec(
        _schema(
            store=pa.string(),
            product_id=pa.string(),
            variant_id=pa.string(),
            price=MONEY,
            was_price=MONEY,
            currency=pa.string(),
            availability=pa.string(),
            observed_at=TIME,
            crawl_id=pa.string(),
        ),
    ),
    "pages": TableSpec(
        _schema(
            store=pa.string(),
            product_id=pa.string(),
            url=pa.string(),
            content_type=pa.string(),
            body_zstd=pa.binary(),
            fetched_at=TIME,
            crawl_id=pa.string(),
        ),
    ),
    "images": TableSpec(
        _schema(
            image_id=pa.string(),
            bytes=pa.binary(),
            width=pa.int32(),
            height=pa.int32(),
            format=pa.string(),
            perceptual_hash=pa.string(),
            first_seen=TIME,
            month=pa.string(),
        ),
        key=("image_id",),
        partition_by=("month",),
    ),
    "embeddings": TableSpec(
        _schema(image_id=pa.string(), model=pa.string(), vector=pa.list_(pa.float32())),
        key=("model", "image_id"),
        partition_by=("model",),
    ),
    "predictions": TableSpec(
        _schema(
            image_id=pa.string(),
            model=pa.string(),
            attribute=pa.string(),
            value=pa.string(),
            probability=pa.float32(),
        ),
        key=("model", "image_id", "attribute"),
        partition_by=("model",),
    ),
    "fetches": TableSpec(
        _schema(
            store=pa.string(),
            url=pa.string(),
            etag=pa.string(),
            last_modified=pa.string(),
            status=pa.int32(),
            content_hash=pa.string(),
            image_id=pa.string(),
            fetched_at=TIME,
            due_at=TIME,
        ),
        key=("store", "url"),
        partition_by=("store",),
        on_match="replace",
    ),
    "crawls": TableSpec(
        _schema(
            crawl_id=pa.string(),
            store=pa.string(),
            spider=pa.string(),
            started_at=TIME,
            ended_at=TIME,
            status=pa.string(),
            products=pa.int64(),
            products_new=pa.int64(),
            products_changed=pa.int64(),
            products_removed=pa.int64(),
            images=pa.int64(),
            images_new=pa.int64(),
            rejects=pa.int64(),
            requests=pa.int64(),
            size_bytes=pa.int64(),
            errors=pa.int64(),
            message=pa.string(),
            coverage=pa.map_(pa.string(), pa.float64()),
            failure=pa.string(),  # last, where a migration adds it
        ),
    ),
    "rejects": TableSpec(
        _schema(
            url=pa.string(),
            store=pa.string(),
            stage=pa.string(),
            reason=pa.string(),
            crawl_id=pa.string(),
            rejected_at=TIME,
        ),
        key=("url", "stage", "reason"),
    ),
    "recommendations": TableSpec(
        _schema(
            customer=pa.string(),
            rank=pa.int32(),
            store=pa.string(),
            product_id=pa.string(),
            because_store=pa.string(),
            because_product_id=pa.string(),
            score=pa.float32(),
        ),
    ),
}
