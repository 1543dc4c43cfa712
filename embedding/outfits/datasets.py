"""Outfits to learn from: the stores' own "goes with" links, or a file of outfits or baskets."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage import tables
from storage.errors import InputError
from storage.root import Root

PRODUCTS = "product_ids"

Outfit = tuple[str, ...]
"""Names of products that were put together, `store:product_id`."""


def linked_outfits(root: Root) -> list[Outfit]:
    """Pairs of products of which one's page links to the other as what goes with it.

    Links to pages that no product on sale has are left out.
    """
    rows = tables.read(
        root,
        "products",
        columns=["store", "product_id", "url", "related"],
        where=pc.field("removed_at").is_null(),
    ).to_pylist()
    names = {row["url"]: f"{row['store']}:{row['product_id']}" for row in rows if row["url"]}
    pairs = {
        tuple(sorted((f"{row['store']}:{row['product_id']}", names[url])))
        for row in rows
        for url in row["related"] or ()
        if url in names
    }
    return sorted(pair for pair in pairs if pair[0] != pair[1])


def read_outfits(file: Path, stores: list[str]) -> list[Outfit]:
    """Outfits of a Parquet file, a row each, with `product_ids`, list of texts; baskets are read alike.

    :param stores: the catalogue's; where there is one, ids may go without it.
    :raises InputError: the file cannot be read or has no such column.
    """
    try:
        schema = pq.read_schema(file)
        lists = PRODUCTS in schema.names and pa.types.is_list(schema.field(PRODUCTS).type)
        outfits = pq.read_table(file, columns=[PRODUCTS])[PRODUCTS].to_pylist() if lists else []
    except (OSError, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{file} cannot be read as outfits ({reason}). Give a Parquet file.") from None
    if not lists:
        raise InputError(
            f"{file} has no column '{PRODUCTS}' of lists. Give a Parquet file with a row an outfit, and the "
            "products of each as store:product_id."
        )
    only = stores[0] if len(stores) == 1 else None
    return [
        tuple(dict.fromkeys(_name(str(one), only) for one in outfit if one)) for outfit in outfits if outfit
    ]


def _name(product: str, only: str | None) -> str:
    return product if only is None or product.startswith(f"{only}:") else f"{only}:{product}"
