"""Manners: robots.txt, crawl-delay, Retry-After, and budgets that end a crawl in time."""

import threading
import time
from itertools import pairwise

import pytest

from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from scrapers.extensions.retry_after import retry_after_s
from scrapers.http.fetch import USER_AGENT
from storage import tables
from tests.scrapers.webserver import Answer, Seen, photo, product_page, sitemap


def shelve(site, count: int, robots: str = "") -> list[str]:
    """Product pages, each with a photo, in a sitemap that robots.txt names."""
    urls = [f"{site.url}/p/{number}" for number in range(count)]
    site.pages["/robots.txt"] = Answer(
        f"{robots}\nSitemap: {site.url}/sitemap.xml", content_type="text/plain"
    )
    site.pages["/sitemap.xml"] = Answer(sitemap(*urls), content_type="application/xml")
    for number in range(count):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}", image=f"/{number}.jpg"))
        site.pages[f"/{number}.jpg"] = Answer(photo(number), content_type="image/jpeg")
    return urls


def test_a_crawl_delay_is_kept_though_the_store_answers_at_once(site, root):
    delay = 0.4
    shelve(site, 3, f"User-agent: *\nCrawl-delay: {delay}")
    # With the throttle, which left alone goes as fast as the store answers.
    outcome = run_crawl(root, Store(name="shop.example", url=site.url), allow_private=True)
    assert outcome.status == "complete"
    gaps = [after.at - before.at for before, after in pairwise(site.seen)]
    assert len(gaps) == 8
    # What the server measures also varies by how soon it takes up a request.
    assert min(gaps) >= delay - 0.05, gaps
    assert {seen.headers["user-agent"] for seen in site.seen} == {USER_AGENT}


@pytest.mark.parametrize("asked", ["600", "1e300"])
def test_a_crawl_delay_is_cut_with_a_sentence(site, root, asked):
    shelve(site, 1, f"User-agent: *\nCrawl-delay: {asked}")
    store = Store(name="shop.example", url=site.url, limits=Limits(crawl_delay_s=0.3, seconds=120))
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert outcome.status == "complete"
    assert outcome.message == (
        f"robots.txt of 127.0.0.1 asks for {float(asked):g} s between requests; "
        "0.3 s were kept, by `crawl_delay_s`."
    )
    gaps = [after.at - before.at for before, after in pairwise(site.seen)]
    assert min(gaps) >= 0.3 - 0.05, gaps


@pytest.mark.parametrize("asked", ["nan", "inf", "-5", "0", "soon"])
def test_a_crawl_delay_that_is_none(site, root, asked):
    shelve(site, 1, f"User-agent: *\nCrawl-delay: {asked}")
    outcome = run_crawl(root, Store(name="shop.example", url=site.url), allow_private=True, throttle=False)
    assert (outcome.status, outcome.message) == ("complete", "")


def test_rules_for_us_by_name_are_obeyed(site, root):
    shelve(site, 3, "User-agent: lookalike\nDisallow: /p/1\nDisallow: /2.jpg\n\nUser-agent: *\nDisallow: /")
    outcome = run_crawl(root, Store(name="shop.example", url=site.url), allow_private=True, throttle=False)
    assert outcome.products == 2
    asked = site.asked()
    assert (asked["/p/0"], asked["/p/1"], asked["/2.jpg"]) == (1, 0, 0)
    rejects = {row["url"]: (row["stage"], row["reason"]) for row in tables.read(root, "rejects").to_pylist()}
    assert rejects == {
        f"{site.url}/p/1": ("fetch", "robots.txt forbids it"),
        f"{site.url}/2.jpg": ("photo", "robots.txt forbids it"),
    }


def test_a_store_that_wants_no_visit_fails_with_a_sentence(site, root):
    shelve(site, 1, "User-agent: *\nDisallow: /")
    outcome = run_crawl(root, Store(name="shop.example", url=site.url), allow_private=True, throttle=False)
    assert outcome.status == "failed"
    assert "robots.txt forbids it" in outcome.message
    assert set(site.asked()) == {"/robots.txt"}


@pytest.mark.parametrize("connections", [1, 3])
def test_connections_are_limited(site, root, connections):
    shelve(site, 20)
    answer, lock = site.answer, threading.Lock()
    now, most = 0, 0

    def slow(seen: Seen) -> Answer:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.03)
        with lock:
            now -= 1
        return answer(seen)

    site.answer = slow
    store = Store(name="shop.example", url=site.url, limits=Limits(connections=connections))
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("complete", 20)
    assert most <= connections


def test_retry_after_is_honoured_by_all_requests(site, root):
    wait = 2
    shelve(site, 4)
    refused: list[Seen] = []

    def busy(seen: Seen) -> Answer:
        if not refused:
            refused.append(seen)
            return Answer("slow down", 429, headers={"Retry-After": str(wait)})
        return Answer(product_page("Shirt 2", image="/2.jpg"))

    site.pages["/p/2"] = busy
    limits = Limits(connections=1)
    store = Store(name="shop.example", url=site.url, limits=limits)
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("complete", 4)
    later = [seen.at - refused[0].at for seen in site.seen if seen.at > refused[0].at]
    assert min(later) >= wait - 0.05


def closed_for(site, refusals: int, **headers: str) -> list[float]:
    """Makes the site refuse this many requests, whatever they ask for; when each came in."""
    came: list[float] = []
    answer = site.answer

    def refuse(seen: Seen) -> Answer:
        if len(came) == refusals:
            return answer(seen)
        came.append(seen.at)
        return Answer("closed", 503, headers=headers)

    site.answer = refuse
    return came


def test_a_store_that_is_closed_for_a_while_is_waited_for(site, root):
    shelve(site, 2)
    came = closed_for(site, 2, **{"Retry-After": "4"})
    limits = Limits(connections=1, retries=1)
    outcome = run_crawl(
        root, Store(name="shop.example", url=site.url, limits=limits), allow_private=True, throttle=False
    )
    assert (outcome.status, outcome.products, outcome.rejects) == ("complete", 2, 0)
    assert min(after - before for before, after in pairwise(came)) >= 4 - 0.05


def test_a_store_that_stays_closed_is_given_up_with_few_requests(site, root):
    shelve(site, 40)
    site.pages |= {f"/p/{number}": Answer("closed", 429) for number in range(40)}
    limits = Limits(patience_s=2, retries=1)
    outcome = run_crawl(
        root, Store(name="shop.example", url=site.url, limits=limits), allow_private=True, throttle=False
    )
    assert outcome.status == "failed"
    assert outcome.rejects == 40
    reasons = {row["reason"] for row in tables.read(root, "rejects").to_pylist()}
    assert reasons <= {"its host answers nothing but 429", "HTTP 429"}
    assert sum(path.startswith("/p/") for path in site.asked().elements()) <= 4 * limits.connections


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(b"120", 120), (b" 0 ", 0), (None, None), (b"", None), (b"soon", None), (b"-5", None)],
)
def test_retry_after_in_seconds(header, seconds):
    assert retry_after_s(header) == seconds


def test_retry_after_as_a_date():
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60)).encode()
    assert 55 < retry_after_s(later) <= 60
    assert retry_after_s(b"Mon, 01 Jan 2001 00:00:00 GMT") == 0


def test_time_that_is_up_ends_a_crawl_that_a_long_delay_holds_back(site, root):
    shelve(site, 5, "User-agent: *\nCrawl-delay: 600")
    store = Store(name="shop.example", url=site.url, limits=Limits(seconds=1.5))
    started = time.monotonic()
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert time.monotonic() - started < 30
    assert outcome.status == "partial"
    assert outcome.message == (
        "The crawl was stopped at its limit of 1.5 seconds. robots.txt of 127.0.0.1 asks for 600 s between "
        "requests; 300 s were kept, by `crawl_delay_s`; at most 1 requests fit into a crawl of 1.5 s. Raise "
        "`seconds` in its limits, or ask its owner for a shorter delay."
    )
    assert outcome.products == 0
    assert tables.version(root, "products") is None


def test_pages_are_limited(site, root):
    shelve(site, 8)
    # robots.txt, the sitemap and three products.
    store = Store(name="shop.example", url=site.url, limits=Limits(pages=5))
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("partial", 3)
    assert "the limit of 5 pages was reached" in outcome.message
    assert sum(path.startswith("/p/") for path in site.asked()) == 3
