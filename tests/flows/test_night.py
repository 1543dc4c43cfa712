import threading
import time
from datetime import UTC, datetime

import pytest

from embedding.encoder.stage import EmbedOutcome
from embedding.index.build import BuildOutcome
from flows import alerts, report
from flows import night as night_module
from flows.config import Config, RecommendSettings
from flows.night import Night, crawl_stores, run_nightly
from scrapers.config.store import Store
from scrapers.crawl import CrawlOutcome
from storage.errors import BusyError, InputError, LookalikeError
from storage.root import Root

STORES = tuple(Store(name=name, url=f"https://{name}.example") for name in ("a", "b", "c"))
NOW = datetime(2026, 11, 1, 3, tzinfo=UTC)


def outcome(store, status="complete", message="12 products."):
    return CrawlOutcome(store.name, f"crawl-{store.name}", "sitemap", status, NOW, NOW, 12, message=message)


class Stages:
    """Stages that take no store, no encoder and no time: what a night makes of their outcomes is tested."""

    def __init__(self, *, down=(), broken=""):
        self.down, self.broken, self.ran = down, broken, []

    def crawl(self, store):
        self.ran.append(store.name)
        if store.name in self.down:
            raise LookalikeError(f"{store.name} is down.")
        return outcome(store)

    def embed(self):
        self.ran.append("embed")
        if self.broken == "embed":
            raise InputError("There are no such weights.")
        return EmbedOutcome("model", 3, 1, 12, 0.5)

    def index(self, model):
        self.ran.append(f"index {model}")
        if self.broken == "index":
            raise LookalikeError("The recall is too low.")
        return BuildOutcome("20261101T030000Z-000000000000", 12, 10, 128, 0.995, 1.5)


@pytest.fixture
def config(tmp_path):
    return Config(file=None, data=tmp_path / "data", stores=STORES)


def test_a_good_night_crawls_embeds_and_publishes(config):
    stages = Stages()
    night = run_nightly(config, stages=stages)
    assert night.ok
    assert [crawl.store for crawl in night.crawls] == ["a", "b", "c"]
    assert stages.ran[3:] == ["embed", "index model"]


def test_a_store_that_is_down_stops_nothing_else(config):
    night = run_nightly(config, stages=Stages(down=["b"]))
    assert not night.ok
    assert night.failures == ("b is down.",)
    assert [crawl.store for crawl in night.crawls] == ["a", "c"]
    assert night.index is not None


@pytest.mark.parametrize(("broken", "ran"), [("embed", ["embed"]), ("index", ["embed", "index model"])])
def test_a_broken_stage_ends_the_night_with_its_sentence(config, broken, ran):
    stages = Stages(broken=broken)
    night = run_nightly(config, stages=stages)
    assert len(night.failures) == 1
    assert night.index is None
    assert stages.ran[3:] == ran


def broken(*args, **kwargs):
    raise ZeroDivisionError("division by zero")


AFTER_PUBLISHING = {
    "check_saved_searches": "Checking saved searches",
    "recommend": "Recommending",
    "join_appended_files": "The upkeep of the tables",
    "write_metrics": "Writing the metrics",
}
ALWAYS = ["check_saved_searches", "recommend", "join_appended_files", "write_metrics", "_send_alerts"]


@pytest.mark.parametrize("step", [None, "_dead_stores", "leaving_sentences", *ALWAYS])
def test_a_step_that_breaks_costs_no_other_step(config, monkeypatch, step):
    ran, sent = [], []
    for name in ALWAYS[:1] + ALWAYS[2:4]:
        monkeypatch.setattr(night_module, name, lambda *_, name=name: ran.append(name) or [])
    monkeypatch.setattr(alerts, "send", lambda _, alert, __: sent.append(alert) or [])
    stages = Stages()
    stages.recommend = lambda: ran.append("recommend")
    if step == "recommend":
        stages.recommend = broken
    elif step:
        monkeypatch.setattr(night_module, step, broken)
    settings = config.model_copy(update={"recommend": RecommendSettings(purchases="purchases.csv")})
    night = run_nightly(settings, stages=stages)
    assert night.index is not None
    assert ran == [name for name in ALWAYS[:4] if name != step]
    told = [*night.failures, *night.untold]
    assert len(told) == (step is not None)
    assert night.ok == (step in (None, "write_metrics", "_send_alerts"))
    if step:
        assert "(ZeroDivisionError: division by zero). The log says where." in told[0]
        assert told[0] in report.markdown(night)
    assert [alert.reasons for alert in sent] == ([tuple(told)] if step not in (None, "_send_alerts") else [])
    if step in AFTER_PUBLISHING:
        assert told[0].startswith(AFTER_PUBLISHING[step])


def test_one_night_at_a_time(config):
    stages = Stages()
    with Root.open(config.data, create=True).lock("nightly"), pytest.raises(BusyError):
        run_nightly(config, stages=stages)
    assert stages.ran == []


def test_a_night_without_stores_touches_nothing(config):
    with pytest.raises(InputError, match="names no store"):
        run_nightly(config.model_copy(update={"stores": ()}), stages=Stages())
    assert not config.data.exists()


def test_so_many_stores_are_crawled_at_once_and_no_more():
    running, most, lock = 0, 0, threading.Lock()

    def crawl(store):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return outcome(store)

    outcomes, failures = crawl_stores(STORES * 2, crawl, at_once=2)
    assert most == 2
    assert [done.store for done in outcomes] == ["a", "b", "c"] * 2
    assert failures == []


def test_a_fault_in_one_crawl_is_logged_and_stops_no_other(caplog):
    def crawl(store):
        if store.name == "b":
            raise ZeroDivisionError("division by zero")
        return outcome(store)

    outcomes, failures = crawl_stores(STORES, crawl, at_once=3)
    assert [done.store for done in outcomes] == ["a", "c"]
    assert failures == [
        "The crawl of 'b' broke off (ZeroDivisionError: division by zero). The log says where."
    ]
    assert "Traceback" in caplog.text


def test_the_report_cannot_be_broken_by_what_a_store_says(config):
    hostile = outcome(STORES[0], "quarantined", "Only 1 | product\n<script>alert(1)</script>")
    night = Night(NOW, NOW, (hostile,), None, None, ("a | b\n# c <img>",))
    text = report.markdown(night)
    assert "<script" not in text
    assert "<img" not in text
    assert "\n# c" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| a |")]
    assert row.count(" | ") == 9


def test_the_report_tells_what_was_done(config):
    text = report.markdown(run_nightly(config, stages=Stages(down=["b"])))
    for part in ("b is down.", "| a | complete | 12 |", "3 photos embedded", "20261101T030000Z-000000000000"):
        assert part in text
