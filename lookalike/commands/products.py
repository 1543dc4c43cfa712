"""`lookalike products`, `elsewhere` and `history`: what stores sell, where else, and for how much."""

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
    RateOption,
    exchange_rates,
    settings,
    with_filters,
)
from storage.errors import InputError, LookalikeError

if TYPE_CHECKING:
    from lookalike.lazy_table import LazyTable
    from lookalike.query import Shop

ENDINGS = (".csv", ".parquet")

ProductArgument = Annotated[
    str, typer.Argument(metavar="PRODUCT", help="A product, store:product_id.", show_default=False)
]


@with_filters
def products(
    k: Annotated[int, typer.Option("-k", min=1, help="How many products at most.")] = 20,
    *,
    filters: FilterArguments,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write all of them to a .csv or .parquet file."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List the products of the published index."""
    from storage.money import decimal_string, display_price

    if output is not None and output.suffix.lower() not in ENDINGS:
        raise InputError(f"{output} is neither a .csv nor a .parquet file. Give one that ends so.")
    shop = _shop(config, data)
    table = shop.products(**filters)
    if table.warning:
        terminal.say(table.warning)
    if output is not None:
        _write(table, output)
        terminal.print_lines([f"{len(table):,} products in {output}"])
        return
    everything = table.to_arrow()
    rows = everything.slice(0, k).to_pylist()
    if as_json:
        for row in rows:
            for name in ("price", "price_max", "was_price"):
                row[name] = decimal_string(row[name], row["currency"])
            for name in ("seen", "first_seen"):
                row[name] = row[name] and row[name].isoformat().replace("+00:00", "Z")
        terminal.print_json({"generation": shop.generation, "count": len(everything), "products": rows})
        return
    shown = [
        (
            f"{row['store']}:{row['product_id']}",
            row["title"] or "",
            row["brand"] or "",
            row["category"] or "",
            display_price(row["price"], row["currency"]),
            row["url"] or "",
        )
        for row in rows
    ]
    head = ("product", "title", "brand", "category", "price", "link")
    terminal.print_rows(*terminal.with_ages(head, shown, [row["seen"] for row in rows]))
    if len(everything) > k:
        terminal.say(f"{k:,} of {len(everything):,} products. -k N shows more, --output FILE writes all.")
    if not rows:
        terminal.say("Nothing passes. Widen the filters.")


def elsewhere(
    product: ProductArgument,
    currency: Annotated[
        str | None,
        typer.Option("--currency", metavar="CODE", help="The currency that prices are compared in."),
    ] = None,
    rate: RateOption = None,
    in_stock: Annotated[bool, typer.Option("--in-stock", help="Only what is in stock.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Find the same product in other stores, the cheapest first."""
    from storage.money import display_price

    found = _shop(config, data).elsewhere(
        product, currency=currency, rates=exchange_rates(rate or ()), in_stock=in_stock
    )
    if as_json:
        matches = [one.to_dict() | {"evidence": list(one.evidence)} for one in found]
        terminal.print_json(found.to_dict() | {"matches": matches})
        return
    terminal.print_rows(
        ("", "price", "store", "title", "the same", "link"),
        [
            (
                str(one.rank),
                display_price(one.price, one.currency),
                one.store,
                one.title or "",
                ", ".join(one.evidence),
                one.url or "",
            )
            for one in found
        ],
    )
    if not found:
        terminal.say("No other store sells it, as far as their GTINs, SKUs, photos and titles tell.")


def history(
    product: ProductArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Show the prices of a product over time, in all stores that sell it."""
    import math

    frame = _shop(config, data).price_history(product)
    rows = [
        row | {"seen": row["seen"].isoformat().replace("+00:00", "Z")} for row in frame.to_dict("records")
    ]
    for row in rows:
        row["price"] = None if math.isnan(row["price"]) else row["price"]
    if as_json:
        terminal.print_json(rows)
        return
    terminal.print_rows(
        ("seen", "product", "price", "", "availability"),
        [
            (
                row["seen"][:16].replace("T", " "),
                f"{row['store']}:{row['product_id']}",
                "" if row["price"] is None else f"{row['price']:.2f}",
                row["currency"] or "",
                row["availability"] or "",
            )
            for row in rows
        ],
    )


def _shop(config: Path | None, data: str | None) -> Shop:
    import lookalike

    resolved = settings(config, data)
    return lookalike.open(resolved.data, cache=resolved.cache)


def _write(table: LazyTable, file: Path) -> None:
    """Writes a table; in CSV, lists become texts with commas, and no text is a formula."""
    import pyarrow.parquet as pq

    from lookalike.spreadsheet import harmless

    try:
        if file.suffix.lower() == ".parquet":
            pq.write_table(table.to_arrow(), file)
        else:
            frame = table.to_pandas()
            frame["colours"] = frame["colours"].map(
                lambda names: ", ".join(names if names is not None else ())
            )
            texts = frame.select_dtypes(["object", "string"])
            frame[texts.columns] = texts.map(harmless, na_action="ignore")
            # As RFC 4180 ends lines: only then is a text that holds one of these characters quoted.
            frame.to_csv(file, index=False, lineterminator="\r\n")
    except OSError as error:
        raise LookalikeError(f"{file} cannot be written ({error.strerror or error}).") from None
