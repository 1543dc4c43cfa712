"""HTML of results: one autoescaped template of a card for notebook, contact sheet and dashboard.

What a store wrote is hostile until shown otherwise: it is escaped, without invisible characters, photos are
data and never fetched from a store's server, and a link is one to http or https.
"""

from __future__ import annotations

import base64
import functools
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lookalike.language import day, marked, percent, price, translated
from lookalike.templates import TEMPLATES
from storage.printable import printable

if TYPE_CHECKING:
    from jinja2 import Environment

AVAILABILITY = {
    "in_stock": marked("In stock"),
    "out_of_stock": marked("Out of stock"),
    "preorder": marked("Pre-order"),
    "backorder": marked("On back-order"),
}

BANDS = (marked("Nearly the same"), marked("Very alike"), marked("Alike"))
EVIDENCE = (
    *(marked("GTIN"), marked("brand and SKU"), marked("brand"), marked("photo"), marked("title")),
    *(marked("looks"), marked("bought together"), marked("popular")),
)
"""What a match's band and evidence say, as translators get to see it."""

MAX_ALSO = 2
"""Most other products of its photo that a card names."""


def render(template: str, **values: Any) -> str:
    """Renders a template of `lookalike.templates`; all text in `values` is escaped."""
    return _environment().get_template(template).render(values)


def escaped(text: str) -> str:
    """Text as HTML outside a template: escaped, without invisible characters."""
    return escape(printable(text))


def safe_link(url: str | None) -> str | None:
    """The URL if a browser may follow it, that is to http or https with a host; else None."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        return url.strip() if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:  # an unclosed bracket in the host, for one
        return None


@functools.cache
def _environment() -> Environment:
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, finalize=_visible, loader=DictLoader(TEMPLATES), undefined=StrictUndefined
    )
    # Of a link to a store: it opens apart, and tells the store nothing.
    outward = Markup(' target="_blank" rel="noopener noreferrer nofollow"')
    environment.globals.update(
        _=translated, availability=AVAILABILITY, max_also=MAX_ALSO, outward=outward, enlarged_id=""
    )
    environment.filters.update(
        data_uri=_data_uri,
        day=day,
        likeness=_likeness,
        price=price,
        reason=_reason,
        safe_link=safe_link,
        translated=translated,
    )
    return environment


def _visible(value: Any) -> Any:
    """A template's text without invisible characters; what is markup of ours stays as it is."""
    return printable(value, lines=True) if type(value) is str else value


def _data_uri(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def _reason(why: str) -> str:
    """Why a product completes an outfit, as short as a card has room for."""
    return why.removeprefix("goes with: ")


def _likeness(band: str | None, score: float) -> str:
    """How alike, by the band; by a percentage where there is none."""
    if band:
        return translated(band.capitalize())
    return translated("{share} alike", share=percent(max(0, min(1, score))))
