"""Products, offers and price histories of a shop as tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import lookalike
from embedding.index.build import build_index
from lookalike import prices
from lookalike.products import SCHEMA
from lookalike.query import Shop
from storage import images, tables
from storage.errors import InputError, LookalikeError
from storage.export import export
from storage.root import Root
from storage.schemas import TABLES
from tests import catalogues
from tests.catalogues import SEEN
from tests.lookalike.query.shops import COUNT, encoded, picture

GTIN = "4006381333931"


def offer(store: str, product_id: str, days_ago: float, price: str | None, **facts: Any) -> dict[str, Any]:
    """A row of `offers`."""
    row = dict.fromkeys(TABLES["offers"].columns.names)
    return row | {
        "store": store,
        "product_id": product_id,
        "price": None if price is None else Decimal(price),
        "currency": "EUR",
        "availability": "in_stock",
        "observed_at": SEEN - timedelta(days=days_ago),
        "crawl_id": "crawl",
        **facts,
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """The same dress in two stores, a third product, and one that was never offered."""
    root = Root.open(tmp_path_factory.mktemp("prices") / "data", create=True)
    catalogues.write_spec(root)
    data = [encoded(picture(at)) for at in range(4)]
    names = [images.image_id(one) for one in data]
    vectors = np.eye(4, catalogues.DIM, dtype=np.float32)
    of = zip(("a.example:1", "b.example:x", "a.example:2", "b.example:1"), names, strict=True)
    products = [
        catalogues.product(
            *name.split(":"),
            [image],
            title=f"Dress {name}",
            gtin=GTIN if name in ("a.example:1", "b.example:x") else None,
            price=Decimal("20.00"),
            currency="USD" if name == "b.example:x" else "EUR",
        )
        for name, image in of
    ]
    catalogues.write(
        root, products, dict(zip(names, data, strict=True)), dict(zip(names, vectors, strict=True))
    )
    tables.append(
        root,
        "offers",
        [
            offer("a.example", "1", 1, "20"),
            offer("a.example", "1", 30, "25.50"),
            offer("a.example", "1", 10, None, availability="out_of_stock"),
            offer("a.example", "1", 30, "99", variant_id="XL"),  # the product's own offer says the lowest
            offer("b.example", "x", 20, "30", currency="USD"),
            offer("b.example", "1", 9, "1"),  # another product of the same id
            offer("a.example", "2", 9, "30", variant_id="S", availability="out_of_stock"),
            offer("a.example", "2", 8, "28", variant_id="M", availability="out_of_stock"),
            offer("a.example", "2", 7, "35", variant_id="M"),
        ],
    )
    build_index(root, catalogues.MODEL)
    return root


@pytest.fixture(scope="module")
def sold(root: Root) -> Shop:
    return lookalike.open(root.path)


def test_a_price_history_is_of_all_stores_that_sell_the_product(sold: Shop) -> None:
    history = sold.price_history("a.example:1")
    assert list(history.columns) == ["store", "product_id", "seen", "price", "currency", "availability"]
    assert history["price"].dtype == np.float64
    assert str(history["seen"].dtype).endswith("UTC]")
    rows = list(history.drop(columns="seen").itertuples(index=False, name=None))
    assert rows[0] == ("a.example", "1", 25.5, "EUR", "in_stock")
    assert np.isnan(rows[1][2])
    assert rows[1][-1] == "out_of_stock"
    assert rows[2:] == [
        ("a.example", "1", 20.0, "EUR", "in_stock"),
        ("a.example", "1", 20.0, "EUR", "in_stock"),  # as the last crawl found it
        ("b.example", "x", 30.0, "USD", "in_stock"),
        ("b.example", "x", 20.0, "USD", "in_stock"),
    ]
    assert [SEEN - seen.to_pydatetime() for seen in history["seen"]] == [
        timedelta(days=days) for days in (30, 10, 1, 0, 20, 0)
    ]
    pd.testing.assert_frame_equal(history, sold.price_history(sold.product("a.example:1")))
    assert set(sold.price_history("b.example:x")["store"]) == {"a.example", "b.example"}


def test_variants_alone_cost_the_lowest_that_is_known(sold: Shop) -> None:
    history = sold.price_history("a.example:2")
    assert history["price"].tolist() == [30, 28, 30, 20]
    assert history["availability"].tolist() == ["out_of_stock", "out_of_stock", "in_stock", "in_stock"]


def test_an_export_has_the_last_price(sold: Shop, root: Root, tmp_path: Path) -> None:
    export(root, tmp_path / "exported")
    exported = lookalike.open(tmp_path / "exported")
    assert exported.price_history("a.example:1")["price"].tolist() == [20, 20]
    assert len(exported.offers) == 0


@pytest.mark.parametrize("product", [12, None, "a.example:9", "a.example", "", b"a.example:1"])
def test_a_price_history_of_no_product_is_a_sentence(sold: Shop, product: Any) -> None:
    for ask in (sold.price_history, sold.plot_prices):
        with pytest.raises(InputError, match=r"There is no product|A product cannot be a"):
            ask(product)


def test_a_damaged_table_is_a_sentence(root: Root, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(root.path, copy)
    for file in (copy / "tables" / "offers").glob("*.parquet"):
        file.write_bytes(b"")
    shop = lookalike.open(copy)
    with pytest.raises(LookalikeError, match="offers"):
        shop.price_history("a.example:1")


def test_products_are_a_lazy_table(shop: Shop) -> None:
    products = shop.products()
    assert products.schema == SCHEMA
    table = products.to_arrow()
    assert table.schema == SCHEMA
    assert len(products) == table.num_rows == COUNT
    assert table["product_id"].to_pylist()[0] == "p0"
    frame = products.to_pandas(["store", "product_id", "price", "seen"])
    assert frame["price"].dtype == np.float64
    assert frame["price"].tolist()[:2] == [10.0, 20.0]
    assert str(frame["seen"].dtype).endswith("UTC]")
    assert "title: string" in repr(products)


def test_products_take_filters_and_conditions(shop: Shop) -> None:
    dresses = shop.products(category="Dresses", store="a.example")
    assert len(dresses) == 8
    assert dresses.filter(pc.field("price") < Decimal(15)).to_arrow(["product_id"]).num_rows == 3
    assert shop.products(max_price=12, currency="EUR").warning is not None
    assert shop.products().warning is None
    with pytest.raises(InputError, match="There is no filter 'color'"):
        shop.products(color="red")  # type: ignore[call-arg]
    with pytest.raises(InputError, match="No product here has the brand"):
        shop.products(brand="nobody")


def test_offers_are_read_as_far_as_asked_for(sold: Shop) -> None:
    assert sold.offers.schema == TABLES["offers"].columns
    assert len(sold.offers) == 9
    of_b = sold.offers.filter(pc.field("store") == "b.example").filter(pc.field("product_id") == "x")
    assert of_b.to_pandas(["price", "currency"]).to_dict("records") == [{"price": 30.0, "currency": "USD"}]
    assert pa.table(sold.offers).num_rows == 9, "an Arrow stream, which other libraries take"


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (["cost"], "There is no column 'cost'"),
        ("price", "Give a list of names"),
        ([1], "Give a list of names"),
        (5, "Give a list of names"),
    ],
)
def test_a_column_that_is_not_there_is_a_sentence(sold: Shop, columns: Any, sentence: str) -> None:
    for table in (sold.offers, sold.products()):
        with pytest.raises(InputError, match=sentence):
            table.to_pandas(columns)


@pytest.mark.parametrize("where", [pc.field("cost") > 1, "store == 1", pc.field("store") > 5, None])
def test_a_condition_that_does_not_fit_is_a_sentence(sold: Shop, where: Any) -> None:
    for table in (sold.offers, sold.products()):
        with pytest.raises(InputError, match="condition"):
            table.filter(where)


def test_what_filters_can_be_asked_for(shop: Shop) -> None:
    assert shop.categories == ["Men > Shirts", "Women > Dresses"]
    assert shop.brands == ["Acme"]
    assert shop.colours == ["Navy blue"]
    for name, values in (("category", shop.categories), ("brand", shop.brands), ("colour", shop.colours)):
        assert len(shop.products(**{name: values})) > 0


def test_prices_are_plotted_with_matplotlib(sold: Shop) -> None:
    figure = sold.plot_prices("a.example:1")
    assert [axes.get_ylabel() for axes in figure.axes] == ["EUR", "USD"]
    [euros] = figure.axes[0].get_lines()
    assert euros.get_label() == "a.example"
    assert list(euros.get_ydata()) == [25.5, 20, 20]


WITHOUT = """
import sys
for name in sys.argv[2:]:
    sys.modules[name] = None
import lookalike
from storage.errors import LookalikeError
try:
    chart = lookalike.open(sys.argv[1]).plot_prices("a.example:1").to_dict()
    print(chart["title"], sorted(chart["facet"]["row"]))
except LookalikeError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("missing", "shown"),
    [
        (["matplotlib"], "Dress a.example:1 ['field', 'title', 'type']"),
        (["matplotlib", "altair"], "pip install"),
    ],
)
def test_without_matplotlib_altair_plots(root: Root, missing: list[str], shown: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(root.path), *missing], capture_output=True, text=True, check=True
    )
    assert shown in done.stdout


def test_a_product_without_a_price_is_plotted_empty() -> None:
    empty = pd.DataFrame({"store": [], "product_id": [], "seen": [], "price": [], "currency": []})
    assert len(prices.plot_prices(empty, "Dress").axes) == 1
