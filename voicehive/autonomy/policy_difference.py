"""Whose verdict would change under another policy: past decisions asked again, on the facts that were kept."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import AwareDatetime

from voicehive.autonomy.context import Facts
from voicehive.autonomy.controller import AutonomousController
from voicehive.autonomy.standing import Standing
from voicehive.autonomy.trust.in_force import ThresholdInForce
from voicehive.autonomy.verdict import Assurance, DecisionResult, Verdict
from voicehive.model import Model

UNCERTIFIED = ThresholdInForce(reason="nothing is known to have been certified for this promise at that time")


class PastDecision(Model):
    """A verdict that was given: for which decision, when, and on which facts."""

    decision_id: str
    at: AwareDatetime
    facts: Facts


class ChangedVerdict(Model):
    """A decision of which the policies think differently: both verdicts, and the rules that speak under each."""

    decision_id: str
    kind: str
    deployment: str
    old: Verdict
    new: Verdict
    old_reasons: tuple[str, ...]
    new_reasons: tuple[str, ...]


def changed_verdicts(
    old: AutonomousController, new: AutonomousController, past: Iterable[PastDecision]
) -> Iterator[ChangedVerdict]:
    """The decisions whose verdict would be another, in their order.

    Each is judged at its own time, so freezes count; budgets are taken as free and kill switches as off, because how
    they stood is not kept. A policy with the promise that was in force then is judged with the confidence and the
    threshold of then; under another promise no threshold was certified.
    """
    for decision in past:
        before, after = (_judged(controller, decision.facts, decision.at) for controller in (old, new))
        if before.verdict != after.verdict:
            yield ChangedVerdict(
                decision_id=decision.decision_id,
                kind=decision.facts.context.kind,
                deployment=decision.facts.context.deployment,
                old=before.verdict,
                new=after.verdict,
                old_reasons=before.reasons,
                new_reasons=after.reasons,
            )


def _judged(controller: AutonomousController, facts: Facts, at: datetime) -> DecisionResult:
    return controller.assess(facts.context, facts.steps, Standing(at=at), assurance=_assurance(controller, facts))


def _assurance(controller: AutonomousController, facts: Facts) -> Assurance:
    """As it stood then, where it was measured for this promise."""
    promise, stood = controller.policy.autonomy.promise, facts.assurance
    if promise is None:
        return controller.assurance(facts.context)
    if stood is not None and stood.promise == promise:
        return stood
    return controller.assurance(facts.context).model_copy(update={"in_force": UNCERTIFIED})
