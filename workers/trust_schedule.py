"""The Temporal Schedule by which the trust in a tenant's decisions is measured again."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from voicehive.autonomy.trust_measurement import MeasurementRequest
from workflows.trust_measurement import TrustMeasurementWorkflow

LONGEST_JITTER = timedelta(minutes=30)


def schedule_id(tenant: str) -> str:
    """The schedule's name, one for each tenant."""
    return f"trust-measurement-{tenant}"


def trust_schedule(tenant: str, every: timedelta, task_queue: str) -> Schedule:
    """Measure once in every period, at a moment a little apart from that of other tenants.

    Never two at once, and of what a server that was away has missed at most the last one is caught up with: an older
    measurement would say nothing that the next does not.
    """
    return Schedule(
        action=ScheduleActionStartWorkflow(
            TrustMeasurementWorkflow.run,
            MeasurementRequest(tenant=tenant),
            id=schedule_id(tenant),
            task_queue=task_queue,
            static_summary=f"measure trust of tenant {tenant}",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)], jitter=min(every / 10, LONGEST_JITTER)),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every),
        state=ScheduleState(note=f"voicehive trust schedule: measures the trust in decisions of tenant {tenant}"),
    )


async def put_trust_schedule(client: Client, tenant: str, every: timedelta, task_queue: str) -> bool:
    """Create the schedule, or give the one that is there this shape; returns whether it is new.

    A schedule that somebody paused stays paused.
    """
    wanted = trust_schedule(tenant, every, task_queue)

    def updated(found: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = found.description.schedule.state
        return ScheduleUpdate(wanted)

    try:
        await client.create_schedule(schedule_id(tenant), wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(schedule_id(tenant)).update(updated)
        return False
    return True


async def remove_trust_schedule(client: Client, tenant: str) -> bool:
    """Remove the schedule; returns whether there was one. What it has started goes on."""
    try:
        await client.get_schedule_handle(schedule_id(tenant)).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
