"""The Temporal CLI as the only client: what the README prints works as printed."""

import asyncio
import json
import sys
from typing import Any

from tests.end_to_end.conftest import Installation
from voicehive.storage.database import Database
from voicehive.storage.parameters import Parameters


async def stage_reached(installation: Installation, workflow_id: str, *stages: str) -> dict[str, Any]:
    """Query `status` until it shows one of these stages."""
    for _ in range(150):
        code, output = await installation.temporal(
            "workflow", "query", "--workflow-id", workflow_id, "--name", "status", "--output", "json"
        )
        if code == 0:
            status: dict[str, Any] = json.loads(output)["queryResult"][0]
            if status["stage"] in stages:
                return status
        await asyncio.sleep(0.2)
    raise AssertionError(f"{workflow_id} never reached {stages}: {output}")


async def settings_of(database: Database) -> dict[str, Any]:
    """What the store holds for the deployment of the examples."""
    async with database.reading() as session:
        return {found.name: found.value for found in await Parameters(session, "demo").list("voice-eu")}


def start(file: str, workflow_id: str, workflow_type: str = "DecisionWorkflow") -> list[str]:
    return [
        *("workflow", "start", "--task-queue", "voicehive", "--type", workflow_type),
        *("--workflow-id", workflow_id, "--input-file", file),
    ]


async def test_start_approve_and_query(installation: Installation, database: Database) -> None:
    code, output = await installation.temporal(*start("examples/decisions/capacity.json", "d1"))
    assert code == 0, output
    status = await stage_reached(installation, "d1", "waiting_for_people")
    assert status["summary"]["front_size"] >= 100
    assert status["result"]["verdict"] == "escalate"
    code, output = await installation.temporal(
        "workflow", "signal", "--workflow-id", "d1", "--name", "approve", "--input", '{"reviewer":"alice"}'
    )
    assert code == 0, output
    code, output = await installation.temporal("workflow", "result", "--workflow-id", "d1", "--output", "json")
    assert code == 0, output
    result = json.loads(output)["result"]
    assert result["outcome"] == "executed"
    stored = await settings_of(database)
    changed = {step["result"]["name"] for step in result["steps"]}
    assert stored == {name: value for name, value in result["settings"].items() if name in changed}


async def test_cancel_while_waiting_changes_nothing(installation: Installation, database: Database) -> None:
    before = await settings_of(database)
    code, output = await installation.temporal(*start("examples/decisions/surge.json", "d2"))
    assert code == 0, output
    await stage_reached(installation, "d2", "waiting_for_people")
    code, output = await installation.temporal("workflow", "cancel", "--workflow-id", "d2")
    assert code == 0, output
    await stage_reached(installation, "d2", "closed")
    code, output = await installation.temporal("workflow", "describe", "--workflow-id", "d2", "--output", "json")
    assert "CANCELED" in output
    assert await settings_of(database) == before


async def test_malformed_input_fails_at_once(installation: Installation) -> None:
    code, output = await installation.temporal(
        *("workflow", "start", "--task-queue", "voicehive", "--type", "DecisionWorkflow", "--workflow-id", "bad"),
        *(
            "--input",
            '{"kind": "capacity", "deployment": "x", "requester": "o", "problem": {"parameters": [{"name": 1}]}}',
        ),
    )
    assert code == 0, output
    code, output = await installation.temporal("workflow", "result", "--workflow-id", "bad")
    assert code != 0
    assert "problem.parameters.0.name: Input should be a valid string" in output


async def test_the_web_ui_shows_the_story(installation: Installation) -> None:
    code, output = await installation.temporal(*start("examples/decisions/surge.json", "told"))
    assert code == 0, output
    await stage_reached(installation, "told", "waiting_for_people")
    code, output = await installation.temporal("workflow", "metadata", "--workflow-id", "told", "--output", "json")
    assert code == 0, output
    details = json.dumps(json.loads(output), ensure_ascii=False)
    assert "**waiting for people**" in details
    assert "**Verdict: escalate**" in details
    assert "parameter.check" in details
    await installation.temporal("workflow", "cancel", "--workflow-id", "told")


async def test_the_twenty_line_client(installation: Installation) -> None:
    code, output = await installation.run(
        sys.executable, "examples/client.py", "examples/decisions/capacity.json", "client-1"
    )
    assert code == 0, output
    assert "verdict:" in output
    assert "outcome: executed" in output or "outcome: unchanged" in output
