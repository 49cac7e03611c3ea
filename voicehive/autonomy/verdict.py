"""A verdict, and everything it rests on."""

from typing import Literal, TypeAlias

from pydantic import Field

from voicehive.autonomy.policy import Mode, ReviewRules, Severity
from voicehive.autonomy.trust.in_force import ThresholdInForce
from voicehive.model import Model
from voicehive.storage.allowances import Demand

Verdict: TypeAlias = Literal["execute", "escalate", "reject"]


class Finding(Model):
    """What one rule said, of the decision or of the step named.

    `cause` is set where it could not be evaluated, which counts as a violation.
    """

    step: str = ""
    id: str
    severity: Severity
    holds: bool
    expression: str
    message: str
    cause: str = ""


class Confidence(Model):
    """A number between 0 and 1 with the parts it is made of; `calibrated` says whether outcomes have confirmed it."""

    value: float = Field(ge=0, le=1)
    parts: dict[str, float]
    calibrated: bool = False


class ReviewTerms(Model):
    """Who may decide on a proposal, and how; taken from the policy in force when the verdict was given.

    `rung` is where on the ladder to begin, as the violated rules want it; None is the lowest.
    """

    rules: ReviewRules
    reviewers: dict[str, tuple[str, ...]]
    rung: str | None = None


class Counterfactual(Model):
    """Other facts under which the decision would have run alone: every fact named at the value given, all else equal.

    `at_least` and `at_most` say of which facts any value beyond, the same way, was found to do as well.
    """

    facts: dict[str, float]
    at_least: tuple[str, ...] = ()
    at_most: tuple[str, ...] = ()
    text: str


class DecisionResult(Model):
    """A verdict, with every rule that spoke and every number that counted.

    In the mode `shadow` the verdict says what would have been done; nothing may be done about it. `demand` is what the
    decision takes from the policy's budgets when it runs. `threshold` is what confidence must reach; where the policy
    makes a promise, `in_force` says what outcomes certify and why, and `threshold` is 1 where that is nothing.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    confidence: Confidence
    threshold: float
    policy_digest: str
    review: ReviewTerms
    mode: Mode = "autonomous"
    counterfactuals: tuple[Counterfactual, ...] = ()
    demand: Demand = Demand()
    in_force: ThresholdInForce | None = None

    @property
    def is_shadow(self) -> bool:
        """Whether the verdict is only to be recorded: nobody is asked and nothing is executed."""
        return self.mode == "shadow"

    @property
    def violated(self) -> tuple[Finding, ...]:
        """The rules that do not hold."""
        return tuple(finding for finding in self.findings if not finding.holds)
