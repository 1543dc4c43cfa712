"""Extraction runs again over what is stored, without a request, and changes nothing where nothing is new."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from flows.config import load_config
from lookalike.cli import main
from lookalike.demo.storefront import serve
from scrapers.config.store import Store
from scrapers.crawl import run_crawl
from scrapers.reextract import reextract_store
from storage import tables
from storage.errors import BusyError
from tests.scrapers.shelves import products
from tests.scrapers.webserver import Answer, photo, product_page, sitemap


@pytest.mark.parametrize(
    ("strategy", "dialect"), [("shopify", "shopify"), ("woocommerce", "woocommerce"), ("sitemap", "schema")]
)
def test_the_same_extraction_changes_nothing(root, strategy, dialect):
    with serve(products(8, photos=1), dialect) as front:
        store = Store(name="shop.example", url=front.url, strategy=strategy)
        run_crawl(root, store, allow_private=True, throttle=False)
        front.requests.clear()
        before = tables.versions(root)
        done = reextract_store(root, store, allow_private=True)
        assert (done.read, done.changed, done.offers, done.unreadable) == (8, 0, 0, 0), done
        assert tables.versions(root) == before
        assert not list(front.requests)


@pytest.mark.slow
def test_what_was_removed_is_not_read_again(root):
    with serve(products(8, photos=0), "woocommerce") as front:
        store = Store(name="shop.example", url=front.url, strategy="woocommerce")
        run_crawl(root, store, allow_private=True, throttle=False)
        front.replace_products(products(7, photos=0))
        assert run_crawl(root, store, allow_private=True, throttle=False).products_removed == 1
    done = reextract_store(root, store, allow_private=True)
    assert (done.read, done.changed, done.offers, done.unreadable) == (7, 0, 0, 0), done


def shelve(site, root) -> str:
    """A store whose pages show a price of their own, beside a wrong one in the markup; as settings."""
    for number in range(3):
        page = product_page(f"Shirt {number}", price="9.00", image=f"/{number}.jpg") + "<b>19,90 €</b>"
        site.pages[f"/p/{number}"] = Answer(page)
        site.pages[f"/{number}.jpg"] = Answer(photo(number), content_type="image/jpeg")
    site.pages["/sitemap.xml"] = Answer(sitemap(*(f"{site.url}/p/{number}" for number in range(3))))
    return (
        f'data = "{root.path}"\n[crawl]\nallow_private = true\nthrottle = false\n'
        f'[[stores]]\nname = "shop.example"\nurl = "{site.url}"\n'
    )


def test_a_new_recipe_is_applied_to_what_is_stored(site, root, tmp_path, capsys):
    file = tmp_path / "lookalike.toml"
    file.write_text(shelve(site, root))
    [store] = load_config(file, environ={}).stores
    run_crawl(root, store, allow_private=True, throttle=False)
    before = tables.read(root, "products").to_pylist()
    asked = len(site.seen)
    file.write_text(f"{file.read_text()}[stores.recipe]\nprice = 'b'\n")

    command = ["extract", "--stored", "shop.example", "--config", str(file)]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "store": "shop.example",
        "read": 3,
        "changed": 3,
        "offers": 3,
        "unreadable": 0,
        "fields": {"price": 3},
    }
    after = tables.read(root, "products").to_pylist()
    kept = ("product_id", "url", "title", "images", "first_seen", "crawl_id")
    as_it_was = {row["product_id"]: {name: row[name] for name in kept} for row in before}
    assert {row["product_id"]: {name: row[name] for name in kept} for row in after} == as_it_was
    assert {row["price"] for row in after} == {Decimal("19.90")}
    assert all(image["image_id"] for row in after for image in row["images"])
    offers = tables.read(root, "offers").sort_by("observed_at").to_pylist()
    assert [offer["price"] for offer in offers] == [Decimal("9.00")] * 3 + [Decimal("19.90")] * 3

    versions = tables.versions(root)
    assert main(command) == 0
    assert "3 stored pages read, 0 products changed, 0 offers" in capsys.readouterr().out
    assert tables.versions(root) == versions
    assert len(site.seen) == asked


def test_a_page_that_gives_no_product_any_more_is_a_reject_and_its_product_stays(site, root, tmp_path):
    file = tmp_path / "lookalike.toml"
    file.write_text(shelve(site, root))
    [store] = load_config(file, environ={}).stores
    run_crawl(root, store, allow_private=True, throttle=False)
    [first, *_] = tables.read(root, "pages").to_pylist()
    from scrapers.session.rows import compress

    later = first | {"body_zstd": compress(b"<p>We are closed.</p>")}
    later["fetched_at"] = first["fetched_at"] + timedelta(seconds=1)
    tables.append(root, "pages", [later])
    done = reextract_store(root, store, allow_private=True)
    assert (done.read, done.unreadable, done.changed) == (3, 1, 0)
    [reject] = tables.read(root, "rejects").to_pylist()
    assert (reject["url"], reject["stage"]) == (first["url"], "extract")
    assert tables.read(root, "products").num_rows == 3


def test_a_store_that_is_crawled_meanwhile_is_left_alone(root):
    store = Store(name="shop.example", url="https://shop.example")
    with root.lock("crawl-shop.example"), pytest.raises(BusyError, match=r"crawl-shop\.example"):
        reextract_store(root, store)


@pytest.mark.parametrize("arguments", [["extract"], ["extract", "page.html", "--stored", "shop.example"]])
def test_one_page_or_a_store(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert "--stored STORE" in capsys.readouterr().err
