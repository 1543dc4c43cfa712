"""What the operator can watch: logs of crawls, JSON lines, metrics, and the tables of a night in Prefect."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from embedding.encoder.stage import EmbedOutcome
from embedding.index.build import BuildOutcome, build_index
from flows.artifacts import night_tables
from flows.config import Config, load_config
from flows.metrics import write_metrics
from flows.night_outcome import Night
from lookalike.commands.log_lines import JsonFormatter, TextFormatter
from scrapers.config.store import Limits, Store
from scrapers.crawl import run_crawl
from scrapers.session import crawl_log
from scrapers.session.crawl_log import log_file, log_folder
from storage import tables
from storage.errors import InputError
from storage.root import Root
from storage.staging import Finding, Staging, State
from tests import catalogues
from tests.scrapers.conftest import site as site
from tests.scrapers.webserver import Site

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)


def crawl(store: str, crawl_id: str, hours_ago: float, **fields: object) -> dict[str, object]:
    at = NOW - timedelta(hours=hours_ago)
    return {
        "store": store,
        "crawl_id": crawl_id,
        "status": "complete",
        "started_at": at,
        "ended_at": at,
    } | fields


def test_a_log_that_cannot_be_deleted_stays(root: Root) -> None:
    folder = log_folder(root, "shop.example")
    (folder / "20200101T000000-a.log").mkdir(parents=True)
    for name in ("20200102T000000-b.log", "20200103T000000-c.log"):
        (folder / name).touch()
    crawl_log.prune(root, "shop.example", 1)
    left = sorted(file.name for file in folder.iterdir())
    assert left == ["20200101T000000-a.log", "20200103T000000-c.log"]


def test_each_crawl_has_a_log_with_its_id_in_every_line(
    site: Site, root: Root, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "scrapers")
    store = Store(name="shop.example", url=site.url, limits=Limits(retries=0))
    for old in ("20200101T000000-a", "20200102T000000-b", "20200103T000000-c"):
        file = log_file(root, store.name, old)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    outcome = run_crawl(root, store, allow_private=True, throttle=False, keep_logs=2)
    file = log_file(root, store.name, outcome.crawl_id)
    assert sorted(log_folder(root, store.name).iterdir()) == [file.with_name("20200103T000000-c.log"), file]
    lines = file.read_text().splitlines()
    assert any("Spider closed" in line for line in lines)
    assert all(line.split(" ")[1] == outcome.crawl_id for line in lines)
    forwarded = [record for record in caplog.records if record.name == crawl_log.logger.name]
    assert {record.crawl_id for record in forwarded} == {outcome.crawl_id}  # type: ignore[attr-defined]


def test_a_log_that_grows_too_long_is_cut(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl_log, "MAX_BYTES", 1000)
    log = crawl_log.CrawlLog(iter(["ERROR a long line\n"] * 100), root, "shop", "crawl")  # type: ignore[arg-type]
    log.run()
    lines = log.path.read_text().splitlines()
    assert lines[-1] == "The log is cut here: it is too long."
    assert log.path.stat().st_size < 1200


def test_a_log_that_cannot_be_written_costs_nothing(root: Root) -> None:
    log_folder(root, "shop").parent.mkdir()
    log_folder(root, "shop").write_text("a file where a folder should be")
    log = crawl_log.CrawlLog(iter(["ValueError: bad\n"]), root, "shop", "crawl")  # type: ignore[arg-type]
    log.run()
    assert log.problem == "ValueError: bad"


def test_lines_are_json_or_text_and_name_their_crawl() -> None:
    try:
        raise ValueError("bad \n price")
    except ValueError as error:
        failed = logging.LogRecord(
            "flows.night", logging.ERROR, "", 0, "It %s", ("failed",), (type(error), error, None)
        )
    of_crawl = logging.makeLogRecord(
        {"name": "scrapers", "msg": "read\npage", "store": "shop", "crawl_id": "42"}
    )
    lines = [JsonFormatter().format(record) for record in (failed, of_crawl)]
    assert all("\n" not in line for line in lines)
    first, second = map(json.loads, lines)
    assert (first["level"], first["logger"], first["message"]) == ("ERROR", "flows.night", "It failed")
    assert "ValueError" in first["exception"]
    assert (second["store"], second["crawl_id"], second["message"]) == ("shop", "42", "read\npage")
    assert TextFormatter().format(of_crawl).endswith("[42]")


@pytest.fixture
def night() -> Night:
    embed = EmbedOutcome("model", 3, 1, 12, 0.5)
    index = BuildOutcome("20261128T030000Z-000000000000", 30, 20, 64, 0.995, 1.5)
    return Night(NOW - timedelta(minutes=5), NOW, (), embed, index, ("a is down.",))


def test_metrics_are_written_in_the_format_of_prometheus(root: Root, night: Night, tmp_path: Path) -> None:
    rows = [
        crawl("a", "1", 48, products=20, requests=60),
        crawl("a", "2", 0, products=0, requests=1, status="failed", failure="dns"),
        crawl('b"\n\\', "3", 0, products=7, requests=9),
    ]
    tables.append(root, "crawls", rows)
    config = Config(file=None, data=root.path, name="shop", logs={"metrics": str(tmp_path / "shop.prom")})
    assert write_metrics(config, root, night) == []
    families = text_string_to_metric_families((tmp_path / "shop.prom").read_text())
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }
    assert all(("catalogue", "shop") in key for key in found)
    plain = {key[0]: value for key, value in found.items() if len(key) == 2}
    assert plain["lookalike_night_ok"] == 0
    assert plain["lookalike_night_duration_seconds"] == 300
    assert plain["lookalike_night_end_timestamp_seconds"] == NOW.timestamp()
    assert (plain["lookalike_index_products"], plain["lookalike_photos_embedded"]) == (20, 3)
    named = {
        (key[0], *(value for label, value in key[1:] if label != "catalogue")): value
        for key, value in found.items()
    }
    assert named["lookalike_store_failure", "dns", "a"] == 1
    assert named["lookalike_store_fresh_timestamp_seconds", "a"] == (NOW - timedelta(hours=48)).timestamp()
    assert named["lookalike_store_failed_nights", "a"] == 1
    assert named["lookalike_store_products", 'b"\n\\'] == 7
    assert [file.name for file in tmp_path.glob("*.prom*")] == ["shop.prom"]  # no half-written file beside it


def test_metrics_that_cannot_be_written_are_a_sentence(root: Root, night: Night, tmp_path: Path) -> None:
    target = tmp_path / "missing" / "shop.prom"
    config = Config(file=None, data=root.path, logs={"metrics": str(target)})
    (sentence,) = write_metrics(config, root, night)
    assert sentence.startswith(f"The metrics could not be written to {target} (")
    assert write_metrics(Config(file=None, data=root.path), root, night) == []


@pytest.mark.parametrize("value", ["metrics.prom", "/var/lib/metrics", "relative/x.prom"])
def test_a_metrics_file_is_an_absolute_path(tmp_path: Path, value: str) -> None:
    (tmp_path / "lookalike.toml").write_text(f'[logs]\nmetrics = "{value}"\n')
    with pytest.raises(InputError, match="absolute path such as"):
        load_config(tmp_path / "lookalike.toml")


def test_a_night_shows_its_stores_against_the_night_before(root: Root) -> None:
    catalogues.simple(root, 12, stores=["a.example"])
    tables.delete(root, "crawls", "true")
    rows = [
        crawl("a.example", "1", 24, products=10, coverage=[("price", 1.0)]),
        crawl("a.example", "2", 0, products=12, coverage=[("title", 1.0), ("price", 0.5)]),
        crawl("b.example", "3", 0, products=3, status="quarantined", failure="quarantined"),
    ]
    tables.append(root, "crawls", rows)
    staging = Staging(root, "b.example")
    staging.add("3", "products", [catalogues.product("b.example", "1", [])])
    staging.decide(State.QUARANTINED, rows[2], [Finding("price", "Prices are tenfold.", ("Shirt", "Dress"))])
    name = build_index(root, catalogues.MODEL).generation
    found = night_tables(root, ["a.example", "b.example", "never.crawled"])
    first, second = found["stores"]
    assert (first["products"], first["products before"]) == (12, 10)
    assert first["log"] == str(log_file(root, "a.example", "2"))
    assert (second["failure"], second["products before"]) == ("quarantined", None)
    assert found["coverage"][0] == {"store": "a.example", "price": 0.5, "title": 1.0}
    assert found["quarantine"] == [
        {"store": "b.example", "gate": "price", "finding": "Prices are tenfold.", "examples": "Shirt; Dress"}
    ]
    (generation,) = found["index"]
    assert (generation["generation"], generation["published"], generation["products"]) == (name, True, 12)
    assert generation["recall@5"] > 0.9
