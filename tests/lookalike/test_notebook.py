from __future__ import annotations

import csv
import io
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from PIL import Image

from embedding.encoder.stage import embed_new_images
from embedding.index.build import build_index
from lookalike import own_packages
from lookalike.demo.catalogue import catalogue, unsold
from lookalike.demo.product import DemoProduct
from storage import images, tables
from storage.root import Root

REPOSITORY = Path(__file__).parent.parent.parent
NOTEBOOKS = REPOSITORY / "notebooks"
SIMILAR, RECOMMENDATIONS = "similar_products.ipynb", "recommendations.ipynb"
STORES = ("northlight", "harbour-lane", "linden-row")
WEEKS = 8
NOW = datetime.now(UTC).replace(microsecond=0)


def fill(root: Root, count: int = 120) -> bytes:
    """Three stores that share some garments, and eight weeks of their prices.

    :return: a photo to search with: of a dress that none of them sells.
    """
    products, shown, offers = [], {}, []
    for number, garment in enumerate(catalogue(count)):
        for place, store in enumerate(STORES):
            if place and number % (place + 1) != 0:
                continue
            data = [draw() if place == 0 else saved_again(draw(), 60 + 20 * place) for draw in garment.photos]
            shown |= {images.image_id(one): one for one in data}
            price = (garment.price * (100 - 7 * place) / 100).quantize(Decimal("0.01"))
            products.append(product(garment, store, price, [images.image_id(one) for one in data]))
            offers += prices(products[-1], number + place)
    tables.merge(root, "products", products)
    tables.merge(root, "images", [image(image_id, data) for image_id, data in shown.items()])
    tables.append(root, "offers", offers)
    crawls = [{"crawl_id": store, "store": store, "ended_at": NOW, "status": "complete"} for store in STORES]
    tables.append(root, "crawls", crawls)
    build_index(root, embed_new_images(root).model)
    return unsold("dress").photos[0]()


def saved_again(data: bytes, quality: int) -> bytes:
    """A photo as another store keeps it: other bytes, the same picture."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()


def product(garment: DemoProduct, store: str, price: Decimal, image_ids: list[str]) -> dict[str, Any]:
    return {
        "store": store,
        "product_id": garment.product_id,
        "url": f"https://{store}.example/products/{garment.handle}",
        "title": garment.title,
        "brand": garment.brand,
        "category": garment.category,
        "price": price,
        "was_price": garment.was_price if store == STORES[0] else None,
        "currency": garment.currency,
        "availability": garment.availability,
        "gtin": garment.gtin,
        "sku": garment.sku,
        "images": [
            {"url": f"https://{store}.example/{image_id}.jpg", "image_id": image_id, "position": at}
            for at, image_id in enumerate(image_ids)
        ],
        "first_seen": NOW - timedelta(weeks=WEEKS),
        "changed_at": NOW,
        "content_hash": f"{price}",
        "crawl_id": store,
    }


def prices(sold: dict[str, Any], turn: int) -> list[dict[str, Any]]:
    """Its price in the weeks before; only what changed is a row."""
    rows: list[dict[str, Any]] = []
    for week in range(WEEKS):
        part = 100 if week == WEEKS - 1 else (115, 115, 100, 90)[(week + turn) // 2 % 4]
        price = (sold["price"] * part / 100).quantize(Decimal("0.01"))
        if not rows or rows[-1]["price"] != price:
            facts = {
                name: sold[name] for name in ("store", "product_id", "currency", "availability", "crawl_id")
            }
            rows.append(facts | {"price": price, "observed_at": NOW - timedelta(weeks=WEEKS - week)})
    return rows


def image(image_id: str, data: bytes) -> dict[str, Any]:
    facts = images.inspect(data)
    return {
        "image_id": image_id,
        "bytes": data,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "perceptual_hash": facts.perceptual_hash,
        "first_seen": NOW,
        "month": f"{NOW:%Y-%m}",
    }


def run(name: str, data: Path, photo: Path, folder: Path, **parameters: str) -> nbformat.NotebookNode:
    """A notebook after all its cells ran, on this data and photo.

    :param folder: where it runs and writes.
    :param parameters: what else its first cell sets.
    """
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    settings = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    given = {"DATA": str(data), "PHOTO": str(photo), **parameters}
    settings.source = "\n".join(f"{name} = {value!r}" for name, value in given.items())
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


@pytest.fixture(scope="module")
def filled(fashion_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a published root, `data`, and a photo, `query.jpg`."""
    folder = tmp_path_factory.mktemp("notebook")
    root = Root.open(folder / "data", create=True)
    shutil.copytree(fashion_encoder, root.encoders / fashion_encoder.name)
    (folder / "query.jpg").write_bytes(fill(root))
    for name in own_packages.PACKAGES:  # files of an analyst's own, beside the notebook
        (folder / f"{name}.py").write_text("raise RuntimeError('Nothing asked for this file.')\n")
    return folder


def outputs(notebook: nbformat.NotebookNode, form: str) -> list[str]:
    """What the cells show in this form, in order."""
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"][form] for output in shown if form in output.get("data", {})]


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(filled: Path) -> None:
    notebook = run(SIMILAR, filled / "data", filled / "query.jpg", filled, CSV="similar_products.csv")
    pages = outputs(notebook, "text/html")
    assert [page.count("<img") for page in pages[:2]] == [6, 6], "the photo and five matches, twice"
    assert "also at" in pages[0]
    assert "Same " in pages[2], "the same article elsewhere"
    assert len(outputs(notebook, "image/png")) == 2, "prices compared, and their history"
    with (filled / "similar_products.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert "dress" in rows[0]["title"]
    assert {row["generation"] for row in rows} == {rows[0]["generation"]}
    assert not errors(notebook)


@pytest.mark.slow
def test_the_notebook_of_recommendations_runs_from_top_to_bottom(filled: Path) -> None:
    pytest.importorskip("implicit")
    notebook = run(RECOMMENDATIONS, filled / "data", filled / "query.jpg", filled, PURCHASES="purchases.csv")
    pages = outputs(notebook, "text/html")
    cards = [page.count("<article") for page in pages]
    assert cards[:3] == [0, 5, 0], "a history, what is recommended for it, and because of which purchase"
    assert all(1 <= count <= 4 for count in cards[3:6]), "a product, a photo and an outfit, completed"
    assert cards[-1] == 5, "what the table holds for a customer"
    for reason in ("because", "looks"):
        assert reason in pages[2]
    assert "goes with: " in pages[6]
    assert len(pd.read_csv(filled / "purchases.csv")) == 300
    stored = tables.read(Root.open(filled / "data"), "recommendations").to_pandas()
    assert stored.groupby("customer").size().to_dict() == {f"customer-{at:02d}": 5 for at in range(60)}
    assert not errors(notebook)


def errors(notebook: nbformat.NotebookNode) -> list[str]:
    """What the cells wrote to stderr."""
    shown = [str(output) for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output for output in shown if "stderr" in output]


@pytest.mark.parametrize("name", [SIMILAR, RECOMMENDATIONS])
def test_a_notebook_is_kept_without_outputs_and_names_the_demos_data(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    settings = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    named: dict[str, str] = {}
    exec(settings.source, named)
    assert (NOTEBOOKS / named["DATA"]).resolve() == REPOSITORY / ".demo" / "data"
    assert (NOTEBOOKS / named["PHOTO"]).resolve() == REPOSITORY / ".demo" / "query.jpg"
