"""A result as a card: photo, title, brand, price, store and link.

Everything a store wrote may be hostile: it reaches the page only through `html.escape`, never through
Streamlit's Markdown, which would load remote images, and a link is drawn only to http or https.
"""

from __future__ import annotations

from html import escape

from lookalike.matches import AlsoAt, Match
from lookalike.safe_html import AVAILABILITY, photo_html, safe_link
from storage.money import display_price

MOST_ALSO = 2
"""Other products of the photo that a card names."""


def framed_photo(jpeg: bytes, description: str, link: str | None = None) -> str:
    """A photo in its frame; the frame leads to `link` where there is one.

    :param description: what a screen reader says; escaped here.
    """
    image = photo_html(jpeg, description)
    if link is None:
        return f'<div class="la-photo">{image}</div>'
    return f'<a class="la-photo" href="{escape(link)}" target="_blank" tabindex="-1">{image}</a>'


def price_html(match: Match) -> str:
    """The price as a shop shows it, with the one it was reduced from; says so where a store gives none."""
    if match.price is None or match.currency is None:
        return '<span class="la-unknown">Price at the store</span>'
    now = escape(display_price(match.price, match.currency))
    if match.was_price is None or match.was_price <= match.price:
        return f'<span class="la-now">{now}</span>'
    was = escape(display_price(match.was_price, match.currency))
    return (
        f'<span class="la-now la-reduced">{now}</span> '
        f'<s class="la-was"><span class="la-hidden">was </span>{was}</s>'
    )


def stock_html(availability: str | None) -> str:
    """Whether it can be bought; an empty line where the store says nothing, so that all cards line up."""
    words = AVAILABILITY.get(availability or "")
    if words is None:
        return '<div class="la-stock la-silent"></div>'
    return f'<div class="la-stock la-{availability}">{words}</div>'


def card_html(match: Match) -> str:
    """A whole card but for its button: photo, likeness, brand, title, price, store, stock and the link."""
    title = match.title or "Untitled product"
    link = safe_link(match.url)
    seen = f' title="Seen there on {match.seen.day} {match.seen:%B %Y}"' if match.seen else ""
    return (
        f'<article class="la-card" aria-label="{escape(title)}">'
        f"{framed_photo(match.thumbnail(), title, link)}"
        f'<div class="la-over"><span class="la-brand" dir="auto">{escape(match.brand or "")}</span>'
        f"{similarity_html(match)}</div>"
        f'<h3 class="la-title" dir="auto" title="{escape(title)}">{escape(title)}</h3>'
        f'<div class="la-price">{price_html(match)}</div>'
        f'<div class="la-store"{seen}>{escape(match.store)}</div>'
        f"{stock_html(match.availability)}"
        f"{also_html(match)}"
        f"{link_html(title, match.store, link)}"
        "</article>"
    )


def similarity_html(match: Match) -> str:
    """How alike it is, or why it goes with what was asked for."""
    if match.why is not None:
        words = escape(match.why.removeprefix("goes with: "))
        return f'<span class="la-alike la-why" title="{escape(match.why)}">{words}</span>'
    likeness = f"{max(0, min(100, round(match.score * 100)))}% alike"
    alike = "The same photo" if "photo" in match.evidence else likeness
    return f'<span class="la-alike" title="Cosine similarity {match.score:.3f}">{alike}</span>'


def also_html(match: Match) -> str:
    """Where else the same photo is sold, a line each, the cheapest first; nothing where it is not."""
    if not match.also_at:
        return ""
    lines = "".join(f"<li>{_also_line(offer)}</li>" for offer in match.also_at[:MOST_ALSO])
    more = len(match.also_at) - MOST_ALSO
    rest = f"<li>and {more} more</li>" if more > 0 else ""
    return f'<ul class="la-also" aria-label="The same photo also at">{lines}{rest}</ul>'


def _also_line(offer: AlsoAt) -> str:
    link = safe_link(offer.url)
    store = f"also at {escape(offer.store)}"
    if link is not None:
        store = f'<a href="{escape(link)}" target="_blank">{store}</a>'
    price = escape(display_price(offer.price, offer.currency)) if offer.price is not None else ""
    return f"<span>{store}</span><span>{price}</span>"


def link_html(title: str, store: str, link: str | None) -> str:
    """The "View in store" link, or a quiet line where the store gave none that a browser may follow."""
    if link is None:
        return '<span class="la-nowhere">No link to the store</span>'
    return (
        f'<a class="la-visit" href="{escape(link)}" target="_blank" '
        f'aria-label="View in store: {escape(title)}, {escape(store)}">View in store</a>'
    )
