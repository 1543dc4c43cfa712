"""Any catalogue table of real photos as products for a demo storefront, with made-up prices."""

from __future__ import annotations

import functools
import hashlib
import random
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lookalike.demo.product import DemoProduct
from storage.errors import InputError

_NEEDED = ("id", "name", "image")
_LABELS = ("article_type", "category", "colour", "gender", "master_category", "sub_category", "brand")
_CURRENCY = "EUR"
_KEPT_BYTES = 64 * 1024 * 1024
_WEARERS = frozenset(("men", "women", "boys", "girls", "kids", "unisex"))
_SIZES = {
    "apparel": ("XS", "S", "M", "L", "XL"),
    "footwear": ("37", "38", "39", "40", "41", "42"),
}


def from_parquet(path: str | Path, limit: int | None = None, *, offset: int = 0) -> list[DemoProduct]:
    """Products of a catalogue table, in its order.

    What the table does not say is made up from the id alone, so that every run gives the same: price, size,
    stock, article number. Photos stay in the file until they are asked for, and are served as they are.

    :param path: a Parquet file with the columns id, name and image (bytes of the photo); article_type or
        category, colour, gender, master_category, sub_category and brand are used where they are there.
    :param limit: how many products at most.
    :param offset: how many to leave out at the start.
    :raises InputError: no such file, no catalogue table, or a negative number.
    """
    if offset < 0 or (limit is not None and limit < 0):
        raise InputError(
            "A catalogue cannot have fewer than 0 products. Give a limit and an offset from 0 on."
        )
    path = Path(path)
    with _open(path) as file:
        columns = [name for name in (*_NEEDED[:2], *_LABELS) if name in file.schema_arrow.names]
        places = _places(file, offset, limit)
        rows = file.read(columns=columns).slice(offset, len(places)).to_pylist()
    photos, taken = _Photos(path), set[str]()
    return [_product(row, photos, place, taken) for row, place in zip(rows, places, strict=True)]


def check_digit(digits: Sequence[int]) -> int:
    """The last digit of a GTIN-13, given its first twelve."""
    return -sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10


class _Photos:
    """Photos of a Parquet file, read a row group at a time; the latest groups are kept up to a size."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._groups: OrderedDict[int, pa.ChunkedArray] = OrderedDict()

    def read(self, group: int, row: int) -> bytes:
        """The photo in a row of a row group, as it is in the file; empty where the row has none."""
        with self._lock:
            if group in self._groups:
                self._groups.move_to_end(group)
            else:
                with pq.ParquetFile(self._path) as file:
                    self._groups[group] = file.read_row_group(group, columns=["image"])["image"]
                while len(self._groups) > 1 and self._size() > _KEPT_BYTES:
                    self._groups.popitem(last=False)
            photo: bytes | None = self._groups[group][row].as_py()
        return photo or b""

    def _size(self) -> int:
        return sum(photos.nbytes for photos in self._groups.values())


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. Give a Parquet file of products.") from None
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"{path} cannot be read as Parquet ({reason}). Give a Parquet file.") from None
    missing = [name for name in _NEEDED if name not in file.schema_arrow.names]
    if missing:
        file.close()
        raise InputError(
            f"{path} is no catalogue: it has no column {', '.join(missing)}. It needs id, name and image."
        )
    return file


def _places(file: pq.ParquetFile, offset: int, limit: int | None) -> list[tuple[int, int]]:
    """Row group, and row in it, of the rows that are wanted."""
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    places = [(group, row) for group, size in enumerate(sizes) for row in range(size)]
    return places[offset:] if limit is None else places[offset : offset + limit]


def _product(row: Mapping[str, Any], photos: _Photos, place: tuple[int, int], taken: set[str]) -> DemoProduct:
    text = {name: " ".join(str(value).split()) for name, value in row.items() if value is not None}
    product_id = _product_id(text.get("id", ""), taken)
    # Not for secrets: the same id has to give the same product on every machine.
    draw = random.Random(hashlib.sha256(product_id.encode()).digest())  # noqa: S311
    kind = text.get("article_type") or text.get("category") or "garment"
    colour = text.get("colour", "")
    path = [text.get(name, "") for name in ("gender", "master_category", "sub_category")]
    title = text.get("name") or f"{colour} {kind}".strip()
    price = Decimal(draw.randrange(8, 180)) + draw.choice((Decimal("0.00"), Decimal("0.95"), Decimal("0.99")))
    return DemoProduct(
        product_id=product_id,
        title=title,
        brand=text.get("brand") or _brand(title),
        description=f"{title}. {f'{colour} {kind.lower()}'.strip()}.",
        kind=kind,
        colour=colour,
        category=" > ".join(dict.fromkeys(part for part in (*path, kind) if part)),
        price=price,
        currency=_CURRENCY,
        availability="out_of_stock" if draw.random() < 0.1 else "in_stock",
        gtin=_gtin(draw),
        sku=f"{kind[:3].upper()}-{product_id}",
        sizes=_SIZES.get(text.get("master_category", "").lower(), ()),
        photos=(functools.partial(photos.read, *place),),
        was_price=price + draw.randrange(5, 60) if draw.random() < 0.2 else None,
    )


def _product_id(text: str, taken: set[str]) -> str:
    """An id of digits only: the table's own where it is one and still free, else one made from it."""
    own = text if text.isascii() and text.isdigit() and not text.startswith("0") and len(text) < 13 else ""
    attempt = 0
    while not own or own in taken:
        digest = hashlib.sha256(f"{text} {attempt}".encode()).digest()
        own, attempt = str(10**12 + int.from_bytes(digest[:8], "big") % 10**12), attempt + 1
    taken.add(own)
    return own


def _brand(title: str) -> str:
    """What stands before the wearer: `Red Tape` of `Red Tape Men Brown Shoes`; else the first word."""
    words = title.split()
    place = next((n for n, word in enumerate(words) if word.lower().removesuffix("'s") in _WEARERS), 1)
    return " ".join(words[: place or 1])


def _gtin(draw: random.Random) -> str:
    """Thirteen digits of the range 200 to 299, which is for numbers that no shop sells."""
    digits = [2, *(draw.randrange(10) for _ in range(11))]
    return "".join(map(str, [*digits, check_digit(digits)]))
