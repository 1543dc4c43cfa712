"""`lookalike search` with its filters, on the stores of test_elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lookalike.cli import main
from lookalike.query import Shop
from tests.lookalike.test_elsewhere import shop  # noqa: F401 - a fixture

TWINS = ("a.example:again", "b.example:dress", "c.example:dress", "c.example:robe")


@pytest.fixture
def search(shop: Shop, capsys: pytest.CaptureFixture[str]):  # noqa: F811
    """Runs the command; gives its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["search", "a.example:dress", "--data", str(shop._root.path), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def found(out: str) -> dict[str, list[str]]:
    """Each match with what is also at it."""
    document: dict[str, Any] = json.loads(out)
    return {
        f"{match['store']}:{match['product_id']}": [
            f"{offer['store']}:{offer['product_id']}" for offer in match.get("also_at", [])
        ]
        for match in document["matches"]
    }


@pytest.mark.parametrize(
    ("options", "twins"),
    [
        ((), TWINS),
        (("--store", "b.example", "--store", "c.example"), TWINS[1:]),
        (("--brand", "acme", "--min-price", "46", "--currency", "eur"), TWINS[:1]),
        (("--max-price", "45", "--currency", "EUR"), (TWINS[1], TWINS[3])),
        (("--max-price", "45", "--currency", "EUR", "--rate", "USD=0.92"), TWINS[1:]),
        (("--max-price", "39", "--currency", "EUR", "--rate", " USD = 0.5 "), (TWINS[2],)),
        (("--new-since", "2026-11-20T03:30Z"), TWINS),
    ],
)
def test_filters_narrow_a_match_and_what_is_also_at_it(
    search, options: tuple[str, ...], twins: tuple[str, ...]
) -> None:
    code, out, _ = search("--json", "-k", "1", *options)
    assert code == 0
    (first, also), *_ = found(out).items()
    assert {first, *also} == set(twins)


def test_what_is_also_at_a_match_is_a_row_under_it(search) -> None:
    _, out, _ = search("-k", "1")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == ["1", "also at", "also at", "also at"]
    assert {row[4] for row in rows} == {"a.example", "b.example", "c.example"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--rate", "USD"), "--rate USD is no exchange rate"),
        (("--rate", "USD=x", "--currency", "EUR"), "The rate of 'USD' is 'x'"),
        (("--rate", "USD=0.9"), "do not say what they are in"),
        (("--min-price", "9", "--max-price", "8", "--currency", "EUR"), "min_price=9 is above max_price=8"),
        (("--max-price", "1e999999", "--currency", "EUR"), "max_price='1e999999' is no price"),
        (("--max-price", "50"), "prices here are in EUR and USD"),
        (("--new-since", "soon"), "new_since='soon' is no time"),
        (("--new-since", "2999-01-01"), "lies in the future"),
        (("--store", "b.example", "--store", "nowhere"), "No product here has the store 'nowhere'"),
    ],
)
def test_nonsense_is_one_sentence(search, options: tuple[str, ...], sentence: str) -> None:
    code, out, err = search(*options)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
