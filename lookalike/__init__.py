"""Finds products that look like a photo.

    import lookalike
    shop = lookalike.open("data")
    matches = shop.similar("dress.jpg", k=5, max_price=60, currency="EUR", in_stock=True)

Importing this package imports nothing else: every name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lookalike import own_packages

if TYPE_CHECKING:
    from pathlib import Path

    from embedding.bands import Band
    from embedding.index.filter_types import FilterArguments
    from lookalike.description import Description, Guess
    from lookalike.evaluation import Evaluation
    from lookalike.garments import Box, Garment, Garments
    from lookalike.lazy_table import LazyTable
    from lookalike.matches import AlsoAt, Match, Matches
    from lookalike.query import Shop
    from lookalike.recommend import Customer, Interest
    from storage.errors import (
        BusyError,
        ForeignFileError,
        InputError,
        LookalikeError,
        NewerSchemaError,
        NotPublishedError,
        UnreadableImageError,
    )
    from storage.manifest import GenerationError
    from storage.signature import SignatureError

    __version__: str

own_packages.install()

__all__ = [
    "AlsoAt",
    "Band",
    "Box",
    "BusyError",
    "Customer",
    "Description",
    "Evaluation",
    "FilterArguments",
    "ForeignFileError",
    "Garment",
    "Garments",
    "GenerationError",
    "Guess",
    "InputError",
    "Interest",
    "LazyTable",
    "LookalikeError",
    "Match",
    "Matches",
    "NewerSchemaError",
    "NotPublishedError",
    "Shop",
    "SignatureError",
    "UnreadableImageError",
    "__version__",
    "open",
]

_MODULES = {
    "Band": "embedding.bands",
    "Shop": "lookalike.query",
    "AlsoAt": "lookalike.matches",
    "Match": "lookalike.matches",
    "Matches": "lookalike.matches",
    "Description": "lookalike.description",
    "Evaluation": "lookalike.evaluation",
    "Guess": "lookalike.description",
    "Box": "lookalike.garments",
    "Garment": "lookalike.garments",
    "Garments": "lookalike.garments",
    "LazyTable": "lookalike.lazy_table",
    "Customer": "lookalike.recommend",
    "Interest": "lookalike.recommend",
    "FilterArguments": "embedding.index.filter_types",
    "GenerationError": "storage.manifest",
    "SignatureError": "storage.signature",
}
"""Where names are defined; the other errors are in `storage.errors`."""


def open(data: str | Path, *, cache: Path | None = None, verify_key: str | Path | None = None) -> Shop:
    """Opens the published generation of a data root; see `lookalike.Shop`.

    :param data: the data root: a folder, or `s3://bucket/prefix`.
    :param cache: the folder that a bucket's files are fetched to; the user's own cache where None.
    :param verify_key: the public key (PEM) that the export must be signed with, see `lookalike export
        --sign`.
    :raises NotPublishedError: nothing was published there yet.
    :raises GenerationError: what was published is damaged.
    :raises SignatureError: it is not signed with `verify_key`.
    """
    from lookalike.query import Shop

    return Shop(data, cache=cache, verify_key=verify_key)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES.get(name, "storage.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("lookalike")
    except PackageNotFoundError:
        return "0"
