"""Decisions use what was searched before, and what they refer to outlives the cache."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.workflows import requests
from tests.workflows.optimizations import checkpoints, in_this_process, request, rows, run, stored, zdt1
from tests.workflows.requests import Document
from tests.workflows.world import World
from voicehive.autonomy.request import OptimizationSummary
from voicehive.optimization.request import OptimizationOutcome
from voicehive.storage import optimizations
from voicehive.storage.results import Results

CAPACITY = Path(__file__).resolve().parents[2] / "examples" / "decisions" / "capacity.json"


def decision(**problem: Any) -> Document:
    """The user's file with a short search; the policy keeps it from being executed, so that today stays today."""
    document = json.loads(CAPACITY.read_text()) | {"tenant": "tests"}
    document["problem"] |= {"budget": {"population": 40, "generations": 10}, **problem}
    return document


async def decide(world: World, document: Document) -> OptimizationSummary:
    """Take the decision, and return what its search came to."""
    handle = await requests.start(world, document, known=False)
    await handle.result()
    summary = (await requests.status(handle)).summary
    assert summary is not None
    return summary


@pytest.fixture
async def rejecting(world: World) -> World:
    await world.policy(requests.policy(requests.rule("never", "false", "block")))
    return world


async def test_an_equal_decision_takes_the_result_that_is_there(rejecting: World) -> None:
    first = await decide(rejecting, decision())
    assert await decide(rejecting, decision()) == first
    assert (await decide(rejecting, decision(seed=2))).result != first.result


async def test_todays_settings_are_part_of_the_question(rejecting: World) -> None:
    document = decision()
    first = await decide(rejecting, document)
    await rejecting.set({"agents.peak": 78}, deployment=document["deployment"])
    moved = await decide(rejecting, document)
    assert moved.result != first.result
    assert moved.current.settings["agents.peak"] == 78


async def test_a_result_that_a_decision_took_stays_when_the_cache_forgets(
    rejecting: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = (await decide(rejecting, decision())).result
    loose = await run(rejecting, request())
    monkeypatch.setattr(optimizations.Optimizations.__init__, "__defaults__", (1,))
    newest = await run(rejecting, request(problem=zdt1(seed=9)))

    async def there(digest: str) -> bool:
        async with rejecting.database.reading() as session:
            return await Results(session, "tests").get(digest, optimizations.RESULT_KIND) is not None

    assert [await there(digest) for digest in (decided, loose.result, newest.result)] == [True, False, True]


async def test_equal_searches_at_once_do_not_disturb_each_other(world: World) -> None:
    handles = [
        await world.client.start_workflow(
            "OptimizationWorkflow",
            request(),
            id=f"optimization-{uuid4()}",
            task_queue=world.settings.task_queue,
            result_type=OptimizationOutcome,
        )
        for _ in range(3)
    ]
    for handle in handles:
        assert rows(await stored(world, await handle.result())) == rows(in_this_process(request()))
    assert await checkpoints(world) == 0
