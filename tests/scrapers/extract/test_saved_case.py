"""Pages saved as cases to correct."""

import json

import pytest
from typer.testing import CliRunner

from lookalike.cli import app
from scrapers.extract.product import extract_product
from scrapers.extract.saved_case import TO_DO, case_of

URL = "https://shop.example/p/linen-shirt"
NOISE = "".join(f"<div class='box-{number}'><p>Noise {number}</p></div>" for number in range(30))
PRODUCT = (
    "<h1>Linen shirt</h1><p class='price'>€19.90</p>"
    "<form action='/cart/add'><button>Add to cart</button></form>"
)
MARKUP = (
    '<script type="application/ld+json">{"@type": "Product", "name": "Linen shirt", "sku": "1",'
    ' "offers": {"price": "19.90", "priceCurrency": "EUR"}}</script>'
)


def page(body: str) -> bytes:
    return (
        f"<html lang='en'><head><title>Linen shirt</title></head><body>{NOISE}{body}{NOISE}</body></html>"
    ).encode()


def reading(html, url):
    product = extract_product(html, url)
    return {name: value for name, value in product.to_dict().items() if name != "source"} if product else None


@pytest.mark.parametrize("body", [PRODUCT, MARKUP, f"<main>{PRODUCT}<!-- {MARKUP} --></main>"])
def test_a_case_is_read_as_the_page_and_holds_no_noise(body):
    case = case_of(page(body), URL)
    assert case["value"] == reading(page(body), URL) == reading(case["html"], URL)
    assert (case["value"]["title"], case["value"]["price"]) == ("Linen shirt", "19.90")
    assert "Noise" not in case["html"]
    assert "Linen shirt" in case["html"]


def test_a_page_that_is_no_product_is_a_case_without_a_value():
    case = case_of(page("<h1>About us</h1><p>We sell shirts.</p>"), URL)
    assert (case["value"], case["why"]) == (None, TO_DO)
    assert reading(case["html"], URL) is None


def test_the_command_appends_to_a_list_of_cases(tmp_path):
    saved, cases = tmp_path / "page.html", tmp_path / "cases.json"
    for body in (PRODUCT, MARKUP):
        saved.write_bytes(page(body))
        done = CliRunner().invoke(app, ["extract", str(saved), "--url", URL, "--save-case", str(cases)])
        assert done.exit_code == 0
    assert [case["value"]["price"] for case in json.loads(cases.read_text())] == ["19.90", "19.90"]


@pytest.mark.parametrize("content", ["{}", "no JSON", '"cases"'])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path, content):
    saved, cases = tmp_path / "page.html", tmp_path / "cases.json"
    saved.write_bytes(page(PRODUCT))
    cases.write_text(content)
    done = CliRunner().invoke(app, ["extract", str(saved), "--url", URL, "--save-case", str(cases)])
    assert done.exit_code != 0
    assert str(cases) in str(done.exception)
    assert cases.read_text() == content
