"""What decisions and outcomes tell each other: the trust a verdict is given under, and what became of it."""

from collections import OrderedDict
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities import audit_trail
from voicehive.autonomy.confidence import situation
from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.request import DecisionOutcome, DecisionRecord
from voicehive.autonomy.trust.errors import OutcomeRefused
from voicehive.autonomy.trust.in_force import KnownCases, Trust
from voicehive.autonomy.verdict import DecisionResult
from voicehive.storage.outcomes import AssessedCase, HistoryExtent, TrustOutcomes

KEPT = 64


class Histories:
    """The histories of kinds of decision as last read, so that a verdict reads one again only when it has grown.

    Several hundred documents otherwise, before every verdict. The least recently used are dropped.
    """

    def __init__(self) -> None:
        self._read: OrderedDict[tuple[str, str], tuple[HistoryExtent, KnownCases]] = OrderedDict()

    async def trust_of(self, session: AsyncSession, tenant: str, kind: str, policy: Policy) -> Trust | None:
        """What outcomes say of a kind of decision; None where the policy makes no promise that would ask for it."""
        if policy.autonomy.promise is None:
            return None
        outcomes = TrustOutcomes(session, tenant)
        return await outcomes.trust_with(kind, await self._known(outcomes, (tenant, kind)))

    async def _known(self, outcomes: TrustOutcomes, whose: tuple[str, str]) -> KnownCases:
        extent = await outcomes.extent(whose[1])
        if (kept := self._read.get(whose)) is None or kept[0] != extent:
            kept = self._read[whose] = (extent, await outcomes.known_cases(whose[1], extent))
            if len(self._read) > KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(whose)
        return kept[1]


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
