"""A verdict, and everything it rests on."""

from typing import Literal, TypeAlias

from pydantic import Field

from voicehive.autonomy.policy import ReviewRules, Severity
from voicehive.model import Model

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
    """Who may decide on a proposal, and how; taken from the policy in force when the verdict was given."""

    rules: ReviewRules
    reviewers: dict[str, tuple[str, ...]]


class DecisionResult(Model):
    """A verdict, with every rule that spoke and every number that counted."""

    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    confidence: Confidence
    threshold: float
    policy_digest: str
    review: ReviewTerms

    @property
    def violated(self) -> tuple[Finding, ...]:
        """The rules that do not hold."""
        return tuple(finding for finding in self.findings if not finding.holds)
