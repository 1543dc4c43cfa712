"""Finds products by words: what stores say of them, and what the encoder's heads see in their photos.

Scores are BM25F (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009) over
title, brand, category, colours and predictions. A predicted value counts like a word that is there as often
as it is likely, so that a red dress is found whose store does not say that it is red.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from embedding.encoder.heads import CLOTHING, Head
from embedding.index import columns
from embedding.index.search import Index
from embedding.index.vectors import widen
from embedding.outfits.looks import Unprojector
from lookalike.vocabulary import meaning, vocabulary, words_in, words_of

STATED = {"title": 2.0, "brand": 2.0, "category": 1.5}
"""How much a word counts in what a store says of a product."""

COLOURS = 2.0
"""How much it counts among the colours that the store states of a photo's product."""

LEAST_PREDICTED = 0.3
"""Least probability of a predicted value that counts."""

_INFLECTED = 0.9
"""What another form of the word, or another that means the same, counts."""

_K1 = 0.5
"""BM25's saturation: the word once in the title is 0.8 of what can be, sure only by the photo 0.67."""

_B = 0.5
"""BM25's share of a title's length: a word in a long title says less."""

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Postings:
    """Where words are, and how much they count there: an inverted index.

    :ivar places: int32 [n], of each word after the other, numbers of products or rows.
    :ivar counts: float32 [n].
    :ivar starts: int64 [words + 1], where each word's begin.
    :ivar forms: by meaning, the words that have it, with their numbers.
    :ivar length: how many places there are.
    """

    places: np.ndarray
    counts: np.ndarray
    starts: np.ndarray
    forms: Mapping[str, list[tuple[str, int]]]
    length: int

    @classmethod
    def of(cls, parts: Iterable[tuple[pa.Array, np.ndarray, np.ndarray]], length: int) -> Postings:
        """Joins parts: words, string [n], their places, int [n], and what they count there, float32 [n]."""
        words, places, counts = zip(*parts, strict=True)
        coded = pa.concat_arrays([pa.array([], pa.string()), *words]).dictionary_encode()
        known = coded.dictionary.to_pylist()
        codes = np.from_dlpack(coded.indices).astype(np.int64)
        keys, inverse = np.unique(codes * max(1, length) + np.concatenate(places), return_inverse=True)
        sums = np.bincount(inverse, np.concatenate(counts), len(keys)).astype(np.float32)
        starts = np.searchsorted(keys, np.arange(len(known) + 1) * max(1, length))
        forms: dict[str, list[tuple[str, int]]] = {}
        for code, word in enumerate(known):
            forms.setdefault(meaning(word), []).append((word, code))
        return cls((keys % max(1, length)).astype(np.int32), sums, starts, forms, length)

    def counts_of(self, word: str) -> np.ndarray:
        """What a word counts at each place, in any of its forms: float32 [length]."""
        found = np.zeros(self.length, np.float32)
        for form, code in self.forms.get(meaning(word), ()):
            some = slice(self.starts[code], self.starts[code + 1])
            found[self.places[some]] += self.counts[some] * (1 if form == word else _INFLECTED)
        return found

    def has(self, word: str, place: int) -> bool:
        """Whether a word is at a place, in any of its forms."""
        for _, code in self.forms.get(meaning(word), ()):
            some = self.places[self.starts[code] : self.starts[code + 1]]
            at = int(np.searchsorted(some, place))
            if at < len(some) and some[at] == place:
                return True
        return False


class WordIndex:
    """The words of all products of a generation. Thread-safe.

    :param heads: the encoder's; what they predict is read from the vectors of the index.
    :param dim: length of the encoder's vectors.
    """

    def __init__(self, index: Index, heads: Mapping[str, Head], dim: int) -> None:
        self._index = index
        self._products = int(index.products.max(initial=-1)) + 1
        first = np.unique(index.products, return_index=True)[1]
        texts = index.items.select(list(STATED)).take(columns.row_numbers(first))
        self._stated = {
            name: Postings.of([_weighted(texts[name], weight, name == "title")], self._products)
            for name, weight in STATED.items()
        }
        lists = index.items["colours"].chunk(0)
        words, at = words_in(pc.list_flatten(lists))
        of_rows = np.from_dlpack(pc.list_parent_indices(lists)).astype(np.int64)
        colours = (words, of_rows[at], np.full(len(words), COLOURS, np.float32))
        self._of_photos = Postings.of([colours, *_predicted(index, heads, dim)], len(index.products))
        recognised = [words_of(name) for name in (heads["colour"].classes if "colour" in heads else ())]
        self._colour_names = vocabulary().colours | {
            meaning(name[0]) for name in recognised if len(name) == 1
        }

    def knows(self, word: str) -> bool:
        """Whether any product has a folded word."""
        return any(meaning(word) in postings.forms for postings in self._all())

    def names_colour(self, word: str) -> bool:
        """Whether a folded word is a colour's name."""
        return meaning(word) in self._colour_names

    def words(self) -> list[str]:
        """All words of products, sorted."""
        forms = [known for postings in self._all() for known in postings.forms.values()]
        return sorted({word for known in forms for word, _ in known})

    def column(self, word: str, row: int) -> str | None:
        """Which of `STATED` has a folded word in a row; None where only colours or predictions may."""
        product = int(self._index.products[row])
        return next((name for name, postings in self._stated.items() if postings.has(word, product)), None)

    def counts(self, word: str) -> np.ndarray:
        """What a folded word counts in each row: float32 [rows], 0 where it is not there."""
        stated = sum(postings.counts_of(word) for postings in self._stated.values())
        counts: np.ndarray = np.asarray(stated)[self._index.products] + self._of_photos.counts_of(word)
        return counts

    def _all(self) -> list[Postings]:
        return [*self._stated.values(), self._of_photos]

    def scores(self, words: Sequence[np.ndarray]) -> np.ndarray:
        """How well words fit each row: float32 [rows], from 0 to 1.

        It is BM25's sum, divided by the most that it can be.

        :param words: what each counts in each row, see `counts`.
        """
        rows = len(self._index.products)
        total, most = np.zeros(rows, np.float32), 0.0
        for counts in words:
            having = np.count_nonzero(counts)
            rarity = float(np.log1p((rows - having + 0.5) / (having + 0.5)))
            total += np.float32(rarity) * counts / (counts + np.float32(_K1))
            most += rarity
        return total / np.float32(max(most, 1e-9))


def _weighted(
    column: pa.ChunkedArray, weight: float, by_length: bool
) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """The words of a column, what they count, and the numbers of their values."""
    texts = pa.concat_arrays([pa.array([], pa.string()), *column.cast(pa.string()).chunks])
    words, places = words_in(pc.fill_null(texts, ""))
    counts = np.full(len(words), weight, np.float32)
    if by_length and len(words):
        lengths = np.bincount(places, minlength=len(texts))
        counts /= (1 - _B + _B * lengths[places] / lengths[lengths > 0].mean()).astype(np.float32)
    return words, places, counts


def _predicted(
    index: Index, heads: Mapping[str, Head], dim: int
) -> list[tuple[pa.Array, np.ndarray, np.ndarray]]:
    """The words of values that heads predict of rows, and their probabilities."""
    unprojector = Unprojector(index.projection, dim)
    reading = {name: head for name, head in unprojector.of_coordinates(heads).items() if name != CLOTHING}
    parts = []
    for start in range(0, len(index.products), _BLOCK) if reading else ():
        coordinates = unprojector.coordinates(widen(index.vectors[start : start + _BLOCK]))
        for head in reading.values():
            likely = head.probabilities(coordinates)
            rows, values = np.nonzero(likely >= LEAST_PREDICTED)
            named, at = words_in(pa.array(head.classes, pa.string()))
            for place, word in zip(at.tolist(), named.to_pylist(), strict=True):
                some = rows[values == place]
                parts.append((pa.array([word] * len(some), pa.string()), some + start, likely[some, place]))
    return parts
