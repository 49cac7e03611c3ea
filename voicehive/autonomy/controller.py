"""The autonomous controller: from a context to a verdict, under one policy."""

from voicehive.autonomy.confidence import assess_confidence
from voicehive.autonomy.context import DecisionContext, StepContext
from voicehive.autonomy.errors import SafetyViolation
from voicehive.autonomy.policy import Policy, SafetyConstraint, Severity
from voicehive.autonomy.rules import RuleBook
from voicehive.autonomy.verdict import Confidence, DecisionResult, Finding, ReviewTerms, Verdict


class AutonomousController:
    """Gives verdicts under one policy; further constraints can only add to it.

    Raises:
        PolicyInvalid: if a constraint cannot be compiled.
    """

    def __init__(self, policy: Policy, further: tuple[SafetyConstraint, ...] = ()) -> None:
        self.policy = policy
        self.policy_digest = policy.content_digest()
        self._rules = RuleBook(policy.constraints + further)
        self._known_kinds = {kind for constraint in policy.constraints for kind in constraint.kinds}

    def assess(self, context: DecisionContext, steps: tuple[StepContext, ...] = ()) -> DecisionResult:
        """Judge a decision as a whole, and each of its steps as if it ran now.

        A violated `block` rule rejects; a violated `escalate` rule, too little confidence or the mode `manual` asks
        people, and so does a kind that no rule names in a policy whose rules name kinds; otherwise it may run alone.
        """
        confidence = assess_confidence(context)
        findings = self._ask_of_decision(context, confidence.value, {step.deployment for step in steps})
        for step in steps:
            findings += self._ask_of_step(step)
        verdict, reasons = self._conclude(findings, confidence, context)
        return DecisionResult(
            verdict=verdict,
            reasons=reasons,
            findings=findings,
            confidence=confidence,
            threshold=self.policy.autonomy.threshold,
            policy_digest=self.policy_digest,
            review=ReviewTerms(rules=self.policy.review, reviewers=self.policy.reviewers),
        )

    def _conclude(
        self, findings: tuple[Finding, ...], confidence: Confidence, context: DecisionContext
    ) -> tuple[Verdict, tuple[str, ...]]:
        blocked = _violations(findings, "block")
        if not context.feasible:
            blocked = ("no candidate meets the constraints of the request", *blocked)
        if blocked:
            return "reject", blocked
        asked = _violations(findings, "escalate")
        autonomy = self.policy.autonomy
        if confidence.value < autonomy.threshold:
            asked = (*asked, f"confidence {confidence.value:.2f} is under the threshold {autonomy.threshold:.2f}")
        if self._known_kinds and context.kind not in self._known_kinds:
            asked = (*asked, f"no rule of the policy names the kind {context.kind!r}")
        if autonomy.mode == "manual":
            asked = (*asked, "the policy's mode is manual")
        if asked:
            return "escalate", asked
        reason = f"every rule holds and confidence {confidence.value:.2f} reaches {autonomy.threshold:.2f}"
        return "execute", (reason,)

    def check_step(self, context: StepContext, approved_under: str | None) -> None:
        """The last check before a step runs.

        People's approval answers `escalate` rules only of the policy it was given under, named by its digest.

        Raises:
            SafetyViolation: naming each rule that forbids the step.
        """
        allowed = self.policy.allowed_actions
        if allowed is not None and context.action not in allowed:
            raise SafetyViolation(f"step {context.step!r} was not run: the policy allows no {context.action!r}")
        findings = self._ask_of_step(context)
        forbidding = _violations(findings, "block")
        if approved_under != self.policy_digest:
            forbidding += _violations(findings, "escalate")
        if forbidding:
            raise SafetyViolation(f"step {context.step!r} was not run: {'; '.join(forbidding)}")

    def _ask_of_decision(self, context: DecisionContext, confidence: float, touched: set[str]) -> tuple[Finding, ...]:
        """What the rules say of the decision's deployment, and what they object to in others that a step touches."""
        variables = context.variables(confidence)
        found = [*self._rules.ask("verdict", variables, context.kind, context.deployment)]
        for deployment in sorted(touched - {context.deployment}):
            there = self._rules.ask("verdict", {**variables, "deployment": deployment}, context.kind, deployment)
            found += [finding for finding in there if not finding.holds and finding not in found]
        return tuple(found)

    def _ask_of_step(self, context: StepContext) -> tuple[Finding, ...]:
        found = self._rules.ask("step", context.variables(), context.kind, context.deployment)
        return tuple(finding.model_copy(update={"step": context.step}) for finding in found)


def _violations(findings: tuple[Finding, ...], severity: Severity) -> tuple[str, ...]:
    return tuple(
        f"{finding.step + ': ' if finding.step else ''}{finding.message} "
        f"({finding.id}: {finding.cause or finding.expression})"
        for finding in findings
        if finding.severity == severity and not finding.holds
    )
