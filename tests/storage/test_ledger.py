import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.storage.database import Database
from voicehive.storage.errors import KeyReused, KeyWithdrawn, VersionConflict
from voicehive.storage.ledger import ActionLedger, JsonObject, LedgerKey
from voicehive.storage.parameters import Parameters
from voicehive.storage.tables import LedgerRow

WITHIN = timedelta(seconds=5)


def key_of(tenant: str, key: str = "key", owner: str = "run") -> LedgerKey:
    return LedgerKey(tenant, key, owner, "count", "digest of the arguments")


def counting(tenant: str, by: int) -> Callable[..., Awaitable[JsonObject]]:
    """A change (or its undoing) that counts how often it happened."""

    async def change(session: AsyncSession, *_: Any) -> JsonObject:
        parameters = Parameters(session, tenant)
        while True:
            before = await parameters.get("d", "count")
            count = (before.value or 0) + by  # type: ignore[operator]
            try:
                await parameters.set("d", "count", count, expected_version=before.version)
            except VersionConflict:  # another key counted in between; its row is ours now
                continue
            return {"count": count}

    return change


async def counted(database: Database, tenant: str) -> Any:
    async with database.reading() as session:
        return (await Parameters(session, tenant).get("d", "count")).value


async def state_of(database: Database, key: LedgerKey) -> str | None:
    async with database.reading() as session:
        row = await session.get(LedgerRow, (key.tenant, key.key))
        return row.state if row else None


async def test_many_attempts_apply_once_and_undo_once(database: Database, tenant: str) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)
    applied = await asyncio.gather(*(ledger.apply(key, counting(tenant, 1)) for _ in range(40)))
    assert applied == [{"count": 1}] * 40
    assert await counted(database, tenant) == 1
    undone = await asyncio.gather(*(ledger.undo(key, counting(tenant, -1)) for _ in range(40)))
    assert undone == [{"count": 0}] * 40
    assert await counted(database, tenant) == 0
    with pytest.raises(KeyWithdrawn, match="count under the key 'key' was already compensated"):
        await ledger.apply(key, counting(tenant, 1))


async def test_what_was_undone_before_it_happened_never_happens(database: Database, tenant: str) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)
    assert await ledger.undo(key, counting(tenant, -1)) is None
    assert await ledger.undo(key, counting(tenant, -1)) is None
    with pytest.raises(KeyWithdrawn):
        await ledger.apply(key, counting(tenant, 1))
    assert await counted(database, tenant) is None
    assert await state_of(database, key) == "void"


async def test_whoever_wins_a_race_nothing_is_left_applied(database: Database, tenant: str) -> None:
    ledger = ActionLedger(database)

    async def race(number: int) -> list[Any]:
        key = key_of(tenant, f"key-{number}")
        attempts = [ledger.apply(key, counting(tenant, 1)), ledger.undo(key, counting(tenant, -1))]
        return await asyncio.gather(*(attempts if number % 2 else reversed(attempts)), return_exceptions=True)

    outcomes = await asyncio.gather(*(race(number) for number in range(20)), return_exceptions=False)
    assert await counted(database, tenant) in (0, None)
    unexpected = [one for pair in outcomes for one in pair if not isinstance(one, dict | KeyWithdrawn | None)]
    assert unexpected == []


async def test_a_change_that_fails_leaves_no_trace_and_may_be_tried_again(database: Database, tenant: str) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)

    async def fail(session: AsyncSession) -> JsonObject:
        await counting(tenant, 1)(session)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        await ledger.apply(key, fail)
    assert await counted(database, tenant) is None
    assert await state_of(database, key) is None
    assert await ledger.apply(key, counting(tenant, 1)) == {"count": 1}


async def test_cancelled_attempts_neither_half_apply_nor_block_others(database: Database, tenant: str) -> None:
    ledger = ActionLedger(database)
    tasks = [
        asyncio.create_task(ledger.apply(key_of(tenant, f"key-{number}"), counting(tenant, 1))) for number in range(30)
    ]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.001)
        if number % 2:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    states = [await state_of(database, key_of(tenant, f"key-{number}")) for number in range(30)]
    assert await counted(database, tenant) == states.count("applied") >= 15
    assert set(states) <= {"applied", None}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"action": "remove"}, "before for the action 'count'"),
        ({"arguments_digest": "another digest"}, "before with other arguments"),
    ],
)
async def test_a_key_stands_for_one_thing_only(
    database: Database, tenant: str, other: dict[str, str], message: str
) -> None:
    ledger, own = ActionLedger(database), replace(key_of(tenant), **other)
    await ledger.apply(key_of(tenant), counting(tenant, 1))
    others = replace(own, owner="another run")
    for key in (own, others):
        with pytest.raises(KeyReused, match=message):
            await ledger.apply(key, counting(tenant, 1))
        with pytest.raises(KeyReused, match=message):
            await ledger.apply_outside(key, Outside(), within=WITHIN, changed_nothing=refused)
    with pytest.raises(KeyReused, match=message):  # it is this run's change, only described otherwise
        await ledger.undo(own, counting(tenant, -1))
    with pytest.raises(KeyReused, match=message):
        await ledger.undo_outside(own, Outside())
    assert await ledger.undo(others, counting(tenant, -1)) is None
    assert await ledger.undo_outside(others, Outside()) is None
    assert await counted(database, tenant) == 1
    assert await state_of(database, own) == "applied"


async def test_only_the_run_that_made_a_change_undoes_it_and_then_the_key_is_spent(
    database: Database, tenant: str
) -> None:
    ledger, owner, sharer = ActionLedger(database), key_of(tenant), key_of(tenant, owner="another run")
    assert await ledger.apply(owner, counting(tenant, 1)) == {"count": 1}
    assert await ledger.apply(sharer, counting(tenant, 1)) == {"count": 1}
    assert await ledger.undo(sharer, counting(tenant, -1)) is None
    assert (await counted(database, tenant), await state_of(database, owner)) == (1, "applied")
    assert await ledger.undo(owner, counting(tenant, -1)) == {"count": 0}
    assert await ledger.undo(sharer, counting(tenant, -1)) is None
    for key in (owner, sharer, key_of(tenant, owner="a third run")):
        with pytest.raises(KeyWithdrawn):
            await ledger.apply(key, counting(tenant, 1))
    assert await counted(database, tenant) == 0


@pytest.mark.parametrize("other", [{}, {"arguments_digest": "another digest"}], ids=["the same", "something else"])
async def test_a_tombstone_binds_only_the_run_that_left_it(
    database: Database, tenant: str, other: dict[str, str]
) -> None:
    ledger, withdrawn = ActionLedger(database), key_of(tenant)
    assert await ledger.undo(withdrawn, counting(tenant, -1)) is None
    lively = replace(withdrawn, owner="another run", **other)
    assert await ledger.apply(lively, counting(tenant, 1)) == {"count": 1}
    with pytest.raises(KeyWithdrawn):
        await ledger.apply(withdrawn, counting(tenant, 1))
    assert await ledger.undo(withdrawn, counting(tenant, -1)) is None
    assert await counted(database, tenant) == 1
    assert await ledger.undo(lively, counting(tenant, -1)) == {"count": 0}


@given(
    calls=st.lists(
        st.lists(st.tuples(st.sampled_from(["apply", "undo"]), st.sampled_from("abc")), min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_runs_that_share_a_key_never_undo_each_others_change(
    database: Database, tenant: str, calls: list[list[tuple[str, str]]]
) -> None:
    """Whatever they do at once: applied at most once, undone by its owner alone, never by a run that withdrew."""
    ledger, key, withdrawn = ActionLedger(database), uuid4().hex, set[str]()
    before, state, owner = await counted(database, tenant) or 0, "void", ""
    for together in calls:
        attempts = [
            ledger.apply(key_of(tenant, key, run), counting(tenant, 1))
            if what == "apply"
            else ledger.undo(key_of(tenant, key, run), counting(tenant, -1))
            for what, run in together
        ]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        assert all(isinstance(one, dict | KeyWithdrawn | None) for one in outcomes)
        asked = {run for what, run in together if what == "undo"}
        undone = {run for (what, run), one in zip(together, outcomes, strict=True) if what == "undo" and one}
        async with database.reading() as session:
            row = await session.get_one(LedgerRow, (tenant, key))
        assert (await counted(database, tenant) or 0) == before + (row.state == "applied")
        if state == "void":
            assert row.state == "void" or row.owner not in withdrawn
        else:
            assert row.owner == owner
            assert row.state == ("compensated" if owner in asked else state)
        assert undone == (asked & {row.owner} if row.state == "compensated" else set())
        state, owner = row.state, row.owner
        withdrawn |= asked


PROCESS = """
import asyncio, sys
from tests.storage.test_ledger import counting, key_of
from voicehive.storage.database import Database
from voicehive.storage.errors import KeyWithdrawn
from voicehive.storage.ledger import ActionLedger

async def main(url, tenant):
    database = await Database.open(url)
    ledger = ActionLedger(database)
    keys = [key_of(tenant, f"key-{number}") for number in range(25)]
    attempts = [ledger.apply(key, counting(tenant, 1)) for key in keys]
    attempts += [ledger.undo(key, counting(tenant, -1)) for key in keys[:5]]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    await database.close()
    errors = [one for one in outcomes if isinstance(one, BaseException)]
    sys.exit("".join(repr(error) for error in errors if not isinstance(error, KeyWithdrawn)))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_apply_each_key_once_between_them(database: Database, database_url: str, tenant: str) -> None:
    async with database.transaction() as session:
        await Parameters(session, tenant).set("d", "count", 100)
    arguments = ("-c", PROCESS, database_url, tenant)
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
        for _ in range(3)
    ]
    assert [(await process.communicate())[1].decode().strip() for process in processes] == [""] * 3
    states = [await state_of(database, key_of(tenant, f"key-{number}")) for number in range(25)]
    assert await counted(database, tenant) == 100 + 20
    assert states[5:] == ["applied"] * 20
    assert set(states[:5]) <= {"compensated", "void"}


class Outside:
    """A system outside the database: remembers what it was sent, and answers as told."""

    def __init__(self, *answers: JsonObject | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Any] = []

    async def __call__(self, *arguments: Any) -> JsonObject:
        self.sent.append(arguments)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refused(error: Exception) -> bool:
    return isinstance(error, PermissionError)


async def test_outside_a_success_is_sent_once_and_undone_once(database: Database, tenant: str) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)
    system, undo = Outside(OSError("try again"), {"id": 7}), Outside(OSError("try again"), {"deleted": 7})

    async def apply() -> JsonObject:
        return await ledger.apply_outside(key, system, within=WITHIN, changed_nothing=refused)

    with pytest.raises(OSError, match="try again"):
        await apply()
    assert [await apply(), await apply()] == [{"id": 7}] * 2
    assert len(system.sent) == 2
    with pytest.raises(OSError, match="try again"):
        await ledger.undo_outside(key, undo)
    assert await state_of(database, key) == "compensating"
    with pytest.raises(KeyWithdrawn):
        await apply()
    assert [await ledger.undo_outside(key, undo), await ledger.undo_outside(key, undo)] == [{"deleted": 7}] * 2
    assert undo.sent == [({"id": 7},), ({"id": 7},)]
    with pytest.raises(KeyWithdrawn):
        await apply()
    assert len(system.sent) == 2


@pytest.mark.parametrize(
    ("failures", "undone"),
    [
        ([], False),
        ([PermissionError("no")], False),
        ([OSError("perhaps")], True),
        ([OSError("perhaps"), PermissionError("no")], True),
        ([PermissionError("no"), PermissionError("no")], False),
    ],
)
async def test_outside_what_may_have_happened_is_undone(
    database: Database, tenant: str, failures: list[Exception], undone: bool
) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)
    for failure in failures:
        with pytest.raises(type(failure)):
            await ledger.apply_outside(key, Outside(failure), within=WITHIN, changed_nothing=refused)
    undo = Outside({"deleted": None})
    assert await ledger.undo_outside(key, undo) == ({"deleted": None} if undone else None)
    assert undo.sent == ([(None,)] if undone else [])
    with pytest.raises(KeyWithdrawn):
        await ledger.apply_outside(key, Outside(), within=WITHIN, changed_nothing=refused)


async def test_outside_undoing_waits_for_an_attempt_under_way(database: Database, tenant: str) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)
    sending, answered, order = asyncio.Event(), asyncio.Event(), list[str]()

    async def send() -> JsonObject:
        sending.set()
        await answered.wait()
        order.append("applied")
        return {"id": 7}

    async def undo(result: JsonObject | None) -> JsonObject:
        order.append(f"undone {result}")
        return {}

    attempt = asyncio.create_task(ledger.apply_outside(key, send, within=WITHIN, changed_nothing=refused))
    await sending.wait()
    undoing = asyncio.create_task(ledger.undo_outside(key, undo))
    await asyncio.sleep(0.3)
    assert order == []
    answered.set()
    await asyncio.gather(attempt, undoing)
    assert order == ["applied", "undone {'id': 7}"]


@pytest.mark.parametrize("ending", ["cancelled", "too slow"])
async def test_outside_an_attempt_cut_short_may_have_happened(database: Database, tenant: str, ending: str) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)
    sending = asyncio.Event()

    async def send() -> JsonObject:
        sending.set()
        return await asyncio.Future[JsonObject]()

    within = WITHIN if ending == "cancelled" else timedelta(seconds=0.05)
    attempt = asyncio.create_task(ledger.apply_outside(key, send, within=within, changed_nothing=refused))
    await sending.wait()
    if ending == "cancelled":
        attempt.cancel()
    with pytest.raises((asyncio.CancelledError, TimeoutError)):
        await attempt
    undo = Outside({})
    async with asyncio.timeout(2):
        assert await ledger.undo_outside(key, undo) == {}
    assert undo.sent == [(None,)]


async def test_outside_an_answer_after_the_undoing_is_not_taken_for_a_success(database: Database, tenant: str) -> None:
    ledger, key = ActionLedger(database), key_of(tenant)
    sending, answered = asyncio.Event(), asyncio.Event()

    async def send() -> JsonObject:
        sending.set()
        await answered.wait()
        return {"id": 7}

    attempt = asyncio.create_task(ledger.apply_outside(key, send, within=WITHIN, changed_nothing=refused))
    await sending.wait()
    async with database.transaction() as session:  # as if the worker's clock had stood still for long
        row = await session.get_one(LedgerRow, (tenant, "key"))
        row.attempts = dict.fromkeys(row.attempts or {}, (datetime.now(UTC) - WITHIN).isoformat())
    await ledger.undo_outside(key, Outside({}))
    answered.set()
    with pytest.raises(KeyWithdrawn):
        await attempt


async def test_outside_another_run_waits_for_the_outcome_and_sends_nothing(database: Database, tenant: str) -> None:
    ledger, sending, answered = ActionLedger(database), asyncio.Event(), asyncio.Event()
    owner, sharer, doubter = (key_of(tenant, owner=run) for run in ("run", "another run", "a third run"))

    async def send() -> JsonObject:
        sending.set()
        await answered.wait()
        return {"id": 7}

    attempt = asyncio.create_task(ledger.apply_outside(owner, send, within=WITHIN, changed_nothing=refused))
    await sending.wait()
    waiting = [
        asyncio.create_task(ledger.apply_outside(key, Outside(), within=WITHIN, changed_nothing=refused))
        for key in (sharer, doubter)
    ]
    await asyncio.sleep(0.3)
    assert await ledger.undo_outside(doubter, Outside()) is None
    with pytest.raises(KeyWithdrawn):
        await waiting[1]
    answered.set()
    assert await asyncio.gather(attempt, waiting[0]) == [{"id": 7}] * 2
    assert await ledger.undo_outside(sharer, Outside()) is None
    undo = Outside({"deleted": 7})
    assert await ledger.undo_outside(owner, undo) == {"deleted": 7}
    assert undo.sent == [({"id": 7},)]


async def test_outside_a_tombstone_outlives_another_runs_refused_attempt(database: Database, tenant: str) -> None:
    ledger, withdrawn, lively = ActionLedger(database), key_of(tenant), key_of(tenant, owner="another run")
    assert await ledger.undo_outside(withdrawn, Outside()) is None
    with pytest.raises(PermissionError):
        await ledger.apply_outside(lively, Outside(PermissionError()), within=WITHIN, changed_nothing=refused)
    assert await state_of(database, lively) == "void"
    with pytest.raises(KeyWithdrawn):
        await ledger.apply_outside(withdrawn, Outside({}), within=WITHIN, changed_nothing=refused)
    sent = await ledger.apply_outside(lively, Outside({"id": 8}), within=WITHIN, changed_nothing=refused)
    assert sent == {"id": 8}
