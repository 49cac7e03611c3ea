import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from voicehive.storage.authorizations import Authorization, Authorizations
from voicehive.storage.database import Database
from voicehive.storage.decisions import Decisions, StoredDecision
from voicehive.storage.errors import VersionConflict
from voicehive.storage.notifications import Notification, Notifications
from voicehive.storage.parameters import Parameter, Parameters
from voicehive.storage.policies import Policies, StoredPolicy
from voicehive.storage.results import Results

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(values=st.lists(json_values, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_parameters_keep_values_exactly_and_versions_only_grow(
    database: Database, tenant: str, values: list[JsonValue]
) -> None:
    for value in values:
        async with database.transaction() as session:
            parameters = Parameters(session, tenant)
            before = await parameters.get("d", "p")
            change = await parameters.set("d", "p", value, expected_version=before.version)
            assert change.earlier == before
        async with database.reading() as session:
            after = await Parameters(session, tenant).get("d", "p")
        assert repr(after.value) == repr(value)
        assert after == change.current
        assert after.version == before.version + 1


async def test_a_stale_change_to_a_parameter_is_refused(database: Database, tenant: str) -> None:
    async with database.transaction() as session:
        await Parameters(session, tenant).set("d", "p", 1)
        await Parameters(session, tenant).set("d", "p", 2)
    with pytest.raises(VersionConflict, match="at version 2, not 1 as expected"):
        async with database.transaction() as session:
            await Parameters(session, tenant).set("d", "p", 3, expected_version=1)
    with pytest.raises(VersionConflict):
        async with database.transaction() as session:
            await Parameters(session, tenant).set("d", "never set", 3, expected_version=1)
    async with database.reading() as session:
        assert (await Parameters(session, tenant).get("d", "p")).value == 2
        assert await Parameters(session, tenant).get("d", "never set") == Parameter(deployment="d", name="never set")


async def test_parameters_are_listed_by_deployment_without_absent_ones(database: Database, tenant: str) -> None:
    async with database.transaction() as session:
        parameters = Parameters(session, tenant)
        for deployment, name, value in (("d", "b", 0), ("d", "a", False), ("d", "gone", 1), ("other", "c", 1)):
            await parameters.set(deployment, name, value)
        await parameters.set("d", "gone", None)
        await Parameters(session, f"{tenant}-other").set("d", "c", 1)
    async with database.reading() as session:
        found = await Parameters(session, tenant).list("d")
    assert [(one.name, one.value) for one in found] == [("a", False), ("b", 0)]


async def test_compare_and_set_lets_exactly_one_of_many_through(database: Database, tenant: str) -> None:
    async def attempt(value: int) -> bool:
        try:
            async with database.transaction() as session:
                await Parameters(session, tenant).set("d", "p", value, expected_version=0)
        except VersionConflict:
            return False
        return True

    outcomes = await asyncio.gather(*(attempt(number) for number in range(30)))
    assert outcomes.count(True) == 1
    async with database.reading() as session:
        assert (await Parameters(session, tenant).get("d", "p")).value == outcomes.index(True)


async def test_policies_number_their_versions_and_the_highest_is_in_force(database: Database, tenant: str) -> None:
    async def add(text: str) -> StoredPolicy:
        async with database.transaction() as session:
            return await Policies(session, tenant).add(text, f"digest of {text}", "alice")

    async with database.reading() as session:
        assert await Policies(session, tenant).current() is None
    added = await asyncio.gather(*(add(f"document {number}") for number in range(10)))
    assert sorted(policy.version for policy in added) == list(range(1, 11))
    newest = max(added, key=lambda policy: policy.version)
    async with database.reading() as session:
        assert await Policies(session, tenant).current() == newest
    assert await add(newest.document) == newest


async def grant(database: Database, tenant: str, authorization_id: str) -> Authorization:
    async with database.transaction() as session:
        return await Authorizations(session, tenant).grant(
            authorization_id, digest="what", policy_digest="policy", decision_id="d", reviews=[{"reviewer": "alice"}]
        )


async def consume(database: Database, tenant: str, consumer: str) -> Authorization | None:
    async with database.transaction() as session:
        return await Authorizations(session, tenant).consume(["a", "b"], consumer)


async def test_an_authorization_is_used_once_but_again_by_the_same_consumer(database: Database, tenant: str) -> None:
    assert await consume(database, tenant, "too early") is None
    granted = await grant(database, tenant, "a")
    assert await grant(database, tenant, "a") == granted
    consumers = [f"run-{number % 10}" for number in range(30)]
    used = await asyncio.gather(*(consume(database, tenant, consumer) for consumer in consumers))
    winners = {consumer for consumer, found in zip(consumers, used, strict=True) if found}
    assert len(winners) == 1
    assert sum(found is not None for found in used) == 3
    assert await consume(database, f"{tenant}-other", winners.pop()) is None


async def test_each_authorization_serves_one_consumer(database: Database, tenant: str) -> None:
    for authorization_id in ("a", "b"):
        await grant(database, tenant, authorization_id)
    used = await asyncio.gather(*(consume(database, tenant, f"run-{number % 2}") for number in range(8)))
    by_consumer = {(found.id, found.consumed_by) for found in used if found}
    assert {number for number, _ in by_consumer} == {"a", "b"}
    assert {consumer for _, consumer in by_consumer} == {"run-0", "run-1"}
    assert len(by_consumer) == 2


async def test_a_result_once_put_never_changes(database: Database, tenant: str) -> None:
    for document in (b"\x00first", b"second"):
        async with database.transaction() as session:
            await Results(session, tenant).put("digest", "front", document)
    async with database.reading() as session:
        assert await Results(session, tenant).get("digest", "front") == b"\x00first"
        assert await Results(session, tenant).get("digest", "other kind") is None
        assert await Results(session, f"{tenant}-other").get("digest", "front") is None


async def test_decisions_are_replaced_by_id(database: Database, tenant: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    one, other = (
        StoredDecision(decision_id=name, document={"name": name}, started_at=start) for name in ("one", "other")
    )
    closed = one.model_copy(update={"outcome": "executed", "closed_at": start + timedelta(days=9)})
    async with database.transaction() as session:
        for decision in (one, other, closed):
            await Decisions(session, tenant).upsert(decision)
    async with database.reading() as session:
        stored = Decisions(session, tenant)
        assert [await stored.get(name) for name in ("one", "other", "none")] == [closed, other, None]
        assert await Decisions(session, f"{tenant}-other").get("one") is None


async def test_a_notification_is_recorded_once_by_key(database: Database, tenant: str) -> None:
    sent = Notification(
        key="k", decision_id="d", recipient="alice", kind="deadline", message="hello", sent_at=datetime.now(UTC)
    )

    async def record(message: str) -> bool:
        async with database.transaction() as session:
            return await Notifications(session, tenant).record(sent.model_copy(update={"message": message}))

    new = await asyncio.gather(*(record(str(number)) for number in range(10)))
    assert new.count(True) == 1
    async with database.reading() as session:
        (kept,) = await Notifications(session, tenant).list("d")
    assert kept.message == str(new.index(True))
