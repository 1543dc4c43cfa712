"""How product pages describe themselves to programs: JSON-LD, microdata and OpenGraph."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from lookalike.demo import page
from lookalike.demo.shelf import Listed, Shelf
from storage.money import decimal_string, display_price


def json_ld(shelf: Shelf, one: Listed, url: str, crumbs: Sequence[tuple[str, str]]) -> str:
    """A product and the way to it; one product in four writes both into one `@graph`."""
    product = one.product
    context = "https://schema.org"
    described: dict[str, Any] = {
        "@type": "Product",
        "@id": f"{url}#product",
        "name": product.title,
        "description": product.description,
        "brand": {"@type": "Brand", "name": product.brand},
        "sku": product.sku,
        "gtin13": product.gtin,
        "color": product.colour,
        "size": list(product.sizes),
        "image": shelf.photo_urls(one),
        "url": url,
        "offers": _offer(one, url),
    }
    described = {name: value for name, value in described.items() if value}
    trail = {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": address}
            for place, (name, address) in enumerate([*crumbs, (product.title, url)], start=1)
        ],
    }
    if int(product.product_id) % 8 < 2:
        return page.json_script({"@context": context, "@graph": [trail, described]})
    return page.json_script({"@context": context, **trail}) + page.json_script(
        {"@context": context, **described}
    )


def open_graph(shelf: Shelf, one: Listed, url: str) -> str:
    """A product as `<meta property>`."""
    product = one.product
    was = decimal_string(product.was_price, product.currency)
    return page.meta_properties(
        [
            ("og:site_name", shelf.store),
            ("og:type", "product"),
            ("og:title", product.title),
            ("og:description", product.description),
            ("og:url", url),
            *(("og:image", photo) for photo in shelf.photo_urls(one)),
            ("product:brand", product.brand),
            ("product:availability", product.availability.replace("_", " ")),
            ("product:color", product.colour),
            ("product:price:amount", decimal_string(product.price, product.currency)),
            ("product:price:currency", product.currency),
            ("product:original_price:amount", was),
            ("product:original_price:currency", was and product.currency),
            ("product:retailer_item_id", product.sku),
        ]
    )


def microdata_article(shelf: Shelf, one: Listed, url: str) -> str:
    """A product's visible part with `itemprop` on what it says."""
    product = one.product
    amount = decimal_string(product.price, product.currency)
    shown = escape(display_price(product.price, product.currency))
    before = ""
    if product.was_price is not None:
        before = f"<del>{escape(display_price(product.was_price, product.currency))}</del>"
    sizes = "".join(f'<meta itemprop="size" content="{escape(size)}">' for size in product.sizes)
    return f"""<article class="product" itemscope itemtype="https://schema.org/Product">
{page.gallery(shelf, one, attributes='itemprop="image"')}
<div class="summary">
<p class="brand" itemprop="brand" itemscope itemtype="https://schema.org/Brand">
<span itemprop="name">{escape(product.brand)}</span></p>
<h1 itemprop="name">{escape(product.title)}</h1>
<div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
<p class="price">{before}<span itemprop="price" content="{amount}">{shown}</span></p>
<meta itemprop="priceCurrency" content="{escape(product.currency)}">
<link itemprop="availability" href="{_availability(one)}">
<link itemprop="url" href="{escape(url)}">
</div>
{page.choices(one)}
<dl>
<dt>Colour</dt><dd itemprop="color">{escape(product.colour)}</dd>
<dt>Article number</dt><dd itemprop="sku">{escape(product.sku)}</dd>
<dt>GTIN</dt><dd itemprop="gtin13">{escape(product.gtin)}</dd>
</dl>
<meta itemprop="category" content="{escape(product.category)}">{sizes}
<div class="description" itemprop="description"><p>{escape(product.description)}</p></div>
</div>
</article>"""


def _offer(one: Listed, url: str) -> dict[str, Any]:
    product = one.product
    offer: dict[str, Any] = {
        "@type": "Offer",
        "url": url,
        "price": decimal_string(product.price, product.currency),
        "priceCurrency": product.currency,
        "availability": _availability(one),
        "itemCondition": "https://schema.org/NewCondition",
    }
    if product.was_price is not None:
        offer["priceSpecification"] = {
            "@type": "UnitPriceSpecification",
            "priceType": "https://schema.org/StrikethroughPrice",
            "price": decimal_string(product.was_price, product.currency),
            "priceCurrency": product.currency,
        }
    return offer


def _availability(one: Listed) -> str:
    return f"https://schema.org/{'InStock' if one.product.availability == 'in_stock' else 'OutOfStock'}"
