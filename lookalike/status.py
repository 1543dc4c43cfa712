"""Where an installation stands: its stores and how fresh they are, its tables, its generations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from embedding.outfits.outfit_model import load_outfits
from scrapers.config.store import Store
from storage import encoders, generations, tables
from storage.crawl_history import crawl_histories
from storage.errors import LookalikeError
from storage.manifest import GenerationError
from storage.root import Root
from storage.schemas import TABLES
from storage.staging import Finding, Staging, quarantine_sentence, staged_stores
from storage.verdicts import Failure


@dataclass(frozen=True)
class StoreStatus:
    """One store.

    :ivar configured: whether it stands in `lookalike.toml`.
    :ivar products: products on sale as last read; `removed` are those that went.
    :ivar last_crawl: the latest row of `crawls`, None before the first.
    :ivar fresh_at: end of the last complete crawl, without those of a clock that was ahead, see
        `storage.clock`.
    :ivar failed_nights: nights in a row, up to the last one, on which it could not be read.
    :ivar staged: what became of a crawl that is not in the tables: `quarantined`, `unfinished` where it was
        killed, `accepted` where it was killed while it was merged, `damaged`; None where there is none.
    :ivar findings: why it is quarantined.
    """

    name: str
    url: str | None
    strategy: str | None
    configured: bool
    products: int
    removed: int
    last_crawl: dict[str, Any] | None
    fresh_at: datetime | None
    failed_nights: int
    staged: str | None
    findings: tuple[Finding, ...]

    @property
    def failure(self) -> Failure | None:
        """Why the last crawl was not complete; None if it was."""
        failure = self.last_crawl["failure"] if self.last_crawl else None
        return Failure(failure) if failure else None

    @property
    def problem(self) -> str:
        """What is wrong and what to do, as a sentence; empty if the last crawl was complete."""
        if self.findings:
            return quarantine_sentence(self.name, self.findings)
        if self.failure is None or self.last_crawl is None or self.failure is Failure.QUARANTINED:
            return ""
        nights = f" For {self.failed_nights} nights in a row." if self.failed_nights > 1 else ""
        return f"'{self.name}' ({self.failure}): {self.last_crawl['message']}{nights} {self.failure.advice}"


@dataclass(frozen=True)
class TableStatus:
    """One table: its version, None before it was first written, and its rows."""

    version: int | None
    rows: int


@dataclass(frozen=True)
class GenerationStatus:
    """One kept generation of the index; what it says of itself is None where it is damaged."""

    name: str
    current: bool
    built_at: datetime | None
    model: str | None
    products: int | None
    items: int | None
    recall: float | None


@dataclass(frozen=True)
class StyleHeadStatus:
    """A style head that was trained on outfits and lies beside its encoder.

    :ivar used: whether `complete` asks it; where False, the untrained default did better on outfits that the
        head never saw, and answers. None where the file is damaged.
    :ivar cold: by method, share of blanks filled with products that no training outfit held.
    :ivar warm: the same, with products of training outfits.
    """

    used: bool | None
    cold: Mapping[str, float]
    warm: Mapping[str, float]


@dataclass(frozen=True)
class Status:
    """All of it.

    :ivar style_heads: by model; of other models the untrained default completes outfits.
    """

    data: str
    stores: tuple[StoreStatus, ...]
    tables: dict[str, TableStatus]
    embeddings: dict[str, int]
    style_heads: dict[str, StyleHeadStatus]
    generations: tuple[GenerationStatus, ...]
    current: str | None


def read_status(root: Root, stores: Iterable[Store] = ()) -> Status:
    """Looks at a data root.

    :param stores: the configured stores; stores that only the tables know are reported, too.
    """
    current = generations.current_name(root)
    embeddings = _count(tables.read(root, "embeddings", columns=["model"])["model"])
    return Status(
        data=str(root),
        stores=tuple(_stores(root, {store.name: store for store in stores})),
        tables={name: TableStatus(tables.version(root, name), _rows(root, name)) for name in TABLES},
        embeddings=embeddings,
        style_heads=dict(_style_heads(root, sorted({*embeddings, *encoders.available(root)}))),
        generations=tuple(_generations(root, current)),
        current=current,
    )


def stale(status: Status, age: timedelta) -> list[str]:
    """What is not as fresh as it should be: a sentence each; empty where all is.

    :param age: since a store's last complete crawl, from which it is stale.
    """
    found = []
    now = datetime.now(UTC)
    for store in status.stores:
        if not store.configured:
            continue
        why = "" if store.findings else store.problem  # a quarantine has a sentence of its own
        if store.fresh_at is None:
            found.append(f"'{store.name}' has no complete crawl yet. {why}".rstrip())
        elif now - store.fresh_at > age:
            hours = (now - store.fresh_at) / timedelta(hours=1)
            found.append(f"'{store.name}' was last crawled completely {hours:.0f} hours ago. {why}".rstrip())
        if store.findings:
            found.append(quarantine_sentence(store.name, store.findings))
        elif store.staged == "damaged":
            found.append(f"The staged crawl of '{store.name}' is damaged. Run `lookalike repair`.")
    if status.current is None:
        found.append("Nothing is published yet. Run `lookalike nightly`.")
    return found


def _stores(root: Root, configured: dict[str, Store]) -> Iterable[StoreStatus]:
    histories = crawl_histories(root)
    products = tables.read(root, "products", columns=["store", "removed_at"])
    on_sale = _count(products.filter(pc.is_null(products["removed_at"]))["store"])
    known = _count(products["store"])
    staged = staged_stores(root)
    for name in sorted({*configured, *known, *histories, *staged}):
        store = configured.get(name)
        history = histories.get(name)
        state, findings = _staged(root, name) if name in staged else (None, ())
        yield StoreStatus(
            name=name,
            url=store.url if store else None,
            strategy=store.strategy if store else None,
            configured=store is not None,
            products=on_sale.get(name, 0),
            removed=known.get(name, 0) - on_sale.get(name, 0),
            last_crawl=history.last if history else None,
            fresh_at=history.fresh_at if history else None,
            failed_nights=history.failed_nights if history else 0,
            staged=state,
            findings=findings,
        )


def _staged(root: Root, store: str) -> tuple[str | None, tuple[Finding, ...]]:
    try:
        decision = Staging(root, store).decision()
    except LookalikeError:
        return "damaged", ()
    return (None, ()) if decision is None else (str(decision.state), decision.findings)


def _generations(root: Root, current: str | None) -> Iterable[GenerationStatus]:
    for name in generations.names(root):
        try:
            manifest = generations.read_manifest(root, name)
        except GenerationError:
            yield GenerationStatus(name, name == current, None, None, None, None, None)
            continue
        yield GenerationStatus(
            name=name,
            current=name == current,
            built_at=manifest.built_at,
            model=manifest.encoder.model,
            products=manifest.counts.products,
            items=manifest.counts.items,
            recall=manifest.recall.at_5,
        )


def _style_heads(root: Root, models: Iterable[str]) -> Iterable[tuple[str, StyleHeadStatus]]:
    for model in models:
        try:
            trained = load_outfits(root, model)
        except LookalikeError:
            yield model, StyleHeadStatus(None, {}, {})
            continue
        if trained is not None:
            yield model, StyleHeadStatus(trained.used, trained.figures.cold, trained.figures.warm)


def _count(column: pa.ChunkedArray) -> dict[str, int]:
    return dict(sorted(Counter(column.to_pylist()).items()))


def _rows(root: Root, table: str) -> int:
    return len(tables.read(root, table, columns=[TABLES[table].columns.names[0]]))
