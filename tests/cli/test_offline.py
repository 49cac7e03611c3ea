"""What the command says where nothing runs, and about files that do not fit."""

import asyncio
import json
import resource
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import CAPACITY, COMMAND, Command
from voicehive.cli.exit_codes import MEANINGS

STEP: dict[str, Any] = {
    "name": "one",
    "action": "parameter.set",
    "arguments": {"name": "a", "value": 1},
    "compensation": {},
}


@pytest.fixture
def nothing_on_the_default_port() -> None:
    """Without settings the command looks there, so a server of the developer's own would answer."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 7233)) == 0:
            pytest.skip("a server listens on 127.0.0.1:7233: end it to run this test")


@pytest.mark.usefixtures("nothing_on_the_default_port")
async def test_no_server(alone: Command, tmp_path: Path) -> None:
    answers = await asyncio.gather(
        alone("decide", CAPACITY), alone("status", "x", "--json"), alone("approve", "x"), alone("list")
    )
    for answer in answers:
        assert answer.code == 7, answer
        assert answer.stderr.startswith("error: ")
        assert "voicehive up" in answer.stderr
        assert "Traceback" not in answer.stderr
    assert answers[1].document["exit_code"] == 7
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("nothing_on_the_default_port")
async def test_doctor_says_what_is_missing_and_creates_nothing(alone: Command, tmp_path: Path) -> None:
    answer = await alone("doctor", "--json")
    assert answer.code == 7
    checks = {check["name"]: check for check in answer.document["checks"]}
    assert checks["Python"]["ok"]
    assert not checks["Temporal server"]["ok"]
    assert not checks["database"]["ok"]
    assert "voicehive up" in checks["Temporal server"]["advice"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("path", "content", "named"),
    [
        (("problem", "parameters", 1, "current"), "many", "problem.parameters.1"),
        (("problem", "budget", "generations"), 0, "problem.budget.generations"),
        (("colour",), "red", "colour"),
        (("constraints",), [{"id": "r", "expression": "nonsense > 1", "severity": "block", "message": "m"}], "'r'"),
        (("execution",), {"afterwards": [STEP | {"action": "parameter.sett"}]}, "parameter.set"),
        (("problem", "evaluator", "arrivals_file"), "absent.csv", "arrivals_file"),
    ],
)
async def test_bad_request_names_the_field(
    alone: Command, tmp_path: Path, path: tuple[Any, ...], content: Any, named: str
) -> None:
    request = json.loads(CAPACITY.read_text())
    target = request
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = content
    (tmp_path / "r.json").write_text(json.dumps(request))
    answer = await alone("decide", tmp_path / "r.json")
    assert answer.code == 2, answer
    assert named in answer.stderr
    assert "Traceback" not in answer.stderr


async def test_file_that_is_no_json_or_not_there(alone: Command, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("{")
    assert (await alone("decide", tmp_path / "r.json")).code == 2
    absent = await alone("decide", tmp_path / "absent.json", "--json")
    assert absent.code == 2
    assert "absent.json" in absent.document["error"]


async def test_plan_validate(alone: Command, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"name": "p", "steps": [STEP, STEP | {"name": "two", "depends_on": ["one"]}]}))
    answer = await alone("plan", "validate", plan, "--json")
    assert answer.code == 0
    assert answer.document == {"valid": True, "plan": "p", "steps": ["one", "two"]}
    for steps, named in (
        ([STEP | {"depends_on": ["two"]}, STEP | {"name": "two", "depends_on": ["one"]}], "wait for each other"),
        ([STEP | {"compensation": None}], "compensation is missing"),
        ([STEP | {"arguments": {"value": 1}}], "name"),
    ):
        plan.write_text(json.dumps({"name": "p", "steps": steps}))
        answer = await alone("plan", "validate", plan)
        assert answer.code == 2
        assert named in answer.stderr
        assert "'one'" in answer.stderr


async def test_wrong_setting_and_wrong_usage(alone: Command) -> None:
    wrong = await alone.having(VOICEHIVE_TEMPORAL_PORT="many")("list")
    assert wrong.code == 2
    assert "VOICEHIVE_TEMPORAL_PORT" in wrong.stderr
    assert (await alone("skip", "x", "--step", "s")).code == 2
    assert (await alone("settings", "d", "--set", "novalue")).code == 2
    database = await alone.having(VOICEHIVE_DATABASE_URL="mysql://x/y")("settings", "d")
    assert database.code == 2
    assert "mysql" in database.stderr


def processor_seconds() -> float:
    """What the ended children of this process have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_is_quick_and_tells_the_exit_codes(alone: Command) -> None:
    seconds: list[float] = []
    for _ in range(3):
        began = processor_seconds()
        shown = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True, env=alone.environment)
        seconds.append(processor_seconds() - began)
    assert min(seconds) < 0.5
    text = " ".join(shown.stdout.split())
    for code, meaning in MEANINGS.items():
        assert f"{code.value} {meaning}" in text
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_importing_it_loads_no_engine() -> None:
    code = "import sys, voicehive.cli; print([m for m in sys.modules if m.split('.')[0] in sys.argv[1:]])"
    heavy = ["temporalio", "sqlalchemy", "numpy", "pydantic"]
    loaded = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
