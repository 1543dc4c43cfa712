"""Reading what strangers wrote takes steps in proportion to its length: counted, not timed."""

import importlib
import json
import pkgutil
import re
import sys

import pytest

import scrapers
import storage
from scrapers.extract import jsonld, text
from scrapers.extract.markup import read_markup
from scrapers.extract.microdata import read_microdata
from scrapers.extract.page import parse_page
from scrapers.extract.product import extract_product
from scrapers.extract.sitemap import read_sitemap, sitemaps_in_robots
from tests.scrapers.pattern_steps import Steps

ADDRESS = "https://shop.example/p/cap"
HEAD = "<html><title>Cap</title><h1>Cap</h1><span class=price>$35.00</span><button>Add to cart</button>"
GROWTH = 2.6
"""Twice the input may take so many times the steps: 2 for what is linear, 4 for what is quadratic."""


def patterns() -> dict[str, re.Pattern]:
    """Every compiled pattern of the rooms that read what strangers wrote."""
    found = {}
    for room in (scrapers, storage):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if module.name.rpartition(".")[2] == "__main__":
                continue
            for name, value in vars(importlib.import_module(module.name)).items():
                values = value if isinstance(value, tuple) else (value,)
                for place, one in enumerate(values):
                    if isinstance(one, re.Pattern):
                        found[f"{module.name}.{name}{place or ''}"] = one
    return found


PATTERNS = patterns()
BOUNDED: dict[str, str] = {}
"""Patterns that are not linear, with what bounds the text that they are given."""


def worst(steps: Steps) -> list[str]:
    """Texts, of a length of 24 or so, that patterns like this one are slow on."""
    letters = steps.letters()
    chars = [one for one in letters if len(one) == 1][:9]
    words = [one for one in letters if len(one) > 1][:12]
    pairs = [one + two for one in chars for two in chars if one != two]
    return [*chars, *words, *(pairs if len(words) < 12 else pairs[:20]), *(w + c for w in words[:4] for c in chars)]



@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_looks_at_each_character_a_few_times(name):
    if name in BOUNDED:
        pytest.skip(BOUNDED[name])
    steps = Steps(PATTERNS[name])
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        slow = {
            piece: counts
            for piece in worst(steps)
            if grows(counts := [steps.count(piece * size + "\x00") for size in (24, 48, 96)])
        }
    finally:
        sys.setrecursionlimit(limit)
    assert not slow


def grows(counts: list[int]) -> bool:
    return counts[2] - counts[1] > GROWTH * (counts[1] - counts[0])
