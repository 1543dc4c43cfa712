"""What every view of a match is made of: its link, price, stock and photo, safe to put into a page.

Everything a store wrote is hostile until shown otherwise: it is escaped, photos are data and never fetched
from a store's server, and a link is one to http or https.
"""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from lookalike.matches import AlsoAt, Match

AVAILABILITY = {
    "in_stock": "In stock",
    "out_of_stock": "Out of stock",
    "preorder": "Pre-order",
    "backorder": "On back-order",
}


def safe_link(url: str | None) -> str | None:
    """The URL if a browser may follow it, which is to http and https with a host only; else None."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
        return url.strip() if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:  # an unclosed bracket in the host, for one
        return None


def price_html(match: Match | AlsoAt) -> str:
    """The price as a shop shows it, with the one it was reduced from; says so where a store gives none."""
    from storage.money import display_price

    if match.price is None:
        return "Price at the store"
    now = escape(display_price(match.price, match.currency))
    was = getattr(match, "was_price", None)
    if was is None or was <= match.price:
        return now
    return f"{now}<s>{escape(display_price(was, match.currency))}</s>"


def photo_html(jpeg: bytes, description: str) -> str:
    """A JPEG as an image that holds its own data.

    :param description: what a screen reader says; escaped here.
    """
    data = base64.b64encode(jpeg).decode("ascii")
    return f'<img src="data:image/jpeg;base64,{data}" alt="{escape(description)}">'
