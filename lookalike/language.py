"""The language of what a visitor reads: sentences, numbers, prices and dates.

English texts stand in the code, marked by `translated`, `plural` or `marked`; translations of them in
`locales/LANGUAGE/LC_MESSAGES/lookalike.po`. `make translations` finds new texts and compiles.

Notebooks and pages from the command line are English, and so are sentences about errors, except for those
about a visitor's own query.
"""

from __future__ import annotations

import functools
import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from babel.core import negotiate_locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from storage.money import display_price

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
"""By code, a language's own name; the first is that of the code."""

ENGLISH = next(iter(LANGUAGES))
LOCALES = Path(__file__).parent / "locales"
DOMAIN = "lookalike"

_DATES = {ENGLISH: "en_GB"}  # 28 November 2026
_MOST_ASKED = 20

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)

_Text = TypeVar("_Text", bound=str)


def current() -> str:
    """The code of the language that is spoken."""
    return _language.get()


def speak(language: str) -> None:
    """Speaks a language of `LANGUAGES` from now on, in this thread."""
    _language.set(language)


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Speaks a language for a while."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def preferred(accept_language: str) -> str:
    """The language of `LANGUAGES` that a browser's `Accept-Language` prefers; English where it names none.

    >>> preferred("pt-BR,es-MX;q=0.8,en;q=0.5")
    'es'
    """
    asked = []
    for place, part in enumerate(accept_language.split(",")[:_MOST_ASKED]):
        code, _, weight = part.replace(" ", "").partition(";q=")
        try:
            asked.append((-float(weight or 1), place, code))
        except ValueError:
            continue
    codes = [code.replace("-", "_").lower() for weight, _, code in sorted(asked) if weight]
    return negotiate_locale(codes, list(LANGUAGES), aliases={}) or ENGLISH


def marked(text: _Text) -> _Text:
    """Marks a text that is translated where it is shown."""
    return text


def translated(text: str, **values: object) -> str:
    """A text in the language that is spoken.

    :param values: of its `{names}`.
    """
    found = _catalogue(current()).gettext(text) if text else ""  # of "" gettext has the file's header
    return found.format(**values) if values else found


def plural(one: str, several: str, count: int, **values: object) -> str:
    """A text in the plural form that a number takes; `{count}` is the number.

    :param values: of its other `{names}`.
    """
    found = _catalogue(current()).ngettext(one, several, count)
    return found.format(count=number(count), **values)


def number(value: int) -> str:
    """A number with its thousands apart."""
    return format_decimal(value, locale=current())


def percent(share: float) -> str:
    """A share in percent."""
    return format_percent(share, locale=current())


def price(value: Decimal | None, currency: str | None) -> str:
    """A price; empty if there is none."""
    return display_price(value, currency, current())


def day(moment: date | None) -> str:
    """A day with the month's name; empty if there is none."""
    return format_date(moment, "long", _DATES.get(current(), current())) if moment else ""


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALES, [language], fallback=language == ENGLISH)
