"""A store that was crawled before: what is asked for again, and what is not."""

import math
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from lookalike.demo.storefront import serve
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from scrapers.session.fetches import wait_after_failure
from scrapers.session.snapshot import KnownFetch
from storage import tables
from tests.scrapers.shelves import products
from tests.scrapers.webserver import Answer, photo, product_page, sitemap


def a_day_passes(root, days: int = 1) -> None:
    """Everything that was fetched was fetched a day earlier, or several days."""
    day = timedelta(days=days)
    rows = tables.read(root, "fetches").to_pylist()
    earlier = [
        row | {"fetched_at": row["fetched_at"] - day, "due_at": row["due_at"] and row["due_at"] - day}
        for row in rows
    ]
    tables.merge(root, "fetches", earlier)


def crawl(root, front, **limits):
    store = Store(name="shop.example", url=front.url, limits=Limits(**limits))
    return run_crawl(root, store, allow_private=True, throttle=False)


def test_only_pages_that_the_sitemap_says_have_changed_are_asked_for(root):
    catalogue = products(12, photos=1)
    with serve(catalogue, "schema") as front:
        first = crawl(root, front)
        front.requests.clear()
        dearer = replace(catalogue[3], price=Decimal("77.70"))
        front.replace_products([*catalogue[:3], dearer, *catalogue[4:11]])
        second = crawl(root, front)
        # The second is the product that the sitemap lists no more: it is asked whether it is gone.
        asked, after = front.requests.paths("/p/")
        assert dearer.handle in asked
        assert catalogue[11].handle in after
        assert front.requests.paths("/media/") == []
    assert (second.status, second.products, second.products_changed) == ("complete", 11, 1), second
    assert (second.products_removed, second.images) == (1, 11)
    assert second.coverage == first.coverage
    due = {row["url"]: row["due_at"] for row in tables.read(root, "fetches").to_pylist()}
    assert None not in due.values()


@pytest.mark.slow
def test_every_page_is_read_again_within_a_week_in_nightly_slices(root):
    count = 140
    with serve(products(count, photos=1), "schema") as front:
        whole = crawl(root, front)
        nights = []
        for _ in range(7):
            a_day_passes(root)
            front.requests.clear()
            outcome = crawl(root, front)
            assert (outcome.status, outcome.products) == ("complete", count)
            assert outcome.requests <= whole.requests / 5
            assert front.requests.count("/p/", status=200) == 0
            nights.append(front.requests.paths("/p/"))
    assert Counter(path for night in nights for path in night).most_common(1)[0][1] == 1
    assert sum(map(len, nights)) == count
    assert max(map(len, nights)) < 2 * count / 7


def test_where_there_are_only_etags_a_second_crawl_takes_a_tenth_of_the_bytes(root):
    with serve(products(60, photos=1), "schema", lastmod=False) as front:
        first = crawl(root, front)
        front.requests.clear()
        second = crawl(root, front)
        assert front.requests.count("/p/", status=304) == len(front.requests.paths("/p/")) == 60
    assert (second.status, second.products) == ("complete", 60)
    assert second.size_bytes < first.size_bytes / 10


def test_a_photo_that_failed_is_asked_for_again_though_its_page_is_unchanged(site, root):
    site.etags = True
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
    dated = sitemap(f"{site.url}/p/1", f"{site.url}/p/2").replace(
        "</loc>", "</loc><lastmod>2020-01-01</lastmod>"
    )
    site.pages["/sitemap.xml"] = Answer(dated)
    for number in (1, 2):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}", image=f"/{number}.jpg"))
    site.pages["/1.jpg"] = Answer(photo(1), content_type="image/jpeg")
    site.pages["/2.jpg"] = Answer("broken", 500)
    first = crawl(root, site, retries=0)
    assert (first.images, first.images_new) == (1, 1)
    site.pages["/2.jpg"] = Answer(photo(2), content_type="image/jpeg")
    site.seen.clear()
    second = crawl(root, site, retries=0)
    assert (second.status, second.images, second.images_new) == ("complete", 2, 1)
    assert set(site.asked()) == {"/robots.txt", "/sitemap.xml", "/p/2", "/2.jpg"}


CUT = {"Content-Length": "100000", "Connection": "close"}
FAILING = {
    "broken": Answer("broken", 500),
    "forbidden": Answer("no", 403),
    "cut-short": Answer(photo(50), content_type="image/jpeg", headers=CUT),
    "page": Answer("<h1>Back soon</h1>"),
    "half": Answer(photo(51, (300, 300))[:700], content_type="image/jpeg"),
    "missing": Answer("not found", 404),
    "removed": Answer("gone", 410),
    "tiny": Answer(photo(52, (1, 1)), content_type="image/jpeg"),
    "busy": Answer("slow down", 429, headers={"Retry-After": str(3 * 86_400)}),
}
FOR_GOOD = {"missing", "removed", "tiny"}


def serve_failing(site) -> None:
    site.etags = True
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{name}" for name in FAILING)))
    for name, answer in FAILING.items():
        site.pages[f"/p/{name}"] = Answer(product_page(f"Shirt {name}", image=f"/{name}.jpg"))
        site.pages[f"/{name}.jpg"] = answer


def serve_photos(site) -> None:
    for number, name in enumerate(FAILING):
        site.pages[f"/{name}.jpg"] = Answer(photo(number), content_type="image/jpeg")


def test_a_photo_that_failed_is_asked_for_the_next_night_and_then_ever_more_rarely(site, root):
    serve_failing(site)

    def asked_after(days: int) -> set[str]:
        a_day_passes(root, days)
        site.seen.clear()
        assert crawl(root, site, retries=0, retry_after_s=0.05).images == 0
        return {path[1:-4] for path in site.asked() if path.endswith(".jpg")}

    def nights_until_due() -> dict[str, int]:
        rows = tables.read(root, "fetches").to_pylist()
        waits = {row["url"].rpartition("/")[2]: row["due_at"] - row["fetched_at"] for row in rows}
        return {name: math.ceil(waits[f"{name}.jpg"] / timedelta(days=1)) for name in FAILING}

    hiccups = FAILING.keys() - FOR_GOOD - {"busy"}
    for_good = dict.fromkeys(FOR_GOOD, 7)
    assert asked_after(0) == {*FAILING}
    assert nights_until_due() == dict.fromkeys(hiccups, 0) | for_good | {"busy": 3}
    assert asked_after(1) == hiccups
    assert nights_until_due() == dict.fromkeys(hiccups, 2) | for_good | {"busy": 3}
    assert asked_after(2) == hiccups | {"busy"}
    assert nights_until_due() == dict.fromkeys(hiccups, 4) | for_good | {"busy": 4}
    serve_photos(site)
    a_day_passes(root, 7)
    assert crawl(root, site).images_new == len(FAILING)


def test_a_crawl_asks_for_a_photo_once_however_many_products_show_it(site, root):
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
    shown = {"busy": Answer("no", 403), "gone": Answer("no", 404), "sound": Answer(photo(1))}
    pages = [f"/p/{name}-{number}" for number in range(20) for name in shown]
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}{page}" for page in pages)))
    for page in pages:
        name = page[3:].partition("-")[0]
        site.pages[page] = Answer(product_page(f"Shirt {page}", image=f"/{name}.jpg"))
    site.pages |= {f"/{name}.jpg": answer for name, answer in shown.items()}
    # More products than are in flight at a time: the last come when the first have their photo.
    outcome = crawl(root, site, connections=2, retries=0, image_due_days=0)
    assert outcome.products == len(pages)
    asked = Counter(site.asked())
    assert {name: asked[f"/{name}.jpg"] for name in shown} == dict.fromkeys(shown, 1)


def test_a_stored_photo_stays_though_its_address_fails(site, root):
    serve_failing(site)
    serve_photos(site)
    assert crawl(root, site).images == len(FAILING)
    before = tables.read(root, "products", columns=["product_id", "images"]).to_pylist()
    serve_failing(site)
    for days in (40, 1):
        a_day_passes(root, days)
        assert crawl(root, site, retries=0, retry_after_s=0.05).images == len(FAILING)
    assert tables.read(root, "products", columns=["product_id", "images"]).to_pylist() == before


@pytest.mark.parametrize(
    ("days", "now", "nights"),
    [((0, 2, 4, 7), 0, [0, 2, 4, 7, 7]), ((7,), 0, [7, 7, 7, 7, 7]), ((0, 2, 4, 7), 1, [0, 0, 0, 0, 0])],
)
def test_failures_that_follow_each_other_wait_longer_but_those_of_one_night_do_not(days, now, nights):
    moment, known, found = datetime(2026, 11, 1, tzinfo=UTC), None, []
    for _ in nights:
        wait = wait_after_failure(known, moment, days)
        found.append(math.ceil(wait / timedelta(days=1)))
        known = KnownFetch(None, None, 500, None, None, moment, moment + wait)
        moment += timedelta(hours=1) if now else max(wait, timedelta(days=1))
    assert found == nights


def test_a_placeholder_is_a_reject_and_stays_one(site, root):
    names = ["Linen shirt", "Wool coat", "Denim jacket", "Silk scarf", "Leather belt", "Running shoes"]
    names += ["Cotton socks", "Rain hat", "Swim shorts", "Pleated skirt", "Evening dress", "Knit cardigan"]
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{n}" for n in range(len(names)))))
    for number, name in enumerate(names):
        images = [f"/none-{number}.jpg"] if number % 2 else [f"/{number}.jpg", f"/none-{number}.jpg"]
        site.pages[f"/p/{number}"] = Answer(product_page(name, image=images))
        site.pages[f"/{number}.jpg"] = Answer(photo(number), content_type="image/jpeg")
        site.pages[f"/none-{number}.jpg"] = Answer(photo(99), content_type="image/jpeg")
    first = crawl(root, site)
    assert (first.status, first.products, first.rejects) == ("complete", 12, 1)
    [reject] = tables.read(root, "rejects").to_pylist()
    assert (reject["url"], reject["stage"]) == (f"{site.url}/none-0.jpg", "photo")
    assert reject["reason"] == "placeholder: the same bytes on 12 products"
    assert tables.read(root, "images").num_rows == 7
    before = tables.versions(root)
    assert crawl(root, site).status == "complete"
    after = tables.versions(root)
    assert (after["rejects"], after["products"]) == (before["rejects"], before["products"])
