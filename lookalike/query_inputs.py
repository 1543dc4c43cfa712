"""What can be asked with: files, URLs, bytes, images, arrays and products, each turned into a vector."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from embedding.encoder.preprocess import letterbox, pixels_of
from embedding.index.vectors import widen
from lookalike.matches import Match
from storage import images
from storage.errors import InputError, LookalikeError, UnreadableImageError

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration
    from scrapers.http.fetch import Fetched

QueryLike = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | np.ndarray | Match
"""One view of what is looked for."""

MOST_VIEWS = 16
"""Views of one wish. Their mean says little of any where they are many, and each photo takes an encoding."""

MAX_PHOTO_BYTES = 50_000_000
MAX_PAGE_BYTES = 10_000_000
TIMEOUT_S = 20.0

_PICTURE_PX = 256
_MOST_SHOWN = 200  # characters of a query in a sentence about it
_STORE_AND_ID = re.compile(r"([a-z0-9][a-z0-9.-]*):(.+)", re.DOTALL)
_PAGE_TYPES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True)
class QueryInput:
    """A view as it is searched for.

    :ivar label: what it is, in words.
    :ivar vector: float32 [dimensions], projected, L2 norm 1.
    :ivar product: the number of the product it names, which is no answer to it.
    :ivar picture: makes a JPEG of it.
    :ivar encoded: float32 [dim], as the encoder gave it, L2 norm 1; None where it is a product of the index.
    :ivar image: RGB, at most 256 px a side; None where it is a product of the index.
    """

    label: str
    vector: np.ndarray
    product: int | None
    picture: Callable[[], bytes]
    encoded: np.ndarray | None = None
    image: Image.Image | None = None


def look(
    published: OpenGeneration, query: QueryLike | Sequence[QueryLike], *, allow_private: bool = False
) -> list[QueryInput]:
    """Turns a query into the views to search for.

    :param query: a view or several of the same wish.
    :param allow_private: whether a URL may lead to this machine or a private network.
    :raises InputError: something that cannot be searched for, or too many; the sentence names it.
    :raises LookalikeError: a URL that does not answer.
    """
    views = list(query) if isinstance(query, list | tuple) else [query]
    if not views:
        raise InputError("The query is an empty list. Give at least one photo or product.")
    if len(views) > MOST_VIEWS:
        raise InputError(
            f"The query has {len(views)} views, and at most {MOST_VIEWS} are averaged into one wish. Search "
            "for each of them alone, or give fewer."
        )
    return [_look(published, view, allow_private) for view in views]


def encoded(published: OpenGeneration, seen: QueryInput) -> np.ndarray:
    """A view as the encoder gives it, float32 [dim], L2 norm 1; a product by its main photo's thumbnail."""
    if seen.encoded is not None:
        return seen.encoded
    pixels = pixels_of(seen.picture(), published.manifest.encoder.size)
    vector: np.ndarray = published.encoder().encode(pixels[None])[0]
    return vector


def _look(published: OpenGeneration, view: Any, allow_private: bool) -> QueryInput:
    if isinstance(view, Match):
        return _product(published, view.store, view.product_id)
    if isinstance(view, str):
        return _text(published, view, allow_private)
    if isinstance(view, os.PathLike):
        return _file(published, Path(view))
    if isinstance(view, bytes | bytearray | memoryview):
        return _photo(published, bytes(view), "a photo")
    if isinstance(view, Image.Image):
        return _image(published, _flat(view), "an image")
    if isinstance(view, np.ndarray):
        return _image(published, _from_array(view), "an array")
    raise InputError(
        f"A query cannot be a {type(view).__name__}. Give a path, a URL, bytes, a PIL image, an RGB array or "
        "store:product_id."
    )


def _text(published: OpenGeneration, text: str, allow_private: bool) -> QueryInput:
    if not text.strip():
        raise InputError(
            "The query is an empty text. Give an image file, a URL with https://, or store:product_id."
        )
    if "://" in text:
        return _address(published, text, allow_private)
    named = _STORE_AND_ID.fullmatch(text)
    if named and named[1] in published.manifest.counts.stores:
        return _product(published, named[1], named[2])
    path = _path(text)
    if named and not _exists(path):
        known = ", ".join(published.manifest.counts.stores)
        raise InputError(f"There is no store '{named[1]}' for the query {_short(text)}. Known are: {known}.")
    return _file(published, path)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~somebody that the system does not know
        return Path(text)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name too long for the file system, for one
        return False


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _product(published: OpenGeneration, store: str, product_id: str) -> QueryInput:
    number = published.find(store, product_id)
    if number is None:
        raise InputError(
            f"Store '{store}' has no product '{product_id}' in generation {published.name}. Check the id; a "
            "product without a photo, or removed by its store, is not there."
        )
    row = published.main_row(number)
    label = published.index.items["title"][row].as_py() or f"{store}:{product_id}"
    vector = widen(published.index.vectors[row])
    return QueryInput(label, vector, number, lambda: published.match(row).thumbnail())


def _file(published: OpenGeneration, path: Path) -> QueryInput:
    shown = _short(str(path))
    try:
        with path.open("rb") as stream:  # never more than may be: a device gives bytes for ever
            data = stream.read(MAX_PHOTO_BYTES + 1)
    except FileNotFoundError:
        raise InputError(
            f"There is no file {shown}. Give an image file, a URL with https://, or store:product_id."
        ) from None
    except IsADirectoryError:
        raise InputError(f"{shown} is a folder. Give one image file of it.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{shown} cannot be read ({reason}). Give an image file.") from None
    if len(data) > MAX_PHOTO_BYTES:
        raise InputError(f"{shown} has more than {MAX_PHOTO_BYTES:,} bytes, too many for a photo.")
    return _photo(published, data, path.name, shown)


def _address(published: OpenGeneration, url: str, allow_private: bool) -> QueryInput:
    fetched = _fetch(url, allow_private)
    if _is_page(fetched):
        fetched = _fetch(_main_photo(url, fetched), allow_private)
    return _photo(published, fetched.body, urlsplit(url).path.rsplit("/", 1)[-1] or url, fetched.url)


def _fetch(url: str, allow_private: bool) -> Fetched:
    from scrapers.http.fetch import fetch

    fetched = fetch(url, max_bytes=MAX_PHOTO_BYTES, timeout_s=TIMEOUT_S, allow_private=allow_private)
    if fetched.status >= 400:
        raise LookalikeError(f"{url} answers with status {fetched.status}. Check the address.")
    return fetched


def _is_page(fetched: Fetched) -> bool:
    """Whether it is a page by what the server says, or by its first sign where it says nothing useful."""
    if fetched.content_type.startswith("image/"):
        return False
    return fetched.content_type in _PAGE_TYPES or fetched.body[:1024].lstrip()[:1] == b"<"


def _main_photo(url: str, page: Fetched) -> str:
    try:
        from scrapers.extract.reading import product_of_page
        from scrapers.session.workers import Worker, WorkerError
    except ModuleNotFoundError as error:
        raise InputError(
            f"{url} is a page, and reading product pages needs {error.name}. Install it with "
            "`pip install 'lookalike[crawl]'`, or give the address of the photo itself."
        ) from None
    with Worker() as worker:
        try:
            examined = worker.call(product_of_page, page.body[:MAX_PAGE_BYTES], page.url)
        except WorkerError as error:
            raise LookalikeError(f"{url} cannot be read: {error}. Give the address of a photo.") from None
    product = examined.product if examined else None
    if product is None or not product.images:
        raise InputError(
            f"{url} shows no product with a photo. Give a product's page or the address of a photo."
        )
    return str(product.images[0])


def _photo(published: OpenGeneration, data: bytes, label: str, name: str | None = None) -> QueryInput:
    try:
        # As `embedding.encoder.preprocess.pixels_of`, but the decoded photo is shown, too.
        image = images.decode(data, fit=published.manifest.encoder.size)
    except UnreadableImageError as reason:
        raise UnreadableImageError(f"{name or label[0].upper() + label[1:]}: {reason}.") from None
    return _image(published, image, label)


def _image(published: OpenGeneration, image: Image.Image, label: str) -> QueryInput:
    pixels = letterbox(image, published.manifest.encoder.size)
    encoded = published.encoder().encode(pixels[None])[0]
    vector = published.index.projection.apply(encoded[None])[0]
    if not np.isfinite(vector).all() or not vector.any():
        raise InputError(f"The encoder sees nothing in {label}. Give another photo.")
    small = image.copy()
    small.thumbnail((_PICTURE_PX, _PICTURE_PX))  # the photo itself may be large and matches may be kept
    return QueryInput(label, vector, None, lambda: images.thumbnail(small, _PICTURE_PX), encoded, small)


def _flat(image: Image.Image) -> Image.Image:
    """A PIL image as RGB, as `storage.images.decode` makes it: turned as EXIF says, transparency on white."""
    width, height = image.size
    if not 0 < width * height <= images.MAX_IMAGE_PIXELS:
        raise InputError(
            f"The PIL image of {width}×{height} px cannot be searched for. Give one of at most "
            f"{images.MAX_IMAGE_PIXELS:,} pixels."
        )
    try:
        image.load()  # one just opened may turn out to be damaged
        if image.mode == "RGB" and not image.has_transparency_data and not image.getexif():
            return image
        stored = io.BytesIO()
        form = "TIFF" if image.mode in ("CMYK", "YCbCr", "LAB", "F") else "PNG"
        image.save(stored, form, exif=image.getexif(), **({"compress_level": 1} if form == "PNG" else {}))
        return images.decode(stored.getvalue())
    except Exception as error:  # Pillow's readers raise whatever their parsing of hostile bytes runs into
        raise InputError(
            f"The PIL image of mode {image.mode} cannot be read ({error}). Convert it to RGB."
        ) from None


def _from_array(array: np.ndarray) -> Image.Image:
    """An array of pixels as an image."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or not array.size:
        raise InputError(f"An array of shape {array.shape} is no photo. Give [height, width, 3], RGB.")
    if array.dtype != np.uint8:
        raise InputError(f"An array of {array.dtype} is no photo. Give uint8 from 0 to 255.")
    return _flat(Image.fromarray(np.ascontiguousarray(array)))
