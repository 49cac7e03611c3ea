"""Every recorded history replays on today's workflows: no run in the field breaks when a worker is updated."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workers.plugin import VoiceHivePlugin
from workers.worker import WORKFLOWS

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_recorded_history_replays(path: Path) -> None:
    recorded = await asyncio.to_thread(path.read_text, encoding="utf-8")
    history = WorkflowHistory.from_json(path.stem, recorded)
    await Replayer(workflows=WORKFLOWS, plugins=[VoiceHivePlugin()]).replay_workflow(history)


def test_there_are_histories_of_every_workflow() -> None:
    assert {path.stem.partition("-")[0] for path in HISTORIES} == {"decision", "execution", "optimization"}
