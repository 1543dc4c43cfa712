"""A demo storefront of plain pages: schema.org markup, listings, gzipped sitemaps.

Products with an odd id describe themselves in JSON-LD, the others in microdata and OpenGraph.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote, urlencode

from lookalike.demo import page, sitemaps
from lookalike.demo.markup import json_ld, microdata_article, open_graph
from lookalike.demo.reply import Reply, html_reply, whole_number, xml_reply
from lookalike.demo.search import found, words_of
from lookalike.demo.shelf import Listed, Shelf, slug

PHOTOS = "/media/"

_ROBOTS = """Disallow: /bag
Disallow: /search
Disallow: /*?sort=
"""
_GRID = 24
_PER_SITEMAP = 1000


def answer(shelf: Shelf, path: str, query: Mapping[str, Sequence[str]]) -> Reply | None:
    """:return: the answer to a path and query; None where there is no such page."""
    match path.removeprefix("/").split("/"):
        case [""]:
            return _home(shelf)
        case ["robots.txt"]:
            return sitemaps.robots(shelf, _ROBOTS, "/sitemap_index.xml")
        case ["sitemap_index.xml"]:
            return _sitemap_index(shelf)
        case ["sitemaps", "categories.xml"]:
            urls = [(category_url(shelf, path), None) for path in shelf.categories]
            return xml_reply(sitemaps.pages(urls), modified=shelf.modified)
        case ["sitemaps", file]:
            return _sitemap(shelf, file)
        case ["c", *slugs] if tuple(slugs) in shelf.by_slug:
            category = shelf.by_slug[tuple(slugs)]
            return _listing(
                shelf, category[-1], shelf.categories[category], category_url(shelf, category), query
            )
        case ["all"]:
            return _listing(shelf, "All products", list(shelf.listed), f"{shelf.url}/all", query)
        case ["search"]:
            words = words_of(query)
            url = f"{shelf.url}/search?{urlencode({'q': words})}"
            return _listing(shelf, f"Results for {words}", found(shelf, words), url, query)
        case ["p", file] if file.removesuffix(".html") in shelf.by_handle and file.endswith(".html"):
            return _product_page(shelf, shelf.by_handle[file.removesuffix(".html")])
    return None


def product_url(shelf: Shelf, one: Listed) -> str:
    """Address of a product's page."""
    return f"{shelf.url}/p/{quote(one.handle)}.html"


def category_url(shelf: Shelf, path: tuple[str, ...]) -> str:
    """Address of a category's first page."""
    return f"{shelf.url}/c/{'/'.join(quote(slug(part)) for part in path)}"


def speaks_json_ld(one: Listed) -> bool:
    """Whether a product's page holds JSON-LD, not microdata."""
    return int(one.product.product_id) % 2 == 1


def _nav(shelf: Shelf) -> str:
    tops = [path for path in shelf.categories if len(path) == 1]
    links = [f'<a href="{escape(category_url(shelf, path))}">{escape(path[0])}</a>' for path in tops[:8]]
    return "".join([*links, '<a href="/all">All</a>'])


def _home(shelf: Shelf) -> Reply:
    cards = page.grid(shelf, shelf.listed[:_GRID], lambda one: product_url(shelf, one))
    more = '<p class="pager"><a href="/all">All products →</a></p>'
    site = {
        "@context": "https://schema.org",
        "@type": "WebSite",
        "url": f"{shelf.url}/",
        "potentialAction": {
            "@type": "SearchAction",
            "target": {"@type": "EntryPoint", "urlTemplate": f"{shelf.url}/search?q={{search_term_string}}"},
            "query-input": "required name=search_term_string",
        },
    }
    text = page.document(
        shelf, "Home", f"<h1>New in</h1>{cards}{more}", head=page.json_script(site), nav=_nav(shelf)
    )
    return html_reply(text, modified=shelf.modified)


def _listing(
    shelf: Shelf, name: str, listed: list[Listed], url: str, query: Mapping[str, Sequence[str]]
) -> Reply | None:
    number, last = whole_number(query, "page", 1), max(-(-len(listed) // _GRID), 1)
    if not 1 <= number <= last:
        return None
    more = f"{url}&page=" if "?" in url else f"{url}?page="
    before = (f"{more}{number - 1}" if number > 2 else url) if number > 1 else None
    after = f"{more}{number + 1}" if number < last else None
    head = "".join(
        f'<link rel="{rel}" href="{escape(address)}">\n'
        for rel, address in (("prev", before), ("next", after))
        if address
    )
    shown = listed[(number - 1) * _GRID : number * _GRID]
    cards = page.grid(shelf, shown, lambda one: product_url(shelf, one))
    main = f"<h1>{escape(name)}</h1>{cards}{page.pager(before, after)}"
    return html_reply(page.document(shelf, name, main, head=head, nav=_nav(shelf)), modified=shelf.modified)


def _product_page(shelf: Shelf, one: Listed) -> Reply:
    product, url = one.product, product_url(shelf, one)
    paths = [one.path[:depth] for depth in range(1, len(one.path) + 1)]
    crumbs = [("Home", f"{shelf.url}/"), *((path[-1], category_url(shelf, path)) for path in paths)]
    head = f'<link rel="canonical" href="{escape(url)}">\n'
    head += f'<meta name="description" content="{escape(product.description)}">\n'
    if speaks_json_ld(one):
        head += json_ld(shelf, one, url, crumbs)
        article = page.product_article(shelf, one)
    else:
        head += open_graph(shelf, one, url)
        article = microdata_article(shelf, one, url)
    main = (
        page.breadcrumbs(crumbs, product.title)
        + article
        + page.also(shelf, one, lambda other: product_url(shelf, other))
    )
    return html_reply(
        page.document(shelf, product.title, main, head=head, nav=_nav(shelf)), modified=one.modified
    )


def _sitemap_index(shelf: Shelf) -> Reply:
    count = -(-len(shelf.listed) // _PER_SITEMAP)
    urls = [f"{shelf.url}/sitemaps/products-{number}.xml.gz" for number in range(1, count + 1)]
    text = sitemaps.index([*urls, f"{shelf.url}/sitemaps/categories.xml"], shelf.modified)
    return xml_reply(text, modified=shelf.modified)


def _sitemap(shelf: Shelf, file: str) -> Reply | None:
    number = file.removeprefix("products-").removesuffix(".xml.gz")
    if not (number.isascii() and number.isdigit()):
        return None
    shown = shelf.listed[max(int(number) - 1, 0) * _PER_SITEMAP : int(number) * _PER_SITEMAP]
    if not shown:
        return None
    text = xml_reply(sitemaps.products(shelf, ((product_url(shelf, one), one) for one in shown)))
    return Reply(gzip.compress(text.body, mtime=0), "application/gzip", modified=shelf.modified)
