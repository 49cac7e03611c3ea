"""What a watched search answers when it is interrupted, by why it is."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from activities.search_watch import SearchWatch, watched
from voicehive.optimization import Progress


def search(watch: SearchWatch) -> str:
    """Goes on until it is stopped, and answers what it has so far."""
    while not watch.stopped:
        watch.report(Progress(1, 2, 3, 4))
        time.sleep(0.01)
    return "so far"


def search_to_the_end(watch: SearchWatch) -> str:
    """Has nothing to answer before its end."""
    while True:
        watch.report(Progress(1, 2, 3, 4))
        time.sleep(0.01)


async def interrupted(details: ActivityCancellationDetails, run: Callable[[SearchWatch], str] = search) -> str:
    environment = ActivityEnvironment()
    running = asyncio.ensure_future(environment.run(watched, run))
    await asyncio.sleep(0.1)
    environment.cancel(details)
    return await asyncio.wait_for(running, 5)


async def test_asked_by_the_workflow_it_answers_what_it_has() -> None:
    assert await interrupted(ActivityCancellationDetails(cancel_requested=True)) == "so far"


@pytest.mark.parametrize("why", ["worker_shutdown", "timed_out", "not_found"])
async def test_interrupted_by_anything_else_it_leaves_the_answer_to_another_attempt(why: str) -> None:
    with pytest.raises(asyncio.CancelledError):
        await interrupted(ActivityCancellationDetails(**{why: True}))


async def test_with_nothing_to_answer_it_is_cancelled() -> None:
    with pytest.raises(asyncio.CancelledError):
        await interrupted(ActivityCancellationDetails(cancel_requested=True), search_to_the_end)


async def test_a_stop_reaches_what_runs_in_the_midst_of_a_step() -> None:
    def one_long_step(watch: SearchWatch) -> str:
        stop = threading.Event()
        watch.when_stopped(stop.set)
        return "so far" if stop.wait(10) else "not stopped"

    assert await interrupted(ActivityCancellationDetails(cancel_requested=True), one_long_step) == "so far"


async def test_heartbeats_tell_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.heartbeat.INTERVAL_SECONDS", 0.02)
    environment = ActivityEnvironment()
    told: list[object] = []
    environment.on_heartbeat = lambda *details: told.extend(details)
    running = asyncio.ensure_future(environment.run(watched, search))
    await asyncio.sleep(0.2)
    environment.cancel(ActivityCancellationDetails(cancel_requested=True))
    await running
    assert {"generation": 1, "generations": 2, "evaluations": 3, "front": 4} in told
