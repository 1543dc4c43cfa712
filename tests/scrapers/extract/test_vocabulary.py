"""The words of each language: valid files, clear errors, and a new language by a new file alone."""

import shutil
import subprocess
import sys

import pytest

from scrapers.extract.vocabulary import (
    FOLDER,
    SECTIONS,
    VocabularyError,
    phrases,
    read_language,
    read_languages,
    words,
)

LANGUAGES = sorted(file.stem for file in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_known_sections_and_no_word_twice(language):
    found = read_language(FOLDER / f"{language}.toml")
    assert found.keys() <= SECTIONS.keys()
    assert all(len(set(section)) == len(section) > 0 for section in found.values())


def test_every_section_has_words():
    assert all(words(section) for section in SECTIONS)
    assert {"en", "de", "fr", "pl", "ja", "ar"} <= set(LANGUAGES)


def test_an_unknown_section_of_words_is_refused():
    with pytest.raises(KeyError):
        words("bought")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('bought = ["osta"]', "xx.toml has an unknown section 'bought'. Known sections: buy, other_button"),
        ('buy = ["osta", "Osta"]', "xx.toml: section 'buy' has 'osta' twice"),
        ('buy = "osta"', "xx.toml: section 'buy' must be a list of phrases"),
        ('buy = ["osta", 7]', "xx.toml: section 'buy' must be a list of phrases"),
        ('buy = [" "]', "xx.toml: section 'buy' must be a list of phrases"),
        ('buy = ["osta"', "xx.toml cannot be read as TOML"),
    ],
)
def test_an_invalid_file_is_refused_with_its_name(tmp_path, text, message):
    (tmp_path / "xx.toml").write_text(text)
    with pytest.raises(VocabularyError) as error:
        read_languages(tmp_path)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("section", "text", "found"),
    [
        ("buy", "Add  to\u00a0cart", "Add  to\u00a0cart"),
        ("buy", "readd to carts", None),
        ("sold_out", "Produkt niedostępny.", "Produkt niedostępny"),
        ("sold_out", "この商品は完売しました", "完売"),
        ("in_stock", "Only 3 left", "Only 3 left"),
        ("not_the_price", "36 installments", "installments"),
    ],
)
def test_phrases_are_found_as_whole_words_where_scripts_have_words(section, text, found):
    match = phrases(section).search(text)
    assert (match[0] if match else None) == found


NEW_LANGUAGE = """
import sys
from pathlib import Path
import scrapers.extract.vocabulary as vocabulary
vocabulary.FOLDER = Path(sys.argv[1])
from scrapers.extract.product import extract_product
product = extract_product(sys.stdin.read(), "https://shop.example/p/1")
print(product and (str(product.price), str(product.was_price), str(product.availability), product.sku))
"""
PAGE = """<title>Lopapeysa</title><h1>Lopapeysa</h1><p>Verð áður <b>39.00 €</b></p><p><b>29.00 €</b></p>
<p>Vörunúmer: LP-1200</p><p>Uppselt í bili</p><button disabled>Setja í körfu</button>"""
ICELANDIC = """
buy = ["setja í körfu"]
sold_out = ["uppselt í bili"]
earlier_price = ["verð áður"]
label_sku = ["vörunúmer"]
"""


@pytest.mark.parametrize(
    ("words_of_is", "read"),
    [(None, "None"), (ICELANDIC, "('29.00', '39.00', 'out_of_stock', 'LP-1200')")],
)
def test_a_new_language_is_a_new_file(tmp_path, words_of_is, read):
    folder = tmp_path / "vocabulary"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    if words_of_is:
        (folder / "is.toml").write_text(words_of_is)
    code = [sys.executable, "-c", NEW_LANGUAGE, str(folder)]
    done = subprocess.run(code, input=PAGE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == read
