"""The `trust` commands, as a shell runs them, on a store of their own."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.autonomy.policies import document
from tests.cli.command import Answer
from voicehive.autonomy.policy_document import parse_policy
from voicehive.storage.database import Database, migrate
from voicehive.storage.outcomes import AssessedCase, TrustOutcomes
from voicehive.storage.policies import Policies

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Store:
    """The command on a store, and the store itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'store.db'}"

    async def __call__(self, *arguments: str) -> Answer:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.cli.trust_command", *arguments,
            env={"VOICEHIVE_DATABASE_URL": self.url, "VOICEHIVE_DATA_DIRECTORY": str(self.folder), "COLUMNS": "120",
                 "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LOGNAME": "olivia"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stdout, stderr = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Answer(process.returncode, stdout.decode(), stderr.decode())

    async def fill(self, count: int, promise: dict[str, float | str] | None, *, alone: bool = False) -> None:
        """A policy, and decisions that are wrong only where they are unsure; the last ten have no outcome yet."""
        await migrate(self.url)
        database = await Database.open(self.url)
        text = yaml.safe_dump(document(autonomy={"threshold": 0.0} | ({} if promise is None else {"promise": promise})))
        generator = np.random.default_rng(1)
        async with database.transaction() as session:
            await Policies(session, "default").add(text, parse_policy(text).content_digest(), "alice")
            outcomes = TrustOutcomes(session, "default")
            for number in range(count):
                sure = float(generator.random())
                case = AssessedCase(
                    decision_id=f"d{number}", kind="capacity", parts={"preference": sure}, confidence=sure,
                    situation={"cost": 1.0}, alone=alone, assessed_at=NOW,
                )  # fmt: skip
                await outcomes.assessed(case)
                if number < count - 10:
                    wrong = float(generator.random() < (1 - sure) ** 6)
                    await outcomes.record(case.decision_id, wrong, NOW + timedelta(seconds=number))
        await database.close()

    async def record(self, *names: str) -> None:
        """As many outcomes that are wrong."""
        database = await Database.open(self.url)
        async with database.transaction() as session:
            for name in names:
                await TrustOutcomes(session, "default").record(name, 1.0, NOW)
        await database.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


async def test_trust_is_measured_shown_and_withdrawn(store: Store) -> None:
    await store.fill(410, {"alpha": 0.05, "delta": 0.05}, alone=True)
    measured = await store("measure", "--json")
    assert measured.code == 0, measured
    [kind] = measured.document["kinds"]
    assert (kind["outcomes"], kind["in_force"]["more_faultless"]) == (400, 0)
    assert 0 < kind["in_force"]["threshold"] < 1
    assert kind["report"]["calibration"]["calibrated"]
    assert kind["report"]["calibration"]["error_after"] is not None
    await store.record(*(f"d{number}" for number in range(400, 405)))
    last = await store("record", "d405", "--bad", "--json")
    assert (last.code, last.document["loss"], last.document["withdrawn"]) == (0, 1.0, True)
    shown = await store("show")
    assert "at most 5% may turn out wrong, with certainty 95%" in shown.stdout
    assert "WITHDRAWN" in shown.stdout
    assert "a person must look into it" in shown.stdout
    anew = await store("measure", "--begin-anew", "--kind", "capacity", "--json")
    monitor = anew.document["kinds"][0]["report"]["monitor"]
    assert (monitor["withdrawn_at"], monitor["outcomes"]) == (None, 0)


async def test_what_cannot_be_recorded_is_refused(store: Store) -> None:
    await store.fill(20, {"alpha": 0.05, "delta": 0.05})
    await store.record("d12")
    answers = {
        "exactly one": await store("record", "d15", "--good", "--bad"),
        "bounded": await store("record", "d15", "--loss", "0.3"),
        "recorded before": await store("record", "d12", "--good"),
    }
    for told, answer in answers.items():
        assert answer.code == 2, answer
        assert told in answer.stderr
        assert "Traceback" not in answer.stderr
    [kind] = (await store("show", "--json")).document["kinds"]
    assert (kind["outcomes"], kind["unknown"], kind["report"]) == (11, 9, None)
    assert (kind["in_force"]["threshold"], kind["in_force"]["more_faultless"]) == (None, 59)


async def test_without_a_promise_nothing_is_measured(store: Store) -> None:
    await store.fill(20, None)
    refused = await store("measure")
    assert (refused.code, "makes no promise" in refused.stderr) == (2, True)
