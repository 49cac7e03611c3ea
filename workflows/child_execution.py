"""A decision's plan is carried out by a child workflow, which is told what people say and tells how it stands."""

import asyncio
import json
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.review import ReviewKind
    from voicehive.execution.record import ExecutionRequest, ExecutionResult, ExecutionStatus
    from workflows.execution import WHILE_RUNNING, ExecutionWorkflow
    from workflows.review_desk import COMPENSATION_KINDS, ReviewDesk

AT_A_GATE: frozenset[ReviewKind] = frozenset({"approve", "delegate"})
FORWARDED: frozenset[ReviewKind] = WHILE_RUNNING | COMPENSATION_KINDS | AT_A_GATE


class ChildExecution:
    """The execution that a decision starts, at most once; `status` is how it stood when it last said so."""

    def __init__(self, desk: ReviewDesk) -> None:
        self._desk = desk
        self._child: ChildWorkflowHandle[ExecutionWorkflow, ExecutionResult] | None = None
        self._cancelled = False
        self.status = ExecutionStatus(stage="assessing")

    @property
    def workflow_id(self) -> str | None:
        """The child's; None before there is one."""
        return self._child.id if self._child else None

    async def run(self, request: ExecutionRequest) -> ExecutionResult:
        """Start it and await how it ends.

        Raises:
            ChildWorkflowError: it failed, or was cancelled.
        """
        try:
            result = await self._run(request)
        finally:
            self._desk.allowed = frozenset()
        known = {"steps": result.steps, "reviews": result.reviews, "observation": result.observation}
        self.status = self.status.model_copy(update=known)
        return result

    async def _run(self, request: ExecutionRequest) -> ExecutionResult:
        child = self._child = await workflow.start_child_workflow(
            ExecutionWorkflow.run,
            request,
            id=f"{workflow.info().workflow_id}-execution",
            parent_close_policy=ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{request.plan.name} for {request.deployment}",
        )
        if self._cancelled:
            child.cancel()
        self._desk.allowed = WHILE_RUNNING
        forwarding = asyncio.create_task(self._forward(child))
        try:
            return await child
        finally:
            forwarding.cancel()

    def cancel(self) -> None:
        """Pass a cancellation on, as soon as there is a child."""
        self._cancelled = True
        if self._child is not None:
            self._child.cancel()

    async def _forward(self, child: ChildWorkflowHandle[ExecutionWorkflow, ExecutionResult]) -> None:
        """Hand on what people say about the running plan."""
        while True:
            await workflow.wait_condition(lambda: self._desk.has(*FORWARDED))
            word = self._desk.take(*FORWARDED)
            if word is not None:
                await child.signal(word.kind, word.model_dump(mode="json", exclude={"kind"}, exclude_defaults=True))

    def progress(self, message: Any) -> ExecutionStatus | None:
        """Keep how it says that it stands, and what people may say to it then; None for what is no such message."""
        try:
            status = ExecutionStatus.model_validate_json(json.dumps(message))
        except ValidationError:
            return None
        if self._child is None or status.stage == "closed":
            return None
        self.status = status
        self._desk.parked = set(status.needs_attention)
        self._desk.allowed = WHILE_RUNNING | (AT_A_GATE if status.waiting else frozenset())
        return status
