"""The night as plain functions, one a stage: crawl every store, embed what is new, build and publish."""

from __future__ import annotations

import contextvars
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from embedding.encoder.stage import (
    EmbedOutcome,
    EmbedProgress,
    embed_new_images,
    missing_images,
    resolve_model,
)
from embedding.index.build import BuildOutcome, build_index
from embedding.index.candidate_index import built_elsewhere
from embedding.probe import probe
from embedding.recommend.batch import RecommendOutcome, recommend_all
from flows import alerts, telemetry
from flows.config import Config
from flows.maintain import join_appended_files
from flows.metrics import write_metrics
from flows.night_outcome import Night
from flows.saved_searches import check_saved_searches
from flows.scale import Cluster
from flows.served import dead_sentence, leaving_sentences, withheld_stores
from flows.steps import Steps
from scrapers.config.store import Store
from scrapers.crawl import CrawlOutcome, CrawlProgress, run_crawl
from storage import generations, table_audit, tables
from storage.crawl_history import crawl_histories
from storage.errors import InputError, LookalikeError
from storage.manifest import GenerationError
from storage.root import Root
from storage.verdicts import CrawlStatus

_log = logging.getLogger(__name__)
_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)

Advance = Callable[[str, int, int | None], None]
"""`advance(stage, done, total)` is called with a stage's progress; the total is None while it is unknown."""


class StoreFailedError(LookalikeError):
    """A store could not be crawled: it is down, or its answers cannot be read."""

    def __init__(self, outcome: CrawlOutcome) -> None:
        super().__init__(outcome.sentence)
        self.outcome = outcome


class StoppedError(LookalikeError):
    """A crawl was interrupted."""


class Stages(Protocol):
    """The stages of a night; each completes or raises a `LookalikeError`."""

    def crawl(self, store: Store) -> CrawlOutcome:
        """Crawls one store into the tables."""

    def embed(self) -> EmbedOutcome:
        """Embeds every photo that has no embedding."""

    def index(self, model: str) -> BuildOutcome:
        """Builds, verifies and publishes a generation of this model's embeddings."""

    def recommend(self) -> RecommendOutcome:
        """Recommends to the customers of the purchases that the settings name."""


class PlainStages:
    """The stages without Prefect: in this process, and crawls in child processes."""

    def __init__(self, root: Root, config: Config, advance: Advance | None = None) -> None:
        self.root, self.config, self.advance = root, config, advance

    def crawl(self, store: Store) -> CrawlOutcome:
        return crawl_store(self.root, store, self.config, self.advance)

    def embed(self) -> EmbedOutcome:
        return embed_images(self.root, self.config, self.advance)

    def index(self, model: str) -> BuildOutcome:
        return index_and_publish(self.root, self.config, model, self.advance)

    def recommend(self) -> RecommendOutcome:
        return recommend_to_customers(self.root, self.config, self.advance)


def run_nightly(config: Config, *, stages: Stages | None = None, advance: Advance | None = None) -> Night:
    """Crawls all stores, embeds what is new, builds, verifies and publishes.

    If a store is down, the others are crawled and the index is built all the same; the night is not `ok`
    then. Only one night at a time runs on a data root.

    :param stages: how each stage is run; without Prefect if None.
    :raises InputError: where no store is configured; then nothing changes.
    :raises BusyError: where another night runs on the same data root.
    """
    stores = config.choose_stores()
    root = config.open_root(create=True)
    stages = stages or PlainStages(root, config, advance)
    untold: list[str] = []
    with telemetry.tracing(config, untold), telemetry.span("night", catalogue=config.name) as describe:
        night = _run_stages(config, root, stores, stages)
        describe(ok=night.ok, failures=night.failures)
    reports = Steps(untold)
    untold += [*night.untold]
    untold += reports.run("Writing the metrics", lambda: write_metrics(config, root, night)) or []
    night = replace(night, untold=tuple(dict.fromkeys(untold)))
    unreached = reports.run("Sending alerts", lambda: _send_alerts(config, night)) or []
    return replace(night, untold=tuple(dict.fromkeys([*untold, *unreached])))


def _run_stages(config: Config, root: Root, stores: Sequence[Store], stages: Stages) -> Night:
    """Runs all stages, and reports nothing to anybody but the dead man's switch."""
    started_at = datetime.now(UTC)
    with root.lock("nightly"):
        untold = alerts.ping(config.alerts, os.environ, alerts.START)
        crawls, failures = crawl_stores(stores, stages.crawl, at_once=config.crawl.at_once)
        steps = Steps(failures)
        failures += steps.run("Counting failed nights", lambda: _dead_stores(root, config)) or []
        index = recommend = None
        notes: list[str] = []
        if embed := steps.run("Embedding", stages.embed):
            model = embed.model
            leaving = steps.run(
                "Naming the stores that leave", lambda: leaving_sentences(root, withheld_stores(root, config))
            )
            if index := steps.run("Building the index", lambda: stages.index(model)):
                notes = [*(leaving or ()), *index.notes]
            notes = [*dict.fromkeys([*embed.notes, *notes])]
        if index:
            untold += steps.run("Checking saved searches", lambda: check_saved_searches(root, config)) or []
            if config.recommend.purchases:
                recommend = steps.run("Recommending", stages.recommend)
        failures += steps.run("The upkeep of the tables", lambda: _keep_up(root)) or []
    return Night(
        started_at,
        datetime.now(UTC),
        tuple(crawls),
        embed,
        index,
        tuple(failures),
        recommend,
        tuple(untold),
        tuple(notes),
    )


def _dead_stores(root: Root, config: Config) -> list[str]:
    """A sentence for each store that has failed for many nights in a row."""
    histories = crawl_histories(root)
    configured = [store.name for store in config.stores if store.name in histories]
    found = (dead_sentence(store, histories[store].failed_nights, config) for store in configured)
    return [sentence for sentence in found if sentence]


def _keep_up(root: Root) -> list[str]:
    """Joins the files that crawls appended, and notes the checksums of new ones.

    :return: a sentence for each damaged file.
    """
    damaged = join_appended_files(root)
    # Noted now, the checksum of a damaged file would count as right.
    if not damaged:
        table_audit.note_checksums(root)
    return damaged


def _send_alerts(config: Config, night: Night) -> list[str]:
    """Sends an alert if the night was not good, and the final ping.

    :return: a sentence for each receiver that could not be reached.
    """
    settings, alert = config.alerts, alerts.alert_of(night, config.name)
    unreached = alerts.send(settings, alert, os.environ) if alert else []
    return unreached + alerts.ping(settings, os.environ, "" if night.ok else alerts.FAIL)


def crawl_stores(
    stores: Sequence[Store], crawl: Callable[[Store], CrawlOutcome], *, at_once: int
) -> tuple[list[CrawlOutcome], list[str]]:
    """Crawls several stores side by side, each in a child process of its own.

    :param at_once: how many run at the same time.
    :return: the crawls that ended, and a sentence for each store that failed or is quarantined, both in the
        stores' order.
    """
    outcomes: list[CrawlOutcome] = []
    failures: list[str] = []
    with _stoppable() as stop, ThreadPoolExecutor(at_once, thread_name_prefix="crawl") as pool:
        # Prefect finds the current run through context variables, which threads do not inherit.
        crawls = [pool.submit(contextvars.copy_context().run, crawl, store) for store in stores]
        try:
            for store, running in zip(stores, crawls, strict=True):
                try:
                    outcomes.append(outcome := running.result())
                    if outcome.status == CrawlStatus.QUARANTINED:
                        failures.append(outcome.message)
                except LookalikeError as error:
                    failures.append(str(error))
                except Exception as error:
                    # A bug that shows with one store must not stop the other stores.
                    _log.exception("The crawl of %s failed", store.name)
                    what = f"{type(error).__name__}: {error}"
                    failures.append(f"The crawl of '{store.name}' broke off ({what}). The log says where.")
        except BaseException:  # Ctrl-C, or Prefect cancels the run: the crawls must end, too
            _log.info("Stopping the crawls; each finishes what it has begun, for up to 20 seconds.")
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return outcomes, failures


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that stops the crawls started inside the block, whatever thread they run in."""
    stop = threading.Event()
    token = _stop.set(stop)
    try:
        yield stop
    finally:
        _stop.reset(token)


def crawl_store(
    root: Root, store: Store, config: Config, advance: Advance | None = None, *, query: str | None = None
) -> CrawlOutcome:
    """Crawls one store.

    :param query: words to ask its own search for; all of the store where None.
    :raises StoreFailedError: where the store could not be read; what was stored before stays as it is.
    :raises BusyError: where another crawl of this store runs.
    :raises StoppedError: where the night it belongs to was interrupted.
    """
    stop = _stop.get()

    def show(progress: CrawlProgress) -> None:
        if stop is not None and stop.is_set():
            raise StoppedError(f"The crawl of '{store.name}' was stopped.")
        if advance:
            advance(f"crawl {store.name}", progress.products, progress.expected)

    _log.info("The crawl of %s begins.", store.name)
    with telemetry.span("crawl", store=store.name) as describe:
        outcome = run_crawl(
            root,
            store,
            allow_private=config.crawl.allow_private or store.allow_private,
            throttle=config.crawl.throttle,
            query=query,
            keep_logs=config.logs.keep,
            on_progress=show,
        )
        describe(
            crawl_id=outcome.crawl_id,
            status=outcome.status,
            failure=outcome.failure,
            products=outcome.products,
            requests=outcome.requests,
        )
        if outcome.status == CrawlStatus.FAILED:
            raise StoreFailedError(outcome)
    return outcome


def embed_images(root: Root, config: Config, advance: Advance | None = None) -> EmbedOutcome:
    """Embeds every photo that has no embedding of the configured encoder."""

    def show(progress: EmbedProgress) -> None:
        if advance:
            advance("embed", progress.done, progress.missing)

    _log.info("Embedding begins.")
    cluster = Cluster(config.scale)
    weights = config.embed.weights
    with telemetry.span("embed") as describe:
        done = embed_new_images(root, weights, on_progress=show, elsewhere=cluster.embeds(root, weights))
        describe(model=done.model, embedded=done.embedded, rejected=done.rejected)
    return replace(done, notes=tuple(cluster.problems))


def index_and_publish(
    root: Root,
    config: Config,
    model: str | None = None,
    advance: Advance | None = None,
    *,
    allow_loss: bool = False,
    full: bool = False,
) -> BuildOutcome:
    """Builds, verifies and publishes a generation; keeps the published one if nothing changed.

    Then one real search checks that the published generation answers.

    :param model: the encoder's name; the configured one if None.
    :param allow_loss: whether to publish however many products are missing.
    :param full: whether everything is built, also what did not change.
    :raises LookalikeError: where nothing is embedded, a new encoder has not embedded everything, the recall
        is too low, or too many products are missing; nothing is published then.
    :raises ProbeError: what is published does not answer.
    """
    if tables.version(root, "embeddings") is None:
        raise LookalikeError(f"{root} holds no embedded photo. Run `lookalike embed` first.")

    def show(done: int, total: int | None) -> None:
        if advance:
            advance("index", done, total)

    _log.info("Building the index begins.")
    model = model or resolve_model(root, config.embed.weights)
    _require_complete(root, model)
    cluster = Cluster(config.scale)
    with telemetry.span("index", model=model) as describe, built_elsewhere(cluster.builds(root)):
        outcome = build_index(
            root,
            model,
            recall_goal=config.index.recall_goal,
            max_loss=1.0 if allow_loss else config.index.max_loss,
            shard_rows=config.index.shard_rows,
            engine=config.index.engine,
            withheld=withheld_stores(root, config),
            full=full,
            on_progress=show,
        )
        describe(generation=outcome.generation, products=outcome.products, recall=outcome.recall)
        if outcome.generation:
            built_at = generations.read_manifest(root, outcome.generation).built_at
            telemetry.past_span("publish", built_at, generation=outcome.generation)
    probe(root)
    return replace(outcome, notes=tuple(dict.fromkeys(cluster.problems)))


def recommend_to_customers(root: Root, config: Config, advance: Advance | None = None) -> RecommendOutcome:
    """Recommends to the customers of the purchases that the settings name, over the published generation.

    :raises InputError: they name none, or the file is missing or malformed.
    """
    file = config.recommend.purchases_file
    if file is None:
        raise InputError("The settings name no purchases. Set `purchases` under [recommend].")

    def show(done: int, total: int) -> None:
        if advance:
            advance("recommend", done, total)

    _log.info("Recommending begins.")
    settings = config.recommend
    return recommend_all(root, file, k=settings.k, store=settings.store or None, on_progress=show)


def _require_complete(root: Root, model: str) -> None:
    """Refuses a model's first generation until it has embedded all photos.

    :raises LookalikeError: photos have no embedding yet.
    """
    try:
        published = generations.current_name(root)
        if published is not None and generations.read_manifest(root, published).encoder.model == model:
            return
    except GenerationError:
        return  # nothing can be searched now, so a generation of some photos is an improvement
    if missing := len(missing_images(root, model)):
        raise LookalikeError(
            f"{missing:,} photos have no vector of the encoder {model} yet, and none of its generations is "
            "published. Run `lookalike embed` first; what is published stays."
        )
