"""Marks nights whose process is gone as crashed.

Otherwise such a run stays `Running` for ever, and the next night waits for it. An automation on the server
finds runs whose heartbeats stopped; `crash_silent_runs` finds the others: runs that ended before their first
heartbeat, and runs that the automation forgot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.actions import ChangeFlowRunState
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.states import Crashed

AUTOMATION = "lookalike: nights that fell silent"
SILENCE = timedelta(seconds=120)
"""Four intervals of the heartbeat that `flows.prefect_environment` sets; fewer than three marked busy
nights."""

START = timedelta(minutes=10)
"""Time that a worker has to start a run, which sends no heartbeat before."""

HEARTBEAT = "prefect.flow-run.heartbeat"
ENDS = ("Completed", "Failed", "Failed for good", "Skipped", "Cancelled", "Crashed")
"""Names of the states that end a run; events are named after the state, not after its type."""

STARTED = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
RECENT = 200
"""Nights that are searched for unfinished stages; the API returns as many at once."""


def watch_heartbeats(
    client: SyncPrefectClient, flows: Sequence[str], *, silence: timedelta = SILENCE
) -> None:
    """Creates the automation, or brings it up to date.

    An automation that is up to date is not touched: an update would make it forget the runs it watches.

    :param flows: names of the flows to watch; other flows on the same server are not affected.
    :param silence: time without a heartbeat after which a process counts as gone.
    """
    automation = AutomationCore(
        name=AUTOMATION,
        description="Marks a night as crashed when its process is gone. Made by Lookalike.",
        trigger=EventTrigger(
            after={HEARTBEAT},
            expect={HEARTBEAT, *(f"prefect.flow-run.{end}" for end in ENDS)},
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, name=None, message="The process of this night is gone.", force=False
            )
        ],
    )
    known = client.read_automations_by_name(AUTOMATION)
    if not known:
        client.create_automation(automation)
    elif AutomationCore.model_validate(known[0].model_dump()) != automation:
        client.update_automation(known[0].id, automation)


def crash_silent_runs(
    client: SyncPrefectClient, deployment: UUID, *, silence: timedelta = SILENCE, start: timedelta = START
) -> int:
    """Marks a deployment's nights and stages as crashed if their process sends no heartbeat.

    :param silence: time without a heartbeat after which a running process counts as gone.
    :param start: time after which a run that was handed to a worker should be running.
    :return: how many were marked.
    """
    silent = [
        run
        for run in started_runs(client, deployment)
        if not _is_alive(client, run, start if run.state_type == StateType.PENDING else silence)
    ]
    for run in silent:
        crash(client, run.id, "The process of this run is gone: it gives no sign of life any more.")
    return len(silent)


def started_runs(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    """A deployment's nights and stages that have begun and not ended."""
    nights = FlowRunFilterDeploymentId(any_=[deployment])
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(STARTED)))
    started = client.read_flow_runs(flow_run_filter=FlowRunFilter(deployment_id=nights, state=state))
    recent = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(deployment_id=nights), sort=FlowRunSort.START_TIME_DESC, limit=RECENT
    )
    return started + stages_of(client, [run.id for run in recent], state)


def stages_of(
    client: SyncPrefectClient, nights: list[UUID], state: FlowRunFilterState | None = None
) -> list[FlowRun]:
    """The stages of nights; in any state if `state` is None."""
    parents = FlowRunFilterParentFlowRunId(any_=nights)
    return client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parents, state=state))


def crash(client: SyncPrefectClient, run: UUID, message: str) -> None:
    """Marks a run as crashed."""
    client.set_flow_run_state(run, Crashed(message=message), force=True)


def _is_alive(client: SyncPrefectClient, run: FlowRun, silence: timedelta) -> bool:
    since = datetime.now(UTC) - silence
    if _state_since(run) > since:
        return True
    heard = client.read_events(
        EventFilter(
            event=EventNameFilter(name=[HEARTBEAT]),
            resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
            occurred=EventOccurredFilter.model_validate({"since": since}),
        ),
        limit=1,
    )
    return bool(heard.events)


def _state_since(run: FlowRun) -> datetime:
    """When a run entered its present state."""
    return run.state.timestamp if run.state else datetime.now(UTC)
