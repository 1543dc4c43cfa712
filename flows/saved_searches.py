"""Saved searches: the night tells when a lookalike, a lower price or a size appears.

A saved search is one JSON file below `saved/` in the data root, with the photo, what was there when it was
last checked, and the news since. Whoever can write the data root can save and forget searches.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import load_encoder
from embedding.index.filters import Filters, row_mask
from embedding.index.search import Index
from embedding.recommend.products import ProductNumbers, Products
from flows import alerts
from flows.config import Config
from storage import encoders, generations, tables
from storage.errors import InputError, LookalikeError
from storage.money import display_price
from storage.root import Root
from storage.terms import Availability, Event

_log = logging.getLogger(__name__)

FOLDER = "saved"
LOCK = "saved"

MOST = 200
"""Saved searches of a root: the night looks at each, and whoever sees the dashboard can save one."""

WATCHED = 12
"""The most alike products that a search watches."""

MOST_NEWS = 50
"""News that a search keeps, the latest."""

Embed = Callable[[bytes], np.ndarray]
"""Turns a photo into a vector of the index: float32 [dimensions], projected, L2 norm 1."""


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_bytes="base64", val_json_bytes="base64")


class Watched(_Stored):
    """A product as it was when the search was last checked; `fits` says whether it had the wanted size."""

    price: Decimal | None = None
    currency: str | None = None
    fits: bool = False


class News(_Stored):
    """What happened to one product.

    :ivar product: `store:product_id`.
    :ivar sentence: may quote a store's words.
    """

    event: Event
    product: str
    sentence: str
    found_at: datetime


class SavedSearch(_Stored):
    """A saved search.

    :ivar product: the product it looks for, `store:product_id`; None for a photo.
    :ivar photo: a JPEG: the photo, or the product's.
    :ivar size: the wanted size in the stores' words, without regard to case; empty for any.
    :ivar max_price: lookalikes cost at most this, in `currency`.
    :ivar model: the encoder that it was last compared with.
    :ivar least_score: cosine similarity from which a product is a new lookalike, as that encoder sees it.
    :ivar known: products that were among the most alike before.
    :ivar watched: products whose price and sizes are compared, as they were.
    :ivar news: what happened since, the latest first.
    """

    id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[0-9a-f]{32}$")
    name: str = Field(min_length=1, max_length=80)
    product: str | None = None
    photo: bytes
    events: tuple[Event, ...] = tuple(Event)
    size: str = Field(default="", max_length=20)
    max_price: Decimal | None = Field(default=None, gt=0)
    currency: str | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    checked_at: datetime | None = None
    model: str = ""
    least_score: float = 1.0
    known: tuple[str, ...] = ()
    watched: dict[str, Watched] = {}
    news: tuple[News, ...] = ()


def read_all(root: Root) -> tuple[list[SavedSearch], list[str]]:
    """The saved searches, the latest first.

    :return: and a sentence for each that is damaged.
    """
    found, damaged = [], []
    for name in root.files.below(FOLDER):
        try:
            search = SavedSearch.model_validate_json(root.files.read(name) or b"")
        except (ValidationError, OSError, LookalikeError):
            damaged.append(f"The saved search {root}/{name} is damaged. Remove that file.")
            continue
        if name == _file(search.id):
            found.append(search)
        else:
            damaged.append(f"The saved search {root}/{name} is a copy under another name. Remove that file.")
    return sorted(found, key=lambda search: search.created_at, reverse=True), damaged


def save(root: Root, search: SavedSearch) -> None:
    """Saves a search that was prepared by `Checker.check`.

    :raises InputError: too many are saved.
    :raises LookalikeError: it cannot be written.
    """
    with root.lock(LOCK):
        if len(root.files.below(FOLDER)) >= MOST:
            raise InputError(f"{MOST} searches are saved, the most there may be. Forget one first.")
        _write(root, search, None)


def forget(root: Root, search_id: str) -> None:
    """Deletes a saved search, its photo and its news."""
    with root.lock(LOCK):
        root.files.remove(_file(search_id))


def check_saved_searches(root: Root, config: Config) -> list[str]:
    """Looks for news of all saved searches in the published generation, and sends them to `[alerts]`.

    A search that cannot be checked now is checked in the next night.

    :return: a sentence for each search that cannot be read or checked, and for each receiver that cannot be
        reached.
    """
    searches, problems = read_all(root)
    if not searches:
        return problems
    folder, manifest = generations.open_current(root)
    index = Index.open(folder, manifest, root.verified)
    encoder = root.check_or_refetch(encoders.folder_name(manifest.encoder.model), load_encoder)

    def embed(photo: bytes) -> np.ndarray:
        embeddings = encoder.encode(pixels_of(photo, encoder.spec.size)[None])
        vector: np.ndarray = index.projection.apply(embeddings)[0]
        return vector

    checker, sentences = Checker(root, index, manifest.encoder.model, embed), []
    for search in searches:
        try:
            checked, found = checker.check(search)
            is_saved = _update(root, search, checked)
        except LookalikeError as error:
            problems.append(f"The saved search '{search.name}' could not be checked: {error}")
            continue
        except Exception as error:  # a bug that shows with one search must not stop the others
            _log.exception("The saved search %s could not be checked", search.id)
            why = f"{type(error).__name__}: {error}"
            problems.append(f"The saved search '{search.name}' could not be checked ({why}).")
            continue
        if is_saved:
            sentences += [f"{search.name}: {one.sentence}" for one in found]
    if sentences:
        news = alerts.Alert.of(config.name, f"{len(sentences)} news of saved searches", sentences)
        problems += alerts.send(config.alerts, news, os.environ)
    return problems


class Checker:
    """Compares saved searches with one generation.

    :param root: whose table `products` says which sizes there are.
    :param model: the generation's encoder.
    :param embed: turns a photo into a vector of the index.
    """

    def __init__(self, root: Root, index: Index, model: str, embed: Embed) -> None:
        self._root, self._index, self._model, self._embed = root, index, model, embed
        self._products = Products.of(index)
        self._numbers = ProductNumbers(self._products)
        self._now = datetime.now(UTC)

    def check(self, search: SavedSearch) -> tuple[SavedSearch, list[News]]:
        """The search with what is there now as what is known, and what happened since it was last checked.

        At the first time, and with a new encoder, whose scores are others, it notes how alike a new lookalike
        has to be, and no lookalike is news.

        :raises LookalikeError: its photo cannot be read.
        """
        alike = self._alike(search)
        watched = self._watched(search, alike)
        is_comparable = search.model == self._model
        found = [*self._offer_news(search, watched)]
        if is_comparable:
            found = [*self._lookalike_news(search, alike), *found]
        news = [one for one in found if one.event in search.events]
        checked = search.model_copy(
            update={
                "checked_at": self._now,
                "model": self._model,
                "least_score": search.least_score if is_comparable else min(alike.values(), default=-1.0),
                "known": tuple(dict.fromkeys((*search.known, *map(self._name, alike)))),
                "watched": {self._name(row): now for row, now in watched.items()},
                "news": (*news, *search.news)[:MOST_NEWS],
            }
        )
        return checked, news

    def _lookalike_news(self, search: SavedSearch, alike: Mapping[int, float]) -> Iterator[News]:
        for row, score in alike.items():
            if self._name(row) not in search.known and score >= search.least_score:
                yield self._news(Event.LOOKALIKE, row, "is a new lookalike")

    def _offer_news(self, search: SavedSearch, watched: Mapping[int, Watched]) -> Iterator[News]:
        for row, now in watched.items():
            before = search.watched.get(self._name(row))
            if before is None:
                continue
            if is_cheaper(now, before):
                was = display_price(before.price, before.currency)
                yield self._news(Event.PRICE, row, f"costs less, before {was}")
            if now.fits and not before.fits:
                yield self._news(Event.SIZE, row, f"is there in size {search.size}")

    def _alike(self, search: SavedSearch) -> dict[int, float]:
        """The rows that look most like the photo, with their scores; the product itself is none of them."""
        wanted = Filters(max_price=search.max_price, currency=search.currency)
        try:
            mask = row_mask(self._index.items, wanted)
        except InputError:  # no store gives prices in this currency any more
            return {}
        hits = self._index.search(self._embed(search.photo), WATCHED, mask=mask, without=self._own(search))
        return dict(zip(hits.rows.tolist(), hits.scores.tolist(), strict=True))

    def _own(self, search: SavedSearch) -> list[int]:
        """The numbers of the product that is looked for, and of those that show the same photo."""
        if search.product is None:
            return []
        store, _, product_id = search.product.partition(":")
        number = int(self._numbers.by_id(pa.array([store]), pa.array([product_id]))[0])
        if number < 0:
            return []  # it has left the shop
        same: list[int] = np.flatnonzero(self._products.groups == self._products.groups[number]).tolist()
        return same

    def _watched(self, search: SavedSearch, alike: Iterable[int]) -> dict[int, Watched]:
        """The rows whose prices and sizes are compared: of the product, or of what looks like the photo."""
        rows = list(alike) if search.product is None else self._products.rows[self._own(search)].tolist()
        facts = {row: self._facts(row) for row in rows}
        fitting = self._fitting(search.size, [str(one["product_id"]) for one in facts.values()])
        return {
            row: Watched(
                price=one["price"],
                currency=one["currency"],
                fits=(one["store"], one["product_id"]) in fitting,
            )
            for row, one in facts.items()
        }

    def _fitting(self, size: str, product_ids: Sequence[str]) -> set[tuple[str, str]]:
        """Store and id of the products that can be bought in a size."""
        if not size:
            return set()
        names = ["store", "product_id", "sizes", "availability", "removed_at"]
        where = pc.field("product_id").isin(product_ids)
        rows = tables.read(self._root, "products", columns=names, where=where).to_pylist()
        return {
            (row["store"], row["product_id"])
            for row in rows
            if row["removed_at"] is None
            and row["availability"] != Availability.OUT_OF_STOCK
            and size.casefold() in {one.strip().casefold() for one in row["sizes"] or ()}
        }

    def _news(self, event: Event, row: int, what: str) -> News:
        facts = self._facts(row)
        price = display_price(facts["price"], facts["currency"])
        sentence = f"{facts['title'] or facts['product_id']} at {facts['store']} {what}."
        return News(
            event=event,
            product=self._name(row),
            sentence=f"{sentence} It costs {price}." if price else sentence,
            found_at=self._now,
        )

    def _name(self, row: int) -> str:
        facts = self._facts(row)
        return f"{facts['store']}:{facts['product_id']}"

    def _facts(self, row: int) -> dict[str, Any]:
        shown = ["store", "product_id", "title", "price", "currency"]
        [facts] = self._index.items.select(shown).slice(row, 1).to_pylist()
        return dict(facts)


def is_cheaper(now: Watched, before: Watched) -> bool:
    """Whether a price fell; one in another currency is not compared."""
    return (
        now.price is not None
        and before.price is not None
        and now.currency == before.currency
        and now.price < before.price
    )


def _file(search_id: str) -> str:
    return f"{FOLDER}/{search_id}.json"


def _update(root: Root, search: SavedSearch, checked: SavedSearch) -> bool:
    """Writes a search that was checked; False if it was forgotten meanwhile."""
    with root.lock(LOCK):
        before = root.files.read(_file(search.id))
        if before is not None:
            _write(root, checked, before)
        return before is not None


def _write(root: Root, search: SavedSearch, before: bytes | None) -> None:
    if root.bucket is None:
        (root.path / FOLDER).mkdir(exist_ok=True)
    root.files.replace(_file(search.id), search.model_dump_json().encode(), before)
