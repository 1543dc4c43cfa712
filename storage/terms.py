"""The words that tables, JSON and code share. A member is a `str`: it is stored and printed as its value."""

from __future__ import annotations

from enum import StrEnum


class Availability(StrEnum):
    """Whether a product or variant can be bought; `offers.availability` and `products.availability`."""

    IN_STOCK = "in_stock"
    PREORDER = "preorder"
    BACKORDER = "backorder"
    OUT_OF_STOCK = "out_of_stock"


class SourceName(StrEnum):
    """Where a field of a product was stated."""

    SELECTORS = "recipe"  # the entry's CSS selectors, named after their table in lookalike.toml
    JSON_LD = "json-ld"
    MICRODATA = "microdata"
    RDFA = "rdfa"
    OPENGRAPH = "opengraph"
    STATE = "state"  # the data of the page's scripts
    HTML = "html"  # the visible page
    BREADCRUMBS = "breadcrumbs"
    URL = "url"
    SHOPIFY = "shopify"
    WOOCOMMERCE = "woocommerce"
    BING = "bing"


MARKUP_SOURCES = (SourceName.JSON_LD, SourceName.MICRODATA, SourceName.RDFA, SourceName.OPENGRAPH)
"""Markup for machines, most trusted first."""
API_SOURCES = frozenset({SourceName.SHOPIFY, SourceName.WOOCOMMERCE, SourceName.BING})
"""Interfaces that state each field in a form of its own: nothing has to be recognised in a text."""

ABSENT = "absent:"
"""Prefix of a product's id in `fetches`, where `status` counts the complete crawls that missed it."""

LISTED = "listed:"
"""Prefix of a product's address in `fetches`, where `content_hash` is the digest of what the listings showed
of its price and stock when its page was last read. Without an address, `status` counts the changes that they
have shown."""


class Event(StrEnum):
    """What a saved search tells of."""

    LOOKALIKE = "lookalike"
    """A product that is more alike than the least alike that was there when the search was saved."""
    PRICE = "price"
    """A watched product costs less than before."""
    SIZE = "size"
    """A watched product is there in the wanted size, and was not before."""
