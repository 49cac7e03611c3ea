"""What a decision is asked, and how it stands and ends."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue, model_validator

from voicehive.autonomy.authorization import Authorization
from voicehive.autonomy.outcomes.progress import Observation, RunWatch
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.autonomy.progress import Stage, Waiting
from voicehive.autonomy.review import RecordedReview
from voicehive.autonomy.trust.outcome import AssessedCase
from voicehive.autonomy.verdict import DecisionResult, Verdict
from voicehive.execution.changes import SettingChange, plan_changes
from voicehive.execution.plan import ExecutionPlan, Step
from voicehive.execution.record import StepRecord
from voicehive.model import Identifier, Model
from voicehive.optimization.models import Solution
from voicehive.optimization.parameter import Settings
from voicehive.optimization.problem import Problem
from voicehive.reasoning.models import Judgement, Share
from voicehive.storage.allowances import Demand

Outcome: TypeAlias = Literal["executed", "rolled_back", "rejected", "unchanged", "failed"]


class ExecutionOptions(Model):
    """How a chosen solution is put into effect: one `parameter.set` a changed setting, then the steps in `afterwards`.

    One setting after another where `one_at_a_time`, else side by side.
    """

    one_at_a_time: bool = True
    afterwards: tuple[Step, ...] = ()


class DecisionRequest(Model):
    """A decision to take.

    With `candidates`, only these are compared and nothing is searched. `constraints` add to the tenant's policy.
    `default` are the settings taken if nobody answers, where the policy's ladder ends so. `watch` is observed once the
    settings are in effect; a bad outcome is undone.
    """

    kind: Identifier
    tenant: Identifier = "default"
    deployment: Identifier
    requester: str = Field(min_length=1, max_length=200)
    problem: Problem
    candidates: Annotated[tuple[Settings, ...], Field(min_length=1, max_length=1_000)] | None = None
    execution: ExecutionOptions = ExecutionOptions()
    constraints: tuple[SafetyConstraint, ...] = ()
    default: Settings | None = None
    note: str = Field(default="", max_length=2_000)
    watch: RunWatch | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "DecisionRequest":
        names = {parameter.name for parameter in self.problem.parameters}
        if self.default is not None and (odd := names.symmetric_difference(self.default)):
            raise ValueError(f"default must give every parameter and nothing else; check {', '.join(sorted(odd))}")
        every = tuple(SettingChange(name=name, earlier=None, value=None, version=0) for name in names)
        plan_changes("all", every, self.execution.one_at_a_time, self.execution.afterwards)
        return self


class OptimizationSummary(Model):
    """What a search found, small enough for a workflow's history; the front itself is in the store under `result`."""

    result: str
    algorithm: str
    front_size: int
    evaluations: int
    hypervolume: float
    duration_seconds: float
    feasible: bool
    reasons: tuple[str, ...]
    current: Solution
    candidates: tuple[Solution, ...]
    recommended: int


class Proposal(Model):
    """Exactly what would run, and the verdict on it; `digest` names the plan, its arguments and the policy.

    `plan` is None where the chosen settings are today's. `case` is what the verdict rested on, to be kept if this is
    what runs, or what the decision ends with.
    """

    solution: Solution
    plan: ExecutionPlan | None
    result: DecisionResult
    digest: str
    case: AssessedCase | None = None


class ProposalRecord(Model):
    """A proposal as it was laid before people, and how it ended."""

    digest: str
    settings: Settings
    ended: Literal["open", "approved", "rejected", "superseded", "expired", "voided"]
    authors: tuple[str, ...]


class DecisionStatus(Model):
    """How a decision stands: what the query `status` answers."""

    stage: Stage
    outcome: Outcome | None = None
    reason: str = ""
    summary: OptimizationSummary | None = None
    judgement: Judgement | None = None
    result: DecisionResult | None = None
    solution: Solution | None = None
    proposals: tuple[ProposalRecord, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    execution: str | None = None
    steps: tuple[StepRecord, ...] = ()
    needs_attention: tuple[str, ...] = ()
    reviews: tuple[RecordedReview, ...] = ()
    malformed: tuple[str, ...] = ()
    observation: Observation | None = None


class DecisionOutcome(Model):
    """How a decision ended; the result of `DecisionWorkflow`."""

    outcome: Outcome
    reason: str
    verdict: Verdict | None
    settings: Settings
    steps: tuple[StepRecord, ...]
    reviews: tuple[RecordedReview, ...]
    observation: Observation | None = None


class ProposalInput(Model):
    """What a proposal is made from: the search's result, and either the judged choice or a person's edit.

    `reasoning` are the parts that `reasoner_confidence` is the product of.
    """

    tenant: str
    deployment: str
    kind: str
    requester: str
    summary: OptimizationSummary
    execution: ExecutionOptions
    constraints: tuple[SafetyConstraint, ...]
    reasoner_confidence: float
    reasoning: dict[Identifier, Share] = {}
    solution: int | None = None
    settings: Settings = {}
    arguments: dict[str, dict[str, JsonValue]] = {}


class AuthorizationInput(Model):
    """A proposal that may run, and the reviews that let it; none where it runs alone.

    `holder` is the run that asks, by its workflow and run id: only it, or its child, can use the permission.
    `demand` is what it takes from the policy's budgets.
    """

    tenant: str
    decision_id: str
    holder: str
    authorization: Authorization
    reviews: tuple[RecordedReview, ...]
    demand: Demand = Demand()
    case: AssessedCase | None = None


class DecisionRecord(Model):
    """A decision for the store, at its end; `case` is what it ended with where it was never permitted to run."""

    tenant: str
    decision_id: str
    kind: str
    deployment: str
    requester: str
    started_at: datetime
    closed_at: datetime
    outcome: DecisionOutcome
    case: AssessedCase | None = None
