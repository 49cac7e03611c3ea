"""Runs every real business day of a bank's call centre as a capacity decision; skips where the data is missing.

Today's settings are one plan, made for an ordinary day and kept whatever the day brings. A day busier than ordinary may
spend more than that; on any other day no objective may end worse than today.
"""

import csv
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from voicehive.optimization import MultiObjectiveOptimizer, Objective, OptimizationResult, Problem
from voicehive.optimization.arrivals import read_arrivals

CALLS = Path(__file__).resolve().parents[2] / "shared" / "data" / "bank-calls" / "calls.csv"

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


def worsened(objectives: tuple[Objective, ...], result: OptimizationResult) -> list[str]:
    """Name the objectives that the recommendation leaves worse than today, though the request did not trade them."""
    names: list[str] = []
    for objective in objectives:
        before, after = (s.outcomes[objective.name] for s in (result.current, result.recommendation))
        loss = after - before if objective.direction == "minimize" else before - after
        if objective.maximum_worsening is not None and loss > objective.maximum_worsening * abs(before) + 1e-6:
            names.append(objective.name)
    return names


def main() -> None:
    """Run all days through the engine and print what came of them; exit 1 where one failed."""
    console = Console()
    if not CALLS.exists():
        console.print(f"skipped: {CALLS} is not here")
        return
    feasible, worse, seconds, fronts = 0, 0, list[float](), list[int]()
    days = list(requests(CALLS))
    for request in track(days, description="business days", console=console):
        problem = Problem.model_validate_json(json.dumps(request["problem"]))
        started = time.perf_counter()
        result = MultiObjectiveOptimizer(problem).optimize()
        seconds.append(time.perf_counter() - started)
        fronts.append(len(result.front))
        feasible += result.feasible
        worse += len(worsened(problem.objectives, result))
    table = Table("days", "feasible", "worse than today, not traded", "smallest front", "median", "p95")
    median, p95 = np.percentile(seconds, [50, 95])
    table.add_row(str(len(days)), str(feasible), str(worse), str(min(fronts)), f"{median:.2f} s", f"{p95:.2f} s")
    console.print(table)
    if feasible < len(days) or worse:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
