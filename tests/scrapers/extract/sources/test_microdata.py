"""Microdata that lxml reads and cannot write."""

from __future__ import annotations

from decimal import Decimal

import pytest

from scrapers.extract.reading import product_page

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
