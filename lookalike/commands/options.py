"""The options that several commands take, and the settings they resolve to."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from embedding.index.filter_types import FilterArguments
from storage.errors import InputError

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
PhotoArgument = Annotated[
    str,
    typer.Argument(
        metavar="PHOTO", help="An image file, an image's or a product page's URL, or store:product_id."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
PrivateOption = Annotated[
    bool,
    typer.Option("--allow-private", help="Allow addresses on this machine and in private networks."),
]

CountOption = Annotated[int, typer.Option("-k", min=1, help="How many products.")]


Command = Callable[..., None]


def _option(type_: Any, name: str, metavar: str | None, text: str, *, hidden: bool = False) -> Any:
    return Annotated[type_, typer.Option(name, metavar=metavar, help=text, hidden=hidden)]


def with_options(
    argument: str, options: Mapping[str, Any], read: Callable[[dict[str, Any]], Any]
) -> Callable[[Command], Command]:
    """Adds options to a command, which gets their values as one argument.

    :param argument: the name of the keyword argument that the options replace.
    :param options: name to annotation; the default is None.
    :param read: makes the argument of the options' values.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        added = [
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=type_)
            for name, type_ in options.items()
        ]
        parameters = [
            one
            for parameter in signature.parameters.values()
            for one in (added if parameter.name == argument else [parameter])
        ]

        @functools.wraps(command)
        def run(*arguments: Any, **values: Any) -> None:
            given = {name: values.pop(name) for name in options}
            command(*arguments, **values, **{argument: read(given)})

        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        # Typer reads annotations, too.
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


RateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rate",
        metavar="CODE=X",
        help="What one unit of another currency is worth in --currency, such as USD=0.92; may be repeated.",
    ),
]

FILTER_OPTIONS: dict[str, Any] = {
    "store": _option(list[str] | None, "--store", "S", "Only this store; may be repeated."),
    "category": _option(list[str] | None, "--category", "C", "Only this category; may be repeated."),
    "colour": _option(list[str] | None, "--colour", "C", "Only this colour; may be repeated."),
    "brand": _option(list[str] | None, "--brand", "B", "Only this brand; may be repeated."),
    "size": _option(list[str] | None, "--size", "S", "Only what there is in this size; may be repeated."),
    "min_price": _option(str | None, "--min-price", "P", "Only from this price on, see --currency."),
    "max_price": _option(str | None, "--max-price", "P", "Only up to this price, see --currency."),
    "currency": _option(str | None, "--currency", "CODE", "The prices' currency, such as EUR."),
    "rates": RateOption,
    "new_since": _option(
        str | None, "--new-since", "WHEN", "Only what is new since a date, or for so long, such as 7d."
    ),
    "in_stock": _option(bool | None, "--in-stock", None, "Only what is in stock."),
}
"""The option of each of `FilterArguments`."""


def filter_arguments(values: dict[str, Any]) -> FilterArguments:
    """The filters of a search by the values of their options.

    :raises InputError: a `--rate` without `=`.
    """
    given = {name: value for name, value in values.items() if value or isinstance(value, str)}
    if "rates" in given:
        given["rates"] = exchange_rates(given["rates"])
    return cast(FilterArguments, given)


def exchange_rates(given: Sequence[str]) -> dict[str, str]:
    """Exchange rates by currency, of `--rate CODE=X`.

    :raises InputError: one without `=`.
    """
    rates = {}
    for one in given:
        code, sign, rate = one.partition("=")
        if not sign:
            raise InputError(f"--rate {one} is no exchange rate. Give one such as USD=0.92.")
        rates[code.strip()] = rate.strip()
    return rates


with_filters = with_options("filters", FILTER_OPTIONS, filter_arguments)
"""Adds the options of all filters to a command, which gets them as `filters`."""


def settings(config: Path | None, data: str | None) -> Config:
    """The settings of one call of the command line."""
    from flows.config import load_config

    return load_config(config, data)


def existing_root(config: Path | None, data: str | None) -> Root:
    """The data root, which has to be there."""
    return settings(config, data).open_root()
