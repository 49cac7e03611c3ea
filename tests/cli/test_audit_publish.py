"""Heads published to a witness and a time-stamping authority, and verified by who has neither store nor network."""

import json
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.audit.logs import LOG_KEY, WITNESS_KEY
from tests.audit.places import add_checkpoint, make_authority, served, stamp
from tests.cli.command import Command
from voicehive.audit.entries import Draft, Kind
from voicehive.audit.witness import Witness
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database, migrate

TSA, WITNESS = "tsa.example", WITNESS_KEY.verifying.text()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
def here(alone: Command) -> Command:
    return alone.having(VOICEHIVE_AUDIT_KEY=LOG_KEY.text)


async def record(data: Path, numbers: Sequence[int]) -> None:
    url = f"sqlite:///{data / 'voicehive.db'}"
    await migrate(url)
    database = await Database.open(url)
    async with database.transaction() as session:
        await AuditLog(session, "default").append([Draft(kind=Kind.STEP, body={"n": n}) for n in numbers])
    await database.close()


def name_places(data: Path, witness: str, authority: str, root: Path, **limits: Any) -> None:
    places: Mapping[str, Any] = {
        "witnesses": [{"url": witness, "key": WITNESS, **limits}],
        "timestamp_authorities": [{"url": authority, "name": TSA, "roots": str(root), **limits}],
    }
    (data / "audit-places.json").write_text(json.dumps(places))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_authority(tmp_path / "tsa")


@pytest.fixture
def outside(tmp_path: Path, data: Path, root: Path) -> Generator[None]:
    """The witness and the authority, running, and named to the command."""
    witness = Witness(WITNESS_KEY, [LOG_KEY.verifying], tmp_path / "witness.json")
    with served(add_checkpoint(witness, [LOG_KEY.verifying])) as witnesses, served(stamp(root.parent)) as tsa:
        name_places(data, witnesses, tsa, root)
        yield


@pytest.fixture
def elsewhere(tmp_path: Path) -> Command:
    """The command where there is neither a store nor a key."""
    return Command({"VOICEHIVE_DATA_DIRECTORY": str(tmp_path / "elsewhere"), "TEMPORAL_ADDRESS": ""})


def trusting(root: Path) -> tuple[str, ...]:
    return ("--log", LOG_KEY.verifying.text(), "--witness", WITNESS, "--authority", f"{TSA}={root}", "--json")


async def test_what_a_place_missed_while_it_was_away_is_made_good_and_shown_offline(
    here: Command, elsewhere: Command, data: Path, root: Path, tmp_path: Path
) -> None:
    witness = Witness(WITNESS_KEY, [LOG_KEY.verifying], tmp_path / "witness.json")
    gone = "http://127.0.0.1:1"
    await record(data, range(7))
    with served(stamp(root.parent)) as tsa:
        name_places(data, gone, tsa, root, attempts=1)
        away = await here("audit", "publish", "--json")
    assert (away.code, [one["done"] for one in away.document["places"]]) == (7, [False, True]), away
    assert "nothing is lost" in away.document["places"][0]["said"]

    await record(data, range(7, 20))
    with served(add_checkpoint(witness, [LOG_KEY.verifying])) as witnesses, served(stamp(root.parent)) as tsa:
        name_places(data, witnesses, tsa, root)
        assert (await here("audit", "publish")).code == 0
    file = tmp_path / "export.jsonl"
    assert (await here("audit", "export", file)).code == 0
    verified = await elsewhere("audit", "verify", file, *trusting(root))
    assert verified.code == 0, verified
    assert verified.document["cosigned"] == {WITNESS_KEY.name: 20}
    assert verified.document["stamped"][TSA]["size"] == 20


@pytest.mark.usefixtures("outside")
async def test_a_proof_brings_what_was_said_of_its_head_and_is_not_taken_without(
    here: Command, elsewhere: Command, data: Path, root: Path, tmp_path: Path
) -> None:
    proof = tmp_path / "entry.tlog-proof"
    await record(data, range(7))
    assert (await here("audit", "head")).code == 0
    proof.write_text((await here("audit", "prove", "--entry", "5")).stdout)
    missed = await elsewhere("audit", "verify", proof, *trusting(root))
    assert missed.code == 3
    assert f"by {WITNESS_KEY.name}, {TSA}" in missed.stderr
    assert (await here("audit", "publish")).code == 0
    proof.write_text((await here("audit", "prove", "--entry", "5")).stdout)
    shown = await elsewhere("audit", "verify", proof, *trusting(root))
    assert (shown.code, shown.document["entry"]["body"]) == (0, {"n": 5})


@pytest.mark.usefixtures("outside")
async def test_a_log_is_published_once_and_one_that_was_rewritten_is_refused(here: Command, data: Path) -> None:
    await record(data, range(7))
    assert (await here("audit", "publish")).code == 0
    assert (await here("audit", "publish")).stdout.count("before") == 2
    for suffix in ("", "-wal", "-shm"):
        (data / f"voicehive.db{suffix}").unlink(missing_ok=True)
    await record(data, range(100, 140))
    rewritten = await here("audit", "publish")
    assert rewritten.code == 6
    assert "rewritten" in rewritten.stdout


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (None, "no such file"),
        ("{}", "names no place"),
        ('{"witnesses":[{"url":"ftp://x","key":"k"}]}', "witnesses.0.url"),
        ('{"witnesses":[{"url":"http://127.0.0.1:1","key":"k"}]}', "verifying key"),
        ('{"timestamp_authorities":[{"url":"http://127.0.0.1:1","name":"t","roots":"absent"}]}', "absent"),
    ],
)
async def test_places_that_cannot_be_used_are_named_before_anything_is_sent(
    here: Command, data: Path, places: str | None, said: str
) -> None:
    if places is not None:
        (data / "audit-places.json").write_text(places)
    answer = await here("audit", "publish")
    assert answer.code == 2
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
