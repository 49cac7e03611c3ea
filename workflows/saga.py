"""The saga: steps run as their dependencies allow; if anything goes wrong, what was begun is undone in reverse.

Garcia-Molina and Salem, "Sagas", SIGMOD 1987, over a graph instead of a sequence. A step's compensation is armed
before the step starts, because one that died midway may have happened.
"""

import asyncio
from datetime import timedelta
from graphlib import TopologicalSorter
from typing import Any

from pydantic import JsonValue, TypeAdapter
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.workflow import ActivityHandle

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.outcomes.progress import Observation
    from voicehive.execution.plan import Step, in_stages
    from voicehive.execution.record import ExecutionRequest, StepRecord, StepResult
    from workflows import activity_calls
    from workflows.canary import CanaryWatch
    from workflows.failures import reason_of
    from workflows.supervision import Supervision

DURATION = TypeAdapter(timedelta)


class Saga:
    """A plan on its way: forward until every step is applied or a stop is asked for, then backward if it was."""

    def __init__(self, request: ExecutionRequest, supervision: Supervision) -> None:
        self._supervision = supervision
        self._stop = supervision.stop
        self.canaries = CanaryWatch(request, supervision)
        steps = in_stages(request.plan.steps)
        dependencies = {step.name: step.depends_on for step in steps}
        order = list(TopologicalSorter(dependencies).static_order())
        position = {step.name: index for index, step in enumerate(steps)}
        self._order = [steps[position[name]] for name in order]
        self._count = len(order)
        self._number = {name: index + 1 for name, index in position.items()}
        self._undone: dict[str, dict[str, JsonValue]] = {}
        self.records = {
            step.name: StepRecord(name=step.name, summary=describe(step), state="pending") for step in steps
        }

    async def forward(self) -> None:
        """Run every step, independent ones side by side; returns when all have ended, one way or another."""
        tasks: dict[str, asyncio.Task[None]] = {}
        for step in self._order:
            awaited = [tasks[name] for name in step.depends_on]
            tasks[step.name] = asyncio.create_task(self._run_after(step, awaited))
        await asyncio.gather(*tasks.values())

    async def backward(self) -> None:
        """Undo every step that was begun, each after all the steps that depend on it."""
        tasks: dict[str, asyncio.Task[None]] = {}
        for step in reversed(self._order):
            awaited = [tasks[other.name] for other in self._order if step.name in other.depends_on]
            tasks[step.name] = asyncio.create_task(self._undo_after(step, awaited))
        await asyncio.gather(*tasks.values())

    async def _run_after(self, step: Step, dependencies: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*dependencies)
        await workflow.wait_condition(lambda: self._stop.requested or not self._supervision.paused)
        if step.gate is not None and not self._stop.requested:
            self._mark(step, "waiting_for_people", step.gate.reason)
            if refusal := await self._supervision.refused_at_gate(step):
                self._stop.request(f"step {step.name!r} was not permitted: {refusal}")
            await workflow.wait_condition(lambda: self._stop.requested or not self._supervision.paused)
        if not self._stop.requested:
            await self.canaries.begin(step)
        if self._stop.requested:
            self._mark(step, "not_started")
            return
        self._mark(step, "running")
        try:
            answer = await self._permitted(step)
        except (FailureError, asyncio.CancelledError) as error:
            self._mark(step, "failed", reason_of(error))
            self._stop.request(f"step {step.name!r} failed: {reason_of(error)}")
        else:
            self._mark(step, "applied", answer.detail, answer.result)
            await self.canaries.watch(step, lambda observation: self._observed(step, observation))

    async def _permitted(self, step: Step) -> StepResult:
        """Perform it, as soon as no kill switch is on and people let the plan go on."""
        if step.action == "wait":
            await self._wait(step)
        while True:
            try:
                return await self._perform(step)
            except ActivityError as error:
                if not _is_stopped(error):
                    raise
                self._mark(step, "pending", reason_of(error))
            await self._supervision.hold()
            if self._stop.requested:
                raise asyncio.CancelledError("stopped while autonomous work was")
            self._mark(step, "running")

    async def _perform(self, step: Step) -> StepResult:
        run = self._supervision.step_run(step)
        answer = await self._attended(activity_calls.run_step(run, self._title("step", step)))
        if step.verification is not None:
            self._mark(step, "running", result=answer.result)
            run = self._supervision.step_run(step, answer.result)
            await self._attended(activity_calls.verify_step(run, self._title("verify step", step)))
        return answer

    async def _attended(self, activity: ActivityHandle[StepResult]) -> StepResult:
        """Await an activity, which is cancelled when a stop is asked for.

        It is not tried again then; an attempt under way ends at once or finishes, as its step declares.
        """
        await workflow.wait_condition(lambda: activity.done() or self._stop.requested)
        if not activity.done():
            activity.cancel()
        return await activity

    async def _wait(self, step: Step) -> None:
        """A durable timer instead of an activity: it holds no worker, for however long."""
        duration = DURATION.validate_python(step.arguments["duration"])
        try:
            await workflow.wait_condition(
                lambda: self._stop.requested, timeout=duration, timeout_summary=self._title("step", step)
            )
        except TimeoutError:
            return
        raise asyncio.CancelledError("stopped while waiting")

    async def _undo_after(self, step: Step, dependents: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*dependents)
        record = self.records[step.name]
        if step.compensation is None or record.state not in ("applied", "failed"):
            return
        while True:
            self._mark(step, "compensating", record.detail)
            undone_next = self._undone.get(self.canaries.stage_after(step) or "")
            run = self._supervision.step_run(step, record.result, undone_next)
            try:
                answer = await activity_calls.compensate_step(run, self._title("undo step", step))
            except FailureError as error:
                self._mark(step, "needs_attention", reason_of(error))
            else:
                self._undone[step.name] = answer.result
                self._mark(step, "compensated", answer.detail)
                return
            word = await self._supervision.attend(step)
            if word.kind != "retry":
                said = f"{word.reviewer}: {word.reason}" if word.reason else word.reviewer
                self._mark(step, "skipped" if word.kind == "skip" else "done_by_hand", said)
                return

    def _title(self, verb: str, step: Step) -> str:
        return f"{verb} {self._number[step.name]}/{self._count} {describe(step)}"[:200]

    def _mark(self, step: Step, state: Any, detail: str = "", result: dict[str, JsonValue] | None = None) -> None:
        record = self.records[step.name]
        kept = record.result if result is None else result
        self.records[step.name] = record.model_copy(update={"state": state, "detail": detail, "result": kept})
        self._supervision.show()

    def _observed(self, step: Step, observation: Observation) -> None:
        seen = {"detail": observation.in_words(), "observation": observation}
        self.records[step.name] = self.records[step.name].model_copy(update=seen)
        self._supervision.show()


def describe(step: Step) -> str:
    """The step in a few words."""
    return f"{step.action} {step.summary or step.name}"


def _is_stopped(error: ActivityError) -> bool:
    return isinstance(error.cause, ApplicationError) and error.cause.type == "AutonomyStopped"
