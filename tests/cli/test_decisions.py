"""A decision from the command line, and its outcome as the exit code."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from tests.cli.command import ASK, TENANT, Command, write_request
from voicehive.storage.database import Database
from voicehive.storage.parameters import Parameters

FAILING_CHECK: dict[str, Any] = {
    "name": "trunks",
    "action": "parameter.check",
    "arguments": {"name": "telephony.trunks", "equals": "enlarged"},
    "retry": {"maximum_attempts": 1},
}


@pytest.fixture
def place() -> str:
    return f"place-{uuid4().hex[:8]}"


async def settings_of(store: Database, deployment: str) -> dict[str, Any]:
    async with store.reading() as session:
        return {each.name: each.value for each in await Parameters(session, TENANT).list(deployment)}


async def until_waiting(client: Client, workflow_id: str) -> dict[str, Any]:
    for _ in range(300):
        try:
            status = await client.get_workflow_handle(workflow_id).query("status")
        except Exception:
            status = {"waiting": []}
        if status["waiting"]:
            return status["waiting"][0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"{workflow_id} never asked anybody")


async def test_executed_alone(voicehive: Command, store: Database, tmp_path: Path, place: str) -> None:
    answer = await voicehive("decide", write_request(tmp_path / "r.json", place), "--wait", "--json", "--id", place)
    assert answer.code == 0, answer
    assert answer.document["outcome"] == "executed"
    assert answer.document["url"].endswith(f"/namespaces/default/workflows/{place}")
    assert await settings_of(store, place) == {"agents.morning": 54, "agents.peak": 85, "agents.evening": 54}
    for told in ("searched", "verdict execute", "step 3/3", "executed"):
        assert told in answer.stderr


async def test_waits_and_says_which_command_to_type(
    voicehive: Command, store: Database, temporal_client: Client, tmp_path: Path, place: str
) -> None:
    request = write_request(tmp_path / "r.json", place, constraints=[ASK])
    process = await voicehive.start("decide", request, "--wait", "--id", place)
    await until_waiting(temporal_client, place)
    status = await voicehive("status", place)
    assert f"voicehive approve {place} --reviewer alice" in status.stdout
    assert "people must see this" in status.stdout
    await temporal_client.get_workflow_handle(place).signal("approve", {"reviewer": "bob"})
    stdout, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert f"voicehive approve {place} --reviewer alice" in stdout.decode()
    assert "bob says approve" in stdout.decode()
    assert (await settings_of(store, place))["agents.peak"] == 85


async def test_rejected_by_the_command(
    voicehive: Command, store: Database, temporal_client: Client, tmp_path: Path, place: str
) -> None:
    request = write_request(tmp_path / "r.json", place, constraints=[ASK])
    process = await voicehive.start("decide", request, "--wait", "--json", "--id", place)
    waiting = await until_waiting(temporal_client, place)
    refused = await voicehive("approve", place, "--reviewer", "zoe")
    assert refused.code == 6
    assert "unknown reviewer 'zoe'" in refused.stderr
    stale = await voicehive("approve", place, "--reviewer", "bob", "--digest", "0" * 64, "--json")
    assert (stale.code, stale.document["exit_code"]) == (6, 6)
    taken = await voicehive.having(VOICEHIVE_REVIEWER="bob")(
        "reject", place, "--digest", waiting["digest"], "--reason", "not today", "--json"
    )
    assert taken.code == 0
    assert taken.document["review"]["reviewer"] == "bob"
    stdout, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 3
    assert json.loads(stdout)["reason"] == "rejected by bob: not today"
    assert await settings_of(store, place) == {}
    late = await voicehive("approve", place, "--reviewer", "bob")
    assert late.code == 6
    assert "has ended (rejected)" in late.stderr


async def test_edit_is_what_runs(
    voicehive: Command, store: Database, temporal_client: Client, tmp_path: Path, place: str
) -> None:
    request = write_request(tmp_path / "r.json", place, constraints=[ASK])
    assert (await voicehive("decide", request, "--id", place)).code == 0
    await until_waiting(temporal_client, place)
    broken = await voicehive("edit", place, "--reviewer", "alice", "--set", "agents.peak=9999")
    assert broken.code == 6
    assert "agents.peak" in broken.stderr
    assert (await voicehive("edit", place, "--reviewer", "alice", "--arguments", "{")).code == 2
    assert (await voicehive("edit", place, "--reviewer", "alice", "--set", "agents.peak=84")).code == 0
    await until_waiting(temporal_client, place)
    assert (await voicehive("approve", place, "--reviewer", "alice")).code == 6, "four eyes"
    assert (await voicehive("approve", place, "--reviewer", "bob")).code == 0
    await temporal_client.get_workflow_handle(place).result()
    assert (await settings_of(store, place))["agents.peak"] == 84


async def test_rolled_back(voicehive: Command, store: Database, tmp_path: Path, place: str) -> None:
    async with store.transaction() as session:
        await Parameters(session, TENANT).set(place, "agents.peak", 80)
    request = write_request(tmp_path / "r.json", place, execution={"afterwards": [FAILING_CHECK]})
    answer = await voicehive("decide", request, "--wait", "--id", place)
    assert answer.code == 4, answer
    assert await settings_of(store, place) == {"agents.peak": 80}
    assert "not 'enlarged'" in " ".join(answer.stdout.split())
    child = await voicehive("status", f"{place}-execution", "--json")
    assert child.code == 0
    assert [step["state"] for step in child.document["execution"]["steps"]] == ["compensated"] * 3 + ["failed"]
    assert child.document["outcome"] == "rolled_back"


async def test_cancelled(voicehive: Command, temporal_client: Client, tmp_path: Path, place: str) -> None:
    request = write_request(tmp_path / "r.json", place, constraints=[ASK])
    process = await voicehive.start("decide", request, "--wait", "--json", "--id", place)
    await until_waiting(temporal_client, place)
    await temporal_client.get_workflow_handle(place).cancel()
    stdout, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 5
    assert json.loads(stdout)["state"] == "CANCELED"


async def test_id_is_taken_once(voicehive: Command, tmp_path: Path, place: str) -> None:
    request = write_request(tmp_path / "r.json", place)
    assert (await voicehive("decide", request, "--wait", "--id", place)).code == 0
    again = await voicehive("decide", request, "--id", place)
    assert again.code == 2
    assert f"--id {place}: this decision exists" in again.stderr


async def test_csv_beside_the_request_is_sent_inline(
    voicehive: Command, temporal_client: Client, tmp_path: Path, place: str
) -> None:
    request = json.loads(write_request(tmp_path / "r.json", place).read_text())
    arrivals = request["problem"]["evaluator"].pop("arrivals")
    rows = [f"1,{interval['start']},{interval['calls']}" for interval in arrivals]
    (tmp_path / "calls.csv").write_text("\n".join(["business_day,interval_start,calls", *rows]))
    request["problem"]["evaluator"]["arrivals_file"] = "calls.csv"
    (tmp_path / "r.json").write_text(json.dumps(request))
    assert (await voicehive("decide", tmp_path / "r.json", "--wait", "--id", place)).code == 0
    history = await temporal_client.get_workflow_handle(place).fetch_history()
    sent = json.loads(history.events[0].workflow_execution_started_event_attributes.input.payloads[0].data)
    evaluator = sent["problem"]["evaluator"]
    assert [(each["start"], each["calls"]) for each in evaluator["arrivals"]] == [
        (each["start"], each["calls"]) for each in arrivals
    ]
    assert evaluator["arrivals_file"] is None


async def test_list_by_tenant_and_stage(
    voicehive: Command, temporal_client: Client, tmp_path: Path, place: str
) -> None:
    request = write_request(tmp_path / "r.json", place, constraints=[ASK], tenant=place)
    assert (await voicehive("decide", request, "--id", place)).code == 0
    await until_waiting(temporal_client, place)
    found = await voicehive("list", "--tenant", place, "--stage", "waiting_for_people", "--json")
    assert [run["id"] for run in found.document["runs"]] == [place]
    assert found.document["runs"][0]["reviewers"] == ["alice", "bob"]
    assert (await voicehive("list", "--tenant", place, "--stage", "closed", "--json")).document == {"runs": []}
    assert "waiting_for_people" in (await voicehive("list", "--stage", "sleeping")).stderr
    await temporal_client.get_workflow_handle(place).terminate()


async def test_malformed_run_of_another_client_is_explained(
    voicehive: Command, temporal_client: Client, cli_settings: Any, place: str
) -> None:
    await temporal_client.start_workflow(
        "DecisionWorkflow", {"kind": "capacity"}, id=place, task_queue=cli_settings.task_queue
    )
    with pytest.raises(Exception):  # noqa: B017, PT011  # only that it has ended
        await temporal_client.get_workflow_handle(place).result()
    answer = await voicehive("status", place)
    assert answer.code == 0
    assert "deployment: Field required" in " ".join(answer.stdout.split())


async def test_no_worker(voicehive: Command, temporal_client: Client, tmp_path: Path, place: str) -> None:
    nobody = voicehive.having(VOICEHIVE_TASK_QUEUE=f"nobody-{place}")
    assert (await nobody("decide", write_request(tmp_path / "r.json", place), "--id", place)).code == 0
    answers = await asyncio.gather(
        nobody("status", place, "--json"), nobody("approve", place, "--reviewer", "bob"), nobody("doctor", "--json")
    )
    assert [answer.code for answer in answers] == [7, 7, 7]
    for answer in answers[:2]:
        assert "no worker answers on task queue" in answer.stderr
        assert "voicehive worker" in answer.stderr
    missing = [check["name"] for check in answers[2].document["checks"] if not check["ok"]]
    assert missing == ["worker"]
    await temporal_client.get_workflow_handle(place).terminate()


async def test_doctor_and_settings(voicehive: Command, place: str) -> None:
    assert (await voicehive("doctor", "--tenant", TENANT)).code == 0
    stored = await voicehive("settings", place, "--tenant", TENANT, "--set", "agents.peak=80", "--set", "tier=premium")
    assert stored.code == 0, stored
    found = (await voicehive("settings", place, "--tenant", TENANT, "--json")).document["settings"]
    assert [(each["name"], each["value"], each["version"]) for each in found] == [
        ("agents.peak", 80, 1),
        ("tier", "premium", 1),
    ]
