"""Finds products that look like a photo.

    import lookalike
    shop = lookalike.open("data")
    matches = shop.similar("dress.jpg", k=5, max_price=60, currency="EUR", in_stock=True)

Importing this package imports nothing else; `open` loads what a search needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from lookalike.query import Shop

    __version__: str

__all__ = ["__version__", "open"]


def open(data: str | Path, *, cache: Path | None = None, verify_key: str | Path | None = None) -> Shop:
    """Opens what is published in a data root; see `lookalike.query.Shop`.

    :param data: the data root: a folder, or `s3://bucket/prefix`.
    :param cache: the folder that a bucket's files are fetched to; the user's own cache where None.
    :param verify_key: the public key (PEM) that has to have signed it, see `lookalike export --sign`.
    :raises NotPublishedError: nothing was published there yet.
    :raises GenerationError: what was published is damaged.
    :raises SignatureError: it is not signed with `verify_key`.
    """
    from lookalike.query import Shop

    return Shop(data, cache=cache, verify_key=verify_key)


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("lookalike")
        except PackageNotFoundError:
            return "0"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
