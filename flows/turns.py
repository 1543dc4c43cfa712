"""Which of several nights of one deployment runs: one at a time, one waits, the rest are skipped.

Prefect's own concurrency limits do not serve: a run that was killed keeps its place, and runs that were due
while no worker was there all start at once, or one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Cancelled, Running

from flows.heartbeats import crash_silent_runs

SKIPPED = "Skipped"
"""The name of the state of a night that another one makes needless."""

WAITING = "Waiting"
LOOK_EVERY_S = 5.0


@dataclass(frozen=True)
class Run:
    """A night.

    :ivar due: when it was to begin.
    :ivar began: when its process began.
    :ivar ended: whether it is over: all its work was done, or some of it failed.
    :ivar tried: whether its process began before.
    """

    id: UUID
    due: datetime
    began: datetime
    ended: bool = False
    tried: bool = False


@dataclass(frozen=True)
class Turn:
    """What a night does now.

    :ivar skip: the sentence that says why it is not needed; empty where it is.
    :ivar wait: whether it waits for another one.
    """

    skip: str = ""
    wait: bool = False


def turn(me: Run, others: Sequence[Run]) -> Turn:
    """What a night has to do, given the others that run or have ended.

    Every night looks only at those that began before it. That order is the same for all, so nights that begin
    at once agree: the first works; of those due after it began, the first waits; the rest are skipped.

    :param others: nights of the same deployment that run or have ended, but for those skipped or killed.
    """
    ended = [run for run in others if run.ended]
    for other in ended:
        if other.began >= me.due:
            return Turn(skip=_covered(me, other))
    # One that is about to be skipped itself does nobody's work.
    running = [run for run in others if not run.ended and all(other.began < run.due for other in ended)]
    earlier = sorted((run for run in running if _order(run) < _order(me)), key=_order)
    if not earlier:
        return Turn()
    first, *rest = earlier
    if first.began >= me.due:
        return Turn(skip=_covered(me, first))
    if any(run.due > first.began for run in rest):
        return Turn(skip=f"A night runs since {_utc(first.began)}, and the next one waits already.")
    return Turn(wait=True)


def take_turn(client: SyncPrefectClient, run_id: UUID, deployment: UUID) -> str:
    """Waits until it is a night's turn; then skips those that were due before it began.

    :return: the sentence that says why it is to be skipped itself; empty where it is to run.
    """
    flow_run = client.read_flow_run(run_id)
    if flow_run.run_count > 1:
        # Somebody tries again a night that has run: what others did in the meantime is no reason to skip it.
        return ""
    me = _run(flow_run)
    waiting = False
    while True:
        crash_silent_runs(client, deployment)
        now = turn(me, _others(client, me, deployment))
        if not now.wait:
            break
        if not waiting:
            waiting = True
            message = "It waits until the night before it is done."
            client.set_flow_run_state(
                run_id, State(type=StateType.RUNNING, name=WAITING, message=message), force=True
            )
        time.sleep(LOOK_EVERY_S)
    if now.skip:
        return now.skip
    if waiting:
        client.set_flow_run_state(run_id, Running(), force=True)
    _skip_due(client, me, deployment)
    return ""


def _others(client: SyncPrefectClient, me: Run, deployment: UUID) -> list[Run]:
    running = _read(client, deployment, StateType.RUNNING)
    since = min(run.due for run in (me, *running))
    ended = _read(
        client,
        deployment,
        *(StateType.COMPLETED, StateType.FAILED),
        start_time=FlowRunFilterStartTime.model_validate({"after_": since}),
    )
    return [run for run in (*running, *ended) if run.id != me.id]


def _read(client: SyncPrefectClient, deployment: UUID, *types: StateType, **filters: Any) -> list[Run]:
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))),
            **filters,
        )
    )
    return [_run(run) for run in found]


def _skip_due(client: SyncPrefectClient, me: Run, deployment: UUID) -> None:
    """Skips what was due before this night began: its work is done by this one."""
    before = FlowRunFilterExpectedStartTime.model_validate({"before_": me.began})
    for run in _read(client, deployment, StateType.SCHEDULED, expected_start_time=before):
        if not run.tried:
            client.set_flow_run_state(run.id, skipped(_covered(run, me)))


def skipped(sentence: str) -> State:
    """The state of a night that is not needed: neither green nor red."""
    return Cancelled(name=SKIPPED, message=sentence)


def _run(run: FlowRun) -> Run:
    now = datetime.now(UTC)
    began = run.start_time or now
    ended = run.state_type in (StateType.COMPLETED, StateType.FAILED)
    return Run(run.id, run.expected_start_time or began, began, ended, tried=run.run_count > 0)


def _order(run: Run) -> tuple[datetime, UUID]:
    return run.began, run.id


def _covered(run: Run, by: Run) -> str:
    return f"The night that began at {_utc(by.began)} does the work of this one, due at {_utc(run.due)}."


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
