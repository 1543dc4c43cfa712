"""Calculates what 1, 10 and 100 million products take, from measured rates.

    python benchmarks/scaling.py [RATES.toml]

Prints the tables of docs/scaling.md. Nothing is measured here: `benchmarks/scaling.toml` holds the rates with
their sources, the assumptions and the prices.
"""

from __future__ import annotations

import math
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RATES = Path(__file__).with_name("scaling.toml")
Given = dict[str, dict[str, Any]]
"""The tables `rates`, `assumptions` and `prices` of a file of rates."""

_GB = 1e9
_DAYS = 30


@dataclass(frozen=True)
class Night:
    """What one night takes.

    :ivar hours: core hours of each stage.
    :ivar store_hours: the longest that a store is read, at the pace that it is asked at.
    :ivar machines: that finish crawls, embedding and index one after another within the night.
    """

    requests: float
    transferred_gb: float
    hours: dict[str, float]
    store_hours: float
    machines: int

    @property
    def core_hours(self) -> float:
        """Of all stages."""
        return sum(self.hours.values())


@dataclass(frozen=True)
class Scale:
    """What so many products take.

    :ivar stored_gb: by what it is.
    :ivar memory_gb: of the largest processes, by what they do.
    :ivar dollars: by what is paid; of a first night, or a month of later ones.
    """

    products: int
    first: Night
    later: Night
    stored_gb: dict[str, float]
    memory_gb: dict[str, float]
    dollars: dict[str, float]


def read_rates(file: Path = RATES) -> Given:
    """The tables of a file of rates."""
    return tomllib.loads(file.read_text("utf-8"))


def scale(products: int, given: Given) -> Scale:
    """What so many products take, with these rates, assumptions and prices."""
    rates, assumed, prices = given["rates"], given["assumptions"], given["prices"]
    photos = products * assumed["photos_per_product"]
    first = _first_night(products, given)
    later = _later_night(products, given)
    stored = {
        "photos": photos * assumed["photo_bytes"] / _GB,
        "vectors": photos * rates["vector_bytes"] / _GB,
        "pages": products * assumed["page_bytes"] / _GB,
        "thumbnails": photos * rates["thumbnail_bytes"] / _GB,
        "three generations": 3 * photos * rates["index_bytes_per_photo"] / _GB,
    }
    memory = {
        "a reader, mapped pages included": (rates["reader_bytes"] + photos * rates["mapped_bytes_per_photo"])
        / _GB,
        "temporary vectors of a whole build, on disk": photos * rates["vector_bytes"] / _GB,
        "the same of a night that grows": assumed["changed_share"] * photos * rates["vector_bytes"] / _GB,
    }
    dollars = {
        "first night": first.core_hours * prices["core_hour"]
        + first.transferred_gb * prices["transfer_in_gb"],
        "a month of nights": _DAYS
        * (later.core_hours * prices["core_hour"] + later.transferred_gb * prices["transfer_in_gb"]),
        "a month of storage": sum(stored.values()) * prices["storage_gb_month"],
    }
    return Scale(products, first, later, stored, memory, dollars)


def _first_night(products: int, given: Given) -> Night:
    rates, assumed = given["rates"], given["assumptions"]
    photos = products * assumed["photos_per_product"]
    requests = products * (1 + assumed["photos_per_product"])
    hours = {
        # A page with a photo is one unit of the rate; each further photo is taken for as much.
        "crawl": max(photos, products) / rates["crawled_per_core_s"] / 3600,
        "embed": photos / rates["embedded_per_core_s"] / 3600,
        "index": photos / rates["indexed_whole_per_core_s"] / 3600,
    }
    page = rates["first_bytes_per_product"] - rates["first_photo_bytes"]
    transferred = products * page + photos * assumed["photo_bytes"]
    return _night(requests, requests / products, transferred, hours, given)


def _later_night(products: int, given: Given) -> Night:
    rates, assumed = given["rates"], given["assumptions"]
    photos = products * assumed["photos_per_product"]
    changed = assumed["changed_share"]
    first = _first_night(products, given)
    requests = products * rates["again_requests_per_product"] + changed * first.requests
    hours = {
        "crawl": products / rates["again_per_core_s"] / 3600 + changed * first.hours["crawl"],
        "embed": changed * photos / rates["embedded_per_core_s"] / 3600,
        "index": (rates["grown_fixed_s"] + photos / rates["grown_per_core_s"]) / 3600,
    }
    transferred = products * rates["again_bytes_per_product"] + changed * first.transferred_gb * _GB
    return _night(requests, requests / products, transferred, hours, given)


def _night(
    requests: float,
    requests_per_product: float,
    transferred: float,
    hours: dict[str, float],
    given: Given,
) -> Night:
    assumed = given["assumptions"]
    store_s = assumed["products_per_store"] * requests_per_product / assumed["store_requests_per_s"]
    machines = math.ceil(sum(hours.values()) / assumed["cores_per_machine"] / assumed["night_hours"])
    return Night(requests, transferred / _GB, hours, store_s / 3600, machines)


def tables(given: Given) -> str:
    """The tables of docs/scaling.md."""
    scales = [scale(products, given) for products in given["assumptions"]["products"]]
    head = [f"{one.products / 1e6:,.0f} million products" for one in scales]
    parts = [
        _table(["the first night", *head], _night_rows([one.first for one in scales])),
        _table(["a later night", *head], _night_rows([one.later for one in scales])),
        _table(
            ["stored, GB", *head],
            _rows([one.stored_gb | {"all": sum(one.stored_gb.values())} for one in scales]),
        ),
        _table(["memory and temporary files, GB", *head], _rows([one.memory_gb for one in scales])),
        _table(["US dollars", *head], _rows([one.dollars for one in scales])),
    ]
    return "\n\n".join(parts)


def _night_rows(nights: list[Night]) -> list[list[str]]:
    return [
        ["requests", *(f"{night.requests:,.0f}" for night in nights)],
        ["transferred, GB", *(_number(night.transferred_gb) for night in nights)],
        *(
            [f"core hours, {stage}", *(_number(night.hours[stage]) for night in nights)]
            for stage in nights[0].hours
        ),
        ["hours that a store is read", *(_number(night.store_hours) for night in nights)],
        ["machines", *(f"{night.machines:,}" for night in nights)],
    ]


def _rows(of_scales: list[dict[str, float]]) -> list[list[str]]:
    return [[name, *(_number(each[name]) for each in of_scales)] for name in of_scales[0]]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 1 else f"{value:.2g}"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(tables(read_rates(Path(sys.argv[1]) if len(sys.argv) > 1 else RATES)))
