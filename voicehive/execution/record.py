"""What is asked of an execution, and what became of each step."""

from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from voicehive.autonomy.authorization import Authorization
from voicehive.autonomy.outcomes.progress import Observation, RunWatch
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.autonomy.progress import Stage, Waiting
from voicehive.autonomy.review import RecordedReview
from voicehive.autonomy.verdict import DecisionResult, Verdict
from voicehive.execution.plan import ExecutionPlan, Step
from voicehive.model import Identifier, Model

StepState: TypeAlias = Literal[
    "pending",
    "waiting_for_people",
    "running",
    "applied",
    "failed",
    "not_started",
    "compensating",
    "compensated",
    "needs_attention",
    "skipped",
    "done_by_hand",
]

ExecutionOutcome: TypeAlias = Literal["applied", "rolled_back", "rejected"]


class StepRecord(Model):
    """One step's state; `detail` says why it failed, or what its compensation found.

    `observation` is how the watch of a canary's stage stands.
    """

    name: str
    summary: str
    state: StepState
    detail: str = ""
    result: dict[str, JsonValue] | None = None
    observation: Observation | None = None


class ExecutionRequest(Model):
    """A plan to execute; the argument of `ExecutionWorkflow`.

    `kind` is the decision's kind where a decision started it. Naming one by hand gains nothing: unless exactly this
    was permitted before, the plan is assessed anew, as kind `plan`. `watch` is observed once every step is applied, and
    a bad outcome is undone.
    """

    tenant: Identifier = "default"
    deployment: str = Field(min_length=1, max_length=200)
    requester: str = Field(min_length=1, max_length=200)
    plan: ExecutionPlan
    kind: str = "plan"
    constraints: tuple[SafetyConstraint, ...] = ()
    watch: RunWatch | None = None


class ExecutionResult(Model):
    """How an execution ended: all steps applied, all undone, or nothing started; with what was said and observed.

    `observation` is that of the request's watch, or the one of a canary's stage that was bad.
    """

    outcome: ExecutionOutcome
    reason: str
    steps: tuple[StepRecord, ...]
    reviews: tuple[RecordedReview, ...] = ()
    observation: Observation | None = None


class AdmissionInput(Model):
    """A plan that asks to start; `decision` is the run that started it (workflow and run id), as the server says."""

    request: ExecutionRequest
    decision: str | None


class Admission(Model):
    """Whether a plan may start. `result` holds the verdict where it was assessed anew, because nobody had permitted it.

    `approved_under` is the digest of the policy under which people approved it; None where nobody was asked.
    """

    verdict: Verdict
    digest: str
    authorization: Authorization
    result: DecisionResult
    approved_under: str | None


class ExecutionClosing(Model):
    """A plan that was started by hand has ended."""

    tenant: str
    deployment: str
    requester: str
    result: ExecutionResult


class StepRun(Model):
    """One step, as its activity is asked to run, verify or undo it.

    `undone_next` is what undoing a canary's next stage answered, where there is one.
    """

    tenant: str
    deployment: str
    kind: str
    key: str
    owner: str
    step: Step
    constraints: tuple[SafetyConstraint, ...]
    approved_under: str | None
    result: dict[str, JsonValue] | None = None
    undone_next: dict[str, JsonValue] | None = None


class StepResult(Model):
    """What an action answered; small, for it stays in the workflow's history."""

    result: dict[str, JsonValue]
    detail: str = ""


class ExecutionStatus(Model):
    """How an execution stands: what the query `status` answers."""

    stage: Stage
    outcome: ExecutionOutcome | None = None
    reason: str = ""
    paused: bool = False
    admission: DecisionResult | None = None
    steps: tuple[StepRecord, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    needs_attention: tuple[str, ...] = ()
    reviews: tuple[RecordedReview, ...] = ()
    malformed: tuple[str, ...] = ()
    observation: Observation | None = None
