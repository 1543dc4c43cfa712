"""Metrics of a night, for node_exporter's textfile collector."""

from __future__ import annotations

from pathlib import Path

from flows.config import Config
from flows.night_outcome import Night
from storage.crawl_history import CrawlHistory, crawl_histories
from storage.root import Root

PREFIX = "lookalike"


def write_metrics(config: Config, root: Root, night: Night) -> list[str]:
    """Replaces the file that `[logs]` names, in one step.

    :return: a sentence if it cannot be written; none if the settings name no file.
    """
    if not config.logs.metrics:
        return []
    try:
        _write(Path(config.logs.metrics), config.name, night, crawl_histories(root))
    except (ImportError, OSError) as error:
        return [f"The metrics could not be written to {config.logs.metrics} ({error})."]
    return []


def _write(file: Path, catalogue: str, night: Night, histories: dict[str, CrawlHistory]) -> None:
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()

    def gauge(name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, ("catalogue", *labels), namespace=PREFIX, registry=registry)

    def number(name: str, what: str, value: float) -> None:
        gauge(name, what).labels(catalogue).set(value)

    number("night_ok", "Whether the last night went well.", night.ok)
    number("night_end_timestamp_seconds", "When the last night ended.", night.ended_at.timestamp())
    number("night_duration_seconds", "How long the last night took.", night.seconds)
    if night.embed:
        number("photos_embedded", "Photos embedded in the last night.", night.embed.embedded)
        number("photos", "Photos with a vector.", night.embed.total)
    if night.index:
        number("index_products", "Products in the published index.", night.index.products)
        number("index_items", "Photos in the published index.", night.index.items)
        number("index_recall", "Measured recall at 5.", night.index.recall)
    products = gauge("store_products", "Products found by the last crawl.", "store")
    requests = gauge("store_requests", "Requests of the last crawl.", "store")
    fresh = gauge("store_fresh_timestamp_seconds", "End of the last complete crawl.", "store")
    failed = gauge("store_failed_nights", "Nights in a row without an answer.", "store")
    failure = gauge("store_failure", "1 while the last crawl is not complete.", "store", "failure")
    for store, history in histories.items():
        products.labels(catalogue, store).set(history.last["products"] or 0)
        requests.labels(catalogue, store).set(history.last["requests"] or 0)
        failed.labels(catalogue, store).set(history.failed_nights)
        if history.fresh_at:
            fresh.labels(catalogue, store).set(history.fresh_at.timestamp())
        if history.last["failure"]:
            failure.labels(catalogue, store, history.last["failure"]).set(1)
    write_to_textfile(str(file), registry)
