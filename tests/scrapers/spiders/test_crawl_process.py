"""The crawl as a process: killed, interrupted, started twice or by hand, kept from private addresses."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from scrapy.crawler import Crawler
from scrapy.spiderloader import SpiderLoader
from scrapy.utils.project import get_project_settings

from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from storage import tables
from storage.errors import BusyError, InputError
from storage.root import Root
from tests.scrapers.by_hand import REPOSITORY, by_hand, crawl_with, environment
from tests.scrapers.shelves import image_ids, products
from tests.scrapers.webserver import Answer, photo, product_page, sitemap


def shelve(site, count: int) -> None:
    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{n}" for n in range(count))))
    for number in range(count):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}", image=f"/{number}.jpg"))
        site.pages[f"/{number}.jpg"] = Answer(photo(number), content_type="image/jpeg")


def until(condition, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def whole(root: Root) -> None:
    """Nothing stored refers to something that is not."""
    images = set(tables.read(root, "images", columns=["image_id"])["image_id"].to_pylist())
    for row in tables.read(root, "products").to_pylist():
        assert {image["image_id"] for image in row["images"]} <= images


def test_a_killed_crawl_leaves_no_half_state_and_the_next_one_completes(site, root, tmp_path, monkeypatch):
    count = 60
    shelve(site, count)
    held = threading.Event()
    # The last page is not answered, so the crawl is in its middle when it is killed.
    site.pages[f"/p/{count - 1}"] = lambda seen: (held.wait(60), Answer("late", 503))[1]
    arguments = ["-a", "store=shop.example", "-a", f"url={site.url}", "-a", f"data={root.path}"]
    options = ["-a", "allow_private=1", "-a", "throttle=0"]
    crawl = by_hand(tmp_path, "crawl", "sitemap", *arguments, *options)
    try:
        until(lambda: len(site.seen) > count)
        store = Store(name="shop.example", url=site.url)
        with pytest.raises(BusyError, match=r"crawl-shop\.example"):
            run_crawl(root, store, allow_private=True, throttle=False)
    finally:
        crawl.send_signal(signal.SIGKILL)
        crawl.communicate()
        held.set()
    whole(root)
    assert tables.version(root, "crawls") is None
    site.pages[f"/p/{count - 1}"] = Answer(product_page("Last", image="/0.jpg"))
    outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert (outcome.status, outcome.products) == ("complete", count)
    whole(root)
    rows = tables.read(root, "products").to_pylist()
    assert len({row["product_id"] for row in rows}) == len(rows) == count
    assert tables.read(root, "images").num_rows == count - 1
    assert tables.read(root, "offers").num_rows == count


def test_a_crawl_that_dies_gives_an_outcome(site, root):
    shelve(site, 3)
    site.pages["/p/1"] = lambda seen: (kill_visitor(), Answer("late"))[1]
    outcome = run_crawl(root, Store(name="shop.example", url=site.url), allow_private=True, throttle=False)
    assert outcome.status == "failed"
    assert "was ended by signal 9 before it was done" in outcome.message
    assert outcome.failure == "interrupted"
    [row] = tables.read(root, "crawls").to_pylist()
    assert (row["crawl_id"], row["status"], dict(row["coverage"])) == (outcome.crawl_id, "failed", {})


def kill_visitor() -> None:
    """Kills the crawl that this process started; its arguments do not say what it reads."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == os.getpid() and "scrapers.session.process" in command:
            os.kill(int(process.name), signal.SIGKILL)


@pytest.mark.slow
def test_a_crawl_whose_starter_is_killed_ends(site, root, tmp_path):
    shelve(site, 30)
    code = (
        "import sys; from scrapers.crawl import run_crawl; from scrapers.config.store import Limits, Store\n"
        "from storage.root import Root\n"
        "store = Store(name='shop.example', url=sys.argv[2], limits=Limits(delay_s=0.5))\n"
        "run_crawl(Root.open(sys.argv[1]), store, allow_private=True)"
    )
    command = [sys.executable, "-c", code, str(root.path), site.url]
    starter = subprocess.Popen(command, cwd=tmp_path, env=environment())
    until(lambda: site.asked()["/p/0"] + site.asked()["/p/29"])
    starter.kill()
    starter.wait()

    def over() -> bool:
        try:
            with root.lock("crawl-shop.example"):
                return True
        except BusyError:
            return False

    until(over, 30)
    [row] = tables.read(root, "crawls").to_pylist()
    assert row["status"] == "partial"
    assert "interrupted" in row["message"]
    whole(root)


def test_ctrl_c_ends_a_crawl_in_good_order(site, root, tmp_path):
    shelve(site, 30)
    for number in range(30):
        site.pages[f"/p/{number}"] = Answer(product_page(f"Shirt {number}"))
    store = Store(name="shop.example", url=site.url, limits=Limits(delay_s=0.3))

    def interrupt(progress) -> None:
        if progress.products >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_crawl(root, store, allow_private=True, throttle=False, on_progress=interrupt)
    [row] = tables.read(root, "crawls").to_pylist()
    assert (row["status"], row["message"]) == ("partial", "The crawl was interrupted.")
    assert tables.read(root, "products").num_rows >= 2
    whole(root)


def test_a_crawl_by_hand(tmp_path):
    from lookalike.demo.storefront import serve

    catalogue = products(3, photos=1)
    with serve(catalogue, "shopify") as front:
        arguments = ["-a", "store=mine", "-a", f"url={front.url}", "-a", "data=here", "-a", "allow_private=1"]
        crawl = by_hand(tmp_path, "crawl", "shopify", *arguments)
        said, log = crawl.communicate()
    assert (crawl.returncode, said) == (0, ""), log
    rows = tables.read(Root.open(tmp_path / "here"), "products").to_pylist()
    assert sorted(image["image_id"] for row in rows for image in row["images"]) == sorted(
        image_id for product in catalogue for image_id in image_ids(product)
    )


def test_the_project_lists_its_spiders():
    listed = subprocess.run(
        [sys.executable, "-m", "scrapy", "list"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert listed.stdout.split() == ["bing", "listing", "shopify", "sitemap", "woocommerce"]


def test_the_projects_other_commands_work_and_are_guarded(site, tmp_path):
    site.pages["/p"] = Answer(product_page("Shirt"))

    def scrapy(*arguments):
        command = by_hand(tmp_path, *arguments)
        said, log = command.communicate()
        assert "Traceback" not in log, log
        return said, log

    assert scrapy("fetch", f"{site.url}/p", "--nolog", "-s", "ALLOW_PRIVATE=1")[0].startswith("<script")
    shell = scrapy("shell", f"{site.url}/p", "-c", "response.css('h1::text').get()", "-s", "ALLOW_PRIVATE=1")
    assert shell[0].strip() == "Shirt"
    asked = len(site.seen)
    assert scrapy("fetch", f"{site.url}/p", "--nolog")[0] == ""
    assert len(site.seen) == asked


@pytest.mark.parametrize("name", ["listing", "shopify", "sitemap", "woocommerce"])
def test_every_spider_is_made_from_its_arguments(name, tmp_path, monkeypatch):
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "scrapers.settings")
    settings = get_project_settings()
    spider_class = SpiderLoader.from_settings(settings).load(name)
    crawler = Crawler(spider_class, settings)
    make = partial(spider_class.from_crawler, crawler)
    spider = make(store="shop.example", url="https://shop.example", data=str(tmp_path / "data"))
    assert (spider.name, spider.job.store.strategy) == (name, name)
    assert spider.base_url == "https://shop.example/"
    assert crawler.settings.getint("DOWNLOAD_MAXSIZE") == spider.job.store.limits.page_bytes
    assert (spider.job.throttle, spider.job.allow_private) == (True, False)
    with pytest.raises(InputError, match="give -a store=NAME"):
        make(store="shop.example")
    with pytest.raises(InputError, match="name is not usable"):
        make(store="Shop Example!", url="https://shop.example", data=str(tmp_path / "data"))


def test_a_private_store_is_refused_without_a_request(site, root):
    outcome = run_crawl(root, Store(name="shop.example", url=site.url), throttle=False)
    assert (outcome.status, outcome.failure) == ("failed", "private")
    assert "private address 127.0.0.1" in outcome.message
    assert site.seen == []


GUARDED = """
import socket, sys
# A name leads to another address of this machine.
resolve = socket.getaddrinfo
def lookup(host, *rest, **more):
    return resolve("127.0.0.2" if host == "rebinding.example" else host, *rest, **more)
socket.getaddrinfo = lookup
# 127.0.0.1 plays a public server.
import scrapers.http.addresses, scrapers.middlewares.guard
real = scrapers.http.addresses.is_public
is_public = lambda address: address == "127.0.0.1" or real(address)
scrapers.http.addresses.is_public = scrapers.middlewares.guard.is_public = is_public
from scrapy.cmdline import execute
execute(["scrapy", "crawl", "sitemap", *sys.argv[1:]])
"""


def test_a_crawl_is_kept_from_private_addresses_on_redirects_and_behind_names(site, root, tmp_path):
    shelve(site, 1)
    port = site.server.server_port
    targets = {
        "redirect": "http://169.254.169.254/latest/meta-data/",
        "localhost": f"http://localhost:{port}/p/0",
        "decimal": f"http://2130706434:{port}/p/0",
        "octal": f"http://0177.0.0.2:{port}/p/0",
        "hexadecimal": f"http://0x7f.2:{port}/p/0",
        "ipv6": f"http://[::1]:{port}/p/0",
        "mapped": f"http://[::ffff:7f00:2]:{port}/p/0",
        "name": f"http://rebinding.example:{port}/p/0",
    }
    for name, target in targets.items():
        site.pages[f"/r/{name}"] = Answer(status=302, headers={"Location": target})
    photos = [f"http://rebinding.example:{port}/2.jpg", f"http://127.0.0.3:{port}/1.jpg", "/0.jpg"]
    site.pages["/p/0"] = Answer(product_page("Shirt", image=photos))
    pages = [f"{site.url}/r/{name}" for name in targets]
    site.pages["/sitemap.xml"] = Answer(sitemap(f"{site.url}/p/0", *pages))
    crawl = crawl_with(GUARDED, site, root, tmp_path)
    assert crawl.returncode == 0, crawl.stderr
    rejects = {row["url"]: row["reason"] for row in tables.read(root, "rejects").to_pylist()}
    for target in [*targets.values(), *photos[:2]]:
        assert "private address" in rejects[target], rejects
    assert site.asked()["/p/0"] == 1
    [row] = tables.read(root, "products").to_pylist()
    assert [image["image_id"] is not None for image in row["images"]] == [False, False, True]
