"""A decision or an execution as it stands on the server: read once, or followed to its end."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.service import RPCError, RPCStatusCode

from voicehive.autonomy.outcomes.progress import Observation
from voicehive.autonomy.progress import Waiting
from voicehive.autonomy.request import DecisionRequest, DecisionStatus
from voicehive.autonomy.review import RecordedReview
from voicehive.cli.errors import InputInvalid, NothingAnswers
from voicehive.cli.session import Session
from voicehive.execution.record import ExecutionRequest, ExecutionStatus, StepRecord
from voicehive.model import Model
from voicehive.optimization.models import Objective

ANSWER_TIMEOUT = timedelta(seconds=10)
FASTEST_SECONDS = 0.1
SLOWEST_SECONDS = 3.0
SILENCE = frozenset(
    {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.UNAVAILABLE,
     RPCStatusCode.FAILED_PRECONDITION}
)  # fmt: skip
"""How the server answers a query that no worker takes; FAILED_PRECONDITION where none has polled for minutes."""

StatusType = TypeVar("StatusType", DecisionStatus, ExecutionStatus)


class Run(Model):
    """How a run stands. `state` is Temporal's word for it: RUNNING, COMPLETED, FAILED, CANCELED, TERMINATED, TIMED_OUT.

    `execution` is the execution that a decision started, while it runs, or the run itself where it is one;
    `execution_id` names it. `trouble` is why it failed, or why nothing newer is known.
    """

    id: str
    workflow_type: str
    state: str
    url: str | None
    title: str = ""
    requester: str = ""
    note: str = ""
    objectives: tuple[Objective, ...] = ()
    outcome: str | None = None
    reason: str = ""
    trouble: str = ""
    decision: DecisionStatus | None = None
    execution_id: str | None = None
    execution: ExecutionStatus | None = None

    @property
    def stage(self) -> str:
        """The stage it is in; the execution's own while one runs."""
        if self.execution is not None and self.execution.stage != "closed":
            return self.execution.stage
        return self.decision.stage if self.decision else "closed" if self.state != "RUNNING" else "starting"

    @property
    def steps(self) -> tuple[StepRecord, ...]:
        """The plan's steps as far as they are known."""
        if self.execution is not None and self.execution.steps:
            return self.execution.steps
        return self.decision.steps if self.decision else ()

    @property
    def waiting(self) -> tuple[tuple[str, Waiting], ...]:
        """Every open question, with the id that an answer to it is sent to."""
        own = [(self.id, question) for question in self.decision.waiting] if self.decision else []
        execution = self.execution.waiting if self.execution else ()
        return (*own, *((self.execution_id or self.id, question) for question in execution))

    @property
    def observation(self) -> Observation | None:
        """What is observed of the applied plan."""
        if self.execution is not None and self.execution.observation is not None:
            return self.execution.observation
        return self.decision.observation if self.decision else None

    @property
    def reviews(self) -> tuple[RecordedReview, ...]:
        """What people said."""
        status = self.decision or self.execution
        return status.reviews if status else ()


class RunObserver:
    """Reads one run. What was asked does not change, so it is read from the history once."""

    def __init__(self, session: Session, workflow_id: str) -> None:
        self._session = session
        self._id = workflow_id
        self._handle: WorkflowHandle[Any, Any] = session.client.get_workflow_handle(workflow_id)
        self._asked: dict[str, Any] | None = None

    async def observe(self) -> Run:
        """How it stands now.

        Raises:
            InputInvalid: there is no such run, or it is of another kind.
            NothingAnswers: no worker takes the query, or the server does not answer.
        """
        description = await self._description()
        kind, state = description.workflow_type, description.status.name if description.status else "RUNNING"
        if kind not in ("DecisionWorkflow", "ExecutionWorkflow"):
            hint = f"`temporal workflow result --workflow-id {self._id}` waits for its result"
            raise InputInvalid(f"{self._id} runs {kind}, which is neither a decision nor an execution; {hint}")
        if self._asked is None:
            self._asked = await self._read_request(kind)
        found = Run(id=self._id, workflow_type=kind, state=state, url=self._session.link(self._id), **self._asked)
        if state != "RUNNING":
            found = found.model_copy(update=await self._ending())
        try:
            return found.model_copy(update=await self._status(kind))
        except NothingAnswers:
            if state == "RUNNING":
                raise
            return found

    async def follow(self) -> AsyncGenerator[Run]:
        """How it stands, again each time that has changed, until it has ended.

        A worker or a server that falls silent later on is waited for; `trouble` says so.

        Raises:
            InputInvalid: there is no such run.
            NothingAnswers: nothing answered at the first time of asking.
        """
        latest: Run | None = None
        pause = FASTEST_SECONDS
        while latest is None or latest.state == "RUNNING":
            try:
                found = await self.observe()
            except NothingAnswers as error:
                if latest is None:
                    raise
                found = latest.model_copy(update={"trouble": f"{error}; still waiting"})
            if found == latest:
                pause = min(1.5 * pause, SLOWEST_SECONDS)
            else:
                pause, latest = FASTEST_SECONDS, found
                yield found
            await asyncio.sleep(pause if found.state == "RUNNING" else 0)

    async def _description(self) -> WorkflowExecutionDescription:
        try:
            return await self._handle.describe(rpc_timeout=ANSWER_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise InputInvalid(f"there is no run {self._id}: `voicehive list` shows those there are") from None
            if error.status in SILENCE:
                raise NothingAnswers(f"the Temporal server does not answer ({error.message})") from None
            raise

    async def _read_request(self, kind: str) -> dict[str, Any]:
        """What was asked, from the first event; nothing where it did not fit, for then the run's failure says why."""
        model = DecisionRequest if kind == "DecisionWorkflow" else ExecutionRequest
        async for event in self._handle.fetch_history_events(page_size=1):
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            try:
                (request,) = await self._session.client.data_converter.decode(payloads, [model])
            except (ApplicationError, ValueError):
                return {}
            asked = {"requester": request.requester}
            if isinstance(request, ExecutionRequest):
                return {**asked, "title": f"{request.plan.name} for {request.deployment}"}
            title = f"{request.kind} decision for {request.deployment}"
            return {**asked, "title": title, "note": request.note, "objectives": request.problem.objectives}
        return {}

    async def _ending(self) -> dict[str, Any]:
        try:
            result = await self._handle.result(follow_runs=False, rpc_timeout=ANSWER_TIMEOUT)
        except WorkflowFailureError as error:
            return {"trouble": failure_of(error)}
        return {"outcome": result["outcome"], "reason": result["reason"]}

    async def _status(self, kind: str) -> dict[str, Any]:
        if kind == "ExecutionWorkflow":
            return {"execution": await self._query(self._handle, ExecutionStatus), "execution_id": self._id}
        decision = await self._query(self._handle, DecisionStatus)
        if decision is None or decision.execution is None or decision.stage == "closed":
            return {"decision": decision, "execution_id": decision.execution if decision else None}
        handle = self._session.client.get_workflow_handle(decision.execution)
        execution = await self._query(handle, ExecutionStatus)
        return {"decision": decision, "execution_id": decision.execution, "execution": execution}

    async def _query(self, handle: WorkflowHandle[Any, Any], model: type[StatusType]) -> StatusType | None:
        """The status; None where the run failed before it could have one."""
        try:
            return await handle.query("status", result_type=model, rpc_timeout=ANSWER_TIMEOUT)
        except WorkflowQueryFailedError:
            return None
        except RPCError as error:
            if error.status in SILENCE:
                raise NothingAnswers(no_worker(self._session)) from None
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise


def no_worker(session: Session) -> str:
    """What to say where the server is there but nobody works for it."""
    return f"no worker answers on task queue {session.settings.task_queue!r}: start one with `voicehive worker`"


def failure_of(error: BaseException) -> str:
    """The innermost cause's own words."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error.message if isinstance(error, FailureError) else str(error)
