"""Small portfolios, and every roadmap they allow, found by trying all of them with no program of ours."""

import itertools
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np

from voicehive.optimization import Objective
from voicehive.planning.distributions import Constant
from voicehive.planning.horizon import Horizon
from voicehive.planning.initiatives import Initiative, Prerequisite
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.values import ValueSamples

FINISH = (Objective(name="finish", direction="minimize"),)


def initiative(id_: str, lasts: float = 1.0, before: tuple[str, ...] = (), **fields: Any) -> Initiative:
    prerequisites = tuple(Prerequisite(initiative=one) for one in before)
    return Initiative(**{"id": id_, "duration": Constant(value=float(lasts)), "prerequisites": prerequisites} | fields)


def problem(*initiatives: Initiative, periods: int = 4, **fields: Any) -> RoadmapProblem:
    horizon = Horizon(start=date(2027, 1, 1), periods=periods)
    return RoadmapProblem(horizon=horizon, initiatives=initiatives, **fields)


def portfolio(seed: int, periods: int = 4, samples: int = 40) -> tuple[RoadmapProblem, ValueSamples]:
    generator = np.random.default_rng(seed)
    names = "abcde"
    initiatives = [
        initiative(
            name,
            int(generator.integers(1, 3)),
            (names[place - 2],) if place > 2 else (),
            people={"dev": float(generator.integers(1, 5)) / 2},
            cost_at_start=float(generator.integers(0, 9)),
            cost_per_period=float(generator.integers(0, 4)),
        )
        for place, name in enumerate(names)
    ]
    made = problem(
        *initiatives, periods=periods, budgets=(10.0,), capacities={"dev": (2.0, 2.0, 1.5, 2.0)}, apart=(("a", "e"),),
        risk_level=0.8,
    )  # fmt: skip
    values = generator.normal(20.0, 15.0, (samples, len(names)))
    return made, ValueSamples(values[:, :, None] * 0.9 ** np.arange(periods))


def all_roadmaps(made: RoadmapProblem) -> Iterator[dict[str, int]]:
    names = [one.id for one in made.counting]
    for starts in itertools.product([None, *range(made.horizon.periods)], repeat=len(names)):
        chosen = {name: start for name, start in zip(names, starts, strict=True) if start is not None}
        if allowed(made, chosen):
            yield chosen


def allowed(made: RoadmapProblem, starts: dict[str, int]) -> bool:
    by_name = {one.id: one for one in made.counting}
    ends = {name: start + made.planned[name] for name, start in starts.items()}
    for one in made.counting:
        if one.id not in starts:
            if one.required:
                return False
            continue
        if starts[one.id] < one.earliest or ends[one.id] > made.horizon.periods:
            return False
        if any(p.initiative not in ends or ends[p.initiative] + p.lag > starts[one.id] for p in one.prerequisites):
            return False
    if any(len(set(group) & set(starts)) > 1 for group in made.apart):
        return False
    if any(0 < len(set(group) & set(starts)) < len(group) for group in made.together):
        return False
    for period in range(made.horizon.periods):
        running = [by_name[name] for name in starts if starts[name] <= period < ends[name]]
        spent = sum(one.cost_per_period for one in running)
        spent += sum(by_name[name].cost_at_start for name in starts if starts[name] == period)
        budget = made.budget(period)
        if budget is not None and spent > budget + 1e-9:
            return False
        for skill in made.capacities:
            if sum(one.people.get(skill, 0.0) for one in running) > made.capacity(skill, period) + 1e-9:
                return False
    return True


def objectives_of(made: RoadmapProblem, samples: ValueSamples, starts: dict[str, int]) -> dict[str, float]:
    names = [one.id for one in made.counting]
    totals = np.sort(
        sum((samples.values[:, names.index(n), s] for n, s in starts.items()), np.zeros(len(samples.values)))
    )
    worst = round((1 - made.risk_level) * len(totals))
    by_name = {one.id: one for one in made.counting}
    cost = sum(by_name[n].cost_at_start + by_name[n].cost_per_period * made.planned[n] for n in starts)
    finish = max((start + made.planned[name] for name, start in starts.items()), default=0)
    return {"value": float(totals.mean()), "risk": -float(totals[:worst].mean()), "cost": cost, "finish": float(finish)}


def utility(made: RoadmapProblem, objectives: dict[str, float]) -> float:
    return sum(-one.sign * one.weight * objectives[one.name] for one in made.objectives)
