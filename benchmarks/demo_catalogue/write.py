"""Draws the demo's catalogue and writes it to `lookalike/demo/catalogue.parquet`, in about half a minute.

    python -m benchmarks.demo_catalogue.write

The file is committed: run this after a change to what is drawn or worded, and look at a few photos.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lookalike.demo.catalogue import FILE
from lookalike.demo.product import DemoProduct

from .garments import catalogue, styles, unsold
from .photograph import webp

PRODUCTS = 300
SEED = 7
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("product_id", "title", "brand", "description", "kind", "colour")),
        ("category", pa.string()),
        ("price", pa.decimal128(10, 2)),
        ("was_price", pa.decimal128(10, 2)),
        *((name, pa.string()) for name in ("currency", "availability", "gtin", "sku")),
        ("sizes", pa.list_(pa.string())),
        ("photos", pa.list_(pa.binary())),
        ("style", pa.int32()),
        ("on_sale", pa.bool_()),
    ]
)


def main() -> None:
    """Writes the file."""
    rows = [row | {"photos": [draw() for draw in row["photos"]]} for row in described()]
    # Photos are compressed already; a dictionary of them would only make the file larger.
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), FILE, compression="zstd", use_dictionary=False)
    print(f"{FILE}: {len(rows)} garments, {FILE.stat().st_size / 1e6:.1f} MB")


def described() -> Iterator[dict[str, Any]]:
    """The file's rows, with functions in place of the photos."""
    number_of_styles = len(styles(PRODUCTS, SEED))
    for number, product in enumerate(catalogue(PRODUCTS, SEED, webp)):
        yield _row(product, number % number_of_styles, on_sale=True)
    for style, product in enumerate(unsold(PRODUCTS, SEED)):
        # One photo is enough to search with.
        yield _row(dataclasses.replace(product, photos=product.photos[:1]), style, on_sale=False)


def _row(product: DemoProduct, style: int, *, on_sale: bool) -> dict[str, Any]:
    fields = {field.name: getattr(product, field.name) for field in dataclasses.fields(product)}
    return fields | {"style": style, "on_sale": on_sale}


if __name__ == "__main__":
    main()
