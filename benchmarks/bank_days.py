"""Runs every real business day of a bank's call centre as a capacity decision; skips where the data is missing.

Today's settings are one plan, made for an ordinary day and kept whatever the day brings. A day busier than ordinary may
spend more than that; on any other day no objective may end worse than today.
"""

import asyncio
import csv
import json
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from temporalio.client import Client

from benchmarks.fixtures.policy import put_in_force
from voicehive.autonomy.request import DecisionRequest, DecisionStatus
from voicehive.optimization.evaluators.arrivals import read_arrivals
from workers.client import connect
from workers.settings import Settings
from workers.temporal_server import EmbeddedServer
from workers.worker import running_worker

CALLS = Path(__file__).resolve().parents[2] / "shared" / "data" / "bank-calls" / "calls.csv"

POLICY = """
name: bank days
autonomy: {threshold: 0.0}
constraints:
  - {id: ceiling, expression: proposed.abandonment <= 0.05, severity: block, message: too many leave}
reviewers: {alice: [supervisor]}
review: {ladder: [{name: supervisors, roles: [supervisor], deadline: PT4H}]}
"""
_BLOCKS = {
    "early": ("07:00", "09:00"),
    "peak": ("09:00", "13:00"),
    "late": ("13:00", "17:00"),
    "evening": ("17:00", "24:00"),
}
_PLAN = {"early": 112, "peak": 190, "late": 172, "evening": 100}
_TIERS = {
    "economy": {"price_per_minute": 0.05, "quality": 0.80, "handling_time_factor": 1.12},
    "standard": {"price_per_minute": 0.09, "quality": 0.88},
    "premium": {"price_per_minute": 0.16, "quality": 0.94, "handling_time_factor": 0.9},
}


def requests(calls_csv: Path) -> Iterator[dict[str, Any]]:
    """Make one decision request for each business day of the file, in JSON's terms, its arrivals inline."""
    calls = _calls_by_day(calls_csv)
    ordinary = statistics.median(calls.values())
    for day, total in calls.items():
        arrivals = [interval.model_dump(mode="json") for interval in read_arrivals(calls_csv, day, 30)]
        yield {
            "kind": "capacity",
            "tenant": "bank",
            "deployment": f"bank-day-{day}",
            "requester": "olivia",
            "problem": _problem(arrivals, spending_is_free=total > ordinary),
        }


def _calls_by_day(calls_csv: Path) -> dict[str, int]:
    calls: dict[str, int] = defaultdict(int)
    with calls_csv.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            calls[row["business_day"]] += int(row["calls"])
    return calls


def _problem(arrivals: list[dict[str, Any]], *, spending_is_free: bool) -> dict[str, Any]:
    agents = [
        {"name": f"agents.{block}", "kind": "integer", "low": 0, "high": 500, "current": planned, "maximum_change": 60}
        for block, planned in _PLAN.items()
    ]
    return {
        "parameters": [
            *agents,
            {"name": "model.tier", "kind": "categorical", "choices": list(_TIERS), "current": "standard"},
            {"name": "callback.threshold", "kind": "integer", "low": 10, "high": 120, "current": 60},
        ],
        "objectives": [
            {"name": "cost", "direction": "minimize", "maximum_worsening": None if spending_is_free else 0.0},
            {"name": "answer_wait_p95", "direction": "minimize", "unit": "s"},
            {"name": "abandonment", "direction": "minimize"},
            {"name": "quality", "direction": "maximize"},
        ],
        "constraints": [{"subject": "abandonment", "at_most": 0.05}, {"subject": "cost", "at_most": 45_000}],
        "evaluator": {
            "kind": "erlang_a",
            "arrivals": arrivals,
            "handling_time_seconds": 210,
            "patience_seconds": 120,
            "blocks": {name: [{"start": start, "end": end}] for name, (start, end) in _BLOCKS.items()},
            "tiers": _TIERS,
            "price_per_agent_hour": 8.0,
            "price_per_callback": 0.9,
            "callback_quality_factor": 0.9,
        },
    }


def worsened(request: DecisionRequest, status: DecisionStatus) -> list[str]:
    """Name the objectives that the decision leaves worse than today, though the request did not trade them."""
    assert status.summary is not None
    assert status.solution is not None
    names: list[str] = []
    for objective in request.problem.objectives:
        before, after = (s.outcomes[objective.name] for s in (status.summary.current, status.solution))
        loss = after - before if objective.direction == "minimize" else before - after
        if objective.maximum_worsening is not None and loss > objective.maximum_worsening * abs(before) + 1e-6:
            names.append(objective.name)
    return names


async def decide(client: Client, queue: str, document: dict[str, Any]) -> tuple[DecisionStatus, list[str], float]:
    """Take one decision to its end: how it stands then, what it worsened, and the seconds until its verdict."""
    request = DecisionRequest.model_validate_json(json.dumps(document))
    started = time.perf_counter()
    handle = await client.start_workflow("DecisionWorkflow", request, id=request.deployment, task_queue=queue)
    await handle.execute_update("verdict")
    seconds = time.perf_counter() - started
    await handle.result()
    status = await handle.query("status", result_type=DecisionStatus)
    return status, worsened(request, status), seconds


async def run(console: Console) -> bool:
    """Take every day's decision on an embedded server of its own; print the table; whether all went well."""
    documents = list(requests(CALLS))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_directory=Path(folder), temporal_port=29633, ui_port=29833)
        async with EmbeddedServer(settings):
            client = await connect(settings)
            async with running_worker(client, settings):
                await put_in_force(settings, "bank", POLICY)
                decided = [
                    await decide(client, settings.task_queue, document)
                    for document in track(documents, description="business days", console=console)
                ]
    outcomes = Counter(status.outcome for status, _, _ in decided)
    feasible = sum(status.solution is not None and status.solution.feasible for status, _, _ in decided)
    worse = sum(map(len, (names for _, names, _ in decided)))
    fronts = min(status.summary.front_size for status, _, _ in decided if status.summary)
    median, p95 = np.percentile([seconds for _, _, seconds in decided], [50, 95])
    table = Table("days", "outcomes", "feasible", "worse, not traded", "smallest front", "verdict p50", "p95")
    ended = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    figures = (str(feasible), str(worse), str(fronts), f"{median:.2f} s", f"{p95:.2f} s")
    table.add_row(str(len(documents)), ended, *figures)
    console.print(table)
    return feasible == len(documents) and not worse and outcomes["executed"] + outcomes["unchanged"] == len(documents)


def main() -> None:
    """Run all days as decisions and print what came of them; exit 1 where one went wrong."""
    console = Console()
    if not CALLS.exists():
        console.print(f"skipped: {CALLS} is not here")
        return
    if not asyncio.run(run(console)):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
