"""Words of queries and products in one form: without accents, case and endings, and by what they mean.

`vocabulary.toml` groups words that mean the same, in the languages of stores.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_UNDECOMPOSED = {
    **{"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"},
    **{"ς": "σ", "’": "'"},
}
"""Letters that Unicode does not decompose into a plain one and an accent."""

# Japanese and Thai keep their marks: there they are no accents, but other sounds.
_ACCENTS = r"([\p{Latin}\p{Greek}\p{Cyrillic}\p{Hebrew}\p{Arabic}])\p{Mn}+"
_WITHOUT_SPACES = r"([\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}])"
"""Characters of scripts that write no spaces between words: each is a word, as in Lucene's tokenizer."""

_BETWEEN_WORDS = r"[^\p{L}\p{M}\p{N}]+"

_ENDINGS = (
    *("es", "en", "er", "em", "as", "os", "ое", "ая", "ые", "ый", "ий"),
    *("s", "e", "x", "a", "o", "i", "а", "е", "и", "я", "ы", "о"),
)
_PLURAL, _NO_PLURAL = "s", ("ss", "us", "is")
_LEAST_STEM = 4
"""Letters that an ending leaves at least: `cape` is no form of `cap`."""
_LEAST_SINGULAR = 3
"""The same of a plural's s: `caps` is one of `cap`."""


@dataclass(frozen=True)
class Vocabulary:
    """Groups of words that mean the same.

    :ivar meanings: by stem, the stem that stands for its group.
    :ivar colours: stems that stand for colours.
    :ivar nothing: words that say nothing about a product.
    """

    meanings: dict[str, str]
    colours: frozenset[str]
    nothing: frozenset[str]


@functools.cache
def vocabulary() -> Vocabulary:
    """The groups of `vocabulary.toml`."""
    file = resources.files("lookalike") / "vocabulary.toml"
    groups = tomllib.loads(file.read_text("utf-8"))
    nothing = frozenset(words_of(groups.pop("nothing")))
    meanings: dict[str, str] = {}
    for of_kind in groups.values():
        for name, words in of_kind.items():
            for word in words.split():
                meanings.setdefault(stem(word), stem(name))
    return Vocabulary(meanings, frozenset(map(stem, groups["colours"])), nothing)


def fold(texts: pa.Array) -> pa.Array:
    """Texts in lower case and without accents; null stays null."""
    folded = pc.utf8_lower(pc.utf8_normalize(texts, "NFKD"))
    folded = pc.utf8_normalize(pc.replace_substring_regex(folded, _ACCENTS, r"\1"), "NFKC")
    for letter, plain in _UNDECOMPOSED.items():
        folded = pc.replace_substring(folded, letter, plain)
    return pc.replace_substring_regex(folded, r"\bt[- ]shirt", "tshirt")


def words_in(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The words of texts, folded.

    :param texts: string [n].
    :return: string [words], and int64 [words], the number of each word's text.
    """
    apart = pc.replace_substring_regex(fold(texts), _WITHOUT_SPACES, r" \1 ")
    lists = pc.split_pattern_regex(apart, _BETWEEN_WORDS)
    words, places = pc.list_flatten(lists), np.from_dlpack(pc.list_parent_indices(lists))
    there = pc.not_equal(words, "")
    return words.filter(there), places[np.from_dlpack(pc.indices_nonzero(there)).astype(np.int64)]


def words_of(text: str) -> list[str]:
    """The words of one text, folded, each once."""
    return list(dict.fromkeys(words_in(pa.array([text], pa.string()))[0].to_pylist()))


def stem(word: str) -> str:
    """A folded word without common endings of European languages."""
    while len(word) > _LEAST_SINGULAR:
        ending = next(
            (one for one in _ENDINGS if word.endswith(one) and len(word) - len(one) >= _least(one)), None
        )
        if ending is None or word.endswith(_NO_PLURAL):
            break
        word = word.removesuffix(ending)
    return word


def meaning(word: str) -> str:
    """What stands for a folded word and all that mean the same."""
    stemmed = stem(word)
    return vocabulary().meanings.get(stemmed, stemmed)


def _least(ending: str) -> int:
    return _LEAST_SINGULAR if ending == _PLURAL else _LEAST_STEM
