"""Every activity a workflow calls: its name, how long it may take, how often it is tried, what the web UI shows."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityHandle

with workflow.unsafe.imports_passed_through():
    from voicehive.autonomy.outcomes.progress import Observation, ObservationBeginning, ObservationReading
    from voicehive.autonomy.outcomes.watch import OutcomeWatch
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
    from voicehive.execution.record import Admission, AdmissionInput, ExecutionClosing, StepResult, StepRun
    from voicehive.optimization.request import (
        CheckpointsKept,
        IslandReport,
        IslandTask,
        MergeTask,
        OptimizationOutcome,
        Preparation,
        PreparationInput,
    )
    from voicehive.reasoning.models import Judgement, Question

FINAL_ERRORS = [
    "ActionRefused",
    "ActionWithdrawn",
    "AnswerUnusable",
    "AutonomyStopped",
    "CompensationConflict",
    "EvaluatorRefused",
    "GateUnanswerable",
    "InvalidArrivals",
    "InvalidCandidate",
    "InvalidCheckpoint",
    "InvalidData",
    "InvalidFormula",
    "InvalidOutcome",
    "PlanInvalid",
    "PolicyInvalid",
    "SafetyViolation",
    "SourceRefused",
    "ValidationError",
    "WatchMismatch",
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
JUDGE_TIMEOUT = timedelta(seconds=30)
HEARTBEAT = timedelta(seconds=5)
OBSERVATION_TIMEOUT = timedelta(minutes=2)
"""How long sources may take to answer, all attempts together."""
BEGINNING_ATTEMPTS = RetryPolicy(
    initial_interval=timedelta(seconds=2), maximum_attempts=4, non_retryable_error_types=FINAL_ERRORS
)
"""Nothing has been changed yet, so it is better to say soon what does not answer."""

SEARCH_ATTEMPTS = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    maximum_interval=timedelta(seconds=10),
    maximum_attempts=20,
    non_retryable_error_types=FINAL_ERRORS,
)
MERGE_TIMEOUT = timedelta(minutes=10)
SEARCH_MARGIN = timedelta(minutes=1)
"""How much longer than its budget a search may take: for its last generation, and for the result."""


def search_queue(task_queue: str) -> str:
    """The task queue beside a worker's own on which islands wait, so that each goes to whoever has a core to spare."""
    return f"{task_queue}-search"


async def optimize(request: DecisionRequest) -> OptimizationSummary:
    """Search, or rank the given candidates, which takes no time; the front goes to the store."""
    if request.candidates is not None:
        what = f"rank {len(request.candidates)} candidates of {request.deployment}"
        return await _store_activity("optimize", request, OptimizationSummary, what)
    return await workflow.execute_activity(
        "optimize",
        request,
        result_type=OptimizationSummary,
        start_to_close_timeout=request.problem.budget.time + SEARCH_MARGIN,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=SEARCH_ATTEMPTS,
        summary=f"search the trade-offs of {request.deployment}",
    )


async def prepare_optimization(asked: PreparationInput) -> Preparation:
    """Look for the answer in the cache, else keep the problem for those who search it."""
    return await _store_activity("prepare_optimization", asked, Preparation, "look into the cache, keep the problem")


def evolve_island(task: IslandTask) -> ActivityHandle[IslandReport]:
    """Start an island's epoch; cancelled, it answers what it has so far."""
    return _search_activity(
        "evolve_island",
        task,
        IslandReport,
        task.budget.time + SEARCH_MARGIN,
        f"island {task.island + 1} of {task.islands}, epoch {task.epoch + 1}: {task.generations} generations",
    )


def merge_islands(task: MergeTask) -> ActivityHandle[OptimizationOutcome]:
    """Start making one result of all islands."""
    what = f"one result of {len(task.checkpoints)} islands"
    return _search_activity("merge_islands", task, OptimizationOutcome, MERGE_TIMEOUT, what)


def search_undivided(task: MergeTask, time: timedelta) -> ActivityHandle[OptimizationOutcome]:
    """Start searching, proving or ranking as a whole."""
    return _search_activity("search_undivided", task, OptimizationOutcome, time + SEARCH_MARGIN, "search as a whole")


async def keep_checkpoints(kept: CheckpointsKept) -> None:
    """Remove what the run no longer needs of what it has in the store."""
    what = f"keep {len(kept.digests)} checkpoints" if kept.digests else "remove the checkpoints"
    await _store_activity("keep_checkpoints", kept, type(None), what)


async def judge(question: Question) -> Judgement:
    """Ask the reasoner. It answers whatever a model does; but what it asked of one has to be on record first."""
    summary = f"judge {len(question.candidates)} candidates"
    return await _store_activity("judge", question, Judgement, summary, JUDGE_TIMEOUT)


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


async def close_execution(closing: ExecutionClosing) -> None:
    """Keep how a plan that was started by hand ended, and give back what it held of budgets."""
    await _store_activity("close_execution", closing, type(None), "record how it ended")


async def record_decision(record: DecisionRecord) -> None:
    """Keep how the decision ended, with every review."""
    await _store_activity("record_decision", record, type(None), "record the outcome")


async def admit(asked: AdmissionInput) -> Admission:
    """Validate a plan as a whole and use up the permission to run it, or assess it anew."""
    return await _store_activity("admit", asked, Admission, f"admit plan {asked.request.plan.name}")


def begin_observation(beginning: ObservationBeginning) -> ActivityHandle[Observation | None]:
    """Start reading what was before the change."""
    return workflow.start_activity(
        "begin_observation",
        beginning,
        result_type=type(None),
        start_to_close_timeout=OBSERVATION_TIMEOUT,
        retry_policy=BEGINNING_ATTEMPTS,
        summary=f"read {_metrics(beginning.watch)} before the change",
    )


def read_outcome(reading: ObservationReading, watch: OutcomeWatch) -> ActivityHandle[Observation | None]:
    """Start a reading, which is given up rather than come long after its time."""
    return workflow.start_activity(
        "read_outcome",
        reading,
        result_type=Observation,
        start_to_close_timeout=OBSERVATION_TIMEOUT,
        schedule_to_close_timeout=max(watch.interval, OBSERVATION_TIMEOUT),
        retry_policy=STORE_RETRY,
        summary=f"reading {reading.number}/{watch.readings} of {_metrics(watch)}",
    )


def _metrics(watch: OutcomeWatch) -> str:
    return ", ".join(metric.name for metric in watch.metrics)[:150]


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


def _search_activity(
    name: str, task: Any, result_type: type[Any], timeout: timedelta, summary: str
) -> ActivityHandle[Any]:
    """Work for a core, which a dead worker leaves undone for at most a heartbeat's timeout."""
    return workflow.start_activity(
        name,
        task,
        task_queue=search_queue(workflow.info().task_queue),
        result_type=result_type,
        start_to_close_timeout=timeout,
        heartbeat_timeout=HEARTBEAT,
        retry_policy=SEARCH_ATTEMPTS,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        summary=summary,
    )


async def _store_activity(
    name: str, argument: Any, result_type: type[Any], summary: str, within: timedelta = STORE_TIMEOUT
) -> Any:
    """A short activity next to the workflow: one hop less than the task queue."""
    return await workflow.execute_local_activity(
        name,
        argument,
        result_type=result_type,
        start_to_close_timeout=within,
        schedule_to_close_timeout=STORE_PATIENCE,
        retry_policy=STORE_RETRY,
        local_retry_threshold=timedelta(seconds=10),
        summary=summary,
    )
