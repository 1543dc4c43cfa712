"""A storefront of each dialect, open for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lookalike.demo.storefront import Storefront, serve
from tests.lookalike.demo.fronts import PRODUCTS


@pytest.fixture(scope="session")
def fronts() -> Iterator[dict[str, Storefront]]:
    """One storefront a dialect, all with the same products; tests do not change them."""
    with (
        serve(PRODUCTS, "shopify") as shopify,
        serve(PRODUCTS, "woocommerce") as woocommerce,
        serve(PRODUCTS, "schema", crawl_delay=0.5) as schema,
    ):
        yield {"shopify": shopify, "woocommerce": woocommerce, "schema": schema}


@pytest.fixture
def shopify(fronts: dict[str, Storefront]) -> Storefront:
    return fronts["shopify"]


@pytest.fixture
def woocommerce(fronts: dict[str, Storefront]) -> Storefront:
    return fronts["woocommerce"]


@pytest.fixture
def schema(fronts: dict[str, Storefront]) -> Storefront:
    return fronts["schema"]
