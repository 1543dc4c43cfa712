import pytest

from flows.config import load_config
from flows.edit import add_store, example, remove_store, with_changes, write_example
from scrapers.config.store import Limits, Store
from storage.errors import InputError

SHOP = Store(name="shop.example", url="https://shop.example", strategy="shopify")
OTHER = Store(
    name="other.example",
    url="https://other.example",
    strategy="listing",
    listing_urls=["https://other.example/all"],
    limits=Limits(pages=7),
)


@pytest.fixture
def file(tmp_path):
    written = tmp_path / "lookalike.toml"
    write_example(written)
    return written


def test_stores_come_and_go_and_comments_stay(file):
    add_store(file, SHOP)
    add_store(file, OTHER)
    assert load_config(file, environ={}).stores == (SHOP, OTHER)
    assert file.read_text().count("\n\n[[stores]]\nname") == 2
    assert file.read_text().startswith(example())
    remove_store(file, "shop.example")
    assert load_config(file, environ={}).stores == (OTHER,)
    remove_store(file, "other.example")
    assert load_config(file, environ={}).stores == ()
    assert file.read_text().rstrip() == example().rstrip()


def test_the_example_is_never_written_over_a_file(file):
    file.write_text("# mine\n")
    with pytest.raises(InputError, match="already there"):
        write_example(file)
    assert file.read_text() == "# mine\n"


def test_the_example_can_name_another_data_root(tmp_path):
    write_example(tmp_path / "lookalike.toml", data=str(tmp_path / "else where"))
    assert load_config(tmp_path / "lookalike.toml", environ={}).data == tmp_path / "else where"


def test_a_name_is_taken_once(file):
    add_store(file, SHOP)
    before = file.read_text()
    with pytest.raises(InputError, match="--name"):
        add_store(file, SHOP)
    assert file.read_text() == before


def test_a_store_gets_a_name_that_is_one():
    mine = with_changes(SHOP, {"name": "mine"})
    assert mine.model_dump(exclude={"name"}) == SHOP.model_dump(exclude={"name"})
    for name in ("My Shop", "", "-mine", "a/b"):
        with pytest.raises(InputError, match="lower-case letters"):
            with_changes(SHOP, {"name": name})


def test_what_a_store_is_given_is_checked_and_secrets_are_not_repeated():
    limited = with_changes(SHOP, {"limits": {"pages": "500"}, "headers": {"X-Country": "DE"}})
    assert (limited.limits.pages, limited.headers) == (500, {"X-Country": "DE"})
    for changes, said in (
        ({"limits": {"pagez": "1"}}, r"`limits\.pagez` of the store is not usable"),
        ({"currency": "euro"}, "`currency` of the store"),
        ({"headers": {"Cookie": "hunter2"}}, "`headers` of the store.*environment variable"),
        ({"render": True}, "The store is not usable: it must not set `render`"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            with_changes(SHOP, changes)
        assert "hunter2" not in str(caught.value)


def test_a_store_with_everything_is_written_and_read_again(file):
    store = with_changes(
        OTHER,
        {
            "headers": {"Authorization": "Bearer ${TOKEN}"},
            "recipe": {"title": "h1", "search_url": "https://other.example/search?q={query}"},
            "render": True,
        },
    )
    add_store(file, store)
    assert load_config(file, environ={}).stores == (store,)


def test_an_unknown_store_is_not_removed(file):
    add_store(file, SHOP)
    with pytest.raises(InputError, match=r"no store 'none'.*shop\.example"):
        remove_store(file, "none")


def test_a_malformed_file_is_left_alone(file):
    file.write_text("data = ")
    with pytest.raises(InputError, match="not valid TOML"):
        add_store(file, SHOP)
    assert file.read_text() == "data = "
