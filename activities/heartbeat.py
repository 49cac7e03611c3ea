"""Signs of life, so that a dead worker's activity is handed to another within seconds."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from temporalio import activity

INTERVAL_SECONDS = 1.5
T = TypeVar("T")


async def to_the_end(action: Awaitable[T]) -> T:
    """Await an action to its end, also if the activity is cancelled meanwhile."""
    task = asyncio.ensure_future(action)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()


@asynccontextmanager
async def heartbeating(details: Callable[[], Sequence[Any]] = tuple) -> AsyncGenerator[None]:
    """Heartbeat for as long as the block runs; it is by heartbeats that a cancellation reaches an activity.

    `details` is asked each time for what the server is to know.
    """
    task = asyncio.create_task(_beat(details))
    try:
        yield
    finally:
        task.cancel()


async def _beat(details: Callable[[], Sequence[Any]]) -> None:
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        activity.heartbeat(*details())
