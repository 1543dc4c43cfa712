"""Files of purchases in the forms that people have them in."""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedding.index.search import Index
from embedding.recommend.products import ProductNumbers, Products
from embedding.recommend.purchases import (
    Purchases,
    from_frame,
    history_of_frame,
    read_history,
    read_purchases,
)
from storage import generations
from storage.errors import InputError
from storage.root import Root
from tests import customers

ROWS = [("c1", "a.example", "d3", "2026-01-02"), ("c2", "a.example", "s5", "2026-02-13")]
LONG = "secret-id" * 2**18
"""More than two blocks of Arrow's."""
HEADER = ("customer_id", "store", "product_id", "bought_at")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> ProductNumbers:
    root = customers.fill(Root.open(tmp_path_factory.mktemp("files") / "data", create=True))
    return ProductNumbers(Products.of(Index.open(*generations.open_current(root))))


def _csv(separator: str = ",", end: str = "\n", header: tuple[str, ...] = HEADER) -> str:
    return "".join(separator.join(row) + end for row in (header, *ROWS))


def _json(names: tuple[str, str, str]) -> str:
    return "".join(
        json.dumps(dict(zip(names, (customer, product, day), strict=True)) | {"fit": None, "size": 14}) + "\n"
        for customer, _, product, day in ROWS
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("semicolons.csv", _csv(";").encode()),
        ("tabs.tsv", _csv("\t").encode()),
        ("tabs.txt", _csv("\t").encode()),
        ("bars.csv", _csv("|").encode()),
        ("windows.csv", _csv(end="\r\n").encode()),
        ("excel.csv", _csv(";").encode("utf-8-sig")),
        ("unicode.txt", _csv("\t").encode("utf-16")),
        ("blank-lines.csv", b"\n\n" + _csv().encode() + b"\n\n"),
        ("spaces.csv", _csv(header=(" Customer_ID", "STORE ", "product_id", "Bought_At")).encode()),
        ("padded.csv", _csv(" , ").encode()),
        ("vertical-tab.csv", b"\x0b\n" + _csv().encode()),
        ("quoted.csv", b'"customer_id","store","product_id","bought_at"\n'
         + b"".join((",".join(f'"{cell}"' for cell in row) + "\n").encode() for row in ROWS)),
        ("a line break.csv", b"note," + _csv().replace("\nc", '\n"two\nlines",c').encode()),
        ("gz.csv.gz", gzip.compress(_csv().encode(), mtime=0)),
        ("bz2.csv.bz2", bz2.compress(_csv().encode())),
        ("UPPER.CSV", _csv().encode()),
        ("hm.csv", ("t_dat,customer_id,article_id,price,sales_channel_id\n"
                    + "".join(f"{day},{who},{what},0.05,2\n" for who, _, what, day in ROWS)).encode()),
        ("rent.json.gz", gzip.compress(_json(("user_id", "item_id", "review_date")).encode(), mtime=0)),
        ("own.jsonl", _json(("customer_id", "product_id", "bought_at")).encode()),
    ],
)  # fmt: skip
def test_the_same_purchases_in_every_form(
    numbers: ProductNumbers, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    found = read_purchases(tmp_path / name, numbers, store="a.example")
    assert (found.customers, found.skipped, found.without_customer) == (["c1", "c2"], 0, 0)
    assert [numbers.name(one) for one in found.products] == ["a.example:d3", "a.example:s5"]
    assert found.when.tolist() == [_us(2026, 1, 2), _us(2026, 2, 13)]
    history = read_history(tmp_path / name, "c2", numbers, store="a.example")
    assert history == [("a.example:s5", datetime(2026, 2, 13, tzinfo=UTC))]


def test_whole_numbers_of_json_have_no_fraction(numbers: ProductNumbers, tmp_path: Path) -> None:
    row = {"customer_id": 41.0, "store": "a.example", "product_id": "d3", "bought_at": "2026-02-01"}
    (tmp_path / "p.jsonl").write_text(json.dumps(row))
    assert read_purchases(tmp_path / "p.jsonl", numbers).customers == ["41"]


def test_a_folder_of_parts_is_read_as_one(numbers: ProductNumbers, tmp_path: Path) -> None:
    folder = tmp_path / "purchases.parquet"
    for at, row in enumerate(ROWS):
        part = folder / f"month={at}" / f"part-{at}.snappy.parquet"
        part.parent.mkdir(parents=True)
        pd.DataFrame([row], columns=HEADER).to_parquet(part)
    for ignored in ("_SUCCESS", "_metadata.parquet", ".part-0.snappy.parquet.crc", ".hidden.csv"):
        (folder / ignored).write_bytes(b"no purchases")
    assert read_purchases(folder, numbers).customers == ["c1", "c2"]
    (folder / "month=0" / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"torn\.parquet cannot be read"):
        read_purchases(folder, numbers)
    (folder / "_delta_log").mkdir()
    with pytest.raises(InputError, match="is a Delta table"):
        read_purchases(folder, numbers)


@pytest.mark.parametrize(
    "name_them",
    [
        lambda ids: pd.Series(ids, dtype="int64"),
        lambda ids: pd.Series(ids, dtype="float64"),
        lambda ids: pd.Series(ids, dtype="Int64"),
        lambda ids: pd.Series(ids).astype("string"),
        lambda ids: pd.Series(ids).astype("string").astype("category"),
        lambda ids: pd.Series([ids[0], str(ids[1])], dtype="object"),
        lambda ids: pd.Series([float(ids[0]), str(ids[1])], dtype="object"),
        lambda ids: pd.Series([str(ids[0]), float(ids[1]), None][: len(ids)], dtype="object"),
    ],
)
def test_ids_are_texts_whatever_they_are_stored_as(
    numbers: ProductNumbers, tmp_path: Path, name_them: Callable[[list[int]], pd.Series]
) -> None:
    frame = pd.DataFrame(ROWS, columns=HEADER).assign(customer_id=name_them([41, 42]))
    assert from_frame(frame, numbers).customers == ["41", "42"]
    assert history_of_frame(frame, "42", numbers)[0][0] == "a.example:s5"
    if not frame["customer_id"].map(type).nunique() > 1:
        frame.to_parquet(tmp_path / "p.parquet")
        assert read_purchases(tmp_path / "p.parquet", numbers).customers == ["41", "42"]
        assert read_history(tmp_path / "p.parquet", "42", numbers)[0][0] == "a.example:s5"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-02-01", (2026, 2, 1)),
        ("01.02.2026", (2026, 2, 1)),
        ("1.2.2026 06:00", (2026, 2, 1, 6)),
        ("April 20, 2016", (2016, 4, 20)),
        ("2026-02-01T06:00:00+02:00", (2026, 2, 1, 4)),
        ("2026-02-01 06:00:00Z", (2026, 2, 1, 6)),
        ("20260201", (2026, 2, 1)),
    ],
)
def test_dates_in_texts(
    numbers: ProductNumbers, tmp_path: Path, text: str, when: tuple[int, int, int]
) -> None:
    file = tmp_path / "p.csv"
    pd.DataFrame([("c", "a.example", "d3", text)], columns=HEADER).to_csv(file, index=False)
    assert read_purchases(file, numbers).when.tolist() == [_us(*when)]


@pytest.mark.parametrize(
    ("dates", "when"),
    [
        (["01.02.2026", "2026/03/04", "20260506"], [(2026, 2, 1), (2026, 3, 4), (2026, 5, 6)]),
        (["01/02/2026", "13/02/2026"], [(2026, 2, 1), (2026, 2, 13)]),
        (["01/02/2026", "02/13/2026"], [(2026, 1, 2), (2026, 2, 13)]),
        (["1-2-2026 06:00", "31-12-2025"], [(2025, 12, 31), (2026, 2, 1, 6)]),
        (["01.02.2026", "02/13/2026"], [(2026, 2, 1), (2026, 2, 13)]),
    ],
)
def test_days_are_told_from_months_by_the_other_dates(
    numbers: ProductNumbers, tmp_path: Path, dates: list[str], when: list[tuple[int, ...]]
) -> None:
    rows = [
        (f"c{place}", "a.example", product, date)
        for place, (product, date) in enumerate(zip(("d3", "s5", "d3"), dates, strict=False))
    ]
    frame = pd.DataFrame(rows, columns=HEADER)
    frame.to_csv(tmp_path / "p.csv", index=False)
    expected = sorted(_us(*moment) for moment in when)
    for found in (read_purchases(tmp_path / "p.csv", numbers), from_frame(frame, numbers)):
        assert sorted(found.when.tolist()) == expected
    # One customer's rows alone would not say it.
    for place in range(len(rows)):
        ((_, moment),) = read_history(tmp_path / "p.csv", f"c{place}", numbers)
        assert _us(*moment.timetuple()[:6]) in expected


@pytest.mark.parametrize(
    ("dates", "sentence"),
    [
        (["01/02/2026"], "none that says which number is the day"),
        (["1-2-2026", "2026-02-13"], "none that says which number is the day"),
        (["13/02/2026", "02/13/2026"], "before the month in some dates"),
        (["02.13.2026"], "no date"),
        (["now"], "no date"),
        (["12:30"], "no date"),
        (["Jan"], "no date"),
        (["01.02.26"], "no date"),
    ],
)
def test_dates_that_can_be_read_in_two_ways_are_refused(
    numbers: ProductNumbers, tmp_path: Path, dates: list[str], sentence: str
) -> None:
    rows = [("c", "a.example", "d3", date) for date in dates]
    frame = pd.DataFrame(rows, columns=HEADER)
    frame.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match=sentence):
        read_purchases(tmp_path / "p.csv", numbers)
    with pytest.raises(InputError, match=sentence):
        from_frame(frame, numbers)


def test_days_are_told_from_months_by_earlier_rows(numbers: ProductNumbers, tmp_path: Path) -> None:
    for name, date in (("1.csv", "13/02/2026"), ("2.csv", "01/02/2026")):
        rows = [(name, "a.example", "d3", date)]
        pd.DataFrame(rows, columns=HEADER).to_csv(tmp_path / name, index=False)
    assert read_purchases(tmp_path, numbers).when.tolist() == [_us(2026, 2, 13), _us(2026, 2, 1)]


@pytest.mark.parametrize("type_", [pa.timestamp("ns", "Europe/Berlin"), pa.timestamp("s"), pa.date32()])
def test_dates_of_other_types(numbers: ProductNumbers, tmp_path: Path, type_: pa.DataType) -> None:
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    table = pa.table(
        {"customer_id": ["c"], "store": ["a.example"], "product_id": ["d3"]}
        | {"bought_at": pa.array([moment if type_ != pa.date32() else moment.date()], type_)}
    )
    pq.write_table(table, tmp_path / "p.parquet")
    for found in (
        read_purchases(tmp_path / "p.parquet", numbers),
        from_frame(table, numbers),
        from_frame(table.to_pandas(), numbers),
    ):
        assert found.when.tolist() == [_us(2026, 2, 1)]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "latin.csv",
            _csv().replace("c1", "Müller").encode("latin-1"),
            "is not UTF-8 text. Save it as UTF-8",
        ),
        ("latin-header.csv", ("größe," + _csv()).encode("latin-1"), "is not UTF-8 text"),
        ("twice.csv", b"customer_id," + _csv().encode(), "has the column customer_id twice"),
        ("zip.csv.zip", b"PK\3\4", "is a zip archive. Unpack it"),
        ("torn.csv.gz", gzip.compress(_csv().encode(), mtime=0)[:-12], "cannot be read"),
        ("plain.csv.gz", _csv().encode(), "cannot be read"),
        ("deep.json", b"[" * 100_000, "line 1 is no JSON document"),
        ("array.json", b'[{"user_id": "1"}]', "is no document with user_id"),
        ("latin.json", '{"user_id": "Müller"}'.encode("latin-1"), "is not UTF-8 text"),
        ("no-product.json", b'{"customer_id": "c", "bought_at": "2026-01-01"}', "names no product"),
        ("short.csv", _csv().encode() + b"secret-id,a.example\n", r"a row has 2 values.* names 4 columns"),
        ("long.csv", f"{_csv()}{LONG},a.example,d3,2026-01-01\n".encode(), "a row is longer than 1,048,576"),
        (
            "quote.csv.gz",
            gzip.compress(f'{_csv()}"{LONG}'.encode(), mtime=0),
            "a quotation mark is never closed",
        ),
        ("long.json", f'{{"user_id": "{LONG}"}}'.encode(), "a row is longer than"),
        ("blank.json.gz", gzip.compress(b" " * len(LONG), mtime=0), "a row is longer than"),
        ("headless.csv", b"secret-id,a.example,d3,2026-01-01\n" * 3, "first line names none of the columns"),
    ],
)
def test_a_malformed_file_is_a_sentence_that_quotes_no_row(
    numbers: ProductNumbers, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence) as raised:
        read_purchases(tmp_path / name, numbers)
    assert "secret-id" not in str(raised.value)
    with pytest.raises(InputError, match=sentence):
        read_history(tmp_path / name, "c1", numbers)


@pytest.mark.parametrize("purchases", [[("c", "d3")], {"customer_id": ["c"]}, 7, b"c"])
def test_what_is_no_table_is_a_sentence(numbers: ProductNumbers, purchases: Any) -> None:
    with pytest.raises(InputError, match="Purchases cannot be a"):
        from_frame(purchases, numbers)


def test_no_number_of_very_many_digits_is_read_as_a_date(
    numbers: ProductNumbers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, longest = pd.to_datetime, 0  # it takes quadratic time for them

    def counting(texts: pd.Series, **options: Any) -> Any:
        nonlocal longest
        longest = max(longest, *map(len, texts))
        return read(texts, **options)

    monkeypatch.setattr(pd, "to_datetime", counting)
    for date in ("1" * 5000, "2026-01-01T" + "0" * 5000, "1.2.2026 " + "1" * 5000):
        row = {"customer_id": "c1", "product_id": "d3", "store": "a.example", "bought_at": date}
        rows = json.dumps(row | {"bought_at": "2026-01-01"}) + "\n" + json.dumps(row)
        (tmp_path / "p.json").write_text(rows)
        with pytest.raises(InputError, match="no date in bought_at but '0"):
            read_purchases(tmp_path / "p.json", numbers)
    assert longest == len("2026-01-01")


def test_rows_without_a_customer_are_counted(numbers: ProductNumbers, tmp_path: Path) -> None:
    rows = [(who, "a.example", "d3", "2026-01-01") for who in ("c", None, "", "  ", "NA", "null")]
    frame = pd.DataFrame(rows, columns=HEADER)
    frame.to_parquet(tmp_path / "p.parquet")
    frame.to_csv(tmp_path / "p.csv", index=False)
    read: list[Purchases] = [from_frame(frame, numbers)]
    read += [read_purchases(tmp_path / name, numbers) for name in ("p.parquet", "p.csv")]
    for found in read:
        assert (found.customers, found.without_customer) == (["NA", "c", "null"], 3)


def _us(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp() * 1_000_000)  # type: ignore[misc, arg-type]
