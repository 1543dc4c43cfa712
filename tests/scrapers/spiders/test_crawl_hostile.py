"""Pages and photos that are broken, huge or meant to harm: the crawl ends well, and each is in `rejects`."""

import gzip
import io
import struct
import zlib

import pytest
from PIL import Image

from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from storage import tables
from storage.root import Root
from tests.scrapers.webserver import Answer, Seen, Site, photo, product_page, sitemap

LIMITS = Limits(page_bytes=200_000, image_bytes=50_000, images_per_product=3, retries=1)
NO_PRODUCT = "there is no product on the page"


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it has this size, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def webp() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGBA", (70, 50), (9, 9, 9, 128)).save(buffer, "WEBP")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    root = Root.open(tmp_path_factory.mktemp("hostile") / "data", create=True)
    with Site().running() as site:
        hostile(site)
        store = Store(name="shop.example", url=site.url, limits=LIMITS)
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        rejects = tables.read(root, "rejects").to_pylist()
    found = {(row["url"].removeprefix(site.url), row["stage"]): row["reason"] for row in rejects}
    rows = {row["title"]: row for row in tables.read(root, "products").to_pylist()}
    return outcome, found, rows, root, site


def endless(seen: Seen) -> Answer:
    """A redirect to an address that nobody was sent to before."""
    return Answer(status=302, headers={"Location": f"/chain?{int(seen.target.partition('?')[2]) + 1}"})


def hostile(site: Site) -> None:
    """Sets up the store; a page each for what may go wrong."""
    image = {"content_type": "image/jpeg"}
    redirects = {"status": 302}
    other = site.url.replace("127.0.0.1", "localhost")
    many = [f"/many/{number}.jpg" for number in range(5000)]
    site.pages |= {
        "/robots.txt": Answer(f"User-agent: *\nDisallow: /secret\nSitemap: {site.url}/sitemap.xml"),
        "/p/good": Answer(product_page("Good", image=["/good.jpg", "/turned.webp"])),
        "/good.jpg": Answer(photo(1), **image),
        "/turned.webp": Answer(webp(), content_type="application/octet-stream"),
        "/p/huge": Answer(product_page("Huge") + "x" * 300_000),
        "/p/bomb": Answer(gzip.compress(bytes(30_000_000)), headers={"Content-Encoding": "gzip"}),
        "/p/loop": Answer(headers={"Location": "/p/loop?again"}, **redirects),
        "/p/chain": Answer(headers={"Location": "/chain?1"}, **redirects),
        "/chain": endless,
        "/p/file": Answer(headers={"Location": "file:///etc/passwd"}, **redirects),
        "/p/elsewhere": Answer(headers={"Location": f"{other}/p/good"}, **redirects),
        "/p/broken": Answer("broken", 500),
        "/p/cut": Answer("<p>", headers={"Content-Length": "9999", "Connection": "close"}),
        "/p/article": Answer("<h1>About us</h1>"),
        "/p/pdf": Answer(b"%PDF-1.4", content_type="application/pdf"),
        "/secret/p": Answer(product_page("Secret")),
        "/p/title": Answer(product_page("T" * 50_000)),
        "/p/control": Answer(product_page("Con\x00trol\x07 \u202eme")),
        "/p/many": Answer(product_page("Many photos", image=many)),
        "/p/photos": Answer(product_page("Bad photos", image=["/huge.jpg", "/bomb.png", "/text.jpg"])),
        "/p/photos2": Answer(product_page("More of them", image=["/tiny.gif", "/half.jpg", "/drawing.svg"])),
        "/p/photos3": Answer(product_page("Odd ones", image=["data:image/png;base64,AA", "/gone.jpg"])),
        "/huge.jpg": Answer(photo(2) + bytes(60_000), **image),
        "/bomb.png": Answer(png_of(60_000, 60_000), content_type="image/png"),
        "/text.jpg": Answer("<!DOCTYPE html>", **image),
        "/tiny.gif": Answer(photo(3, (1, 1), "GIF"), **image),
        "/half.jpg": Answer(photo(4, (300, 300))[:700], **image),
        "/drawing.svg": Answer('<svg xmlns="http://www.w3.org/2000/svg"/>', content_type="image/svg+xml"),
    }
    for number in range(3):
        site.pages[f"/many/{number}.jpg"] = Answer(photo(10 + number), **image)
    pages = [path for path in site.pages if path.startswith(("/p/", "/secret"))] + ["/p/gone"]
    listed = [f"{site.url}{path}" for path in pages]
    site.pages["/sitemap.xml"] = Answer(
        f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        f"<sitemap><loc>{site.url}/sitemap.xml</loc></sitemap><sitemap><loc>{site.url}/list.xml.gz</loc></sitemap>"
        f"<sitemap><loc>{site.url}/no-sitemap.xml</loc></sitemap></sitemapindex>"
    )
    foreign = ["javascript:alert(1)", "https://elsewhere.example/p/1", "http://169.254.169.254/latest/"]
    site.pages["/list.xml.gz"] = Answer(gzip.compress(sitemap(*listed, *foreign).encode()))
    site.pages["/no-sitemap.xml"] = Answer("<html><body>Not found</body></html>")


def test_the_crawl_ends_and_keeps_what_is_good(crawled):
    outcome, _, rows, root, _ = crawled
    assert outcome.status == "partial"  # a sitemap of it could not be read
    assert "no-sitemap.xml" in outcome.message
    assert set(rows) == {"Good", "Control me", "Many photos", "Bad photos", "More of them", "Odd ones"}
    images = {row["image_id"]: row["format"] for row in tables.read(root, "images").to_pylist()}
    assert sorted(images.values()) == ["JPEG", "JPEG", "JPEG", "JPEG", "WEBP"]
    assert [images[image["image_id"]] for image in rows["Good"]["images"]] == ["JPEG", "WEBP"]
    assert outcome.rejects == tables.read(root, "rejects").num_rows


@pytest.mark.parametrize(
    ("url", "stage", "reason"),
    [
        ("/p/huge", "fetch", "it is larger than the limit"),
        ("/p/bomb", "fetch", "it is larger than the limit"),
        ("/p/loop", "fetch", "it leads to a page that was asked for before"),
        ("/chain?10", "fetch", "it redirects too often"),
        ("/p/file", "fetch", "HTTP 302"),
        ("/p/elsewhere", "fetch", "it leads to another site"),
        ("/p/broken", "fetch", "HTTP 500"),
        ("/p/cut", "fetch", "the answer was cut short"),
        ("/p/gone", "fetch", "HTTP 404"),
        ("/secret/p", "fetch", "robots.txt forbids it"),
        ("/p/article", "extract", f"{NO_PRODUCT}: it shows no price of its own and no way to buy"),
        ("/p/pdf", "extract", "there is no page of HTML"),
        ("/no-sitemap.xml", "extract", "it is no sitemap but <html>"),
        ("https://elsewhere.example/p/1", "fetch", "it is on another site"),
        ("http://169.254.169.254/latest/", "fetch", "it is on another site"),
        ("javascript:alert(1)", "fetch", "it is no web address: only http and https are fetched"),
        ("/p/many", "photo", "4997 photos over the limit of 3 a product"),
        ("/huge.jpg", "photo", "it is larger than the limit"),
        ("/bomb.png", "photo", "too large (more than 26,000,000 pixels)"),
        ("/gone.jpg", "photo", "HTTP 404"),
        ("/tiny.gif", "photo", "too small (1×1 px, at least 32 px a side)"),
    ],
)
def test_a_reject_says_why(crawled, url, stage, reason):
    assert crawled[1][url, stage] == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [("/text.jpg", "not an image"), ("/half.jpg", "damaged"), ("/drawing.svg", "SVG")],
)
def test_a_photo_that_is_none_says_why(crawled, url, reason):
    assert reason in crawled[1][url, "photo"]


def test_a_title_of_hostile_length_is_a_reject(crawled):
    assert crawled[1]["/p/title", "validate"] == "its title has 20000 characters"


def test_photos_that_cannot_be_had_leave_their_address(crawled):
    _, _, rows, _, _ = crawled
    assert [image["image_id"] for image in rows["Bad photos"]["images"]] == [None, None, None]
    assert len(rows["Odd ones"]["images"]) == 1
    assert len(rows["Many photos"]["images"]) == 3


def test_nothing_is_asked_twice_but_what_failed(crawled):
    *_, site = crawled
    asked = site.asked()
    assert asked["/sitemap.xml"] == 1
    assert asked["/p/broken"] == 2
    assert asked["/secret/p"] == 0
    assert max(count for path, count in asked.items() if path.endswith((".jpg", ".png", ".gif"))) == 1


def test_the_rejects_of_a_crawl_are_its_own(crawled):
    outcome, _, _, root, _ = crawled
    rows = tables.read(root, "rejects").to_pylist()
    assert {(row["store"], row["crawl_id"]) for row in rows} == {("shop.example", outcome.crawl_id)}
