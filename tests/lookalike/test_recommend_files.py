"""Recommendations for every customer of a file."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from embedding.index.build import build_index
from embedding.recommend import purchases
from embedding.recommend.batch import recommend_all
from lookalike.recommend import Customer
from storage import tables
from storage.errors import BusyError, InputError
from storage.root import Root
from tests import customers
from tests.catalogues import MODEL


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return customers.fill(Root.open(tmp_path_factory.mktemp("recommend") / "data", create=True))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_every_customer_of_a_file_gets_recommendations_in_one_commit(
    filled: Root, tmp_path: Path, suffix: str
) -> None:
    frame = customers.purchases()
    file = tmp_path / f"purchases{suffix}"
    frame.to_parquet(file) if suffix == ".parquet" else frame.to_csv(file, index=False)
    before = tables.version(filled, "recommendations")
    done = recommend_all(filled, file, k=4, now=customers.NOW)
    assert (done.customers, done.skipped) == (60, 0)
    if before is not None:
        assert tables.version(filled, "recommendations") == before + 1
    rows = tables.read(filled, "recommendations").to_pandas()
    assert len(rows) == done.rows == 240
    bought = {f"{row.customer_id}{row.store}:{row.product_id}" for row in frame.itertuples()}
    assert not bought & {f"{row.customer}{row.store}:{row.product_id}" for row in rows.itertuples()}
    assert bought >= {
        f"{row.customer}{row.because_store}:{row.because_product_id}" for row in rows.itertuples()
    }
    assert rows.groupby("customer")["rank"].apply(list).map(lambda ranks: sorted(ranks) == [1, 2, 3, 4]).all()
    stored = lookalike.open(filled.path).recommend("c001", k=3)
    assert [match.id for match in stored] == [
        f"{row.store}:{row.product_id}"
        for row in rows[rows["customer"] == "c001"].sort_values("rank").head(3).itertuples()
    ]
    assert all(match.because for match in stored)


def test_hm_and_rent_the_runway_are_read(filled: Root, tmp_path: Path) -> None:
    hm = tmp_path / "transactions_train.csv"
    hm.write_text("t_dat,customer_id,article_id,price,sales_channel_id\n2020-09-01,abc,d3,0.05,2\n")
    assert recommend_all(filled, hm, store="a.example", k=2).rows == 2
    rent = tmp_path / "renttherunway_final_data.json"
    line = {"user_id": "420", "item_id": "d3", "review_date": "April 20, 2016", "fit": "fit"}
    rent.write_text(json.dumps(line) + "\n" + json.dumps(line | {"item_id": "gone"}) + "\n")
    done = recommend_all(filled, rent, store="a.example", k=2)
    assert (done.rows, done.skipped, done.skipped_products) == (2, 1, ("gone",))
    with pytest.raises(InputError, match="does not say which store sold the products"):
        recommend_all(filled, hm)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("gone.csv", None, "There is no file"),
        ("a.csv", "customer_id,store,product_id\nc,a.example,d3\n", "has no column bought_at"),
        ("b.csv", "customer_id,bought_at\nc,2026-01-01\n", "names no product"),
        (
            "c.csv",
            "customer_id,store,product_id,bought_at\nc,a.example,d3,soon\n",
            "no date in bought_at but 'aaaa'",
        ),
        ("d.csv", "customer_id,store,product_id,bought_at\nc,a.example\n", "cannot be read"),
        ("e.parquet", "not Parquet", "cannot be read"),
        ("f.csv", "customer_id,store,product_id,bought_at\n", "holds no purchase"),
        ("g.csv", "customer_id,store,product_id,bought_at\nc,a.example,no,2026-01-01\n", "None of the 1"),
        ("h.json", "{", "cannot be read"),
        ("i.csv", "", "cannot be read"),
        ("j.csv", "\0\1\2", "has no column customer_id|cannot be read"),
        ("k.csv", "c,a.example,d3,2026-01-01\n", "first line names none of the columns"),
        ("l.csv", "customer_id,store,product_id,bought_at\nc,a.example,d3,\n", "a purchase without a date"),
        ("m.csv", "customer_id,store,product_id,bought_at\nc,a.example,d3,9999-99-99\n", "no date"),
        ("n.json", '["a list"]\n', "Line 1 of .* is no document with user_id"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    filled: Root, tmp_path: Path, name: str, text: str | None, sentence: str
) -> None:
    before = tables.version(filled, "recommendations")
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        recommend_all(filled, tmp_path / name)
    assert tables.version(filled, "recommendations") == before


def test_parquet_of_other_types_is_a_sentence(filled: Root, tmp_path: Path) -> None:
    lists = pa.table(
        {"customer_id": [["c"]], "product_id": ["d3"], "store": ["a.example"], "bought_at": [customers.NOW]}
    )
    pq.write_table(lists, tmp_path / "lists.parquet")
    whole = (tmp_path / "lists.parquet").read_bytes()
    (tmp_path / "torn.parquet").write_bytes(whole[: len(whole) // 2])
    for name in ("lists", "torn"):
        with pytest.raises(InputError, match=f"{name}.parquet cannot be read"):
            recommend_all(filled, tmp_path / f"{name}.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no file of purchases"):
        recommend_all(filled, tmp_path / "empty")


def test_duplicate_rows_future_dates_and_removed_products_of_a_file(filled: Root, tmp_path: Path) -> None:
    rows = [
        ("c1", "b.example", "d2", "2026-01-01"),
        ("c1", "b.example", "d2", "2026-01-01"),
        ("c1", "b.example", "d2", "2031-01-01"),
        ("c1", "a.example", "removed", "2026-02-01"),
        ("c2", "a.example", "removed", "2026-02-01"),
        (None, "a.example", "d3", "2026-02-01"),
    ]
    file = tmp_path / "p.csv"
    pd.DataFrame(rows, columns=["customer_id", "store", "product_id", "bought_at"]).to_csv(file, index=False)
    done = recommend_all(filled, file, k=3, now=customers.NOW)
    assert (done.customers, done.purchases, done.rows) == (1, 1, 3)
    assert (done.skipped, done.skipped_products) == (2, ("a.example:removed",))
    table = tables.read(filled, "recommendations").to_pandas()
    assert set(table["customer"]) == {"c1"}
    assert set(table["because_product_id"]) == {"d2"}


def test_dates_that_python_cannot_hold_are_a_sentence(filled: Root, tmp_path: Path) -> None:
    file = tmp_path / "late.parquet"
    when = pa.array([2**62], pa.timestamp("us"))
    row = {"customer_id": ["c"], "store": ["a.example"], "product_id": ["d3"], "bought_at": when}
    pq.write_table(pa.table(row), file)
    with pytest.raises(InputError, match="date outside the years 1 to 9999"):
        recommend_all(filled, file)
    with pytest.raises(InputError, match="date outside the years 1 to 9999"):
        lookalike.open(filled.path).interests(Customer("c"), purchases=file)


def test_one_customer_and_the_run_over_all_find_the_same_products(filled: Root, tmp_path: Path) -> None:
    products = {
        row["product_id"]: row["url"]
        for row in tables.read(filled, "products").to_pylist()
        if row["store"] == "a.example"
    }
    rows = [
        ("c", "a.example", "d3", None),
        ("c", None, "d5", products["d5"]),
        ("c", "a.example", "sku-7", products["d7"] + "/"),
        ("c", None, None, products["d9"]),
        ("c", None, "d11", None),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "store", "product_id", "url"])
    frame["bought_at"] = "2026-11-01"
    file = tmp_path / "p.csv"
    frame.to_csv(file, index=False)
    done = recommend_all(filled, file, k=2)
    assert (done.purchases, done.skipped_products) == (4, ("d11",))
    shop = lookalike.open(filled.path)
    for given in (file, frame):
        interests = shop.interests(Customer("c"), purchases=given)
        bought = {name for interest in interests for name in interest.products}
        assert bought == {f"a.example:{one}" for one in ("d3", "d5", "d7", "d9")}
        assert shop.recommend(Customer("c"), purchases=given).skipped == ("d11",)


def test_visitors_read_and_learn_a_file_once(
    filled: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(reader: Callable[..., Any]) -> Callable[..., Any]:
        def read_noted(*given: Any, **more: Any) -> Any:
            read.append(reader.__name__)
            return reader(*given, **more)

        return read_noted

    for reader in (purchases.read_purchases, purchases.read_history):
        monkeypatch.setattr(purchases, reader.__name__, noted(reader))
    file = tmp_path / "p.csv"
    customers.purchases(9).to_csv(file, index=False)
    shop = lookalike.open(filled.path)

    def visit(_: int) -> None:
        shop.recommend(["a.example:d3"], purchases=file)

    with ThreadPoolExecutor(4) as visitors:
        list(visitors.map(visit, range(4)))
    assert read == ["read_purchases"]
    for _ in range(2):
        shop.interests(Customer("c001"), purchases=file)
        shop.recommend(Customer("c001"), purchases=file)
    assert read == ["read_purchases", "read_history"]
    customers.purchases(12).to_csv(file, index=False)
    shop.recommend(Customer("c011"), purchases=file)
    assert read == ["read_purchases", "read_history", "read_history", "read_purchases"]


def test_ten_thousand_purchases_of_one_customer_of_a_file(filled: Root, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    many = pd.DataFrame(
        {
            "customer_id": "busy",
            "store": "a.example",
            "product_id": [
                f"{random.choice(list('dsb'))}{2 * random.integers(10) + 1}" for _ in range(10_000)
            ],
            "bought_at": [customers.NOW - timedelta(hours=at) for at in range(10_000)],
        }
    )
    pd.concat([many, customers.purchases(30)]).to_parquet(tmp_path / "p.parquet")
    done = recommend_all(filled, tmp_path / "p.parquet", k=5, now=customers.NOW)
    assert (done.customers, done.rows) == (31, 155)
    table = tables.read(filled, "recommendations").to_pandas()
    # All of a.example's products are owned.
    assert set(table[table["customer"] == "busy"]["store"]) == {"b.example"}


def test_a_product_removed_since_is_left_out_of_a_stored_answer(filled: Root, tmp_path: Path) -> None:
    shutil.copytree(filled.path, tmp_path / "data")
    root = Root.open(tmp_path / "data")
    customers.purchases(6).to_parquet(tmp_path / "p.parquet")
    recommend_all(root, tmp_path / "p.parquet", k=4)
    before = lookalike.open(root.path).recommend("c000", k=4)
    gone = before[0]
    tables.delete(root, "products", f"store = '{gone.store}' AND product_id = '{gone.product_id}'")
    build_index(root, MODEL, recall_goal=0.5)
    after = lookalike.open(root.path).recommend("c000", k=4)
    assert [match.id for match in after] == [match.id for match in before[1:]]
    assert after.skipped == (gone.id,)
    assert lookalike.open(root.path).recommend([gone.id, "a.example:b1"]).skipped == (gone.id,)


def test_memory_does_not_grow_with_the_customers_that_are_done(
    filled: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = 48
    monkeypatch.setattr("embedding.recommend.batch._BLOCK_CUSTOMERS", 64)
    monkeypatch.setattr("embedding.recommend.batch._COMMITTED", 2)
    count = 64 * blocks
    bought = pd.DataFrame({"customer_id": [f"c{at:06d}" for at in range(count)], "bought_at": customers.NOW})
    bought.assign(store="b.example", product_id="d2").to_parquet(tmp_path / "p.parquet")
    held: list[int] = []

    def note(*_: int) -> None:
        held.append(tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes())

    tracemalloc.start()
    try:
        done = recommend_all(filled, tmp_path / "p.parquet", on_progress=note)
    finally:
        tracemalloc.stop()
    assert (done.rows, len(held)) == (12 * count, blocks)
    # The writer takes rows over by 8,192, 0.7 MB; all are 2.3 MB.
    assert max(held) - held[0] < 1_200_000


def test_one_run_at_a_time(filled: Root, tmp_path: Path) -> None:
    customers.purchases().to_parquet(tmp_path / "p.parquet")
    with filled.lock("recommend"), pytest.raises(BusyError):
        recommend_all(filled, tmp_path / "p.parquet")
