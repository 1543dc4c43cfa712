"""Products of the demo storefronts that are tested, and how they are asked."""

from __future__ import annotations

import dataclasses
import io
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import requests
from bs4 import BeautifulSoup
from PIL import Image

from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import Storefront

REPO = Path(__file__).parents[3]
NASTY = 'Tee "Été" & <script>alert(1)</script> – it\'s </script> fine'
DIALECTS = ("shopify", "woocommerce", "schema")
PAGE = {"shopify": "/products/{}", "woocommerce": "/product/{}/", "schema": "/p/{}.html"}
API = "/wp-json/wc/store/v1/products"


class Photo:
    """A photo of one colour that counts how often it was read."""

    def __init__(self, colour: tuple[int, int, int]) -> None:
        self.colour, self.reads = colour, 0

    def __call__(self) -> bytes:
        self.reads += 1
        buffer = io.BytesIO()
        Image.new("RGB", (60, 80), self.colour).save(buffer, "JPEG")
        return buffer.getvalue()


def product(number: int, **fields: object) -> DemoProduct:
    """A product; odd ones are on sale, every fifth is sold out."""
    made = DemoProduct(
        product_id=str(number),
        title=f"Tee {number}",
        brand="Anker & Söhne",
        description="Soft <b>cotton</b> & more.",
        kind="t-shirt",
        colour="red",
        category="Women > Tops & Tees" if number % 3 else "Men > Shirts",
        price=Decimal("19.9"),
        currency="EUR",
        availability="in_stock" if number % 5 else "out_of_stock",
        gtin="4006381333931",
        sku=f"T-{number}",
        sizes=("S", "M", "L"),
        photos=(Photo((number % 256, 80, 30)), Photo((number % 256, 160, 30))),
        was_price=Decimal("29.9") if number % 2 else None,
    )
    return dataclasses.replace(made, **fields)


PRODUCTS = [product(number) for number in range(101, 161)] + [product(161, title=NASTY, sizes=())]


def page_of(front: Storefront, dialect: str, one: DemoProduct) -> str:
    return front.url + PAGE[dialect].format(quote(one.handle))


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}, timeout=5
    )


def locations(text: str, tag: str = "loc") -> list[str]:
    return [
        found.text
        for found in BeautifulSoup(text, "xml").find_all(tag)
        if found.prefix != "image" or ":" in tag
    ]
