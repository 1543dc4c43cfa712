"""The deployment of a catalogue on a Prefect server: its name, its work pool and its schedule.

A server may hold several catalogues, and none may take over what belongs to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.deployments.runner import EntrypointType
from prefect.exceptions import ObjectAlreadyExists
from prefect.schedules import Cron
from prefect.workers.process import ProcessWorker

from flows.config import Config, load_config
from flows.flows import FLOWS, maintain, nightly
from flows.heartbeats import crash_silent_runs, watch_heartbeats
from flows.prefect_environment import HEARTBEAT_S, HEARTBEAT_VARIABLE, require_server
from flows.server import catalogue_name
from storage.errors import InputError

DEFAULT_NAME = "nightly"
DEFAULT_POOL = "local"
DESCRIPTION = "Crawl all stores, embed what is new, build, verify and publish."
MAINTAIN_DESCRIPTION = "Check all stored data, delete what is neither served nor recent, join small files."


@dataclass(frozen=True)
class Deployment:
    """A catalogue's place on a Prefect server.

    :ivar name: the part after `nightly/`.
    """

    name: str
    pool: str

    @property
    def full_name(self) -> str:
        """What `prefect deployment run` takes."""
        return f"{nightly.name}/{self.name}"


def register(config: Config, pool: str | None = None) -> tuple[Deployment, tuple[UUID, ...]]:
    """Makes the work pool where it is missing, and creates or updates the deployments of night and upkeep.

    :param pool: the work pool; named by the catalogue where None.
    :return: the night's deployment, and the ids of both.
    :raises PrefectUnreachableError: where the server does not answer.
    :raises InputError: where the name belongs to another catalogue.
    """
    require_server()
    with get_client(sync_client=True) as client:
        chosen = find_deployment(client, config, pool)
        template = ProcessWorker.get_default_base_job_template()
        with suppress(ObjectAlreadyExists):
            client.create_work_pool(
                WorkPoolCreate(name=chosen.pool, type="process", base_job_template=template)
            )
        watch_heartbeats(client, [flow.name for flow in FLOWS])
        ids = []
        for flow, cron, description in (
            (nightly, config.schedule.cron, DESCRIPTION),
            (maintain, config.maintain.cron, MAINTAIN_DESCRIPTION),
        ):
            deployment: Any = flow.to_deployment(
                name=chosen.name,
                schedule=Cron(cron, timezone=config.schedule.timezone),
                parameters=parameters(config),
                entrypoint_type=EntrypointType.MODULE_PATH,
                description=description,
                job_variables={"env": {HEARTBEAT_VARIABLE: str(HEARTBEAT_S)}},
            )
            ids.append(deployment.apply(work_pool_name=chosen.pool))
            crash_silent_runs(client, ids[-1])
    return chosen, tuple(ids)


def parameters(config: Config) -> dict[str, str | None]:
    """The flow's parameters. Workers change directory, so both paths are absolute."""
    return {"config": str(config.file) if config.file else None, "data": str(config.data)}


def find_deployment(client: SyncPrefectClient, config: Config, pool: str | None = None) -> Deployment:
    """The deployment of this catalogue; one that it had under another name is deleted.

    :raises InputError: where the name belongs to another catalogue.
    """
    found = client.read_deployments(flow_filter=FlowFilter(name=FlowFilterName(any_=[nightly.name])))
    name = choose_name(config, {deployment.name: deployment.parameters for deployment in found})
    for flow in (nightly, maintain):
        _delete_renamed(client, flow.name, name, config)
    return Deployment(name, pool or (DEFAULT_POOL if name == DEFAULT_NAME else name))


def _delete_renamed(client: SyncPrefectClient, flow: str, name: str, config: Config) -> None:
    """Deletes a catalogue's deployments under other names: they would do the same work on their schedules."""
    for deployment in client.read_deployments(flow_filter=FlowFilter(name=FlowFilterName(any_=[flow]))):
        if deployment.name != name and deployment.parameters == parameters(config):
            client.delete_deployment(deployment.id)


def choose_name(config: Config, known: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of a catalogue's deployment.

    Its `name` in the settings; without one `nightly`, or the folder's where another catalogue is called that.

    :param known: the parameters of each deployment on the server, by name.
    :raises InputError: where the name belongs to another catalogue.
    """
    own = parameters(config)
    names = [config.name] if config.name else [DEFAULT_NAME, catalogue_name(config)]
    for name in names:
        if known.get(name) == own:
            return name
    for name in names:
        if name not in known:
            return name
    other, full_name = known[names[-1]], f"{nightly.name}/{names[-1]}"
    raise InputError(
        f"{full_name} on this Prefect server is another catalogue ({other.get('config')}, data in "
        f"{other.get('data')}). Give this one a `name` of its own at the top of {config.file}, or, "
        f"if it only moved, delete the old one with `prefect deployment delete {full_name}`."
    )


def read_settings(config: str = "lookalike.toml") -> dict[str, Any]:
    """A step of `prefect.yaml`: what a deployment takes from the settings; prepares the server for it.

    :param config: the settings file, relative to the folder of `prefect.yaml`.
    :return: `name`, `cron`, `maintain_cron`, `timezone`, and the flows' parameters.
    :raises InputError: where the settings are wrong, or the name belongs to another catalogue.
    """
    settings = load_config(config)
    settings.choose_stores()
    require_server()
    with get_client(sync_client=True) as client:
        chosen = find_deployment(client, settings)
        watch_heartbeats(client, [flow.name for flow in FLOWS])
    schedule = settings.schedule
    return {
        "name": chosen.name,
        "cron": schedule.cron,
        "maintain_cron": settings.maintain.cron,
        "timezone": schedule.timezone,
        **parameters(settings),
    }
