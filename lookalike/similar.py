"""Similar products: by photos and products, for and against, and by words."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from embedding.bands import Band
from embedding.index import columns
from embedding.index.filter_arguments import parse_filters, yes_or_no
from embedding.index.filters import Filters
from embedding.index.search import Hits
from embedding.index.spatial_verification import MIN_COSINE, SHORTLIST, same_photos
from embedding.matmul import single_thread
from lookalike import description
from lookalike.arguments import require_words
from lookalike.description import Description
from lookalike.generation import OpenGeneration
from lookalike.language import translated as _
from lookalike.matches import Match, Matches
from lookalike.published import Published
from lookalike.query_inputs import QueryInput, embedding_of, read_photos, read_query
from lookalike.vocabulary import vocabulary, words_of
from storage.errors import InputError

LIKE, UNLIKE = 0.75, 0.25
"""What `like` and `unlike` count beside the query, for which 1 stands: Rocchio's formula, weighted as Salton
and Buckley found best ("Improving Retrieval Performance by Relevance Feedback", 1990).
"""

_LEAST_NORM = 1e-6

_MOST_HINTS = 4
"""Words for which similar ones are looked for: each is compared with all words of the catalogue."""


@dataclass(frozen=True)
class Query:
    """What is searched for, read.

    :ivar photos: photos and products as asked for.
    :ivar like: more of these.
    :ivar unlike: less of these.
    :ivar words: folded words that products have, with what each counts in each row, float32 [rows].
    :ivar unknown: the words that no product has.
    :ivar text: the words as asked for.
    """

    photos: Sequence[QueryInput]
    like: Sequence[QueryInput] = ()
    unlike: Sequence[QueryInput] = ()
    words: Mapping[str, np.ndarray] = field(default_factory=dict)
    unknown: Sequence[str] = ()
    text: str = ""

    @property
    def wanted(self) -> list[QueryInput]:
        """What results should look like."""
        return [*self.photos, *self.like]

    @property
    def products(self) -> set[int]:
        """Numbers of the products that it names, which are no answers to it."""
        return {one.product for one in (*self.wanted, *self.unlike) if one.product is not None}

    @property
    def label(self) -> str:
        """The query in words."""
        names = [", ".join(one.label for one in self.wanted), self.text.strip()]
        without = ", ".join(one.label for one in self.unlike)
        return ", ".join(filter(None, names)) + (f", less like {without}" if without else "")

    def vector(self) -> np.ndarray | None:
        """What is compared, float32 [dimensions], L2 norm 1; None where words alone are searched for."""
        if not self.wanted:
            return None
        parts = ((1.0, self.photos), (LIKE, self.like), (-UNLIKE, self.unlike))
        total = sum(weight * np.mean([one.vector for one in some], axis=0) for weight, some in parts if some)
        norm = np.linalg.norm(total)
        if norm < _LEAST_NORM:
            raise InputError(_("The photos cancel each other out. Search with each of them alone."))
        vector: np.ndarray = (total / norm).astype(np.float32)
        return self.photos[0].vector if len(self.photos) == 1 and not (self.like or self.unlike) else vector


def find_similar(
    published: Published,
    query: Any,
    k: int,
    filters: Mapping[str, Any],
    *,
    like: Any = (),
    unlike: Any = (),
    words: str = "",
    same_category: bool = False,
    allow_private: bool = False,
) -> Matches:
    """See `lookalike.query.Shop.similar`; `query` may be None."""
    known, unknown = _known_words(published, words) if require_words(words).strip() else ({}, [])
    colours = [word for word in known if published.words.names_colour(word)]
    if colours:
        filters = {**filters, "colour": None}
    wanted = parse_filters(**filters)
    mask = published.mask(wanted)  # before the photo is read: a mistake in a filter is said at once
    read = functools.partial(_read, published, allow_private=yes_or_no(allow_private, "allow_private"))
    asked = Query(
        [] if query is None else read(query, "query"),
        read(like, "list 'like'"),
        read(unlike, "list 'unlike'"),
        known,
        unknown,
        words,
    )
    if not asked.wanted and not asked.words:
        raise InputError("Nothing is searched for. Give a photo or product, `like` of them, or words.")
    if yes_or_no(same_category, "same_category"):
        if not asked.wanted:
            raise InputError("Words belong to no category. Leave same_category out, or give category.")
        mask = _both(mask, published.completer.same_category(asked.wanted))
    for colour in colours if asked.wanted else ():
        mask = _both(mask, known[colour] > 0)
    ranked = [word for word in known if not (asked.wanted and word in colours)]
    with single_thread:
        hits, same = _search(published, asked, ranked, k, mask)
    cosines = bool(asked.wanted and not ranked)
    return _matches(published, asked, wanted, hits, same, cosines=cosines)


def find_many(
    published: Published,
    photos: Any,
    k: int,
    filters: Mapping[str, Any],
    *,
    same_category: bool = False,
    allow_private: bool = False,
) -> list[Matches]:
    """See `lookalike.query.Shop.similar_many`."""
    single = isinstance(photos, str | bytes | bytearray | memoryview | os.PathLike | Match | Mapping)
    if single or not isinstance(photos, Iterable) or (isinstance(photos, np.ndarray) and photos.ndim < 4):
        raise InputError(f"Photos cannot be a {type(photos).__name__}. Give a list of photos or products.")
    wanted = parse_filters(**filters)
    mask = published.mask(wanted)
    narrowed = yes_or_no(same_category, "same_category")
    found = []
    for some in read_photos(published, list(photos), allow_private=allow_private):
        queries = [Query([one]) for one in some]
        if narrowed:
            masks = [_both(mask, published.completer.same_category([one])) for one in some]
            hits = [
                _search(published, one, (), k, of_one) for one, of_one in zip(queries, masks, strict=True)
            ]
        else:
            vectors = np.stack([one.vector for one in some])
            shortlist = max(k, SHORTLIST) if any(one.image is not None for one in some) else k
            nearest = published.index.search_many(
                vectors, shortlist, mask=mask, without=[one.products for one in queries]
            )
            with single_thread, ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
                hits = list(
                    pool.map(lambda of, one: _put_same_photo_first(published, of, [one]), nearest, some)
                )
        found += [
            _matches(published, one, wanted, of_one[:k], min(same, k), cosines=True)
            for one, (of_one, same) in zip(queries, hits, strict=True)
        ]
    return found


def _known_words(published: Published, text: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """The folded words of a text that products have, as `Query.words`, and those that none has.

    :raises InputError: nothing is left to search by.
    """
    said = [word for word in words_of(text) if word not in vocabulary().nothing]
    if not said:
        raise InputError(
            _(
                "'{words}' says nothing about a product. Give words such as 'red dress'.",
                words=text.strip(),
            )
        )
    known = {word: published.words.counts(word) for word in said if published.words.knows(word)}
    unknown = [word for word in said if word not in known]
    if not known:
        raise InputError(_unknown(published, unknown))
    return known, unknown


def describe(published: OpenGeneration, query_input: QueryInput) -> Description:
    """What the heads see in a photo."""
    heads, vector = published.heads(), embedding_of(published, query_input)
    return Description(
        query=query_input.label,
        model=published.manifest.encoder.model,
        clothing=description.clothing_of(heads, vector),
        attributes=description.predict_attributes(heads, vector),
        picture=query_input.picture,
    )


def _read(published: OpenGeneration, given: Any, name: str, *, allow_private: bool) -> list[QueryInput]:
    if isinstance(given, list | tuple | Matches) and not given and name != "query":
        return []
    return read_query(published, given, allow_private=allow_private, name=name)


def _both(mask: np.ndarray | None, other: np.ndarray) -> np.ndarray:
    return other if mask is None else mask & other


def _search(
    published: Published, asked: Query, words: Sequence[str], k: int, mask: np.ndarray | None
) -> tuple[Hits, int]:
    """The best, and how many of them show one of the photos themselves.

    :param words: those that rows are ranked by; with photos, colours only select rows.
    """
    vector, index = asked.vector(), published.index
    if not words and vector is not None:
        photos = [one for one in asked.photos if one.embedding is not None]
        shortlist = max(k, SHORTLIST) if photos else k
        hits = index.search(vector, shortlist, mask=mask, without=asked.products)
        hits, same = _put_same_photo_first(published, hits, photos)
        return hits[:k], min(same, k)
    rows = index.passing(mask, asked.products)
    # Of photos that fit equally well, the main one is shown.
    rows = rows[np.argsort(columns.integers(index.items["position"])[rows], kind="stable")]
    scores = published.words.scores([asked.words[word] for word in words])[rows]
    if vector is None:
        rows, scores = rows[scores > 0], scores[scores > 0]
        for one in asked.unlike:
            scores = scores - UNLIKE / len(asked.unlike) * index.compare(rows, one.vector)
    else:
        scores = (index.compare(rows, vector) + scores) / 2
    return index.best(rows, scores, k), 0


def _matches(
    published: Published, asked: Query, wanted: Filters, hits: Hits, same: int, *, cosines: bool
) -> Matches:
    """The hits as matches.

    :param same: how many of the first show the very photo.
    :param cosines: whether the scores are cosines alone, which bands are of.
    """
    photos = [one for one in asked.wanted if one.embedding is not None]
    warnings = (
        _not_clothing_warning(published, photos),
        _unknown(published, asked.unknown) if asked.unknown else None,
        published.left_out(wanted),
    )
    found = published.matches(hits, filters=wanted, without=asked.products)
    shown = [
        replace(
            match,
            evidence=("photo",) if place < same else (),
            why=_why(published, asked, row),
            band=_band(published, match.score, same=place < same) if cosines else None,
        )
        for place, (match, row) in enumerate(zip(found, hits.rows.tolist(), strict=True))
    ]
    return Matches(
        shown,
        generation=published.name,
        query=asked.label,
        pictures=lambda: [one.picture() for one in asked.wanted],
        warning=" ".join(filter(None, warnings)) or None,
        descriptions=lambda: [describe(published, one) for one in photos if published.heads()],
    )


def _band(published: Published, score: float, *, same: bool) -> Band | None:
    return Band.NEARLY_THE_SAME if same else published.index.projection.band(score)


def _put_same_photo_first(
    published: OpenGeneration, hits: Hits, photos: Sequence[QueryInput]
) -> tuple[Hits, int]:
    """Moves the hits that show one of the photos to the front; returns the hits, and how many those are."""
    differences = np.full(len(hits), np.inf, np.float32)
    # Hits stand by cosine; pixels of those that are too far apart need not be touched.
    near = int((hits.scores[:SHORTLIST] >= MIN_COSINE).sum())
    for query_input in photos:
        if query_input.image is not None:
            compared = published.differences(hits.rows[:near], query_input.image)
            differences[:near] = np.minimum(differences[:near], compared)
    same = same_photos(differences, hits.scores)
    order = np.r_[same, np.delete(np.arange(len(hits)), same)]
    return Hits(hits.rows[order], hits.scores[order]), len(same)


def _why(published: Published, asked: Query, row: int) -> str | None:
    """Where the words were found: "linen, dress in the title; red by its colour"; None without words."""
    places: dict[str, list[str]] = {}
    for word, counts in asked.words.items():
        if counts[row] > 0:
            seen = "by its colour" if published.words.names_colour(word) else "as the photo shows"
            column = published.words.column(word, row)
            places.setdefault(f"in the {column}" if column else seen, []).append(word)
    return "; ".join(f"{', '.join(words)} {place}" for place, words in places.items()) or None


def _not_clothing_warning(published: OpenGeneration, photos: Sequence[QueryInput]) -> str | None:
    if not photos:
        return None
    embedded = [(photo.label, embedding_of(published, photo)) for photo in photos]
    return description.not_clothing_warning(published.heads(), embedded)


def _unknown(published: Published, words: Sequence[str]) -> str:
    known = published.words.words()
    close = [
        name
        for word in words[:_MOST_HINTS]
        for name in difflib.get_close_matches(word, known, n=1, cutoff=0.75)
    ]
    said = _("No product here has the words: {words}.", words=", ".join(words))
    return said + (" " + _("Did you mean {words}?", words=" ".join(close)) if close else "")
