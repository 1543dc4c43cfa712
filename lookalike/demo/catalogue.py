"""The demo's catalogue: made-up garments whose photos were drawn by `benchmarks/demo_catalogue`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from lookalike.demo.product import DemoProduct
from storage.errors import InputError

FILE = Path(__file__).with_name("catalogue.parquet")
"""One row a garment, those on sale first: the fields of a `DemoProduct`, its photos as the bytes of files,
`style` (int32, the same for garments that look alike) and `on_sale` (bool)."""

OF_A_STYLE = 6
"""Garments of each style: a result shows five products, so all five can be of the photo's own style."""


def catalogue(count: int) -> list[DemoProduct]:
    """Products of every kind, with as few styles as `count` allows, so that most have look-alikes.

    :param count: how many; the file holds 300.
    :raises InputError: the file holds fewer.
    """
    on_sale = [row for row in _rows() if row["on_sale"]]
    if not 0 <= count <= len(on_sale):
        raise InputError(f"The demo's catalogue has {len(on_sale)} products, not {count}.")
    # Styles take turns, and the first ones hold one of each kind.
    styles = max(len(_rows()) - len(on_sale), -(-count // OF_A_STYLE))
    return [_product(row) for row in on_sale if row["style"] < styles][:count]


def unsold(kind: str) -> DemoProduct:
    """The garment of this kind that no store sells: one to search with.

    Its style is the first of its kind, which every catalogue sells.
    """
    return _product(next(row for row in _rows() if row["kind"] == kind and not row["on_sale"]))


@functools.cache
def _rows() -> list[dict[str, Any]]:
    return pq.read_table(FILE).to_pylist()


def _product(row: dict[str, Any]) -> DemoProduct:
    fields = {name: value for name, value in row.items() if name not in ("style", "on_sale")}
    photos = tuple(functools.partial(bytes, photo) for photo in row["photos"])
    return DemoProduct(**fields | {"sizes": tuple(row["sizes"]), "photos": photos})
