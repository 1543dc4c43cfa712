"""Kinds of garment: what can complete an outfit, and what goes with what."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping

import numpy as np

_WORDS: dict[str, str] = {
    "footwear": "shoe footwear boot bootie sandal heel flat sneaker trainer loafer slipper espadrille mule "
    "pump ballerina moccasin flop",
    "bag": "bag handbag backpack clutch tote rucksack purse satchel pouch",
    "underwear": "underwear lingerie bra brief boxer trunk innerwear undershirt intimate nightdress "
    "nightgown nightwear swimwear swimsuit bikini pyjama pajama robe loungewear shapewear sock tight "
    "stocking",
    "dress": "dress jumpsuit playsuit gown romper overall dungaree kaftan saree sari lehenga",
    "outerwear": "outerwear outwear coat jacket blazer parka trenchcoat trench anorak puffer waistcoat "
    "shrug poncho cape gilet cardigan vest overshirt raincoat",
    "bottom": "bottom trouser pant jean skirt short legging jogger chino capri jegging bermuda churidar "
    "salwar patiala culotte tracksuit",
    "top": "top shirt t-shirt tshirt tee sweater blouse polo poloshirt hoodie sweatshirt jumper pullover "
    "knitwear tunic kurta kurti camisole bodysuit longsleeve cami",
    "jewellery": "jewellery jewelry earring necklace bracelet ring bangle pendant watch brooch",
    "headwear": "hat cap beanie headwear beret headband",
    "accessory": "accessory accessories belt scarf scarves tie glove sunglasses glasses wallet muffler stole "
    "dupatta foulard cufflink suspender umbrella kerchief case",
}
KINDS = tuple(_WORDS)
"""Kinds in code order."""

UNKNOWN = -1
"""The code of an unknown kind or gender."""

NO_GARMENT = -2
"""The code of what words say is nothing to wear, such as a perfume; it goes with nothing."""

_NO_GARMENT_WORDS = (
    "perfume parfum fragrance fragance cologne deodorant lipstick lip nail polish mascara kajal makeup "
    "cosmetic skincare foundation bedding glassware gadget deco candle towel mug book gift"
)

_KIND_OF = {
    word: code for code, words in enumerate(_WORDS.values()) for word in words.split()
} | dict.fromkeys(_NO_GARMENT_WORDS.split(), NO_GARMENT)
_TOKENS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_WORD = re.compile(r"[^\W\d_]+(?:['’]s)?")
_REMEMBERED = 1024  # texts: categories come again and again, titles do not
_NOT_AFTER = ("without", "for", "with")

_GOES_WITH: dict[str, dict[str, float]] = {
    "top": {"bottom": 1, "outerwear": 0.8, "footwear": 0.9, "bag": 0.7, "jewellery": 0.6, "accessory": 0.5},
    "bottom": {"top": 1, "outerwear": 0.8, "footwear": 0.9, "bag": 0.7, "jewellery": 0.5, "accessory": 0.6},
    "dress": {"footwear": 1, "bag": 0.9, "outerwear": 0.8, "jewellery": 0.7, "accessory": 0.5},
    "outerwear": {"top": 1, "bottom": 0.95, "dress": 0.7, "footwear": 0.9, "bag": 0.7, "accessory": 0.6},
    "footwear": {"bottom": 1, "top": 0.95, "dress": 0.8, "outerwear": 0.7, "bag": 0.9, "accessory": 0.4},
    "bag": {"footwear": 1, "dress": 0.8, "top": 0.9, "bottom": 0.9, "outerwear": 0.7, "jewellery": 0.5},
    "jewellery": {"dress": 1, "top": 0.9, "bottom": 0.7, "bag": 0.8, "footwear": 0.8, "outerwear": 0.4},
    "headwear": {"outerwear": 1, "top": 0.9, "bottom": 0.9, "footwear": 0.8, "bag": 0.6, "accessory": 0.7},
    "accessory": {"top": 1, "bottom": 0.9, "outerwear": 0.9, "dress": 0.6, "footwear": 0.8, "bag": 0.7},
    "underwear": {"underwear": 1},
}
_REPLACES = {"dress": ("top", "bottom"), "top": ("dress",), "bottom": ("dress",)}


WOMEN, MEN, GIRLS, BOYS, CHILDREN = range(5)
_GENDER_OF = {
    word: code
    for code, words in enumerate(
        (
            "women woman womens lady ladies female",
            "men man mens gentlemen male",
            "girl",
            "boy",
            "kid child children",
        )
    )
    for word in words.split()
}
_NAMES_A_GENDER = re.compile("|".join(sorted(_GENDER_OF, key=len)))
"""What most titles do not match: looking for it first takes a tenth of the time of reading every word."""


def gender_of(*texts: str | None) -> int:
    """Whom a store's words say a garment is for: a code, or `UNKNOWN` where they say nothing or both.

    A word for children decides wherever it stands, else the first text that says something.

    :param texts: the most telling first, such as category and title.
    """
    found = [_genders(text or "") for text in texts]
    children = {code for codes in found for code in codes if code >= GIRLS}
    if children:
        named = children - {CHILDREN}
        return named.pop() if len(named) == 1 else CHILDREN
    genders = next((codes for codes in found if codes), frozenset())
    return next(iter(genders)) if len(genders) == 1 else UNKNOWN


def for_the_same(gender: int, genders: np.ndarray) -> np.ndarray:
    """Which garments can be worn by whom one is for: bool [n], of int64 [n]."""
    same: np.ndarray = (genders == gender) | (genders == UNKNOWN) | (gender == UNKNOWN)
    if gender >= GIRLS:
        same = same | (genders == CHILDREN) | ((genders >= GIRLS) & (gender == CHILDREN))
    return same


def kind_of(*texts: str | None) -> int:
    """The kind that a store's words name: the code, `NO_GARMENT`, or `UNKNOWN`.

    :param texts: the most telling first, such as category and title; in each the last word that names a kind
        decides, since categories narrow and the noun of an English title comes last.
    """
    return next((code for text in texts if text and (code := _kind_named(text)) != UNKNOWN), UNKNOWN)


def kinds_of_classes(classes: Collection[str]) -> np.ndarray:
    """The kind of each class of the head `article_type` or `category`: int64 [classes]."""
    return np.array([kind_of(name) for name in classes], np.int64)


def complementary(present: Collection[int]) -> Mapping[int, float]:
    """The kinds that complete an outfit, and how much each does, from 0 to 1; the most telling first.

    :param present: codes of the kinds that are there, each one of `KINDS`.
    """
    known = [KINDS[code] for code in present]
    hidden = {*known, *(other for kind in known for other in _REPLACES.get(kind, ()))}
    hidden -= {"underwear"} if set(known) == {"underwear"} else set()
    weights = {
        code: float(np.mean([_GOES_WITH[kind].get(wanted, 0.3) for kind in known]))
        for code, wanted in enumerate(KINDS)
        if wanted not in hidden and any(wanted in _GOES_WITH[kind] for kind in known)
    }
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def _tokens(text: str) -> list[str]:
    """Words of a text, in the singular, up to a word after which something else is named."""
    tokens = []
    for word in _TOKENS.findall(text.casefold()):
        if word in _NOT_AFTER:
            break
        for part in (word, *word.split("-")) if "-" in word and word not in _KIND_OF else (word,):
            singulars = (part, part.removesuffix("s"), part.removesuffix("es"))
            tokens.append(next((one for one in singulars if one in _KIND_OF), part))
    return tokens


@functools.lru_cache(maxsize=_REMEMBERED)
def _kind_named(text: str) -> int:
    return next((_KIND_OF[token] for token in reversed(_tokens(text)) if token in _KIND_OF), UNKNOWN)


@functools.lru_cache(maxsize=_REMEMBERED)
def _genders(text: str) -> frozenset[int]:
    folded = text.casefold()
    if not _NAMES_A_GENDER.search(folded):
        return frozenset()
    words = [word.partition("'")[0].partition("’")[0] for word in _WORD.findall(folded)]
    forms = {form for word in words for form in (word, word.removesuffix("s"))}
    return frozenset(_GENDER_OF[form] for form in forms if form in _GENDER_OF)
