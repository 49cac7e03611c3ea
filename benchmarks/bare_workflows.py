"""The peers of `decision_latency.py`: what Temporal itself costs, with nothing in it."""

from datetime import timedelta

from temporalio import activity, workflow


@activity.defn
async def nothing() -> None:
    """Do nothing."""


@workflow.defn
class EmptyWorkflow:
    """Ends at once."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


@workflow.defn
class FiveActivitiesWorkflow:
    """Five activities, one after another."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing, five times."""
        for _ in range(5):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=10))
