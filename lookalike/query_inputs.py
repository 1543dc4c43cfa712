"""Query inputs: turns files, URLs, bytes, images, arrays and products into vectors."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from embedding.encoder.preprocess import letterbox, pixels_of
from embedding.index.filter_arguments import yes_or_no
from embedding.index.vectors import widen
from lookalike.language import translated as _
from lookalike.matches import Match, Matches
from lookalike.photo_reader import decode_photo
from storage import images
from storage.errors import InputError, LookalikeError, UnreadableImageError

if TYPE_CHECKING:
    from lookalike.generation import OpenGeneration
    from scrapers.http.fetch import Fetched

QueryLike = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | np.ndarray | Match
"""Anything that can be searched with."""

MAX_INPUTS = 16
"""Most inputs of a query. The mean of more says little about each, and each photo has to be encoded."""

AT_ONCE = 64
"""Photos that are read and searched for together."""

_ENCODED = 16
"""Photos of one call of the encoder: 15 ms of processor time each, against 22 one by one and 19 of 64."""

MAX_PHOTO_BYTES = 50_000_000
MAX_PAGE_BYTES = 10_000_000
TIMEOUT_S = 20.0

_PICTURE_PX = 256
_MOST_SHOWN = 200  # characters of a query in a sentence about it
_STORE_AND_ID = re.compile(r"([a-z0-9][a-z0-9.-]*):(.+)", re.DOTALL)
_PAGE_TYPES = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True)
class QueryInput:
    """One input of a query, ready to search with.

    :ivar label: what it is, in words.
    :ivar vector: float32 [dimensions], projected, L2 norm 1.
    :ivar product: the number of the product it names, which is no answer to it.
    :ivar picture: makes a JPEG of it.
    :ivar embedding: float32 [dim], L2 norm 1; None where it is a product of the index.
    :ivar image: RGB, at most 256 px a side; None where it is a product of the index.
    """

    label: str
    vector: np.ndarray
    product: int | None
    picture: Callable[[], bytes]
    embedding: np.ndarray | None = None
    image: Image.Image | None = None


@dataclass(frozen=True)
class _Photo:
    """A photo that is read and not embedded yet; the image is RGB."""

    label: str
    image: Image.Image


def read_query(
    published: OpenGeneration,
    query: QueryLike | Sequence[QueryLike],
    *,
    allow_private: bool = False,
    name: str = "query",
) -> list[QueryInput]:
    """Reads a query's inputs.

    :param query: one input, or a list of inputs, or matches, that are averaged.
    :param name: what the caller calls it.
    :param allow_private: whether a URL may lead to this machine or a private network.
    :raises InputError: something that cannot be searched for, or too many; the sentence names it.
    :raises LookalikeError: a URL that does not answer.
    """
    allow_private = yes_or_no(allow_private, "allow_private")  # "no" would allow it
    inputs = list(query) if isinstance(query, list | tuple | Matches) else [query]
    if not inputs:
        raise InputError(f"The {name} is an empty list. Give at least one photo or product.")
    if len(inputs) > MAX_INPUTS:
        raise InputError(
            f"The {name} has {len(inputs)} photos, and at most {MAX_INPUTS} are averaged into one query. "
            "Search for each of them alone, or give fewer."
        )
    return _embedded(published, [_read_input(published, one, allow_private) for one in inputs])


def read_photos(
    published: OpenGeneration, photos: Sequence[QueryLike], *, allow_private: bool = False
) -> Iterator[list[QueryInput]]:
    """Reads queries of one input each, `AT_ONCE` at a time, which are encoded together.

    :raises InputError: one cannot be searched for; the sentence says which.
    :raises LookalikeError: a URL that does not answer.
    """
    allow_private = yes_or_no(allow_private, "allow_private")
    for start in range(0, len(photos), AT_ONCE):
        read = []
        for number, one in enumerate(photos[start : start + AT_ONCE], start + 1):
            try:
                read.append(_read_input(published, one, allow_private))
            except LookalikeError as error:
                raise type(error)(f"Photo {number} of {len(photos)}: {error}") from None
        yield _embedded(published, read)


def read_whole_photo(
    published: OpenGeneration, photo: QueryLike, *, allow_private: bool = False
) -> tuple[str, Image.Image]:
    """Reads a photo at its full size: what it is, in words, and the image, RGB.

    :param photo: as for `read_query`, but a single one; of a product, its main photo's thumbnail.
    :raises InputError: something that is no photo; the sentence names it.
    :raises LookalikeError: a URL that does not answer.
    """
    allow_private = yes_or_no(allow_private, "allow_private")
    read = _read_input(published, photo, allow_private, whole=True)
    if isinstance(read, _Photo):
        return read.label, read.image
    return read.label, images.decode(read.picture())


def embedding_of(published: OpenGeneration, query_input: QueryInput) -> np.ndarray:
    """The embedding of an input, float32 [dim], L2 norm 1; of a product, its thumbnail's."""
    if query_input.embedding is not None:
        return query_input.embedding
    pixels = pixels_of(query_input.picture(), published.manifest.encoder.size)
    vector: np.ndarray = published.encoder().encode(pixels[None])[0]
    return vector


def _read_input(
    published: OpenGeneration, query_input: Any, allow_private: bool, *, whole: bool = False
) -> QueryInput | _Photo:
    """:param whole: whether a photo keeps its full size."""
    fit = None if whole else published.manifest.encoder.size
    if isinstance(query_input, Match):
        return _read_product(published, query_input.store, query_input.product_id)
    if isinstance(query_input, str):
        return _read_text(published, query_input, allow_private, fit)
    if isinstance(query_input, os.PathLike):
        return _read_file(Path(query_input), fit)
    if isinstance(query_input, bytes | bytearray | memoryview):
        return _read_foreign_bytes(bytes(query_input), fit, _("a photo"))
    if isinstance(query_input, Image.Image):
        return _Photo(_("an image"), _to_rgb(query_input))
    if isinstance(query_input, np.ndarray):
        return _Photo(_("an array"), _array_to_image(query_input))
    raise InputError(
        f"A query cannot be a {type(query_input).__name__}. Give a path, a URL, bytes, a PIL image, an RGB "
        "array or store:product_id."
    )


def _read_text(
    published: OpenGeneration, text: str, allow_private: bool, fit: int | None
) -> QueryInput | _Photo:
    if not text.strip():
        raise InputError(
            "The query is an empty text. Give an image file, a URL with https://, or store:product_id."
        )
    if "://" in text:
        return _read_url(text, allow_private, fit)
    named = _STORE_AND_ID.fullmatch(text)
    if named and named[1] in published.manifest.counts.stores:
        return _read_product(published, named[1], named[2])
    path = _path(text)
    if named and not _exists(path):
        known = ", ".join(published.manifest.counts.stores)
        raise InputError(f"There is no store '{named[1]}' for the query {_short(text)}. Known are: {known}.")
    return _read_file(path, fit)


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


def _read_product(published: OpenGeneration, store: str, product_id: str) -> QueryInput:
    number = published.find(store, product_id)
    if number is None:
        raise InputError(
            _(
                "Store '{store}' has no product '{product}' in generation {generation}. Check the id; a "
                "product without a photo, or removed by its store, is not there.",
                store=store,
                product=product_id,
                generation=published.name,
            )
        )
    row = published.main_row(number)
    label = published.index.items["title"][row].as_py() or f"{store}:{product_id}"
    vector = widen(published.index.vectors[row])
    return QueryInput(label, vector, number, lambda: published.match(row).thumbnail())


def _read_file(path: Path, fit: int | None) -> _Photo:
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
    return _read_bytes(data, fit, path.name, shown)


def _read_url(url: str, allow_private: bool, fit: int | None) -> _Photo:
    fetched = _fetch(url, allow_private)
    if _is_page(fetched):
        fetched = _fetch(_main_photo_url(url, fetched), allow_private)
    return _read_foreign_bytes(fetched.body, fit, urlsplit(url).path.rsplit("/", 1)[-1] or url, fetched.url)


def _fetch(url: str, allow_private: bool) -> Fetched:
    from scrapers.http.fetch import fetch

    fetched = fetch(url, max_bytes=MAX_PHOTO_BYTES, timeout_s=TIMEOUT_S, allow_private=allow_private)
    if fetched.status >= 400:
        raise LookalikeError(
            _("{url} answers with status {status}. Check the address.", url=url, status=fetched.status)
        )
    return fetched


def _is_page(fetched: Fetched) -> bool:
    """Whether it is a page, by its content type, or by its first byte where that says nothing."""
    if fetched.content_type.startswith("image/"):
        return False
    return fetched.content_type in _PAGE_TYPES or fetched.body[:1024].lstrip()[:1] == b"<"


def _main_photo_url(url: str, page: Fetched) -> str:
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
            _(
                "{url} shows no product with a photo. Give a product's page or the address of a photo.",
                url=url,
            )
        )
    return str(product.images[0])


def _read_foreign_bytes(data: bytes, fit: int | None, label: str, name: str | None = None) -> _Photo:
    """Reads a photo that may be a stranger's: from the web, or uploaded."""
    return _read_bytes(data, fit, label, name, decode_photo)


def _read_bytes(
    data: bytes,
    fit: int | None,
    label: str,
    name: str | None = None,
    decode: Callable[..., Image.Image] = images.decode,
) -> _Photo:
    try:
        # As `embedding.encoder.preprocess.pixels_of`, but the decoded photo is shown, too.
        image = decode(data, fit=fit)
    except UnreadableImageError as reason:
        raise UnreadableImageError(f"{name or label[0].upper() + label[1:]}: {reason}.") from None
    return _Photo(label, image)


def _embedded(published: OpenGeneration, read: Sequence[QueryInput | _Photo]) -> list[QueryInput]:
    """Inputs with the vectors of their photos, which are encoded in one call."""
    photos = [one for one in read if isinstance(one, _Photo)]
    if not photos:
        return [one for one in read if isinstance(one, QueryInput)]
    size = published.manifest.encoder.size
    pixels = np.stack([letterbox(one.image, size) for one in photos])
    batches = [pixels[start : start + _ENCODED] for start in range(0, len(pixels), _ENCODED)]
    embeddings = np.concatenate([published.encoder().encode(batch) for batch in batches])
    vectors = published.index.projection.apply(embeddings)
    pairs = zip(embeddings, vectors, strict=True)
    return [one if isinstance(one, QueryInput) else _seen(one, *next(pairs)) for one in read]


def _seen(photo: _Photo, embedding: np.ndarray, vector: np.ndarray) -> QueryInput:
    if not np.isfinite(vector).all() or not vector.any():
        raise InputError(_("The encoder sees nothing in {photo}. Give another photo.", photo=photo.label))
    small = photo.image.copy()
    small.thumbnail((_PICTURE_PX, _PICTURE_PX))  # the photo itself may be large and matches may be kept
    return QueryInput(
        photo.label, vector, None, lambda: images.thumbnail(small, _PICTURE_PX), embedding, small
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    """Converts a PIL image to RGB like `storage.images.decode`: rotated by EXIF, transparency on white."""
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


def _array_to_image(array: np.ndarray) -> Image.Image:
    """Converts an array of pixels to an image."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or not array.size:
        raise InputError(f"An array of shape {array.shape} is no photo. Give [height, width, 3], RGB.")
    if array.dtype != np.uint8:
        raise InputError(f"An array of {array.dtype} is no photo. Give uint8 from 0 to 255.")
    return _to_rgb(Image.fromarray(np.ascontiguousarray(array)))
