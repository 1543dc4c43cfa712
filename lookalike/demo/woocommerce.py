"""A demo storefront that speaks as WooCommerce's do: the Store API, product pages, WordPress's sitemaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape

from lookalike.demo import page, sitemaps
from lookalike.demo.reply import Reply, html_reply, json_reply, whole_number, xml_reply
from lookalike.demo.search import found, words_of
from lookalike.demo.shelf import Listed, Shelf
from lookalike.demo.store_api import PRODUCTS, category_json, category_url, product_json, product_url
from storage.money import decimal_string

PHOTOS = "/wp-content/uploads/2026/11/"

_ROBOTS = """Disallow: /wp-content/uploads/wc-logs/
Disallow: /wp-content/uploads/woocommerce_transient_files/
Disallow: /wp-content/uploads/woocommerce_uploads/
Disallow: /*?add-to-cart=
Disallow: /*?*add-to-cart=
Disallow: /wp-admin/
Allow: /wp-admin/admin-ajax.php
"""
_PER_PAGE, _DEFAULT_PER_PAGE = 100, 10
_PER_SITEMAP = 2000
_GRID = 48
_HEAD = (
    '<meta name="generator" content="WordPress 7.1">\n<meta name="generator" content="WooCommerce 11.0.1">\n'
)


def answer(shelf: Shelf, path: str, query: Mapping[str, Sequence[str]]) -> Reply | None:
    """:return: the answer to a path and query; None where there is no such page."""
    match [part for part in path.split("/") if part]:
        case [] | ["shop"]:
            return _listing(shelf, "Shop", list(shelf.listed), path or "/", 1)
        case ["shop", "page", number] if number.isascii() and number.isdigit():
            return _listing(shelf, "Shop", list(shelf.listed), "/shop/", int(number))
        case ["robots.txt"]:
            return sitemaps.robots(shelf, _ROBOTS, "/wp-sitemap.xml")
        case ["wp-sitemap.xml"]:
            return _sitemap_index(shelf)
        case [file] if file.startswith("wp-sitemap-"):
            return _sitemap(shelf, file)
        case ["wp-json"]:
            return json_reply(
                {"name": shelf.store, "url": shelf.url, "namespaces": ["wc/store", "wc/store/v1", "wp/v2"]}
            )
        case ["wp-json", "wc", "store", *version, "products"] if version in ([], ["v1"]):
            return _product_list(shelf, query)
        case ["wp-json", "wc", "store", *version, "products", "categories"] if version in ([], ["v1"]):
            return json_reply([category_json(shelf, path) for path in shelf.categories])
        case ["wp-json", "wc", "store", *version, "products", product_id] if version in ([], ["v1"]):
            return _one_product(shelf, product_id)
        case ["product", handle] if handle in shelf.by_handle:
            return _product_page(shelf, shelf.by_handle[handle])
        case ["product-category", *slugs]:
            return _category(shelf, slugs)
    return None


def _category(shelf: Shelf, slugs: list[str]) -> Reply | None:
    number = 1
    if len(slugs) > 2 and slugs[-2] == "page" and slugs[-1].isascii() and slugs[-1].isdigit():
        slugs, number = slugs[:-2], int(slugs[-1])
    path = shelf.by_slug.get(tuple(slugs))
    if path is None:
        return None
    base = category_url(shelf, path).removeprefix(shelf.url)
    return _listing(shelf, path[-1], shelf.categories[path], base, number)


def _listing(shelf: Shelf, name: str, listed: list[Listed], base: str, number: int) -> Reply:
    last = -(-len(listed) // _GRID)
    shown = listed[max(number - 1, 0) * _GRID : number * _GRID]
    base = "/shop/" if base == "/" else base
    before = f"{base}page/{number - 1}/" if number > 1 else None
    after = f"{base}page/{number + 1}/" if number < last else None
    main = f"<h1>{escape(name)}</h1>{page.grid(shelf, shown, lambda one: product_url(shelf, one))}"
    text = page.document(shelf, name, main + page.pager(before, after), head=_HEAD, nav=_nav(shelf))
    return html_reply(text, modified=shelf.modified, headers=_link(shelf))


def _product_list(shelf: Shelf, query: Mapping[str, Sequence[str]]) -> Reply:
    per_page = whole_number(query, "per_page", _DEFAULT_PER_PAGE)
    number = whole_number(query, "page", 1)
    if not 1 <= per_page <= _PER_PAGE:
        return _refusal("per_page", f"per_page must be between 1 (inclusive) and {_PER_PAGE} (inclusive)")
    if number < 1:
        return _refusal("page", "page must be greater than or equal to 1")
    listed = _ordered(shelf, query)
    last = -(-len(listed) // per_page)
    shown = listed[(number - 1) * per_page : number * per_page]
    links = [
        f'<{shelf.url}{PRODUCTS}?per_page={per_page}&page={other}#038;page={number}>; rel="{rel}"'
        for rel, other in (("prev", number - 1), ("next", number + 1))
        if 1 <= other <= last
    ]
    headers = {
        "X-Robots-Tag": "noindex",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Expose-Headers": "X-WP-Total, X-WP-TotalPages, Link, Cart-Token",
        "X-WP-Total": str(len(listed)),
        "X-WP-TotalPages": str(last),
        "Allow": "GET",
        "Vary": "Origin",
    }
    if links:
        headers["Link"] = ", ".join(links)
    return json_reply([product_json(shelf, one) for one in shown], modified=shelf.modified, headers=headers)


def _ordered(shelf: Shelf, query: Mapping[str, Sequence[str]]) -> list[Listed]:
    """The products as asked for; newest first unless asked otherwise."""
    listed = found(shelf, words_of(query, "search")) if "search" in query else list(shelf.listed)
    descending = (query.get("order") or ["desc"])[-1] != "asc"
    if (query.get("orderby") or ["date"])[-1] == "price":
        return sorted(listed, key=lambda one: one.product.price, reverse=descending)
    return sorted(listed, key=lambda one: int(one.product.product_id), reverse=descending)


def _refusal(name: str, why: str) -> Reply:
    data = {"status": 400, "params": {name: why}}
    refusal = {"code": "rest_invalid_param", "message": f"Invalid parameter(s): {name}", "data": data}
    return json_reply(refusal, status=400)


def _one_product(shelf: Shelf, product_id: str) -> Reply:
    one = shelf.by_id.get(product_id)
    if one is None:
        missing = {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid product ID."}
        return json_reply({**missing, "data": {"status": 404}}, status=404)
    return json_reply(product_json(shelf, one), modified=one.modified, headers={"X-Robots-Tag": "noindex"})


def _nav(shelf: Shelf) -> str:
    tops = [path for path in shelf.categories if len(path) == 1]
    links = (f'<a href="{escape(category_url(shelf, path))}">{escape(path[0])}</a>' for path in tops[:8])
    return "".join([*links, '<a href="/shop/">Shop</a>'])


def _link(shelf: Shelf) -> dict[str, str]:
    return {"Link": f'<{shelf.url}/wp-json/>; rel="https://api.w.org/"'}


def _product_page(shelf: Shelf, one: Listed) -> Reply:
    product, url = one.product, product_url(shelf, one)
    paths = [one.path[:depth] for depth in range(1, len(one.path) + 1)]
    crumbs = [(path[-1], category_url(shelf, path)) for path in paths]
    head = (
        f'{_HEAD}<link rel="https://api.w.org/" href="{escape(shelf.url)}/wp-json/">\n'
        f'<link rel="canonical" href="{escape(url)}">\n' + page.json_script(_structured(shelf, one, crumbs))
    )
    main = (
        page.breadcrumbs([("Home", "/"), *crumbs], product.title)
        + page.product_article(shelf, one)
        + page.also(shelf, one, lambda other: product_url(shelf, other))
    )
    text = page.document(shelf, product.title, main, head=head, nav=_nav(shelf))
    return html_reply(text, modified=one.modified, headers=_link(shelf))


def _structured(shelf: Shelf, one: Listed, crumbs: list[tuple[str, str]]) -> dict[str, object]:
    """What WooCommerce writes into its product pages."""
    product, url = one.product, product_url(shelf, one)
    trail = [("Home", shelf.url), *crumbs, (product.title, url)]
    stock = "InStock" if product.availability == "in_stock" else "OutOfStock"
    offer = {
        "@type": "Offer",
        "priceSpecification": _price_specification(product.price, product.was_price, product.currency),
        "priceValidUntil": "2027-12-31",
        "availability": f"https://schema.org/{stock}",
        "url": url,
        "seller": {"@type": "Organization", "name": shelf.store, "url": shelf.url},
        "price": decimal_string(product.price, product.currency),
        "priceCurrency": product.currency,
    }
    return {
        "@context": "https://schema.org/",
        "@graph": [
            {
                "@context": "https://schema.org/",
                "@type": "BreadcrumbList",
                "itemListElement": [
                    {"@type": "ListItem", "position": place, "item": {"name": name, "@id": address}}
                    for place, (name, address) in enumerate(trail, start=1)
                ],
            },
            {
                "@context": "https://schema.org/",
                "@type": "Product",
                "@id": f"{url}#product",
                "name": product.title,
                "url": url,
                "description": product.description,
                "image": shelf.photo_urls(one)[0] if product.photos else None,
                "sku": product.sku,
                "gtin": product.gtin,
                "offers": [offer],
                "brand": {"@type": "Brand", "name": product.brand},
            },
        ],
    }


def _price_specification(price: Decimal, was: Decimal | None, currency: str) -> list[dict[str, str | None]]:
    kinds = [(price, None)] if was is None else [(price, "SalePrice"), (was, "ListPrice")]
    return [
        {
            "@type": "UnitPriceSpecification",
            **({"priceType": f"https://schema.org/{kind}"} if kind else {}),
            "price": decimal_string(amount, currency),
            "priceCurrency": currency,
            "validThrough": "2027-12-31",
        }
        for amount, kind in kinds
    ]


def _sitemap_index(shelf: Shelf) -> Reply:
    count = -(-len(shelf.listed) // _PER_SITEMAP)
    names = [f"posts-product-{number}" for number in range(1, count + 1)] + ["taxonomies-product_cat-1"]
    text = sitemaps.index(f"{shelf.url}/wp-sitemap-{name}.xml" for name in names)
    return xml_reply(text, modified=shelf.modified)


def _sitemap(shelf: Shelf, file: str) -> Reply | None:
    name = file.removeprefix("wp-sitemap-").removesuffix(".xml")
    if name == "taxonomies-product_cat-1":
        return xml_reply(
            sitemaps.pages((category_url(shelf, path), None) for path in shelf.categories),
            modified=shelf.modified,
        )
    number = name.removeprefix("posts-product-")
    if name == number or not (number.isascii() and number.isdigit()):
        return None
    shown = shelf.listed[max(int(number) - 1, 0) * _PER_SITEMAP : int(number) * _PER_SITEMAP]
    if not shown:
        return None
    return xml_reply(
        sitemaps.pages((product_url(shelf, one), one.modified) for one in shown), modified=shelf.modified
    )
