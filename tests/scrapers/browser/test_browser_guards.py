"""What a rendered page gets: none of the store's secrets, nothing that robots.txt forbids, bounded memory."""

import asyncio
import contextlib
import socket
import threading
import time

import psutil
import pytest

from scrapers.browser import memory
from scrapers.browser.chromium import Chromium, Document, PageError, PageLimits
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from scrapers.detect.session import UnreadableStoreError, detection_session
from storage import tables
from tests.scrapers.webserver import Answer, Seen, Site, product_page, sitemap

SECRET = "hunter2-token"


@pytest.fixture
def other():
    """Another server, by another name."""
    with Site().running() as running:
        running.url = running.url.replace("127.0.0.1", "localhost")
        yield running


def rendered_store(site, **fields) -> Store:
    limits = Limits(timeout_s=20, retries=0)
    return Store(name="shop.example", url=site.url, render=True, limits=limits, **fields)


def listed(site, **pages: Answer) -> None:
    """Puts pages on the site and in its sitemap."""
    site.pages |= {f"/p/{name}": page for name, page in pages.items()}
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{name}" for name in pages)))


def asking(*urls: str) -> str:
    """A script that asks for addresses, and says in the title which of them it got."""
    return f"""<script>
for (const url of {list(urls)!r})
  fetch(url, {{mode: "no-cors"}}).then(() => document.title += " got " + url, () => {{}});
</script>"""


def rejects(root, site) -> dict[str, str]:
    rows = tables.read(root, "rejects").to_pylist()
    return {row["url"].removeprefix(site.url): row["reason"] for row in rows}


def test_the_store_s_headers_reach_no_other_server(site, other, root, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    frame = f'<iframe src="{other.url}/frame"></iframe>'
    moved = {"status": 302, "headers": {"Location": f"{other.url}/moved"}}
    other.pages |= {f"/{path}": Answer("<p>") for path in ("frame", "moved", "led", "data", "hop")}
    site.pages["/hop"] = Answer(status=302, headers={"Location": f"{other.url}/hop"})
    listed(
        site,
        shirt=Answer(product_page("Shirt") + frame + asking("/hop", f"{other.url}/data")),
        moved=Answer(**moved),
        led=Answer(f"<script>location = '{other.url}/led'</script>"),
        refreshed=Answer(f'<meta http-equiv="refresh" content="0;url={other.url}/led?again">'),
    )
    headers = {"Authorization": "Bearer ${SHOP_TOKEN}", "Cookie": "session=${SHOP_TOKEN}", "X-Country": "DE"}
    outcome = run_crawl(root, rendered_store(site, headers=headers), allow_private=True, throttle=False)
    assert outcome.products == 1, outcome
    asked = {seen.target: seen.headers for seen in site.seen}
    assert asked["/p/shirt"]["authorization"] == f"Bearer {SECRET}"
    assert {"/moved", "/led", "/data", "/hop"} <= set(other.asked())
    for seen in other.seen:
        assert SECRET not in str(seen.headers), seen
        assert "x-country" not in seen.headers, seen


def test_robots_txt_is_asked_about_all_that_a_rendered_page_leads_to(site, other, root):
    robots = f"User-agent: *\nDisallow: /secret\nSitemap: {site.url}/sitemap.xml"
    site.pages["/robots.txt"] = Answer(robots, content_type="text/plain")
    other.pages["/robots.txt"] = Answer("User-agent: *\nDisallow: /closed", content_type="text/plain")
    other.pages |= {"/closed": Answer("{}"), "/open": Answer("{}")}
    site.pages |= {f"/secret/{name}": Answer(product_page("Secret")) for name in "abcdef"}
    site.pages["/hop"] = Answer(status=302, headers={"Location": "/secret/d"})
    site.pages["/worker.js"] = Answer("fetch('/secret/g')", content_type="text/javascript")
    listed(
        site,
        moved=Answer(status=302, headers={"Location": "/secret/a"}),
        led=Answer("<script>location = '/secret/b'</script>"),
        later=Answer("<script>setTimeout(() => location.replace('/secret/c'), 300)</script>"),
        shirt=Answer(
            product_page("Shirt")
            + '<iframe src="/secret/e"></iframe>'
            + "<script>new SharedWorker('/worker.js')</script>"
            + asking("/secret/f", "/hop", f"{other.url}/closed", f"{other.url}/open")
        ),
    )
    outcome = run_crawl(root, rendered_store(site), allow_private=True, throttle=False)
    assert outcome.products == 1, outcome
    assert [path for path in site.asked() if path.startswith("/secret")] == []
    assert (other.asked()["/open"], other.asked()["/closed"]) == (1, 0)
    reasons = rejects(root, site)
    assert {reasons[f"/secret/{name}"] for name in "abc"} == {"robots.txt forbids it"}
    assert "robots.txt forbids" in reasons["/p/shirt"]


@pytest.mark.parametrize("render", [False, True])
def test_robots_txt_is_asked_about_redirects_of_a_visit(site, render):
    site.pages["/robots.txt"] = Answer("User-agent: *\nDisallow: /secret", content_type="text/plain")
    site.pages["/secret"] = Answer(product_page("Secret"))
    site.pages["/moved"] = Answer(status=302, headers={"Location": "/secret"})
    site.pages["/led"] = Answer("<script>location = '/secret'</script>")
    store = rendered_store(site).model_copy(update={"render": render})
    with detection_session(store, {}, allow_private=True) as visit:
        for path in ("/moved", "/led") if render else ("/moved",):
            with pytest.raises(UnreadableStoreError, match=r"robots\.txt forbids reading .*/secret"):
                visit.page(f"{site.url}{path}")
    assert site.asked()["/secret"] == 0


def test_a_page_that_sets_a_cookie_and_loads_itself_again(site, root):
    """As shops do that want to see a browser first."""

    def gate(seen: Seen) -> Answer:
        if "seen=1" in seen.headers.get("cookie", ""):
            return Answer(product_page("Shirt"))
        return Answer("<script>document.cookie = 'seen=1; path=/'; location.reload()</script>")

    listed(site, shirt=gate)
    outcome = run_crawl(root, rendered_store(site), allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("complete", 1), outcome
    assert site.asked()["/p/shirt"] == 2


CALL = """<script>
const call = new RTCPeerConnection({iceServers: [{urls: "stun:HOST:PORT"}]});
call.createDataChannel("x");
call.createOffer().then((offer) => call.setLocalDescription(offer));
</script><h1>Shirt</h1>"""


def test_a_page_s_calls_send_nothing_past_the_proxy():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("0.0.0.0", 0))
        server.settimeout(1)
        host, port = own_address(), str(server.getsockname()[1])
        page = render(CALL.replace("HOST", host).replace("PORT", port))
        assert b"<h1>Shirt" in page.body
        with pytest.raises(TimeoutError):
            server.recvfrom(2048)


def own_address() -> str:
    """The address that other machines know this one by; loopback where it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with contextlib.suppress(OSError):
            sock.connect(("192.0.2.1", 9))
        return "127.0.0.1" if sock.getsockname()[0] == "0.0.0.0" else str(sock.getsockname()[0])


HOGS = {
    "buffers": "const more = () => { for (let i = 0; i < 2; i++) kept.push(new Uint8Array(1 << 26).fill(1)); "
    "setTimeout(more); }; more();",
    "in one go": "while (true) kept.push(new Uint8Array(1 << 26).fill(1));",
    "canvases": "const more = () => { const c = document.createElement('canvas'); c.width = c.height = 4000; "
    "c.getContext('2d').fillRect(0, 0, 4000, 4000); kept.push(c); setTimeout(more); }; more();",
}


@pytest.mark.slow
@pytest.mark.parametrize("script", HOGS.values(), ids=HOGS.keys())
def test_a_page_s_memory_is_bounded(script, monkeypatch):
    monkeypatch.setattr(memory, "MAX_BYTES", 700 << 20)
    monkeypatch.setattr(memory, "MAX_DATA_BYTES", 1400 << 20)
    with pytest.raises(PageError, match=r"takes more memory than a page may|take too much memory"):
        render(f"<body><script>const kept = []; {script}</script>")


@pytest.mark.slow
def test_a_page_that_takes_too_much_memory_costs_itself_only(site, root):
    listed(
        site,
        one=Answer(product_page("One")),
        hog=Answer(f"<body><script>const kept = []; {HOGS['buffers']}</script>"),
        two=Answer(product_page("Two")),
    )
    most, done = [0], threading.Event()
    watch = threading.Thread(target=note_memory, args=(most, done), daemon=True)
    watch.start()
    outcome = run_crawl(root, rendered_store(site), allow_private=True, throttle=False)
    done.set()
    watch.join()
    assert outcome.products == 2, outcome
    assert rejects(root, site) == {"/p/hog": "it takes more memory than a page may have"}
    assert most[0] < 2 * memory.MAX_BYTES


def note_memory(most: list[int], done: threading.Event) -> None:
    """Notes the most memory that this process's browsers take, until it is done."""
    while not done.is_set():
        used = 0
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "chromium" in process.name():
                    used += process.memory_full_info().pss
        most[0] = max(most[0], used)
        time.sleep(0.05)


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_DATA"), reason="only Linux bounds the memory of a process")
def test_the_kernel_bounds_each_process_of_the_browser():
    async def limits() -> set[tuple[int, int]]:
        browser = Chromium(allow_private=True)
        try:
            await browser.render(DOCUMENT, PAGE_LIMITS, may_load=allowed, reload=no_reload)
            return {process.rlimit(psutil.RLIMIT_DATA) for process in browser.memory.processes()}
        finally:
            await browser.close()

    assert asyncio.run(limits()) == {2 * (memory.MAX_DATA_BYTES,)}


def test_pages_find_nothing_of_each_other():
    async def titles() -> list[bytes]:
        browser = Chromium(allow_private=True)
        script = (
            "<script>document.title = document.cookie + localStorage.x; "
            "document.cookie = 'a=1'; localStorage.x = 2"
        )
        try:
            return [
                (
                    await browser.render(
                        document(f"{script}</script>"), PAGE_LIMITS, may_load=allowed, reload=no_reload
                    )
                ).body
                for _ in range(2)
            ]
        finally:
            await browser.close()

    first, second = asyncio.run(titles())
    assert b"<title>undefined</title>" in first
    assert first == second


def document(html: str) -> Document:
    return Document("http://shop.localhost:9/p", 200, [("Content-Type", "text/html")], html.encode())


DOCUMENT = document("<h1>Shirt</h1>")
PAGE_LIMITS = PageLimits(loaded_bytes=10**7, html_bytes=10**7, timeout_s=30)


async def allowed(url: str) -> bool:
    return True


async def no_reload(cookies: str) -> Document:
    raise AssertionError


def render(html: str):
    """A page's rendering, by a browser of its own."""

    async def work():
        browser = Chromium(allow_private=True)
        try:
            return await browser.render(document(html), PAGE_LIMITS, may_load=allowed, reload=no_reload)
        finally:
            await browser.close()

    return asyncio.run(work())
