"""Every field on pages that once were read wrong: a new bug is a case in `cases/`.

A case holds its page as `html`; a long page is a file in `cases/html/`, which the case names as `file`.
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from scrapers.extract.product import extract_product
from scrapers.extract.sources.jsonld import loads

CASES = Path(__file__).parent / "cases"
OTHERS = ("jsonld", "no_product", "pages")
FIELDS = sorted(path.stem for path in CASES.glob("*.json") if path.stem not in OTHERS)


def cases(name: str) -> list:
    found = json.loads((CASES / f"{name}.json").read_text())
    for case in found:
        if "file" in case:
            case["html"] = (CASES / "html" / case["file"]).read_text()
    return [
        pytest.param(
            name,
            case,
            id=f"{name}: {case['why']}",
            marks=[pytest.mark.xfail(reason=case["xfail"])] if "xfail" in case else [],
        )
        for case in found
    ]


@pytest.mark.parametrize(("name", "case"), [one for field in FIELDS for one in cases(field)])
def test_a_field(name, case):
    product = extract_product(case["html"], case["url"])
    assert product is not None
    assert product.to_dict()[name] == case["value"]
    assert (name in product.source) == (case["value"] not in (None, []))


@pytest.mark.parametrize(("name", "case"), cases("pages"))
def test_a_page_of_a_platform(name, case):
    product = extract_product(case["html"], case["url"])
    assert product is not None
    found = product.to_dict()
    assert {field: found[field] for field in case["value"]} == case["value"]


@pytest.mark.parametrize(("name", "case"), cases("no_product"))
def test_a_page_that_is_no_product(name, case):
    assert extract_product(case["html"], case["url"]) is None


@pytest.mark.parametrize(("name", "case"), cases("jsonld"))
def test_a_script_of_json_ld(name, case):
    assert loads(case["text"]) == case["value"]


def test_every_page_is_some_cases():
    named = [
        case["file"]
        for path in CASES.glob("*.json")
        for case in json.loads(path.read_text())
        if "file" in case
    ]
    assert sorted(named) == sorted(path.name for path in (CASES / "html").iterdir())


def test_numbers_of_json_ld_are_decimals():
    assert loads('{"price": 0.1}') == [{"price": Decimal("0.1")}]


def test_a_page_in_another_character_set():
    script = '<script type="application/ld+json">{"@type":"Product","sku":"1","name":"Größe"}</script>'
    html = f'<meta charset="windows-1252">{script}'
    product = extract_product(html.encode("windows-1252"), "https://shop.example/p")
    assert product is not None
    assert product.title == "Größe"


def test_an_extracted_product_has_the_documented_form():
    html = '<script type="application/ld+json">{"@type":"Product","sku":"1","name":"Shirt"}</script>'
    product = extract_product(html, "https://shop.example/p")
    assert product is not None
    assert product.to_dict() == {
        "url": "https://shop.example/p",
        "title": "Shirt",
        "brand": None,
        "description": None,
        "category": None,
        "price": None,
        "price_max": None,
        "currency": None,
        "was_price": None,
        "availability": None,
        "sku": "1",
        "gtin": None,
        "images": [],
        "source": {"url": "url", "title": "json-ld", "sku": "json-ld"},
    }
