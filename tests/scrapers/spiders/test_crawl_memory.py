"""What is made to fill a memory: each is a reject, and the crawl's process stays small."""

import gzip
import io
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from storage import tables
from storage.root import Root
from tests.scrapers.by_hand import environment
from tests.scrapers.webserver import Answer, Site, photo, product_page, sitemap

BUDGET_MB = 400
GIGABYTE = 2**30

ODD = r"""<h1>Control me</h1><script type="application/ld+json">
{"@type": "Product", "name": "Con\u0000trol\u0007 \u202eme \ud83d", "sku": "1",
 "brand": "\ud83d", "image": "/many/0.jpg\ud83d", "offers": {"price": "5", "priceCurrency": "EUR"}}
</script>"""

CRAWL = """
import json, resource, sys
from scrapers.crawl import run_crawl
from scrapers.config.store import Store
from storage.root import Root
root = Root.open(sys.argv[1], create=True)
store = Store(name="shop.example", url=sys.argv[2])
outcome = run_crawl(root, store, allow_private=True, throttle=False)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(json.dumps([outcome.status, outcome.message, outcome.products, peak]))
"""


class _Flood(BaseHTTPRequestHandler):
    """A gigabyte that never says how long it is, to whatever is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg" if self.path.endswith("jpg") else "text/html")
        self.end_headers()
        block = bytes(2**20)
        try:
            for _ in range(GIGABYTE // len(block)):
                self.wfile.write(block)
        except OSError:
            return  # the visitor has had enough

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def flooding():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Flood)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def bomb_png(side: int) -> bytes:
    """A picture of one colour: few bytes, many pixels."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (1, 2, 3)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    """One store with all of it."""
    folder = tmp_path_factory.mktemp("memory")
    with Site().running() as site, flooding() as flood:
        bomb, largest = bomb_png(9000), bomb_png(5000)
        packed = gzip.compress(bytes(GIGABYTE // 4), 9)  # a quarter of a megabyte
        site.pages |= {
            "/p/flood": Answer(status=302, headers={"Location": "/flooded"}),
            "/p/photos": Answer(product_page("Floods", image=[f"{flood}/{n}.jpg" for n in range(8)])),
            "/p/bombs": Answer(product_page("Bombs", image=[f"/bomb{n}.png" for n in range(4)])),
            "/p/large": Answer(product_page("Large", image=[f"/large{n}.png" for n in range(4)])),
            "/p/gzip": Answer(packed, headers={"Content-Encoding": "gzip"}),
            "/p/tags": Answer(product_page("Tags") + "<p>12,50 €<b>a</b></p>" * 110_000),
            "/p/deep": Answer(product_page("Deep") + "<div>" * 500_000),
            "/p/title": Answer(product_page("T" * 2**20)),
            "/p/control": Answer(ODD),
            "/p/many": Answer(product_page("Many", image=[f"/many/{n}.jpg" for n in range(100_000)])),
            "/packed.xml.gz": Answer(packed, content_type="application/gzip"),
        }
        for number in range(4):
            site.pages[f"/bomb{number}.png"] = Answer(bomb + bytes([number]), content_type="image/png")
            site.pages[f"/large{number}.png"] = Answer(largest + bytes([number]), content_type="image/png")
        for number in range(8):
            site.pages[f"/many/{number}.jpg"] = Answer(photo(number), content_type="image/jpeg")
        listed = [f"{site.url}{path}" for path in site.pages if path.startswith("/p/")]
        site.pages["/list.xml"] = Answer(sitemap(*listed, f"{flood}/page", "javascript:alert(1)", "data:,x"))
        children = "".join(
            f"<sitemap><loc>{site.url}/{name}</loc></sitemap>"
            for name in ("index.xml", "list.xml", "packed.xml.gz")
        )
        site.pages["/index.xml"] = Answer(f"<sitemapindex>{children}</sitemapindex>")
        site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/index.xml")
        site.pages["/flooded"] = Answer(status=302, headers={"Location": f"{flood}/page"})
        command = [sys.executable, "-c", CRAWL, str(folder / "data"), site.url]
        ran = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        status, message, products, peak = json.loads(ran.stdout)
        root = Root.open(folder / "data")
        rejects = tables.read(root, "rejects").to_pylist()
        found = {
            (row["url"].replace(site.url, "").replace(flood, "flood:"), row["stage"], row["reason"])
            for row in rejects
        }
        return (status, message, products, peak), found, site.asked(), root


def test_the_crawl_ends_within_its_memory(crawled):
    status, message, products, peak = crawled[0]
    assert status == "partial"
    assert "packed.xml.gz" in message
    assert products == 7
    assert peak <= BUDGET_MB, f"the crawl took {peak} MB"


@pytest.mark.parametrize(
    "reject",
    [
        ("flood:/page", "fetch", "it is larger than the limit"),
        *((f"flood:/{number}.jpg", "photo", "it is larger than the limit") for number in range(8)),
        *(
            (f"/bomb{number}.png", "photo", "too large (9000×9000 px, at most 26,000,000 pixels)")
            for number in range(4)
        ),
        ("/p/gzip", "fetch", "it is larger than the limit"),
        ("/packed.xml.gz", "extract", "it is larger than 16777216 bytes unpacked"),
        ("/p/title", "validate", "its title has 20000 characters"),
        ("javascript:alert(1)", "fetch", "it is no web address: only http and https are fetched"),
        ("data:,x", "fetch", "it is no web address: only http and https are fetched"),
    ],
)
def test_each_is_a_reject(crawled, reject):
    assert reject in crawled[1]


def test_of_endless_photos_some_are_kept(crawled):
    _, found, _, root = crawled
    [reason] = [reason for url, stage, reason in found if (url, stage) == ("/p/many", "photo")]
    assert reason.endswith("photos over the limit of 8 a product")
    rows = {row["title"]: row for row in tables.read(root, "products").to_pylist()}
    assert set(rows) == {"Floods", "Bombs", "Large", "Tags", "Deep", "Many", "Control me"}
    assert all(image["image_id"] for image in rows["Many"]["images"] + rows["Large"]["images"])
    assert not any(image["image_id"] for image in rows["Floods"]["images"] + rows["Bombs"]["images"])


def test_a_sitemap_that_names_itself_is_read_once(crawled):
    assert crawled[2]["/index.xml"] == 1
