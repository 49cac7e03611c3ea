"""Signs of life, so that a dead worker's activity is handed to another within seconds."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio import activity

INTERVAL_SECONDS = 1.5


@asynccontextmanager
async def heartbeating() -> AsyncGenerator[None]:
    """Heartbeat for as long as the block runs; it is by heartbeats that a cancellation reaches an activity."""
    task = asyncio.create_task(_beat())
    try:
        yield
    finally:
        task.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(INTERVAL_SECONDS)
        activity.heartbeat()
