"""The verdict on a crawl."""

import pytest

from scrapers.config.store import Limits, Store, name_for
from scrapers.session.crawl_stats import CrawlStats, missing_products
from scrapers.session.snapshot import KnownProduct, Snapshot, field_shares

ALL = frozenset({"title", "price", "images"})


def stats(count: int, fields: frozenset = ALL, **state) -> CrawlStats:
    made = CrawlStats(**state)
    for number in range(count):
        made.note_found(str(number), fields)
    return made


def verdict(made: CrawlStats):
    return made.verdict("shop.example", Snapshot())


@pytest.mark.parametrize(
    ("made", "status", "said"),
    [
        (stats(20), "complete", ""),
        (stats(1), "complete", ""),
        (stats(0), "failed", "no product was found on its pages"),
        (stats(0, gaps=["/list: HTTP 500"]), "failed", "/list: HTTP 500"),
        (stats(20, gaps=["/list: HTTP 500", "x"]), "partial", "/list: HTTP 500 (and 1 more)"),
        (stats(20, unread=2), "complete", ""),
        (stats(20, unread=3), "partial", "3 product pages could not be read."),
        (stats(20, stopped="Time is up."), "partial", "Time is up."),
        (stats(20, broken="The disk is full."), "failed", "The disk is full."),
        (stats(0, stopped="Time is up."), "partial", "Time is up."),
    ],
)
def test_a_verdict(made, status, said):
    found = verdict(made)
    assert found.status == status
    assert said in found.message


def test_a_product_is_found_once():
    made = CrawlStats()
    assert made.note_found("1", ALL)
    assert not made.note_found("1", frozenset())
    assert made.found == {"1": ALL}


def test_what_is_missing():
    known = {
        "here": KnownProduct("h", None, removed=False, fields=ALL),
        "gone": KnownProduct("h", None, removed=False, fields=ALL),
        "gone before": KnownProduct("h", None, removed=True, fields=ALL),
    }
    assert missing_products({"here": ALL, "new": ALL}, known) == ["gone"]


def test_shares_of_fields():
    found = field_shares([ALL, frozenset({"title"}), frozenset({"title"})])
    assert (found["title"], found["price"], found["gtin"]) == (1.0, 0.3333, 0.0)
    assert field_shares([]) == {}


def test_a_reject_with_half_characters_can_be_stored():
    made = CrawlStats()
    made.reject("https://shop.example/\ud83d", "photo", "odd \udfff")
    assert (made.rejects[0].url, made.rejects[0].reason) == ("https://shop.example/\\ud83d", "odd \\udfff")


def test_rejects_are_bounded():
    made = CrawlStats()
    made.reject("https://shop.example/" + "x" * 10_000, "fetch", "y" * 10_000)
    assert (len(made.rejects[0].url), len(made.rejects[0].reason), made.rejected) == (2000, 500, 1)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.shop.example/en", "shop.example"),
        ("http://127.0.0.1:8001", "127.0.0.1-8001"),
        ("https://Höhe.example/", "h-he.example"),
    ],
)
def test_a_store_is_named_after_its_host(url, name):
    assert name_for(url) == name
    assert Store(name=name, url=url).name == name


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Shop"},
        {"name": ""},
        {"name": "-shop"},
        {"name": "a/b"},
        {"url": "ftp://shop.example"},
        {"url": "shop.example"},
        {"url": "http://[bad"},
        {"strategy": "magic"},
        {"currency": "euro"},
        {"listing_urls": ["/women"]},
        {"unknown": 1},
        {"limits": {"pages": 0}},
        {"limits": {"unknown": 1}},
    ],
)
def test_a_store_with_a_wrong_setting_is_refused(fields):
    with pytest.raises(ValueError, match="validation error"):
        Store.model_validate({"name": "shop.example", "url": "https://shop.example"} | fields)


def test_every_limit_has_a_default_and_a_description():
    for name, field in Limits.model_fields.items():
        assert not field.is_required(), name
        assert field.description, name
