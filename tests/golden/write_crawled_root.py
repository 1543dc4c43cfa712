"""Writes a golden data root by crawling: `python tests/golden/write_crawled_root.py`, once a version.

`write_root.py` has a row of every table; this one has what two crawls leave, to crawl on from. Its two stores
show one photo at the same address, beside one of their own. Released roots are never written again.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from storage.root import Root
from storage.schemas import SCHEMA_VERSION
from tests.scrapers.webserver import Answer, Site, photo, product_page, sitemap

STORES = ("a.example", "b.example")
SHARED = "http://cdn.example/shared.jpg"


def open_stores(site: Site) -> list[Store]:
    """The two stores on a server that is asked as their proxy, so that their addresses never change."""
    site.etags = True
    site.pages[SHARED] = Answer(photo(1), content_type="image/jpeg")
    for number, name in enumerate(STORES):
        home = f"http://{name}"
        site.pages[f"{home}/robots.txt"] = Answer(f"Sitemap: {home}/sitemap.xml", content_type="text/plain")
        site.pages[f"{home}/sitemap.xml"] = Answer(sitemap(f"{home}/p/1"))
        site.pages[f"{home}/p/1"] = Answer(product_page("Striped dress", image=[SHARED, f"{home}/own.jpg"]))
        site.pages[f"{home}/own.jpg"] = Answer(photo(2 + number), content_type="image/jpeg")
    # Photos that are not due again before this code is forgotten: the root is crawled on years later.
    limits = Limits(image_due_days=36500)
    return [Store(name=name, url=f"http://{name}", proxy=site.url, limits=limits) for name in STORES]


def write(folder: Path) -> None:
    """Writes the root into a new folder."""
    root = Root.open(folder, create=True)
    with Site().running() as site:
        for store in open_stores(site):
            outcome = run_crawl(root, store, allow_private=True, throttle=False)
            assert (outcome.status, outcome.images) == ("complete", 2), outcome
    # Delta notes where a table was made, and a crawl leaves its locks.
    for log in folder.glob("tables/*/_delta_log/*.json"):
        log.write_text(log.read_text().replace(str(folder.absolute()), "/data"))
    for lock in folder.glob("locks/*"):
        lock.unlink()


if __name__ == "__main__":
    write(Path(__file__).parent / f"crawled-v{SCHEMA_VERSION}")
