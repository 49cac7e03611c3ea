"""`OptimizationWorkflow`: a search on islands, over any number of workers, epoch by epoch."""

import asyncio
from datetime import datetime
from typing import Any, Literal, cast

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception
from temporalio.workflow import ActivityHandle

with workflow.unsafe.imports_passed_through():
    from voicehive.optimization.request import (
        CheckpointsKept,
        Continuation,
        IslandReport,
        IslandTask,
        MergeTask,
        OptimizationInput,
        OptimizationOutcome,
        OptimizationStatus,
        PreparationInput,
    )
    from voicehive.optimization.result import Stop as StoppedBy
    from workflows import activity_calls, optimization_story, search_attributes
    from workflows.interruption import Stop, shielded

EVENTS_A_RUN = 500
"""About how long a run's history may grow before another run continues it; an island's epoch takes four events."""


@workflow.defn
class OptimizationWorkflow:
    """Prepare, let islands search and exchange what they found, merge. A stop makes the best so far the result."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.stage: Literal["preparing", "searching", "merging", "closed"] = "preparing"
        self.request: OptimizationInput | None = None
        self.document = ""
        self.warm_started = False
        self.started_at: datetime = workflow.now()
        self.epoch = 0
        self.reports: dict[int, IslandReport] = {}
        self.running: dict[str, ActivityHandle[Any]] = {}
        self.outcome: OptimizationOutcome | None = None

    @workflow.run
    async def run(self, request: OptimizationInput) -> OptimizationOutcome:
        """Search; returns what was found, or ends as cancelled, with nothing left running or stored."""
        self.request = request
        search_attributes.stage_entered(request.tenant, "optimizing", None)
        try:
            outcome = await shielded(self._story(request), self._cancel)
        except (asyncio.CancelledError, FailureError):
            await shielded(self._close(request, None), lambda: None)
            raise
        if outcome is None and not self.stop.cancelled:
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(request.model_copy(update={"continued": self._continuation()}))
        await shielded(self._close(request, outcome), lambda: None)
        if outcome is None:
            raise asyncio.CancelledError(self.stop.reason)
        return outcome

    async def _story(self, request: OptimizationInput) -> OptimizationOutcome | None:
        """Search to the end; None where the run was cancelled, or another one is to continue it."""
        outcome = await self._prepared(request)
        if outcome is None and request.undivided and not self.stop.requested:
            outcome = await self._searched_as_a_whole(request)
        elif outcome is None and not request.undivided and not await self._searched(request):
            return None
        return outcome or (None if self.stop.cancelled else await self._merged(request))

    async def _prepared(self, request: OptimizationInput) -> OptimizationOutcome | None:
        """Get ready to search, or go on; the outcome at once where the cache knows it."""
        if (before := request.continued) is not None:
            self.document, self.warm_started, self.started_at = before.document, before.warm_started, before.started_at
            self.epoch, self.reports = before.epoch, {report.island: report for report in before.reports}
            return None
        self._show()
        prepared = await activity_calls.prepare_optimization(PreparationInput(owner=self._owner(), request=request))
        self.document, self.warm_started = prepared.document, prepared.warm_started
        return prepared.outcome

    async def _searched(self, request: OptimizationInput) -> bool:
        """Let the islands live epoch after epoch; False where another run is to go on with them."""
        self._enter("searching")
        last = self.epoch + max(1, EVENTS_A_RUN // (4 * request.islands + 10))
        while self.epoch < request.epochs and not self.stop.requested and self._open(request):
            if self.epoch >= last:
                return False
            await self._live_through_an_epoch(request)
            self.epoch += 1
            await self._keep(request, self.document, *(report.checkpoint for report in self._in_order()))
            self._show()
        return True

    async def _live_through_an_epoch(self, request: OptimizationInput) -> None:
        """All open islands side by side; where one fails for good the others are ended, and it is raised."""
        before = dict(self.reports)
        evolving = [
            asyncio.ensure_future(self._evolve(island, self._task(request, island, before)))
            for island in self._open(request)
        ]
        try:
            await asyncio.gather(*evolving)
        except FailureError:
            self._halt()
            await asyncio.gather(*evolving, return_exceptions=True)
            raise

    async def _evolve(self, island: int, task: IslandTask) -> None:
        try:
            self.reports[island] = await self._run(f"island {island}", activity_calls.evolve_island(task))
        except FailureError as error:
            # One that was stopped before it began stands where it stood.
            if not (self.stop.requested and is_cancelled_exception(error)):
                raise
        self._show()

    def _task(self, request: OptimizationInput, island: int, before: dict[int, IslandReport]) -> IslandTask:
        own, neighbour = before.get(island), before.get(request.left_of(island)) if request.islands > 1 else None
        return IslandTask(
            tenant=request.tenant,
            owner=self._owner(),
            document=self.document,
            island=island,
            islands=request.islands,
            epoch=self.epoch,
            generations=request.generations_an_epoch,
            budget=request.island_budget,
            deadline=self.started_at + request.problem.budget.time,
            checkpoint=own.checkpoint if own else None,
            immigrants=neighbour.checkpoint if neighbour else None,
        )

    def _open(self, request: OptimizationInput) -> list[int]:
        """The islands that can go on; none once the time is up for one, for it is the time of all."""
        ended = {island: report.stopped_by for island, report in self.reports.items() if report.stopped_by}
        return [] if "time" in ended.values() else [i for i in range(request.islands) if i not in ended]

    async def _merged(self, request: OptimizationInput) -> OptimizationOutcome:
        self._enter("merging")
        return await self._run("all", activity_calls.merge_islands(self._whole(request)))

    async def _searched_as_a_whole(self, request: OptimizationInput) -> OptimizationOutcome | None:
        """The outcome of one search without islands; None where it was stopped before it had any."""
        self._enter("searching")
        whole, time = self._whole(request), request.problem.budget.time
        try:
            return await self._run("all", activity_calls.search_undivided(whole, time))
        except FailureError as error:
            if not (self.stop.requested and is_cancelled_exception(error)):
                raise
            return None

    def _whole(self, request: OptimizationInput) -> MergeTask:
        return MergeTask(
            tenant=request.tenant,
            owner=self._owner(),
            document=self.document,
            started_at=self.started_at,
            checkpoints=tuple(report.checkpoint for report in self._in_order()),
            stopped_by=self._stopped_by(),
        )

    def _stopped_by(self) -> StoppedBy:
        """What ended the search as a whole: people, the time, or what ended the last island that was open."""
        ended: list[StoppedBy] = [report.stopped_by for report in self._in_order() if report.stopped_by]
        if self.stop.requested:
            return "asked"
        if "time" in ended:
            return "time"
        return ended[-1] if ended and len(ended) == len(self.reports) else "generations"

    async def _run(self, name: str, handle: ActivityHandle[Any]) -> Any:
        """Await an activity that a stop or a cancellation reaches meanwhile."""
        self.running[name] = handle
        try:
            return await handle
        finally:
            del self.running[name]

    async def _keep(self, request: OptimizationInput, *digests: str) -> None:
        kept = CheckpointsKept(tenant=request.tenant, owner=self._owner(), digests=digests)
        await activity_calls.keep_checkpoints(kept)

    async def _close(self, request: OptimizationInput, outcome: OptimizationOutcome | None) -> None:
        """Leave nothing in the store but the result; what the cache answered has put nothing there."""
        if self.document:
            await self._keep(request)
        self.outcome = outcome
        self._enter("closed")
        search_attributes.stage_entered(request.tenant, "closed", None)
        await workflow.wait_condition(workflow.all_handlers_finished)

    def _owner(self) -> str:
        """Under which the run, and those that continue it, keep what they need in the store."""
        info = workflow.info()
        return f"{info.workflow_id}/{info.first_execution_run_id}"

    def _continuation(self) -> Continuation:
        return Continuation(
            document=self.document,
            warm_started=self.warm_started,
            started_at=self.started_at,
            epoch=self.epoch,
            reports=self._in_order(),
        )

    def _in_order(self) -> tuple[IslandReport, ...]:
        return tuple(self.reports[island] for island in sorted(self.reports))

    def _cancel(self) -> None:
        self.stop.cancel()
        self._halt()

    def _halt(self) -> None:
        for handle in self.running.values():
            handle.cancel()

    @workflow.signal(name="stop", description='Stop searching; the best so far is the result: {"reason": "..."}')
    def stop_searching(self, message: Any) -> None:
        """Stop searching; whatever is sent along counts as the reason."""
        given: Any = cast("dict[str, Any]", message).get("reason") if isinstance(message, dict) else message
        self.stop.request(str(given or "asked to stop")[:500])
        if self.stage == "searching":
            self._halt()
        self._show()

    @workflow.query(description="How the optimisation stands")
    def status(self) -> OptimizationStatus:
        """How the optimisation stands."""
        return OptimizationStatus(
            stage=self.stage,
            epoch=self.epoch,
            epochs=self.request.epochs if self.request else 0,
            islands=self._in_order(),
            evaluations=sum(report.evaluations for report in self.reports.values()),
            warm_started=self.warm_started,
            reason=self.stop.reason,
            outcome=self.outcome,
        )

    def _enter(self, stage: Literal["searching", "merging", "closed"]) -> None:
        self.stage = stage
        self._show()

    def _show(self) -> None:
        """Tell the story so far in the web UI."""
        if self.request is not None:
            workflow.set_current_details(optimization_story.of_optimization(self.request, self.status()))
