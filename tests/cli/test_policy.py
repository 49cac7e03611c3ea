"""The `policy` commands, as a shell runs them, on a store of their own."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.autonomy.policies import context, document
from tests.cli.command import Answer
from voicehive.autonomy.context import Facts
from voicehive.storage.allowances import Demand, Slot
from voicehive.storage.assessments import Assessments, StoredAssessment
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.database import Database, migrate
from voicehive.storage.kill_switches import KillSwitches

EXAMPLE = Path(__file__).parents[2] / "examples" / "policies" / "contact_centre.yaml"
RULE = {"id": "cheap", "expression": "proposed.cost <= 100.0", "severity": "block", "message": "m"}
CASE = {"name": "cheap runs", "context": {"proposed": {"cost": 90}}, "expect": "execute", "speaks": []}


class Store:
    """The command on a store, and the store itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder / 'store.db'}"

    async def __call__(self, *arguments: str | Path) -> Answer:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.cli.policy_command", *map(str, arguments),
            env={"VOICEHIVE_DATABASE_URL": self.url, "VOICEHIVE_DATA_DIRECTORY": str(self.folder), "COLUMNS": "100",
                 "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LOGNAME": "olivia"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stdout, stderr = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Answer(process.returncode, stdout.decode(), stderr.decode())

    def policy(self, name: str, **fields: Any) -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(document(**{"constraints": [RULE], "cases": [CASE], **fields})))
        return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


async def test_check_shows_examples_and_exits_by_what_it_found(store: Store) -> None:
    good, bad, unknown, absent = await asyncio.gather(
        store("check", EXAMPLE, "--json"),
        store("check", store.policy("bad", constraints=[{**RULE, "expression": "confidence > 2.0"}]), "--json"),
        store("check", store.policy("unknown", constraints=[{**RULE, "expression": "propsed.cost < 1.0"}])),
        store("check", store.folder / "absent.yaml"),
    )
    assert (good.code, good.document["sound"]) == (0, True)
    example = next(rule for rule in good.document["rules"] if rule["id"] == "spend-ceiling")
    assert example["holds_at"]["proposed.cost"] <= 20_000 < example["violated_at"]["proposed.cost"]
    assert (bad.code, bad.document["sound"]) == (2, False)
    assert "can never hold" in bad.document["faults"][0]
    assert unknown.code == 2
    assert "undeclared reference to 'propsed" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    assert (absent.code, "absent.yaml" in absent.stderr) == (2, True)
    assert not (store.folder / "store.db").exists()


async def test_test_runs_the_cases(store: Store) -> None:
    passing, failing = await asyncio.gather(
        store("test", EXAMPLE, "--json"),
        store("test", store.policy("failing", cases=[CASE, {**CASE, "name": "no", "expect": "reject"}]), "--json"),
    )
    assert (passing.code, passing.document["failed"]) == (0, 0)
    assert passing.document["passed"] >= 10
    assert (failing.code, failing.document["failed"]) == (2, 1)
    assert "expected reject, but it is execute" in failing.document["cases"][1]["told"]


async def test_only_a_policy_that_passes_takes_effect(store: Store) -> None:
    for name, fields in (
        ("faulty", {"constraints": [{**RULE, "expression": "confidence > 2.0"}], "cases": []}),
        ("failing", {"cases": [{**CASE, "expect": "reject"}]}),
    ):
        refused = await store("put", store.policy(name, **fields), "--author", "alice")
        assert refused.code == 2, refused
        assert "was not put in force" in refused.stderr
    assert (await store("show", "--json")).document["version"] == 0
    taken = await store("put", store.policy("good"), "--author", "alice", "--json")
    assert (taken.code, taken.document["version"], taken.document["author"]) == (0, 1, "alice")
    assert (await store("show", "--json")).document["document"] == (store.folder / "good.yaml").read_text()


async def test_versions_are_signed_and_listed(store: Store) -> None:
    key = store.folder / "key.pem"
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    await store("put", store.policy("one"), "--author", "alice")
    signed = await store("put", store.policy("two", limits={"a": 1}), "--author", "bob", "--key", key, "--json")
    assert signed.document["signature_valid"] is True
    history = (await store("history", "--json")).document["versions"]
    assert [(one["version"], one["author"], one["signature_valid"]) for one in history] == [
        (2, "bob", True),
        (1, "alice", None),
    ]
    database = await Database.open(store.url)
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE policies SET document = replace(document, '100.0', '900.0')")
    await database.close()
    assert (await store("show", "--json")).document["signature_valid"] is False
    assert "NOT VALID" in (await store("history")).stdout


async def test_diff_replays_what_the_store_keeps(store: Store) -> None:
    old, new = store.policy("old"), store.policy("new", constraints=[{**RULE, "expression": "proposed.cost <= 80.0"}])
    empty = await store("diff", old, new)
    assert (empty.code, "keeps no verdict" in empty.stdout) == (0, True)
    database = await Database.open(store.url)
    async with database.transaction() as session:
        for name, cost in (("cheap", 70.0), ("dear", 90.0)):
            await Assessments(session, "default").record(
                StoredAssessment(
                    id=name,
                    decision_id=name,
                    facts=Facts(context=context(proposed={"cost": cost})).model_dump(mode="json"),
                    verdict="execute",
                    mode="autonomous",
                    policy_digest="d",
                    assessed_at=datetime.now(UTC),
                )
            )
    await database.close()
    await store("put", old, "--author", "alice")
    answer = await store("diff", "1", new, "--json")
    assert answer.document["compared"] == 2
    (change,) = answer.document["changed"]
    assert (change["decision_id"], change["old"], change["new"]) == ("dear", "execute", "reject")
    assert (await store("diff", "7", new)).code == 2


async def test_the_kill_switch_is_turned_and_its_history_kept(store: Store) -> None:
    stopped = await store("stop", "--reason", "storm", "--author", "carol", "--json")
    assert (stopped.code, stopped.document["stopped"], stopped.document["reason"]) == (0, True, "storm")
    await store("stop", "--reason", "everything", "--author", "dora", "--everywhere")
    assert (await store("stop", "--reason", " ")).code == 2
    shown = (await store("show", "--json")).document["stops"]
    assert [(stop["author"], stop["everywhere"]) for stop in shown] == [("dora", True), ("carol", False)]
    database = await Database.open(store.url)
    async with database.reading() as session:
        assert len(await KillSwitches(session).stops("default")) == 2
    await store("resume", "--everywhere", "--author", "dora")
    await store("resume", "--author", "carol")
    async with database.reading() as session:
        assert await KillSwitches(session).stops("default") == ()
    await database.close()
    turns = (await store("history", "--json")).document["switches"]
    assert [(turn["tenant"], turn["stopped"], turn["author"]) for turn in turns] == [
        ("default", False, "carol"), ("*", False, "dora"), ("*", True, "dora"), ("default", True, "carol"),
    ]  # fmt: skip


async def test_a_run_that_is_gone_gives_back_what_it_held(store: Store) -> None:
    await migrate(store.url)
    database = await Database.open(store.url)
    demand = Demand(slots=(Slot(limit="one", at_most=1, deployment="d"),))
    async with database.transaction() as session:
        assert await AutonomousActions(session, "default").reserve("gone", demand, datetime.now(UTC)) == ()
    assert (await store("release", "gone")).code == 0
    assert (await store("release", "gone")).code == 2
    async with database.transaction() as session:
        assert await AutonomousActions(session, "default").reserve("next", demand, datetime.now(UTC)) == ()
    await database.close()


def test_json_is_one_document() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tests.cli.policy_command", "test", EXAMPLE, "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(shown.stdout)["policy"] == "contact-centre"
