"""Candidates from a page's markup: JSON-LD, microdata, RDFa and OpenGraph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml.html import tostring

from scrapers.extract.address import without_tracking
from scrapers.extract.candidates import Candidate
from scrapers.extract.page import Page, same_site
from scrapers.extract.sources import opengraph, schema_org
from scrapers.extract.sources.jsonld import read_jsonld
from scrapers.extract.sources.nodes import (
    Node,
    breadcrumbs,
    flat,
    from_microdata,
    is_a,
    normalise,
    products_in,
    text_of,
)
from storage.terms import SourceName

MAX_RDFA = 1_000_000
"""Longest page, in characters, that is read as RDFa: extruct's reader is slow."""
MAX_RDFA_MARKS = 3000
"""Elements with RDFa attributes; extruct takes a quarter of a millisecond for each."""
MAX_ITEMS = 500
"""RDFa items of a page that are read."""
MAX_HEADINGS = 50
"""Headings that a product's name is compared with."""

_LISTS = ("itemlist", "collectionpage", "searchresultspage")


@dataclass(frozen=True)
class Markup:
    """What the markup states.

    :ivar candidates: the page's own product, most trusted source first; empty if it has none.
    :ivar trail: the breadcrumb trail, outermost first.
    :ivar listed: addresses of products that the page lists.
    """

    candidates: tuple[Candidate, ...]
    trail: tuple[str, ...]
    listed: tuple[str, ...] = ()


def read_markup(page: Page) -> Markup:
    """Reads a page's markup and separates its own product from those that it lists."""
    jsonld = [node for document in read_jsonld(page) for node in normalise(document)]
    microdata = _microdata(page)
    properties = opengraph.read_opengraph(page)
    says_product = opengraph.is_product(properties)
    titles = _titles(page, properties)
    candidates = []
    listed: list[str] = []
    rdfa = _rdfa(page)
    for source, nodes in (
        (SourceName.JSON_LD, jsonld),
        (SourceName.MICRODATA, microdata),
        (SourceName.RDFA, rdfa),
    ):
        products = [schema_org.to_candidate(node, source, page.base_url) for node in products_in(nodes)]
        products = [product for product in products if product.title or product.offers]
        own = own_products(products, page, titles, any(is_a(node, _LISTS) for node in nodes), says_product)
        candidates += own
        of_page = set(own)
        listed += [product.url for product in products if product.url and product not in of_page]
        listed += _list_entries(nodes, page.base_url)
    if candidates or says_product:
        candidates.append(opengraph.to_candidate(properties, page))
    trail = max((breadcrumbs(nodes) for nodes in (jsonld, microdata, rdfa)), key=len)
    return Markup(tuple(candidates), trail, tuple(dict.fromkeys(listed)))


def own_products(
    products: Sequence[Candidate], page: Page, titles: Iterable[str], is_list: bool, says_product: bool
) -> list[Candidate]:
    """The page's own product among those that its markup describes; empty if it only lists products.

    :param titles: heading and meta titles.
    """
    titles = list(titles)
    products = [product for product in products if not _is_neighbour(product, page, titles)]
    names = {product.title for product in products}
    if len(names) <= 1 and (not is_list or says_product):
        return list(products[:1]) if len(products) < 2 else _with_offers_first(products)
    own_paths = {_path(page.url), _path(page.canonical)}
    own = [product for product in products if product.url and _path(product.url) in own_paths]
    if not own:
        own = [product for product in products if product.title and _is_heading(product.title, titles)]
    if not own and says_product and not is_list:
        own = [product for product in products if product.offers][:1]
    if not own:
        return []
    return [product for product in own if product.title == own[0].title]


def _is_neighbour(product: Candidate, page: Page, titles: Sequence[str]) -> bool:
    """Whether a product is another one that the page shows: it has its own address, and its name shares no
    word with the page's titles."""
    if not product.url or not product.title or not titles:
        return False
    if _path(product.url) in {_path(page.url), _path(page.canonical)} or not same_site(product.url, page.url):
        return False
    words = set(_folded(product.title).split())
    return words.isdisjoint(word for title in titles for word in title.split())


def _with_offers_first(products: Sequence[Candidate]) -> list[Candidate]:
    """The same product's descriptions, those with an offer first: some pages describe their product twice,
    once without price."""
    return sorted(products, key=lambda product: not product.offers)


def _microdata(page: Page) -> list[Node]:
    if not page.mentions(b"itemscope"):
        return []
    # Imported here: it loads a text library that most pages do not need.
    from scrapers.extract.sources.microdata import read_microdata

    return from_microdata(read_microdata(page))


def _rdfa(page: Page) -> list[Node]:
    if not page.mentions_attribute("typeof"):
        return []
    if not page.tree.xpath("boolean(//*[contains(@typeof, 'Product')])"):
        return []
    # Imported here: it loads an RDF library that few pages need.
    from extruct.rdfa import RDFaExtractor
    from extruct.utils import parse_xmldom_html

    html = tostring(page.tree, encoding="unicode")
    marks = page.tree.xpath("count(//*[@typeof or @property or @about or @resource or @rel or @rev])")
    if len(html) > MAX_RDFA or marks > MAX_RDFA_MARKS:
        return []
    try:
        items = RDFaExtractor().extract_items(parse_xmldom_html(html, "utf-8"), base_url=page.base_url)
    except Exception:  # it raises all kinds of errors on invalid RDFa
        return []
    return normalise([item for item in items if isinstance(item, dict)][:MAX_ITEMS])


def _titles(page: Page, properties: dict[str, list[str]]) -> list[str]:
    headings = [heading.text_content() for heading in page.tagged["h1"][:MAX_HEADINGS]]
    found = [*properties.get("og:title", []), *headings, page.title]
    return [text for text in (_folded(title) for title in found) if text]


def _is_heading(name: str, titles: Iterable[str]) -> bool:
    folded = _folded(name)
    return any(folded == title or (len(folded) > 8 and title.startswith(folded)) for title in titles)


def _folded(text: str) -> str:
    return " ".join((text_of(text) or "").casefold().split())


def _path(url: str) -> tuple[str, str]:
    parts = urlsplit(without_tracking(url))
    return (parts.path.rstrip("/"), parts.query)


def _list_entries(nodes: Sequence[Node], base_url: str) -> list[str]:
    inner = [one for node in nodes for one in flat(node.get("mainentity")) if isinstance(one, dict)]
    lists = [node for node in [*nodes, *inner] if is_a(node, ("itemlist",))]
    return [url for node in lists for url in schema_org.list_urls(node, base_url)]
