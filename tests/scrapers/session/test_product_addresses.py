"""Which addresses of a store are one product's: decided by what their pages show."""

import pytest

from scrapers.session.product_addresses import ProductAddresses, Traits

SHOP = "https://shop.example"
SHIRT, HAT = Traits("shirt", "S-1"), Traits("hat", "H-1")


def test_context_and_noise_are_left_out_of_a_products_address():
    addresses = ProductAddresses()
    keys = {
        addresses.key(f"{SHOP}/index.php?route=product/product{more}&product_id=4")
        for more in (
            "",
            "&path=20",
            "&path=20_27&sort=price",
            "&manufacturer_id=7",
            "&utm_source=x",
            "&osCsid=0a1b2c3d4e",
        )
    }
    assert keys == {f"{SHOP}/index.php?route=product/product&product_id=4"}


@pytest.mark.parametrize("name", ["path", "cat", "keyword"])
def test_a_parameter_that_tells_the_cards_of_a_listing_apart_names_products(name):
    addresses = ProductAddresses()
    urls = [f"{SHOP}/index.php?view=item&x=1&{name}={value}" for value in ("red", "blue", "green", "grey")]
    addresses.note_cards([(url, url[-3:]) for url in urls])
    assert [addresses.key(url) for url in urls] == urls


def test_a_product_linked_in_two_ways_teaches_nothing():
    addresses = ProductAddresses()
    url = f"{SHOP}/index.php?id={{}}&path={{}}"
    addresses.note_cards([(url.format(n, path), f"{n} {path}") for n in range(9) for path in (1, 2)])
    assert addresses.key(url.format(1, 1)) == addresses.key(url.format(1, 2))


def test_an_unknown_parameter_that_changes_nothing_is_ignored():
    addresses = ProductAddresses()
    first = addresses.own_address(f"{SHOP}/p?visit=aaa&id=1", None, SHIRT)
    assert addresses.own_address(f"{SHOP}/p?visit=bbb&id=1", None, SHIRT) == first
    assert addresses.ignored == {"visit"}


def test_an_unknown_parameter_that_changes_the_product_names_it():
    addresses = ProductAddresses()
    first = addresses.own_address(f"{SHOP}/p?what=aaa", None, SHIRT)
    assert addresses.own_address(f"{SHOP}/p?what=bbb", None, HAT) != first
    assert addresses.significant == {"what"}


def test_what_is_stored_is_known_again_behind_another_session():
    addresses = ProductAddresses()
    addresses.add_stored(f"{SHOP}/p?visit=last&id=1", SHIRT)
    assert addresses.own_address(f"{SHOP}/p?visit=now&id=1", None, SHIRT) == f"{SHOP}/p?visit=last&id=1"


def test_a_canonical_address_of_one_product_is_its_own():
    addresses = ProductAddresses()
    for folder in ("women", "sale"):
        assert addresses.own_address(f"{SHOP}/{folder}/shirt", f"{SHOP}/shirt", SHIRT) == f"{SHOP}/shirt"


def test_a_canonical_address_that_several_products_name_is_nobodys():
    addresses = ProductAddresses()
    addresses.own_address(f"{SHOP}/women/shirt", f"{SHOP}/item", SHIRT)
    assert addresses.own_address(f"{SHOP}/women/hat", f"{SHOP}/item", HAT) == f"{SHOP}/women/hat"
    assert (addresses.to_read_again, addresses.disproved) == ([f"{SHOP}/women/shirt"], [f"{SHOP}/item"])
    assert addresses.own_address(f"{SHOP}/women/shirt", f"{SHOP}/item", SHIRT) == f"{SHOP}/women/shirt"


@pytest.mark.parametrize("canonical", ["/", "/women", "/index.php?route=common/home"])
def test_a_canonical_address_of_the_front_page_or_a_listing_is_not_believed(canonical):
    addresses = ProductAddresses()
    addresses.note_listing(f"{SHOP}/women")
    assert addresses.own_address(f"{SHOP}/shirt", SHOP + canonical, SHIRT) == f"{SHOP}/shirt"


def test_a_product_keeps_the_address_that_it_is_stored_under():
    addresses = ProductAddresses()
    addresses.add_stored(f"{SHOP}/women/shirt", SHIRT)
    assert addresses.own_address(f"{SHOP}/women/shirt", f"{SHOP}/item", SHIRT) == f"{SHOP}/women/shirt"


def test_categories_and_makers_differ_by_what_would_be_context_of_a_product():
    addresses = ProductAddresses()
    for url in (
        "/index.php?rt=product/manufacturer&manufacturer_id={}",
        "/index.php?main_page=index&cPath={}",
    ):
        assert addresses.key(SHOP + url.format(14)) != addresses.key(SHOP + url.format(15))
