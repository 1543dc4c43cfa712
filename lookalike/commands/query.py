"""`lookalike search`, `describe`, `garments` and `extract`: matches of a photo, what it or a page shows."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedding.index.filter_types import FilterArguments
from lookalike.commands import terminal
from lookalike.commands.options import (
    ConfigOption,
    CountOption,
    DataOption,
    JsonOption,
    PhotoArgument,
    PrivateOption,
    settings,
    with_filters,
)
from storage.errors import InputError, LookalikeError

if TYPE_CHECKING:
    from flows.config import Config
    from lookalike.matches import AlsoAt, Match, Matches
    from scrapers.config.store import Store
    from scrapers.extract.product import Examined, Extracted
    from scrapers.reextract import Reextraction


PAGE_ENDINGS = (".html", ".htm")


@with_filters
def search(
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY...",
            help="An image file, an image's or a product page's URL, or store:product_id. "
            "Several are averaged.",
            show_default=False,
        ),
    ] = None,
    k: CountOption = 5,
    *,
    words: Annotated[
        str, typer.Option("--words", metavar="WORDS", help="What they should be, such as 'red linen dress'.")
    ] = "",
    like: Annotated[
        list[str] | None, typer.Option("--like", metavar="QUERY", help="More like this; may be repeated.")
    ] = None,
    unlike: Annotated[
        list[str] | None, typer.Option("--unlike", metavar="QUERY", help="Less like this; may be repeated.")
    ] = None,
    filters: FilterArguments,
    same_category: Annotated[
        bool, typer.Option("--same-category", help="Only the query's own category.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE.html", help="Write a page that shows the matches."),
    ] = None,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Find the products that look like a photo, that words describe, or both."""
    import lookalike

    if not (queries or like or words.strip()):
        raise typer.BadParameter("Nothing is searched for. Give a photo or product, or --words.")
    if output is not None and output.suffix.lower() not in PAGE_ENDINGS:
        raise InputError(f"{output} is no .html file. Give one that ends so.")
    resolved = settings(config, data)
    matches = lookalike.open(resolved.data, cache=resolved.cache).similar(
        None if not queries else queries if len(queries) > 1 else queries[0],
        k=k,
        like=like or (),
        unlike=unlike or (),
        words=words,
        same_category=same_category,
        allow_private=allow_private or resolved.crawl.allow_private,
        **filters,
    )
    if output is not None:
        _write_page(matches, output)
    if as_json:
        terminal.print_json(matches.to_dict())
    else:
        print_matches(matches)


def _write_page(matches: Matches, file: Path) -> None:
    try:
        file.write_text(matches.to_html(), encoding="utf-8")
    except OSError as error:
        raise LookalikeError(f"{file} cannot be written ({error.strerror}).") from None


def describe(
    photo: PhotoArgument,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Tell what a photo shows: clothing at all? which category, colour? with probabilities."""
    import lookalike

    resolved = settings(config, data)
    described = lookalike.open(resolved.data, cache=resolved.cache).describe(
        photo, allow_private=allow_private or resolved.crawl.allow_private
    )
    if as_json:
        terminal.print_json(described.to_dict())
    else:
        terminal.print_rows(("attribute", "value", "probability"), described.rows())


def garments(
    photo: PhotoArgument,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Find the garments in a photo: their boxes in pixels, kinds, and how sure that is."""
    import lookalike

    resolved = settings(config, data)
    found = lookalike.open(resolved.data, cache=resolved.cache).garments(
        photo, allow_private=allow_private or resolved.crawl.allow_private
    )
    if as_json:
        terminal.print_json(found.to_dict())
        return
    terminal.print_rows(found.columns, found.rows())
    if not found:
        terminal.say("No garment is found in the photo.")


def extract(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE_OR_URL", help="A saved product page, or the address of one.", show_default=False
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The address a saved page was read from.")
    ] = None,
    stored: Annotated[
        str | None,
        typer.Option("--stored", metavar="STORE", help="Read a store's stored pages again, not crawling."),
    ] = None,
    save_case: Annotated[
        Path | None,
        typer.Option(
            "--save-case", metavar="FILE", help="Append the trimmed page and its reading to a list of cases."
        ),
    ] = None,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Show what Lookalike reads from one product page, or read a store's stored pages again."""
    from scrapers.extract.page import same_site

    resolved = settings(config, data)
    allow_private = allow_private or resolved.crawl.allow_private
    if (source is None) == (stored is None):
        raise InputError("Give the file or the address of a product page, or --stored STORE.")
    if source is None:
        _print_reread(_reread(resolved, str(stored), allow_private), as_json)
        return
    store = next((one for one in resolved.stores if same_site(url or source, one.url)), None)
    html, address = _page(source, url, allow_private, store)
    if save_case is not None:
        _save_case(save_case, html, address)
        return
    examined = _examined(html, address, store)
    product = examined.product
    if as_json:
        terminal.print_json(product.to_dict() if product else None)
    elif product or examined.candidates:
        _print_extracted(product, examined)
    if product is None:
        raise LookalikeError(
            f"{source} is no product page: {examined.reason}. Give the page of a single product."
        )


def _examined(html: bytes, url: str, store: Store | None) -> Examined:
    """What a page says; a page of a store in the settings is read by its recipe, where it has one."""
    from scrapers.extract.product import Examined
    from scrapers.extract.reading import examine_page
    from scrapers.session.workers import Worker, WorkerError

    with Worker(store.limits.read_seconds) if store else Worker() as worker:
        try:
            examined = worker.call(examine_page, html, url, selectors=store.recipe if store else None)
        except WorkerError as error:
            raise LookalikeError(f"{url or 'The page'} cannot be read: {error}.") from None
    return examined or Examined(None, "there is nothing on it")


def _save_case(file: Path, html: bytes, url: str) -> None:
    from scrapers.extract.saved_case import TRIM_SECONDS, case_of, save_case
    from scrapers.session.workers import Worker, WorkerError

    with Worker(TRIM_SECONDS) as worker:
        try:
            case = worker.call(case_of, html, url)
        except WorkerError as error:
            raise LookalikeError(f"{url or 'The page'} cannot be read: {error}.") from None
    if case is None:
        raise LookalikeError(f"{url or 'The page'} holds no HTML. Give the page of a product.")
    save_case(file, case)
    terminal.say(f"{file} has one case more. Correct its `value`, and say in `why` what is read wrongly.")


def _reread(config: Config, store: str, allow_private: bool) -> Reextraction:
    from scrapers.reextract import reextract_store

    [chosen] = config.choose_stores([store])
    with terminal.progress() as advance:
        return reextract_store(
            config.open_root(),
            chosen,
            allow_private=allow_private or chosen.allow_private,
            on_progress=lambda done, total: advance(f"extract {store}", done, total),
        )


def _print_reread(done: Reextraction, as_json: bool) -> None:
    if as_json:
        terminal.print_json(asdict(done))
        return
    fields = ", ".join(f"{name} {count}" for name, count in sorted(done.fields.items()))
    terminal.print_lines(
        [
            f"{done.store}: {done.read} stored pages read, {done.changed} products changed"
            f"{f' ({fields})' if fields else ''}, {done.offers} offers, "
            f"{done.unreadable} pages give no product any more"
        ]
    )


def _page(source: str, url: str | None, allow_private: bool, store: Store | None) -> tuple[bytes, str]:
    """A page's bytes and the address its links are relative to; a store's page comes as its crawl gets it."""
    if source.startswith(("http://", "https://")):
        from scrapers.config.store import Limits
        from scrapers.detect.session import detection_session
        from scrapers.http.fetch import fetch

        if store:
            allowed = allow_private or store.allow_private
            with detection_session(store, os.environ, allow_private=allowed) as visit:
                page = visit.page(source)
        else:
            page = fetch(source, max_bytes=Limits().page_bytes, timeout_s=30.0, allow_private=allow_private)
        if page.status >= 400:
            raise LookalikeError(f"{source} answers with status {page.status}. Check the address.")
        return page.body, url or page.url
    try:
        return Path(source).read_bytes(), url or ""
    except OSError as error:
        raise InputError(
            f"{source} cannot be read ({error.strerror}). Give a saved HTML page or an address."
        ) from None


def print_matches(matches: Matches) -> None:
    """One row a match, and one for each product of the same photo under it; a warning on stderr."""
    from storage.money import display_price

    if matches.warning:
        terminal.say(matches.warning)
    explained = any(match.why for match in matches)
    rows, seen = [], []
    for match in matches:
        score = f"{match.score:.3f}"
        offers: tuple[Match | AlsoAt, ...] = (match, *match.also_at)
        for place, offer in enumerate(offers):
            title, price = offer.title or "", display_price(offer.price, offer.currency)
            front = ("also at", "") if place else (str(match.rank), score)
            why = ("" if place else match.why or "",) if explained else ()
            rows.append((*front, *why, title, price, offer.store, offer.url or ""))
            seen.append(None if place else match.seen)
    why_head = ("why",) if explained else ()
    head = ("", "score", *why_head, "title", "price", "store", "link")
    terminal.print_rows(*terminal.with_ages(head, rows, seen))
    if not rows:
        terminal.say("Nothing matches. Widen the filters.")


def _print_extracted(product: Extracted | None, examined: Examined) -> None:
    """Every field with its source, then every value that was tried for it."""
    from scrapers.extract.trace import trace

    fields = product.to_dict() if product else {}
    source = fields.pop("source", {})
    rows = []
    for field, value in fields.items():
        shown = "\n".join(map(str, value)) if isinstance(value, list) else value
        rows.append((field, "" if shown is None else str(shown), str(source.get(field) or "")))
    terminal.print_rows(("field", "value", "read from"), rows)
    tried = trace(product, examined.candidates)
    terminal.print_rows(
        ("field", "tried", "found in", "verdict"),
        [(one.field, one.value, one.source, one.verdict) for one in tried],
        titled=True,
    )
