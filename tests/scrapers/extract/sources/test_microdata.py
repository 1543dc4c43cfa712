"""Microdata that lxml reads and cannot write, and whose references would be followed for seconds."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from scrapers.extract.page import Element, parse_page
from scrapers.extract.reading import product_page
from scrapers.extract.sources.microdata import read_microdata

PAGE = """<html lang="en"><title>Cap</title><div itemscope itemtype="https://schema.org/Product">
<h1 itemprop="name">Cap</h1><p itemprop="description">Warm{before}<script>track()</script>{after}wool</p>
<p itemprop="offers" itemscope itemtype="https://schema.org/Offer"><b itemprop="price">3.50</b>
<i itemprop="priceCurrency">EUR</i></p></div>"""


@pytest.mark.parametrize("control", ["\x0b", "\x1f", "\ufffe", "&#1;", "&#x0B;", "&#xffff;"])
def test_a_control_character_in_a_text_costs_nothing_else(control: str) -> None:
    for before, after in ((control, ""), ("", control), (control, control)):
        html = PAGE.format(before=before, after=after)
        page = product_page(html.encode(), "https://shop.example/p/cap", shapes=frozenset())
        assert page is not None
        product = page.examined.product
        assert product is not None
        assert (product.title, product.price) == ("Cap", Decimal("3.50"))
        assert "track" not in (product.description or "")


def referring(count: int) -> str:
    """An item that refers to so many ids, which nobody has, on a page of as many elements."""
    names = " ".join(f"a{number}" for number in range(count))
    return f'<div itemscope itemref="{names}"></div>' + "<p>x</p>" * count


def referring_to_nested(count: int) -> str:
    """An item that refers to as many elements, each inside the one before."""
    names = " ".join(f"a{number}" for number in range(count))
    nested = "".join(f'<div id="a{number}"><b itemprop="b">x</b>' for number in range(count))
    return f'<div itemscope itemref="{names}"></div>{nested}'


@pytest.mark.parametrize("make", [referring, referring_to_nested])
def test_references_are_looked_up_in_linear_time(
    make: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    find, looked_at = Element.xpath, 0

    def counting(element: Element, *given: Any, **named: Any) -> Any:
        nonlocal looked_at
        whole = str(given[0]).startswith("//")
        looked_at += sum(1 for _ in (element.getroottree() if whole else element).iter())
        return find(element, *given, **named)

    counts = []
    for count in (50, 100, 200):
        page = parse_page(make(count), "https://shop.example/p/cap")
        assert page is not None
        with monkeypatch.context() as counted:
            counted.setattr(Element, "xpath", counting)
            looked_at = 0
            read_microdata(page)
        counts.append(looked_at)
    assert counts[2] <= 2.2 * counts[1] <= 2.2 * 2.2 * counts[0], counts


def test_references_lead_to_the_properties_of_an_element_elsewhere() -> None:
    html = """<div itemscope itemref="more none more"><b itemprop="name">Cap</b></div>
    <p id="more"><i itemprop="colour">red</i><i itemprop="size">M</i></p><p id="more">not this</p>"""
    page = parse_page(html, "https://shop.example/p/cap")
    assert page is not None
    [item] = read_microdata(page)
    assert item["properties"]["name"] == "Cap"
    assert (item["properties"]["colour"][0], item["properties"]["size"][0]) == ("red", "M")
