"""Cases beside a policy: a context each, and the verdict and the rules that must speak."""

import json
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from voicehive.autonomy.context import DecisionContext, StepContext
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.freezes import thawed_at
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.standing import Standing
from voicehive.autonomy.trust.in_force import ThresholdInForce
from voicehive.autonomy.trust.outcome import Share
from voicehive.autonomy.verdict import Assurance, Verdict
from voicehive.model import Model
from voicehive.storage.allowances import Shortage, Stop, Strictness

SOMEWHERE: dict[str, JsonValue] = {
    "tenant": "default",
    "deployment": "deployment",
    "kind": "decision",
    "requester": "somebody",
    "preference": 1.0,
    "reasoner_confidence": 1.0,
}
_SOMETIME = datetime(2026, 1, 1, tzinfo=UTC)


class PolicyCase(Model):
    """A decision as it might come, and what must be said of it.

    `context` and each of `steps` hold the fields of `DecisionContext` and `StepContext` that matter; `speaks`, where
    given, are all the rules that must be violated, budgets and freezes included. `at` is when (a moment outside every
    freeze without it), `short` the budgets and limits that are used up, `stopped` whether the kill switch is on.
    Under a policy that makes a promise, `trust` is the threshold that outcomes certify; without it none is, and nothing
    runs alone. `preference` and `reasoner_confidence` are 1 where the context does not give them.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    context: dict[str, JsonValue] = {}
    steps: tuple[dict[str, JsonValue], ...] = ()
    at: AwareDatetime | None = None
    short: tuple[str, ...] = ()
    stopped: bool = False
    trust: Share | None = None
    expect: Verdict
    speaks: tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _facts_fit(self) -> "PolicyCase":
        _ = self.decision, self.step_contexts
        return self

    @property
    def decision(self) -> DecisionContext:
        """The facts of the decision."""
        return DecisionContext.model_validate_json(json.dumps({**SOMEWHERE, **self.context}))

    @property
    def step_contexts(self) -> tuple[StepContext, ...]:
        """The facts of its steps, which are the decision's where they do not say otherwise."""
        decision = self.decision
        return tuple(
            StepContext.model_validate_json(
                json.dumps(
                    {
                        "tenant": decision.tenant,
                        "deployment": decision.deployment,
                        "kind": decision.kind,
                        "step": f"step-{number}",
                        "action": "parameter.set",
                        "arguments": {},
                        **step,
                    }
                )
            )
            for number, step in enumerate(self.steps, start=1)
        )

    def standing(self, policy: Policy) -> Standing:
        """How the tenant stands in this case."""
        at = self.at or thawed_at(policy.freezes, _SOMETIME) or _SOMETIME
        severities: dict[str, Strictness] = {rule.id: rule.severity for rule in (*policy.budgets, *policy.concurrency)}
        return Standing(
            at=at,
            stops=(Stop(everywhere=False, author="somebody", reason="a case", at=at),) if self.stopped else (),
            shortages=tuple(
                Shortage(id=name, severity=severities.get(name, "block"), reason="used up") for name in self.short
            ),
        )


class CaseResult(Model):
    """What became of a case: `told` says how it differs from what was expected, empty where it does not."""

    name: str
    verdict: Verdict
    spoke: tuple[str, ...]
    told: str = ""


def run_cases(controller: AutonomousController, cases: tuple[PolicyCase, ...]) -> tuple[CaseResult, ...]:
    """Give each case's verdict, and compare."""
    return tuple(_run(controller, case) for case in cases)


def _run(controller: AutonomousController, case: PolicyCase) -> CaseResult:
    context = case.decision
    standing, assurance = case.standing(controller.policy), _assurance(controller, context, case.trust)
    result = controller.assess(context, case.step_contexts, standing, assurance=assurance)
    spoke = tuple(sorted({finding.id for finding in result.violated}))
    told: list[str] = []
    if case.trust is not None and assurance.promise is None:
        told.append("it gives a trust, but the policy makes no promise that asks for any; leave it out")
    if result.verdict != case.expect:
        told.append(f"expected {case.expect}, but it is {result.verdict}: {'; '.join(result.reasons)}")
    if case.speaks is not None and spoke != tuple(sorted(case.speaks)):
        told.append(f"expected to speak: {_listed(case.speaks)}; did: {_listed(spoke)}")
    return CaseResult(name=case.name, verdict=result.verdict, spoke=spoke, told="; ".join(told))


def _assurance(controller: AutonomousController, context: DecisionContext, threshold: float | None) -> Assurance:
    """Confidence is that of the parts, not calibrated; the threshold is the one that the case says is certified."""
    found = controller.assurance(context)
    if found.promise is None or threshold is None:
        return found
    in_force = ThresholdInForce(threshold=threshold, reason="the case says so")
    return found.model_copy(update={"in_force": in_force})


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(sorted(names)) or "none"
