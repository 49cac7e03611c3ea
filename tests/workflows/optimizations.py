"""Small optimisations to run as workflows: ZDT1 (Zitzler, Deb & Thiele 2000) as formulas, whose front is known."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np
from sqlalchemy import func, select
from temporalio.api.enums.v1.event_type_pb2 import EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
from temporalio.client import WorkflowHandle

from activities.finished_optimizations import StoredOptimization
from tests.workflows.world import TENANT, World, until
from voicehive.optimization import MultiObjectiveOptimizer, OptimizationResult
from voicehive.optimization.request import OptimizationOutcome, OptimizationRequest, OptimizationStatus
from voicehive.storage.optimizations import RESULT_KIND
from voicehive.storage.results import Results
from voicehive.storage.tables import CheckpointRow

Document: TypeAlias = dict[str, Any]
Optimization: TypeAlias = WorkflowHandle[Any, OptimizationOutcome]
FrontRow: TypeAlias = tuple[tuple[str, Any], ...]


def zdt1(*, seed: int = 1, budget: Mapping[str, Any] | None = None, shift: float = 0.0, **fields: Any) -> Document:
    """ZDT1 with four variables. `shift` is data that may move: it is added to both objectives."""
    variables = [f"x{number}" for number in range(4)]
    return {
        "parameters": [{"name": name, "kind": "real", "low": 0.0, "high": 1.0, "current": 0.5} for name in variables],
        "objectives": [
            {"name": name, "direction": "minimize", "maximum_worsening": None} for name in ("cost", "delay")
        ],
        "evaluator": {
            "kind": "formula",
            "outcomes": {
                "g": "1 + 3 * (x1 + x2 + x3)",
                "cost": "x0 + shift",
                "delay": "g * (1 - sqrt(x0 / g)) + shift",
            },
            "constants": {"shift": shift},
        },
        "budget": {"population": 24, "generations": 20, "time": "PT10M"} | dict(budget or {}),
        "seed": seed,
        **fields,
    }


def long(**fields: Any) -> Document:
    """A request that ends only when it is told to."""
    budget = {"generations": 100_000, "time": "PT1H"}
    return request(problem=zdt1(budget=budget), epochs=1_000, generations=100, **fields)


def request(**fields: Any) -> Document:
    """A request as a foreign client writes it."""
    return {"tenant": TENANT, "problem": zdt1(), "islands": 3, "epochs": 4, **fields}


async def start(world: World, document: Document) -> Optimization:
    """Start it as any client could."""
    return await world.client.start_workflow(
        "OptimizationWorkflow",
        document,
        id=f"optimization-{uuid4()}",
        task_queue=world.settings.task_queue,
        result_type=OptimizationOutcome,
    )


async def run(world: World, document: Document) -> OptimizationOutcome:
    """Start it and wait for its end."""
    return await (await start(world, document)).result()


async def status(optimization: Optimization) -> OptimizationStatus:
    return await optimization.query("status", result_type=OptimizationStatus)


async def lived(optimization: Optimization, epochs: int = 1) -> OptimizationStatus:
    """How it stands once so many epochs are over."""

    async def over() -> OptimizationStatus | None:
        found = await status(optimization)
        return found if found.epoch >= epochs else None

    return await until(over)


async def stored(world: World, outcome: OptimizationOutcome, tenant: str = TENANT) -> OptimizationResult:
    """The whole result, from the store."""
    async with world.database.reading() as session:
        document = await Results(session, tenant).get(outcome.result, RESULT_KIND)
    assert document is not None
    return StoredOptimization.model_validate_json(document).result


async def deadlines(optimization: Optimization) -> set[str]:
    """Until when its islands were allowed to search, in every epoch."""
    events = (await optimization.fetch_history()).events
    tasks = [
        event.activity_task_scheduled_event_attributes
        for event in events
        if event.event_type == EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    return {
        json.loads(task.input.payloads[0].data)["deadline"]
        for task in tasks
        if task.activity_type.name == "evolve_island"
    }


async def checkpoints(world: World) -> int:
    """How many checkpoints the store holds, of whatever run."""
    async with world.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(CheckpointRow)) or 0


def rows(result: OptimizationResult) -> list[tuple[FrontRow, FrontRow]]:
    """A front, for comparing."""
    return [(tuple(s.settings.items()), tuple(s.outcomes.items())) for s in result.front]


def in_this_process(document: Document) -> OptimizationResult:
    """The same islands one after another, with no server, no store and no worker: what a run must come to."""
    asked = OptimizationRequest.model_validate_json(json.dumps(document))
    optimizer = MultiObjectiveOptimizer(asked.problem, asked.island_budget)
    now: list[bytes | None] = [None] * asked.islands
    for epoch in range(asked.epochs):
        before = list(now)
        for island in range(asked.islands):
            neighbour = before[island - 1] if asked.islands > 1 else None
            search = optimizer.search(
                before[island], immigrants=[neighbour] if neighbour else [], stream=(island, epoch)
            )
            for _ in range(asked.generations_an_epoch):
                search.step()
            now[island] = search.checkpoint()
    return MultiObjectiveOptimizer(asked.problem).merge([checkpoint for checkpoint in now if checkpoint])


def distance_to_zdt1(result: OptimizationResult) -> float:
    """The mean distance of the front's rows from ZDT1's own front, delay = 1 - sqrt(cost)."""
    found = np.array([[solution.outcomes[name] for name in ("cost", "delay")] for solution in result.front])
    cost = np.linspace(0.0, 1.0, 2_001)
    true = np.stack([cost, 1.0 - np.sqrt(cost)], axis=1)
    return float(np.linalg.norm(found[:, None] - true[None], axis=2).min(axis=1).mean())
