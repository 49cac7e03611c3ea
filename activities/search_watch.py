"""A search in a thread of its own, watched by its activity: it tells how far it is, and stops when it is asked to."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from temporalio import activity

from activities.heartbeat import heartbeating, to_the_end
from voicehive.optimization import Progress

T = TypeVar("T")


class SearchStopped(Exception):
    """The search was asked to stop and has nothing to answer."""


class SearchWatch:
    """What passes between the two threads."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._stopping: Callable[[], None] | None = None
        self.progress: Progress | None = None

    @property
    def stopped(self) -> bool:
        """Whether the search is to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the search to stop."""
        self._stop.set()
        if self._stopping is not None:
            self._stopping()

    def when_stopped(self, stopping: Callable[[], None]) -> None:
        """Have this called too, in whatever thread, when the search is to stop: it may be in the midst of a step."""
        self._stopping = stopping
        if self.stopped:
            stopping()

    def report(self, progress: Progress) -> None:
        """Tell how far the search is.

        Raises:
            SearchStopped: it is to stop.
        """
        self.progress = progress
        if self.stopped:
            raise SearchStopped

    def details(self) -> Sequence[Any]:
        """How far the search is, for a heartbeat."""
        return () if self.progress is None else (self.progress._asdict(),)


async def watched(search: Callable[[SearchWatch], T]) -> T:
    """Run a search in a thread, heartbeating with its progress. It is over when this returns or raises.

    Asked to cancel by the workflow, it answers what the search has so far, unless that is nothing. A worker that shuts
    down or an attempt that timed out ends it without an answer: another attempt has to come to the same one.
    """
    watch = SearchWatch()
    async with heartbeating(watch.details):
        running = asyncio.ensure_future(asyncio.to_thread(search, watch))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            watch.stop()
            try:
                found = await to_the_end(running)
            except SearchStopped:
                raise asyncio.CancelledError from None
            details = activity.cancellation_details()
            if details is None or not details.cancel_requested:
                raise
            return found
