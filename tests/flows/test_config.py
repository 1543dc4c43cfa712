import re
import tomllib
from pathlib import Path

import pytest

from flows.config import load_config
from scrapers.config.store import Limits, Store
from storage.errors import InputError

REPO = Path(__file__).parents[2]
EXAMPLE = REPO / "lookalike.example.toml"

STORE = '[[stores]]\nname = "shop.example"\nurl = "https://shop.example"\n'


def write(folder: Path, text: str) -> Path:
    file = folder / "lookalike.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_loads(tmp_path):
    config = load_config(write(tmp_path, EXAMPLE.read_text()), environ={})
    assert config.stores == ()
    assert config.data == tmp_path / "data"


def test_the_example_names_every_setting_with_its_default(tmp_path):
    uncommented = re.sub(r"^# (?=[a-z_]+ = |\[\[?stores)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    document = tomllib.loads(uncommented)
    config = load_config(write(tmp_path, "data = 'data'"), environ={})
    for section in ("crawl", "embed", "index", "recommend", "schedule", "prefect", "scale", "telemetry"):
        defaults = getattr(config, section).model_dump(exclude={"limits"})
        written = {key: value for key, value in document[section].items() if key != "limits"}
        assert written == defaults
    assert document["name"] == config.name
    assert document["crawl"]["limits"] == Limits().model_dump()
    assert {*document["stores"][0], "limits"} == set(Store.model_fields)
    load_config(write(tmp_path, uncommented), environ={})


def test_data_comes_from_the_option_then_the_environment_then_the_file(tmp_path, monkeypatch):
    file = write(tmp_path, "data = 'kept'")
    monkeypatch.chdir(tmp_path)
    environ = {"LOOKALIKE_DATA": "/from/environment"}
    assert load_config(file, "given", environ=environ).data == tmp_path / "given"
    assert load_config(file, environ=environ).data == Path("/from/environment")
    assert load_config(file, environ={}).data == tmp_path / "kept"
    file.unlink()
    assert load_config(environ={}).data == tmp_path / "data"


def test_paths_in_the_file_are_relative_to_it(tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    file = write(folder, "data = 'here'\n[embed]\nweights = 'mine.npz'")
    monkeypatch.chdir(tmp_path)
    config = load_config("elsewhere/lookalike.toml", environ={})
    assert (config.file, config.data) == (file, folder / "here")
    assert config.embed.weights == str(folder / "mine.npz")


def test_the_file_in_this_folder_is_found(tmp_path, monkeypatch):
    write(tmp_path, STORE)
    monkeypatch.chdir(tmp_path)
    assert [store.name for store in load_config(environ={}).stores] == ["shop.example"]


def test_limits_hold_for_every_store_but_its_own_win(tmp_path):
    other = STORE.replace("shop.example", "other.example") + "[stores.limits]\npages = 7\n"
    file = write(tmp_path, "[crawl.limits]\npages = 10\nretries = 1\n" + STORE + other)
    first, second = load_config(file, environ={}).stores
    assert (first.limits.pages, first.limits.retries) == (10, 1)
    assert (second.limits.pages, second.limits.retries) == (7, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("data = \n", ["not valid TOML", "line 1"]),
        ("colour = 'red'", ["unknown key `colour`", "at its top"]),
        ("[crawl]\nat_onec = 3", ["unknown key `at_onec` in `crawl`", "`at_once`"]),
        ("[crawl.limits]\npage = 3", ["unknown key `page` in `crawl.limits`", "`pages`"]),
        ("[crawl]\nat_once = 'many'", ["`crawl.at_once`", "'many'", "integer"]),
        ("[crawl]\nat_once = 0", ["`crawl.at_once`", "greater than or equal to 1"]),
        ("crawl = 3", ["`crawl`", "3"]),
        ("stores = 'shop.example'", ["`stores`", "shop.example"]),
        ("[schedule]\ncron = 'nightly'", ["`schedule.cron`", "five fields"]),
        ("[schedule]\ntimezone = 'Mars/Base'", ["`schedule.timezone`", "Europe/Berlin"]),
        ("name = 'My Shop'", ["`name`", "'My Shop'", "lower-case letters"]),
        ("[prefect]\nkeep_days = 0", ["`prefect.keep_days`", "greater than or equal to 1"]),
        ("[prefect]\ndatabase = 'mysql://x'", ["`prefect.database`", "postgresql://user:${PASSWORD}"]),
        (
            "[maintain]\ncrawls_days = 6",
            ["`maintain.crawls_days` is 6", "`crawl.dead_nights` is 7", "7 days"],
        ),
        ("[crawl]\ndead_nights = 400", ["`maintain.crawls_days` is 365", "Keep crawls for 400 days"]),
        ("data = 'gs://bucket/x'", ["gs://bucket/x", "s3://bucket/prefix"]),
        ("[[stores]]\nname = 'shop.example'", ["lacks `url`", "store 'shop.example'"]),
        ("[[stores]]\nurl = 'https://a.example'", ["lacks `name`", "entry number 1"]),
        (STORE.replace("https", "ftp"), ["`url` of store 'shop.example'", "http"]),
        (STORE.replace('"shop.example"', '"Shop One"'), ["`name` of store 'Shop One'"]),
        (STORE + "strategy = 'magento'", ["`strategy` of store 'shop.example'", "shopify"]),
        (STORE + "colour = 'red'", ["unknown key `colour` in store 'shop.example'"]),
        (
            STORE + "[stores.recipe]\ntitle = 'h1['",
            ["`recipe.title` of store 'shop.example'", "CSS selector"],
        ),
        (STORE + "[stores.recipe]\nprices = 'h1'", ["`prices` in `recipe` of store", "`price`"]),
        (STORE + "[stores.recipe]\nsearch_url = 'https://a.example/'", ["`recipe.search_url`", "{query}"]),
        (STORE + "proxy = 'socks5://a.example'", ["`proxy` of store 'shop.example'", "http"]),
        (STORE + "strategy = 'bing'", ["store 'shop.example'", "`queries`"]),
        (STORE + "strategy = 'shopify'\nrender = true", ["store 'shop.example'", "`render`"]),
        (
            STORE + "strategy = 'shopify'\n[stores.recipe]\ntitle = 'h1'",
            ["store 'shop.example'", "no recipe"],
        ),
        (STORE + STORE, ["two stores named 'shop.example'"]),
        ("[crawl.limits]\npages = 10\n" + STORE + "limits = 3", ["`limits` of store 'shop.example'"]),
        ("[crawl]\nlimits = 3\n" + STORE, ["`crawl.limits`"]),
        ("a = " + "[" * 5000, ["not valid TOML"]),
        ("a = " + "9" * 5000, ["not valid TOML"]),
        (STORE + f"[stores.recipe]\nprice = 'a:has({'b ' * 5000})'", ["`recipe.price`", "too deep"]),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path, text, says):
    file = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_config(file, environ={})
    message = str(caught.value)
    assert "\n" not in message
    for part in says if text.startswith("data = 'gs") else [str(file), *says]:
        assert part in message


@pytest.mark.parametrize("path", ["\\u0000", "~nobody-of-this-name/data"])
@pytest.mark.parametrize(
    "line", ['data = "{}"', '[embed]\nweights = "{}/x.npz"', '[recommend]\npurchases = "{}"']
)
def test_what_is_no_path_is_a_sentence(tmp_path, line, path):
    with pytest.raises(InputError, match=r"is not a path \("):
        load_config(write(tmp_path, line.format(path)), environ={})


@pytest.mark.parametrize(
    "line",
    [
        "headers = { Authorization = 'hunter2' }",
        "headers = { X-Api-Key = 'hunter2' }",
        "headers = { X-Auth = 'hunter2' }",
        "headers = { X-Session-Id = 'hunter2' }",
        "headers = { Cookie = 'session=hunter2; basket=${BASKET}' }",
        "listing_urls = ['https://me:hunter2@shop.example/all']",
        "proxy = '${SCHEME}://me:hunter2@proxy.example:3128'",
        "[stores.recipe]\nsearch_url = 'https://me:hunter2@shop.example/?q={query}'",
        "headers = { 'Bad Name' = 'hunter2' }",
        "headers = ['hunter2']",
        "proxy = 'http://me:hunter2@proxy.example:3128'",
        "proxy = 'ftp://me:hunter2@proxy.example:3128'",
    ],
)
def test_a_secret_is_never_repeated(tmp_path, line):
    with pytest.raises(InputError, match=r"store 'shop\.example'") as caught:
        load_config(write(tmp_path, STORE + line), environ={})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["mysql", "postgresql"])
def test_a_databases_password_is_never_repeated(tmp_path, scheme):
    file = write(tmp_path, f"[prefect]\ndatabase = '{scheme}://me:hunter2@localhost/prefect'")
    with pytest.raises(InputError, match=r"prefect\.database") as caught:
        load_config(file, environ={})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("rest", ["me:hunter2@x.example", "x.example/?token=hunter2", "x.example/#hunter2"])
def test_a_receiver_of_spans_is_given_without_secrets_and_none_is_repeated(tmp_path, rest):
    file = write(tmp_path, f"[telemetry]\notlp = 'https://{rest}'")
    with pytest.raises(InputError, match=r"telemetry\.otlp.*without a password or a query") as caught:
        load_config(file, environ={})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://me:hunter2@shop.example/", "me:hunter2@shop.example"])
def test_a_password_in_a_store_s_address_is_never_repeated(tmp_path, url):
    entry = f"[[stores]]\nname = 'shop.example'\nurl = '{url}'\n"
    with pytest.raises(InputError, match=r"`url` of store 'shop\.example'") as caught:
        load_config(write(tmp_path, entry), environ={})
    assert "hunter2" not in str(caught.value)


def test_secrets_stand_in_the_file_by_name_only(tmp_path):
    lines = (
        "headers = { Authorization = 'Bearer ${TOKEN}' }\nproxy = 'http://me:${PASSWORD}@proxy.example:1'\n"
    )
    [store] = load_config(write(tmp_path, STORE + lines), environ={"TOKEN": "hunter2"}).stores
    assert store.headers == {"Authorization": "Bearer ${TOKEN}"}
    assert store.proxy == "http://me:${PASSWORD}@proxy.example:1"


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="lookalike init"):
        load_config(tmp_path / "none.toml", environ={})


def test_a_file_that_is_not_utf8_is_one_sentence(tmp_path):
    file = tmp_path / "lookalike.toml"
    file.write_bytes(b"data = '\xff\xfe'")
    with pytest.raises(InputError, match="UTF-8"):
        load_config(file, environ={})


def test_stores_are_chosen_by_name(tmp_path):
    config = load_config(write(tmp_path, STORE + STORE.replace("shop", "other")), environ={})
    assert [store.name for store in config.choose_stores()] == ["shop.example", "other.example"]
    assert [store.name for store in config.choose_stores(["other.example"] * 2)] == ["other.example"]
    with pytest.raises(InputError, match=r"no store 'none'.*other\.example, shop\.example"):
        config.choose_stores(["none"])
    with pytest.raises(InputError, match="lookalike stores add"):
        load_config(write(tmp_path, ""), environ={}).choose_stores()
