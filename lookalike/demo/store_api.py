"""Products as WooCommerce's Store API writes them."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

from babel.numbers import get_currency_precision, get_currency_symbol

from lookalike.demo.shelf import Listed, Shelf, slug

PRODUCTS = "/wp-json/wc/store/v1/products"

_SIZE, _COLOUR = 2, 1


def product_url(shelf: Shelf, one: Listed) -> str:
    """Address of a product's page."""
    return f"{shelf.url}/product/{quote(one.handle)}/"


def category_url(shelf: Shelf, path: tuple[str, ...]) -> str:
    """Address of a category's page."""
    return f"{shelf.url}/product-category/{'/'.join(quote(slug(part)) for part in path)}/"


def product_json(shelf: Shelf, one: Listed) -> dict[str, Any]:
    """A product with the fields, and in the words, of a real store's answer."""
    product, number, url = one.product, int(one.product.product_id), product_url(shelf, one)
    name, in_stock = texturize(product.title), product.availability == "in_stock"
    return {
        "id": number,
        "name": name,
        "slug": one.handle,
        "parent": 0,
        "type": "variable" if product.sizes else "simple",
        "variation": "",
        "permalink": url,
        "sku": product.sku,
        "short_description": f"<p>{texturize(product.kind)}, {texturize(product.colour)}.</p>",
        "description": f"<p>{texturize(product.description)}</p>",
        "on_sale": product.was_price is not None,
        "prices": _prices(one),
        "price_html": _price_html(one),
        "average_rating": "0",
        "review_count": 0,
        "images": _images(shelf, one),
        "categories": _categories(shelf, one),
        "tags": [],
        "brands": _brands(shelf, product.brand),
        "attributes": _attributes(one),
        "variations": [
            {"id": number * 100 + place, "attributes": [{"name": "Size", "value": slug(size)}]}
            for place, size in enumerate(product.sizes, start=1)
        ],
        "grouped_products": [],
        "has_options": bool(product.sizes),
        "is_purchasable": True,
        "is_in_stock": in_stock,
        "is_on_backorder": False,
        "low_stock_remaining": None,
        "stock_availability": {
            "text": "" if in_stock else "Out of stock",
            "class": "in-stock" if in_stock else "out-of-stock",
        },
        "sold_individually": False,
        "weight": "",
        "dimensions": {"length": "", "width": "", "height": ""},
        "formatted_weight": "N/A",
        "formatted_dimensions": "N/A",
        "add_to_cart": {
            "text": ("Select options" if product.sizes else "Add to cart") if in_stock else "Read more",
            "description": f"Select options for &ldquo;{name}&rdquo;",
            "url": url,
            "single_text": "Add to cart",
            "minimum": 1,
            "maximum": 9999,
            "multiple_of": 1,
        },
        "is_password_protected": False,
        "extensions": {},
        "_links": _links(shelf, number),
    }


def category_json(shelf: Shelf, path: tuple[str, ...]) -> dict[str, Any]:
    """A category as the Store API lists it; the widest ones have the parent 0."""
    return {
        "id": shelf.category_ids[path],
        "name": texturize(path[-1]),
        "slug": slug(path[-1]),
        "description": "",
        "parent": shelf.category_ids.get(path[:-1], 0),
        "count": len(shelf.categories[path]),
        "image": None,
        "review_count": 0,
        "permalink": category_url(shelf, path),
    }


def texturize(text: str) -> str:
    """Text as WordPress writes it into JSON: with HTML entities, for dashes and apostrophes too.

    Unlike WordPress it leaves the letters as they were: no straight apostrophe becomes a curly one.
    """
    written = escape(text, quote=False).replace("&amp;", "&#038;")
    for letter in "–—’‘“”…'\"":
        written = written.replace(
            letter, f"&#{ord(letter):04d};" if ord(letter) > 255 else f"&#{ord(letter)};"
        )
    return written


def _prices(one: Listed) -> dict[str, Any]:
    product = one.product
    symbol = get_currency_symbol(product.currency, "en")
    now, before = _minor_units(one, product.price), _minor_units(one, product.was_price or product.price)
    return {
        "price": now,
        "regular_price": before,
        "sale_price": now,
        "price_range": None,
        "currency_code": product.currency,
        "currency_symbol": symbol,
        "currency_minor_unit": get_currency_precision(product.currency),
        "currency_decimal_separator": ",",
        "currency_thousand_separator": ".",
        "currency_prefix": "",
        "currency_suffix": f" {symbol}",
    }


def _minor_units(one: Listed, amount: Any) -> str:
    return str(int((amount.scaleb(get_currency_precision(one.product.currency))).to_integral_value()))


def _amount_html(one: Listed, amount: Any) -> str:
    product = one.product
    digits = f"{amount:,.{get_currency_precision(product.currency)}f}".translate(str.maketrans(",.", ".,"))
    symbol = escape(get_currency_symbol(product.currency, "en"))
    return (
        f'<span class="woocommerce-Price-amount amount">{digits}&nbsp;'
        f'<span class="woocommerce-Price-currencySymbol">{symbol}</span></span>'
    )


def _price_html(one: Listed) -> str:
    product = one.product
    now = _amount_html(one, product.price)
    if product.was_price is None:
        return now
    before = _amount_html(one, product.was_price)
    return f'<del aria-hidden="true">{before}</del> <ins aria-hidden="true">{now}</ins>'


def _images(shelf: Shelf, one: Listed) -> list[dict[str, Any]]:
    names = [name.removesuffix(".jpg") for name in one.photo_names()]
    return [
        {
            "id": int(one.product.product_id) * 1000 + place,
            "src": url,
            "thumbnail": url,
            "srcset": "",
            "sizes": "",
            "thumbnail_srcset": "",
            "thumbnail_sizes": "",
            "name": name,
            "alt": "",
        }
        for place, (url, name) in enumerate(zip(shelf.photo_urls(one), names, strict=True), start=1)
    ]


def _categories(shelf: Shelf, one: Listed) -> list[dict[str, Any]]:
    """Only the narrowest one, as stores assign them; the wider ones are in its address."""
    if not one.path:
        return []
    number = shelf.category_ids[one.path]
    name, link = texturize(one.path[-1]), category_url(shelf, one.path)
    return [{"id": number, "name": name, "slug": slug(one.path[-1]), "link": link}]


def _brands(shelf: Shelf, brand: str) -> list[dict[str, Any]]:
    if not brand:
        return []
    link = f"{shelf.url}/brand/{quote(slug(brand))}/"
    return [{"id": 40, "name": texturize(brand), "slug": slug(brand), "link": link}]


def _attributes(one: Listed) -> list[dict[str, Any]]:
    product = one.product
    kinds = [
        (_COLOUR, "Color", "pa_color", False, (product.colour,) if product.colour else ()),
        (_SIZE, "Size", "pa_size", True, product.sizes),
    ]
    return [
        {
            "id": number,
            "name": name,
            "taxonomy": taxonomy,
            "has_variations": varies,
            "terms": [
                {"id": 20 + place, "name": texturize(value), "slug": slug(value)}
                for place, value in enumerate(values)
            ],
        }
        for number, name, taxonomy, varies, values in kinds
        if values
    ]


def _links(shelf: Shelf, number: int) -> dict[str, Any]:
    base = f"{shelf.url}{PRODUCTS}"
    return {
        "self": [{"href": f"{base}/{number}", "targetHints": {"allow": ["GET"]}}],
        "collection": [{"href": base}],
        "related": [{"embeddable": True, "href": f"{base}?related={number}&per_page=10"}],
    }
