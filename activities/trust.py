"""What decisions and outcomes tell each other: the trust a verdict is given under, and what became of it."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities import audit_trail
from voicehive.autonomy.confidence import situation
from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.request import DecisionOutcome, DecisionRecord
from voicehive.autonomy.trust.errors import OutcomeRefused
from voicehive.autonomy.trust.in_force import Trust
from voicehive.autonomy.verdict import DecisionResult
from voicehive.storage.outcomes import AssessedCase, TrustOutcomes


async def trust_of(session: AsyncSession, tenant: str, kind: str, policy: Policy) -> Trust | None:
    """What outcomes say of a kind of decision; None where the policy makes no promise that would ask for it."""
    return None if policy.autonomy.promise is None else await TrustOutcomes(session, tenant).trust(kind)


async def keep_case(session: AsyncSession, context: DecisionContext, result: DecisionResult, at: datetime) -> None:
    """Keep what a verdict rested on, so that its outcome can be learned from."""
    case = AssessedCase(
        decision_id=audit_trail.decision(),
        kind=context.kind,
        parts=result.confidence.parts,
        confidence=result.confidence.value,
        situation=situation(context),
        alone=result.verdict == "execute" and not result.is_shadow,
        assessed_at=at,
    )
    await TrustOutcomes(session, context.tenant).assessed(case)


async def record_observed(session: AsyncSession, record: DecisionRecord) -> bool:
    """Record what an observation showed of a decision; returns whether it is on record now."""
    if (loss := observed_loss(record.outcome)) is None:
        return False
    try:
        await TrustOutcomes(session, record.tenant).record(record.decision_id, loss, datetime.now(UTC))
    except OutcomeRefused:  # people said otherwise before, or it was never assessed; what they said stands
        return False
    return True


def observed_loss(outcome: DecisionOutcome) -> float | None:
    """1 where a bad observation undid what was executed; None where nothing of the kind was seen.

    A good observation is no faultless outcome: it says only what its metrics do, within its window.
    """
    observed = outcome.observation
    return 1.0 if outcome.outcome == "rolled_back" and observed is not None and observed.is_bad else None
