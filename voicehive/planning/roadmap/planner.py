"""Makes a roadmap: checks, searches, compares, and explains."""

import time
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from voicehive.model import Model
from voicehive.planning.roadmap.checks import check, needed
from voicehive.planning.roadmap.critical_path import critical_path
from voicehive.planning.roadmap.errors import NoRoadmapInTime, RoadmapInvalid
from voicehive.planning.roadmap.explanation import choices, contributions, in_scenarios, left_out, reasons
from voicehive.planning.roadmap.finish_forecast import sampled_finishes
from voicehive.planning.roadmap.front import columns_of, explore, front_of, known, starts_of
from voicehive.planning.roadmap.links import Link, links_of
from voicehive.planning.roadmap.makespan import applies, earliest_finish
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.program import Program, program_of
from voicehive.planning.roadmap.relaxation import infeasible
from voicehive.planning.roadmap.result import FinishForecast, ScenarioRoadmap, ScheduledInitiative, StrategicRoadmap
from voicehive.planning.roadmap.scenario_roadmaps import robust, scenario_roadmaps
from voicehive.planning.roadmap.search import PROVEN, search
from voicehive.planning.roadmap.tail import outcome
from voicehive.planning.roadmap.values import ValueSamples, check_values, no_values

_DIAGNOSIS_SECONDS = 10.0


class SearchTime(Model):
    """How long each part may take, in seconds, and how many roadmaps are sought for the front beside the best one."""

    recommendation: Annotated[float, Field(gt=0, le=3_600)] = 20.0
    front: Annotated[float, Field(ge=0, le=3_600)] = 10.0
    scenarios: Annotated[float, Field(ge=0, le=3_600)] = 10.0
    points: Annotated[int, Field(ge=0, le=1_000)] = 16


class _Chosen(NamedTuple):
    """Starts, the bound on every roadmap's weighted sum, and after how many seconds a first one was there."""

    starts: dict[str, int]
    bound: float
    first_after: float


def plan_roadmap(
    problem: RoadmapProblem, samples: ValueSamples | None = None, time_allowed: SearchTime | None = None, seed: int = 0
) -> StrategicRoadmap:
    """Choose and schedule initiatives.

    One core, seeded: equal input gives an equal roadmap unless time cuts a search short.

    Args:
        problem: what there is to choose from, and what binds.
        samples: values (samples, counting initiatives, periods); needed where value or risk counts.
        time_allowed: how long it may take.
        seed: of every search and of the finish forecast.

    Raises:
        PlanningError: something is wrong with the input (its subclasses say what); the message names the item.
        InfeasibleRoadmap: what is required does not fit; with the smallest increase that would make it.
        NoRoadmapInTime: nothing was found, nor proven impossible, in time.
    """
    begun, allowed = time.monotonic(), SearchTime() if time_allowed is None else time_allowed
    check(problem)
    given = _given(problem, samples)
    seconds = allowed.recommendation
    program, chosen = (_earliest if applies(problem) else _best)(problem, given, seconds, seed)
    best = known(program, chosen.starts)
    explored = explore(program, given, allowed.front, allowed.points, seed) if len(problem.objectives) > 1 else []
    front, kept = front_of(problem, [best, *explored])
    best_chosen = chosen._replace(starts=kept[0].starts)
    scenarios = scenario_roadmaps(problem, given, best_chosen.starts, allowed.scenarios, seed)
    return _roadmap(program, best_chosen, scenarios, seed).model_copy(
        update={"front": front, "duration_seconds": time.monotonic() - begun}
    )


def _given(problem: RoadmapProblem, samples: ValueSamples | None) -> ValueSamples:
    if samples is None:
        if {"value", "risk"}.intersection(one.name for one in problem.objectives):
            raise RoadmapInvalid("values", "are missing, though value or risk counts", "give samples of them")
        return no_values((len(problem.counting), problem.horizon.periods))
    check_values(problem, samples)
    return samples


def _earliest(problem: RoadmapProblem, samples: ValueSamples, seconds: float, seed: int) -> tuple[Program, _Chosen]:
    found = earliest_finish(problem, seconds, seed)
    if found.status == "infeasible":
        raise infeasible(program_of(problem, samples), _DIAGNOSIS_SECONDS)
    if found.status == "unknown":
        raise _nothing_yet(seconds)
    bound = -problem.weight("finish") * found.bound
    return program_of(problem, samples, found.starts), _Chosen(found.starts, bound, found.first_after)


def _best(problem: RoadmapProblem, samples: ValueSamples, seconds: float, seed: int) -> tuple[Program, _Chosen]:
    program = program_of(problem, samples)
    found = search(program, seconds, seed)
    if found.status == "infeasible":
        raise infeasible(program, _DIAGNOSIS_SECONDS)
    if found.status == "unknown":
        raise _nothing_yet(seconds)
    return program, _Chosen(starts_of(program, found.chosen), found.bound, found.first_after)


def _nothing_yet(seconds: float) -> NoRoadmapInTime:
    return NoRoadmapInTime("recommendation", f"no roadmap was found in {seconds:g} s", "allow more time")


def _roadmap(program: Program, chosen: _Chosen, scenarios: tuple[ScenarioRoadmap, ...], seed: int) -> StrategicRoadmap:
    problem, starts = program.problem, chosen.starts
    links = links_of(problem, starts)
    path = critical_path(starts, problem.planned, links)
    columns = columns_of(program, starts)
    found, gains = outcome(program, columns), contributions(program, columns)
    always = robust(starts, scenarios)
    finish = _finish(program, starts, links, seed)
    bound = max(chosen.bound, found.utility)
    gap = (bound - found.utility) / max(1e-9, abs(found.utility))
    proven = gap <= PROVEN
    by_name = {one.id: one for one in problem.counting}
    told = reasons(problem, found, gap, proven, finish)
    told += choices(by_name, gains, needed(problem), path.critical) + in_scenarios(scenarios, always)
    items = _items(program, starts, gains, links, path.floats)
    return StrategicRoadmap(
        items=tuple(
            one.model_copy(update={"in_all_scenarios": one.initiative in always if scenarios else None})
            for one in items
        ),
        left_out=left_out(program, columns),
        objectives=problem.objectives,
        front=(),
        recommended=0,
        utility=found.utility,
        bound=bound,
        gap=gap,
        status="optimal" if proven else "feasible",
        critical_path=path.critical,
        finish=finish,
        scenarios=scenarios,
        reasons=tuple(told),
        first_after_seconds=chosen.first_after,
        duration_seconds=0.0,
        seed=seed,
    )


def _finish(program: Program, starts: dict[str, int], links: tuple[Link, ...], seed: int) -> FinishForecast:
    problem = program.problem
    planned = max((start + problem.planned[name] for name, start in starts.items()), default=0)
    finishes = sampled_finishes(problem, starts, links, np.random.default_rng(seed))
    p50, p80 = np.quantile(finishes, [0.5, 0.8]).tolist()
    on_time = float((finishes <= planned + 1e-9).mean())
    return FinishForecast(planned=planned, p50=p50, p80=p80, buffer=max(0.0, p80 - planned), on_time=on_time)


def _items(
    program: Program, starts: dict[str, int], gains: dict[str, float], links: tuple[Link, ...], floats: dict[str, int]
) -> list[ScheduledInitiative]:
    problem, found = program.problem, list[ScheduledInitiative]()
    for name in sorted(starts, key=lambda one: (starts[one], one)):
        one, column = problem.counting[problem.places[name]], int(columns_of(program, {name: starts[name]})[0])
        finish = starts[name] + problem.planned[name]
        found.append(
            ScheduledInitiative(
                initiative=name,
                name=one.title,
                start=starts[name],
                finish=finish,
                starts_on=problem.horizon.date_of(starts[name]),
                ends_before=problem.horizon.date_of(finish),
                cost=float(program.costs[column]),
                mean_value=float(program.means[column]),
                contribution=gains[name],
                total_float=floats[name],
                critical=floats[name] == 0,
                waits_for=tuple(link.before for link in links if link.after == name),
            )
        )
    return found
