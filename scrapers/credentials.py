"""Secrets of a store: `lookalike.toml` holds the names of environment variables, never the values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from storage.errors import InputError

_PLACE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_HEADER = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)


def plain_secret(name: str, value: str) -> bool:
    """Whether a header or a proxy's address holds a secret itself, in place of a variable's name.

    :param name: the header's name, or `proxy`.
    """
    if _PLACE.search(value):
        return False
    if name == "proxy":
        return bool(urlsplit(value).password)
    return bool(_SECRET_HEADER.search(name))


def filled(text: str, environ: Mapping[str, str], *, store: str) -> str:
    """A text with each `${NAME}` replaced by that environment variable's value.

    :param store: whose text it is, for the error's sentence.
    :raises InputError: where a variable is not set.
    """

    def value(place: re.Match[str]) -> str:
        if not environ.get(place[1]):
            raise InputError(
                f"The environment variable {place[1]} is not set, which the store '{store}' needs. Set it."
            )
        return environ[place[1]]

    return _PLACE.sub(value, text)


def check_filled(texts: Iterable[str], environ: Mapping[str, str], *, store: str) -> None:
    """:raises InputError: where a variable that one of the texts names is not set."""
    for text in texts:
        filled(text, environ, store=store)
