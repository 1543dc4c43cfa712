"""A night whose process was killed says nothing any more: a Prefect automation notices and marks it crashed.

Without it such a run stays `Running` for ever. The data root's locks went with the process, so the next night
runs in any case; what is kept right here is what Prefect shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

AUTOMATION = "lookalike: nights that fell silent"
SILENCE = timedelta(seconds=120)
"""Four of the heartbeats that `flows.prefect_environment` asks for; fewer than three mistook busy nights."""

HEARTBEAT = "prefect.flow-run.heartbeat"
ENDS = ("Completed", "Failed", "Cancelled", "Crashed")


def watch_heartbeats(client: SyncPrefectClient, flows: Sequence[str]) -> None:
    """Creates the automation, or brings it up to date.

    :param flows: names of the flows to watch; runs of others on the same server are left alone.
    """
    automation = AutomationCore(
        name=AUTOMATION,
        description="Marks a night as crashed when its process is gone. Made by `lookalike deploy`.",
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
            within=SILENCE,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, name=None, message="The process of this night is gone.", force=False
            )
        ],
    )
    known = client.read_automations_by_name(AUTOMATION)
    if known:
        client.update_automation(known[0].id, automation)
    else:
        client.create_automation(automation)
