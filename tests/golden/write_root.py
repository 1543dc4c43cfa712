"""Writes the golden data root of this release's schema: `python tests/golden/write_root.py`, once a version.

Every release must open every one of them. A root that has been released is never written again: a change of
the schemas raises `SCHEMA_VERSION` and comes with a migration and a new golden root.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from storage import images, tables
from storage.root import Root
from storage.schemas import EMBEDDING_DIM, SCHEMA_VERSION, TABLES

NOW = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)
STORE, PRODUCT, CRAWL = "shop.example", "1001", "2026-11-21-shop.example"
URL = "https://shop.example/products/striped-linen-dress"


def rows() -> dict[str, dict[str, object]]:
    """One row a table."""
    stripes = np.zeros((40, 30, 3), np.uint8) + 255
    stripes[::8] = (30, 60, 140)
    buffer = io.BytesIO()
    Image.fromarray(stripes).save(buffer, "PNG", optimize=True)
    photo = buffer.getvalue()
    facts = images.inspect(photo)
    image_id = images.image_id(photo)
    offer = {"price": Decimal("49.90"), "was_price": Decimal("69.90"), "currency": "EUR"}
    product = {"store": STORE, "product_id": PRODUCT, "crawl_id": CRAWL}
    return {
        "products": product
        | offer
        | {
            "url": URL,
            "title": "Striped linen dress",
            "brand": "Example",
            "description": "Blue and white stripes.",
            "category": "Women > Dresses",
            "price_max": Decimal("54.90"),
            "availability": "in_stock",
            "gtin": "4006381333931",
            "sku": "SLD-1",
            "colours": ["blue", "white"],
            "sizes": ["S", "M"],
            "images": [{"url": f"{URL}.png", "image_id": image_id, "position": 0, "colour": "blue"}],
            "related": [f"{URL}-belt"],
            "first_seen": NOW,
            "changed_at": NOW,
            "content_hash": "c0ffee",
        },
        "offers": product | offer | {"variant_id": "S", "availability": "in_stock", "observed_at": NOW},
        "pages": product
        | {"url": URL, "content_type": "text/html", "body_zstd": b"(\xb5/\xfd", "fetched_at": NOW},
        "images": {
            "image_id": image_id,
            "bytes": photo,
            "width": facts.width,
            "height": facts.height,
            "format": facts.format,
            "perceptual_hash": facts.perceptual_hash,
            "first_seen": NOW,
            "month": "2026-11",
        },
        "embeddings": {
            "image_id": image_id,
            "model": "fashion-1",
            "vector": np.eye(1, EMBEDDING_DIM, dtype=np.float32)[0],
        },
        "predictions": {
            "image_id": image_id,
            "model": "fashion-1",
            "attribute": "category",
            "value": "dress",
            "probability": 0.75,
        },
        "fetches": {
            "url": f"{URL}.png",
            "store": STORE,
            "etag": '"1"',
            "last_modified": "Fri, 20 Nov 2026 08:00:00 GMT",
            "status": 200,
            "content_hash": image_id,
            "image_id": image_id,
            "fetched_at": NOW,
            "due_at": NOW,
        },
        "crawls": {"crawl_id": CRAWL, "store": STORE, "spider": "shopify", "status": "complete"}
        | {"started_at": NOW, "ended_at": NOW, "products": 1, "coverage": [("title", 1.0)], "failure": None},
        "rejects": {"url": f"{URL}.svg", "store": STORE, "stage": "photo", "crawl_id": CRAWL}
        | {"reason": "a drawing (SVG), not a photo", "rejected_at": NOW},
        "recommendations": {"customer": "c1", "rank": 1, "store": STORE, "product_id": PRODUCT}
        | {"because_store": STORE, "because_product_id": "1002", "score": 0.5},
    }


def write(folder: Path) -> None:
    """Writes the root into a new folder."""
    root = Root.open(folder, create=True)
    for table, row in rows().items():
        store = tables.merge if TABLES[table].key else tables.append
        store(root, table, [row])
    # Delta notes where a table was made, which is nobody's business.
    for log in folder.glob("tables/*/_delta_log/*.json"):
        log.write_text(log.read_text().replace(str(folder.absolute()), "/data"))


if __name__ == "__main__":
    write(Path(__file__).parent / f"root-v{SCHEMA_VERSION}")
