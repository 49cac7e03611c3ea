"""What becomes of a plan once it is applied: its metrics are read, folded and judged."""

import asyncio
from datetime import timedelta

import httpx
from temporalio import activity

from activities import audit_trail
from activities.policies import Controllers
from voicehive.autonomy.outcomes.beginning import begin
from voicehive.autonomy.outcomes.errors import AnswerUnusable, OutcomesError, SourceRefused, SourceUnavailable
from voicehive.autonomy.outcomes.judgement import judge
from voicehive.autonomy.outcomes.observation import observe
from voicehive.autonomy.outcomes.points import MetricPoint
from voicehive.autonomy.outcomes.progress import Observation, ObservationBeginning, ObservationReading
from voicehive.autonomy.outcomes.reading import MetricReader
from voicehive.autonomy.outcomes.watch import OutcomeWatch, WatchedMetric
from voicehive.autonomy.policy import SafetyConstraint
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database
from voicehive.storage.ledger import decision_of
from voicehive.storage.observations import Observations, StoredObservation
from voicehive.storage.series import StoredSeries

_INSTANT = timedelta(microseconds=1)
"""An interval does not include its end, so it is read this much before."""


class ObservationActivities:
    """Wraps the engine of outcomes."""

    def __init__(self, database: Database, controllers: Controllers, http: httpx.AsyncClient) -> None:
        self._database = database
        self._controllers = controllers
        self._http = http

    @activity.defn
    async def begin_observation(self, beginning: ObservationBeginning) -> None:
        """Read what was before the change, and see that every source answers.

        Raises:
            SourceUnavailable: a source gives no answer.
            SourceRefused: a source may not be asked, or refuses.
            AnswerUnusable: a source's answer is not in the agreed form.
        """
        reader, watch = await self._reader(beginning.tenant, beginning.constraints), beginning.watch
        await asyncio.gather(*(reader.read_point(watch, metric, beginning.at) for metric in watch.metrics))
        without = [metric for metric in watch.metrics if not metric.baseline]
        read = await asyncio.gather(*(reader.read_baseline(watch, metric, beginning.at) for metric in without))
        baselines = {metric.name: readings for metric, readings in zip(without, read, strict=True)}
        begun = StoredObservation(watch=watch, state=begin(watch, beginning.at, baselines))
        async with self._database.transaction() as session:
            await Observations(session, beginning.tenant).begin(beginning.run, begun)

    @activity.defn
    async def read_outcome(self, reading: ObservationReading) -> Observation:
        """Read every metric for an interval, fold that in, and judge. What was judged once is answered again."""
        async with self._database.reading() as session:
            stored = await Observations(session, reading.tenant).get(reading.run)
        assert stored is not None, "it was begun before"
        if stored.observation is not None and stored.readings >= reading.number:
            return stored.observation
        points, trouble = await self._points(reading, stored.watch)
        advanced = _advanced(reading, stored, points, trouble)
        assert advanced.observation is not None
        async with self._database.transaction() as session:
            observations = Observations(session, reading.tenant)
            if await observations.advance(reading.run, stored.readings, advanced):
                if advanced.observation.is_final:
                    decision_id = await decision_of(session, reading.tenant, reading.run)
                    entry = audit_trail.of_observation(reading.run, advanced.observation, decision_id)
                    await AuditLog(session, reading.tenant).append([entry])
                return advanced.observation
            newer = await observations.get(reading.run)
        assert newer is not None
        assert newer.observation is not None
        return newer.observation

    async def _points(self, reading: ObservationReading, watch: OutcomeWatch) -> tuple[list[MetricPoint], str]:
        """One point for each metric, and why those without a value have none."""
        reader = await self._reader(reading.tenant, reading.constraints)
        at = reading.ends_at(watch.interval) - _INSTANT

        async def read(metric: WatchedMetric) -> tuple[MetricPoint, str]:
            try:
                return await reader.read_point(watch, metric, at), ""
            except (SourceUnavailable, SourceRefused, AnswerUnusable) as error:
                return MetricPoint.of(metric.name, at, None), _told(metric, error)

        answers = await asyncio.gather(*(read(metric) for metric in watch.metrics))
        return [point for point, _ in answers], "; ".join(fault for _, fault in answers if fault)

    async def _reader(self, tenant: str, constraints: tuple[SafetyConstraint, ...]) -> MetricReader:
        async with self._database.reading() as session:
            controller = await self._controllers.in_force(session, tenant, constraints)
        return MetricReader(
            self._http, controller.policy.allowed_hosts, StoredSeries(self._database, tenant), tenant=tenant
        )


def _advanced(
    reading: ObservationReading, stored: StoredObservation, points: list[MetricPoint], trouble: str
) -> StoredObservation:
    """The observation with one more interval."""
    watch, until = stored.watch, reading.started_at + stored.watch.window
    # It was begun before the plan was; the readings count from when every step was applied.
    state = observe(watch, stored.state.model_copy(update={"started_at": reading.started_at}), points)
    now = until if reading.number >= watch.readings else reading.ends_at(watch.interval)
    verdict = judge(watch, state, now)
    told = verdict if verdict.final else verdict.model_copy(update={"metrics": ()})
    observation = Observation(
        started_at=reading.started_at, until=until, readings=reading.number, verdict=told, trouble=trouble
    )
    return StoredObservation(watch=watch, state=state, readings=reading.number, observation=observation)


def _told(metric: WatchedMetric, error: OutcomesError) -> str:
    return f"{metric.name} could not be read: {error}"[:500]
