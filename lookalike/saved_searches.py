"""Saves a search from an open shop; the night looks for its news, see `flows.saved_searches`.

That is imported when a search is saved or read: it brings the tables along, half a second and 60 MB.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from lookalike.matches import Match
from lookalike.query_inputs import read_query
from storage import images
from storage.errors import InputError
from storage.terms import Event

if TYPE_CHECKING:
    from flows.saved_searches import SavedSearch
    from lookalike.query import Shop

PHOTO_SIDE = 512
"""Pixels of the longer side of a photo as it is kept; the encoders see 224 px."""


def save(
    shop: Shop,
    query: bytes | Match,
    name: str,
    *,
    events: Iterable[Event] = tuple(Event),
    size: str = "",
    max_price: Decimal | None = None,
    currency: str | None = None,
) -> SavedSearch:
    """Saves a search for a photo or a product; what the shop holds now is no news.

    :param query: a photo, of which a small copy is kept, or a product.
    :param name: what the search is called, at most 80 characters.
    :param size: as stores write it, such as `M` or `42`; needed to be told of sizes.
    :param max_price: lookalikes cost at most this, in `currency`.
    :raises InputError: a photo that cannot be read, a name or size that is empty or too long, or too many
        saved searches.
    :raises LookalikeError: the data root cannot be written.
    """
    from flows import saved_searches

    chosen = tuple(
        event for event in Event if event in set(events) and (event is not Event.SIZE or size.strip())
    )
    if not chosen:
        raise InputError("The search would tell of nothing. Choose an event; for sizes, give the size.")
    photo = _photo(query)
    # What is kept is what is compared, now as in every night: another size of it has another vector.
    [read] = read_query(shop._published, photo)
    try:
        search = saved_searches.SavedSearch(
            name=name.strip(),
            product=query.id if isinstance(query, Match) else None,
            photo=photo,
            events=chosen,
            size=size.strip(),
            max_price=max_price,
            currency=currency if max_price is not None else None,
        )
    except ValidationError as error:
        what = error.errors()[0]["loc"][0]
        limits = "a name has 1 to 80 characters, a size at most 20, and a price is more than nothing"
        raise InputError(f"The search cannot be saved: its {what} is not valid; {limits}.") from None

    def embed(_: bytes) -> np.ndarray:
        return read.vector

    published = shop._published
    checker = saved_searches.Checker(shop._root, published.index, published.manifest.encoder.model, embed)
    noted, _ = checker.check(search)
    saved_searches.save(shop._root, noted)
    return noted


def read_all(shop: Shop) -> tuple[list[SavedSearch], list[str]]:
    """The saved searches, the latest first, and a sentence for each that is damaged."""
    from flows import saved_searches

    return saved_searches.read_all(shop._root)


def forget(shop: Shop, search_id: str) -> None:
    """Deletes a saved search, its photo and its news."""
    from flows import saved_searches

    saved_searches.forget(shop._root, search_id)


def _photo(query: bytes | Match) -> bytes:
    """A JPEG of what is searched for."""
    if isinstance(query, Match):
        return query.thumbnail()
    return images.thumbnail(images.decode(query, fit=PHOTO_SIDE), side=PHOTO_SIDE)
