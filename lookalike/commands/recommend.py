"""`lookalike recommend` and `purge`: what customers would like, and forgetting a customer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedding.index.filter_types import FilterArguments
from lookalike.commands import terminal
from lookalike.commands.options import (
    ConfigOption,
    DataOption,
    JsonOption,
    existing_root,
    settings,
    with_filters,
)
from storage.errors import InputError

if TYPE_CHECKING:
    from flows.config import Config
    from lookalike.matches import Matches


@with_filters
def recommend(
    history: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PRODUCT]...",
            help="What one customer bought, as store:product_id or a product page's URL; or the id of a "
            "customer in the table.",
            show_default=False,
        ),
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option(
            "--customer",
            metavar="ID",
            help="A customer of --purchases, else of the table that the last run over a file wrote.",
            show_default=False,
        ),
    ] = None,
    purchases: Annotated[
        Path | None,
        typer.Option(
            "--purchases",
            metavar="FILE",
            help="Purchases of all customers: Parquet or CSV with customer_id, store, product_id or url, "
            "bought_at, or a folder of such files. Without PRODUCT or --customer, every customer gets "
            "recommendations, in the table; one --store says which store sold all products, where the file "
            "names none.",
        ),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(
            "-k", min=1, help="How many products; 5, or 12 a customer of a file.", show_default=False
        ),
    ] = None,
    include_owned: Annotated[
        bool, typer.Option("--include-owned", help="Also recommend what was bought.")
    ] = False,
    *,
    filters: FilterArguments,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Recommend what a customer would like, or what each customer of a file would."""
    resolved = settings(config, data)
    if not history and customer is None:
        _recommend_all(resolved, purchases, k, filters, include_owned, as_json)
        return
    import lookalike
    from lookalike.recommend import Customer

    if history and customer is not None:
        raise InputError("Give the products of a history or --customer ID, not both.")
    named = Customer(customer) if customer is not None else history
    matches = lookalike.open(resolved.data, cache=resolved.cache).recommend(
        named[0] if isinstance(named, list) and len(named) == 1 else named,
        k or 5,
        include_owned=include_owned,
        purchases=purchases,
        purchases_store=_only_store(filters) or resolved.recommend.store or None,
        **filters,
    )
    if as_json:
        terminal.print_json(matches.to_dict())
    else:
        _print_recommended(matches)


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
        terminal.say(
            "Your purchases file is yours and was not touched: remove the customer there, too, or the next "
            "run recommends to them again."
        )


def _recommend_all(
    resolved: Config,
    purchases: Path | None,
    k: int | None,
    filters: FilterArguments,
    include_owned: bool,
    as_json: bool,
) -> None:
    from embedding.recommend.batch import recommend_all
    from flows.report import plain, recommend_line

    file = purchases or resolved.recommend.purchases_file
    if file is None:
        raise InputError("Nothing to recommend from. Give store:product_id names, or --purchases FILE.")
    with terminal.progress() as advance:
        outcome = recommend_all(
            resolved.open_root(),
            file,
            k=k or resolved.recommend.k,
            store=_store_of_all(filters) or resolved.recommend.store or None,
            include_owned=include_owned,
            on_progress=lambda done, total: advance("recommend", done, total),
        )
    if as_json:
        terminal.print_json(plain(outcome))
    else:
        terminal.print_lines([recommend_line(outcome)])


def _only_store(filters: FilterArguments) -> str | None:
    """The store that one --store names."""
    stores = filters.get("store") or []
    return stores[0] if len(stores) == 1 else None


def _store_of_all(filters: FilterArguments) -> str | None:
    """The store that sold all products of a file, where one is given.

    :raises InputError: other filters, which hold for one customer's recommendations.
    """
    stores = filters.get("store") or []
    if set(filters) - {"store"} or len(stores) > 1:
        raise InputError(
            "Filters are for one customer: give PRODUCT or --customer ID. For a whole file, one --store says "
            "which store sold the products."
        )
    return stores[0] if stores else None


def _print_recommended(matches: Matches) -> None:
    from lookalike.commands.query import print_matches

    print_matches(matches)
    terminal.print_lines(
        [f"{match.rank}  because of {match.because}{_reasons(match.evidence)}" for match in matches]
    )
    if matches.skipped:
        terminal.say(f"Skipped, since the generation does not hold them: {', '.join(matches.skipped)}.")


def _reasons(evidence: tuple[str, ...]) -> str:
    return f" ({', '.join(evidence)})" if evidence else ""
