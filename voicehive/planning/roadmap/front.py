# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The trade-offs between a roadmap's objectives: non-dominated roadmaps, by bounds on all objectives but one.

Augmented epsilon-constraint method (Mavrotas 2009): the ends of the front are sought first, each objective alone with
the others as tie-breakers; then the first objective under bounds on the others, spread over the ends by a Halton
sequence. What is found dominated is left out.
"""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import moocore
import numpy as np
from scipy.stats import qmc

from voicehive.optimization import Objective, Solution
from voicehive.planning.roadmap.problem import RoadmapProblem
from voicehive.planning.roadmap.program import Columns, Program, program_of
from voicehive.planning.roadmap.result import NOT_DONE
from voicehive.planning.roadmap.search import search
from voicehive.planning.roadmap.tail import outcome
from voicehive.planning.roadmap.values import ValueSamples

_TIE = 1e-4


class Known(NamedTuple):
    """Starts by initiative, and the objectives they come to."""

    starts: dict[str, int]
    outcomes: dict[str, float]
    utility: float


def starts_of(program: Program, chosen: Columns) -> dict[str, int]:
    """Name the initiatives of chosen columns, with their starts."""
    counting = program.problem.counting
    pairs = zip(program.owners[chosen].tolist(), program.starts[chosen].tolist(), strict=True)
    return {counting[owner].id: start for owner, start in pairs}


def columns_of(program: Program, starts: dict[str, int]) -> Columns:
    """Find the columns of starts; the reverse of `starts_of`."""
    wanted = {(program.problem.places[name], start) for name, start in starts.items()}
    pairs = zip(program.owners.tolist(), program.starts.tolist(), strict=True)
    return np.array([column for column, pair in enumerate(pairs) if pair in wanted], dtype=np.intp)


def known(program: Program, starts: dict[str, int]) -> Known:
    """Evaluate starts by the program's own objectives and weights."""
    found = outcome(program, columns_of(program, starts))
    named = {one.name: float(getattr(found, one.name)) for one in program.problem.objectives}
    return Known(starts, named, found.utility)


def explore(program: Program, samples: ValueSamples, seconds: float, points: int, seed: int) -> list[Known]:
    """Seek roadmaps all over the front, at most so many, for so long in all."""
    problem, deadline = program.problem, time.monotonic() + seconds
    found: list[Known] = []

    def solve(objectives: Sequence[Objective], still: int) -> None:
        share = (deadline - time.monotonic()) / max(1, still)
        if share <= 0.0:
            return
        begun = time.monotonic()
        changed = program_of(problem.model_copy(update={"objectives": tuple(objectives)}), samples)
        best = search(changed, share - (time.monotonic() - begun), seed)
        if best.status in ("optimal", "feasible"):
            found.append(known(program, starts_of(changed, best.chosen)))

    ends = list(_ends(problem))[:points]
    for number, objectives in enumerate(ends):
        solve(objectives, points - number)
    if len(ends) > 1 and len(found) > 1:
        for number, objectives in enumerate(_between(problem, found, points - len(ends), seed)):
            solve(objectives, points - len(ends) - number)
    return found


def _ends(problem: RoadmapProblem) -> Iterator[list[Objective]]:
    for objective in problem.objectives:
        yield [_weighted(one, 1.0 if one.name == objective.name else _TIE) for one in problem.objectives]


def _between(problem: RoadmapProblem, ends: Sequence[Known], count: int, seed: int) -> Iterator[list[Objective]]:
    first, *others = problem.objectives
    if not others or count <= 0:
        return
    for row in qmc.Halton(len(others), rng=seed).random(count):
        changed = [_weighted(first, 1.0)]
        for one, share in zip(others, row.tolist(), strict=True):
            reached = [end.outcomes[one.name] for end in ends]
            good, bad = (max(reached), min(reached)) if one.sign < 0 else (min(reached), max(reached))
            changed.append(_bounded(_weighted(one, _TIE), bad + share * (good - bad)))
        yield changed


def _weighted(objective: Objective, weight: float) -> Objective:
    return objective.model_copy(update={"weight": weight})


def _bounded(objective: Objective, level: float) -> Objective:
    if objective.sign > 0:
        most = level if objective.at_most is None else min(level, objective.at_most)
        return objective.model_copy(update={"at_most": most})
    least = level if objective.at_least is None else max(level, objective.at_least)
    return objective.model_copy(update={"at_least": least})


def front_of(problem: RoadmapProblem, roadmaps: Sequence[Known]) -> tuple[tuple[Solution, ...], tuple[Known, ...]]:
    """Keep the non-dominated roadmaps, as the optimisation engine's solutions, those of greatest utility first."""
    ordered = sorted(roadmaps, key=lambda one: -one.utility)
    signed = np.array([[one.sign * roadmap.outcomes[one.name] for one in problem.objectives] for roadmap in ordered])
    keep = np.asarray(moocore.is_nondominated(signed), dtype=np.bool_)
    if signed.shape[1] == 1:
        keep = np.arange(len(ordered)) == int(signed[:, 0].argmin())
    kept = tuple(roadmap for roadmap, on in zip(ordered, keep.tolist(), strict=True) if on)
    names = [one.id for one in problem.counting]
    return tuple(
        Solution(
            index=index,
            settings={name: roadmap.starts.get(name, NOT_DONE) for name in names},
            outcomes=roadmap.outcomes,
        )
        for index, roadmap in enumerate(kept)
    ), kept
