"""The islands of an optimisation: an epoch of one, and the result of all."""

from datetime import UTC, datetime

from temporalio import activity

from activities.finished_optimizations import FinishedOptimizations
from activities.optimizers import Optimizers
from activities.search_watch import SearchWatch, watched
from voicehive.optimization import InvalidCheckpoint, OptimizationResult, Progress, Search, Table
from voicehive.optimization.request import IslandReport, IslandTask, MergeTask, OptimizationOutcome, PreparedProblem
from voicehive.optimization.result import Stop
from voicehive.storage.checkpoints import Checkpoints
from voicehive.storage.database import Database


class IslandActivities:
    """Wraps the optimisation engine for searches in parts."""

    def __init__(self, database: Database, optimizers: Optimizers) -> None:
        self._database = database
        self._optimizers = optimizers

    @activity.defn
    async def evolve_island(self, task: IslandTask) -> IslandReport:
        """Take an island through an epoch, from its checkpoint and its neighbour's to its next one, which is stored.

        Equal tasks come to checkpoints that are the same but for the clock, so that a repeated attempt changes nothing,
        unless the time is up or the search is asked to stop meanwhile. An island that never began takes one generation
        whatever the time.

        Raises:
            InvalidCheckpoint: the store has lost what the epoch begins from.
        """
        parts = [digest for digest in (task.checkpoint, task.immigrants) if digest]
        document, *checkpoints = await self._load(task.tenant, task.owner, task.document, *parts)
        prepared = PreparedProblem.model_validate_json(document)
        optimizer = await self._optimizers.of(task.tenant, prepared.problem, task.budget)

        def evolve(watch: SearchWatch) -> tuple[bytes, Progress, Stop | None]:
            search = optimizer.search(
                checkpoints[0] if task.checkpoint else None,
                immigrants=checkpoints[1:],
                stream=(task.island, task.epoch),
                start=() if task.checkpoint else prepared.start[task.island :: task.islands],
            )
            stopped_by = _live(search, task, watch)
            return search.checkpoint(), search.progress, stopped_by

        checkpoint, progress, stopped_by = await watched(evolve)
        async with self._database.transaction() as session:
            digest = await Checkpoints(session, task.tenant, task.owner).put(checkpoint)
        return IslandReport(
            island=task.island,
            epoch=task.epoch,
            checkpoint=digest,
            generations=progress.generation,
            evaluations=progress.evaluations,
            front=progress.front,
            stopped_by=stopped_by,
        )

    @activity.defn
    async def merge_islands(self, task: MergeTask) -> OptimizationOutcome:
        """Make one result of what all islands found, and store it, for the cache too.

        Raises:
            InvalidCheckpoint: the store has lost a checkpoint.
        """
        document, *checkpoints = await self._load(task.tenant, task.owner, task.document, *task.checkpoints)
        prepared = PreparedProblem.model_validate_json(document)
        optimizer = await self._optimizers.of(task.tenant, prepared.problem)

        def merge(_: SearchWatch) -> OptimizationResult:
            if checkpoints:
                return optimizer.merge(checkpoints)
            is_table = isinstance(prepared.problem.evaluator, Table)
            return optimizer.optimize() if is_table else optimizer.evaluate(prepared.start)

        result = await watched(merge)
        return await self._finish(task, prepared, result.model_copy(update={"stopped_by": task.stopped_by}))

    @activity.defn
    async def search_undivided(self, task: MergeTask) -> OptimizationOutcome:
        """Search, prove or rank as a whole what islands are of no use to, and store the result, for the cache too."""
        [document] = await self._load(task.tenant, task.owner, task.document)
        prepared = PreparedProblem.model_validate_json(document)
        optimizer = await self._optimizers.of(task.tenant, prepared.problem)

        def search(watch: SearchWatch) -> OptimizationResult:
            if isinstance(prepared.problem.evaluator, Table):
                return optimizer.optimize()
            search = optimizer.search(start=prepared.start)
            watch.when_stopped(search.stop)
            while not watch.stopped and (progress := search.step()) is not None:
                watch.progress = progress
            return optimizer.result(search)

        return await self._finish(task, prepared, await watched(search))

    async def _load(self, tenant: str, owner: str, *digests: str) -> list[bytes]:
        async with self._database.reading() as session:
            checkpoints = Checkpoints(session, tenant, owner)
            found = {digest: await checkpoints.get(digest) for digest in dict.fromkeys(digests)}
        documents = [document for digest in digests if (document := found[digest]) is not None]
        if len(documents) < len(digests):
            missing = next(digest for digest in digests if found[digest] is None)
            raise InvalidCheckpoint(f"the store holds no checkpoint {missing} of {owner}; start the optimisation again")
        return documents

    async def _finish(
        self, task: MergeTask, prepared: PreparedProblem, result: OptimizationResult
    ) -> OptimizationOutcome:
        marks = {
            "warm_started": prepared.warm_started,
            "duration_seconds": (datetime.now(UTC) - task.started_at).total_seconds(),
        }
        finished = FinishedOptimizations(self._database, task.tenant)
        # A person stopped it: another run, left alone, would answer better.
        key = None if result.stopped_by == "asked" else prepared.key
        return await finished.keep(prepared.problem, result.model_copy(update=marks), key)


def _live(search: Search, task: IslandTask, watch: SearchWatch) -> Stop | None:
    """Take the generations of an epoch; what ended the search within it, or None where it can go on."""
    for _ in range(task.generations):
        if search.progress.generation and watch.stopped:
            return "asked"
        if search.progress.generation and datetime.now(UTC) >= task.deadline:
            return "time"
        if (progress := search.step()) is None:
            return search.stopped_by
        watch.progress = progress
    return None
