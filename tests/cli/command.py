"""Runs the installed `voicehive` command as a shell would, and builds what it is given."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

COMMAND = Path(sys.executable).with_name("voicehive")
CAPACITY = Path(__file__).resolve().parents[2] / "examples" / "decisions" / "capacity.json"
TENANT = "cli"
POLICY = """
name: permissive
autonomy: {threshold: 0.0}
reviewers: {alice: [supervisor], bob: [supervisor], carol: [director]}
review:
  ladder: [{name: supervisors, roles: [supervisor], deadline: PT4H}]
"""
ASK: dict[str, Any] = {"id": "ask", "expression": "false", "severity": "escalate", "message": "people must see this"}


class Answer(NamedTuple):
    """How the command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document; fails where standard output holds anything else."""
        return json.loads(self.stdout)


class Command:
    """The command with an environment of its own; it never sees a terminal."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = {**os.environ, "COLUMNS": "80", **environment}

    def having(self, **variables: str) -> "Command":
        """The same with further variables."""
        return Command({**self.environment, **variables})

    async def start(self, *arguments: str | Path) -> asyncio.subprocess.Process:
        """Start it."""
        return await asyncio.create_subprocess_exec(
            COMMAND, *arguments, env=self.environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def __call__(self, *arguments: str | Path) -> Answer:
        """Run it to its end."""
        process = await self.start(*arguments)
        try:
            stdout, stderr = await asyncio.wait_for(process.communicate(), 90)
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode is not None
        return Answer(process.returncode, stdout.decode(), stderr.decode())


def write_request(path: Path, deployment: str, **changes: Any) -> Path:
    """A decision between today's settings and ones with two settings changed, so that nothing is searched."""
    request = json.loads(CAPACITY.read_text())
    today = {parameter["name"]: parameter["current"] for parameter in request["problem"]["parameters"]}
    candidates = [today | {"agents.morning": 54, "agents.peak": 85, "agents.evening": 54}]
    request |= {"tenant": TENANT, "deployment": deployment, "candidates": candidates, "note": ""}
    path.write_text(json.dumps(request | changes))
    return path
