"""The options that several commands take, and the settings they resolve to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.config import Config
    from storage.root import Root

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The settings file; ./lookalike.toml if present.",
        show_default=False,
    ),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="The data root; else LOOKALIKE_DATA, else the settings file's, else ./data.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
PrivateOption = Annotated[
    bool,
    typer.Option("--allow-private", help="Allow addresses on this machine and in private networks."),
]

CountOption = Annotated[int, typer.Option("-k", min=1, help="How many products.")]
StoreOption = Annotated[
    list[str] | None, typer.Option("--store", metavar="S", help="Only this store; may be repeated.")
]
CategoryOption = Annotated[
    list[str] | None, typer.Option("--category", metavar="C", help="Only this category; may be repeated.")
]
BrandOption = Annotated[
    list[str] | None, typer.Option("--brand", metavar="B", help="Only this brand; may be repeated.")
]
MaxPriceOption = Annotated[
    str | None, typer.Option("--max-price", metavar="P", help="Only up to this price, see --currency.")
]
CurrencyOption = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="The prices' currency, such as EUR.")
]
InStockOption = Annotated[bool, typer.Option("--in-stock", help="Only what is in stock.")]


def settings(config: Path | None, data: str | None) -> Config:
    """The settings of one call of the command line."""
    from flows.config import load_config

    return load_config(config, data)


def existing_root(config: Path | None, data: str | None) -> Root:
    """The data root, which has to be there."""
    return settings(config, data).open_root()
