"""`lookalike stores add` with all that it takes, and `lookalike crawl --query`, by the command line."""

import json
import tomllib

import pytest

from lookalike.cli import main
from lookalike.demo.storefront import serve
from tests.scrapers.shelves import products
from tests.scrapers.webserver import Answer, Site, product_page


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOOKALIKE_DATA", raising=False)
    return tmp_path


def test_what_is_given_stands_in_the_entry_with_secrets_by_name(folder, monkeypatch, capsys):
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    with serve(products(4, photos=0), "schema", open_search=True) as front:
        code = main(
            [
                *("stores", "add", front.url, "--name", "mine", "--allow-private"),
                *("--header", "Authorization: Bearer ${SHOP_TOKEN}", "--header", "X-Country: DE"),
                *("--currency", "SEK", "--locale", "sv-SE", "--limit", "pages=200", "--limit", "delay_s=0.5"),
            ]
        )
    said = capsys.readouterr()
    assert code == 0, said.err
    text = (folder / "lookalike.toml").read_text()
    assert "hunter2" not in text + said.err + said.out
    [store] = tomllib.loads(text)["stores"]
    assert store == {
        "name": "mine",
        "url": f"{front.url}/",
        "strategy": "sitemap",
        "currency": "SEK",
        "locale": "sv-SE",
        "headers": {"Authorization": "Bearer ${SHOP_TOKEN}", "X-Country": "DE"},
        "allow_private": True,
        "recipe": {"search_url": f"{front.url}/search?q={{query}}"},
        "limits": {"pages": 200, "delay_s": 0.5},
    }
    assert main(["stores", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["headers"]["X-Country"] == "DE"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--header", "X-Country"], "--header takes a name and a value"),
        (["--header", "Authorization: hunter2"], "read from the environment variable"),
        (["--header", "Authorization: ${NOT_SET}"], "The environment variable NOT_SET is not set"),
        (["--proxy", "http://me:hunter2@proxy.example:1"], "it must hold no password"),
        (["--limit", "pages"], "--limit takes a name and a value"),
        (["--limit", "pages=many"], "`limits.pages` of the store is not usable"),
        (["--limit", "pagez=3"], "`limits.pagez` of the store is not usable"),
        (["--currency", "euro"], "`currency` of the store is not usable"),
        (["--render", "--proxy", "http://proxy.example:1"], "it must not set both `render` and `proxy`"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(folder, options, says, capsys):
    with serve(products(1, photos=0), "schema") as front:
        assert main(["stores", "add", front.url, "--allow-private", *options]) == 2
        assert not list(front.requests)
    said = capsys.readouterr().err
    assert says in said
    assert "hunter2" not in said
    assert not (folder / "lookalike.toml").exists()


def test_a_store_added_as_private_stays_so_and_no_other_becomes_so(folder, capsys):
    with (
        serve(products(4, photos=0), "woocommerce") as front,
        serve(products(4, photos=0), "schema") as other,
    ):
        assert main(["stores", "add", front.url, "--name", "mine", "--allow-private"]) == 0
        text = (folder / "lookalike.toml").read_text()
        assert tomllib.loads(text)["stores"][0]["allow_private"] is True
        assert "allow_private" not in tomllib.loads(text).get("crawl", {})
        (folder / "lookalike.toml").write_text(text + entry("other", other.url, "sitemap"))
        assert main(["crawl", "mine"]) == 0, capsys.readouterr().err
        assert main(["crawl", "other"]) == 1
        assert not list(other.requests)
    assert "private" in capsys.readouterr().err


def entry(name: str, url: str, strategy: str) -> str:
    return f'[[stores]]\nname = "{name}"\nurl = "{url}"\nstrategy = "{strategy}"\n'


def test_stores_that_cannot_be_searched_are_named_and_the_others_run(folder, capsys):
    head = 'data = "data"\n[crawl]\nallow_private = true\nthrottle = false\n'
    with serve(products(6, photos=0), "woocommerce") as one, serve(products(6, photos=0), "schema") as two:
        (folder / "lookalike.toml").write_text(
            head + entry("one", one.url, "woocommerce") + entry("two", two.url, "sitemap")
        )
        assert main(["crawl", "--query", "red shirt", "--json"]) == 0
        said = capsys.readouterr()
        [crawl] = json.loads(said.out)["crawls"]
        assert (crawl["store"], crawl["status"], crawl["products"]) == ("one", "query", 2)
        assert "'two' cannot be searched" in said.err
        assert not list(two.requests)
        assert main(["crawl", "two", "--query", "red shirt"]) == 2
        assert "None of these stores can be searched" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["", "  ", "x" * 201])
def test_a_search_needs_words(folder, words, capsys):
    (folder / "lookalike.toml").write_text(entry("one", "https://one.example", "shopify"))
    assert main(["crawl", "--query", words]) == 2
    assert "A search needs words" in capsys.readouterr().err


def test_a_page_of_a_store_is_shown_as_its_crawl_would_read_it(folder, monkeypatch, capsys):
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    with Site().running() as site:
        site.pages["/p/1"] = Answer(product_page("Shirt", price="9.00") + "<b>19,90 €</b>")
        file = folder / "lookalike.toml"
        file.write_text(
            "[crawl]\nallow_private = true\n"
            + entry("one", site.url, "sitemap")
            + "headers = { Authorization = '${SHOP_TOKEN}' }\n[stores.recipe]\nprice = 'b'\n"
        )
        assert main(["extract", f"{site.url}/p/1", "--json"]) == 0
        product = json.loads(capsys.readouterr().out)
        assert (product["price"], product["source"]["price"]) == ("19.90", "recipe")
        assert (product["title"], product["source"]["title"]) == ("Shirt", "json-ld")
        [asked] = [seen for seen in site.seen if seen.target == "/p/1"]
        assert asked.headers["authorization"] == "hunter2"
        site.pages["/robots.txt"] = Answer("User-agent: *\nDisallow: /p/")
        assert main(["extract", f"{site.url}/p/1"]) == 1
        assert "robots.txt forbids reading" in capsys.readouterr().err
