"""Pages that only a browser renders, with a real one; whatever their scripts ask for is guarded."""

import shutil

import pytest

from lookalike.demo.storefront import serve
from scrapers.browser.launch import BROWSER_VARIABLE, check_browser
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from storage import tables
from storage.errors import LookalikeError
from tests.scrapers.by_hand import crawl_with
from tests.scrapers.shelves import image_ids, products
from tests.scrapers.webserver import Answer, product_page, sitemap


def test_products_that_only_appear_after_a_script_ran(root):
    catalogue = products(3, photos=1)
    with serve(catalogue, "script") as front:
        store = Store(name="shop.example", url=front.url, render=True)
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        asked = list(front.requests.paths())
    assert (outcome.status, outcome.products, outcome.errors) == ("complete", 3, 0), outcome
    rows = {row["title"]: row for row in tables.read(root, "products").to_pylist()}
    for product in catalogue:
        row = rows[product.title]
        assert (row["price"], row["currency"]) == (product.price, product.currency)
        assert [image["image_id"] for image in row["images"]] == image_ids(product)
    # The browser loads no photo; each is fetched once, to be kept.
    assert sum(path.endswith(".jpg") for path in asked) == 3
    plain = run_crawl(root, store.model_copy(update={"render": False}), allow_private=True, throttle=False)
    assert (plain.status, plain.products) == ("failed", 0)


GUARDED = """
import socket, sys
# The store's name is this machine, and 127.0.0.1 plays a public server.
resolve = socket.getaddrinfo
def lookup(host, *rest, **more):
    return resolve("127.0.0.1" if host == "shop.test" else host, *rest, **more)
socket.getaddrinfo = lookup
import scrapers.http.addresses, scrapers.middlewares.guard
real = scrapers.http.addresses.is_public
is_public = lambda address: address == "127.0.0.1" or real(address)
scrapers.http.addresses.is_public = scrapers.middlewares.guard.is_public = is_public
from scrapy.cmdline import execute
execute(["scrapy", "crawl", "sitemap", *sys.argv[1:]])
"""

SPY = """<script>
const said = (text) => { document.title += " " + text; };
for (const target of TARGETS)
  fetch(target, {mode: "no-cors"}).then(() => said("reached " + target), () => said("refused"));
</script>"""


def test_a_script_cannot_reach_private_addresses(site, root, tmp_path):
    port = site.server.server_port
    home = f"http://shop.test:{port}"
    targets = [
        f"http://127.0.0.2:{port}/inside",
        f"http://localhost:{port}/inside",
        f"http://[::1]:{port}/inside",
        f"http://2130706434:{port}/inside",
        "http://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/inside",
    ]
    spy = SPY.replace("TARGETS", repr(targets))
    frame = f'<iframe src="http://127.0.0.3:{port}/inside"></iframe>'
    site.pages["/inside"] = Answer("secret", headers={"Access-Control-Allow-Origin": "*"})
    site.pages["/p/0"] = Answer(f"<title>Shirt</title>{product_page('Shirt')}{spy}{frame}")
    site.pages["/p/1"] = Answer(f"<script>location = 'http://127.0.0.2:{port}/inside'</script>")
    site.pages["/sitemap.xml"] = Answer(sitemap(f"{home}/p/0", f"{home}/p/1"))
    store = Store(name="shop.example", url=home, render=True)
    crawl = crawl_with(GUARDED, site, root, tmp_path, f"config={store.model_dump_json()}")
    assert crawl.returncode == 0, crawl.stderr
    assert site.asked()["/inside"] == 0
    assert site.asked()["/p/0"] == 1
    [row] = tables.read(root, "products").to_pylist()
    assert row["title"] == "Shirt"
    reasons = [row["reason"] for row in tables.read(root, "rejects").to_pylist()]
    # Frames are not loaded at all, so that nothing is refused to one.
    for host in ("127.0.0.2", "localhost", "169.254.169.254", "10.0.0.1"):
        assert any(host in reason and "private address" in reason for reason in reasons), (host, reasons)


@pytest.mark.slow
def test_pages_without_end_are_given_up(site, root):
    site.pages["/p/loop"] = Answer("<script>while (true) {}</script>")
    site.pages["/p/large"] = Answer("<script>document.write('<p>some words</p>'.repeat(90000))</script>")
    site.pages["/p/load"] = Answer(
        "<script>(async () => { while (true) await (await fetch('/load')).text(); })()</script>"
    )
    site.pages["/load"] = Answer("x" * 900_000)
    site.pages["/p/good"] = Answer(product_page("Shirt"))
    names = ("loop", "large", "load", "good")
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{name}" for name in names)))
    limits = Limits(page_bytes=1_000_000, timeout_s=15, retries=0)
    store = Store(name="shop.example", url=site.url, render=True, limits=limits)
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert outcome.products == 1, outcome
    reasons = {
        row["url"].rpartition("/")[2]: row["reason"] for row in tables.read(root, "rejects").to_pylist()
    }
    assert reasons == {
        "loop": "there was no answer in time",
        "large": "it is larger than the limit",
        "load": "it is larger than the limit",
    }


@pytest.mark.slow
def test_robots_txt_holds_for_rendered_pages(site, root):
    site.pages["/robots.txt"] = Answer(f"User-agent: *\nDisallow: /p/1\nSitemap: {site.url}/sitemap.xml")
    site.pages["/sitemap.xml"] = Answer(sitemap(f"{site.url}/p/0", f"{site.url}/p/1"))
    for number in range(2):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}"))
    store = Store(name="shop.example", url=site.url, render=True)
    run_crawl(root, store, allow_private=True, throttle=False)
    assert (site.asked()["/p/0"], site.asked()["/p/1"]) == (1, 0)
    [request] = [seen for seen in site.seen if seen.target == "/p/0"]
    assert request.headers["user-agent"].startswith("Lookalike/")


def test_what_is_missing_is_said_before_anything_is_asked(root, monkeypatch):
    monkeypatch.setenv(BROWSER_VARIABLE, "/no/such/browser")
    store = Store(name="shop.example", url="https://shop.example", render=True)
    with pytest.raises(LookalikeError, match=r"'shop\.example' has render = true\. .* needs Chromium"):
        run_crawl(root, store)
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LookalikeError, match=r"pip install 'lookalike\[browser\]'"):
        check_browser({BROWSER_VARIABLE: shutil.which("true")})
