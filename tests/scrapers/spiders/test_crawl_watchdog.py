"""A page that is made to be read without end costs itself; the crawl goes on, and keeps its time."""

import threading

import pytest

from lookalike.commands.query import _examined
from lookalike.query_inputs import _main_photo_url
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from scrapers.http.fetch import Fetched
from scrapers.session.workers import Worker
from storage import tables
from storage.errors import LookalikeError
from storage.root import Root
from tests.scrapers.webserver import Answer, photo, product_page, sitemap

DOCUMENTS = '<script type="application/ld+json">' + "{} " * 900_000 + "</script>"
"""Read in proportion to its length, but for several seconds."""
LEVELS = [{"@id": f"#{n}", "price": None, "offers": [{"@id": f"#{n + 1}"}] * 2} for n in range(40)]


def shop(site, bad: dict[str, Answer]) -> None:
    good = {f"/p/{number}": Answer(product_page(f"Good {number}", image="/a.jpg")) for number in range(6)}
    site.pages |= good | bad | {"/a.jpg": Answer(photo(1), content_type="image/jpeg")}
    paths = [path for pair in zip(good, [*bad, *good], strict=False) for path in pair] + list(bad)
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}{path}" for path in dict.fromkeys(paths))))


def crawled(site, tmp_path, **limits):
    root = Root.open(tmp_path / "data", create=True)
    store = Store(name="shop.example", url=site.url, limits=Limits(**limits))
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    titles = {row["title"] for row in tables.read(root, "products").to_pylist()}
    rejects = {
        row["url"].removeprefix(site.url): row["reason"] for row in tables.read(root, "rejects").to_pylist()
    }
    return outcome, titles, rejects


def test_a_page_that_takes_too_long_is_a_reject(site, tmp_path):
    shop(site, {"/p/slow": Answer(DOCUMENTS), "/p/slow2": Answer(DOCUMENTS)})
    outcome, titles, rejects = crawled(site, tmp_path, read_seconds=1.0)
    assert titles == {f"Good {number}" for number in range(6)}
    assert rejects == dict.fromkeys(["/p/slow", "/p/slow2"], "its reading takes more than 1 seconds")
    assert outcome.products == 6


def test_pages_made_to_be_read_without_end_leave_all_good_products(site, tmp_path):
    bad = {
        "/p/double": Answer(product_page("Good double", offers={"@id": "#0"}, mentions=LEVELS)),
        "/p/style": Answer(product_page("Good style", description="<style>" * 30_000)),
        "/p/comment": Answer('<script type="application/ld+json">{' + "/*" * 100_000 + "</script>"),
        "/p/items": Answer('<div itemscope itemprop="a">' * 2000),
    }
    shop(site, bad)
    site.pages["/robots.txt"] = Answer("\n" * 300_000 + f"Sitemap: {site.url}/sitemap.xml")
    outcome, titles, rejects = crawled(site, tmp_path)
    assert titles == {*(f"Good {number}" for number in range(6)), "Good double", "Good style"}
    assert set(rejects) == {"/p/comment", "/p/items"}
    assert not any("takes more than" in reason for reason in rejects.values())
    assert outcome.status == "complete"


def test_a_crawl_whose_time_is_up_waits_for_no_answer_and_keeps_what_it_read(site, tmp_path):
    over = threading.Event()

    def never(seen) -> Answer:
        over.wait(600)
        return Answer("late")

    shop(site, {"/p/never": never, "/p/photo": Answer(product_page("Late", image="/never.jpg"))})
    site.pages["/never.jpg"] = never
    try:
        # Waiting for the answers, it would be killed three minutes later, with what it had read.
        outcome, titles, _ = crawled(site, tmp_path, seconds=12, timeout_s=500, retries=0)
    finally:
        over.set()
    assert (outcome.status, outcome.message) == (
        "partial",
        "The crawl was stopped at its limit of 12 seconds.",
    )
    assert titles == {f"Good {number}" for number in range(6)}


def test_extract_says_that_a_page_takes_too_long():
    store = Store(name="shop.example", url="https://shop.example", limits=Limits(read_seconds=0.5))
    with pytest.raises(LookalikeError, match=r"/p cannot be read: its reading takes more than 0\.5 seconds"):
        _examined(DOCUMENTS.encode(), "https://shop.example/p", store)


def test_search_says_that_a_page_takes_too_long(monkeypatch):
    monkeypatch.setattr(Worker.__init__, "__defaults__", (0.5,))
    page = Fetched("https://shop.example/p", 200, {}, "text/html", DOCUMENTS.encode())
    with pytest.raises(LookalikeError, match="Give the address of a photo"):
        _main_photo_url("https://shop.example/p", page)
