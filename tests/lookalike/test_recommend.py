from __future__ import annotations

import json
import logging
import shutil
import tracemalloc
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lookalike
from embedding.index.build import build_index
from embedding.recommend.batch import recommend_all
from flows import night
from flows.config import load_config
from flows.purge import purge_customer
from lookalike.cli import main
from lookalike.query import Shop
from lookalike.recommend import Customer
from storage import images, tables
from storage.audit import tables_damage
from storage.errors import BusyError, InputError
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL, product

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KINDS = ("Dresses", "Shirts", "Boots")
EACH = 20


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """Three kinds of product, 20 of each, each kind in a corner of its own; d0 and d1 show the same photo."""
    root = Root.open(tmp_path_factory.mktemp("recommend") / "data", create=True)
    random = np.random.default_rng(5)
    corners = np.eye(len(KINDS), catalogues.DIM)
    points = np.repeat(corners, EACH, axis=0) + 0.01 * random.normal(size=(3 * EACH, catalogues.DIM))
    vectors = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    data = [catalogues.jpeg((4 * at, 90, 200 - 3 * at)) for at in range(3 * EACH)]
    data[1], vectors[1] = data[0], vectors[0]
    ids = [images.image_id(one) for one in data]
    rows = [
        product(
            "a.example" if at % 2 else "b.example",
            f"{KINDS[at // EACH][0].lower()}{at % EACH}",
            [ids[at]],
            category=KINDS[at // EACH],
            price=Decimal(10 + at % EACH),
            colours=["red"] if at % 4 == 0 else ["blue"],
        )
        for at in range(3 * EACH)
    ]
    catalogues.write_spec(root)
    catalogues.write(root, rows, dict(zip(ids, data, strict=True)), dict(zip(ids, vectors, strict=True)))
    build_index(root, MODEL, recall_goal=0.5)
    return root


@pytest.fixture
def shop(filled: Root) -> Shop:
    return lookalike.open(filled.path)


def kinds(matches: lookalike.Matches) -> list[str | None]:
    return [match.category for match in matches]


def test_a_history_is_answered_with_what_was_not_bought_and_why(shop: Shop) -> None:
    matches = shop.recommend(["b.example:d2", "a.example:d3"], k=6)
    assert kinds(matches) == ["Dresses"] * 6
    assert {match.because for match in matches} <= {"b.example:d2", "a.example:d3"}
    assert not {match.id for match in matches} & {"b.example:d2", "a.example:d3"}
    assert all("looks" in match.evidence for match in matches)
    assert matches.to_dict()["matches"][0]["because"] in ("b.example:d2", "a.example:d3")


def test_each_interest_is_answered(shop: Shop) -> None:
    history = [f"{'a' if at % 2 else 'b'}.example:{kind}{at}" for kind in "db" for at in range(4)]
    found = kinds(shop.recommend(history, k=8))
    assert set(found) == {"Dresses", "Boots"}
    assert min(found.count("Dresses"), found.count("Boots")) >= 2


def test_the_same_photo_as_a_purchase_is_left_out_unless_wished(shop: Shop) -> None:
    assert "a.example:d1" not in [match.id for match in shop.recommend("b.example:d0", k=25)]
    everything = shop.recommend(["b.example:d0"], k=25, include_owned=True)
    assert "b.example:d0" in [match.id for match in everything] + [
        offer.id for match in everything for offer in match.also_at
    ] or "a.example:d1" in [match.id for match in everything]


def test_filters_hold(shop: Shop) -> None:
    matches = shop.recommend(["a.example:d3"], k=5, max_price=20, store="a.example", colour="blue")
    assert len(matches) == 5
    assert all(match.store == "a.example" and match.price <= 20 for match in matches)
    with pytest.raises(InputError, match="No product here has the colour 'pinkish'"):
        shop.recommend(["a.example:d3"], colour="pinkish")


@pytest.mark.parametrize(
    "history",
    [
        [("b.example:d2", "2026-11-01"), ("a.example:d3", NOW)],
        [("b.example:d2", NOW.date()), ("a.example:d3", None)],
        [("b.example:d2", NOW + timedelta(days=9000)), ("a.example:d3", datetime(1970, 1, 1))],
        ["b.example:d2", "b.example:d2", "a.example:d3"],
        ["https://b.example/p/d2", "https://a.example/p/d3/"],
        pd.DataFrame(
            {"store": ["b.example", "a.example"], "product_id": ["d2", "d3"], "bought_at": [NOW, pd.NaT]}
        ),
        pd.DataFrame({"url": ["https://b.example/p/d2", "https://a.example/p/d3"]}),
    ],
    ids=["pairs", "days", "future", "twice", "urls", "frame", "frame of urls"],
)
def test_histories_come_in_many_forms(shop: Shop, history: object) -> None:
    matches = shop.recommend(history, k=4)
    assert kinds(matches) == ["Dresses"] * 4
    assert not {"b.example:d2", "a.example:d3"} & {match.id for match in matches}
    assert matches.skipped == ()


def test_matches_are_a_history_too(shop: Shop) -> None:
    assert kinds(shop.recommend([shop.product("b.example:b4")], k=3)) == ["Boots"] * 3


def test_unknown_products_are_named_in_skipped(shop: Shop) -> None:
    matches = shop.recommend(["a.example:gone", "a.example:d3", "https://a.example/p/away"])
    assert matches.skipped == ("a.example:gone", "https://a.example/p/away")
    assert matches.to_dict()["skipped"] == list(matches.skipped)
    assert matches[:2].skipped == matches.skipped


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        ([], "The history is empty"),
        (["a.example:gone"], "None of the history's products is in generation .*: a.example:gone"),
        (pd.DataFrame({"store": [], "product_id": []}), "The history is empty"),
        (pd.DataFrame({"sku": ["1"]}), "The DataFrame names no product: it has sku"),
        (7, "A history cannot be a int"),
        ([7], "A purchase cannot be a int"),
        (b"a.example:d3", "A history cannot be a bytes"),
        ([("a.example:d3", NOW), ("a.example:d5", 3)], "A purchase cannot be a tuple"),
        ("nobody", "holds nothing for this customer"),
    ],
)
def test_a_history_that_cannot_be_used_is_said_in_one_sentence(
    shop: Shop, history: object, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        shop.recommend(history)


def test_ten_thousand_purchases_of_one_customer(shop: Shop) -> None:
    every = [(f"a.example:{kind}{at}", NOW - timedelta(days=at)) for kind in "dsb" for at in range(1, 20, 2)]
    matches = shop.recommend(every * 334, k=5)
    assert len(matches) == 5
    assert all(match.store == "b.example" for match in matches)


def purchases(customers: int = 60, seed: int = 0) -> pd.DataFrame:
    """Customers who buy of one kind each; the even ones buy d4 and s4 together."""
    random = np.random.default_rng(seed)
    rows = []
    for customer in range(customers):
        kind = "dsb"[customer % 3]
        for at in random.choice(EACH, 5, replace=False).tolist():
            day = NOW - timedelta(days=int(random.integers(300)))
            rows.append((f"c{customer:03d}", "a.example" if at % 2 else "b.example", f"{kind}{at}", day))
        if customer % 2 == 0:
            rows += [
                (f"c{customer:03d}", "b.example", f"{one}4", NOW - timedelta(days=int(random.integers(300))))
                for one in "ds"
            ]
    return pd.DataFrame(rows, columns=["customer_id", "store", "product_id", "bought_at"])


def test_other_customers_say_what_is_bought_together(shop: Shop) -> None:
    pytest.importorskip("implicit")
    others = purchases()
    matches = shop.recommend(["b.example:d4"], k=25, purchases=others)
    # Most customers buy one kind, so dresses come first; of all else, what the same customers bought.
    together = next(match for match in matches if match.category != "Dresses")
    assert together.id == "b.example:s4"
    assert "bought together" in together.evidence
    assert together.because == "b.example:d4"
    assert any(match.evidence == ("looks",) for match in shop.recommend(["b.example:d4"], k=8))


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_every_customer_of_a_file_gets_recommendations_in_one_commit(
    filled: Root, tmp_path: Path, suffix: str
) -> None:
    frame = purchases()
    file = tmp_path / f"purchases{suffix}"
    frame.to_parquet(file) if suffix == ".parquet" else frame.to_csv(file, index=False)
    before = tables.version(filled, "recommendations")
    done = recommend_all(filled, file, k=4, now=NOW)
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
            "bought_at 'soon', no date",
        ),
        ("d.csv", "customer_id,store,product_id,bought_at\nc,a.example\n", "cannot be read"),
        ("e.parquet", "not Parquet", "cannot be read"),
        ("f.csv", "customer_id,store,product_id,bought_at\n", "holds no purchase"),
        ("g.csv", "customer_id,store,product_id,bought_at\nc,a.example,no,2026-01-01\n", "None of the 1"),
        ("h.json", "{", "cannot be read"),
        ("i.csv", "", "cannot be read"),
        ("j.csv", "\0\1\2", "has no column customer_id|cannot be read"),
        (
            "k.csv",
            "customer_id;store;product_id;bought_at\nc;a.example;d3;2026-01-01\n",
            "no column customer_id",
        ),
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
        {"customer_id": [["c"]], "product_id": ["d3"], "store": ["a.example"], "bought_at": [NOW]}
    )
    pq.write_table(lists, tmp_path / "lists.parquet")
    whole = (tmp_path / "lists.parquet").read_bytes()
    (tmp_path / "torn.parquet").write_bytes(whole[: len(whole) // 2])
    for name in ("lists", "torn"):
        with pytest.raises(InputError, match=f"{name}.parquet cannot be read"):
            recommend_all(filled, tmp_path / f"{name}.parquet")
    with pytest.raises(InputError, match="There is no file"):
        recommend_all(filled, tmp_path)


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
    done = recommend_all(filled, file, k=3, now=NOW)
    assert (done.customers, done.purchases, done.rows) == (1, 1, 3)
    assert (done.skipped, done.skipped_products) == (2, ("a.example:removed",))
    table = tables.read(filled, "recommendations").to_pandas()
    assert set(table["customer"]) == {"c1"}
    assert set(table["because_product_id"]) == {"d2"}


def test_ten_thousand_purchases_of_one_customer_of_a_file(filled: Root, tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    many = pd.DataFrame(
        {
            "customer_id": "busy",
            "store": "a.example",
            "product_id": [
                f"{random.choice(list('dsb'))}{2 * random.integers(10) + 1}" for _ in range(10_000)
            ],
            "bought_at": [NOW - timedelta(hours=at) for at in range(10_000)],
        }
    )
    pd.concat([many, purchases(30)]).to_parquet(tmp_path / "p.parquet")
    done = recommend_all(filled, tmp_path / "p.parquet", k=5, now=NOW)
    assert (done.customers, done.rows) == (31, 155)
    table = tables.read(filled, "recommendations").to_pandas()
    # All of a.example's products are owned.
    assert set(table[table["customer"] == "busy"]["store"]) == {"b.example"}


def test_a_product_removed_since_is_left_out_of_a_stored_answer(filled: Root, tmp_path: Path) -> None:
    shutil.copytree(filled.path, tmp_path / "data")
    root = Root.open(tmp_path / "data")
    purchases(6).to_parquet(tmp_path / "p.parquet")
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
    customers = 64 * blocks
    bought = pd.DataFrame({"customer_id": [f"c{at:06d}" for at in range(customers)], "bought_at": NOW})
    bought.assign(store="b.example", product_id="d2").to_parquet(tmp_path / "p.parquet")
    held: list[int] = []

    def note(*_: int) -> None:
        held.append(tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes())

    tracemalloc.start()
    try:
        done = recommend_all(filled, tmp_path / "p.parquet", on_progress=note)
    finally:
        tracemalloc.stop()
    assert (done.rows, len(held)) == (12 * customers, blocks)
    # The writer takes rows over by 8,192, 0.7 MB; all are 2.3 MB.
    assert max(held) - held[0] < 1_200_000


def test_one_run_at_a_time(filled: Root, tmp_path: Path) -> None:
    purchases().to_parquet(tmp_path / "p.parquet")
    with filled.lock("recommend"), pytest.raises(BusyError):
        recommend_all(filled, tmp_path / "p.parquet")


@pytest.mark.parametrize(
    "customer", ["it's-c000", "it's-c003", "it's-c008"], ids=["least", "middle", "greatest"]
)
def test_of_a_purged_customer_no_byte_is_left(filled: Root, tmp_path: Path, customer: str) -> None:
    """The log of a table holds the least and the greatest id of its files, too."""
    shutil.copytree(filled.path, tmp_path / "data")
    root = Root.open(tmp_path / "data")
    frame = purchases(9)
    frame["customer_id"] = "it's-" + frame["customer_id"]
    frame.to_parquet(tmp_path / "p.parquet")
    mine = (tmp_path / "p.parquet").read_bytes()
    for k in (3, 2):
        recommend_all(root, tmp_path / "p.parquet", k=k)
    assert purge_customer(root, customer) == 2
    left = tables.read(root, "recommendations").to_pandas()
    assert left["customer"].nunique() == 8
    assert customer not in set(left["customer"])
    for file in filter(Path.is_file, root.path.rglob("*")):
        held = str(pq.read_table(file).to_pylist()) if file.suffix == ".parquet" else ""
        assert customer not in held, file
        for form in (customer, customer.replace("'", "''")):
            assert form.encode() not in file.read_bytes(), file
    assert tables_damage(root) == []
    assert purge_customer(root, customer) == 0
    assert (tmp_path / "p.parquet").read_bytes() == mine
    recommend_all(root, tmp_path / "p.parquet", k=1)  # the table is as good as before
    assert tables.read(root, "recommendations").num_rows == 9
    with pytest.raises(InputError, match="id is empty"):
        purge_customer(root, " ")


def test_ids_of_customers_are_never_logged(
    filled: Root, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    frame = purchases(9)
    frame["customer_id"] = "secret-" + frame["customer_id"]
    file = tmp_path / "p.csv"
    frame.to_csv(file, index=False)
    settings = tmp_path / "lookalike.toml"
    settings.write_text(f'data = "{filled.path}"\n\n[recommend]\npurchases = "p.csv"\n')
    night.recommend_to_customers(filled, load_config(settings))
    shop = lookalike.open(filled.path)
    shop.recommend("secret-c001")
    shop.recommend(Customer("secret-c002"), purchases=file)
    shop.interests(Customer("secret-c002"))
    for nobody in ("secret-nobody", Customer("secret-nobody")):
        with pytest.raises(InputError):
            shop.recommend(nobody)
    data = ["--data", str(filled.path)]
    assert main(["recommend", "--customer", "secret-c003", *data]) == 0
    assert main(["recommend", "--customer", "secret-nobody", *data]) == 2
    assert main(["purge", "--customer", "secret-c001", *data]) == 0
    shown = capsys.readouterr()
    assert "purchases file is yours and was not touched" in shown.err
    assert "secret" not in caplog.text + shown.out + shown.err


def test_the_command_line(filled: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(filled.path)]
    assert main(["recommend", "b.example:d2", "a.example:gone", "-k", "3", *data]) == 0
    shown = capsys.readouterr()
    assert "because of b.example:d2 (looks)" in shown.out
    assert "a.example:gone" in shown.err
    purchases().to_parquet(tmp_path / "p.parquet")
    assert main(["recommend", "--purchases", str(tmp_path / "p.parquet"), "-k", "2", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 120
    assert main(["recommend", "c001", "--json", *data]) == 0
    assert len(json.loads(capsys.readouterr().out)["matches"]) == 2
    assert main(["purge", "--customer", "c001", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 2}
    assert main(["recommend", *data]) == 2
    assert "Nothing to recommend from" in capsys.readouterr().err


FILTERS = {
    "--store": "a.example",
    "--category": "Dresses",
    "--colour": "blue",
    "--min-price": "10",
    "--max-price": "26",
    "--currency": "EUR",
    "--rate": "USD=0.9",
    "--new-since": "2026-01-01",
}


def test_the_command_line_takes_every_filter(filled: Root, capsys: pytest.CaptureFixture[str]) -> None:
    given = [text for pair in FILTERS.items() for text in pair]
    assert (
        main(["recommend", "a.example:d3", *given, "--in-stock", "--json", "--data", str(filled.path)]) == 0
    )
    matches = json.loads(capsys.readouterr().out)["matches"]
    assert len(matches) == 5
    for match in matches:
        assert (match["store"], match["category"]) == ("a.example", "Dresses")
        assert 10 <= float(match["price"]) <= 26
    assert main(["recommend", "a.example:d3", "--colour", "pinkish", "--data", str(filled.path)]) == 2
    assert "No product here has the colour 'pinkish'" in capsys.readouterr().err


def test_the_command_line_recommends_to_a_customer_of_a_file(
    filled: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(filled.path)]
    frame = purchases()
    frame.loc[len(frame)] = ["c001", "a.example", "removed", NOW]
    frame.to_csv(tmp_path / "p.csv", index=False)
    command = ["recommend", "--customer", "c001", "--purchases", str(tmp_path / "p.csv"), "--json", *data]
    assert main(command) == 0
    document = json.loads(capsys.readouterr().out)
    own = frame[frame["customer_id"] == "c001"]
    bought = set(own["store"] + ":" + own["product_id"])
    assert {match["because"] for match in document["matches"]} <= bought - {"a.example:removed"}
    assert not bought & {f"{match['store']}:{match['product_id']}" for match in document["matches"]}
    assert document["skipped"] == ["a.example:removed"]
    assert main([*command, "--max-price", "12"]) == 0
    assert all(float(match["price"]) <= 12 for match in json.loads(capsys.readouterr().out)["matches"])

    recommend_all(filled, tmp_path / "p.csv", k=3)
    assert main(["recommend", "--customer", "c001", "--json", *data]) == 0  # of the table
    assert len(json.loads(capsys.readouterr().out)["matches"]) == 3
    api = lookalike.open(filled.path).recommend(Customer("c001"), purchases=frame)
    assert [match.id for match in api] == [
        f"{match['store']}:{match['product_id']}" for match in document["matches"]
    ]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--customer", "nobody", "--purchases", "{file}"], "holds no purchase of this customer"),
        (["--customer", "nobody"], "holds nothing for this customer"),
        (["a.example:d3", "--customer", "c001"], "not both"),
        (["--purchases", "{file}", "--in-stock"], "Filters are for one customer"),
        (["--purchases", "{file}", "--store", "a.example", "--store", "b.example"], "Filters are for one"),
        (["--customer", "c001", "--purchases", "gone.csv"], "There is no file gone.csv"),
        (["a.example:d3", "--rate", "USD"], "--rate USD is no exchange rate"),
    ],
)
def test_what_the_command_line_cannot_do_is_a_sentence(
    filled: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    purchases(3).to_parquet(tmp_path / "p.parquet")
    given = [one.format(file=tmp_path / "p.parquet") for one in arguments]
    assert main(["recommend", *given, "--data", str(filled.path)]) == 2
    assert sentence in capsys.readouterr().err


def test_a_product_that_nobody_bought_is_found_by_its_photo(shop: Shop) -> None:
    random = np.random.default_rng(0)
    days = np.sort(random.integers(0, 300, 60 * 5))
    # All but two of the dresses are bought, one of them for the first time in the last fifth.
    known = [at for at in range(EACH) if at not in (7, 8, 9)]
    bought = [int(random.choice(known if day < 270 else [*known, 9, 9, 9])) for day in days]
    purchases = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in random.permutation(np.repeat(np.arange(60), 5))],
            "store": ["a.example" if at % 2 else "b.example" for at in bought],
            "product_id": [f"d{at}" for at in bought],
            "bought_at": [NOW - timedelta(days=int(300 - day)) for day in days],
        }
    )
    matches = shop.recommend(["b.example:d2"], k=12, purchases=purchases)
    assert len({match.id for match in matches}) == 12
    new = [match for match in matches if match.product_id in ("d7", "d8")]
    assert new
    assert all("looks" in match.evidence for match in new)
