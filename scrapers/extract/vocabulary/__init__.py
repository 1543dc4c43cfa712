"""What shops write, one file a language: `<language>.toml` holds a list of phrases for each section.

A new language is a new file; nothing else changes. Phrases of all languages are searched together, in any
letter case, as whole words where the script separates words by spaces. `*` stands for any ending of a word.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from storage.errors import LookalikeError

FOLDER = Path(__file__).parent

SECTIONS = {
    "buy": "labels of buttons that buy, bid or reserve",
    "other_button": "labels of buttons that look similar and do not buy: wish list, orders, view cart",
    "notify_me": "labels that offer a notification when a product is back",
    "preorder": "a product can be ordered before it is available",
    "in_stock": "a product is available",
    "available_alone": "the same, if nothing else is written there",
    "sold_out": "a product is not available",
    "sold_alone": "the same, if nothing else is written there: `sold`, but not `sold by`",
    "coming_soon": "a product will be available",
    "elsewhere": "places whose stock is not the web shop's: stores, pickup points",
    "earlier_price": "labels of an earlier, list or recommended price",
    "from_price": "words beside the lowest price of several variants: `from`",
    "lowest_price": "labels of the lowest price of the last 30 days",
    "member_price": "labels of a price that only members pay",
    "without_tax": "a price excludes tax",
    "not_the_price": "labels of other amounts: shipping, instalments, savings, points",
    "after_other_amount": "the same, behind the amount: `a month`, `off`",
    "label_brand": "labels of a row with the brand",
    "label_sku": "labels of a row with the store's number of the product",
    "label_model": "labels of a row with a model, whose number may be the store's number of the product",
    "label_gtin": "labels of a row with the GTIN",
    "label_stock": "labels of a row with the availability",
    "brand_prefix": "words before the brand in its link: `by`, `visit the`",
    "brand_option": "names of a WooCommerce attribute that holds the brand",
    "option_colour": "names of the option colour, one word each",
    "option_size": "names of the option size, one word each",
    "home": "the front page in a breadcrumb trail, one word each",
    "all_categories": "the list of all categories in a breadcrumb trail",
    "brands": "the list of brands in a breadcrumb trail, one word each",
    "other_products": "headings above other products: `You may also like`",
    "next_page": "labels of the link to a listing's next page",
    "not_found": "headings of pages that say that a page does not exist",
    "challenge": "beginnings of titles of pages that ask for a browser or a person",
}
"""Section to what its phrases mean. A language may leave sections out."""

_SPACED = re.compile(r"[^\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""Scripts that separate words by spaces."""
_SPACE = r"[\s\u00a0-]+"

_Tree = dict[str, "_Tree"]
Language = Mapping[str, tuple[str, ...]]
"""Section to phrases."""


class VocabularyError(LookalikeError):
    """A vocabulary file is invalid; the message names the file and the mistake."""


@cache
def words(section: str) -> tuple[str, ...]:
    """The phrases of a section in all languages, in lower case, each once.

    :raises VocabularyError: if a file is invalid.
    :raises KeyError: if there is no such section.
    """
    if section not in SECTIONS:
        raise KeyError(section)
    languages = read_languages(FOLDER).values()
    return tuple(dict.fromkeys(phrase for language in languages for phrase in language.get(section, ())))


@cache
def phrases(*sections: str) -> re.Pattern[str]:
    """An expression that finds any phrase of some sections, in any language.

    :raises VocabularyError: if a file is invalid.
    """
    return compile_phrases(phrase for section in sections for phrase in words(section))


@cache
def read_languages(folder: Path) -> dict[str, Language]:
    """Language code to vocabulary, in alphabetical order.

    :raises VocabularyError: if a file is invalid.
    """
    return {file.stem: read_language(file) for file in sorted(folder.glob("*.toml"))}


def read_language(file: Path) -> Language:
    """The vocabulary of one language.

    :raises VocabularyError: if the file is no TOML, has an unknown section, or an invalid or repeated phrase.
    """
    try:
        sections = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VocabularyError(f"{file} cannot be read as TOML ({error}).") from None
    for section, found in sections.items():
        if section not in SECTIONS:
            raise VocabularyError(
                f"{file} has an unknown section '{section}'. Known sections: {', '.join(SECTIONS)}."
            )
        if not isinstance(found, list) or not all(isinstance(one, str) and one.strip() for one in found):
            raise VocabularyError(f"{file}: section '{section}' must be a list of phrases in quotes.")
        folded = [_folded(one) for one in found]
        repeated = next((one for place, one in enumerate(folded) if one in folded[:place]), None)
        if repeated is not None:
            raise VocabularyError(f"{file}: section '{section}' has '{repeated}' twice. Remove one of them.")
        sections[section] = tuple(folded)
    return sections


def compile_phrases(found: Iterable[str]) -> re.Pattern[str]:
    """An expression that finds any of some phrases in lower case.

    Phrases share their common beginning in the expression, so that a hundred take hardly longer than one.
    """
    whole: _Tree = {}
    anywhere: _Tree = {}
    for phrase in found:
        node = whole if _SPACED.fullmatch(phrase) else anywhere
        for letter in phrase:
            written = _SPACE if letter == " " else r"\w*" if letter == "*" else re.escape(letter)
            node = node.setdefault(written, {})
        node[""] = {}
    parts = [rf"(?<!\w){_beginning(whole)}{_expression(whole)}(?!\w)"] if whole else []
    parts += [f"{_beginning(anywhere)}{_expression(anywhere)}"] if anywhere else []
    return re.compile("|".join(parts), re.IGNORECASE)


def _beginning(tree: _Tree) -> str:
    """A look at the first letter, because most begin no phrase: trying each of the branches takes longer."""
    return f"(?=[{''.join(tree)}])" if all(len(letter.lstrip(chr(92))) == 1 for letter in tree) else ""


def _folded(phrase: str) -> str:
    return " ".join(phrase.casefold().split())


def _expression(tree: _Tree) -> str:
    """What a tree of letters matches, the longest of several first."""
    branches = [f"{letter}{_expression(below)}" for letter, below in tree.items() if letter]
    if not branches:
        return ""
    ends = "" in tree
    if len(branches) == 1 and not ends:
        return branches[0]
    return f"(?:{'|'.join(branches)}){'?' if ends else ''}"
