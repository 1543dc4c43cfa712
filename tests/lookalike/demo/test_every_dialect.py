"""What storefronts of every dialect do, over real HTTP: links, caching, change, faults."""

from __future__ import annotations

import dataclasses
import gzip
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import pytest
import requests
from bs4 import BeautifulSoup

from lookalike.demo.faults import Faults
from lookalike.demo.storefront import serve
from storage.errors import LookalikeError
from tests.lookalike.demo.fronts import (
    API,
    DIALECTS,
    NASTY,
    PRODUCTS,
    REPO,
    Photo,
    get,
    locations,
    page_of,
    product,
)

# Every dialect


@pytest.mark.parametrize(
    ("dialect", "index", "products"),
    [
        ("shopify", "/sitemap.xml", "sitemap_products_1.xml"),
        ("woocommerce", "/wp-sitemap.xml", "posts-product-1.xml"),
        ("schema", "/sitemap_index.xml", "products-1.xml.gz"),
    ],
)
def test_robots_lead_to_sitemaps_and_these_to_every_page(fronts, dialect, index, products):
    front = fronts[dialect]
    robots = RobotFileParser(f"{front.url}/robots.txt")
    robots.parse(get(f"{front.url}/robots.txt").text.splitlines())
    assert robots.site_maps() == [front.url + index]
    assert "Crawl-delay: 0.5" in get(f"{front.url}/robots.txt").text or dialect != "schema"
    for url in locations(get(front.url + index).text):
        assert get(url).status_code == 200, url
    (address,) = [url for url in locations(get(front.url + index).text) if products in url]
    body = get(address).content
    text = (gzip.decompress(body) if address.endswith(".gz") else body).decode()
    pages = [entry.find("loc").text for entry in BeautifulSoup(text, "xml").find_all("url")]
    assert sorted(pages) == sorted(page_of(front, dialect, one) for one in PRODUCTS)
    assert all(robots.can_fetch("lookalike", page) for page in pages)
    assert text.count("<lastmod>2026-11-01T06:00:00+00:00</lastmod>") == len(PRODUCTS)
    if dialect != "woocommerce":
        assert text.count("<image:loc>") == 2 * len(PRODUCTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_text_of_a_product_becomes_markup(fronts, dialect):
    front = fronts[dialect]
    text = get(page_of(front, dialect, PRODUCTS[-1])).text
    assert "<script>alert" not in text
    page = BeautifulSoup(text, "html.parser")
    assert page.h1.text == NASTY
    assert page.select_one(".description").text.strip() == "Soft <b>cotton</b> & more."
    assert NASTY in page.title.text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_link_of_the_shop_works(fronts, dialect):
    front = fronts[dialect]
    seen, todo = set(), [f"{front.url}/", page_of(front, dialect, PRODUCTS[0])]
    with requests.Session() as session:
        while todo and len(seen) < 60:
            url = todo.pop()
            if url in seen:
                continue
            seen.add(url)
            answer = session.get(url, timeout=5)
            assert answer.status_code == 200, url
            page = BeautifulSoup(answer.text, "html.parser")
            found = [link["href"] for link in page.find_all("a")] + [
                image["src"] for image in page.find_all("img")
            ]
            absolute = [link if link.startswith("http") else front.url + link for link in found]
            images = [link for link in absolute if ".jpg" in link]
            assert all(session.head(link, timeout=5).ok for link in images[:2])
            todo += [link for link in absolute if link not in images]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_visitor_has_is_not_sent_again(fronts, dialect):
    front = fronts[dialect]
    photo = BeautifulSoup(get(page_of(front, dialect, PRODUCTS[1])).text, "html.parser").select_one(
        ".gallery img"
    )
    lists = {"shopify": "/products.json", "woocommerce": API, "schema": "/sitemaps/products-1.xml.gz"}
    for url in (page_of(front, dialect, PRODUCTS[0]), photo["src"], front.url + lists[dialect]):
        first = get(url)
        etag = first.headers["ETag"]
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            again = get(url, If_None_Match=known)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == etag
        assert get(url, If_None_Match='"other"').content == first.content
        head = requests.head(url, timeout=5)
        assert head.headers["Content-Length"] == str(len(first.content))
        assert head.content == b""
        if since := first.headers.get("Last-Modified"):
            assert get(url, If_Modified_Since=since).status_code == 304
            assert get(url, If_Modified_Since="Sun, 01 Nov 2020 00:00:00 GMT").status_code == 200
            assert get(url, If_Modified_Since="nonsense").status_code == 200
            # The tag decides where a visitor sends both.
            assert get(url, If_Modified_Since=since, If_None_Match='"other"').status_code == 200


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "path", ["/nothing", "/products/x", "/p/x.html", "/product/x/", "//", "/%00", "/?x=%ff"]
)
def test_strange_addresses_get_an_answer(fronts, dialect, path):
    assert get(fronts[dialect].url + path).status_code in (200, 404)


def test_a_photo_is_not_read_for_a_visitor_who_has_it():
    one = product(1)
    with serve([one], "schema") as front:
        url = f"{front.url}/media/{one.handle}_1.jpg"
        with ThreadPoolExecutor(4) as pool:
            bodies = {answer.content for answer in pool.map(get, [url] * 12)}
        assert len(bodies) == 1
        etag = requests.head(url, timeout=5).headers["ETag"]
        reads = one.photos[0].reads
        answer = get(url, If_None_Match=etag)
        assert (answer.status_code, answer.content) == (304, b"")
        assert one.photos[0].reads == reads
        assert one.photos[1].reads == 0


def test_connections_are_kept(shopify):
    host = urlsplit(shopify.url)
    with socket.create_connection((host.hostname, host.port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(b"GET /meta.json HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while b"}" not in answer:
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 OK")


def test_the_log_counts_what_was_asked():
    with serve(PRODUCTS[:3], "shopify") as front:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(get, [f"{front.url}/meta.json"] * 40))
        get(f"{front.url}/products.json?limit=2")
        requests.head(f"{front.url}/nothing", timeout=5)
        assert front.requests.count("/meta.json") == 40
        assert front.requests.count("/products.json") == front.requests.count("/products.json?limit=2") == 1
        assert front.requests.count(method="HEAD", status=404) == 1
        assert len(front.requests) == front.requests.count() == 42
        assert front.requests.paths("/p") == ["/products.json?limit=2"]
        front.requests.clear()
        assert front.requests.count() == 0


# Change and trouble


def test_products_can_be_replaced_and_only_what_changed_looks_changed():
    kept, cheaper, gone, new = (product(number) for number in (1, 2, 3, 4))
    with serve([kept, cheaper, gone], "schema") as front:
        urls = [page_of(front, "schema", one) for one in (kept, cheaper, gone, new)]
        photo = f"{front.url}/media/{cheaper.handle}_1.jpg"
        before = [get(url) for url in urls[:2]]
        assert get(photo).ok
        lowered = dataclasses.replace(cheaper, price=Decimal("9.50"))
        # The same product made anew, as a restarted shop would make it, is no change.
        front.replace_products([dataclasses.replace(kept, photos=product(1).photos), lowered, new])
        assert front.products[1] == lowered
        after = [get(url) for url in urls]
        assert [answer.status_code for answer in after] == [200, 200, 404, 200]
        assert after[0].headers["Last-Modified"] == before[0].headers["Last-Modified"]
        assert after[1].headers["Last-Modified"] != before[1].headers["Last-Modified"]
        assert "9.50" in after[1].text
        assert get(photo).ok
        front.replace_products([kept, dataclasses.replace(lowered, photos=(Photo((1, 2, 3)),))])
        assert get(photo).status_code == 404
        page = BeautifulSoup(get(urls[1]).text, "html.parser")
        (image,) = page.select(".gallery img")
        assert get(image["src"]).content == Photo((1, 2, 3))()


def test_faults_are_the_same_at_every_run():
    def met(faults: Faults) -> list[int | str]:
        outcomes: list[int | str] = []
        with serve(PRODUCTS[:2], "shopify", faults=faults) as front:
            for _ in range(30):
                try:
                    outcomes.append(get(f"{front.url}/meta.json").status_code)
                except requests.RequestException as error:
                    outcomes.append(type(error).__name__)
            assert front.requests.count() == 30
        return outcomes

    faults = Faults(0.5, seed=3, kinds=("500", "429", "cut"))
    first = met(faults)
    assert first == met(faults)
    assert first != met(dataclasses.replace(faults, seed=4))
    assert {200, 429, 500} < set(first)
    assert set(first) - {200, 429, 500} <= {"ChunkedEncodingError", "ConnectionError"}
    assert met(Faults(0.0)) == [200] * 30


def test_a_429_says_how_long_to_wait_and_a_hanging_answer_does_not_come():
    with serve(PRODUCTS[:1], "shopify", faults=Faults(1.0, kinds=("429",), retry_after_s=7)) as front:
        assert get(front.url).headers["Retry-After"] == "7"
    with serve(PRODUCTS[:1], "shopify", faults=Faults(1.0, kinds=("hang",))) as front:
        with pytest.raises(requests.ReadTimeout):
            requests.get(front.url, timeout=0.3)
        started = time.monotonic()
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "wrong", [{"rate": 1.5}, {"rate": 0.1, "kinds": ()}, {"rate": 0.1, "kinds": ("fire",)}]
)
def test_faults_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=r"from|choose"):
        Faults(**wrong)


def test_a_store_can_be_down_and_come_back():
    with serve(PRODUCTS[:1], "shopify") as front:
        front.down = True
        assert get(f"{front.url}/products.json").status_code == 503
        front.down = False
        assert get(f"{front.url}/products.json").status_code == 200


def test_stopping_ends_kept_connections_and_refuses_new_ones():
    with serve(PRODUCTS[:1], "shopify") as front:
        with requests.Session() as session:
            assert session.get(front.url, timeout=5).ok
            front.stop()
            with pytest.raises(requests.ConnectionError):
                session.get(front.url, timeout=5)
        front.stop()


def test_a_port_that_is_taken_is_one_sentence(shopify):
    port = urlsplit(shopify.url).port
    with (
        pytest.raises(LookalikeError, match=f"cannot open on 127.0.0.1:{port}"),
        serve([], "schema", port=port),
    ):
        pass


@pytest.mark.parametrize("ids", [("1", "1"), ("07", "1"), ("x", "1")])
def test_ids_that_cannot_be_served_are_refused(ids):
    with pytest.raises(ValueError, match="id"), serve([product(1, product_id=one) for one in ids], "shopify"):
        pass


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_empty_store_is_open(dialect):
    with serve([], dialect) as front:
        assert get(f"{front.url}/").status_code == 200
        assert get(f"{front.url}/robots.txt").status_code == 200


def test_a_storefront_by_hand(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    photo = Photo((9, 9, 9))()
    rows = [{"id": str(number), "name": f"Coat {number}", "image": photo} for number in range(1, 6)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "coats.parquet")
    command = [sys.executable, "-m", "lookalike.demo.storefront", "--dialect", "woocommerce", "--port", "0"]
    command += ["--catalogue", str(tmp_path / "coats.parquet"), "--products", "3"]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as process:
        stopper = threading.Timer(20, process.kill)
        stopper.start()
        try:
            line = process.stdout.readline()
            assert line.startswith("3 products at http://127.0.0.1:")
            assert len(get(f"{line.split()[3]}{API}").json()) == 3
        finally:
            stopper.cancel()
            process.terminate()
