"""`lookalike recommend` and `purge`: what customers would like, and forgetting a customer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.commands import terminal
from lookalike.commands.options import ConfigOption, DataOption, JsonOption, existing_root, settings
from storage.errors import InputError


def recommend(
    history: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PRODUCT]...",
            help="What one customer bought, as store:product_id; or the id of a customer in the table.",
            show_default=False,
        ),
    ] = None,
    purchases: Annotated[
        Path | None,
        typer.Option(
            "--purchases",
            metavar="FILE",
            help="Purchases of all customers: Parquet or CSV with customer_id, store, product_id or url, "
            "bought_at. Without PRODUCT, every customer gets recommendations, in the table.",
        ),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(
            "-k", min=1, help="How many products; 5, or 12 a customer of a file.", show_default=False
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option("--store", metavar="S", help="The store of all purchases, where the file names none."),
    ] = None,
    include_owned: Annotated[
        bool, typer.Option("--include-owned", help="Also recommend what was bought.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Recommend what a customer would like, or what each customer of a file would."""
    if not history:
        _recommend_all(purchases, k, store, include_owned, as_json, config, data)
        return
    import lookalike
    from lookalike.commands.query import print_matches

    if store is not None:
        raise InputError("--store says which store sold a file's purchases. Leave it out beside PRODUCT.")
    resolved = settings(config, data)
    shop = lookalike.open(resolved.data, cache=resolved.cache)
    matches = shop.recommend(
        history[0] if len(history) == 1 else history, k or 5, include_owned=include_owned, purchases=purchases
    )
    if as_json:
        terminal.print_json(matches.to_dict())
        return
    print_matches(matches)
    terminal.print_lines(
        [f"{match.rank}  because of {match.because}{_reasons(match.evidence)}" for match in matches]
    )
    if matches.skipped:
        terminal.say(f"Skipped, since the generation does not hold them: {', '.join(matches.skipped)}.")


def purge(
    customer: Annotated[
        str, typer.Option("--customer", metavar="ID", help="The customer to forget.", show_default=False)
    ],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Delete a customer from all tables, and from their earlier versions."""
    from flows.purge import purge_customer

    rows = purge_customer(existing_root(config, data), customer)
    if as_json:
        terminal.print_json({"rows": rows})
    else:
        terminal.print_lines([f"The customer is forgotten: {rows} rows deleted."])


def _recommend_all(
    purchases: Path | None,
    k: int | None,
    store: str | None,
    include_owned: bool,
    as_json: bool,
    config: Path | None,
    data: str | None,
) -> None:
    from embedding.recommend.batch import recommend_all
    from flows.report import plain, recommend_line

    resolved = settings(config, data)
    file = purchases or resolved.recommend.purchases_file
    if file is None:
        raise InputError("Nothing to recommend from. Give store:product_id names, or --purchases FILE.")
    with terminal.progress() as advance:
        outcome = recommend_all(
            resolved.open_root(),
            file,
            k=k or resolved.recommend.k,
            store=store or resolved.recommend.store or None,
            include_owned=include_owned,
            on_progress=lambda done, total: advance("recommend", done, total),
        )
    if as_json:
        terminal.print_json(plain(outcome))
    else:
        terminal.print_lines([recommend_line(outcome)])


def _reasons(evidence: tuple[str, ...]) -> str:
    return f" ({', '.join(evidence)})" if evidence else ""
