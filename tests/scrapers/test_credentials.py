"""A store's own headers and proxy: sent where they belong, and never written anywhere."""

import subprocess

import pytest

from scrapers.crawl import run_crawl
from scrapers.credentials import filled, plain_secret
from scrapers.stores import Store
from storage import tables
from storage.errors import InputError
from tests.scrapers.by_hand import by_hand
from tests.scrapers.webserver import Answer, photo, product_page, sitemap

SECRET, PASSWORD = "hunter2-token", "hunter2@proxy"


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("Authorization", "Bearer abc", True),
        ("Authorization", "Bearer ${TOKEN}", False),
        ("X-Api-Key", "abc", True),
        ("Cookie", "session=1", True),
        ("Accept-Language", "de", False),
        ("X-Country", "DE", False),
        ("proxy", "http://proxy.example:1", False),
        ("proxy", "http://me:abc@proxy.example:1", True),
        ("proxy", "http://me:${PASSWORD}@proxy.example:1", False),
    ],
)
def test_what_is_a_secret(name, value, secret):
    assert plain_secret(name, value) is secret


def test_places_are_filled():
    assert filled("Bearer ${A}-${B}", {"A": "1", "B": "2"}, store="x") == "Bearer 1-2"
    assert filled("plain $A", {}, store="x") == "plain $A"
    with pytest.raises(InputError, match=r"variable B is not set, which the store 'x' needs"):
        filled("${A}${B}", {"A": "1", "B": ""}, store="x")


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
    home = "http://shop.invalid"
    site.pages[f"{home}/robots.txt"] = Answer(f"Sitemap: {home}/sitemap.xml")
    site.pages[f"{home}/sitemap.xml"] = Answer(sitemap(f"{home}/p/0", f"{home}/p/moved"))
    site.pages[f"{home}/p/0"] = Answer(product_page("Shirt", image="http://cdn.invalid/0.jpg"))
    site.pages[f"{home}/p/moved"] = Answer(status=302, headers={"Location": "http://other.invalid/p"})
    site.pages["http://other.invalid/p"] = Answer(product_page("Other"))
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
