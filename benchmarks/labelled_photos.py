"""Writes the labelled photos as files for `lookalike train` and `lookalike evaluate`.

    python benchmarks/labelled_photos.py ../shared/data OUT

OUT gets `catalogue.parquet` (its photos, stretched to squares, back in their 3:4 shape),
`catalogue_small.parquet` as it is, `street.parquet` with the article types
that its classes are, and the published split: `queries.parquet` (validation rows of the catalogue),
`gallery.parquet` (its other rows), `street_queries.parquet` and `street_gallery.parquet`.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from embedding.training.datasets import is_validation

_CATALOGUE_SHAPE = (168, 224)
_ARTICLE_TYPES = {
    "t-shirt": "Tshirts",
    "polo": "Tshirts",
    "shirt": "Shirts",
    "dress": "Dresses",
    "outwear": "Jackets",
    "shorts": "Shorts",
    "hat": "Caps",
    "skirt": "Skirts",
    "undershirt": "Innerwear Vests",
    "blazer": "Blazers",
    "hoodie": "Sweatshirts",
    "top": "Tops",
    "blouse": "Tops",
}
"""What a class of people's photos is in the catalogue, where it is one thing there; pants, shoes, long
sleeves and bodies are several."""


def main(source: Path, out: Path) -> None:
    """Writes all files."""
    out.mkdir(parents=True, exist_ok=True)
    catalogue = pq.read_table(source / "catalogue.parquet")
    images = pa.array([_unstretched(image) for image in catalogue["image"].to_pylist()], pa.binary())
    catalogue = catalogue.set_column(catalogue.schema.get_field_index("image"), "image", images)
    street = pq.read_table(source / "street.parquet")
    types = [_ARTICLE_TYPES.get(category) for category in street["category"].to_pylist()]
    street = street.append_column("article_type", pa.array(types, pa.string()))
    pq.write_table(catalogue, out / "catalogue.parquet")
    pq.write_table(pq.read_table(source / "catalogue_small.parquet"), out / "catalogue_small.parquet")
    pq.write_table(street, out / "street.parquet")
    for prefix, table in (("", catalogue), ("street_", street)):
        held_out = pa.array([is_validation(photo_id) for photo_id in table["id"].to_pylist()])
        kept = pa.array([not value for value in held_out.to_pylist()])
        pq.write_table(table.filter(held_out), out / f"{prefix}queries.parquet")
        pq.write_table(table.filter(kept), out / f"{prefix}gallery.parquet")


def _unstretched(image: bytes) -> bytes:
    buffer = io.BytesIO()
    shape = Image.open(io.BytesIO(image)).convert("RGB").resize(_CATALOGUE_SHAPE, Image.Resampling.LANCZOS)
    shape.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
