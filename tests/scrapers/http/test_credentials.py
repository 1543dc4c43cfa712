"""A store's own headers and proxy: sent where they belong, and never written anywhere."""

import socket
import subprocess
from contextlib import suppress

import psutil
import pytest

from scrapers.config.secrets import holds_plain_secret
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from scrapers.http.credentials import (
    Credentials,
    credentials_of,
    fill_credentials,
    fill_variables,
)
from storage import tables
from storage.errors import InputError
from tests.scrapers.by_hand import by_hand, crawl_with
from tests.scrapers.webserver import Answer, Site, photo, product_page, sitemap

SECRET, PASSWORD = "hunter2-token", "hunter2@proxy"


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("Authorization", "Bearer abc", True),
        ("Authorization", "Bearer ${TOKEN}", False),
        ("X-Api-Key", "abc", True),
        ("Cookie", "session=1", True),
        ("Cookie", "session=${SESSION}; basket=${BASKET}", False),
        ("Cookie", "session=1; basket=${BASKET}", True),
        ("X-Auth", "abc", True),
        ("X-Session-Id", "abc", True),
        ("X-Bypass", "abc", True),
        ("X-Auth", "abc${TOKEN}", True),
        ("X-Auth", "abc ${TOKEN}", True),
        ("X-Auth", "${TOKEN}", False),
        ("Accept-Language", "de", False),
        ("X-Country", "DE", False),
        ("proxy", "http://proxy.example:1", False),
        ("proxy", "http://me:abc@proxy.example:1", True),
        ("proxy", "http://me:${PASSWORD}@proxy.example:1", False),
        ("proxy", "http://key@proxy.example:1", True),
        ("proxy", "http://me:abc@${HOST}:1", True),
        ("proxy", "http://me:abc${PASSWORD}@proxy.example:1", True),
    ],
)
def test_what_is_a_secret(name, value, secret):
    assert holds_plain_secret(name, value) is secret


def test_places_are_filled():
    assert fill_variables("Bearer ${A}-${B}", {"A": "1", "B": "2"}, store="x") == "Bearer 1-2"
    assert fill_variables("plain $A", {}, store="x") == "plain $A"
    with pytest.raises(InputError, match=r"variable B is not set, which the store 'x' needs"):
        fill_variables("${A}${B}", {"A": "1", "B": ""}, store="x")


HEADERS = {"Authorization": "Bearer ${SHOP_TOKEN}", "X-Country": "DE"}


def shop(url: str, *listings: str, proxy: str | None = None) -> Credentials:
    environ = {"SHOP_TOKEN": SECRET, "PROXY_PASSWORD": PASSWORD}
    return fill_credentials(HEADERS, proxy, [url, *listings], environ, store="shop.example")


@pytest.mark.parametrize(
    ("store", "url", "sent"),
    [
        ("https://shop.example/", "https://shop.example/p/1", True),
        ("https://shop.example/en/", "https://SHOP.example:443/p/1", True),
        ("http://shop.example/", "https://shop.example/p/1", True),
        ("https://shop.example/", "http://shop.example/p/1", False),
        ("https://shop.example/", "http://shop.example:443/p/1", False),
        ("https://shop.example/", "https://shop.example:8443/p/1", False),
        ("https://alice.myshopify.com/", "https://myshopify.com/", False),
        ("https://alice.myshopify.com/", "https://bob.myshopify.com/", False),
        ("https://shop.co.uk/", "https://co.uk/", False),
        ("https://shop.example/", "https://cdn.shop.example/1.jpg", False),
        ("https://www.shop.example/", "https://shop.example/", False),
        ("http://shop.example/", "http://evil.example\\.shop.example/", False),
        ("http://shop.example/", "http://evil.example\\@shop.example/", False),
        ("http://shop.example/", "http://shop.example@evil.example/", False),
        ("http://shop.example/", "http://shop.example.evil.example/", False),
        ("http://shop.example/", "http://[bad", False),
    ],
)
def test_headers_go_to_exactly_the_servers_that_the_settings_name(store, url, sent):
    assert bool(shop(store).headers_for(url)) is sent


def test_an_entry_names_its_front_page_and_its_listings():
    recipe = {"search_url": "https://search.example/?q={query}"}
    listing = "https://list.shop.example/all"
    store = Store(
        name="x", url="https://shop.example", listing_urls=[listing], headers=HEADERS, recipe=recipe
    )
    credentials = credentials_of(store, {"SHOP_TOKEN": SECRET})
    assert credentials.headers_for("https://list.shop.example/2")["Authorization"] == f"Bearer {SECRET}"
    assert credentials.headers_for("https://search.example/?q=x") == {}


def test_secrets_print_as_stars():
    credentials = shop("https://shop.example/", proxy="http://me:${PROXY_PASSWORD}@proxy.example:1")
    authorization = credentials.proxy_authorization.get_secret_value()
    shown = f"{credentials!r} {credentials} {credentials.proxy_authorization}"
    said = credentials.redacted(
        f"Bearer {SECRET} ?a={SECRET} {authorization} http://me:{PASSWORD}@x hunter2%40proxy https://a:b@shop.example"
    )
    for secret in (SECRET, PASSWORD, authorization.split()[1], "hunter2", "a:b"):
        assert secret not in shown + said
    assert credentials.redacted("X-Country: DE, see /DE/") == "X-Country: DE, see /DE/"


@pytest.mark.parametrize(
    ("headers", "proxy", "says"),
    [
        (
            {"Authorization": "${BROKEN}"},
            None,
            "The header 'Authorization' of the store 'x' has a line break",
        ),
        ({}, "${BROKEN}", "The proxy of the store 'x' is no address"),
        ({}, "http://me:${BRACKET}@proxy.example:1", "The proxy of the store 'x' is no address"),
    ],
)
def test_what_a_variable_may_not_hold_is_not_repeated(headers, proxy, says):
    environ = {"BROKEN": "hunter2\nHost: x", "BRACKET": "hunter2[/"}
    with pytest.raises(InputError, match=says) as caught:
        fill_credentials(headers, proxy, ["https://shop.example"], environ, store="x")
    assert "hunter2" not in str(caught.value)


def test_neither_command_line_nor_tables_nor_log_show_what_a_store_sends_back(
    root, site, monkeypatch, caplog
):
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    command_lines = []

    def leak(seen):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has ended since it was listed
                command_lines.append(" ".join(process.cmdline()))
        return Answer(status=302, headers={"Location": f"/gone?token={SECRET}"})

    site.pages["/robots.txt"] = Answer(f"Sitemap: {site.url}/sitemap.xml", content_type="text/plain")
    site.pages["/sitemap.xml"] = leak
    store = Store(name="shop.example", url=site.url, headers=HEADERS, limits=Limits(retries=0))
    with caplog.at_level("DEBUG"):
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
    assert "/gone?token=***" in outcome.message
    assert "/gone?token=***" in caplog.text
    rows = [tables.read(root, name).to_pylist() for name in ("crawls", "rejects")]
    assert SECRET not in f"{outcome} {rows} {caplog.text}"
    [crawl] = [line for line in command_lines if "scrapers.session.process" in line]
    for word in (site.url, "SHOP_TOKEN", "X-Country"):
        assert word not in crawl


def test_a_name_that_leads_inside_is_not_handed_to_the_proxy(root, site, tmp_path, monkeypatch):
    """The proxy would resolve it; what it leads to here is private."""
    home = "http://shop.invalid"
    site.pages[f"{home}/robots.txt"] = Answer(f"Sitemap: {home}/sitemap.xml")
    site.pages[f"{home}/sitemap.xml"] = Answer(sitemap(f"{home}/p/0"))
    site.pages[f"{home}/p/0"] = Answer(product_page("Shirt", image="http://inside.test/0.jpg"))
    site.pages["http://inside.test/0.jpg"] = Answer(photo(0), content_type="image/jpeg")
    store = Store(name="shop.example", url=home, proxy=site.url)
    crawl = crawl_with(INSIDE, site, root, tmp_path, f"config={store.model_dump_json()}")
    assert crawl.returncode == 0, crawl.stderr
    assert "inside.test" not in {seen.target.split("/")[2] for seen in site.seen}
    reasons = {row["url"]: row["reason"] for row in tables.read(root, "rejects").to_pylist()}
    assert "leads to the private address 127.0.0.1" in reasons["http://inside.test/0.jpg"]


INSIDE = """
import socket, sys
resolve = socket.getaddrinfo
def lookup(host, *rest, **more):
    return resolve("127.0.0.1" if host == "inside.test" else host, *rest, **more)
socket.getaddrinfo = lookup
from scrapy.cmdline import execute
execute(["scrapy", "crawl", "sitemap", *sys.argv[1:]])
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_never_answers_is_waited_for_only_so_long(root, scheme):
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        limits = Limits(timeout_s=1, retries=0, seconds=60)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        store = Store(name="shop.example", url=f"{scheme}://shop.invalid", proxy=address, limits=limits)
        outcome = run_crawl(root, store, throttle=False)
    assert "there was no answer in time" in outcome.message


def test_a_proxy_of_the_environment_is_not_asked(root, site, monkeypatch):
    with Site().running() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        site.pages["/sitemap.xml"] = Answer(sitemap(f"{site.url}/p/0"))
        site.pages["/p/0"] = Answer(product_page("Shirt"))
        store = Store(name="shop.example", url=site.url, limits=Limits(retries=0))
        outcome = run_crawl(root, store, allow_private=True, throttle=False)
        assert (outcome.status, outcome.products, proxy.seen) == ("complete", 1, [])


def test_a_variable_that_is_not_set_is_said_before_anything_is_asked(root, site, monkeypatch):
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    store = Store(name="shop.example", url=site.url, headers={"Authorization": "Bearer ${SHOP_TOKEN}"})
    with pytest.raises(InputError, match="SHOP_TOKEN is not set"):
        run_crawl(root, store, allow_private=True)
    assert site.seen == []


def test_headers_go_to_the_store_alone_and_everything_through_its_proxy(root, site, tmp_path, monkeypatch):
    """The server is the proxy: it answers for every host, none of which has an address."""
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    monkeypatch.setenv("PROXY_PASSWORD", PASSWORD)
    home, elsewhere = "http://shop.invalid", f"http://other.invalid/p?token={SECRET}"
    site.pages[f"{home}/robots.txt"] = Answer(f"Sitemap: {home}/sitemap.xml")
    site.pages[f"{home}/sitemap.xml"] = Answer(sitemap(f"{home}/p/0", f"{home}/p/moved"))
    site.pages[f"{home}/p/0"] = Answer(product_page("Shirt", image="http://cdn.invalid/0.jpg"))
    site.pages[f"{home}/p/moved"] = Answer(status=302, headers={"Location": elsewhere})
    site.pages[elsewhere] = Answer(product_page("Other"))
    site.pages["http://cdn.invalid/0.jpg"] = Answer(photo(0), content_type="image/jpeg")
    port = site.server.server_port
    store = Store(
        name="shop.example",
        url=home,
        headers={"Authorization": "Bearer ${SHOP_TOKEN}", "X-Country": "DE"},
        proxy=f"http://me:${{PROXY_PASSWORD}}@127.0.0.1:{port}",
    )
    arguments = ["-a", f"config={store.model_dump_json()}", "-a", f"data={root.path}", "-a", "throttle=0"]
    crawl = by_hand(tmp_path, "crawl", "sitemap", *arguments, "-s", "LOG_LEVEL=DEBUG")
    said, log = crawl.communicate()
    assert crawl.returncode == 0, log
    [product] = tables.read(root, "products").to_pylist()
    assert product["images"][0]["image_id"]
    hosts = {seen.target.split("/")[2] for seen in site.seen}
    assert hosts == {"shop.invalid", "cdn.invalid", "other.invalid"}
    for seen in site.seen:
        own = seen.target.startswith(home)
        assert seen.headers.get("authorization") == (f"Bearer {SECRET}" if own else None)
        assert seen.headers.get("x-country") == ("DE" if own else None)
        assert seen.headers["proxy-authorization"].startswith("Basic ")
    for secret in (SECRET, PASSWORD, site.seen[0].headers["proxy-authorization"].split()[1]):
        assert secret not in said + log
        found = subprocess.run(["grep", "-rlF", secret, str(root.path)], capture_output=True, text=True)
        assert found.stdout == ""
