"""The autonomous controller: from a context to a verdict, under one policy."""

from collections.abc import Iterable

from voicehive.autonomy.confidence import assess_confidence
from voicehive.autonomy.context import AfterContext, DecisionContext, StepContext, Variables
from voicehive.autonomy.counterfactuals import Counterfactuals
from voicehive.autonomy.demands import Demands
from voicehive.autonomy.errors import FactsMissing, PolicyInvalid, SafetyViolation
from voicehive.autonomy.policy import Policy, SafetyConstraint, Severity
from voicehive.autonomy.rules import RuleBook
from voicehive.autonomy.standing import Standing, standing_findings
from voicehive.autonomy.trust.in_force import ThresholdInForce, Trust, threshold_in_force
from voicehive.autonomy.unmet import unmet_readings
from voicehive.autonomy.verdict import (
    Assurance,
    Confidence,
    Counterfactual,
    DecisionResult,
    Finding,
    ReviewTerms,
    Verdict,
)
from voicehive.storage.allowances import Demand

UNMEASURED = ThresholdInForce(reason="no recorded outcomes speak for it, as for no plan made by hand; people decide")


class AutonomousController:
    """Gives verdicts under one policy; further constraints can only add to it.

    Raises:
        PolicyInvalid: if a constraint or a budget's charge cannot be compiled, or a constraint's rung is unknown.
    """

    def __init__(self, policy: Policy, further: tuple[SafetyConstraint, ...] = ()) -> None:
        self.policy = policy
        self.policy_digest = policy.content_digest()
        constraints = policy.constraints + further
        try:
            policy.check_rungs(further)
        except ValueError as error:
            raise PolicyInvalid(str(error)) from None
        self._rungs = {constraint.id: constraint.rung for constraint in constraints if constraint.rung is not None}
        self.rules = RuleBook(constraints, policy.limits, policy.context)
        self._demands = Demands(policy, self.rules)
        scoped = (*policy.constraints, *policy.budgets, *policy.concurrency, *policy.freezes)
        self._known_kinds = {kind for each in scoped for kind in each.kinds}

    def assess(
        self,
        context: DecisionContext,
        steps: tuple[StepContext, ...] = (),
        standing: Standing | None = None,
        trust: Trust | None = None,
        assurance: Assurance | None = None,
    ) -> DecisionResult:
        """Judge a decision as a whole, and each of its steps as if it ran now.

        A violated `block` rule rejects; a violated `escalate` rule, too little confidence or a mode that does not let
        it asks people, and so does a kind that no rule, budget, limit or freeze names in a policy where any of them
        names kinds; otherwise it may run alone. Budgets, freezes and kill switches speak by `standing`; without one,
        those the policy has are violated.
        Where the policy makes a promise, only the threshold that `trust` certifies counts: none, and people are asked.
        `assurance` is what `assurance` says of the same, for who has asked that already; `trust` is not looked at then.
        """
        assurance = assurance or self.assurance(context, trust)
        confidence, in_force = assurance.confidence, assurance.in_force
        variables = context.variables(confidence.value)
        places = _touched(context, steps)
        demand = self._demands.of(variables, context.kind, places)
        asked = [("", self._ask_of_decision(variables, context.kind, places))]
        asked += [(step.step, self._ask_of_step(step)) for step in steps]
        findings = tuple(finding for _, found in asked for finding in found if not finding.holds)
        findings += standing_findings(self.policy, demand, standing, context.kind, places)
        verdict, reasons = self._conclude(findings, confidence, in_force, context)
        explained = self._counterfactuals(in_force, context, variables, findings, verdict)
        return DecisionResult(
            verdict=verdict,
            reasons=reasons,
            findings=findings,
            held=_held(asked),
            confidence=confidence,
            threshold=1.0 if in_force.threshold is None else in_force.threshold,
            policy_digest=self.policy_digest,
            review=ReviewTerms(
                rules=self.policy.review, reviewers=self.policy.reviewers, rung=self._first_rung(findings)
            ),
            mode=self.policy.autonomy.mode,
            counterfactuals=explained,
            demand=demand,
            in_force=in_force if self.policy.autonomy.promise is not None else None,
        )

    def demand(
        self,
        context: DecisionContext,
        steps: tuple[StepContext, ...] = (),
        trust: Trust | None = None,
        assurance: Assurance | None = None,
    ) -> Demand:
        """What the decision would take from the policy's budgets, to be asked of the store before `assess`."""
        variables = context.variables((assurance or self.assurance(context, trust)).confidence.value)
        return self._demands.of(variables, context.kind, _touched(context, steps))

    def check_facts(self, tenant: str, kind: str, deployment: str, outcomes: set[str], settings: set[str]) -> None:
        """See, before anything is searched, that the rules speak of outcomes and settings that there will be.

        Raises:
            FactsMissing: naming each rule that would be violated whatever is proposed, and what it asks for.
        """
        rules = self.rules.applying("verdict", tenant, kind, deployment)
        if unmet := unmet_readings(rules, outcomes, settings):
            raise FactsMissing("; ".join(unmet))

    def assurance(self, context: DecisionContext, trust: Trust | None = None) -> Assurance:
        """How sure a decision is, and how sure it has to be.

        Outcomes count only for a policy that makes a promise; without one, all stays as the request has it. With one
        and without `trust` nothing runs alone. So it is with plans made by hand: no outcomes of theirs are recorded,
        nobody compared them with anything, and decisions of the controller's own are no sample of what people write.
        """
        autonomy = self.policy.autonomy
        if autonomy.promise is None:
            in_force = ThresholdInForce(threshold=autonomy.threshold, reason="the policy sets it")
            return Assurance(confidence=assess_confidence(context), in_force=in_force)
        confidence = assess_confidence(context, trust)
        in_force = UNMEASURED if trust is None else threshold_in_force(autonomy.promise, trust, confidence.parts)
        return Assurance(confidence=confidence, in_force=in_force, promise=autonomy.promise)

    def _counterfactuals(
        self,
        in_force: ThresholdInForce,
        context: DecisionContext,
        variables: Variables,
        findings: tuple[Finding, ...],
        verdict: Verdict,
    ) -> tuple[Counterfactual, ...]:
        """None where no threshold is certified: then no facts would do."""
        if in_force.threshold is None:
            return ()
        autonomy = self.policy.autonomy.model_copy(update={"threshold": in_force.threshold})
        policy = self.policy.model_copy(update={"autonomy": autonomy})
        return Counterfactuals(policy, self.rules, context).of(variables, findings, verdict)

    def _conclude(
        self,
        findings: tuple[Finding, ...],
        confidence: Confidence,
        in_force: ThresholdInForce,
        context: DecisionContext,
    ) -> tuple[Verdict, tuple[str, ...]]:
        blocked = _violations(findings, "block")
        if not context.feasible:
            blocked = ("no candidate meets the constraints of the request", *blocked)
        if blocked:
            return "reject", blocked
        asked = _violations(findings, "escalate")
        autonomy = self.policy.autonomy
        threshold = in_force.threshold
        if threshold is None:
            asked = (*asked, f"no threshold is certified for {context.kind!r}: {in_force.reason}")
        elif confidence.value < threshold:
            asked = (*asked, f"confidence {confidence.value:.2f} is under the threshold {threshold:.2f}")
        if self._known_kinds and context.kind not in self._known_kinds:
            asked = (*asked, f"no rule of the policy names the kind {context.kind!r}")
        if autonomy.asks_people_about(context.kind):
            alone = f", which lets only {', '.join(autonomy.alone) or 'nothing'} run alone"
            asked = (*asked, f"the policy's mode is {autonomy.mode}{alone if autonomy.mode == 'supervised' else ''}")
        if asked or threshold is None:
            return "escalate", asked
        reason = f"every rule holds and confidence {confidence.value:.2f} reaches {threshold:.2f}"
        return "execute", (reason,)

    def check_step(self, context: StepContext, approved_under: str | None, frozen: Iterable[Finding] = ()) -> None:
        """The last check before a step runs.

        People's approval answers `escalate` rules only of the policy it was given under, named by its digest. In the
        mode `shadow` nothing runs but what people approved. Of the freezes that hold at that moment, `frozen`, those
        that block stop it; one that asks people is asked about when a plan starts, not in its midst.

        Raises:
            SafetyViolation: naming each rule that forbids the step.
        """
        refused = f"step {context.step!r} was not run"
        allowed = self.policy.allowed_actions
        if allowed is not None and context.action not in allowed:
            raise SafetyViolation(f"{refused}: the policy allows no {context.action!r}")
        if self.policy.autonomy.mode == "shadow" and approved_under != self.policy_digest:
            raise SafetyViolation(f"{refused}: the policy's mode is shadow, in which nothing runs alone")
        blocking = tuple(finding for finding in frozen if finding.severity == "block")
        self._forbid(self._ask_of_step(context) + blocking, approved_under, refused)

    def check_after(self, context: AfterContext, approved_under: str | None) -> None:
        """The check of a step immediately after it ran, by the rules with `when: after`.

        Raises:
            SafetyViolation: naming each rule that its result breaks; the step is to be undone.
        """
        found = self.rules.ask("after", context.variables(), context.kind, context.deployment)
        self._forbid(found, approved_under, f"step {context.step!r} ran, but must be undone")

    def _forbid(self, findings: tuple[Finding, ...], approved_under: str | None, refused: str) -> None:
        forbidding = _violations(findings, "block")
        if approved_under != self.policy_digest:
            forbidding += _violations(findings, "escalate")
        if forbidding:
            raise SafetyViolation(f"{refused}: {'; '.join(forbidding)}")

    def _ask_of_decision(self, variables: Variables, kind: str, places: tuple[str, ...]) -> tuple[Finding, ...]:
        """What the rules say of the decision's deployment, and what they object to in others that a step touches."""
        own, *others = places
        found = [*self.rules.ask("verdict", variables, kind, own)]
        for deployment in others:
            there = self.rules.ask("verdict", {**variables, "deployment": deployment}, kind, deployment)
            found += [finding for finding in there if not finding.holds and finding not in found]
        return tuple(found)

    def _ask_of_step(self, context: StepContext) -> tuple[Finding, ...]:
        found = self.rules.ask("step", context.variables(), context.kind, context.deployment)
        return tuple(f if f.holds else f.model_copy(update={"step": context.step}) for f in found)

    def _first_rung(self, findings: tuple[Finding, ...]) -> str | None:
        """The highest rung that a violated rule escalates to."""
        wanted = {
            self._rungs[f.id] for f in findings if not f.holds and f.severity == "escalate" and f.id in self._rungs
        }
        return next((rung.name for rung in reversed(self.policy.review.ladder) if rung.name in wanted), None)


def _touched(context: DecisionContext, steps: tuple[StepContext, ...]) -> tuple[str, ...]:
    """The decision's deployment, then the others that a step touches."""
    return context.deployment, *sorted({step.deployment for step in steps} - {context.deployment})


def _held(asked: Iterable[tuple[str, tuple[Finding, ...]]]) -> dict[str, tuple[str, ...]]:
    """The ids of what holds, by step; a step is asked once more for its verification."""
    held: dict[str, tuple[str, ...]] = {}
    for step, found in asked:
        held[step] = held.get(step, ()) + tuple(finding.id for finding in found if finding.holds)
    return held


def _violations(findings: tuple[Finding, ...], severity: Severity) -> tuple[str, ...]:
    return tuple(_violation(finding) for finding in findings if finding.severity == severity and not finding.holds)


def _violation(finding: Finding) -> str:
    because = finding.cause or finding.expression
    step = f"{finding.step}: " if finding.step else ""
    return f"{step}{finding.message} ({finding.id}{': ' + because if because else ''})"
