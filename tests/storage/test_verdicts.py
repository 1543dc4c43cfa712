"""The words of tables and reports are strings wherever they are written."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow.compute as pc

from storage import tables
from storage.root import Root
from storage.verdicts import CrawlStatus, Gate, RejectStage


def test_words_are_stored_and_compared_as_strings(tmp_path):
    root = Root.open(tmp_path / "data", create=True)
    now = datetime.now(UTC)
    tables.append(
        root, "crawls", [{"crawl_id": status, "status": status, "ended_at": now} for status in CrawlStatus]
    )
    tables.merge(root, "rejects", [{"url": "u", "stage": stage, "reason": "r"} for stage in RejectStage])
    stored = tables.read(
        root, "crawls", columns=["crawl_id"], where=pc.field("status") == CrawlStatus.COMPLETE
    )
    assert stored["crawl_id"].to_pylist() == ["complete"]
    assert set(tables.read(root, "rejects")["stage"].to_pylist()) == {
        *("fetch", "extract", "validate", "photo", "store")
    }
    assert json.dumps([CrawlStatus.QUERY, RejectStage.FETCH, Gate.LOSS]) == '["query", "fetch", "loss"]'
    assert f"{CrawlStatus.FAILED}" == "failed"
