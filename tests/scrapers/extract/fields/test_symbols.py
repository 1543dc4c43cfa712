"""The signs of currencies, against the data they come from."""

import pytest
from babel import Locale
from babel.localedata import locale_identifiers
from babel.numbers import get_territory_currencies

from scrapers.extract.fields.money import find_money
from scrapers.extract.fields.symbols import codes_of, currency_of_symbol, local_symbols


@pytest.mark.slow
def test_every_sign_of_cldr_is_known_for_the_country_that_pays_with_it():
    unknown = set()
    for identifier in locale_identifiers():
        locale = Locale.parse(identifier)
        for code in get_territory_currencies(locale.territory) if locale.territory else ():
            sign = locale.currency_symbols.get(code, code).strip("\u200e\u200f\u200b ").replace("\u202f", "")
            if sign and sign != code and code not in codes_of(sign):
                unknown.add((sign, code))
    assert not unknown


@pytest.mark.parametrize(
    ("sign", "country", "code"),
    [
        ("$", "mx", "MXN"),
        ("$", "", None),
        ("kr", "dk", "DKK"),
        ("FCFA", "cm", "XAF"),
        ("£", "", "GBP"),
        ("Rs.", "lk", "LKR"),
        ("R", "", "ZAR"),
        ("SR", "sc", "SCR"),
    ],
)
def test_a_sign_of_several_currencies_means_the_one_of_the_country(sign, country, code):
    assert currency_of_symbol(sign, country) == code


def test_a_short_sign_is_one_only_on_pages_of_its_country():
    assert [money.symbol for money in find_money("L 38", local=local_symbols("hn"))] == ["L"]
    assert [money.symbol for money in find_money("L 38", local=local_symbols("fr"))] == [None]
