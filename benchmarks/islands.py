"""Claim: two islands on two cores make at least 1.7 times the evaluations a second of one island on one core.

Peer: one island on one worker process, in the same run. Both through the real embedded server, with every checkpoint,
exchange and merge. Also measured, because it is what a single process gives: two islands on one worker process; and how
long a workflow takes whose answer is in the cache.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from voicehive.optimization.request import OptimizationOutcome, OptimizationRequest
from workers.client import connect
from workers.settings import Settings
from workers.temporal_server import EmbeddedServer

ROUNDS = 5
CACHE_HITS = 30
EPOCHS = 4
EXAMPLE = Path(__file__).parents[1] / "examples" / "decisions" / "capacity.json"
BUDGET = {"population": 120, "generations": 400, "time": "PT10M"}


def request(islands: int, seed: int, *, reuse: bool = False) -> OptimizationRequest:
    """The contact-centre example, searched for longer than a decision would."""
    problem = json.loads(EXAMPLE.read_text(encoding="utf-8"))["problem"] | {"budget": BUDGET, "seed": seed}
    document = {"tenant": "benchmark", "problem": problem, "islands": islands, "epochs": EPOCHS, "reuse": reuse}
    return OptimizationRequest.model_validate_json(json.dumps(document))


async def run(client: Client, queue: str, asked: OptimizationRequest) -> tuple[float, OptimizationOutcome]:
    """Run it; the seconds from start to result, and what came of it."""
    began = time.perf_counter()
    outcome = await client.execute_workflow(
        "OptimizationWorkflow", asked, id=str(uuid4()), task_queue=queue, result_type=OptimizationOutcome
    )
    return time.perf_counter() - began, outcome


@asynccontextmanager
async def worker_processes(settings: Settings, address: str, count: int) -> AsyncGenerator[None]:
    """So many worker processes; each computes on one thread."""
    environment = os.environ | {
        "TEMPORAL_ADDRESS": address,
        "VOICEHIVE_DATA_DIRECTORY": str(settings.data_directory),
        "VOICEHIVE_TASK_QUEUE": settings.task_queue,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", "workers.worker", env=environment)
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            await process.wait()


async def measure(client: Client, settings: Settings) -> dict[tuple[int, int], list[float]]:
    """Evaluations a second for (islands, worker processes), taken in turn so that noise hits them alike."""
    address = client.service_client.config.target_host
    speeds: dict[tuple[int, int], list[float]] = {(1, 1): [], (2, 1): [], (2, 2): []}
    for seed in range(1, ROUNDS + 1):
        for (islands, processes), found in speeds.items():
            async with worker_processes(settings, address, processes):
                warm = request(islands, 1_000 + seed)
                budget = warm.problem.budget.model_copy(update={"generations": 8})
                short = warm.model_copy(update={"problem": warm.problem.model_copy(update={"budget": budget})})
                await run(client, settings.task_queue, short)
                seconds, outcome = await run(client, settings.task_queue, request(islands, seed))
                found.append(outcome.evaluations / seconds)
    return speeds


async def cache_hits(client: Client, settings: Settings) -> list[float]:
    """Seconds from start to result of workflows whose answer is known."""
    asked = request(2, 1, reuse=True)
    async with worker_processes(settings, client.service_client.config.target_host, 1):
        await run(client, settings.task_queue, asked)
        hits = [await run(client, settings.task_queue, asked) for _ in range(CACHE_HITS)]
    assert all(outcome.from_cache for _, outcome in hits)
    return [seconds for seconds, _ in hits]


def report(speeds: dict[tuple[int, int], list[float]], hits: list[float]) -> None:
    """Print medians, and the ratio to the peer of the same round."""
    peer = speeds[1, 1]
    table = Table("islands", "worker processes", "evaluations a second", "ratio to one", "worst ratio", "to reach")
    for (islands, processes), found in speeds.items():
        ratios = [own / other for own, other in zip(found, peer, strict=True)]
        goal = "1.7" if processes == 2 else ""
        ratio, worst = f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f}"
        table.add_row(str(islands), str(processes), f"{statistics.median(found):,.0f}", ratio, worst, goal)
    console = Console()
    console.print(table)
    p95 = statistics.quantiles(hits, n=20)[-1]
    console.print(
        f"answer from the cache: {statistics.median(hits) * 1_000:.0f} ms at the median, {p95 * 1_000:.0f} ms at p95, "
        f"from start to result ({len(hits)} runs)"
    )
    console.print(
        f"medians of {ROUNDS} rounds of {EPOCHS} epochs; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


async def main() -> None:
    """Measure on an embedded server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_directory=Path(folder), temporal_port=29533, ui_port=29633)
        async with EmbeddedServer(settings):
            client = await connect(settings)
            report(await measure(client, settings), await cache_hits(client, settings))


if __name__ == "__main__":
    asyncio.run(main())
