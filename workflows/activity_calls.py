"""Every activity a workflow calls: its name, how long it may take, how often it is tried, what the web UI shows."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityHandle

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.progress import Notification
    from voicehive.autonomy.request import (
        AuthorizationInput,
        DecisionRecord,
        DecisionRequest,
        OptimizationSummary,
        Proposal,
        ProposalInput,
    )
    from voicehive.execution.plan import RetryPolicy as StepRetryPolicy
    from voicehive.execution.record import Admission, AdmissionInput, StepResult, StepRun
    from voicehive.reasoning.models import Judgement, Question

FINAL_ERRORS = [
    "ActionRefused",
    "ActionWithdrawn",
    "CompensationConflict",
    "GateUnanswerable",
    "InvalidArrivals",
    "InvalidCandidate",
    "InvalidOutcome",
    "PlanInvalid",
    "PolicyInvalid",
    "SafetyViolation",
    "ValidationError",
]
"""What no further attempt will change."""

STORE_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=20),
    non_retryable_error_types=FINAL_ERRORS,
)
"""The store is ours and everything waits for it: tried for as long as it takes, within the schedule-to-close bound."""

STORE_TIMEOUT = timedelta(seconds=10)
STORE_PATIENCE = timedelta(hours=24)
HEARTBEAT = timedelta(seconds=5)


async def optimize(request: DecisionRequest) -> OptimizationSummary:
    """Search, or rank the given candidates, which takes no time; the front goes to the store."""
    if request.candidates is not None:
        what = f"rank {len(request.candidates)} candidates of {request.deployment}"
        return await _store_activity("optimize", request, OptimizationSummary, what)
    return await workflow.execute_activity(
        "optimize",
        request,
        result_type=OptimizationSummary,
        start_to_close_timeout=request.problem.budget.time + timedelta(minutes=1),
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RetryPolicy(maximum_attempts=20, non_retryable_error_types=FINAL_ERRORS),
        summary=f"search the trade-offs of {request.deployment}",
    )


async def judge(question: Question) -> Judgement:
    """Ask the reasoner."""
    return await workflow.execute_local_activity(
        "judge",
        question,
        result_type=Judgement,
        start_to_close_timeout=timedelta(seconds=30),
        retry_policy=RetryPolicy(maximum_attempts=3, non_retryable_error_types=FINAL_ERRORS),
        summary=f"judge {len(question.candidates)} candidates",
    )


async def propose(proposal: ProposalInput) -> Proposal:
    """Turn a choice or an edit into a plan and a verdict."""
    return await _store_activity("propose", proposal, Proposal, "propose a plan and assess it")


async def authorize(permission: AuthorizationInput) -> bool:
    """Record that exactly this may run; False if the policy has changed since it was assessed."""
    return await _store_activity("authorize", permission, bool, "record the permission")


async def notify(notification: Notification) -> None:
    """Tell people, once for each key."""
    await workflow.execute_activity(
        "notify",
        notification,
        start_to_close_timeout=timedelta(seconds=15),
        schedule_to_close_timeout=timedelta(minutes=5),
        retry_policy=STORE_RETRY,
        summary=f"{notification.kind}: {', '.join(notification.recipients)}",
    )


async def record_decision(record: DecisionRecord) -> None:
    """Keep how the decision ended, with every review."""
    await _store_activity("record_decision", record, type(None), "record the outcome")


async def admit(asked: AdmissionInput) -> Admission:
    """Validate a plan as a whole and use up the permission to run it, or assess it anew."""
    return await _store_activity("admit", asked, Admission, f"admit plan {asked.request.plan.name}")


def run_step(run: StepRun, summary: str) -> ActivityHandle[StepResult]:
    """Start a step's action; the caller awaits or cancels it."""
    return _step_activity("run_step", run, summary, run.step.timeout, run.step.retry)


def verify_step(run: StepRun, summary: str) -> ActivityHandle[StepResult]:
    """Start a step's verification."""
    return _step_activity("verify_step", run, summary, run.step.timeout, run.step.retry)


def compensate_step(run: StepRun, summary: str) -> ActivityHandle[StepResult]:
    """Start a step's compensation."""
    compensation = run.step.compensation
    assert compensation is not None
    return _step_activity("compensate_step", run, summary, compensation.timeout, compensation.retry)


def _step_activity(
    name: str, run: StepRun, summary: str, timeout: timedelta, retry: StepRetryPolicy
) -> ActivityHandle[StepResult]:
    return workflow.start_activity(
        name,
        run,
        result_type=StepResult,
        start_to_close_timeout=timeout,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=RetryPolicy(
            initial_interval=retry.initial_interval,
            backoff_coefficient=retry.backoff_coefficient,
            maximum_interval=max(retry.maximum_interval, retry.initial_interval),
            maximum_attempts=retry.maximum_attempts,
            non_retryable_error_types=FINAL_ERRORS,
        ),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )


async def _store_activity(name: str, argument: Any, result_type: type[Any], summary: str) -> Any:
    """A short activity next to the workflow: one hop less than the task queue."""
    return await workflow.execute_local_activity(
        name,
        argument,
        result_type=result_type,
        start_to_close_timeout=STORE_TIMEOUT,
        schedule_to_close_timeout=STORE_PATIENCE,
        retry_policy=STORE_RETRY,
        local_retry_threshold=timedelta(seconds=10),
        summary=summary,
    )
