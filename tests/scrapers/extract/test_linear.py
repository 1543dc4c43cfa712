"""Reading what strangers wrote takes steps in proportion to its length: counted, not timed."""

import importlib
import json
import pkgutil
import re
import sys

import pytest
import w3lib.html

import scrapers
import storage
from scrapers.extract import text
from scrapers.extract.fields import money
from scrapers.extract.page import parse_page
from scrapers.extract.product import extract_product
from scrapers.extract.sitemap import read_sitemap, sitemaps_in_robots
from scrapers.extract.sources import jsonld
from scrapers.extract.sources.markup import read_markup
from scrapers.extract.sources.microdata import read_microdata
from tests.scrapers.pattern_steps import Steps

ADDRESS = "https://shop.example/p/cap"
HEAD = "<html><title>Cap</title><h1>Cap</h1><span class=price>$35.00</span><button>Add to cart</button>"
GROWTH = 2.6
"""Twice the input may take so many times the steps: 2 for what is linear, 4 for what is quadratic."""


def patterns() -> dict[str, re.Pattern]:
    """Every compiled pattern of the rooms that read what strangers wrote."""
    found = {}
    for room in (scrapers, storage):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if module.name.rpartition(".")[2] == "__main__":
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                values = value if isinstance(value, tuple) else (value,)
                for place, one in enumerate(values):
                    if isinstance(one, re.Pattern):
                        found[f"{module.name}.{name}{place or ''}"] = one
    # One that is compiled when it is needed, and those of libraries that are given what strangers wrote.
    return found | {"money._pattern": money._pattern(()), "w3lib.html._tag_re": w3lib.html._tag_re}


PATTERNS = patterns()
MATCHED_ONCE = "it is only matched at the beginning of a text"
MATCHED_WHOLE = "it is only matched with the whole of a text"
MATCHED_BEHIND_QUOTES = "it is only matched behind a quote, and reads up to the next one"
BOUNDED = {
    "scrapers.extract.sources.jsonld._END_OF_STRING": MATCHED_BEHIND_QUOTES,
    "scrapers.extract.sources.jsonld._OPENING_MARK": MATCHED_ONCE,
    "scrapers.extract.visible.labelled_rows._NUMBER": MATCHED_WHOLE,
    "scrapers.config.secrets._VARIABLES_ONLY": MATCHED_WHOLE,
    "scrapers.config.secrets._PROXY_USERINFO": MATCHED_WHOLE,
}
"""Patterns that would not be linear in a search, with what keeps them so."""


def test_every_bounded_pattern_is_there():
    assert BOUNDED.keys() <= PATTERNS.keys()


def worst(steps: Steps) -> list[str]:
    """Pieces of a text that such a pattern is slow on: what it tells apart, alone and in pairs."""
    letters = steps.letters()
    chars = [one for one in letters if len(one) == 1][:8]
    words = [one for one in letters if len(one) > 1]
    pairs = [one + two for one in [*chars, *words] for two in chars if one != two]
    return [*chars, *words, *pairs] if len(words) < 8 else [*chars, *words[:8]]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PATTERNS.keys() - BOUNDED.keys()))
def test_a_pattern_looks_at_each_character_a_few_times(name):
    steps = Steps(PATTERNS[name])
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        slow = {
            start + piece: counts
            for piece in worst(steps)
            for start in ("", "\x00")
            if grows(counts := [steps.count(f"{start}{piece * size}\x00") for size in (20, 40, 80)])
        }
    finally:
        sys.setrecursionlimit(limit)
    assert not slow


@pytest.mark.parametrize("quote", ['"', "'", "`"])
@pytest.mark.parametrize(
    "module", ["jsonld._STRING_OR_COMMENT", "jsonld._STRING_OR_COMMA", "scripts._BRACKET_OR_STRING"]
)
def test_a_text_of_escaped_quotes_that_ends_within_an_escape_is_one_string(module, quote):
    steps = Steps(PATTERNS[f"scrapers.extract.sources.{module}"])
    counts = [steps.count(quote + f"\\{quote}" * size + "\\") for size in (20, 40, 80)]
    assert not grows(counts), counts


COUNTED = {r"\s*x": True, r"(?<!\s)\s*x": False, r"<s.*?>": True, r"a*b|c": True, r"(?:a++|b)*+": False}
"""Patterns, and whether they are slow."""


def test_the_counter_counts_what_python_does():
    for pattern, slow in COUNTED.items():
        steps = Steps(re.compile(pattern))
        assert any(grows([steps.count(piece * n) for n in (20, 40, 80)]) for piece in worst(steps)) == slow


def grows(counts: list[int]) -> bool:
    return counts[2] - counts[1] > GROWTH * (counts[1] - counts[0])


def graph(*nodes: dict) -> str:
    return f'{HEAD}<script type="application/ld+json">{json.dumps({"@graph": nodes})}</script>'


def doubling(levels: int) -> str:
    product = {"@type": "Product", "name": "Cap", "sku": "1", "offers": {"@id": "#0"}}
    offers = [
        {"@id": f"#{n}", "@type": "Offer", "name": "o", "offers": [{"@id": f"#{n + 1}"}] * 2}
        for n in range(levels)
    ]
    return graph(product, *offers)


def shared_offers(count: int) -> str:
    products = [{"@type": "Product", "name": f"Cap {n}", "offers": {"@id": "#all"}} for n in range(count)]
    offers = {"@id": "#all", "@type": "AggregateOffer", "offers": [{"price": n + 1} for n in range(count)]}
    return graph(*products, offers)


def shared_text(count: int) -> str:
    brand = {"@id": "#b", "@type": "Brand", "name": "<b>" * count}
    return graph(brand, *({"@type": "Product", "name": f"{n}", "brand": {"@id": "#b"}} for n in range(count)))


def own_items(count: int) -> str:
    return graph({"@id": "#l", "@type": "ItemList", "itemListElement": [{"@id": "#l"}] * count})


def ring(count: int) -> str:
    others = [[{"@id": f"#{n + 1}"}, {"@id": f"#{n - 1}"}] for n in range(count)]
    return graph(
        *({"@id": f"#{n}", "@type": "Product", "name": "Cap", "offers": others[n]} for n in range(count))
    )


def shared_properties(count: int) -> str:
    properties = "<b itemprop=a>b</b>" * count
    return f"<p id=a>{properties}</p>" + '<p itemscope itemref="a"></p>' * count


def extract(html: str) -> object:
    return extract_product(html, ADDRESS)


def markup(html: str) -> object:
    page = parse_page(html, ADDRESS)
    return read_markup(page)


def microdata(html: str) -> object:
    return read_microdata(parse_page(html, ADDRESS))


def sitemap(body: str) -> object:
    return read_sitemap(body.encode(), ADDRESS, max_bytes=10**8)


SCOPE = '<div itemscope itemtype="https://schema.org/Product">'
INNER_SCOPE = SCOPE.replace("itemscope", "itemscope itemprop=a")
READERS = {
    "references that double": (extract, lambda n: doubling(n // 10)),
    "offers that products share": (markup, shared_offers),
    "a text that products share": (markup, shared_text),
    "a list that its items name": (markup, own_items),
    "a ring of nodes": (markup, ring),
    "comments without end": (jsonld.loads, lambda n: "{" + "/*" * n),
    "HTML comments without end": (jsonld.loads, lambda n: "{" + "<!--" * n),
    "strings without end": (jsonld.loads, lambda n: '{"a' + '\\"' * n),
    "quotes in a string": (jsonld.loads, lambda n: '{"a": "' + 'x" ' * n),
    "white space behind quotes": (jsonld.loads, lambda n: '{"a": "' + ('"' + " " * 20) * n),
    "words in quotes in a string": (jsonld.loads, lambda n: '{"a": "' + '"word" ' * n),
    "a long word behind a quote": (jsonld.loads, lambda n: '{"a": "' + ('"' + "w" * 20) * n),
    "brackets that do not match": (jsonld.loads, lambda n: "[" * (n // 4) + "}" * n),
    "white space before a mark": (jsonld.loads, lambda n: '{"a": ' + " " * n + "]]>x"),
    "documents": (jsonld.loads, lambda n: "{} " * n),
    "brackets": (jsonld.loads, lambda n: "[" * n),
    "style without end": (text.plain, lambda n: "<style>" * n),
    "tags without end": (text.plain, lambda n: "<a" * n),
    "entities": (text.plain, lambda n: "&amp;lt;" * n),
    "items in items": (microdata, lambda n: SCOPE * n + "x"),
    "items as properties of items": (microdata, lambda n: INNER_SCOPE * n + "x"),
    "properties in properties": (microdata, lambda n: SCOPE + "<div itemprop=name>a" * n),
    "properties that items share": (microdata, shared_properties),
    "tags in tags": (extract, lambda n: HEAD + "<div>$5" * n),
    "headings in headings": (markup, lambda n: HEAD + "<h1>Cap" * n),
    "prices": (extract, lambda n: HEAD + "<p>$5.00</p>" * n),
    # No address is on a page of another size: what is remembered of it would take no steps there.
    "links": (
        extract,
        lambda n: HEAD + "".join(f"<a href=/{n}/{k}><img src=/{n}/{k}.jpg></a>" for k in range(n)),
    ),
    "rows": (extract, lambda n: HEAD + "<table>" + "<tr><th>Brand:<td>Acme" * n),
    "lines of a robots.txt": (lambda robots: sitemaps_in_robots(robots, ADDRESS), lambda n: "\n" * n),
    "a sitemap of ampersands": (sitemap, lambda n: "<urlset>" + "&" * n),
    "addresses in addresses": (sitemap, lambda n: "<urlset>" + "<url>" * n),
    "parts of an address": (sitemap, lambda n: "<urlset><url>" + "<loc>x</loc>" * n),
}
"""A function that reads what strangers wrote, and what it takes longest for, by size."""


def lines_of(function, argument) -> int:
    """Lines of Python that run."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(argument)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_steps_in_proportion(name):
    function, make = READERS[name]
    function(make(4))  # what it loads once
    assert not grows(counts := [lines_of(function, make(size)) for size in (60, 120, 240)]), counts
