"""A verdict, and everything it rests on."""

from typing import Literal, TypeAlias

from pydantic import Field

from voicehive.autonomy.policy import Mode, ReviewRules, Severity
from voicehive.autonomy.trust.in_force import ThresholdInForce
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.model import Model
from voicehive.storage.allowances import Demand

Verdict: TypeAlias = Literal["execute", "escalate", "reject"]


class Finding(Model):
    """What one rule said, of the decision or of the step named.

    `cause` is set where it could not be evaluated, which counts as a violation. `message` has its facts filled in where
    the rule is violated; where it holds there is nothing to tell, and the message stands as the policy has it.
    """

    step: str = ""
    id: str
    severity: Severity
    holds: bool
    expression: str
    message: str
    cause: str = ""


class Confidence(Model):
    """A number between 0 and 1 with the parts it is made of; `calibrated` says whether outcomes have confirmed it.

    `reasoning` shows what the part of that name is the product of: agreement, doubt, remarks. These count only in it,
    so that no doubt counts twice, and the parts that outcomes are measured for stay the same whoever reasoned.
    """

    value: float = Field(ge=0, le=1)
    parts: dict[str, float]
    calibrated: bool = False
    reasoning: dict[str, float] = {}


class Assurance(Model):
    """How sure a decision is, and how sure it has to be to run alone; `promise` is what both were measured for, if any.

    Kept with the facts of a verdict, so that another policy with the same promise can be asked about the same.
    """

    confidence: Confidence
    in_force: ThresholdInForce
    promise: RiskPromise | None = None


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

    `findings` are what rules object to. Those asked that hold are named in `held`, by the step they were asked of ("":
    of the decision as a whole): with a thousand rules, whole findings would fill the history of every run.

    In the mode `shadow` the verdict says what would have been done; nothing may be done about it. `demand` is what the
    decision takes from the policy's budgets when it runs. `threshold` is what confidence must reach; where the policy
    makes a promise, `in_force` says what outcomes certify and why, and `threshold` is 1 where that is nothing.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    held: dict[str, tuple[str, ...]] = {}
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
        """The rules that do not hold; `findings` of verdicts kept from before `held` have the others too."""
        return tuple(finding for finding in self.findings if not finding.holds)

    @property
    def checks_held(self) -> int:
        """How many checks hold, of the decision and of its steps."""
        return sum(map(len, self.held.values()))
