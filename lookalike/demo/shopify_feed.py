"""Products as Shopify's feeds write them."""

from __future__ import annotations

from html import escape
from typing import Any

from lookalike.demo.shelf import OPENED, Listed, Shelf
from storage.money import decimal_string


def product_json(shelf: Shelf, one: Listed, *, alone: bool = False) -> dict[str, Any]:
    """A product as Shopify writes it.

    :param alone: as its own address gives it: with barcodes, which the list leaves out, and without stock.
    """
    product, number = one.product, int(one.product.product_id)
    changed = one.modified.isoformat()
    options = [("Color", [product.colour])] if product.colour else []
    options += [("Size", list(product.sizes))] if product.sizes else []
    return {
        "id": number,
        "title": product.title,
        "handle": one.handle,
        "body_html": f"<p>{escape(product.description)}</p>",
        "published_at": OPENED.isoformat(),
        "created_at": OPENED.isoformat(),
        "updated_at": changed,
        "vendor": product.brand,
        "product_type": " > ".join(one.path),
        "tags": [tag for tag in (product.kind, product.colour) if tag],
        "variants": _variants(one, alone=alone),
        "images": _images(shelf, one),
        "options": [
            {"name": name, "position": place, "values": values}
            for place, (name, values) in enumerate(options or [("Title", ["Default Title"])], start=1)
        ],
    }


def product_js(shelf: Shelf, one: Listed) -> dict[str, Any]:
    """A product as a storefront's own scripts read it: prices in hundredths, and what is in stock."""
    product = one.product
    return {
        "id": int(product.product_id),
        "title": product.title,
        "handle": one.handle,
        "vendor": product.brand,
        "type": " > ".join(one.path),
        "price": int(product.price * 100),
        "available": product.availability == "in_stock",
        "variants": [
            {
                "id": int(product.product_id) * 100 + place,
                "title": size,
                "price": int(product.price * 100),
                "available": _available(one, place),
            }
            for place, size in enumerate(product.sizes or ("",), start=1)
        ],
        "images": versioned_photos(shelf, one),
    }


def suggestion_json(shelf: Shelf, one: Listed) -> dict[str, Any]:
    """A product as predictive search suggests it."""
    product = one.product
    return {
        "id": int(product.product_id),
        "title": product.title,
        "handle": one.handle,
        "available": product.availability == "in_stock",
        "price": decimal_string(product.price, product.currency),
        "vendor": product.brand,
        "type": " > ".join(one.path),
        "url": f"/products/{one.handle}?_pos=1&_psq={product.kind}&_ss=e&_v=1.0",
        "image": next(iter(versioned_photos(shelf, one)), None),
    }


def _variants(one: Listed, *, alone: bool) -> list[dict[str, Any]]:
    product, changed = one.product, one.modified.isoformat()
    return [
        {
            "id": int(product.product_id) * 100 + place,
            "title": " / ".join(value for value in values if value),
            "option1": values[0],
            "option2": values[1],
            "option3": None,
            "sku": f"{product.sku}-{size}" if size else product.sku,
            "requires_shipping": True,
            "taxable": True,
            "featured_image": None,
            **({} if alone else {"available": _available(one, place)}),
            "price": decimal_string(product.price, product.currency),
            "grams": 300,
            "compare_at_price": _compare_at(one),
            "position": place,
            "product_id": int(product.product_id),
            "created_at": OPENED.isoformat(),
            "updated_at": changed,
            **({"barcode": product.gtin} if alone else {}),
        }
        for place, size in enumerate(product.sizes or ("",), start=1)
        for values in [_values(product.colour, size)]
    ]


def _values(colour: str, size: str) -> tuple[str, str | None]:
    chosen = [value for value in (colour, size) if value] or ["Default Title"]
    return chosen[0], chosen[1] if len(chosen) > 1 else None


def _available(one: Listed, place: int) -> bool:
    """Whether a size can be had; every third product has lost its last size."""
    last = len(one.product.sizes)
    gone = last > 2 and place == last and int(one.product.product_id) % 3 == 0
    return one.product.availability == "in_stock" and not gone


def _compare_at(one: Listed) -> str | None:
    """The price before a sale; without one, stores write null or a leftover zero."""
    if one.product.was_price is not None:
        return decimal_string(one.product.was_price, one.product.currency)
    return "0.00" if int(one.product.product_id) % 2 else None


def _images(shelf: Shelf, one: Listed) -> list[dict[str, Any]]:
    return [
        {
            "id": int(one.product.product_id) * 1000 + place,
            "created_at": OPENED.isoformat(),
            "position": place,
            "updated_at": OPENED.isoformat(),
            "product_id": int(one.product.product_id),
            "variant_ids": [],
            "src": url,
        }
        for place, url in enumerate(versioned_photos(shelf, one), start=1)
    ]


def versioned_photos(shelf: Shelf, one: Listed) -> list[str]:
    """Addresses of a product's photos with their version, as Shopify's CDN has them."""
    return [f"{url}?v={1_790_000_000 + one.revision}" for url in shelf.photo_urls(one)]
