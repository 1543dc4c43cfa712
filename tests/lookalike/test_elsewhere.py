from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import lookalike
from embedding.encoder.preprocess import pixels_of
from embedding.index.build import build_index
from lookalike.query import Shop
from lookalike.same_product import same_title
from storage import images
from storage.errors import InputError
from storage.root import Root
from tests import catalogues
from tests.catalogues import MODEL, product
from tests.lookalike.query.shops import encoded, picture

DRESS, SHIRT = 1, 2


def row(store: str, product_id: str, *shown: int, **facts: Any) -> tuple[dict[str, Any], tuple[int, ...]]:
    return product(store, product_id, [str(at) for at in shown], **facts), shown


ROWS = [
    row(
        "a.example",
        "dress",
        DRESS,
        title="Acme linen dress",
        brand="Acme",
        price=Decimal(50),
        gtin="4006381333931",
    ),
    row("b.example", "dress", DRESS, title="Linen dress blue", brand="ACME", price=Decimal(45)),
    row("c.example", "dress", DRESS, title="Dress, linen", price=Decimal(48), currency="USD"),
    row("c.example", "robe", DRESS, title="Robe en lin", price=Decimal(40)),
    row("d.example", "gtin", 9, title="Summer thing", price=None, gtin="04006381333931"),
    row("d.example", "other", 10, title="Acme linen dress", brand="Acme", price=Decimal(30)),
    row("a.example", "again", DRESS, title="Acme linen dress", brand="Acme", price=Decimal(49)),
    row("a.example", "shirt", SHIRT, title="Shirt", brand="Acme", sku=" sh-1 ", availability="out_of_stock"),
    row("b.example", "shirt", 11, title="White shirt", brand="acme", sku="SH-1", price=Decimal(12)),
    row("c.example", "shirt", 12, title="Trousers", brand="acme", sku="SH-1", price=Decimal(11)),
    row("d.example", "shirt", 13, title="Shirt", brand="Else", sku="SH-1", gtin="00000000000000"),
    row("a.example", "zeros", 14, title="Skirt", gtin="0000000000000"),
    *(row("e.example", f"p{at}", at, title=f"Garment {at}") for at in range(20, 30)),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    root = Root.open(tmp_path_factory.mktemp("elsewhere") / "data", create=True)
    encoder = catalogues.write_encoder(root)
    data = {at: encoded(picture(at)) for _, shown in ROWS for at in shown}
    ids = {at: images.image_id(one) for at, one in data.items()}
    for facts, shown in ROWS:
        for image, at in zip(facts["images"], shown, strict=True):
            image["image_id"] = ids[at]
    vectors = encoder.encode(np.stack([pixels_of(one, encoder.spec.size) for one in data.values()]))
    catalogues.write(
        root,
        [facts for facts, _ in ROWS],
        {ids[at]: one for at, one in data.items()},
        dict(zip(ids.values(), vectors, strict=True)),
    )
    build_index(root, MODEL)
    return lookalike.open(root.path)


def also(match: Any) -> list[str]:
    return [offer.id for offer in match.also_at]


def test_products_of_one_photo_are_one_result(shop: Shop) -> None:
    matches = shop.similar(picture(DRESS), k=30)
    assert len(matches) == len(shop) - 4
    first = matches[0]
    assert {first.id, *also(first)} == {
        *(f"{store}.example:dress" for store in "abc"),
        "a.example:again",
        "c.example:robe",
    }
    prices = [offer.price for offer in first.also_at if offer.currency == first.currency]
    assert prices == sorted(prices, key=lambda price: price or 0)
    assert [offer.currency for offer in first.also_at][-1] == "USD", "what cannot be compared comes last"
    assert all(not match.also_at for match in matches[1:])
    stated = first.to_dict()["also_at"]
    assert [one["product_id"] for one in stated] == [offer.product_id for offer in first.also_at]
    assert list(stated[0]) == ["store", "product_id", "title", "price", "currency", "availability", "url"]
    assert stated[0]["price"] == "40.00"
    assert "also at  c.example:robe" in repr(matches)
    assert matches.to_pandas()["also_at"][0] == ", ".join(also(first))


def test_what_is_also_there_passes_the_filters(shop: Shop) -> None:
    first = shop.similar(picture(DRESS), max_price=48, currency="EUR")[0]
    assert {first.id, *also(first)} == {"b.example:dress", "c.example:robe"}
    first = shop.similar(picture(DRESS), store=["c.example", "e.example"])[0]
    assert {first.id, *also(first)} == {"c.example:dress", "c.example:robe"}
    assert also(shop.similar(picture(DRESS), brand="Acme", store="b.example")[0]) == []
    first = shop.similar(picture(DRESS), rates={"EUR": 1, "USD": "0.5"})[0]
    assert also(first)[0] == "c.example:dress" or first.id == "c.example:dress", "24 euros is the least"


def test_a_products_twins_come_first_but_not_itself(shop: Shop) -> None:
    matches = shop.similar("a.example:dress", k=30)
    first = matches[0]
    assert first.score > 0.99
    assert {first.id, *also(first)} == {
        *("b.example:dress", "c.example:dress", "a.example:again", "c.example:robe")
    }
    assert "a.example:dress" not in [name for match in matches for name in (match.id, *also(match))]
    twins = ["a.example:dress", "b.example:dress", "c.example:dress", "a.example:again", "c.example:robe"]
    assert shop.similar(twins, k=30)[0].score < 0.9


def evidence(matches: Any) -> dict[str, tuple[str, ...]]:
    return {match.id: match.evidence for match in matches}


def test_the_same_article_elsewhere_is_found_with_what_says_so(shop: Shop) -> None:
    found = shop.elsewhere("a.example:dress")
    assert evidence(found) == {
        "b.example:dress": ("photo", "title"),
        "c.example:dress": ("photo", "title"),
        "d.example:gtin": ("GTIN",),
    }
    assert [match.id for match in found] == ["b.example:dress", "c.example:dress", "d.example:gtin"], (
        "cheapest first, then other currencies, then no price"
    )
    assert [match.rank for match in found] == [1, 2, 3]
    assert found.generation == shop.generation
    assert found[0].score == pytest.approx(1, abs=2e-3)
    assert found[2].score < 0.9
    assert found.to_pandas()["evidence"].tolist() == ["photo, title", "photo, title", "GTIN"]
    assert "Acme linen dress elsewhere" in found._repr_html_()
    assert shop.elsewhere(shop.product("a.example:dress")) == found


def test_prices_elsewhere_are_compared_in_one_currency(shop: Shop) -> None:
    def order(**options: Any) -> list[str]:
        return [match.store[0] for match in shop.elsewhere("a.example:dress", **options)]

    assert order() == ["b", "c", "d"]
    assert order(currency="USD") == ["c", "b", "d"]
    assert order(rates={"EUR": 1, "USD": "0.9"}) == ["c", "b", "d"], "43.20 is less than 45"
    assert order(rates={"USD": "0.95"}, currency="EUR") == ["b", "c", "d"], "45.60 is more"


def test_a_sku_needs_the_brand_and_one_thing_more(shop: Shop) -> None:
    assert evidence(shop.elsewhere("a.example:shirt")) == {"b.example:shirt": ("brand and SKU", "title")}
    assert evidence(shop.elsewhere("b.example:shirt", in_stock=True)) == {}
    assert evidence(shop.elsewhere("c.example:shirt")) == {}


def test_a_gtin_of_zeros_says_nothing(shop: Shop) -> None:
    assert len(shop.elsewhere("a.example:zeros")) == 0


def test_a_product_that_nobody_else_sells(shop: Shop) -> None:
    assert len(shop.elsewhere("e.example:p20")) == 0
    for name in ("e.example:p99", "nowhere:p20", "p20", ""):
        with pytest.raises(InputError, match=f"There is no product '{name}'"):
            shop.elsewhere(name)
    with pytest.raises(InputError, match="do not say what they are in"):
        shop.elsewhere("e.example:p20", rates={"USD": 2})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Linen dress", "Dress, linen", True),
        ("Acme linen dress", "Linen dress blue", True),
        ("Robe en crêpe", "robe en CREPE", True),
        ("Linen dress", "Linen trousers", False),
        ("Acme linen top", "Acme linen trousers", False),
        ("Acme", "Acme", False),
        ("", "", False),
        (None, "Linen dress", False),
    ],
)
def test_titles_that_name_one_article(one: str | None, other: str | None, same: bool) -> None:
    assert same_title({"title": one, "brand": "Acme"}, {"title": other, "brand": None}) is same
