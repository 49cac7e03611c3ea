"""Observations: begun once, advanced by one at a time, and given back as they were."""

from datetime import UTC, datetime, timedelta

from tests.autonomy.outcomes.watches import watch
from voicehive.autonomy.outcomes.beginning import begin
from voicehive.autonomy.outcomes.progress import Observation
from voicehive.storage.database import Database
from voicehive.storage.observations import Observations, StoredObservation

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BEGUN = StoredObservation(watch=watch(), state=begin(watch(), NOON))


def after(readings: int) -> StoredObservation:
    stands = Observation(started_at=NOON, until=NOON + timedelta(hours=1), readings=readings)
    return BEGUN.model_copy(update={"readings": readings, "observation": stands})


async def test_it_is_begun_once_and_comes_back_whole(database: Database, tenant: str) -> None:
    for new in (True, False):
        async with database.transaction() as session:
            assert await Observations(session, tenant).begin("run", BEGUN if new else after(3)) is new
    async with database.reading() as session:
        assert await Observations(session, tenant).get("run") == BEGUN
        assert await Observations(session, tenant).get("another") is None
        assert await Observations(session, f"{tenant}-other").get("run") is None


async def test_of_two_attempts_at_a_reading_one_counts(database: Database, tenant: str) -> None:
    async with database.transaction() as session:
        await Observations(session, tenant).begin("run", BEGUN)
    for counts in (True, False):
        async with database.transaction() as session:
            assert await Observations(session, tenant).advance("run", 0, after(1 if counts else 2)) is counts
    async with database.reading() as session:
        assert await Observations(session, tenant).get("run") == after(1)


async def test_what_ended_long_ago_is_removed_and_nothing_else(database: Database, tenant: str) -> None:
    def stands(until: datetime) -> StoredObservation:
        observation = Observation(started_at=NOON, until=until, readings=1)
        return BEGUN.model_copy(update={"readings": 1, "observation": observation})

    second = timedelta(seconds=1)
    kept = {
        "ends-now": stands(NOON),
        "goes-on": stands(NOON + timedelta(days=1)),
        "no-reading": BEGUN,
    }
    gone = {f"ended-{number}": stands(NOON - number * second) for number in range(1, 6)}
    for whose in (tenant, f"{tenant}-other"):
        async with database.transaction() as session:
            for run, stored in {**kept, **gone}.items():
                assert await Observations(session, whose).begin(run, stored)
    for removed in (3, 2):
        async with database.transaction() as session:
            assert await Observations(session, tenant).prune(NOON, most=3) == removed
    async with database.reading() as session:
        observations = Observations(session, tenant)
        assert [await observations.get(run) for run in gone] == [None] * 5
        assert await observations.get("goes-on") == kept["goes-on"]
        assert await observations.get("no-reading") == BEGUN
        assert await Observations(session, f"{tenant}-other").get("ended-1") == gone["ended-1"]
    async with database.transaction() as session:
        assert await Observations(session, tenant).prune(NOON + timedelta(hours=1)) == 2
    async with database.reading() as session:
        assert await Observations(session, tenant).get("goes-on") == kept["goes-on"]
        assert await Observations(session, tenant).get("no-reading") is None


async def test_a_document_that_postgresql_cannot_look_into_does_not_stop_the_removal(
    database: Database, tenant: str
) -> None:
    odd = Observation(started_at=NOON, until=NOON, readings=1, trouble="it said \x00")
    async with database.transaction() as session:
        await Observations(session, tenant).begin("odd", BEGUN.model_copy(update={"observation": odd}))
        await Observations(session, tenant).begin("plain", BEGUN)
        assert await Observations(session, tenant).prune(NOON + timedelta(hours=1)) == 2
