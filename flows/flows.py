"""The night as Prefect flows: what `flows.night` does, with retries, logs, states and a summary."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.states import Failed, State

from embedding.encoder.stage import EmbedOutcome
from embedding.index.build import BuildOutcome
from embedding.recommend.batch import RecommendOutcome
from flows import alerts, artifacts, night, report
from flows.child import end_run_with_worker
from flows.config import Config, load_config
from flows.maintain import Upkeep, alert_about_damage, check_and_maintain
from flows.steps import Steps
from flows.turns import skipped, take_turn
from scrapers.config.store import Store
from scrapers.crawl import CrawlOutcome
from scrapers.session.crawl_log import log_folder
from storage.errors import BusyError, InputError, LookalikeError

Settings = Config | str | None
"""A settings file's path, from a deployment, or the settings themselves, from another flow."""

FINAL = "Failed for good"
"""The name of a failed state that a retry cannot change: the input is wrong, or another process is busy."""


class NightFailedError(LookalikeError):
    """A night was not ok; `night` holds what failed and what was done."""

    def __init__(self, night: night.Night) -> None:
        super().__init__(" ".join(night.failures))
        self.night = night


@flow(name="nightly", flow_run_name="nightly")
def nightly(config: Settings = None, data: str | None = None) -> night.Night | State:
    """Crawls all stores, embeds what is new, builds, verifies and publishes.

    A deployment's nights run one at a time; see `flows.turns`.

    :param config: the `lookalike.toml` to read; ./lookalike.toml where None.
    :param data: the data root; what the settings say where None.
    :return: the `Night`; the state `Skipped` where another night makes this one needless.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None

    def work() -> night.Night:
        return _nightly(_resolve(config, data))

    if run is None or run.deployment_id is None:
        return _run_or_fail(work)
    end_run_with_worker()
    with get_client(sync_client=True) as client:
        if reason := take_turn(client, run.id, run.deployment_id):
            return skipped(reason)
    return _run_or_fail(work, busy=lambda error: skipped(str(error)))


def _nightly(settings: Config) -> night.Night:
    done = night.run_nightly(settings, stages=PrefectStages(settings))
    if missing := _show(settings, done):
        unreached = alerts.send(settings.alerts, alerts.unshown(settings.name, missing), os.environ)
        done = replace(done, untold=(*done.untold, *missing, *unreached))
    if not done.ok:
        raise NightFailedError(done)
    return done


def _show(settings: Config, done: night.Night) -> list[str]:
    """Shows a night in Prefect: a summary, and tables.

    :return: a sentence for each that could not be shown.
    """
    missing: list[str] = []
    steps = Steps(missing)
    steps.run(
        "The artifact `nightly`",
        lambda: create_markdown_artifact(
            key="nightly", markdown=report.markdown(done), description="The last night"
        ),
    )
    stores = [store.name for store in settings.stores]
    found = steps.run("Tabulating the night", lambda: artifacts.night_tables(settings.open_root(), stores))
    for key, rows in (found or {}).items():
        show = partial(create_table_artifact, key=key, table=report.plain(rows))
        steps.run(f"The artifact `{key}`", show)
    return missing


@flow(name="crawl-store", flow_run_name="crawl-{store}")
def crawl_store(store: str, config: Settings = None, data: str | None = None) -> CrawlOutcome:
    """Crawls one store of the settings; retries one that is down."""
    settings = _resolve(config, data)
    get_run_logger().info(
        "The logs of its crawls are in %s.", log_folder(settings.open_root(create=True), store)
    )
    retried = _crawl.with_options(
        retries=settings.crawl.retries, retry_delay_seconds=settings.crawl.retry_delay_s
    )
    return _log_outcome(retried(store, settings, return_state=True), report.crawl_line)


@flow(name="embed-images", flow_run_name="embed")
def embed_images(config: Settings = None, data: str | None = None) -> EmbedOutcome:
    """Embeds every photo that has no embedding."""
    return _log_outcome(_embed(_resolve(config, data), return_state=True), report.embed_line)


@flow(name="build-index", flow_run_name="index")
def build_index(model: str | None = None, config: Settings = None, data: str | None = None) -> BuildOutcome:
    """Builds, verifies and publishes a generation of a model, the configured encoder's where None."""
    return _log_outcome(_index(model, _resolve(config, data), return_state=True), report.index_line)


@flow(name="recommend", flow_run_name="recommend")
def recommend(config: Settings = None, data: str | None = None) -> RecommendOutcome:
    """Recommends to the customers of the purchases that the settings name."""
    return _log_outcome(_recommend(_resolve(config, data), return_state=True), report.recommend_line)


@flow(name="maintain", flow_run_name="maintain")
def maintain(config: Settings = None, data: str | None = None) -> dict[str, Upkeep] | State:
    """Checks all stored data, deletes what is neither served nor recent, and joins small files.

    :return: what was done to each table; the state `Skipped` where a night or a crawl is running.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is not None and run.deployment_id is not None:
        end_run_with_worker()
        with get_client(sync_client=True) as client:
            if reason := take_turn(client, run.id, run.deployment_id):
                return skipped(reason)
    return _run_or_fail(lambda: _maintain(_resolve(config, data)), busy=lambda error: skipped(str(error)))


def _maintain(settings: Config) -> dict[str, Upkeep]:
    done, damaged = check_and_maintain(settings.open_root(), settings.maintain)
    missing: list[str] = []
    Steps(missing).run(
        "The artifact `maintain`",
        lambda: create_markdown_artifact(key="maintain", markdown=report.upkeep_markdown(done, damaged)),
    )
    if damaged:
        alert_about_damage(settings, damaged)
        raise LookalikeError(" ".join(damaged))
    for sentence in missing:
        get_run_logger().warning(sentence)
    return done


FLOWS = (nightly, crawl_store, embed_images, build_index, recommend, maintain)


class PrefectStages:
    """The stages as subflows, so that each has its state, its logs and its retries in Prefect."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def crawl(self, store: Store) -> CrawlOutcome:
        return crawl_store(store.name, self.config)

    def embed(self) -> EmbedOutcome:
        return embed_images(self.config)

    def index(self, model: str) -> BuildOutcome:
        return build_index(model, self.config)

    def recommend(self) -> RecommendOutcome:
        return recommend(self.config)


def _is_retryable(task: Any, run: Any, state: State) -> bool:
    return state.name != FINAL


# Nothing is cached: the tables hold what is done, and a cached result would outlive its rows.
@task(name="crawl", task_run_name="crawl-{store}", cache_policy=NO_CACHE, retry_condition_fn=_is_retryable)
def _crawl(store: str, config: Config) -> Any:
    return _run_or_fail(
        lambda: night.crawl_store(config.open_root(create=True), config.choose_stores([store])[0], config)
    )


@task(name="embed", cache_policy=NO_CACHE, retries=1, retry_condition_fn=_is_retryable)
def _embed(config: Config) -> Any:
    return _run_or_fail(lambda: night.embed_images(config.open_root(), config))


@task(name="build index", cache_policy=NO_CACHE, retries=1, retry_condition_fn=_is_retryable)
def _index(model: str | None, config: Config) -> Any:
    return _run_or_fail(lambda: night.index_and_publish(config.open_root(), config, model))


@task(name="recommend", cache_policy=NO_CACHE, retries=1, retry_condition_fn=_is_retryable)
def _recommend(config: Config) -> Any:
    return _run_or_fail(lambda: night.recommend_to_customers(config.open_root(), config))


def _resolve(config: Settings, data: str | None) -> Config:
    return config if isinstance(config, Config) else load_config(config, data)


def _failed_for_good(error: LookalikeError) -> State:
    return Failed(name=FINAL, message=str(error), data=error)


def _run_or_fail(work: Callable[[], Any], busy: Callable[[LookalikeError], State] = _failed_for_good) -> Any:
    """The result of the work; a `LookalikeError` becomes a failed state without a traceback.

    :param busy: makes the state if another process does the same work.
    """
    try:
        return work()
    except BusyError as error:
        return busy(error)
    except (InputError, night.StoppedError) as error:
        return _failed_for_good(error)
    except LookalikeError as error:
        return Failed(message=str(error), data=error)


def _log_outcome(state: State, line: Callable[[Any], str]) -> Any:
    """Logs and returns a stage's outcome; returns the state itself if the stage failed."""
    if not state.is_completed():
        return state
    outcome = state.result()
    get_run_logger().info(line(outcome))
    return outcome
