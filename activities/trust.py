"""What decisions and outcomes tell each other: the trust a verdict is given under, and what became of it."""

from collections import OrderedDict
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities import audit_trail
from voicehive.autonomy.confidence import situation
from voicehive.autonomy.context import DecisionContext
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.request import DecisionOutcome, DecisionRecord, Proposal
from voicehive.autonomy.trust.errors import OutcomeRefused
from voicehive.autonomy.trust.in_force import KnownCases, Trust
from voicehive.autonomy.trust.outcome import AssessedCase
from voicehive.storage.outcomes import HistoryExtent, TrustOutcomes

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


def case_of(proposal: Proposal, context: DecisionContext, at: datetime) -> AssessedCase:
    """What a verdict rested on, as of a decision that nobody has let run alone."""
    confidence = proposal.result.confidence
    return AssessedCase(
        decision_id=audit_trail.decision(),
        kind=context.kind,
        parts=confidence.parts,
        confidence=confidence.value,
        situation=situation(context),
        alone=False,
        assessed_at=at,
    )


async def keep_case(session: AsyncSession, tenant: str, case: AssessedCase | None, *, alone: bool = False) -> None:
    """Keep what a decision rested on that may run or has ended, so that its outcome can be learned from.

    `alone`: it may run, and no people were asked. None, of a run that began before there were cases, keeps nothing.
    """
    if case is not None:
        await TrustOutcomes(session, tenant).assessed(case.model_copy(update={"alone": alone}))


async def record_observed(session: AsyncSession, record: DecisionRecord) -> bool:
    """Record what an observation showed of a decision; returns whether it is on record now."""
    if (loss := observed_loss(record.outcome)) is None:
        return False
    try:
        await TrustOutcomes(session, record.tenant).record(record.decision_id, loss, datetime.now(UTC))
    except OutcomeRefused:  # people said worse before, or it was never assessed; what they said stands
        return False
    return True


def observed_loss(outcome: DecisionOutcome) -> float | None:
    """What a final observation shows: 0 where what was executed stayed and did well, 1 where it was undone as bad.

    None, unknown, where it was unclear or nothing was observed. Both ends are recorded, so that what is learned from is
    no choice of the bad ones alone. That an observation is good says what its metrics do within its window; whoever
    sees harm later records it, and the worse word counts.
    """
    observed = outcome.observation
    if observed is None or not observed.is_final:
        return None
    if outcome.outcome == "rolled_back" and observed.is_bad:
        return 1.0
    return 0.0 if outcome.outcome == "executed" and observed.is_good else None
