"""A demo storefront that speaks as Shopify's do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from lookalike.demo import page, sitemaps
from lookalike.demo.reply import Reply, html_reply, json_reply, whole_number, xml_reply
from lookalike.demo.search import found, words_of
from lookalike.demo.shelf import OPENED, Listed, Shelf, slug
from lookalike.demo.shopify_feed import product_js, product_json, suggestion_json, versioned_photos
from storage.money import decimal_string

PHOTOS = "/cdn/shop/files/"

_ROBOTS = """Disallow: /admin
Disallow: /cart
Disallow: /orders
Disallow: /checkouts/
Disallow: /account
Disallow: /collections/*sort_by*
Disallow: /search
"""
_PER_PAGE, _DEFAULT_PER_PAGE = 250, 30
_SUGGESTED = 10
_GRID = 48


def answer(shelf: Shelf, path: str, query: Mapping[str, Sequence[str]]) -> Reply | None:
    """:return: the answer to a path and query; None where there is no such page."""
    match path.removeprefix("/").split("/"):
        case [""]:
            return _collection_page(shelf, "New in", list(shelf.listed), query, "/")
        case ["robots.txt"]:
            return sitemaps.robots(shelf, _ROBOTS, "/sitemap.xml")
        case ["sitemap.xml"]:
            return _sitemap(shelf)
        case ["sitemap_products_1.xml"]:
            listed = [(product_url(shelf, one), one) for one in shelf.listed]
            return xml_reply(sitemaps.products(shelf, listed), modified=shelf.modified)
        case ["sitemap_collections_1.xml"]:
            urls = [(f"{shelf.url}/collections/{quote(handle)}", None) for handle in _collections(shelf)]
            return xml_reply(sitemaps.pages(urls), modified=shelf.modified)
        case ["search", "suggest.json"]:
            return _suggestions(shelf, words_of(query))
        case ["search"]:
            words = words_of(query)
            return _collection_page(shelf, f"Results for {words}", found(shelf, words), query, path)
        case ["meta.json"]:
            return json_reply(_meta(shelf))
        case ["products.json"]:
            return _product_list(shelf, list(shelf.listed), query)
        case ["collections.json"]:
            every = [_collection(shelf, handle, path) for handle, path in _collections(shelf).items()]
            return _page_of({"collections": every}, "collections", query)
        case ["collections", handle, "products.json"]:
            held = _in_collection(shelf, handle)
            return (
                json_reply({"products": []}, status=404)
                if held is None
                else _product_list(shelf, held, query)
            )
        case ["collections", handle]:
            held = _in_collection(shelf, handle)
            name = " › ".join(_collections(shelf).get(handle, ())) or "All products"
            return None if held is None else _collection_page(shelf, name, held, query, path)
        case ["products", file] if file.endswith(".json") and file.removesuffix(".json") in shelf.by_handle:
            one = shelf.by_handle[file.removesuffix(".json")]
            return json_reply(
                {"product": product_json(shelf, one, alone=True)}, modified=one.modified, headers=_HEADERS
            )
        case ["products", file] if file.endswith(".js") and file.removesuffix(".js") in shelf.by_handle:
            one = shelf.by_handle[file.removesuffix(".js")]
            return json_reply(product_js(shelf, one), modified=one.modified, headers=_HEADERS)
        case ["products", handle] if handle in shelf.by_handle:
            return _product_page(shelf, shelf.by_handle[handle])
        case ["collections", _, "products", handle] if handle in shelf.by_handle:
            return _product_page(shelf, shelf.by_handle[handle])
    return None


def product_url(shelf: Shelf, one: Listed) -> str:
    """Address of a product's page."""
    return f"{shelf.url}/products/{quote(one.handle)}"


_HEADERS = {"Powered-By": "Shopify"}


def _meta(shelf: Shelf) -> dict[str, Any]:
    return {
        "id": 74001,
        "name": shelf.store,
        "city": "Utrecht",
        "province": "",
        "country": "NL",
        "currency": shelf.currency,
        "domain": urlsplit(shelf.url).netloc,
        "url": shelf.url,
        "myshopify_domain": f"{slug(shelf.store)}.myshopify.com",
        "description": "Clothes that were drawn, not sewn.",
        "ships_to_countries": ["BE", "DE", "FR", "NL"],
        "money_format": "{{amount}} " + shelf.currency,
        "published_collections_count": len(_collections(shelf)),
        "published_products_count": len(shelf.listed),
        "offers_shop_pay_installments": False,
    }


def _collections(shelf: Shelf) -> dict[str, tuple[str, ...]]:
    """Categories by the handle of their collection."""
    return {"-".join(slugs): path for slugs, path in shelf.by_slug.items()}


def _in_collection(shelf: Shelf, handle: str) -> list[Listed] | None:
    if handle == "all":
        return list(shelf.listed)
    return shelf.categories.get(_collections(shelf).get(handle, ()))


def _collection(shelf: Shelf, handle: str, path: tuple[str, ...]) -> dict[str, Any]:
    listed = shelf.categories[path]
    return {
        "id": 500_000 + shelf.category_ids[path],
        "title": " ".join(path),
        "handle": handle,
        "description": "",
        "published_at": OPENED.isoformat(),
        "updated_at": max(one.modified for one in listed).isoformat(),
        "image": None,
        "products_count": len(listed),
    }


def _product_list(shelf: Shelf, listed: list[Listed], query: Mapping[str, Sequence[str]]) -> Reply:
    deepest = shelf.rules.deepest
    if _depth(query) > deepest:
        return json_reply({"errors": f"page * limit must be at most {deepest}"}, status=400, headers=_HEADERS)
    products = [product_json(shelf, one) for one in _slice(listed, query)]
    return json_reply({"products": products}, headers=_HEADERS)


def _page_of(data: dict[str, list[Any]], name: str, query: Mapping[str, Sequence[str]]) -> Reply:
    return json_reply({name: _slice(data[name], query)}, headers=_HEADERS)


def _suggestions(shelf: Shelf, words: str) -> Reply:
    suggested = [suggestion_json(shelf, one) for one in found(shelf, words)[:_SUGGESTED]]
    return json_reply({"resources": {"results": {"products": suggested}}}, headers=_HEADERS)


def _limit(query: Mapping[str, Sequence[str]]) -> int:
    return min(max(whole_number(query, "limit", _DEFAULT_PER_PAGE), 1), _PER_PAGE)


def _depth(query: Mapping[str, Sequence[str]]) -> int:
    return max(whole_number(query, "page", 1), 1) * _limit(query)


def _slice(values: list[Any], query: Mapping[str, Sequence[str]]) -> list[Any]:
    end = _depth(query)
    return values[end - _limit(query) : end]


def _nav(shelf: Shelf) -> str:
    tops = [(handle, path[0]) for handle, path in _collections(shelf).items() if len(path) == 1]
    links = [f'<a href="/collections/{quote(handle)}">{escape(name)}</a>' for handle, name in tops[:8]]
    return "".join([*links, '<a href="/collections/all">All</a>'])


def _script(shelf: Shelf) -> str:
    shop = f'Shopify.shop = "{slug(shelf.store)}.myshopify.com";'
    currency = f'Shopify.currency = {{"active":"{shelf.currency}","rate":"1.0"}};'
    return f"<script>var Shopify = Shopify || {{}};\n{shop}\n{currency}</script>\n"


def _collection_page(
    shelf: Shelf, name: str, listed: list[Listed], query: Mapping[str, Sequence[str]], path: str
) -> Reply:
    number, last = max(whole_number(query, "page", 1), 1), -(-len(listed) // _GRID)
    shown = listed[(number - 1) * _GRID : number * _GRID]
    base = f"{quote(path)}?{urlencode({'q': words_of(query)})}&" if "q" in query else f"{quote(path)}?"
    before = f"{base}page={number - 1}" if number > 1 else None
    after = f"{base}page={number + 1}" if number < last else None
    cards = page.grid(shelf, shown, lambda one: product_url(shelf, one))
    main = f"<h1>{escape(name)}</h1>{cards}{page.pager(before, after)}"
    text = page.document(shelf, name, main, head=_script(shelf), nav=_nav(shelf))
    return html_reply(text, modified=shelf.modified, headers=_HEADERS)


def _product_page(shelf: Shelf, one: Listed) -> Reply:
    product, url = one.product, product_url(shelf, one)
    was = decimal_string(product.was_price, product.currency)
    head = f'<link rel="canonical" href="{escape(url)}">\n' + page.meta_properties(
        [
            ("og:site_name", shelf.store),
            ("og:url", url),
            ("og:title", product.title),
            ("og:type", "product"),
            ("og:description", product.description),
            *(("og:image", photo) for photo in versioned_photos(shelf, one)),
            ("og:price:amount", decimal_string(product.price, product.currency)),
            ("og:price:currency", product.currency),
            ("product:brand", product.brand),
            ("product:category", product.category),
            ("product:availability", product.availability.replace("_", " ")),
            ("product:price:amount", decimal_string(product.price, product.currency)),
            ("product:price:currency", product.currency),
            ("product:original_price:amount", was),
            ("product:original_price:currency", product.currency if was else None),
            ("product:retailer_item_id", product.sku),
        ]
    )
    links = {path: f"/collections/{quote(handle)}" for handle, path in _collections(shelf).items()}
    crumbs = [(one.path[depth], links[one.path[: depth + 1]]) for depth in range(len(one.path))]
    main = (
        page.breadcrumbs([("Home", "/"), *crumbs], product.title)
        + page.product_article(shelf, one)
        + page.also(shelf, one, lambda other: product_url(shelf, other))
    )
    text = page.document(shelf, product.title, main, head=head + _script(shelf), nav=_nav(shelf))
    return html_reply(text, modified=one.modified, headers=_HEADERS)


def _sitemap(shelf: Shelf) -> Reply:
    ids = [int(one.product.product_id) for one in shelf.listed] or [0]
    urls = [
        f"{shelf.url}/sitemap_products_1.xml?from={min(ids)}&to={max(ids)}",
        f"{shelf.url}/sitemap_collections_1.xml",
    ]
    return xml_reply(sitemaps.index(urls), modified=shelf.modified)
