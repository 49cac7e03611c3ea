"""Stopping without breaking: a cancellation becomes a request that the story acts on, wherever it strikes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Stop:
    """Whether, and why, no new step may start. The first reason stands."""

    reason: str = ""
    cancelled: bool = False

    @property
    def requested(self) -> bool:
        """Whether anything asked to stop."""
        return bool(self.reason)

    def request(self, reason: str) -> None:
        """Ask to stop."""
        self.reason = self.reason or reason

    def cancel(self) -> None:
        """Ask to stop because the workflow was cancelled."""
        self.cancelled = True
        self.request("cancelled")


async def shielded(story: Awaitable[T], on_cancel: Callable[[], None]) -> T:
    """Await `story` to its end, however often the workflow is cancelled meanwhile.

    A cancellation reaches only the workflow's main coroutine; the story runs in a task of its own, so it never sees a
    `CancelledError` it did not ask for, not even while it merely waits.
    """
    task = asyncio.ensure_future(story)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
            on_cancel()
