"""Series: what is put is there once, in order, for its own tenant."""

from datetime import UTC, datetime, timedelta

from voicehive.storage.database import Database
from voicehive.storage.series import Series, StoredSeries

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def minute(number: int) -> datetime:
    return NOON + timedelta(minutes=number)


async def put(database: Database, tenant: str, *readings: tuple[datetime, float]) -> None:
    async with database.transaction() as session:
        await Series(session, tenant).put("wait", readings)


async def test_readings_come_back_oldest_first_within_both_ends(database: Database, tenant: str) -> None:
    await put(database, tenant, *((minute(number), number / 3) for number in (4, 1, 3, 2, 0)))
    found = await StoredSeries(database, tenant).read_series("wait", minute(1), minute(3))
    assert found == [(minute(number), number / 3) for number in (1, 2, 3)]
    assert await StoredSeries(database, tenant).read_series("other", minute(0), minute(9)) == []
    assert await StoredSeries(database, f"{tenant}-other").read_series("wait", minute(0), minute(9)) == []


async def test_a_moment_has_one_reading_the_last_that_was_put(database: Database, tenant: str) -> None:
    await put(database, tenant, (minute(0), 1.0), (minute(0), 2.0), (minute(1), 7.0))
    await put(database, tenant, (minute(0) + timedelta(0), 3.0))
    assert await StoredSeries(database, tenant).read_series("wait", minute(0), minute(1)) == [
        (minute(0), 3.0),
        (minute(1), 7.0),
    ]


async def test_the_newest_are_as_many_as_asked_for(database: Database, tenant: str) -> None:
    await put(database, tenant, *((minute(number), float(number)) for number in range(2_500)))
    async with database.reading() as session:
        newest = await Series(session, tenant).newest("wait", 2)
    assert newest == [(minute(2_498), 2_498.0), (minute(2_499), 2_499.0)]
