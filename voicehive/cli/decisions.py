"""Starts decisions, follows them, shows them, lists them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from temporalio.client import WorkflowExecution
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from voicehive.autonomy.progress import Stage
from voicehive.autonomy.request import DecisionRequest
from voicehive.autonomy.rules import RuleBook
from voicehive.cli import rendering
from voicehive.cli.errors import InputInvalid
from voicehive.cli.exit_codes import ExitCode, of_outcome
from voicehive.cli.input_files import read_model
from voicehive.cli.narration import Narrator
from voicehive.cli.output import Output
from voicehive.cli.runs import ANSWER_TIMEOUT, Run, RunObserver
from voicehive.cli.session import Session, open_session
from voicehive.execution.changes import SettingChange, plan_changes
from voicehive.execution.registry import ActionRegistry
from workflows.search_attributes import CONFIDENCE, REVIEWER, STAGE, TENANT, VERDICT

LONG_ID = 42
"""Ids up to this length are never broken in a table, because people copy them."""


def read_request(path: Path) -> DecisionRequest:
    """Read a decision request whole: its CSV inlined, its rules compiled, its further steps known to the registry.

    Raises:
        InputInvalid: a field does not fit.
        InvalidArrivals: the CSV cannot be used.
        PolicyInvalid: a constraint cannot be compiled.
        PlanInvalid: a step of `execution.afterwards` cannot run as written.
    """
    request = read_model(path, DecisionRequest)
    request = request.model_copy(update={"problem": request.problem.with_data(path.parent)})
    RuleBook(request.constraints)
    changes = tuple(
        SettingChange(name=name, earlier=setting, value=setting, version=0)
        for name, setting in request.problem.current.items()
    )
    options = request.execution
    ActionRegistry.load().validate(plan_changes("every setting", changes, options.one_at_a_time, options.afterwards))
    return request


def new_id(request: DecisionRequest) -> str:
    """An id that says what is decided, where and when."""
    return f"{request.kind}-{request.deployment}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3]


async def start(session: Session, request: DecisionRequest, workflow_id: str) -> str:
    """Start the decision; returns its run id.

    Raises:
        InputInvalid: the id is taken; an id names one decision for good.
    """
    try:
        handle = await session.client.start_workflow(
            "DecisionWorkflow",
            request,
            id=workflow_id,
            task_queue=session.settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{request.kind} decision for {request.deployment}",
            rpc_timeout=ANSWER_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        raise InputInvalid(
            f"--id {workflow_id}: this decision exists; `voicehive status {workflow_id}` shows it, "
            "or give another id for another decision"
        ) from None
    return handle.first_execution_run_id or ""


async def decide(output: Output, path: Path, workflow_id: str | None, wait: bool) -> ExitCode:
    """Start a decision and say how to follow it, or follow it to its end."""
    request = read_request(path)
    session = await open_session()
    workflow_id = workflow_id or new_id(request)
    run_id = await start(session, request, workflow_id)
    output.console.print(f"started {workflow_id}: {request.kind} decision for {request.deployment}", soft_wrap=True)
    if link := session.link(workflow_id):
        output.console.print(f"in the web UI: {link}", soft_wrap=True)
    if not wait:
        output.console.print(f"follow it with: voicehive status {workflow_id}", soft_wrap=True)
        output.document({"id": workflow_id, "run_id": run_id, "url": link})
        return ExitCode.DONE
    run = await follow(session, workflow_id, Narrator(output.console))
    output.document(run)
    return of_outcome(run.outcome)


async def follow(
    session: Session, workflow_id: str, narrator: Narrator, *, until: Callable[[Run], bool] = lambda _: False
) -> Run:
    """Tell a run to its end, or until it stands as wanted."""
    run: Run | None = None
    async for run in RunObserver(session, workflow_id).follow():
        narrator.tell(run)
        if until(run):
            break
    assert run is not None
    return run


async def status(output: Output, workflow_id: str) -> ExitCode:
    """Show how a decision or an execution stands."""
    session = await open_session()
    run = await RunObserver(session, workflow_id).observe()
    output.console.print(f"{run.id}: {run.title or run.workflow_type}", style="bold", soft_wrap=True)
    asked = f", asked by {run.requester}" if run.requester else ""
    output.console.print(f"{rendering.words(run.stage)} ({run.state.lower()}){asked}")
    if run.note:
        output.console.print(run.note, style="italic")
    Narrator(output.console).tell(run)
    if run.url:
        output.console.print(f"in the web UI: {run.url}", soft_wrap=True)
    output.document(run)
    return ExitCode.DONE


async def list_runs(output: Output, tenant: str | None, stage: str | None, limit: int) -> ExitCode:
    """List decisions, and executions that no decision started, the newest first."""
    if stage is not None and stage not in get_args(Stage):
        raise InputInvalid(f"--stage {stage}: use one of {', '.join(get_args(Stage))}")
    if tenant is not None and ("'" in tenant or "\\" in tenant):
        raise InputInvalid(f"--tenant {tenant}: a tenant's name has no quotes and no backslashes")
    query = "WorkflowType IN ('DecisionWorkflow', 'ExecutionWorkflow') AND ParentWorkflowId IS NULL"
    for key, wanted in ((TENANT, tenant), (STAGE, stage)):
        query += f" AND {key.name} = '{wanted}'" if wanted is not None else ""
    session = await open_session()
    found = [each async for each in session.client.list_workflows(query, limit=limit)]
    output.document({"runs": [_listed(each) for each in found]})
    shown = rendering.table("id", "started", "stage", "verdict", "asked")
    shown.columns[0].min_width = min(LONG_ID, max((len(each.id) for each in found), default=0))
    for each in found:
        row = _listed(each)
        stage_or_state = row["stage"] if row["state"] == "RUNNING" else row["state"].lower()
        asked = ", ".join(row["reviewers"])
        shown.add_row(
            each.id, f"{each.start_time:%m-%d %H:%M}", rendering.words(stage_or_state or ""), row["verdict"], asked
        )
    output.console.print(shown if found else "no decisions or executions yet: start one with `voicehive decide FILE`")
    return ExitCode.DONE


def _listed(run: WorkflowExecution) -> dict[str, Any]:
    attributes = run.typed_search_attributes
    return {
        "id": run.id,
        "workflow_type": run.workflow_type,
        "state": run.status.name if run.status else "RUNNING",
        "started_at": run.start_time.isoformat(),
        "tenant": attributes.get(TENANT),
        "stage": attributes.get(STAGE),
        "verdict": attributes.get(VERDICT),
        "confidence": attributes.get(CONFIDENCE),
        "reviewers": list(attributes.get(REVIEWER) or ()),
    }
