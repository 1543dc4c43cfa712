"""The demo's contact sheet: one HTML file with the query photo and its matches, which loads nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from lookalike.rendering import render as render_template

if TYPE_CHECKING:
    from lookalike.matches import Matches


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
    """Renders the sheet as HTML.

    :param photo: the JPEG that was searched for.
    :param wanted: what it shows, for example `a dress in navy`.
    :param notes: sentences under the cards, as HTML.
    """
    return render_template(
        "contact_sheet",
        style=files("lookalike.demo").joinpath("contact_sheet.css").read_text(encoding="utf-8"),
        matches=matches,
        photo=photo,
        wanted=wanted,
        facts=[
            ("stores crawled" if facts.stores != 1 else "store crawled", f"{facts.stores:,}"),
            ("products", f"{facts.products:,}"),
            ("photos", f"{facts.photos:,}"),
            ("seconds, from first request to answer", f"{facts.seconds:,.0f}"),
        ],
        stores=f"{facts.stores} store{'' if facts.stores == 1 else 's'}",
        notes=notes,
    )
