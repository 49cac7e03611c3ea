"""Versions of a policy with who put them in force and their signatures, and the facts that verdicts were given on."""

from datetime import UTC, datetime, timedelta

from voicehive.audit.entries import Entry
from voicehive.storage.assessments import Assessments, StoredAssessment
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database
from voicehive.storage.policies import Policies, StoredPolicy


async def add(database: Database, tenant: str, text: str, author: str, signature: str | None = None) -> StoredPolicy:
    async with database.transaction() as session:
        signer = "key" if signature else None
        return await Policies(session, tenant).add(text, f"digest of {text}", author, signature, signer)


async def test_every_version_is_kept_with_its_author_and_signature(database: Database, tenant: str) -> None:
    first = await add(database, tenant, "one", "alice")
    second = await add(database, tenant, "two", "bob", "signed")
    assert (first.signature, first.signer) == (None, None)
    assert (second.signature, second.signer) == ("signed", "key")
    async with database.reading() as session:
        policies = Policies(session, tenant)
        assert await policies.history() == [second, first]
        assert await policies.history(limit=1) == [second]
        assert [await policies.get(version) for version in (1, 2, 3)] == [first, second, None]
        assert await policies.document() == "two"


async def test_the_same_policy_again_is_a_new_version_only_with_another_signature(
    database: Database, tenant: str
) -> None:
    first = await add(database, tenant, "one", "alice")
    assert await add(database, tenant, "one", "bob") == first
    signed = await add(database, tenant, "one", "bob", "signed")
    assert (signed.version, signed.author) == (2, "bob")
    assert await add(database, tenant, "one", "bob", "signed") == signed


async def test_each_version_stands_in_the_audit_log_once(database: Database, tenant: str) -> None:
    await add(database, tenant, "one", "alice")
    await add(database, tenant, "one", "bob")
    await add(database, tenant, "one", "bob", "signed")
    async with database.reading() as session:
        leaves = [stored.leaf async for stored in AuditLog(session, tenant).entries()]
    entries = [Entry.parse(leaf) for leaf in leaves]
    assert [entry.kind for entry in entries] == ["policy"] * 2
    assert [entry.body for entry in entries] == [
        {"version": 1, "policy": "digest of one", "signed": False},
        {"version": 2, "policy": "digest of one", "signed": True, "signature": "signed", "signer": "key"},
    ]
    assert not any(name in "".join(leaves) for name in ("alice", "bob"))


async def test_assessments_are_kept_once_and_listed_from_the_newest(database: Database, tenant: str) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    kept = [
        StoredAssessment(
            id=f"decision/{number}",
            decision_id="decision",
            facts={"context": {"proposed": {"cost": 1e300}}},
            verdict="execute",
            mode="shadow",
            policy_digest="digest",
            assessed_at=begin + timedelta(hours=number),
        )
        for number in range(4)
    ]
    async with database.transaction() as session:
        assessments = Assessments(session, tenant)
        assert [await assessments.record(one) for one in kept] == [True] * 4
        assert not await assessments.record(kept[0].model_copy(update={"assessed_at": begin + timedelta(days=1)}))
    async with database.reading() as session:
        listed = await Assessments(session, tenant).list(3)
        assert [one.model_copy(update={"id": one.id.rpartition("/")[0]}) for one in listed] == kept[:0:-1]
        assert await Assessments(session, f"{tenant}-other").list(3) == []
    async with database.transaction() as session:
        assert await Assessments(session, tenant).record(kept[3].model_copy(update={"verdict": "reject"}))
    async with database.reading() as session:
        newest = await Assessments(session, tenant).list(2)
        assert {one.verdict for one in newest} == {"execute", "reject"}
