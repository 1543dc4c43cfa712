"""Decides which of several nights of one deployment runs: one runs, one waits, the others are skipped.

Prefect's own concurrency limits do not suffice: a killed run keeps its slot, and runs that were due while no
worker was there all start at once, or one after the other.
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
"""The name of the state of a night that another night makes unnecessary."""

WAITING = "Waiting"
POLL_S = 5.0


@dataclass(frozen=True)
class Run:
    """A night.

    :ivar due: when it was scheduled to begin.
    :ivar began: when its process began.
    :ivar ended: whether it completed or failed.
    :ivar tried: whether its process has begun before.
    """

    id: UUID
    due: datetime
    began: datetime
    ended: bool = False
    tried: bool = False


@dataclass(frozen=True)
class Turn:
    """What a night does now.

    :ivar skip: why it is skipped, as a sentence; empty if it is not.
    :ivar wait: whether it waits for another night.
    """

    skip: str = ""
    wait: bool = False


def decide_turn(own: Run, others: Sequence[Run]) -> Turn:
    """What a night does now, given the other nights that are running or have ended.

    Every night considers only those that began before it. That order is the same for all, so nights that
    begin at once agree: the first runs; of those due after it began, the first waits; the others are skipped.

    :param others: nights of the same deployment that are running or have ended, without skipped or killed
        ones.
    """
    ended = [run for run in others if run.ended]
    for other in ended:
        if other.began >= own.due:
            return Turn(skip=_covered_sentence(own, other))
    # A night that is about to be skipped itself makes no other one unnecessary.
    running = [run for run in others if not run.ended and all(other.began < run.due for other in ended)]
    earlier = sorted((run for run in running if _order(run) < _order(own)), key=_order)
    if not earlier:
        return Turn()
    first, *rest = earlier
    if first.began >= own.due:
        return Turn(skip=_covered_sentence(own, first))
    if any(run.due > first.began for run in rest):
        return Turn(skip=f"A night runs since {_utc(first.began)}, and the next one waits already.")
    return Turn(wait=True)


def take_turn(client: SyncPrefectClient, run_id: UUID, deployment: UUID) -> str:
    """Waits until it is a night's turn, then skips the nights that were due before it began.

    :return: why it is skipped itself, as a sentence; empty if it runs.
    """
    flow_run = client.read_flow_run(run_id)
    if flow_run.run_count > 1:
        # A retry of a night that has run before is never skipped because of what others did meanwhile.
        return ""
    own = _run(flow_run)
    waiting = False
    while True:
        crash_silent_runs(client, deployment)
        now = decide_turn(own, _others(client, own, deployment))
        if not now.wait:
            break
        if not waiting:
            waiting = True
            message = "It waits until the night before it is done."
            client.set_flow_run_state(
                run_id, State(type=StateType.RUNNING, name=WAITING, message=message), force=True
            )
        time.sleep(POLL_S)
    if now.skip:
        return now.skip
    if waiting:
        client.set_flow_run_state(run_id, Running(), force=True)
    _skip_due(client, own, deployment)
    return ""


def _others(client: SyncPrefectClient, own: Run, deployment: UUID) -> list[Run]:
    running = _read(client, deployment, StateType.RUNNING)
    since = min(run.due for run in (own, *running))
    ended = _read(
        client,
        deployment,
        *(StateType.COMPLETED, StateType.FAILED),
        start_time=FlowRunFilterStartTime.model_validate({"after_": since}),
    )
    return [run for run in (*running, *ended) if run.id != own.id]


def _read(client: SyncPrefectClient, deployment: UUID, *types: StateType, **filters: Any) -> list[Run]:
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(types))),
            **filters,
        )
    )
    return [_run(run) for run in found]


def _skip_due(client: SyncPrefectClient, own: Run, deployment: UUID) -> None:
    """Skips the nights that were due before this one began, which does their work."""
    before = FlowRunFilterExpectedStartTime.model_validate({"before_": own.began})
    for run in _read(client, deployment, StateType.SCHEDULED, expected_start_time=before):
        if not run.tried:
            client.set_flow_run_state(run.id, skipped(_covered_sentence(run, own)))


def skipped(sentence: str) -> State:
    """The state of a night that is not needed: neither completed nor failed."""
    return Cancelled(name=SKIPPED, message=sentence)


def _run(run: FlowRun) -> Run:
    now = datetime.now(UTC)
    began = run.start_time or now
    ended = run.state_type in (StateType.COMPLETED, StateType.FAILED)
    return Run(run.id, run.expected_start_time or began, began, ended, tried=run.run_count > 0)


def _order(run: Run) -> tuple[datetime, UUID]:
    return run.began, run.id


def _covered_sentence(run: Run, by: Run) -> str:
    return f"The night that began at {_utc(by.began)} does the work of this one, due at {_utc(run.due)}."


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
