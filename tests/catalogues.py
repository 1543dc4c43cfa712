"""Catalogues written straight into a data root's tables, for tests of what comes after embedding."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from embedding.encoder.runtime import Encoder, load_encoder
from storage import encoders, images, tables
from storage.encoders import EncoderSpec
from storage.root import Root
from storage.schemas import TABLES

SEEN = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
ALWAYS_SERVED = {"serve_for": 36_500}
"""Settings of [crawl] with which stores that were last seen at `SEEN` stay in the index."""
MODEL = "test-32"
DIM = 2048


def spec(model: str = MODEL) -> EncoderSpec:
    """An encoder's specification, without the encoder."""
    return EncoderSpec(
        model=model, weights="test", size=32, dim=DIM, preprocessing="letterbox-white", fingerprint="0" * 64
    )


def write_spec(root: Root, model: str = MODEL) -> None:
    """What the index needs to know of an encoder."""
    folder = root.encoders / model
    folder.mkdir(exist_ok=True)
    (folder / "encoder.json").write_text(spec(model).model_dump_json())


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (48, 64)) -> bytes:
    """A small photo of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def product(store: str, product_id: str, image_ids: Sequence[str], **fields: Any) -> dict[str, Any]:
    """A row of `products`."""
    row: dict[str, Any] = dict.fromkeys(TABLES["products"].columns.names)
    row |= {
        "store": store,
        "product_id": product_id,
        "url": f"https://{store}/p/{product_id}",
        "title": f"Product {product_id}",
        "price": Decimal("19.9000"),
        "currency": "EUR",
        "availability": "in_stock",
        "colours": [],
        "sizes": [],
        "related": [],
        "images": [
            {"url": f"https://{store}/i/{image_id}.jpg", "image_id": image_id, "position": at, "colour": None}
            for at, image_id in enumerate(image_ids)
        ],
        "first_seen": SEEN,
        "changed_at": SEEN,
        "content_hash": "0",
        "crawl_id": "crawl",
    }
    return row | fields


def write(
    root: Root,
    products: Sequence[dict[str, Any]],
    photos_by_id: dict[str, bytes],
    vectors: dict[str, np.ndarray],
    model: str = MODEL,
) -> None:
    """Writes products, their photos and vectors, and one complete crawl a store."""
    tables.merge(root, "products", products)
    write_photos(root, photos_by_id)
    write_vectors(root, vectors, model)
    crawl: dict[str, Any] = dict.fromkeys(TABLES["crawls"].columns.names)
    stores = sorted({row["store"] for row in products})
    crawls = [
        crawl | {"crawl_id": f"crawl-{store}", "store": store, "ended_at": SEEN, "status": "complete"}
        for store in stores
    ]
    tables.append(root, "crawls", crawls)


def write_photos(root: Root, photos_by_id: dict[str, bytes]) -> None:
    """Writes photos."""
    rows = [
        {
            "image_id": image_id,
            "bytes": data,
            "width": 48,
            "height": 64,
            "format": "JPEG",
            "perceptual_hash": "0" * 16,
            "first_seen": SEEN,
            "month": "2026-11",
        }
        for image_id, data in photos_by_id.items()
    ]
    tables.merge(root, "images", rows)


def write_vectors(root: Root, vectors: dict[str, np.ndarray], model: str = MODEL) -> None:
    """Writes vectors of one model."""
    schema = TABLES["embeddings"].columns
    flat = np.concatenate([np.asarray(vector, np.float32) for vector in vectors.values()])
    lengths = [len(vector) for vector in vectors.values()]
    lists = pa.ListArray.from_arrays(pa.array(np.cumsum([0, *lengths]), pa.int32()), pa.array(flat))
    table = pa.table({"image_id": list(vectors), "model": [model] * len(vectors), "vector": lists}, schema)
    tables.append(root, "embeddings", table)


def clustered(count: int, clusters: int = 12, seed: int = 0, spread: float = 0.6) -> np.ndarray:
    """Unit vectors in clusters, as an encoder's are. float32 [count, 2048]."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((clusters, 64))
    points = centres[random.integers(clusters, size=count)] + spread * random.standard_normal((count, 64))
    basis = np.random.default_rng(99).standard_normal((64, DIM)) / 8
    vectors = points @ basis + 0.05 * random.standard_normal((count, DIM)) + 0.5
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def simple(
    root: Root, count: int, *, seed: int = 0, photos_each: int = 1, stores: Sequence[str] = ("a.example",)
) -> list[dict[str, Any]]:
    """A catalogue of `count` products whose photos have clustered vectors.

    :return: the rows of `products`.
    """
    vectors = clustered(count * photos_each, seed=seed)
    image_ids = [images.image_id(f"{seed}-{at}".encode()) for at in range(count * photos_each)]
    rows = [
        product(
            stores[at % len(stores)],
            f"p{at:05d}",
            image_ids[at * photos_each : (at + 1) * photos_each],
            price=Decimal(at % 100 + 1),
        )
        for at in range(count)
    ]
    data = {image_id: jpeg((at % 256, at // 256 % 256, 90)) for at, image_id in enumerate(image_ids)}
    write_spec(root)
    write(root, rows, data, dict(zip(image_ids, vectors, strict=True)))
    return rows


def write_encoder(root: Root, model: str = MODEL, size: int = 16, weights: str = "test") -> Encoder:
    """A real encoder on disk, but small: pixels times a fixed matrix. Like photos get like vectors."""
    import openvino
    from openvino import opset13 as ops

    random = np.random.default_rng(3)
    matrix = random.standard_normal((size * size * 3, DIM)).astype(np.float32)
    pixels = ops.parameter([-1, size, size, 3], np.uint8, name="pixels")
    flat = ops.reshape(ops.convert(pixels, np.float32), np.array([0, -1]), special_zero=True)
    centred = ops.subtract(flat, np.float32(100))
    vectors = ops.normalize_l2(ops.matmul(centred, matrix, False, False), np.array([1]), 1e-12, "add")
    facts = spec(model).model_copy(update={"size": size, "weights": weights})
    with encoders.writing(encoders.folder(root, model), facts) as folder:
        openvino.save_model(
            openvino.Model([vectors], [pixels]), folder / encoders.IR_FILE, compress_to_fp16=False
        )
    return load_encoder(encoders.folder(root, model), threads=1)
