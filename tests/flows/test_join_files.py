"""A night joins the files that crawls append, once there are many, and never hides damage by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import maintain
from flows.config import Config
from flows.maintain import APPENDED_BY_CRAWLS, join_appended_files
from flows.night import run_nightly
from scrapers.session.snapshot import load_snapshot
from storage import table_audit, tables
from storage.errors import BusyError
from storage.root import Root
from storage.verdicts import CrawlStatus
from tests.flows.test_night import STORES, Stages

START = datetime(2026, 1, 1, tzinfo=UTC)
MAX_FILES = 6


@pytest.fixture(autouse=True)
def _few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintain, "MAX_FILES", MAX_FILES)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(tmp_path / "data", create=True)


def append_crawls(root: Root, count: int) -> None:
    """Crawls of three stores in turn, each with an offer and a page, as nights append them."""
    for number in range(count):
        at, crawl = (
            START + timedelta(hours=number),
            {"store": f"{number % 3}.example", "crawl_id": f"{number}"},
        )
        status = CrawlStatus.COMPLETE if number % 2 else CrawlStatus.PARTIAL
        tables.append(root, "crawls", [crawl | {"status": status, "ended_at": at}])
        tables.append(root, "offers", [crawl | {"product_id": "1", "price": number, "observed_at": at}])
        tables.append(root, "pages", [crawl | {"product_id": "1", "url": f"u{number}", "fetched_at": at}])


def rows(root: Root, table: str) -> list[str]:
    return sorted(map(repr, tables.read(root, table).to_pylist()))


def damage_a_file(root: Root, table: str) -> Path:
    file = min(root.table_path(table).glob("*.parquet"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    return file


def test_many_files_become_one_and_hold_the_same_rows(root: Root) -> None:
    append_crawls(root, MAX_FILES)
    assert join_appended_files(root) == []
    assert {table: tables.small_file_count(root, table) for table in APPENDED_BY_CRAWLS} == dict.fromkeys(
        APPENDED_BY_CRAWLS, MAX_FILES
    )
    append_crawls(root, 1)
    before = {table: rows(root, table) for table in APPENDED_BY_CRAWLS}
    known = load_snapshot(root, "0.example")
    assert join_appended_files(root) == []
    assert {tables.small_file_count(root, table) for table in APPENDED_BY_CRAWLS} == {1}
    assert {table: rows(root, table) for table in APPENDED_BY_CRAWLS} == before
    after = load_snapshot(root, "0.example")
    assert (after.last_complete, after.offers, after.product_at) == (
        *(known.last_complete, known.offers, known.product_at),
    )
    assert after.last_complete == START + timedelta(hours=3)


@pytest.mark.parametrize("noted", [True, False], ids=["its checksum is noted", "nothing is noted"])
def test_a_damaged_table_is_named_and_left_as_it_is(root: Root, noted: bool) -> None:
    append_crawls(root, MAX_FILES + 1)
    if noted:
        table_audit.note_checksums(root)
    file = damage_a_file(root, "offers")
    [sentence] = join_appended_files(root)
    assert sentence.startswith(f"tables/offers/{file.name} is damaged (")
    assert sentence.endswith("Run `lookalike repair`.")
    assert tables.small_file_count(root, "offers") == MAX_FILES + 1
    assert (tables.small_file_count(root, "crawls"), tables.small_file_count(root, "pages")) == (1, 1)


@pytest.mark.parametrize("ok", [True, False])
def test_a_night_does_it(root: Root, ok: bool) -> None:
    append_crawls(root, MAX_FILES + 1)
    if not ok:
        damage_a_file(root, "pages")
    night = run_nightly(Config(file=None, data=root.path, stores=STORES), stages=Stages())
    assert night.ok is ok, night.failures
    assert tables.small_file_count(root, "crawls") == 1
    assert [damage.table for damage in table_audit.table_damage(root)] == ([] if ok else ["pages"])


def test_full_files_are_left_alone(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    append_crawls(root, MAX_FILES + 1)
    monkeypatch.setattr(tables, "_FULL_FILE_BYTES", 100)
    before = tables.versions(root)
    assert tables.small_file_count(root, "pages") == 0
    assert join_appended_files(root) == []
    assert tables.versions(root) == before


def test_a_night_beside_a_writer_is_good_and_notes_checksums(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(root: Root, *, only: str) -> None:
        raise BusyError("Another process is writing here.")

    append_crawls(root, MAX_FILES + 1)
    monkeypatch.setattr(tables, "compact", busy)
    night = run_nightly(Config(file=None, data=root.path, stores=STORES), stages=Stages())
    assert night.ok, night.failures
    assert tables.small_file_count(root, "crawls") == MAX_FILES + 1
    damage_a_file(root, "offers")
    assert [damage.table for damage in table_audit.table_damage(root)] == ["offers"]


def test_nothing_stored_is_nothing_to_do(root: Root) -> None:
    assert join_appended_files(root) == []
    assert tables.versions(root) == {}
