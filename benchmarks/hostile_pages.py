"""Reads mixed hostile pages, as a crawl's worker does, and says which take longest.

    python -m benchmarks.hostile_pages             # 2,000 pages, some minutes
    python -m benchmarks.hostile_pages 100000      # the figure of issue 18, hours on one core

Each page is a good product with one to four pieces of hostile text around it, drawn from a seed. It ends with
exit code 1 if a page takes more than `MOST_S` seconds of processor time or crashes its worker, or if a good
product before one piece is not found.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from decimal import Decimal

from scrapers.config.store import Limits
from scrapers.extract.product import Examined
from scrapers.extract.reading import ProductPage, product_page
from scrapers.session import workers
from scrapers.session.workers import Worker, WorkerError

MOST_S = 2.0
URL = "https://shop.example/p/cap"
LARGEST = Limits().html_bytes
SIZES = (100, 3000, 30_000, 300_000)
"""Characters of a piece; a page of four of the largest is within the limit of a page."""
GOOD = '<html lang="en"><title>Cap</title><h1>Cap</h1><p class="price">$35.00</p><button>Add to cart</button>'
PRICE = Decimal("35.00")


def repeated(text: str) -> Callable[[int], str]:
    """A piece that consists of one text, as often as fits."""
    return lambda size: text * max(1, size // len(text))


def in_json(make: Callable[[int], object]) -> Callable[[int], str]:
    """A piece that is a JSON-LD document."""
    return lambda size: f'<script type="application/ld+json">{json.dumps(make(size))}</script>'


def script(text: str, begin: str = "<script>") -> Callable[[int], str]:
    """A piece that is a script of one text, as often as fits."""
    return lambda size: f"{begin}{repeated(text)(size)}</script>"


def fan(size: int) -> list[object]:
    """Nodes of which each refers to the next several times."""
    width = random.Random(size).randint(2, 30)
    links = [
        {"@id": str(n), "@type": "Offer", "name": "o", "offers": [{"@id": str(n + 1)}] * width}
        for n in range(max(2, size // (20 * width)))
    ]
    return [{"@type": "WebPage", "offers": {"@id": "0"}}, *links]


def nested(size: int) -> object:
    """Lists in lists."""
    value: object = 1
    for _ in range(min(400, size // 2)):
        value = [value]
    return value


LD = '<script type="application/ld+json">'
PIECES: dict[str, Callable[[int], str]] = {
    "references that double": in_json(fan),
    "lists in lists": in_json(nested),
    "objects in a list": in_json(lambda size: [{"@type": "Thing", "n": n} for n in range(size // 30)]),
    "comments without end": script("/*", LD + "{"),
    "HTML comments in JSON": script("<!--", LD + "{"),
    "strings without end": script('\\"', LD + '{"a": "'),
    "brackets without end": script("[", LD),
    "digits in groups": script(",111", LD + '{"a": 1'),
    "white space in JSON": script(" ", LD + '{"a": '),
    "numbers without end": script("9", LD + '{"price": '),
    "assignments": script("price = {"),
    "states in states": script("JSON.parse('"),
    "small objects": script('var price = {"sku":"1","price":2};'),
    "opened tags": repeated("<div>"),
    "tags without end": repeated("<a"),
    "closed tags": repeated("</p>"),
    "styles": repeated("<style>"),
    "scopes": repeated('<div itemscope itemprop="a">'),
    "item types": repeated('<b itemscope itemtype="https://schema.org/Thing" itemref="a b c">'),
    "attributes": lambda size: "<p " + " ".join(f"a{n}" for n in range(size // 7)) + ">",
    "one long attribute": lambda size: f'<p class="{"price " * (size // 6)}">',
    "links": lambda size: "".join(f"<a href=/{n}>{n}</a>" for n in range(size // 20)),
    "pictures": lambda size: "".join(f"<img src=/{n}.jpg>" for n in range(size // 20)),
    "rows": repeated("<table><tr><th>Material<td>Wool</table>"),
    "list items": repeated("<li>x"),
    "entities": repeated("&amp;lt;"),
    "numbers of characters": repeated("&#99999999999;"),
    "dots": repeated("1.234.567,"),
    "colons": repeated("a:"),
    "white space": repeated(" \n\t"),
    "null characters": repeated("\0"),
    "half characters": repeated("&#xd800;"),
    "bidi controls": repeated("\u202e\u2066"),
    "tag characters": repeated("\U000e0041"),
    "currency signs": repeated("$ € £ "),
    "words without end": repeated("x"),
    "at signs": repeated("a@"),
    "comments": repeated("<!---"),
    "markup in CDATA": repeated("<![CDATA["),
    "frames": repeated("<iframe srcdoc='<p>'>"),
    "tables in tables": repeated("<table><tr><td>"),
    "fonts in bold": repeated("<b><font>"),
    "selects": repeated("<select><option>M"),
    "forms": repeated("<form><input name=q>"),
    "drawings": repeated("<svg><path d=M>"),
    "formulas": repeated("<math><mi>"),
    "escaped quotes": lambda size: LD + '{"' + '\\"' * (size // 2) + "\\</script>",
    "control characters": repeated('<p itemscope><b itemprop="a"><script>1</script>&#11;\x1f</b></p>'),
}


def make_page(chance: random.Random) -> tuple[list[str], str]:
    """A hostile page, and the names of its pieces."""
    names = chance.choices(list(PIECES), k=chance.choice((1, 1, 2, 4)))
    before, after = "", ""
    for name in names:
        piece = PIECES[name](chance.choice(SIZES))
        if chance.random() < 0.3:  # cut anywhere, as by a server that dies
            piece = piece[: chance.randrange(len(piece))]
        before, after = (before + piece, after) if chance.random() < 0.2 else (before, after + piece)
    return names, before + GOOD + after


def is_found(page: ProductPage | None) -> bool:
    """Whether the good product is read from a page."""
    examined = page.examined if page else Examined(None, "")
    return examined.product is not None and examined.product.price == PRICE


def main(count: int, seed: int, most_shown: int = 10) -> int:
    """Reads pages; the exit code."""
    workers._WALL_FACTOR = 10_000.0  # only processor time counts: the machine may be busy
    chance = random.Random(seed)
    times: list[tuple[float, list[str]]] = []
    lost, missed, alone = [], [], 0
    with Worker(MOST_S) as worker:
        for number in range(count):
            names, html = make_page(chance)
            body = html.encode("utf-8", "replace")[:LARGEST]
            try:
                seconds, page = worker.call(timed, body, URL)
            except WorkerError as error:
                lost.append((names, str(error)))
                continue
            times.append((seconds, names))
            if html.startswith(GOOD) and len(names) == 1:
                alone += 1
                missed += [] if is_found(page) else [names]
            if (number + 1) % 1000 == 0:
                print(f"{number + 1} pages, slowest {max(times)[0]:.2f} s, {len(lost)} lost", flush=True)
    for seconds, names in sorted(times, reverse=True)[:most_shown]:
        print(f"{seconds:.2f} s  {', '.join(names)}")
    for names, reason in lost:
        print(f"lost: {', '.join(names)}: {reason}")
    print(f"{len(times)} pages read, {len(lost)} lost; of {alone} before one piece, {len(missed)} missed.")
    for names in missed[:most_shown]:
        print(f"missed: {', '.join(names)}")
    return int(bool(lost or missed))


def timed(body: bytes, url: str) -> tuple[float, ProductPage | None]:
    """Reads a page; the processor time it took, and what was read."""
    begun = time.process_time()
    page = product_page(body, url, shapes=frozenset())
    return time.process_time() - begun, page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="benchmarks.hostile_pages", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=18)
    given = parser.parse_args()
    from benchmarks import hostile_pages  # the worker finds `timed` by the module's name

    sys.exit(hostile_pages.main(given.count, given.seed))
