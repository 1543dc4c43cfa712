"""`lookalike recommend` and `purge`."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import lookalike
from embedding.recommend.batch import recommend_all
from flows import night
from flows.config import load_config
from flows.purge import purge_customer
from flows.repair import repair
from lookalike.cli import main
from lookalike.recommend import Customer
from storage import rebuild, tables
from storage.audit import tables_damage
from storage.errors import BusyError, InputError
from storage.root import Root
from tests import customers


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return customers.fill(Root.open(tmp_path_factory.mktemp("recommend") / "data", create=True))


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


@pytest.mark.parametrize(
    "customer", ["it's-c000", "it's-c003", "it's-c008"], ids=["least", "middle", "greatest"]
)
def test_of_a_purged_customer_no_byte_is_left(filled: Root, tmp_path: Path, customer: str) -> None:
    """The log of a table holds the least and the greatest id of its files, too."""
    shutil.copytree(filled.path, tmp_path / "data")
    root = Root.open(tmp_path / "data")
    frame = customers.purchases(9)
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


@pytest.mark.parametrize("damaged", ["data", "log"])
def test_a_purge_reaches_the_files_that_a_repair_moved_aside(
    filled: Root, tmp_path: Path, damaged: str
) -> None:
    shutil.copytree(filled.path, tmp_path / "data")
    root = Root.open(tmp_path / "data")
    customers.purchases(9).to_parquet(tmp_path / "p.parquet")
    recommend_all(root, tmp_path / "p.parquet", k=2)
    table = root.table_path("recommendations")
    file = next(table.rglob("*.parquet") if damaged == "data" else (table / "_delta_log").glob("*.json"))
    file.write_bytes(file.read_bytes()[:-20])
    repair(root, load_config(None, str(root.path)))
    aside = root.path / rebuild.FOLDER
    assert list(aside.glob("*/recommendations"))
    (root.path / "tables" / ".rebuilt-recommendations").mkdir()
    with root.lock("recommend"), pytest.raises(BusyError):
        repair(root, load_config(None, str(root.path)))
    purge_customer(root, "c001")
    assert not list(aside.glob("*/recommendations"))
    assert not (root.path / "tables" / ".rebuilt-recommendations").exists()
    assert "c001" not in set(tables.read(root, "recommendations")["customer"].to_pylist())


def test_ids_of_customers_are_never_logged(
    filled: Root, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    frame = customers.purchases(9)
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
    customers.purchases().to_parquet(tmp_path / "p.parquet")
    assert main(["recommend", "--purchases", str(tmp_path / "p.parquet"), "-k", "2", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 120
    assert main(["recommend", "c001", "--json", *data]) == 0
    assert len(json.loads(capsys.readouterr().out)["matches"]) == 2
    assert main(["purge", "--customer", "c001", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 2}
    assert main(["recommend", *data]) == 2
    assert "Nothing to recommend from" in capsys.readouterr().err


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
    frame = customers.purchases()
    frame.loc[len(frame)] = ["c001", "a.example", "removed", customers.NOW]
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


def test_one_customer_of_a_file_without_stores(
    filled: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hm = tmp_path / "transactions_train.csv"
    hm.write_text("t_dat,customer_id,article_id,price,sales_channel_id\n2026-09-01,abc,d3,0.05,2\n")
    settings = tmp_path / "lookalike.toml"
    settings.write_text(f'data = "{filled.path}"\n\n[recommend]\nstore = "a.example"\n')
    command = ["recommend", "--customer", "abc", "--purchases", str(hm), "--json"]
    assert main([*command, "--config", str(settings)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {match["because"] for match in document["matches"]} == {"a.example:d3"}
    assert main([*command, "--store", "a.example", "--data", str(filled.path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {(match["because"], match["store"]) for match in document["matches"]} == {
        ("a.example:d3", "a.example")
    }
    assert main([*command, "--data", str(filled.path)]) == 2
    assert "Give one --store, or `store` under [recommend]" in capsys.readouterr().err


def test_without_implicit_purchases_are_a_sentence(
    filled: Root, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "implicit.nearest_neighbours", None)
    customers.purchases(3).to_csv(tmp_path / "p.csv", index=False)
    command = ["recommend", "--purchases", str(tmp_path / "p.csv"), "--data", str(filled.path)]
    for more in ([], ["--customer", "c001"]):
        assert main([*command, *more]) == 1
        assert "which is not installed. Run `pip install 'lookalike[recommend]'`." in capsys.readouterr().err


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
    customers.purchases(3).to_parquet(tmp_path / "p.parquet")
    given = [one.format(file=tmp_path / "p.parquet") for one in arguments]
    assert main(["recommend", *given, "--data", str(filled.path)]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("command", [["recommend", "--customer"], ["recommend"]])
def test_an_argument_that_is_no_text_is_a_sentence(
    filled: Root, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "\udcff", "--data", str(filled)]) == 2
    assert "not UTF-8 text" in capsys.readouterr().err
