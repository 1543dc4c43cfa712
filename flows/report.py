"""Reports of a night, as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from storage.verdicts import CrawlStatus

if TYPE_CHECKING:
    from embedding.encoder.stage import EmbedOutcome
    from embedding.index.build import BuildOutcome
    from embedding.recommend.batch import RecommendOutcome
    from flows.maintain import Upkeep
    from flows.night_outcome import Night
    from scrapers.crawl import CrawlOutcome

MEGABYTE = 1_000_000


def crawl_line(crawl: CrawlOutcome) -> str:
    """A line about one crawl."""
    line = (
        f"{crawl.store}: {crawl.status}, {crawl.products} products ({crawl.products_new} new, "
        f"{crawl.products_changed} changed, {crawl.products_removed} removed), "
        f"{crawl.images_new} new photos, {crawl.rejects} rejects, "
        f"{crawl.requests} requests, {crawl.size_bytes / MEGABYTE:.1f} MB"
    )
    return line if crawl.status == CrawlStatus.COMPLETE else f"{line}. {crawl.sentence}"


def embed_line(embed: EmbedOutcome) -> str:
    """A line about the embedding stage."""
    refused = f", {embed.rejected} could not be read" if embed.rejected else ""
    predicted = f", what {embed.predicted} show was predicted" if embed.predicted else ""
    return (
        f"{embed.model}: {embed.embedded} photos embedded in {embed.seconds:.1f} s{refused}; "
        f"{embed.total} have a vector{predicted}"
    )


def index_line(index: BuildOutcome) -> str:
    """A line about the index stage."""
    if index.generation is None:
        return f"Nothing changed: the published generation stays ({index.products} products)"
    return (
        f"Generation {index.generation} is published: {index.products} products, {index.items} items, "
        f"{index.dimensions} dimensions, recall@5 {index.recall:.3f}, built in {index.seconds:.1f} s"
    )


def recommend_line(done: RecommendOutcome) -> str:
    """A line about the recommendations."""
    left_out = ""
    if done.skipped:
        named = ", ".join(done.skipped_products)
        left_out = f"; {done.skipped} purchases skipped, since the generation lacks the product ({named}, …)"
    if done.without_customer:
        left_out += f"; {done.without_customer} rows skipped, since they name no customer"
    return (
        f"{done.customers} customers, {done.rows} recommendations from {done.purchases} purchases in "
        f"{done.seconds:.1f} s{left_out}"
    )


def lines(night: Night) -> Iterator[str]:
    """A line for each stage of the night, without its failures."""
    yield from (crawl_line(crawl) for crawl in night.crawls)
    if night.embed:
        yield embed_line(night.embed)
    if night.index:
        yield index_line(night.index)
    if night.recommend:
        yield recommend_line(night.recommend)
    yield from night.notes


def markdown(night: Night) -> str:
    """The night as the summary that Prefect shows."""
    head = "The night is done" if night.ok else "The night is done, but not all went well"
    parts = [f"# {head}", f"{_time(night.started_at)} to {_time(night.ended_at)} UTC, {night.seconds:.0f} s"]
    if night.failures:
        parts += ["## Failed", "\n".join(f"- {_cell(sentence)}" for sentence in night.failures)]
    if night.notes:
        parts += ["## Notes", "\n".join(f"- {_cell(sentence)}" for sentence in night.notes)]
    if night.untold:
        parts += ["## Not told", "\n".join(f"- {_cell(sentence)}" for sentence in night.untold)]
    if night.crawls:
        parts += ["## Stores", _crawl_table(night.crawls)]
    if night.embed:
        parts += ["## Vectors", embed_line(night.embed)]
    if night.index:
        parts += ["## Index", index_line(night.index)]
    if night.recommend:
        parts += ["## Recommendations", recommend_line(night.recommend)]
    return "\n\n".join(parts) + "\n"


def upkeep_markdown(done: Mapping[str, Upkeep], damaged: Sequence[str]) -> str:
    """The upkeep as the summary that Prefect shows."""
    if damaged:
        damages = "\n".join(f"- {_cell(sentence)}" for sentence in damaged)
        return f"# Stored data is damaged\n\n{damages}\n\nRun `lookalike repair`.\n"
    rows = [
        {"table": table, "files joined": upkeep.joined, "files deleted": upkeep.deleted}
        | {"rows expired": upkeep.expired}
        for table, upkeep in done.items()
    ]
    return f"# The upkeep is done\n\n{_table(rows) if rows else 'No table was written yet.'}\n"


def plain(value: Any) -> Any:
    """An outcome, or a list of outcomes, as values that JSON can hold."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _crawl_table(crawls: tuple[CrawlOutcome, ...]) -> str:
    rows = [
        {
            "store": crawl.store,
            "status": crawl.status
            if crawl.status == CrawlStatus.COMPLETE
            else f"{crawl.failure or crawl.status}: {crawl.sentence}",
            "products": crawl.products,
            "new": crawl.products_new,
            "changed": crawl.products_changed,
            "removed": crawl.products_removed,
            "new photos": crawl.images_new,
            "rejects": crawl.rejects,
            "requests": crawl.requests,
            "MB": f"{crawl.size_bytes / MEGABYTE:.1f}",
        }
        for crawl in crawls
    ]
    return _table(rows)


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as a table, with the keys of the first as its head."""
    cells = [list(rows[0]), ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in cells)


def _cell(value: object) -> str:
    """Text escaped for a table's cell, since messages may quote a store."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
