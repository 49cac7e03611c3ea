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
