"""Workflows whose inputs are models, in a module of their own because the sandbox imports it again."""

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

from voicehive.model import Model


class Bound(Model):
    name: str
    low: float


class Problem(Model):
    parameters: tuple[Bound, ...]


class Request(Model):
    problem: Problem


@activity.defn
async def name_of(bound: Bound) -> str:
    return bound.name


@workflow.defn
class NamesWorkflow:
    @workflow.run
    async def run(self, request: Request) -> list[str]:
        return [
            await workflow.execute_activity(name_of, bound, start_to_close_timeout=timedelta(seconds=5))
            for bound in request.problem.parameters
        ]


@workflow.defn
class WrongActivityInputWorkflow:
    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(
            "name_of",
            {"name": 1},
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@workflow.defn
class SleepWorkflow:
    @workflow.run
    async def run(self, duration: timedelta) -> timedelta:
        began = workflow.now()
        await workflow.sleep(duration)
        return workflow.now() - began
