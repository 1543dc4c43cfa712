"""How the pages of every demo storefront look."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from lookalike.demo.reply import Reply, html_reply
from lookalike.demo.shelf import Listed, Shelf
from storage.money import display_price

STYLE_PATH = "/assets/shop.css"

Address = Callable[[Listed], str]
"""Gives the address of a product's page."""


def document(shelf: Shelf, title: str, main: str, *, head: str = "", nav: str = "") -> str:
    """A whole page.

    :param title: its title as plain text; all other pieces are HTML.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} – {escape(shelf.store)}</title>
<link rel="stylesheet" href="{STYLE_PATH}">
{head}</head>
<body>
<header class="top"><div class="wrap">
<a class="shop-name" href="/">{escape(shelf.store)}</a><nav>{nav}</nav>
</div></header>
<main class="wrap">
{main}
</main>
<footer><div class="wrap">{escape(shelf.store)} is a demo: its garments are not for sale.</div></footer>
</body>
</html>
"""


def not_found(shelf: Shelf) -> Reply:
    """The page for what is not there."""
    main = '<h1>Not found</h1><p>This page does not exist. <a href="/">Back to the shop</a></p>'
    return html_reply(document(shelf, "Not found", main), status=404)


def breadcrumbs(crumbs: Sequence[tuple[str, str]], last: str) -> str:
    """The way to a page: names with addresses, then the page's own name."""
    links = "".join(f'<li><a href="{escape(url)}">{escape(name)}</a></li>' for name, url in crumbs)
    return f'<nav class="crumbs" aria-label="Breadcrumb"><ol>{links}<li>{escape(last)}</li></ol></nav>'


def gallery(shelf: Shelf, one: Listed, *, attributes: str = "") -> str:
    """All photos of a product.

    :param attributes: HTML attributes of each image, such as `itemprop="image"`.
    """
    title = escape(one.product.title)
    images = "".join(
        f'<img src="{escape(url)}" alt="{title}{f", photo {number}" if number > 1 else ""}" {attributes}>'
        for number, url in enumerate(shelf.photo_urls(one), start=1)
    )
    return f'<div class="gallery">{images}</div>'


def price_line(one: Listed) -> str:
    """A product's price, and what it cost before a sale."""
    product = one.product
    now = escape(display_price(product.price, product.currency))
    if product.was_price is None:
        return f'<p class="price">{now}</p>'
    before = escape(display_price(product.was_price, product.currency))
    return f'<p class="price"><del>{before}</del><ins>{now}</ins></p>'


def choices(one: Listed) -> str:
    """The sizes and the button to buy."""
    sizes = "".join(f"<li>{escape(size)}</li>" for size in one.product.sizes)
    if one.product.availability == "in_stock":
        button = '<button class="buy" type="button">Add to bag</button>'
    else:
        button = '<button class="buy" type="button" disabled>Sold out</button>'
    return (f'<ul class="sizes" aria-label="Sizes">{sizes}</ul>' if sizes else "") + button


def facts(one: Listed) -> str:
    """A product's colour and numbers."""
    product = one.product
    pairs = {"Colour": product.colour, "Article number": product.sku, "GTIN": product.gtin}
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in pairs.items() if value)
    return f"<dl>{rows}</dl>"


def product_article(shelf: Shelf, one: Listed) -> str:
    """A product with its photos and everything there is to know about it."""
    product = one.product
    return f"""<article class="product">
{gallery(shelf, one)}
<div class="summary">
<p class="brand">{escape(product.brand)}</p>
<h1>{escape(product.title)}</h1>
{price_line(one)}
{choices(one)}
{facts(one)}
<div class="description"><p>{escape(product.description)}</p></div>
</div>
</article>"""


def grid(shelf: Shelf, listed: Sequence[Listed], address: Address, *, prices: bool = True) -> str:
    """Products as cards that lead to their pages.

    :param prices: whether each shows its price; without, a page does not change with another product's price.
    """
    return f'<ul class="grid">{"".join(_card(shelf, one, address(one), prices) for one in listed)}</ul>'


def also(shelf: Shelf, one: Listed, address: Address) -> str:
    """Other products at the end of a product's page."""
    others = shelf.related(one)
    if not others:
        return ""
    return f"<section><h2>You may also like</h2>{grid(shelf, others, address, prices=False)}</section>"


def pager(before: str | None, after: str | None) -> str:
    """Links to the page before and after this one."""
    links = [("prev", before, "← Previous"), ("next", after, "Next →")]
    shown = [f'<a rel="{rel}" href="{escape(url)}">{text}</a>' for rel, url, text in links if url]
    return f'<nav class="pager" aria-label="Pages">{"".join(shown)}</nav>' if shown else ""


def meta_properties(properties: Sequence[tuple[str, str | None]]) -> str:
    """OpenGraph: `<meta property>` for each pair that has a value."""
    return "".join(
        f'<meta property="{name}" content="{escape(value)}">\n' for name, value in properties if value
    )


def json_script(data: Any, kind: str = "application/ld+json") -> str:
    """JSON inside a page; no text in it can end the script."""
    text = json.dumps(data, ensure_ascii=False)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'<script type="{kind}">{text}</script>\n'


def _card(shelf: Shelf, one: Listed, address: str, price: bool) -> str:
    photos = shelf.photo_urls(one)
    image = f'<img src="{escape(photos[0])}" alt="" loading="lazy">' if photos else ""
    amount = escape(display_price(one.product.price, one.product.currency)) if price else ""
    shown = f'<span class="amount">{amount}</span>' if amount else ""
    inside = f"{image}<span>{escape(one.product.title)}</span>{shown}"
    return f'<li class="card"><a href="{escape(address)}">{inside}</a></li>'
