"""Measures the verdict on a page: whether it is the page of one product.

    python benchmarks/verdict.py ../shared [--errors]

The folder holds the labelled pages: `pages/product-extraction-benchmark`, `pages/fashion`, `pages/engines`,
`reported` and `stores/<shop>`. Of a captured shop, the addresses of `truth.json` are product pages;
all other HTML is none: listings, brands, searches, articles, reviews, accounts, carts, products that are
not for show. The pages of `tests/scrapers/extract/cases/no_product.json` are no products either. Reported
pages that are debatable are left out.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq

from scrapers.extract.address import SWITCHES
from scrapers.extract.reading import examine_page

CASES = Path(__file__).parent.parent / "tests/scrapers/extract/cases/no_product.json"
_HOST = "http://STORE"
_ANY_ADDRESS = "https://shop.example/p/1"


@dataclass(frozen=True)
class Labelled:
    """A page and whether it is the page of one product.

    :ivar source: the data set that it is from.
    """

    source: str
    url: str
    body: bytes
    is_product: bool
    content_type: str | None = None


@dataclass
class Counts:
    """Pages by label and verdict."""

    right: int = 0
    wrongly_taken: int = 0
    missed: int = 0
    refused: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.right + other.right,
            self.wrongly_taken + other.wrongly_taken,
            self.missed + other.missed,
            self.refused + other.refused,
        )

    @property
    def precision(self) -> float | None:
        """Of the pages taken for products, the share that are; None if none was taken."""
        taken = self.right + self.wrongly_taken
        return self.right / taken if taken else None

    @property
    def recall(self) -> float | None:
        """Of the product pages, the share taken for products; None if there is none."""
        products = self.right + self.missed
        return self.right / products if products else None


def main() -> None:
    """Prints a table, one row a data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the folder with `pages`, `reported` and `stores`")
    parser.add_argument("--errors", action="store_true", help="print each wrong verdict on stderr")
    options = parser.parse_args()
    if not (options.folder / "pages").is_dir():
        parser.error(f"{options.folder} has no folder `pages`. Give the folder with the labelled pages.")
    counts: dict[str, Counts] = {}
    for page in labelled_pages(options.folder):
        examined = examine_page(page.body, page.url, page.content_type)
        taken = examined is not None and examined.product is not None
        of_source = counts.setdefault(page.source, Counts())
        of_source.right += taken and page.is_product
        of_source.wrongly_taken += taken and not page.is_product
        of_source.missed += not taken and page.is_product
        of_source.refused += not taken and not page.is_product
        if options.errors and taken != page.is_product:
            reason = examined.reason if examined and examined.reason else "it is taken for a product"
            print(f"{page.source}: {page.url}: {reason}", file=sys.stderr)
    print("| pages | products | others | wrongly taken | missed | precision | recall |")
    print("|---|---|---|---|---|---|---|")
    for source, one in [*counts.items(), ("all", sum(counts.values(), Counts()))]:
        shares = " | ".join("–" if share is None else f"{share:.3f}" for share in (one.precision, one.recall))
        products, others = one.right + one.missed, one.refused + one.wrongly_taken
        print(f"| {source} | {products} | {others} | {one.wrongly_taken} | {one.missed} | {shares} |")


def labelled_pages(folder: Path) -> Iterator[Labelled]:
    """All labelled pages."""
    benchmark = folder / "pages/product-extraction-benchmark"
    for page, fields in json.loads((benchmark / "ground_truth.json").read_text()).items():
        body = gzip.decompress((benchmark / "html" / f"{page}.html.gz").read_bytes())
        yield Labelled("extraction benchmark", fields["url"], body, True)
    fashion = folder / "pages/fashion"
    for name, fields in json.loads((fashion / "expected.json").read_text()).items():
        body = gzip.decompress((fashion / f"{name}.gz").read_bytes())
        yield Labelled("fashion", fields.get("original_url") or fields["url"], body, True)
    for file in sorted((folder / "pages/engines").glob("*.html")):
        fields = json.loads(file.with_suffix(".json").read_text())
        yield Labelled("engines", fields["url"], file.read_bytes(), "kind" not in fields)
    for file in sorted((folder / "reported").glob("*.html")):
        fields = json.loads(file.with_suffix(".expected.json").read_text())
        if "debatable" not in fields.get("why", ""):
            is_product = isinstance(fields.get("expected"), dict)
            yield Labelled("reported", fields.get("url", _ANY_ADDRESS), file.read_bytes(), is_product)
    for shop in sorted(path for path in (folder / "stores").iterdir() if (path / "truth.json").is_file()):
        yield from pages_of_shop(shop)
    for case in json.loads(CASES.read_text("utf-8")):
        html = (CASES.parent / "html" / case["file"]).read_text("utf-8") if "file" in case else case["html"]
        yield Labelled("cases of no product", case["url"], html.encode(), False)


def pages_of_shop(shop: Path) -> Iterator[Labelled]:
    """The pages of a captured shop, without those that a switch of currency or language leads to."""
    spec = importlib.util.spec_from_file_location(f"serve_{shop.name}", shop.parent / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    truth = json.loads((shop / "truth.json").read_text("utf-8"))
    products = {server.key(url.removeprefix(_HOST)) for one in truth["products"] for url in one["urls"]}
    columns = ["path", "status", "headers", "body"]
    for batch in pq.ParquetFile(shop / "capture.parquet").iter_batches(64, columns=columns):
        for row in batch.to_pylist():
            content_type = json.loads(row["headers"]).get("content-type", "")
            switched = SWITCHES & parse_qs(urlsplit(row["path"]).query).keys()
            if row["status"] == 200 and "html" in content_type and not switched:
                is_product = server.key(row["path"]) in products
                yield Labelled(shop.name, f"{_HOST}{row['path']}", row["body"], is_product, content_type)


if __name__ == "__main__":
    main()
