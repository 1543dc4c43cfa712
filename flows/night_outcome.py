"""What a night did: the outcomes of its stages and its failures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from embedding.encoder.stage import EmbedOutcome
from embedding.index.build import BuildOutcome
from embedding.recommend.batch import RecommendOutcome
from scrapers.crawl import CrawlOutcome


@dataclass(frozen=True)
class Night:
    """What a night did.

    :ivar crawls: the crawls that ended, in the order of the settings file.
    :ivar embed: None if embedding failed.
    :ivar index: None if there was nothing to build from, or building failed.
    :ivar failures: a sentence for each failure; empty after a good night.
    :ivar recommend: None if the settings name no purchases, or recommending failed.
    :ivar notes: what else the operator should know, such as that a store left the index: a sentence each.
    :ivar untold: a sentence for each receiver of alerts that could not be reached, each report that could not
        be written, and each saved search that could not be checked. The night is `ok` all the same.
    """

    started_at: datetime
    ended_at: datetime
    crawls: tuple[CrawlOutcome, ...]
    embed: EmbedOutcome | None
    index: BuildOutcome | None
    failures: tuple[str, ...]
    recommend: RecommendOutcome | None = None
    untold: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds()
