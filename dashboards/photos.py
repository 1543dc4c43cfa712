"""Serves photos larger than thumbnails, each when a browser asks for it.

A page holds thumbnails. Browsers with sharp screens ask for twice their pixels as a card comes into sight,
and all do when a visitor enlarges a photo.
"""

from __future__ import annotations

import asyncio
import functools
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from storage.errors import LookalikeError

if TYPE_CHECKING:
    from lookalike import Shop

SIDES = {"card": 512, "whole": 1280}
"""Pixels of the longer side, by the size that the address names."""

MOST_KEPT = 200
"""Photos kept in memory, of 20 to 200 KB."""

ROUTE_PATH = "/photo/{size}/{image_id}"

_shops: list[Shop] = []
_one_at_a_time = asyncio.Lock()
"""A page asks for two dozen photos at once, and answers to visitors come first. What waits holds no thread:
the server has forty for all that it does."""


def serve_photos_of(shop: Shop) -> None:
    """Serves the photos of this shop from now on."""
    _shops[:] = [shop]
    _read.cache_clear()


async def photo(request: Request) -> Response:
    """A photo that the published generation shows, as a JPEG."""
    size, image_id = request.path_params["size"], request.path_params["image_id"]
    jpeg = None
    if size in SIDES and _shops:
        with suppress(LookalikeError):
            async with _one_at_a_time:
                jpeg = await run_in_threadpool(_read, _shops[0].generation, SIDES[size], image_id)
    if jpeg is None:
        return Response(status_code=404)
    # Its name is its content's hash, so it never changes.
    return Response(
        jpeg, media_type="image/jpeg", headers={"cache-control": "private, max-age=86400, immutable"}
    )


ROUTE = Route(ROUTE_PATH, photo)


@functools.lru_cache(maxsize=MOST_KEPT)
def _read(generation: str, side: int, image_id: str) -> bytes | None:
    """:param generation: the published one; the next may not show the photo any more."""
    from lookalike.product_details import stored_photo  # tables bring pandas along, which a start can spare

    return stored_photo(_shops[0], image_id, side)
