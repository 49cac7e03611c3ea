import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Command
from voicehive.audit.entries import Draft, Kind, Personal
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database, migrate

NAME = "example.com/voicehive"


async def record(data: Path, *drafts: Draft) -> None:
    """Append to the log that the command finds in its data directory."""
    url = f"sqlite:///{data / 'voicehive.db'}"
    await migrate(url)
    database = await Database.open(url)
    async with database.transaction() as session:
        await AuditLog(session, "default").append(drafts)
    await database.close()


def steps(*numbers: int) -> list[Draft]:
    return [Draft(kind=Kind.STEP, body={"n": number}) for number in numbers]


async def done(command: Command, *arguments: str | Path) -> dict[str, Any]:
    answer = await command(*arguments, "--json")
    assert answer.code == 0, answer
    return answer.document


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def witness(tmp_path: Path) -> Command:
    """The command at another site."""
    return Command({"VOICEHIVE_DATA_DIRECTORY": str(tmp_path / "witness"), "TEMPORAL_ADDRESS": ""})


@pytest.fixture
def elsewhere(tmp_path: Path) -> Command:
    """The command where there is neither a store nor a key."""
    return Command({"VOICEHIVE_DATA_DIRECTORY": str(tmp_path / "elsewhere"), "TEMPORAL_ADDRESS": ""})


async def test_an_export_verifies_offline_and_a_changed_entry_is_named(
    alone: Command, elsewhere: Command, data: Path, tmp_path: Path
) -> None:
    key = (await done(alone, "audit", "keygen", NAME))["log"]
    await record(data, *steps(*range(20)))
    file = tmp_path / "export.jsonl"
    assert (await done(alone, "audit", "export", file))["entries"] == 20
    verified = await done(elsewhere, "audit", "verify", file, "--log", key)
    assert (verified["verified"], verified["size"], verified["origin"]) == (True, 20, f"{NAME}/default")
    assert not (tmp_path / "elsewhere").exists()

    file.write_bytes(file.read_bytes().replace(b'"n":12', b'"n":13'))
    answer = await elsewhere("audit", "verify", file, "--log", key, "--json")
    assert answer.code == 3
    assert answer.document["first"] == answer.document["last"] == 12
    assert "entry 12" in answer.stderr
    assert "Traceback" not in answer.stderr


async def test_an_entry_is_proven_to_who_has_only_the_key(
    alone: Command, elsewhere: Command, data: Path, tmp_path: Path
) -> None:
    key = (await done(alone, "audit", "keygen", NAME))["log"]
    await record(data, *steps(*range(9)))
    await done(alone, "audit", "head")
    answer = await alone("audit", "prove", "--entry", "5")
    assert answer.code == 0
    proof = tmp_path / "entry.tlog-proof"
    proof.write_text(answer.stdout)
    found = await done(elsewhere, "audit", "verify", proof, "--log", key)
    assert found["entry"]["body"] == {"n": 5}
    proof.write_text(answer.stdout.replace("index 5", "index 4"))
    broken = await elsewhere("audit", "verify", proof, "--log", key)
    assert broken.code == 3
    assert "entry 4" in broken.stderr


async def test_a_witness_cosigns_a_log_that_grows_and_refuses_one_that_was_rewritten(
    alone: Command, witness: Command, elsewhere: Command, data: Path, tmp_path: Path
) -> None:
    log = (await done(alone, "audit", "keygen", NAME))["log"]
    by = (await done(witness, "audit", "keygen", "witness.example"))["witness"]
    request, answer_file, anchors = tmp_path / "request", tmp_path / "answer", tmp_path / "anchors.jsonl"
    await record(data, *steps(*range(7)))
    first = await done(alone, "audit", "head", "--anchor", anchors)
    for since, more in ((0, 4), (7, 4)):
        request.write_text((await done(alone, "audit", "prove", "--since", str(since)))["proof"])
        answer = await witness("audit", "cosign", request, "--log", log)
        assert answer.code == 0, answer
        answer_file.write_text(answer.stdout)
        await done(alone, "audit", "head", "--cosignature", answer_file, "--witness", by, "--anchor", anchors)
        await record(data, *steps(*range(more)))
        await done(alone, "audit", "head")
    file = tmp_path / "export.jsonl"
    await done(alone, "audit", "export", file)
    verified = await done(elsewhere, "audit", "verify", file, "--log", log, "--witness", by, "--known", anchors)
    assert verified["cosigned"] == {"witness.example": 11}
    assert verified["known_heads"] == 3

    known = tmp_path / "known"
    known.write_text(first["checkpoint"])
    request.write_text((await done(alone, "audit", "prove", "--since", "7"))["proof"])
    continued = await done(elsewhere, "audit", "verify", request, "--log", log, "--known", known)
    assert (continued["old_size"], continued["size"]) == (7, 15)
    assert (await witness("audit", "cosign", request, "--log", log)).code == 6

    for suffix in ("", "-wal", "-shm"):
        (data / f"voicehive.db{suffix}").unlink(missing_ok=True)
    await record(data, *steps(*range(100, 120)))
    await done(alone, "audit", "head")
    request.write_text((await done(alone, "audit", "prove", "--since", "11"))["proof"])
    refused = await witness("audit", "cosign", request, "--log", log)
    assert refused.code == 6
    assert "rewritten" in refused.stderr
    await done(alone, "audit", "export", file)
    assert (await elsewhere("audit", "verify", file, "--log", log)).code == 0
    found = await elsewhere("audit", "verify", file, "--log", log, "--known", anchors)
    assert found.code == 3
    assert "known head of 7 entries" in found.stdout


async def test_an_erased_person_is_shown_as_erased(alone: Command, data: Path, tmp_path: Path) -> None:
    await done(alone, "audit", "keygen", NAME)
    people = [
        Draft(kind=Kind.REVIEW, personal={"reviewer": Personal(subject=one, value=one)}) for one in ("alice", "bob")
    ]
    await record(data, *people)
    file = tmp_path / "export.jsonl"
    await done(alone, "audit", "export", file)
    assert b"alice" in file.read_bytes()
    assert (await done(alone, "audit", "erase", "alice", "--reason", "asked for it"))["entry"] == 2
    await done(alone, "audit", "export", file)
    content = file.read_bytes()
    assert b"alice" not in content
    assert b'"erased_by":2' in content
    verified = await done(alone, "audit", "verify", file)
    assert (verified["shown"], verified["erased"]) == (1, 1)
    again = await alone("audit", "erase", "alice")
    assert again.code == 2
    assert "nothing" in again.stderr
    await done(alone, "audit", "export", file, "--withhold")
    assert b"bob" not in file.read_bytes()
    assert (await done(alone, "audit", "verify", file))["withheld"] == 1


async def test_what_is_missing_is_said_with_what_to_do(alone: Command, data: Path, tmp_path: Path) -> None:
    await record(data, *steps(1))
    file = tmp_path / "export.jsonl"
    file.write_text("{}\n")
    answers = await asyncio.gather(
        alone("audit", "head"), alone("audit", "export", file), alone("audit", "verify", file),
        alone("audit", "verify", file, "--log", "nonsense"), alone("audit", "verify", tmp_path / "absent"),
        alone("audit", "prove"), alone("audit", "prove", "--entry", "0"), alone("audit", "keygen", "a b"),
        alone("audit", "cosign", file, "--log", "nonsense"),
    )  # fmt: skip
    for answer in answers:
        assert answer.code == 2, answer
        assert answer.stderr.startswith("error: ")
        assert "Traceback" not in answer.stderr
    assert "voicehive audit keygen" in answers[0].stderr
    assert "voicehive audit head" in answers[1].stderr
    assert file.read_text() == "{}\n"


async def test_the_signing_key_is_never_overwritten_and_may_come_from_the_environment(
    alone: Command, elsewhere: Command, data: Path, tmp_path: Path
) -> None:
    await done(alone, "audit", "keygen", NAME)
    before = (data / "audit.key").read_text()
    again = await alone("audit", "keygen", NAME)
    assert again.code == 2
    assert (data / "audit.key").read_text() == before
    await record(tmp_path / "elsewhere", *steps(1, 2))
    head = await done(elsewhere.having(VOICEHIVE_AUDIT_KEY=before), "audit", "head")
    assert head["size"] == 2
    assert NAME in head["checkpoint"]
    assert json.loads((await elsewhere("audit", "head", "--json")).stdout)["exit_code"] == 2
