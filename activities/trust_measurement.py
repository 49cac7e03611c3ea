"""Trust measured again, by hand or on a schedule, and the removal of what has been kept for long enough."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
from temporalio import activity

from voicehive.autonomy.policy_document import default_policy_text, parse_policy
from voicehive.autonomy.trust.outcome import comparable
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.report import measure_trust
from voicehive.autonomy.trust_measurement import KindMeasured, MeasurementRequest, TrustMeasured
from voicehive.storage.database import Database
from voicehive.storage.model_usage import ModelUsage
from voicehive.storage.observations import Observations
from voicehive.storage.outcomes import TrustOutcomes
from voicehive.storage.policies import Policies

BATCH = 500
"""Rows removed in one transaction, so that nobody waits long."""


class TrustActivities:
    """Wraps the measurement."""

    def __init__(self, database: Database, observations_kept: timedelta, charges_kept: timedelta) -> None:
        self._database = database
        self._observations_kept = observations_kept
        self._charges_kept = charges_kept

    @activity.defn
    async def measure_trust(self, wanted: MeasurementRequest) -> TrustMeasured:
        """Measure every kind of decision for the promise of the policy in force, and remove what is kept no longer.

        Raises:
            PolicyInvalid: the policy cannot be read.
            OutcomesUnusable: a recorded loss is none that the promise allows.
        """
        tenant, database = wanted.tenant, self._database
        async with database.reading() as session:
            text = await Policies(session, tenant).document() or default_policy_text()
            kinds = await TrustOutcomes(session, tenant).kinds()
        promise = parse_policy(text).autonomy.promise
        measured = [await measure(database, tenant, kind, promise) for kind in kinds] if promise else []
        now = datetime.now(UTC)
        return TrustMeasured(
            promised=promise is not None,
            kinds=tuple(measured),
            observations_removed=await self._prune_observations(tenant, now - self._observations_kept),
            charges_removed=await ModelUsage(database).prune(tenant, now - self._charges_kept),
        )

    async def _prune_observations(self, tenant: str, before: datetime) -> int:
        total, removed = 0, BATCH
        while removed == BATCH:
            async with self._database.transaction() as session:
                removed = await Observations(session, tenant).prune(before, BATCH)
            total += removed
        return total


async def measure(
    database: Database, tenant: str, kind: str, promise: RiskPromise, *, begin_anew: bool = False
) -> KindMeasured:
    """Fit and certify one kind of decision anew, and put that in force. Nothing is locked while it is being fitted.

    Raises:
        OutcomesUnusable: a recorded loss is none that the promise allows.
    """
    async with database.reading() as session:
        outcomes = comparable(await TrustOutcomes(session, tenant).of_kind(kind))
    generator, now = np.random.default_rng(0), datetime.now(UTC)
    report = await asyncio.to_thread(measure_trust, kind, outcomes, promise, generator, at=now)
    async with database.transaction() as session:
        report = await TrustOutcomes(session, tenant).put_report(report, begin_anew=begin_anew)
    return KindMeasured(kind=kind, outcomes=len(outcomes), threshold=report.threshold, reason=report.reason)
