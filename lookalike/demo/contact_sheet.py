"""The demo's contact sheet: one HTML file with the photo that was searched for and what was found.

It needs nothing else: photos are data, no script runs. Whatever a store wrote is escaped, and a link leads to
http or https only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from lookalike.safe_html import AVAILABILITY, photo_html, price_html, safe_link

if TYPE_CHECKING:
    from lookalike.matches import Match, Matches

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Facts:
    """What the run did, as the sheet shows it.

    :ivar products: in the published generation.
    :ivar photos: in the published generation.
    :ivar seconds: of the whole run.
    """

    stores: int
    products: int
    photos: int
    seconds: float


def render(matches: Matches, photo: bytes, facts: Facts, *, wanted: str, notes: Iterable[str] = ()) -> str:
    """The sheet as HTML.

    :param photo: the JPEG that was searched for.
    :param wanted: what it shows, for example `a dress in navy`.
    :param notes: sentences under the cards, as HTML.
    """
    cards = "".join(_card(match) for match in matches)
    style = files("lookalike.demo").joinpath("contact_sheet.css").read_text(encoding="utf-8")
    many = f"{facts.stores} store{'' if facts.stores == 1 else 's'}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="referrer" content="no-referrer">
<title>What looks like this? – Lookalike</title>
<style>
{style}</style>
</head>
<body>
<main>
<header class="top">
<div class="asked">{photo_html(photo, "The photo that was searched for: " + wanted)}</div>
<div>
<p class="mark">Lookalike</p>
<h1>What looks like this, and where can I buy it?</h1>
<p class="lead">Asked with a new photo of {escape(wanted)}, which none of the stores sells. \
These are the nearest of all their products.</p>
<dl class="facts">{_facts(facts)}</dl>
</div>
</header>
<h2 class="found">{len(matches)} most similar products, out of {many}</h2>
<ol class="cards">{cards}</ol>
<footer class="note">{"".join(f"<p>{note}</p>" for note in notes)}\
<p>Similarity is the cosine of two photos' embeddings. \
Generation <code>{escape(matches.generation)}</code>.</p>
</footer>
</main>
</body>
</html>
"""


def _facts(facts: Facts) -> str:
    shown = (
        ("stores crawled" if facts.stores != 1 else "store crawled", f"{facts.stores:,}"),
        ("products", f"{facts.products:,}"),
        ("photos", f"{facts.photos:,}"),
        ("seconds, from first request to answer", f"{facts.seconds:,.0f}"),
    )
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shown)


def _card(match: Match) -> str:
    title = match.title or "Untitled product"
    brand = f'<p class="brand" dir="auto">{escape(match.brand)}</p>' if match.brand else ""
    stock = AVAILABILITY.get(match.availability or "", "").lower()
    return (
        f'<li class="card"><div class="photo">{photo_html(match.thumbnail(), title)}'
        f'<span class="score" title="cosine similarity {match.score:.3f}">'
        f"{max(0.0, match.score):.0%}</span></div>"
        f'<div class="words">{brand}<h3 class="title" dir="auto">{escape(title)}</h3>'
        f'<p class="price">{price_html(match)}</p>'
        f'<p class="store" dir="auto">{escape(match.store)}{f" · {stock}" if stock else ""}</p>'
        f"{_link(match)}</div></li>"
    )


def _link(match: Match) -> str:
    link = safe_link(match.url)
    if link is None:
        return ""
    label = escape(f"View {match.title or 'product'} in store")
    return (
        f'<a class="view" href="{escape(link)}" target="_blank" rel="noopener noreferrer" '
        f'aria-label="{label}">View in store</a>'
    )
