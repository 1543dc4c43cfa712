"""A small shop of patterns, whose photos a small real encoder has seen."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from embedding.encoder.preprocess import pixels_of
from embedding.index.build import build_index
from storage import images, tables
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL, product

REPOSITORY = Path(__file__).parents[3]
COUNT = 30


def picture(at: int, size: tuple[int, int] = (60, 80)) -> Image.Image:
    """A pattern of its own for each number."""
    blocks = np.random.default_rng(at).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


def encoded(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def fill(root: Root) -> None:
    """Products of two stores, with photos and the vectors that a small real encoder gives them."""
    encoder = catalogues.write_encoder(root)
    data = [encoded(picture(at)) for at in range(COUNT)]
    ids = [images.image_id(one) for one in data]
    pixels = np.stack([pixels_of(one, encoder.spec.size) for one in data])
    products = [
        product(
            ("a.example", "b.example")[at % 2],
            f"p{at}",
            # Every fifth shows its neighbour's photo as well.
            [ids[at], ids[at + 1]] if at % 5 == 0 else [ids[at]],
            title=f"Garment {at}",
            price=Decimal(10 + at),
            was_price=Decimal(99) if at == 3 else None,
            currency=("EUR", "USD")[at % 2],
            availability="in_stock" if at % 3 else "out_of_stock",
            category="Women > Dresses" if at < 15 else "Men > Shirts",
            brand="Acme" if at < 4 else None,
            colours=["Navy blue"] if at < 10 else [],
        )
        for at in range(COUNT)
    ]
    catalogues.write(
        root, products, dict(zip(ids, data, strict=True)), dict(zip(ids, encoder.encode(pixels), strict=True))
    )


def new_title(root: Root, title: str) -> str:
    """Publishes a generation in which the first product has another title."""
    row = tables.read(root, "products").sort_by("product_id").slice(0, 1).to_pylist()[0]
    tables.merge(root, "products", [row | {"title": title, "content_hash": title}])
    name = build_index(root, MODEL).generation
    assert name is not None
    return name


def ids(matches: Any) -> list[str]:
    return [match.id for match in matches]
