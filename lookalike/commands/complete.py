"""`lookalike complete`: what goes with a product, a photo or a half-finished outfit."""

from __future__ import annotations

from typing import Annotated

import typer

from embedding.index.filter_types import FilterArguments
from lookalike.commands import terminal
from lookalike.commands.options import (
    ConfigOption,
    CountOption,
    DataOption,
    JsonOption,
    PrivateOption,
    settings,
    with_filters,
)


@with_filters
def complete(
    queries: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...",
            help="An image file, an image's or a product page's URL, or store:product_id. "
            "Several are worn together.",
        ),
    ],
    k: CountOption = 5,
    per_category: Annotated[
        int, typer.Option("--per-category", min=1, help="How many of each kind of garment.")
    ] = 1,
    *,
    filters: FilterArguments,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Find what goes with a product, a photo or a half-finished outfit."""
    import lookalike
    from storage.money import display_price

    resolved = settings(config, data)
    matches = lookalike.open(resolved.data, cache=resolved.cache).complete(
        queries if len(queries) > 1 else queries[0],
        k=k,
        per_category=per_category,
        allow_private=allow_private or resolved.crawl.allow_private,
        **filters,
    )
    if as_json:
        terminal.print_json(matches.to_dict())
        return
    if matches.warning:
        terminal.say(matches.warning)
    rows = [
        (
            str(match.rank),
            match.why or "",
            match.title or "",
            display_price(match.price, match.currency),
            match.store,
            match.url or "",
        )
        for match in matches
    ]
    terminal.print_rows(("", "why", "title", "price", "store", "link"), rows)
    if not rows:
        terminal.say("Nothing goes with it here. Widen the filters.")
