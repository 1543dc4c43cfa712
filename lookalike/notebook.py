"""Matches as a notebook shows them: a strip of cards with photos, prices and links.

Everything a store wrote is hostile until shown otherwise: it is escaped, photos are data, and a link is drawn
only to http or https.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from lookalike.safe_html import AVAILABILITY, photo_html, price_html, safe_link

if TYPE_CHECKING:
    from lookalike.matches import AlsoAt, Match, Matches

MOST_ALSO = 3
"""Other products of the photo that a card names."""

# The notebook's own colours where it names them (Jupyter, VS Code), else the system's; no script, nothing
# loaded.
_STYLE = """
.lkl{--ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,CanvasText));
--dim:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,GrayText));
--line:color-mix(in srgb,var(--ink) 15%,transparent);
font:14px/1.4 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);margin:4px 0 12px}
.lkl *{box-sizing:border-box}
.lkl .row{display:grid;grid-template-columns:repeat(auto-fill,minmax(134px,1fr));gap:12px}
.lkl figure{margin:0;border:1px solid var(--line);border-radius:10px;overflow:hidden;display:flex;
flex-direction:column;max-width:260px}
.lkl .ask{border-style:dashed}
.lkl .pic{display:block;aspect-ratio:4/5;background:#fff}
.lkl .pic img{width:100%;height:100%;object-fit:contain;display:block;margin:0;max-width:none}
.lkl figcaption{flex:1;padding:9px 9px 10px;display:flex;flex-direction:column;gap:2px;min-width:0}
.lkl .brand,.lkl .foot,.lkl .head{color:var(--dim);font-size:12px}
.lkl .head{margin:0 0 8px}
.lkl .warn{margin:0 0 8px;padding:4px 10px;border-left:3px solid #d08a2c;overflow-wrap:anywhere}
.lkl .title{font-size:13px;font-weight:600;line-height:1.35;display:-webkit-box;-webkit-line-clamp:3;
-webkit-box-orient:vertical;overflow:hidden;overflow-wrap:anywhere}
.lkl .row a:link,.lkl .row a:visited{color:inherit;text-decoration:none}
.lkl .row a:hover,.lkl .row a:focus-visible{text-decoration:underline}
.lkl .price{font-variant-numeric:tabular-nums}
.lkl s{color:var(--dim);font-size:12px;margin-left:4px}
.lkl .foot{display:flex;justify-content:space-between;gap:6px;overflow-wrap:anywhere}
.lkl .foot.last{padding-top:3px}
.lkl .foot.last>span:last-child,.lkl .also b{flex:none}
.lkl .also{font-size:12px;border-top:1px solid var(--line);margin-top:5px;padding-top:5px;display:grid}
.lkl .also>span{display:flex;justify-content:space-between;gap:6px;min-width:0;overflow-wrap:anywhere}
.lkl .row .also a:link,.lkl .row .also a:visited{text-decoration:underline var(--line);
text-underline-offset:2px}
.lkl .also b{font-weight:400;color:var(--dim);font-variant-numeric:tabular-nums}
"""


def render(matches: Matches) -> str:
    """Matches as HTML that needs nothing else, after the photos that were searched for."""
    asked = "".join(
        f'<figure class="ask"><span class="pic">{photo_html(picture, "searched for")}</span>'
        '<figcaption><span class="brand">Searched for</span></figcaption></figure>'
        for picture in matches.pictures()
    )
    head = (
        f"{len(matches)} match{'' if len(matches) == 1 else 'es'} for {escape(matches.query)} · "
        f"generation {escape(matches.generation)}"
    )
    warning = f'<p class="warn" dir="auto">{escape(matches.warning)}</p>' if matches.warning else ""
    cards = "".join(_card(match) for match in matches)
    return (
        f'<style>{_STYLE}</style><div class="lkl"><p class="head" dir="auto">{head}</p>{warning}'
        f'<div class="row">{asked}{cards}</div></div>'
    )


def _card(match: Match) -> str:
    title = escape(match.title or "Untitled product")
    photo = photo_html(match.thumbnail(), match.title or "")
    brand = f'<span class="brand" dir="auto">{escape(match.brand)}</span>' if match.brand else ""
    store = escape(match.store) + "\N{NO-BREAK SPACE}↗" * bool(safe_link(match.url))
    words = AVAILABILITY.get(match.availability or "")
    stock = f'<span class="foot">{words}</span>' if words else ""
    same = f'<span class="foot">Same {escape(", ".join(match.evidence))}</span>' if match.evidence else ""
    return (
        f"<figure>{_linked(match, photo, 'pic')}<figcaption>{brand}"
        f'<span class="title" dir="auto" title="{title}">{_linked(match, title)}</span>'
        f'<span class="price">{price_html(match)}</span>{stock}{same}'
        f'<span class="foot last">{_linked(match, store)}'
        f'<span title="cosine similarity {match.score:.3f}">{max(0.0, match.score):.0%}</span></span>'
        f"{_also(match)}</figcaption></figure>"
    )


def _also(match: Match) -> str:
    """Where else the photo is sold, a line each, the cheapest first."""
    if not match.also_at:
        return ""
    lines = [
        f"<span>{_linked(offer, escape(offer.store))}<b>{price_html(offer)}</b></span>"
        for offer in match.also_at[:MOST_ALSO]
    ]
    more = len(match.also_at) - len(lines)
    rest = f"<b>and {more} more</b>" if more else ""
    return f'<div class="also"><b>Also at</b>{"".join(lines)}{rest}</div>'


def _linked(match: Match | AlsoAt, html: str, kind: str = "to") -> str:
    """HTML that leads to the product's page, where it has one that a browser may open."""
    link = safe_link(match.url)
    if link is None:
        return f'<span class="{kind}">{html}</span>'
    target = f'href="{escape(link)}" target="_blank" rel="noopener noreferrer nofollow"'
    return f'<a class="{kind}" {target}>{html}</a>'
