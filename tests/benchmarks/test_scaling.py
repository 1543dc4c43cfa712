"""What many products take is calculated from the rates, and docs/scaling.md shows it."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import scaling

REPOSITORY = Path(__file__).parent.parent.parent
GIVEN = scaling.read_rates()
NAMES = [
    (part, name) for part in ("rates", "assumptions", "prices") for name in GIVEN[part] if name != "products"
]


def test_the_document_shows_the_tables() -> None:
    script = REPOSITORY / "benchmarks" / "scaling.py"
    printed = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    document = (REPOSITORY / "docs" / "scaling.md").read_text("utf-8")
    for table in printed.strip().split("\n\n"):
        assert table in document


@pytest.mark.parametrize(("part", "name"), NAMES)
def test_every_rate_assumption_and_price_counts(part: str, name: str) -> None:
    other = copy.deepcopy(GIVEN)
    other[part][name] = other[part][name] * 3 + 1
    assert scaling.tables(other) != scaling.tables(GIVEN)


def test_the_arithmetic_of_one_case() -> None:
    """Calculated by hand, with round rates."""
    given = copy.deepcopy(GIVEN)
    given["rates"] |= {"crawled_per_core_s": 100, "embedded_per_core_s": 20, "indexed_whole_per_core_s": 1000}
    given["rates"] |= {"again_per_core_s": 500, "again_requests_per_product": 1}
    given["rates"] |= {"grown_fixed_s": 360, "grown_per_core_s": 20_000}
    given["assumptions"] |= {"photos_per_product": 2, "changed_share": 0.01, "night_hours": 10}
    given["assumptions"] |= {"products_per_store": 3600, "store_requests_per_s": 1, "cores_per_machine": 10}
    given["prices"] |= {"core_hour": 2.0, "transfer_in_gb": 0.0, "storage_gb_month": 0.02}
    done = scaling.scale(3_600_000, given)
    assert done.first.requests == 10_800_000
    assert done.first.hours == {"crawl": 20, "embed": 100, "index": 2}
    assert done.first.store_hours == 3
    assert done.first.machines == 2
    assert done.later.requests == 3_600_000 + 108_000
    assert done.later.hours == pytest.approx({"crawl": 2 + 0.2, "embed": 1, "index": 0.2})
    assert done.dollars["first night"] == 244
    assert done.dollars["a month of nights"] == pytest.approx(30 * 3.4 * 2)
