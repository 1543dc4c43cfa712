"""Reads small pages with known right values, and reports each field that is expected of them.

    python benchmarks/reported.py DIR… [--json] [--wrong]

A DIR holds pages as `NAME.html`, with what is right in `NAME.expected.json` (`url`, `expected`, `why`) or
`NAME.json` (the fields themselves; `kind` says that the page is no product). Sitemaps (`.xml`) are listed
with the addresses that were read. Cases of other kinds have a row without a value: they are no pages.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from scrapers.extract.reading import examine_page, page_links
from scrapers.extract.sitemap import read_sitemap

ANY_ADDRESS = "https://shop.example/p/1"
_MAX_SITEMAP = 10_000_000
_NOT_FIELDS = ("url", "kind", "read_wrongly", "why", "report")
_ELIDED = "…"
"""Begins an expected photo address whose start is left out."""


@dataclass(frozen=True)
class Row:
    """One field of one case.

    :ivar right: whether what was read is expected; None if the case is no page, or has no expected value.
    :ivar debatable: whether the report says so.
    """

    case: str
    field: str
    expected: Any
    read: Any
    right: bool | None
    debatable: bool = False


def main() -> None:
    """Prints a table of fields and a line of totals, or with --json a list of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--wrong", action="store_true", help="only what is read wrongly")
    options = parser.parse_args()
    for folder in options.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is no folder. Give a folder of cases.")
    rows = [row for folder in options.folders for row in rows_of(folder)]
    chosen = [row for row in rows if row.right is False] if options.wrong else rows
    if options.json:
        print(json.dumps([asdict(row) for row in chosen], indent=1, ensure_ascii=False, default=str))
        return
    print("| case | field | expected | read | right |\n|---|---|---|---|---|")
    for row in chosen:
        right = {True: "yes", False: "debatable" if row.debatable else "no", None: "–"}[row.right]
        print(f"| {row.case} | {row.field} | {row.expected} | {row.read} | {right} |")
    judged = [row for row in rows if row.right is not None]
    wrong = [row for row in judged if not row.right]
    print(
        f"\n{len({row.case for row in rows})} cases, {len(judged)} fields: {len(judged) - len(wrong)} right, "
        f"{sum(not row.debatable for row in wrong)} wrong, {sum(row.debatable for row in wrong)} debatable"
    )


def rows_of(folder: Path) -> Iterator[Row]:
    """The rows of all cases of a folder, by name."""
    for file in sorted(folder.glob("*.json")):
        name = file.name.removesuffix(".json").removesuffix(".expected")
        stated = json.loads(file.read_text("utf-8"))
        page, sitemap = folder / f"{name}.html", folder / f"{name}.xml"
        if page.is_file():
            yield from _rows_of_page(name, page.read_bytes(), stated)
        elif sitemap.is_file():
            read = read_sitemap(sitemap.read_bytes(), ANY_ADDRESS, max_bytes=_MAX_SITEMAP)
            yield Row(name, "addresses", None, [entry.url for entry in read.pages], None)
        else:
            yield Row(name, "–", None, "no page", None)


def _rows_of_page(name: str, body: bytes, stated: dict[str, Any]) -> Iterator[Row]:
    url, debatable = stated.get("url", ANY_ADDRESS), "debatable" in stated.get("why", "")
    examined = examine_page(body, url)
    read = examined.product.to_dict() if examined and examined.product else None
    if "product_links_at_least" in stated:
        links = page_links(body, url)
        found = len(links.products) if links else 0
        yield Row(
            name,
            "product_links",
            stated["product_links_at_least"],
            found,
            found >= stated["product_links_at_least"],
        )
    if "kind" in stated:
        yield Row(name, "product", None, read and read["title"], read is None)
        return
    expected = stated.get("expected", stated)
    if not isinstance(expected, dict):
        yield Row(
            name,
            "product",
            expected,
            read and read["title"],
            read is None if expected is None else None,
            debatable,
        )
        return
    for field, value in expected.items():
        if field not in _NOT_FIELDS:
            got = _value(field, read)
            yield Row(name, field, value, got, _is_same(field, value, got), debatable)


def _value(field: str, read: dict[str, Any] | None) -> Any:
    if read is None:
        return "no product"
    return len(read["images"]) if field == "images_count" else read.get(field)


def _is_same(field: str, expected: Any, read: Any) -> bool:
    if field in ("price", "price_max", "was_price") and None not in (expected, read):
        return read != "no product" and Decimal(read) == Decimal(str(expected))
    if field == "images" and isinstance(read, list):
        pairs = zip(expected, read, strict=False)
        return len(expected) == len(read) and all(
            got.endswith(want.removeprefix(_ELIDED)) if want.startswith(_ELIDED) else got == want
            for want, got in pairs
        )
    return bool(read == expected)


if __name__ == "__main__":
    main()
