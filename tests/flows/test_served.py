"""Stores leave the index when they are stale or no longer in the settings, and come back."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from embedding.encoder.stage import EmbedOutcome
from flows.config import Config
from flows.night import PlainStages, run_nightly
from flows.night_outcome import Night
from scrapers.config.store import Store
from scrapers.crawl import CrawlOutcome
from storage import encoders, generations, tables
from storage.root import Root
from tests import catalogues

A, B, C = (Store(name=f"{name}.example", url=f"https://{name}.example") for name in "abc")


class Nights:
    """Nights on a real data root whose stores are crawled without a request."""

    def __init__(self, folder: Path) -> None:
        self.config = Config(file=None, data=folder, stores=(A, B, C))
        self.root = Root.open(folder, create=True)
        catalogues.simple(self.root, 30, stores=[store.name for store in self.config.stores])
        shutil.rmtree(encoders.folder(self.root, catalogues.MODEL))
        catalogues.write_encoder(self.root)  # what is published has to answer a search
        tables.delete(self.root, "crawls", "true")

    def crawled(
        self, store: Store, days_ago: float, status: str = "complete", failure: str | None = None
    ) -> None:
        """Writes a row of `crawls`."""
        at = datetime.now(UTC) - timedelta(days=days_ago)
        row = {"store": store.name, "crawl_id": f"{store.name} {days_ago}", "spider": "sitemap"}
        row |= {"status": status, "failure": failure, "started_at": at, "ended_at": at}  # type: ignore[dict-item]
        tables.append(self.root, "crawls", [row])

    def night(self, *stores: Store, **crawl_settings: int) -> Night:
        """A night with these stores in the settings."""
        crawl = self.config.crawl.model_copy(update=crawl_settings)
        config = self.config.model_copy(update={"stores": stores, "crawl": crawl})
        return run_nightly(config, stages=Stages(self.root, config))

    @property
    def published(self) -> dict[str, int]:
        """The products of each store in the published generation."""
        name = generations.current_name(self.root)
        assert name
        return generations.read_manifest(self.root, name).counts.stores


class Stages(PlainStages):
    """A night's stages, without crawls and embedding."""

    def crawl(self, store: Store) -> CrawlOutcome:
        now = datetime.now(UTC)
        return CrawlOutcome(store.name, "crawl", "sitemap", "complete", now, now)

    def embed(self) -> EmbedOutcome:
        return EmbedOutcome(catalogues.MODEL, 0, 0, 30, 0.0)


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path / "data")


def test_a_store_that_leaves_the_settings_leaves_the_index_and_comes_back(nights: Nights) -> None:
    for store in (A, B, C):
        nights.crawled(store, 0)
    assert nights.night(A, B, C).notes == ()
    left = nights.night(A, B)
    assert left.ok
    assert left.notes == ("The 10 products of 'c.example' left the index: it is no longer in the settings.",)
    assert nights.published == {"a.example": 10, "b.example": 10}
    assert nights.night(A, B).notes == ()  # said once
    assert nights.night(A, B, C).ok
    assert nights.published == {"a.example": 10, "b.example": 10, "c.example": 10}


def test_a_store_that_is_stale_leaves_the_index_until_it_is_crawled_again(nights: Nights) -> None:
    nights.crawled(A, 0)
    nights.crawled(B, 40)
    nights.crawled(B, 9, "partial", "server error")  # a store that is never read whole is read all the same
    nights.crawled(C, 11)
    nights.crawled(C, 1, "failed", "dns")
    assert nights.night(A, B, C).notes == ()  # `serve_for` is 30
    left = nights.night(A, B, C, serve_for=10)
    assert left.notes == (
        "The 10 products of 'c.example' left the index: no crawl has read it for 11 days "
        "(`serve_for` is 10).",
    )
    assert nights.published == {"a.example": 10, "b.example": 10}
    nights.crawled(C, 0)
    assert nights.night(A, B, C, serve_for=10).ok
    assert nights.published["c.example"] == 10


def test_a_night_that_would_leave_nothing_publishes_nothing(nights: Nights) -> None:
    for store in (A, B, C):
        nights.crawled(store, 5)
    assert nights.night(A, B, C).ok
    night = nights.night(A, B, C, serve_for=2)
    assert len(night.failures) == 1
    assert "Nothing would be left in the index" in night.failures[0]
    assert night.notes == ()
    assert sum(nights.published.values()) == 30


def test_a_store_that_failed_for_many_nights_is_named(nights: Nights) -> None:
    nights.crawled(A, 0)
    for day in range(6):
        nights.crawled(B, day, "failed", "dns")
    nights.crawled(B, 8)
    nights.crawled(C, 1, "failed", "refused")
    nights.crawled(C, 2)
    night = nights.night(A, B, C, dead_nights=6)
    assert night.failures == (
        "'b.example' could not be read on 6 nights in a row and may be gone: correct its entry, or run "
        "`lookalike stores remove b.example`.",
    )
    assert nights.night(A, B, C, dead_nights=7).ok


def test_a_failed_crawl_says_what_to_do(nights: Nights) -> None:
    now = datetime.now(UTC)
    failed = CrawlOutcome(
        "a.example", "crawl", "sitemap", "failed", now, now, message="It is down.", failure="dns"
    )
    assert failed.sentence == "It is down. Check the store's `url`, and this machine's name server."
