"""The page "Health", for operators: stores, crawls, rejects, generations and sizes, and decisions about them.

Whoever can open it can accept and reject crawls and roll the index back, so it is there only where the
settings say `health = true` under `[dashboard]`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import altair as alt
import pandas as pd
import streamlit as st
from babel.numbers import format_decimal

from dashboards.languages import keeping_language
from dashboards.page_parts import SEARCHES, draw_note, footer, header, plain
from dashboards.price_chart import COLOURS
from dashboards.product import show_cards
from lookalike import Shop, health
from lookalike.language import current, number
from lookalike.language import percent as share_in_percent
from lookalike.language import translated as _
from lookalike.rendering import render
from lookalike.settings import Config
from lookalike.status import GenerationStatus, Status, StoreStatus, read_status
from storage import images
from storage.errors import LookalikeError
from storage.root import Root

CRAWLS = 40
"""Crawls that are listed, the latest."""

MOST_REJECTS = 60
"""Reasons of rejects that are listed, the most frequent."""

MAP_PHOTO = 96  # px a side
MAP_HEIGHT = 520  # px
MAP_COLOURS = (*COLOURS, "#c04a6b", "#2f8f9d", "#8a6b4f", "#6a9a2d", "#8d6fd1")
MOST_CHOSEN = 12
"""Products that are shown of those framed on the map."""

SAID = "health-said"  # session key: what the last decision did


def page(shop: Shop, config: Config) -> None:
    """Draws the page for one visitor, or why it cannot be drawn."""
    header()
    st.html(f'<h1 class="la-page">{_("Health")}</h1>')
    if said := st.session_state.get(SAID, ""):
        draw_note(said)
    try:
        with st.spinner(_("Reading what is stored…")):
            root = config.open_root()
            status = read_status(root, config.stores)
        show_quarantine(root, status)
        show_stores(status)
        show_crawls(root)
        show_rejects(root)
        show_generations(root, status)
        show_sizes(root, status)
        # A frame on the map draws the map again, not the whole page with its tables.
        st.fragment(keeping_language(show_map))(shop)
    except LookalikeError as error:
        draw_note(str(error))
    footer(shop)


def show_stores(status: Status) -> None:
    """Shows every store, how its last crawl ended, and what share of its products has which field."""
    draw_table(
        _("Stores"),
        (
            _("Store"),
            _("Strategy"),
            _("Products"),
            _("Removed"),
            _("Last crawl"),
            _("Failure"),
            _("Last complete"),
        ),
        [store_row(store) for store in status.stores],
    )
    for store in status.stores:
        if store.problem and not store.findings:
            draw_note(store.problem)
    coverage = {
        store.name: store.last_crawl["coverage"]
        for store in status.stores
        if store.last_crawl and store.last_crawl["coverage"]
    }
    fields = sorted({name for shares in coverage.values() for name in shares})
    draw_table(
        _("Coverage: share of each store's products that have a field"),
        (_("Store"), *fields),
        [(store, *(percent(shares.get(name)) for name in fields)) for store, shares in coverage.items()],
    )


def store_row(store: StoreStatus) -> tuple[str, ...]:
    """A store as a row of the table of stores."""
    crawl = store.last_crawl
    return (
        store.name,
        store.strategy or ("" if store.configured else _("not in lookalike.toml")),
        number(store.products),
        number(store.removed),
        f"{crawl['status']}, {moment(crawl['ended_at'])}" if crawl else _("none yet"),
        str(store.failure or ""),
        moment(store.fresh_at) or _("never"),
    )


def show_quarantine(root: Root, status: Status) -> None:
    """Shows each quarantined crawl with what is wrong, and the two decisions about it."""
    quarantined = [store for store in status.stores if store.findings]
    if not quarantined:
        return
    st.html('<h2 class="la-part">' + _("Quarantined crawls") + "</h2>")
    for store in quarantined:
        examples = [
            (finding.gate, finding.sentence, ", ".join(finding.examples)) for finding in store.findings
        ]
        st.html(
            render(
                "table",
                caption=_("Findings of {store}", store=store.name),
                head=(_("Gate"), _("Finding in the crawl of {store}", store=store.name), _("Examples")),
                rows=examples,
            )
        )
        with st.container(horizontal=True):
            for key, label, decide in (
                ("accept", _("Accept {store}", store=store.name), health.accept),
                ("reject", _("Reject {store}", store=store.name), health.reject),
            ):
                decision = partial(decide, root, store.name, store.findings)
                draw_decision(label, f"{key}-{store.name}", decision)


def show_crawls(root: Root) -> None:
    """Shows the latest nights and crawls."""
    crawls = health.latest_crawls(root, CRAWLS)
    days = health.nights(crawls)
    statuses = sorted({status for counts in days.values() for status in counts})
    draw_table(
        _("Nights: crawls by how they ended"),
        (_("Day"), *statuses),
        [(day, *(str(counts.get(status, "")) for status in statuses)) for day, counts in days.items()],
    )
    names = ("products", "products_new", "products_changed", "products_removed", "rejects", "errors")
    draw_table(
        _("Latest crawls"),
        (
            _("Ended"),
            _("Store"),
            _("Status"),
            _("Failure"),
            _("Products"),
            _("New"),
            _("Changed"),
            _("Removed"),
            _("Rejects"),
            _("Errors"),
            "MB",
            _("Message"),
        ),
        [
            (
                moment(crawl["ended_at"]),
                crawl["store"],
                crawl["status"],
                crawl["failure"] or "",
                *(number(crawl[name] or 0) for name in names),
                megabytes(crawl["size_bytes"] or 0),
                crawl["message"] or "",
            )
            for crawl in crawls
        ],
    )


def show_rejects(root: Root) -> None:
    """Shows what was not kept, by reason, with examples."""
    draw_table(
        _("Rejects: pages and images that were not kept"),
        (_("Store"), _("Stage"), _("Reason"), _("Count"), _("Examples")),
        [
            (one.store, one.stage, one.reason, number(one.count), " ".join(one.examples))
            for one in health.rejects(root)[:MOST_REJECTS]
        ],
    )


def show_generations(root: Root, status: Status) -> None:
    """Shows the kept generations, and publishes an earlier one again."""
    draw_table(
        _("Generations of the index"),
        (_("Generation"), _("State"), _("Built"), _("Encoder"), _("Products"), _("Photos"), _("Recall@5")),
        [generation_row(generation) for generation in reversed(status.generations)],
    )
    others = [generation.name for generation in reversed(status.generations) if not generation.current]
    if others:
        name = st.selectbox(_("Roll back to an earlier generation"), others, key="health-generation")
        draw_decision(_("Publish it again"), "rollback", partial(health.publish, root, name))


def generation_row(generation: GenerationStatus) -> tuple[str, ...]:
    """A generation as a row of the table of generations."""
    whole = generation.recall is not None
    return (
        generation.name,
        _("published") if generation.current else "",
        moment(generation.built_at) if whole else _("damaged"),
        generation.model or "",
        number(generation.products or 0) if whole else "",
        number(generation.items or 0) if whole else "",
        f"{generation.recall:.3f}" if whole else "",
    )


def show_sizes(root: Root, status: Status) -> None:
    """Shows how many rows and bytes are stored."""
    rows = {f"tables/{name}": number(table.rows) for name, table in status.tables.items()}
    draw_table(
        _("Data"),
        (_("Where"), _("Rows"), "MB"),
        [(name, rows.get(name, ""), megabytes(size)) for name, size in health.sizes(root).items()],
    )


def show_map(shop: Shop) -> None:
    """Shows a sample of the embeddings on a plane, and the products inside a frame drawn on it."""
    st.html(
        f'<h2 class="la-part">{_("Map of embeddings")}</h2><p class="la-count">'
        + _(
            "Products that look alike lie close together. Point at one to see its photo; draw a frame to see "
            "the products inside it."
        )
        + "</p>"
    )
    with st.spinner(_("Drawing the map…")):
        places = _map(shop, shop.generation)
    drawn = st.altair_chart(map_chart(places), width="stretch", on_select="rerun", key="health-map")
    frame = drawn.selection.get("frame", {})
    chosen = places[
        places["x"].between(*frame.get("x", (1, 0))) & places["y"].between(*frame.get("y", (1, 0)))
    ]
    show_cards(_("Inside the frame"), "map", [shop.product(name) for name in chosen["product"][:MOST_CHOSEN]])


def map_chart(places: pd.DataFrame) -> alt.Chart:
    """A point a product, coloured by kind.

    :param places: as `_map` gives them.
    """
    kinds = sorted(places["kind"].unique())
    return (
        alt.Chart(places)
        .mark_circle(size=70, opacity=0.75)
        .encode(
            x=alt.X("x:Q", axis=None),
            y=alt.Y("y:Q", axis=None),
            color=alt.Color("kind:N", title=None, scale=alt.Scale(domain=kinds, range=MAP_COLOURS)),
            tooltip=[alt.Tooltip("image:N"), alt.Tooltip("title:N"), alt.Tooltip("product:N")],
        )
        .add_params(alt.selection_interval(name="frame"))
        .properties(
            height=MAP_HEIGHT,
            description=_(
                "{count} products on a plane by their looks; kinds: {kinds}.",
                count=number(len(places)),
                kinds=", ".join(kinds),
            ),
            # As SVG, the frame is an image without a name to screen readers.
            usermeta={"embedOptions": {"renderer": "canvas"}},
        )
    )


@st.cache_data(max_entries=2, show_spinner=False)
def _map(_shop: Shop, generation: str) -> pd.DataFrame:
    """The map of a generation, each product with its photo as a data URI in the column `image`."""
    places = health.embedding_map(_shop)
    return places.assign(image=[_photo(_shop, product) for product in places["product"]])


def _photo(shop: Shop, product: str) -> str:
    jpeg = images.thumbnail(images.decode(shop.product(product).thumbnail(), fit=MAP_PHOTO), side=MAP_PHOTO)
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"


def draw_decision(label: str, key: str, decide: Callable[[], str]) -> None:
    """Draws a button that asks once more before it decides.

    :param decide: does it, and says what it did.
    """
    with st.popover(plain(label), key=f"health-{key}"):
        st.button(
            _("{decision}: yes", decision=plain(label)),
            key=f"health-{key}-yes",
            type="primary",
            on_click=_say,
            args=(decide,),
        )


def _say(decide: Callable[[], str]) -> None:
    st.session_state[SEARCHES] = st.session_state.get(SEARCHES, 0) + 1  # scrolls up to what is said
    try:
        st.session_state[SAID] = decide()
    except LookalikeError as error:
        st.session_state[SAID] = str(error)


def draw_table(headline: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draws a table under its headline; a line where it is empty."""
    st.html(render("section", headline=headline, head=head, rows=rows))


def moment(when: datetime | None) -> str:
    """A time as the tables show it; empty for none."""
    return f"{when:%Y-%m-%d %H:%M}" if when else ""


def percent(share: float | None) -> str:
    """A share as the tables show it; empty for none."""
    return "" if share is None else share_in_percent(share)


def megabytes(size_bytes: int) -> str:
    """A size as the tables show it."""
    return format_decimal(size_bytes / 1e6, "#,##0.0", locale=current())
