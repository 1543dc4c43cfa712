"""`lookalike products`, `elsewhere`, `history`, and `search` by words and to a page."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lookalike.cli import main
from lookalike.commands import terminal
from lookalike.products import SCHEMA
from lookalike.query import Shop
from tests.lookalike.test_elsewhere import shop  # noqa: F401 - a fixture

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def lookalike(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Run:  # noqa: F811
    """Runs a command; gives its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--data", str(shop._root.path)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_products_are_listed_as_many_as_asked_for(lookalike: Run, shop: Shop) -> None:  # noqa: F811
    code, out, err = lookalike("products", "-k", "2")
    assert (code, out.count("\n")) == (0, 2)
    assert f"2 of {len(shop)} products" in err
    _, out, err = lookalike("products", "-k", "100000")
    assert (out.count("\n"), err) == (len(shop), "")


@pytest.mark.parametrize("command", [("products", "-k", "2"), ("search", "a.example:dress", "-k", "2")])
def test_what_was_last_seen_long_ago_is_shown_with_its_age(
    lookalike: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(terminal, "OLD", timedelta(days=36_500))
    _, fresh, _ = lookalike(*command)
    monkeypatch.setattr(terminal, "OLD", timedelta(days=-36_500))
    _, old, _ = lookalike(*command)
    for new, dated in zip(fresh.splitlines(), old.splitlines(), strict=True):
        *front, age, link = dated.split("\t")
        assert [*front, link] == new.split("\t")
        assert age.endswith(" ago") or front[0] == "also at"


def test_products_as_json_and_filtered(lookalike: Run, shop: Shop) -> None:  # noqa: F811
    _, out, _ = lookalike("products", "--json", "--store", "b.example", "-k", "1")
    document = json.loads(out)
    assert document["count"] == len(shop.products(store="b.example"))
    [first] = document["products"]
    assert list(first) == SCHEMA.names
    assert first["store"] == "b.example"
    assert re.fullmatch(r"\d+\.\d\d", first["price"])


def test_products_are_written_to_files(lookalike: Run, shop: Shop, tmp_path: Path) -> None:  # noqa: F811
    assert lookalike("products", "--output", str(tmp_path / "products.csv"))[0] == 0
    with (tmp_path / "products.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == len(shop)
    assert lookalike("products", "--output", str(tmp_path / "products.parquet"))[0] == 0
    assert pq.read_table(tmp_path / "products.parquet").equals(shop.products().to_arrow())
    assert lookalike("products", "--output", str(tmp_path / "no" / "products.csv"))[:2] == (1, "")
    assert lookalike("products", "--output", str(tmp_path / "products.xls"))[:2] == (2, "")


def test_elsewhere_lists_other_stores(lookalike: Run, shop: Shop) -> None:  # noqa: F811
    same = shop.elsewhere("a.example:dress")
    _, out, _ = lookalike("elsewhere", "a.example:dress")
    assert [line.split("\t")[2] for line in out.splitlines()] == [match.store for match in same]
    _, out, _ = lookalike("elsewhere", "a.example:dress", "--json", "--currency", "USD", "--rate", "EUR=2")
    compared = shop.elsewhere("a.example:dress", currency="USD", rates={"EUR": 2})
    assert [(one["store"], one["evidence"]) for one in json.loads(out)["matches"]] == [
        (match.store, list(match.evidence)) for match in compared
    ]


def test_history_is_that_of_the_shop(lookalike: Run, shop: Shop) -> None:  # noqa: F811
    expected = shop.price_history("a.example:dress")
    _, out, _ = lookalike("history", "a.example:dress", "--json")
    rows = json.loads(out)
    assert [row["price"] for row in rows] == [
        None if math.isnan(price) else price for price in expected["price"]
    ]
    assert list(rows[0]) == list(expected.columns)
    _, out, _ = lookalike("history", "a.example:dress")
    assert out.count("\n") == len(expected)


@pytest.mark.parametrize("command", ["elsewhere", "history"])
@pytest.mark.parametrize(
    ("product", "sentence"), [("a.example:no", "There is no product"), ("x", "Give store:")]
)
def test_a_product_that_is_not_there_is_a_sentence(
    lookalike: Run, command: str, product: str, sentence: str
) -> None:
    code, out, err = lookalike(command, product)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_search_by_words_says_where_they_were_found(lookalike: Run) -> None:
    code, out, _ = lookalike("search", "--words", "dress xyzzy", "-k", "1")
    assert code == 0
    assert out.splitlines()[0].split("\t")[2] == "dress in the title"
    _, _, err = lookalike("search", "--words", "dress xyzzy", "-k", "1")
    assert err == "No product here has the words: xyzzy.\n"


def test_search_for_more_and_less(lookalike: Run, shop: Shop) -> None:  # noqa: F811
    _, out, _ = lookalike("search", "--like", "a.example:dress", "--unlike", "c.example:robe", "--json")
    found = shop.similar(like="a.example:dress", unlike="c.example:robe")
    assert json.loads(out) == found.to_dict()


def test_search_writes_a_page(lookalike: Run, tmp_path: Path) -> None:
    page = tmp_path / "sheet.html"
    code, out, _ = lookalike("search", "a.example:dress", "-k", "2", "--output", str(page))
    assert code == 0
    assert out, "and prints the matches"
    assert page.read_text("utf-8").count("<article") == 2
    assert lookalike("search", "a.example:dress", "--output", str(tmp_path / "sheet.pdf"))[0] == 2
    assert lookalike("search", "a.example:dress", "--output", str(tmp_path / "no" / "x.html"))[0] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--words", "evning"], "No product here has the words"),
        ([""], "an empty text"),
        (["a.example:dress"] * 17, "at most 16"),
    ],
)
def test_a_search_for_nothing_is_a_sentence(lookalike: Run, arguments: list[str], sentence: str) -> None:
    code, out, err = lookalike("search", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--words", " "], ["--unlike", "a.example:dress"], ["-k", "3"]])
def test_a_search_without_a_query_shows_the_usage(lookalike: Run, arguments: list[str]) -> None:
    code, out, err = lookalike("search", *arguments)
    assert (code, out) == (2, "")
    assert "Nothing is searched for" in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    command = [sys.executable, "-m", "lookalike.cli", "--show-completion", shell]
    script = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "_LOOKALIKE_COMPLETE" in script


def test_bash_is_offered_the_commands_that_fit() -> None:
    environment = {
        **{"_LOOKALIKE_COMPLETE": "complete_bash", "COMP_WORDS": "lookalike his", "COMP_CWORD": "1"},
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-m", "lookalike.cli"]
    offered = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    assert offered.split() == ["history"]
