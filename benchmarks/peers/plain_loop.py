"""A first script: requests and BeautifulSoup in a loop, one page and its photo at a time.

python benchmarks/peers/plain_loop.py http://127.0.0.1:8001 DIR
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

import requests
from bs4 import BeautifulSoup


def main(store: str, out: Path) -> None:
    """Writes `items.jsonl` and the photos."""
    out.mkdir(parents=True, exist_ok=True)
    session = requests.Session()
    with (out / "items.jsonl").open("w") as items:
        for url in _product_urls(session, f"{store}/sitemap_index.xml"):
            page = BeautifulSoup(session.get(url, timeout=30).content, "html.parser")
            price = page.select_one(".price > span") or page.select_one(".price")
            item = {"title": page.h1.get_text(), "price": price.get_text()}
            for number, photo in enumerate(page.select(".gallery img")):
                name = f"{url.rsplit('/', 1)[-1]}_{number}.jpg"
                (out / name).write_bytes(session.get(photo["src"], timeout=30).content)
            items.write(f"{json.dumps(item)}\n")


def _product_urls(session: requests.Session, sitemap: str) -> list[str]:
    body = session.get(sitemap, timeout=30).content
    text = (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode()
    urls = re.findall(r"<loc>([^<]+)</loc>", text)
    if "<sitemapindex" in text:
        return [found for url in urls for found in _product_urls(session, url)]
    return [url for url in urls if "/p/" in url]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
