"""Writes `lookalike.toml`, and adds and removes stores without losing comments."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError

from flows.config import parse_config
from scrapers.config.store import Store
from storage.atomic import replacing
from storage.errors import InputError


def example() -> str:
    """The commented `lookalike.example.toml`."""
    return resources.files("flows").joinpath("lookalike.example.toml").read_text(encoding="utf-8")


def write_example(file: Path, *, data: str | None = None) -> None:
    """Writes a commented settings file.

    :param data: the data root to name in it; the example's own `data` folder where None.
    :raises InputError: where there is already a file of that name, or it cannot be written.
    """
    document = tomlkit.parse(example())
    if data:
        document["data"] = data if "://" in data else str(Path(data).absolute())
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(tomlkit.dumps(document))
    except FileExistsError:
        raise InputError(
            f"{file} is already there and stays as it is. Edit it, or give another name with --config."
        ) from None
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}). Choose another folder.") from None


def write_prefect_yaml(folder: Path) -> None:
    """Writes the `prefect.yaml` that deploys a folder's `lookalike.toml`; an existing one stays as it is."""
    text = resources.files("flows").joinpath("prefect.yaml").read_text(encoding="utf-8")
    file = folder / "prefect.yaml"
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        return
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}). Choose another folder.") from None


def add_store(file: Path, store: Store) -> None:
    """Adds a store at the end of the file.

    :raises InputError: where the file is malformed or has a store of that name; the file stays as it is.
    """
    document = _load(file)
    if any(entry.name == store.name for entry in parse_config(tomlkit.dumps(document), file).stores):
        raise InputError(
            f"{file} already has a store '{store.name}'. Give this one another name with --name, "
            f"or remove the old one with `lookalike stores remove {store.name}`."
        )
    entry = tomlkit.table()
    entry.trivia.indent = "\n"  # a blank line before it
    for key, value in _toml_values(store).items():
        entry.add(key, value)
    stores = document.get("stores")
    if stores is None:
        stores = tomlkit.aot()
        document.append("stores", stores)
    stores.append(entry)
    _save(file, document)


def with_changes(store: Store, changes: Mapping[str, Any]) -> Store:
    """The same store with some values changed.

    :raises InputError: where a value is not usable; the message never shows a header or a proxy.
    """
    try:
        return Store.model_validate({**store.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if place == "name":
            raise InputError(
                f"'{changes['name']}' is no name for a store. "
                "Use lower-case letters, digits, dots and hyphens."
            ) from None
        reason = first["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")
        where = f"`{place}` of the store" if place else "The store"
        raise InputError(f"{where} is not usable: {reason[:1].lower()}{reason[1:]}. Correct it.") from None


def remove_store(file: Path, name: str) -> None:
    """Removes a store from the file; what was read from it stays in the data root.

    :raises InputError: where the file is malformed or has no store of that name.
    """
    document = _load(file)
    entries = parse_config(tomlkit.dumps(document), file).stores
    position = next((number for number, entry in enumerate(entries) if entry.name == name), None)
    if position is None:
        known = ", ".join(entry.name for entry in entries) or "none"
        raise InputError(f"There is no store '{name}' in {file} (stores there: {known}). Correct the name.")
    stores: Any = document["stores"]
    del stores[position]
    if not stores:
        del document["stores"]
    _save(file, document)


def _toml_values(store: Store) -> dict[str, Any]:
    """The values of a store's entry: its name, address, strategy and everything that is not a default."""
    chosen = store.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    named = {"name": store.name, "url": str(store.url), "strategy": store.strategy}
    return {**named, **{key: value for key, value in chosen.items() if key not in named}}


def _load(file: Path) -> tomlkit.TOMLDocument:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{file} cannot be read ({error.strerror}). Write one with `lookalike init`."
        ) from None
    parse_config(text, file)
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise InputError(f"{file} is not valid TOML: {error}. Correct that line.") from None


def _save(file: Path, document: tomlkit.TOMLDocument) -> None:
    text = tomlkit.dumps(document)
    parse_config(text, file)
    with replacing(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
